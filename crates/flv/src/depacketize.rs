//! Tags to packets: what the demuxer and RTMP players share.

use std::collections::VecDeque;

use brooklet_media::bitstream::nal;
use brooklet_media::{DemuxEvent, Metadata, Packet, Rational, Result, StreamKind, StreamParams, TimeBase};
use bytes::Bytes;

use crate::body::{Body, Content};
use crate::coding::Coding;
use crate::describe::{self, Description};
use crate::metadata::OnMetaData;
use crate::{Tag, TagKind};

/// A step in time that is no pause but a jump, in milliseconds.
const JUMP: i64 = 10_000;

/// How long a promised stream is waited for: so many tags, bytes, or milliseconds.
const PATIENCE: (usize, usize, i64) = (50, 1 << 20, 1_000);

/// Tags to streams and packets. Bytes are shared with the tags, never copied.
///
/// After each [`TagReader::push`] take [`TagReader::poll`] until `None`. Of several tracks of one kind the first to
/// come is read.
///
/// ```
/// use brooklet_flv::{Tag, TagKind, TagReader};
/// use brooklet_media::DemuxEvent;
///
/// let mut reader = TagReader::new();
/// let pcm = Tag { kind: TagKind::Audio, timestamp: 40, body: b"\x3f\x01\x02\x03\x04".as_slice().into() };
/// reader.push(pcm)?;
/// assert!(matches!(reader.poll(), Some(DemuxEvent::StreamAdded(stream)) if stream.codec.name() == "pcm_s16le"));
/// assert!(matches!(reader.poll(), Some(DemuxEvent::Packet(packet)) if packet.pts == 40));
/// # Ok::<(), brooklet_media::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct TagReader {
    said: OnMetaData,
    video: Lane,
    audio: Lane,
    streams: usize,
    events: VecDeque<DemuxEvent>,
    /// The latest time of any frame.
    latest: Option<i64>,
    header: Header,
}

/// Streams that are promised are waited for.
#[derive(Debug, Default)]
struct Header {
    read: bool,
    promises_video: bool,
    promises_audio: bool,
    tags: usize,
    bytes: usize,
    since: Option<i64>,
}

#[derive(Debug, Default)]
struct Lane {
    stream: Option<usize>,
    description: Option<Description>,
    origin: Option<Origin>,
    /// Where another origin than that was seen in the last frame.
    rival: Option<Origin>,
    track: Option<u8>,
    last: Option<i64>,
}

/// What a description was made from, so that what says the same again is known quickly.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Origin {
    coding: Coding,
    /// Flags of legacy sound; those of sequence headers mean nothing.
    sound: u8,
    /// Empty where it was a frame.
    config: Bytes,
}

impl Origin {
    const fn frame(body: &Body) -> Self {
        Self { coding: body.coding, sound: body.sound, config: Bytes::new() }
    }

    const fn config(body: &Body, config: Bytes) -> Self {
        Self { coding: body.coding, sound: 0, config }
    }

    /// Whether a frame belongs to what was described.
    fn covers(&self, frame: &Body) -> bool {
        self.coding == frame.coding && (!self.config.is_empty() || self.sound == frame.sound)
    }
}

impl TagReader {
    /// With nothing read.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says which streams will come, as an FLV header does: [`DemuxEvent::HeaderRead`] waits for them, within
    /// bounds. What `onMetaData` promises is added to it.
    pub const fn promise(&mut self, video: bool, audio: bool) {
        self.header.promises_video |= video;
        self.header.promises_audio |= audio;
    }

    /// Takes the next tag.
    ///
    /// # Errors
    ///
    /// [`brooklet_media::Error::Invalid`] and others for a sequence header that can't be read. The tag is then left
    /// out, and the next may be pushed.
    pub fn push(&mut self, tag: Tag) -> Result<()> {
        self.header.tags += 1;
        self.header.bytes += tag.body.len();
        let read = match tag.kind {
            TagKind::Script => {
                self.read_script(&tag.body);
                Ok(())
            }
            TagKind::Audio | TagKind::Video => self.read_media(&tag),
        };
        self.check_header(false);
        read
    }

    /// The next event; `None` until more tags are pushed.
    pub fn poll(&mut self) -> Option<DemuxEvent> {
        self.events.pop_front()
    }

    /// No more tags will come: a promised stream is waited for no longer.
    pub fn finish(&mut self) {
        self.check_header(true);
    }

    /// The next tag is from another place of the input, which is no jump in time.
    pub fn reset(&mut self) {
        self.events.clear();
        self.latest = None;
        self.video.last = None;
        self.audio.last = None;
    }

    /// Title, encoder and the like, as the last `onMetaData` said.
    pub fn metadata(&self) -> Metadata {
        self.said.tags.clone()
    }

    /// How many streams were found.
    pub const fn streams(&self) -> usize {
        self.streams
    }

    /// Times of key frames in milliseconds, and the places of their tags in bytes from the start of the file, in
    /// the order of time; empty where `onMetaData` has no such index.
    pub fn key_frames(&self) -> &[(i64, u64)] {
        &self.said.key_frames
    }

    /// Something between the tags before and those to come was lost.
    pub(crate) fn lost(&mut self) {
        if self.streams > 0 {
            self.events.push_back(DemuxEvent::Discontinuity);
        }
    }

    fn read_script(&mut self, body: &[u8]) {
        if let Some(said) = OnMetaData::parse(body) {
            self.promise(said.promises_video, said.promises_audio);
            self.said = said;
        }
    }

    fn read_media(&mut self, tag: &Tag) -> Result<()> {
        let lane = match tag.kind {
            TagKind::Video => &mut self.video,
            _ => &mut self.audio,
        };
        let Some(body) = Body::parse(tag.kind, &tag.body, lane.track) else { return Ok(()) };
        lane.track.get_or_insert(body.track);
        let data = tag.body.slice(body.data.clone());
        match body.content {
            Content::SequenceHeader if !data.is_empty() => self.read_config(tag.kind, &body, data),
            Content::Frame if !data.is_empty() => self.read_frame(tag, &body, data),
            _ => Ok(()),
        }
    }

    fn read_config(&mut self, kind: TagKind, body: &Body, config: Bytes) -> Result<()> {
        let origin = Origin::config(body, config.clone());
        if self.lane(kind).origin.as_ref() != Some(&origin) {
            let description = describe::from_config(kind, body, config, &self.said)?;
            self.describe(kind, description, origin);
        }
        Ok(())
    }

    fn read_frame(&mut self, tag: &Tag, body: &Body, data: Bytes) -> Result<()> {
        let lane = self.lane(tag.kind);
        if lane.origin.as_ref().is_some_and(|origin| origin.covers(body)) {
            lane.rival = None;
        } else if !self.describe_frame(tag.kind, body, &data) {
            return Ok(());
        }
        // Rounded once, to the nearest millisecond.
        let time = tag.timestamp.saturating_add(i64::from((body.nanos + 500_000) / 1_000_000));
        let pts = time.saturating_add(i64::from(body.composition_time));
        self.notice_jump(tag.kind, time);
        let lane = self.lane(tag.kind);
        let (Some(stream), Some(description)) = (lane.stream, &lane.description) else { return Ok(()) };
        let packet = Packet {
            dts: time.min(pts),
            duration: duration(&description.params),
            key: body.key,
            ..Packet::new(stream, pts, nal::widen_lengths(data, description.length_size)?)
        };
        self.events.push_back(DemuxEvent::Packet(packet));
        Ok(())
    }

    /// Describes a stream by one of its frames. `false` where that frame is to be left out.
    fn describe_frame(&mut self, kind: TagKind, body: &Body, frame: &[u8]) -> bool {
        // Frames before their configuration can't be decoded, nor can those that don't look like their codec.
        if describe::needs_config(body.coding.codec(kind, body.sound)) {
            return false;
        }
        let Some(description) = describe::from_frame(kind, body, frame, &self.said) else { return false };
        // In a known stream one frame of another codec is damage; two are a change.
        let origin = Origin::frame(body);
        let lane = self.lane(kind);
        if lane.origin.is_some() && lane.rival.as_ref() != Some(&origin) {
            lane.rival = Some(origin);
            return false;
        }
        self.describe(kind, description, origin);
        true
    }

    fn describe(&mut self, kind: TagKind, description: Description, origin: Origin) {
        let count = self.streams;
        let lane = self.lane(kind);
        lane.origin = Some(origin);
        lane.rival = None;
        let params = description.params.clone();
        let old = lane.description.replace(description);
        let event = match lane.stream {
            None => {
                lane.stream = Some(count);
                self.streams += 1;
                DemuxEvent::StreamAdded(params)
            }
            Some(_) if old.is_some_and(|old| old.params == params) => return,
            Some(stream) => DemuxEvent::Params { stream, params },
        };
        self.events.push_back(event);
    }

    /// Forwards against all streams, since one of them may pause; backwards against its own, since the others may
    /// be ahead.
    fn notice_jump(&mut self, kind: TagKind, time: i64) {
        let lane = self.lane(kind);
        let back = lane.last.is_some_and(|last| time < last.saturating_sub(JUMP));
        lane.last = Some(time);
        let forward = self.latest.is_some_and(|latest| time > latest.saturating_add(JUMP));
        if back || forward {
            self.events.push_back(DemuxEvent::Discontinuity);
        }
        if back {
            // The others follow; what they were at is past.
            (self.video.last, self.audio.last) = (None, None);
            self.lane(kind).last = Some(time);
        }
        self.latest = if back { Some(time) } else { self.latest.max(Some(time)) };
    }

    fn check_header(&mut self, ended: bool) {
        let header = &mut self.header;
        if header.read {
            return;
        }
        let (video, audio) = (self.video.stream.is_some(), self.audio.stream.is_some());
        let promised = header.promises_video || header.promises_audio;
        let complete = match promised {
            true => (video || !header.promises_video) && (audio || !header.promises_audio),
            false => video && audio,
        };
        header.since = header.since.or(self.latest);
        let waited = self.latest.zip(header.since).map_or(0, |(now, since)| now.saturating_sub(since));
        let (tags, bytes, millis) = PATIENCE;
        let patient = header.tags < tags && header.bytes < bytes && waited < millis;
        if ended || complete || (!patient && (video || audio)) {
            header.read = true;
            self.events.push_back(DemuxEvent::HeaderRead);
        }
    }

    const fn lane(&mut self, kind: TagKind) -> &mut Lane {
        match kind {
            TagKind::Video => &mut self.video,
            _ => &mut self.audio,
        }
    }
}

/// Milliseconds that a packet lasts, where that is constant; else 0.
fn duration(params: &StreamParams) -> i64 {
    let period = match &params.kind {
        StreamKind::Video(video) => video.frame_rate.and_then(Rational::time_base).map(|frame| (frame, 1)),
        StreamKind::Audio(audio) => audio.frame_samples.map(|samples| (TimeBase::hz(audio.rate), samples)),
        StreamKind::Other => None,
    };
    period.map_or(0, |(clock, ticks)| clock.rescale(i64::from(ticks), TimeBase::MILLIS))
}
