//! Ogg to packets.

use std::collections::VecDeque;

use brooklet_media::{
    DemuxEvent, DemuxStep, Demuxer, Error, Metadata, Packet, Result, Source, StreamParams, TimeBase, Trim,
};
use bytes::{Bytes, BytesMut};

use super::NAME;
use super::codec::{Codec, SUPPORTED};
use super::page::{CONTINUED, FIRST, Found, LAST, MAX_PAGE, NO_GRANULE, Page};
use crate::input::Input;

/// The most streams at once.
const MAX_STREAMS: usize = 16;
/// The most bytes of one packet: headers with a picture in them.
const MAX_PACKET: usize = 16 << 20;

/// Reads Opus, FLAC and Vorbis in Ogg. Other codecs are left out with a warning. Where one stream ends and another
/// begins (a chain, as radios send it), the new one goes on as the old one, with its own parameters.
#[derive(Debug)]
pub struct OggDemuxer {
    input: Input,
    phase: Phase,
    streams: Vec<Logical>,
    events: VecDeque<DemuxEvent>,
    metadata: Metadata,
    warnings: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Until the first page of sound.
    Headers,
    /// The end of a file is looked at for its length; then it goes on from here.
    Tail(u64),
    Body,
    Failed,
}

/// One stream of packets, or several that follow on one another.
#[derive(Debug)]
struct Logical {
    serial: u32,
    codec: Codec,
    params: StreamParams,
    /// The clock of its packets: that of the first stream of a chain.
    time_base: TimeBase,
    /// What is added to the times of this stream of a chain.
    epoch: i64,
    /// The end of all that came, in ticks of `time_base`.
    end: i64,
    announced: bool,
    ended: bool,
    partial: Option<BytesMut>,
    sequence: Option<u32>,
    /// Samples before the next packet, on the codec's clock.
    position: Option<i64>,
    pre_skip: u32,
    /// The granule position at the end of the file.
    last_granule: Option<i64>,
}

impl OggDemuxer {
    /// Starts at the first byte.
    pub fn new(source: Source) -> Self {
        Self {
            input: Input::new(source),
            phase: Phase::Headers,
            streams: Vec::new(),
            events: VecDeque::new(),
            metadata: Metadata::new(),
            warnings: Vec::new(),
        }
    }

    fn take_page(&mut self, page: &Page) {
        if page.flags & FIRST != 0 {
            return self.begin(page);
        }
        let Self { streams, events, metadata, .. } = self;
        let found = streams.iter_mut().enumerate().find(|(_, stream)| stream.serial == page.serial);
        let Some((number, stream)) = found else { return };
        stream.take_page(page, number, events, metadata);
    }

    /// The first page of a stream.
    fn begin(&mut self, page: &Page) {
        let Some((codec, params)) = Codec::first(&page.body) else {
            let what = String::from_utf8_lossy(page.body.get(1..7).unwrap_or_default()).into_owned();
            self.warnings
                .push(format!("a stream that is none of {SUPPORTED} is left out ({})", what.escape_debug()));
            return;
        };
        let earlier = self.streams.iter_mut().enumerate().find(|(_, stream)| {
            let same_kind = stream.params.codec == params.codec;
            stream.announced && (stream.ended || stream.serial == page.serial || same_kind)
        });
        if let Some((_, stream)) = earlier {
            let (time_base, epoch) = (stream.time_base, stream.end);
            *stream = Logical {
                time_base,
                epoch,
                end: epoch,
                announced: true,
                ..Logical::new(page, codec, params)
            };
        } else if self.streams.len() < MAX_STREAMS {
            self.streams.push(Logical::new(page, codec, params));
        }
    }

    /// Whether all headers have been read and `page` is the first of sound.
    fn is_sound(&self, page: &Page) -> bool {
        let stream = self.streams.iter().find(|stream| stream.serial == page.serial);
        page.flags & FIRST == 0
            && self.streams.iter().all(|stream| stream.codec.is_ready())
            && stream.is_some_and(|stream| stream.partial.is_none() && !stream.codec.is_header(&page.body))
    }

    fn announce(&mut self) {
        for stream in &mut self.streams {
            let mut params = stream.params.clone();
            params.start = Some(0);
            let length = stream.last_granule.map(|granule| granule - i64::from(stream.codec.pre_skip()));
            params.duration = length.filter(|length| *length > 0);
            stream.announced = true;
            self.events.push_back(DemuxEvent::StreamAdded(params));
        }
        self.events.push_back(DemuxEvent::HeaderRead);
    }

    fn advance(&mut self) -> Result<DemuxStep> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(DemuxStep::Event(event));
            }
            let found = match Page::find(self.input.bytes()) {
                Found::More if !self.input.ended() => return Ok(self.input.read()),
                Found::More => None,
                found => Some(found),
            };
            match (self.phase, found) {
                (Phase::Failed, _) => return Ok(DemuxStep::End),
                (Phase::Headers, Some(Found::Page(page, _))) if self.is_sound(&page) => self.end_headers(),
                (Phase::Tail(resume), None) => {
                    self.input.jump(resume);
                    self.phase = Phase::Body;
                    self.announce();
                }
                (Phase::Tail(_), Some(Found::Page(page, length))) => {
                    self.input.skip(length as u64);
                    let stream = self.streams.iter_mut().find(|stream| stream.serial == page.serial);
                    if let Some(stream) = stream.filter(|_| page.granule != NO_GRANULE) {
                        stream.last_granule = Some(page.granule);
                    }
                }
                (_, Some(Found::Page(page, length))) => {
                    self.input.skip(length as u64);
                    self.take_page(&page);
                }
                (_, Some(Found::Garbage(count))) => self.input.skip(count as u64),
                (Phase::Headers, None) => {
                    if !self.streams.iter().any(|stream| stream.codec.is_ready()) {
                        let at = self.input.at();
                        let what = format!("without the headers of {SUPPORTED}");
                        return Err(Error::Truncated { format: NAME, what, at });
                    }
                    self.phase = Phase::Body;
                    self.announce();
                }
                (Phase::Body, _) => return Ok(DemuxStep::End),
                (_, Some(Found::More)) => return Ok(self.input.read()),
            }
        }
    }

    fn end_headers(&mut self) {
        let resume = self.input.at();
        match self.input.length() {
            Some(length) if self.input.seekable() => {
                self.phase = Phase::Tail(resume);
                self.input.jump(length.saturating_sub(MAX_PAGE as u64 + 1).max(resume));
            }
            _ => {
                self.phase = Phase::Body;
                self.announce();
            }
        }
    }
}

impl Demuxer for OggDemuxer {
    fn step(&mut self) -> Result<DemuxStep> {
        self.advance().inspect_err(|_| self.phase = Phase::Failed)
    }

    fn push(&mut self, bytes: Bytes) {
        self.input.push(bytes);
    }

    fn finish(&mut self) {
        self.input.finish();
    }

    fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }
}

impl Logical {
    fn new(page: &Page, codec: Codec, params: StreamParams) -> Self {
        Self {
            serial: page.serial,
            pre_skip: codec.pre_skip(),
            codec,
            time_base: params.time_base,
            params,
            epoch: 0,
            end: 0,
            announced: false,
            ended: false,
            partial: None,
            sequence: Some(page.sequence),
            position: None,
            last_granule: None,
        }
    }

    fn take_page(
        &mut self,
        page: &Page,
        number: usize,
        events: &mut VecDeque<DemuxEvent>,
        metadata: &mut Metadata,
    ) {
        let expected = self.sequence.replace(page.sequence).map(|last| last.wrapping_add(1));
        if expected != Some(page.sequence) {
            self.partial = None;
            self.position = None;
            self.codec.lose();
            if self.announced {
                events.push_back(DemuxEvent::Discontinuity);
            }
        }
        let mut sound = Vec::new();
        // Some writers end with a packet of nothing.
        for packet in self.packets(page).into_iter().filter(|packet| !packet.is_empty()) {
            if sound.is_empty() && self.codec.take_header(&packet, &mut self.params, metadata) {
                continue;
            }
            let samples = self.codec.samples(&packet);
            sound.push((packet, samples));
        }
        self.ended = page.flags & LAST != 0;
        // Sound on a page of headers, or of a stream that began among the sound of others, is nobody's.
        if sound.is_empty() || page.granule == NO_GRANULE || !self.announced {
            return;
        }
        if self.announced
            && self.epoch > 0
            && self.position.is_none()
            && self.pre_skip == self.codec.pre_skip()
        {
            // The first sound of a later stream of a chain.
            events.push_back(DemuxEvent::Params {
                stream: number,
                params: StreamParams { time_base: self.time_base, ..self.params.clone() },
            });
        }
        self.stamp(page, sound, number, events);
    }

    /// The packets that end on a page; what does not is kept.
    fn packets(&mut self, page: &Page) -> Vec<Bytes> {
        let mut packets = Vec::new();
        let mut held = self.partial.take();
        // What the page goes on with was lost, or what was held was never finished.
        let mut lost = page.flags & CONTINUED != 0 && held.is_none();
        if page.flags & CONTINUED == 0 {
            held = None;
        }
        let (mut from, mut at) = (0, 0);
        for value in &page.lacing {
            at += usize::from(*value);
            if *value == 255 {
                continue;
            }
            let part = page.body.slice(from..at);
            from = at;
            let packet = match held.take() {
                Some(mut held) => {
                    held.extend_from_slice(&part);
                    held.freeze()
                }
                None => part,
            };
            if !std::mem::replace(&mut lost, false) {
                packets.push(packet);
            }
        }
        if page.lacing.last() == Some(&255) && !lost {
            let mut held = held.unwrap_or_default();
            held.extend_from_slice(&page.body[from..]);
            self.partial = Some(held).filter(|held| held.len() <= MAX_PACKET);
        }
        packets
    }

    /// Puts the packets of a page at their times: its granule position is where the last of them ends.
    fn stamp(
        &mut self,
        page: &Page,
        sound: Vec<(Bytes, u32)>,
        number: usize,
        events: &mut VecDeque<DemuxEvent>,
    ) {
        let rate = self.params.time_base;
        let total: i64 = sound.iter().map(|(_, samples)| i64::from(*samples)).sum();
        let by_granule = page.granule.saturating_sub(total);
        let is_last = page.flags & LAST != 0;
        let is_opus = self.codec.pre_skip() > 0;
        let mut at = match self.position {
            Some(position) if is_last => position,
            Some(position) => by_granule.max(position),
            // What stands before 0 is not to be heard, but of a stream of one page the end is cut, not the start.
            None if is_last || is_opus => by_granule.max(0),
            None => by_granule,
        };
        let end = if is_last { page.granule.min(at.saturating_add(total)) } else { i64::MAX };
        for (data, samples) in sound {
            let before = u32::try_from(at.saturating_neg()).unwrap_or(0).min(samples);
            let skipped = self.pre_skip.min(samples);
            self.pre_skip -= skipped;
            let next = at.saturating_add(samples.into());
            let after = u32::try_from(next.saturating_sub(end)).unwrap_or(0).min(samples);
            let pts = at.saturating_sub(self.codec.pre_skip().into());
            let pts = rate.rescale(pts, self.time_base).saturating_add(self.epoch);
            let packet = Packet {
                duration: rate.rescale(samples.into(), self.time_base),
                trim: Trim { start: before.max(skipped), end: after },
                ..Packet::new(number, pts, data)
            };
            self.end =
                self.end.max(pts.saturating_add(rate.rescale(i64::from(samples - after), self.time_base)));
            events.push_back(DemuxEvent::Packet(packet));
            at = next;
        }
        self.position = Some(if is_last { at } else { page.granule.max(at) });
    }
}
