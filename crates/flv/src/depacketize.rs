//! Tags to packets: what the demuxer and RTMP players share.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

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
/// come is read, and [`TagReader::take_warnings`] says once that there are others.
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
    warnings: Vec<String>,
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
    /// Other tracks were seen, and that was said.
    others_told: bool,
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
        // What was found of streams stays found.
        self.events.retain(|event| !matches!(event, DemuxEvent::Packet(_) | DemuxEvent::Discontinuity));
        self.latest = None;
        self.video.last = None;
        self.audio.last = None;
    }

    /// What was left out, a line each, since the last call: tracks after the first.
    pub fn take_warnings(&mut self) -> Vec<String> {
        core::mem::take(&mut self.warnings)
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
        let track = *lane.track.get_or_insert(body.track);
        if (body.others || body.content == Content::OtherTrack) && !lane.others_told {
            lane.others_told = true;
            let kind = if tag.kind == TagKind::Video { "video" } else { "audio" };
            self.warnings.push(format!(
                "it has several {kind} tracks, of which only the first (number {track}) is read"
            ));
        }
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
        let dts = time.min(pts);
        self.notice_jump(tag.kind, dts);
        let lane = self.lane(tag.kind);
        let (Some(stream), Some(description)) = (lane.stream, &lane.description) else { return Ok(()) };
        let packet = Packet {
            dts,
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
    fn notice_jump(&mut self, kind: TagKind, dts: i64) {
        let step = self.lane(kind).last.replace(dts).map_or(0, |last| dts.saturating_sub(last));
        let forward = self.latest.is_some_and(|latest| dts > latest.saturating_add(JUMP));
        if step < 0 || forward {
            self.events.push_back(DemuxEvent::Discontinuity);
        }
        self.latest = self.latest.max(Some(dts));
        if step < -JUMP {
            // The others follow; what they were at is past.
            (self.video.last, self.audio.last, self.latest) = (None, None, Some(dts));
            self.lane(kind).last = Some(dts);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{AVC_CONFIG, tag};
    use brooklet_media::CodecId;

    fn read(tags: impl IntoIterator<Item = Tag>) -> Vec<DemuxEvent> {
        read_with(&mut TagReader::new(), tags)
    }

    fn read_with(reader: &mut TagReader, tags: impl IntoIterator<Item = Tag>) -> Vec<DemuxEvent> {
        let mut events = Vec::new();
        for tag in tags {
            reader.push(tag).unwrap();
            events.extend(std::iter::from_fn(|| reader.poll()));
        }
        events
    }

    fn names(events: &[DemuxEvent]) -> Vec<&'static str> {
        let name = |event: &DemuxEvent| match event {
            DemuxEvent::StreamAdded(params) => params.codec.name(),
            DemuxEvent::HeaderRead => "header",
            DemuxEvent::Packet(_) => "packet",
            DemuxEvent::Params { .. } => "params",
            DemuxEvent::Discontinuity => "jump",
        };
        events.iter().map(name).collect()
    }

    fn avc_header(record: &[u8]) -> Tag {
        tag(TagKind::Video, 0, &[b"\x17\0\0\0\0", record].concat())
    }

    fn picture(timestamp: i64) -> Tag {
        tag(TagKind::Video, timestamp, b"\x27\x01\0\0\x28\0\0\0\x01x")
    }

    fn aac_header() -> Tag {
        tag(TagKind::Audio, 0, b"\xaf\0\x11\x90")
    }

    fn sound(timestamp: i64) -> Tag {
        tag(TagKind::Audio, timestamp, b"\xae\x01sound")
    }

    #[test]
    fn the_header_is_read_when_both_streams_are_there() {
        let events = read([avc_header(AVC_CONFIG), picture(0), aac_header(), sound(0)]);
        assert_eq!(names(&events), ["h264", "packet", "aac", "header", "packet"]);
    }

    #[test]
    fn another_place_of_the_input_has_the_same_streams() {
        let mut reader = TagReader::new();
        reader.push(avc_header(AVC_CONFIG)).unwrap();
        reader.push(picture(0)).unwrap();
        reader.reset();
        assert_eq!(names(&read_with(&mut reader, [picture(40)])), ["h264", "packet"]);
    }

    #[test]
    fn what_is_promised_is_all_that_is_waited_for() {
        let mut reader = TagReader::new();
        reader.promise(true, false);
        let events = read_with(&mut reader, [avc_header(AVC_CONFIG), picture(0)]);
        assert_eq!(names(&events), ["h264", "header", "packet"]);
    }

    #[test]
    fn a_promise_that_is_not_kept_is_waited_for_a_second() {
        let mut reader = TagReader::new();
        reader.promise(true, true);
        let events = read_with(&mut reader, [avc_header(AVC_CONFIG), picture(7_000), picture(7_999)]);
        assert_eq!(names(&events), ["h264", "packet", "packet"]);
        let events = read_with(&mut reader, [picture(8_000), picture(8_040)]);
        assert_eq!(names(&events), ["packet", "header", "packet"]);
    }

    #[test]
    fn frames_before_their_configuration_are_left_out() {
        let events = read([picture(0), sound(0), avc_header(AVC_CONFIG), picture(40), picture(80)]);
        assert_eq!(names(&events), ["h264", "packet", "packet"]);
    }

    #[test]
    fn a_configuration_that_says_something_new_is_a_change() {
        let mut other = AVC_CONFIG.to_vec();
        other[3] = 13;
        let headers = [avc_header(AVC_CONFIG), avc_header(AVC_CONFIG), avc_header(&other), picture(0)];
        let events = read(headers);
        assert_eq!(names(&events), ["h264", "params", "packet"]);
        assert!(matches!(&events[1], DemuxEvent::Params { stream: 0, params } if params.extradata == other));
    }

    #[test]
    fn a_damaged_configuration_is_an_error_and_the_next_one_counts() {
        let mut reader = TagReader::new();
        assert!(reader.push(avc_header(b"\x02damaged")).is_err());
        assert_eq!(names(&read_with(&mut reader, [avc_header(AVC_CONFIG), picture(0)])), ["h264", "packet"]);
    }

    #[test]
    fn one_frame_of_another_codec_is_damage_and_two_are_a_change() {
        let mp3 = |timestamp| tag(TagKind::Audio, timestamp, b"\x2f\xff\xfb\x90\x64");
        let events = read([aac_header(), sound(0), mp3(23), sound(46), mp3(69), mp3(92), mp3(115)]);
        assert_eq!(names(&events), ["aac", "packet", "packet", "params", "packet", "packet"]);
        assert!(matches!(&events[3], DemuxEvent::Params { params, .. } if params.codec == CodecId::Mp3));
    }

    #[test]
    fn composition_times_make_pts_and_never_a_dts_past_it() {
        let late = tag(TagKind::Video, 100, b"\x27\x01\xff\xff\xd8\0\0\0\x01x");
        let events = read([avc_header(AVC_CONFIG), picture(40), late]);
        let times: Vec<_> =
            crate::fixtures::packets(events).iter().map(|p| (p.pts, p.dts, p.duration)).collect();
        assert_eq!(times, [(80, 40, 40), (60, 60, 40)]);
    }

    #[test]
    fn nanoseconds_are_rounded_into_the_time() {
        let frame = |nanos: u32| {
            let [_, a, b, c] = nanos.to_be_bytes();
            tag(TagKind::Audio, 10, &[b"\x97\x02", &[a, b, c][..], b"\x01Opus\xfcx"].concat())
        };
        let events = read([frame(499_999), frame(500_000)]);
        let times: Vec<_> = crate::fixtures::packets(events).iter().map(|packet| packet.pts).collect();
        assert_eq!(times, [10, 11]);
    }

    #[test]
    fn of_several_tracks_the_first_is_read_and_the_others_are_told_once() {
        let first = |at| tag(TagKind::Audio, at, b"\x91Opus\xfcfirst");
        let second = |at| tag(TagKind::Audio, at, b"\x95\x01Opus\x01\xfcsecond");
        let both = |at| tag(TagKind::Audio, at, b"\x95\x11Opus\0\0\0\x06\xfcfirst\x01\0\0\x07\xfcsecond");
        let mut reader = TagReader::new();
        let events = read_with(&mut reader, [first(0), second(0), both(20), second(20), first(40)]);
        let packets = crate::fixtures::packets(events);
        assert_eq!(packets.iter().map(|packet| packet.pts).collect::<Vec<_>>(), [0, 20, 40]);
        assert!(packets.iter().all(|packet| packet.data[..] == b"\xfcfirst"[..]));
        let said = reader.take_warnings();
        assert_eq!(said, ["it has several audio tracks, of which only the first (number 0) is read"]);
        assert_eq!(reader.take_warnings(), Vec::<String>::new());
    }

    #[test]
    fn short_lengths_are_widened() {
        let mut record = AVC_CONFIG.to_vec();
        record[4] = 0xFC;
        let frame = tag(TagKind::Video, 0, b"\x17\x01\0\0\0\x02ab\x01c");
        let events = read([avc_header(&record), frame]);
        let packets = crate::fixtures::packets(events);
        assert_eq!(&packets[0].data[..], b"\0\0\0\x02ab\0\0\0\x01c");
    }

    #[test]
    fn bytes_are_shared_with_the_tag() {
        let frame = picture(0);
        let place = frame.body[5..].as_ptr();
        let packets = crate::fixtures::packets(read([avc_header(AVC_CONFIG), frame]));
        assert_eq!(packets[0].data.as_ptr(), place);
    }

    #[test]
    fn only_jumps_are_discontinuities() {
        let jumps = |times: &[(bool, i64)]| {
            let tags = times.iter().map(|(video, at)| if *video { picture(*at) } else { sound(*at) });
            let events = read([avc_header(AVC_CONFIG), aac_header()].into_iter().chain(tags));
            names(&events).iter().filter(|name| **name == "jump").count()
        };
        let (video, audio) = (true, false);
        assert_eq!(jumps(&[(video, 0), (audio, 9_000), (video, 40), (audio, 9_023)]), 0, "badly interleaved");
        assert_eq!(
            jumps(&[(video, 0), (audio, 9_000), (audio, 18_000), (video, 20_000)]),
            0,
            "a pause of one"
        );
        assert_eq!(jumps(&[(video, 0), (audio, 0), (video, 90_000), (audio, 90_000)]), 1, "forwards");
        assert_eq!(jumps(&[(video, 90_000), (audio, 90_000), (video, 0), (audio, 0)]), 1, "backwards");
        assert_eq!(jumps(&[(video, 80), (audio, 80), (video, 79), (audio, 80)]), 1, "a little backwards");
    }

    #[test]
    fn metadata_tells_rates_and_sizes_where_the_codec_does_not() {
        let body = b"\x02\0\x0aonMetaData\x08\0\0\0\0\
            \0\x05width\0\x40\x94\0\0\0\0\0\0\0\x06height\0\x40\x86\x80\0\0\0\0\0\
            \0\x09framerate\0\x40\x3e\0\0\0\0\0\0\0\x05title\x02\0\x02Hi\0\0\x09";
        let mut reader = TagReader::new();
        let events =
            read_with(&mut reader, [tag(TagKind::Script, 0, body), tag(TagKind::Video, 0, b"\x91av01frame")]);
        let DemuxEvent::StreamAdded(params) = &events[0] else { panic!("{events:?}") };
        let video = params.as_video().unwrap();
        assert_eq!((video.width, video.height), (1_280, 720));
        assert_eq!(video.frame_rate, Some(Rational::whole(30)));
        assert_eq!(reader.metadata(), [("title".to_owned(), "Hi".to_owned())]);
    }

    proptest::proptest! {
        #[test]
        fn any_tags_are_read_or_refused(
            bodies in proptest::collection::vec((0usize..3, 0usize..8, proptest::collection::vec(0u8.., 0..40), i64::MIN..), 0..30),
        ) {
            let heads: [&[u8]; 8] =
                [b"", b"\x17\0\0\0\0", b"\x17\x01", b"\xaf\0", b"\x90hvc1", b"\x91Opus", b"\x97\x02", b"\x95\x11Opus"];
            let mut reader = TagReader::new();
            for (kind, head, rest, timestamp) in bodies {
                let kind = [TagKind::Audio, TagKind::Video, TagKind::Script][kind];
                let _ = reader.push(tag(kind, timestamp, &[heads[head], &rest].concat()));
                while let Some(event) = reader.poll() {
                    if let DemuxEvent::Packet(packet) = event {
                        assert!(packet.dts <= packet.pts && packet.stream < reader.streams());
                    }
                }
            }
        }
    }
}
