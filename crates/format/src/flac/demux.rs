//! Native FLAC to packets.

use std::collections::VecDeque;

use brooklet_media::bitstream::flac::{FlacFrameHeader, StreamInfo, crc16_step};
use brooklet_media::{DemuxEvent, DemuxStep, Demuxer, Error, Metadata, Packet, Result, Source, TimeBase};
use bytes::Bytes;

use super::{NAME, STREAMINFO, VORBIS_COMMENT};
use crate::comments;
use crate::frames::id3v2_bytes;
use crate::input::Input;
use crate::ogg::flac_params;

/// The largest block of tags that is read.
const MAX_TAGS: u32 = 1 << 20;

/// Reads native FLAC. A frame ends where the next one's header and its own checksum agree; bytes that are in no frame
/// are skipped.
#[derive(Debug)]
pub struct FlacDemuxer {
    input: Input,
    state: State,
    info: Option<StreamInfo>,
    metadata: Metadata,
    events: VecDeque<DemuxEvent>,
    frame: Option<Frame>,
    /// Where the next frame begins, once one was given, in samples.
    next: Option<i64>,
    /// How often one was missing there.
    gaps: u64,
    warnings: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Mark,
    Blocks,
    Frames,
    Failed,
}

/// The frame that stands at the start of what is held, as far as it has been looked at.
#[derive(Clone, Copy, Debug)]
struct Frame {
    header: FlacFrameHeader,
    /// Bytes that are in `sum`.
    seen: usize,
    sum: u16,
}

impl FlacDemuxer {
    /// Starts at the first byte.
    pub fn new(source: Source) -> Self {
        Self {
            input: Input::new(source),
            state: State::Mark,
            info: None,
            metadata: Metadata::new(),
            events: VecDeque::new(),
            frame: None,
            next: None,
            gaps: 0,
            warnings: Vec::new(),
        }
    }

    fn advance(&mut self) -> Result<DemuxStep> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(DemuxStep::Event(event));
            }
            let step = match self.state {
                State::Failed => Some(DemuxStep::End),
                State::Mark => self.read_mark()?,
                State::Blocks => self.read_block()?,
                State::Frames => self.read_frame(),
            };
            if let Some(step) = step {
                return Ok(step);
            }
        }
    }

    fn read_mark(&mut self) -> Result<Option<DemuxStep>> {
        let bytes = self.input.bytes();
        if bytes.len() < 10 && !self.input.ended() {
            return Ok(Some(self.input.read()));
        }
        if let Some(tag) = id3v2_bytes(bytes) {
            self.input.skip(tag);
            return Ok(None);
        }
        if !bytes.starts_with(b"fLaC") {
            return Err(Error::invalid(NAME, self.input.at(), "it does not start with fLaC"));
        }
        self.input.skip(4);
        self.state = State::Blocks;
        Ok(None)
    }

    /// Reads one metadata block (RFC 9639 §8.1).
    fn read_block(&mut self) -> Result<Option<DemuxStep>> {
        let Some(head) = self.input.bytes().first_chunk::<4>().copied() else { return self.wait() };
        let (kind, length) = (head[0] & 0x7F, u32::from_be_bytes([0, head[1], head[2], head[3]]));
        let is_wanted = kind == STREAMINFO || (kind == VORBIS_COMMENT && length <= MAX_TAGS);
        if is_wanted {
            if self.input.bytes().len() < 4 + length as usize {
                return self.wait();
            }
            let block = self.input.take(4 + length as usize).slice(4..);
            if kind == STREAMINFO {
                self.info = StreamInfo::parse(&block);
            } else {
                self.metadata = comments::parse(&block);
            }
        } else {
            self.input.skip(4 + u64::from(length));
        }
        if head[0] & 0x80 == 0 {
            return Ok(None);
        }
        let at = self.input.at();
        let info = self.info.ok_or_else(|| Error::invalid(NAME, at, "frames before a STREAMINFO"))?;
        let mut params =
            flac_params(&info).ok_or_else(|| Error::invalid(NAME, at, "sound without channels"))?;
        params.start = Some(0);
        params.duration = i64::try_from(info.samples).ok().filter(|samples| *samples > 0);
        self.events.extend([DemuxEvent::StreamAdded(params), DemuxEvent::HeaderRead]);
        self.state = State::Frames;
        Ok(None)
    }

    fn wait(&self) -> Result<Option<DemuxStep>> {
        if self.input.ended() {
            let at = self.input.at() + self.input.bytes().len() as u64;
            return Err(Error::Truncated { format: NAME, what: "within its metadata".into(), at });
        }
        Ok(Some(self.input.read()))
    }

    fn read_frame(&mut self) -> Option<DemuxStep> {
        let Some(info) = self.info else { return Some(DemuxStep::End) };
        let bytes = self.input.bytes();
        let Some(frame) = &mut self.frame else {
            let start = (0..bytes.len()).find(|at| is_frame(&bytes[*at..], &info).is_some());
            match start {
                Some(start) => {
                    self.input.skip(start as u64);
                    let header = is_frame(self.input.bytes(), &info)?;
                    self.frame = Some(Frame { header, seen: 0, sum: 0 });
                    return None;
                }
                None if self.input.ended() => return Some(DemuxStep::End),
                None => {
                    // The start of a header may be the last that came.
                    let gone = bytes.len().saturating_sub(FlacFrameHeader::MAX_BYTES);
                    self.input.skip(gone as u64);
                    return Some(self.input.read());
                }
            }
        };
        let ended = self.input.ended();
        let least = frame.header.bytes + 2;
        while frame.seen < bytes.len() {
            let at = frame.seen;
            if frame.sum == 0 && at >= least {
                let rest = &bytes[at..];
                if rest.len() < FlacFrameHeader::MAX_BYTES && !ended {
                    return Some(self.input.read());
                }
                if is_frame(rest, &info).is_some_and(|next| follows(&frame.header, &next)) {
                    return self.give(at);
                }
            }
            frame.sum = crc16_step(frame.sum, bytes[at]);
            frame.seen += 1;
        }
        if ended {
            let whole = frame.sum == 0 && frame.seen >= least;
            let length = frame.seen;
            if whole {
                return self.give(length);
            }
            self.give_up();
            return None;
        }
        if frame.seen > most_bytes(&frame.header, &info) {
            self.give_up();
            return None;
        }
        Some(self.input.read())
    }

    fn give(&mut self, length: usize) -> Option<DemuxStep> {
        let (frame, info) = (self.frame.take()?, self.info?);
        let data = self.input.take(length);
        let number = i64::try_from(frame.header.number).unwrap_or(i64::MAX);
        let block = if frame.header.variable { 1 } else { i64::from(info.max_block) };
        let mut packet = Packet::new(0, number.saturating_mul(block), data);
        let rate = frame.header.rate.unwrap_or(info.rate);
        packet.duration = TimeBase::hz(rate).rescale(frame.header.samples.into(), TimeBase::hz(info.rate));
        self.tell_gap(packet.pts, info.rate);
        self.next = Some(packet.pts.saturating_add(packet.duration));
        Some(DemuxStep::Event(DemuxEvent::Packet(packet)))
    }

    /// Samples are missing before `pts`: frames that were damaged. The 1st, 2nd, 4th, 8th … time is told.
    fn tell_gap(&mut self, pts: i64, rate: u32) {
        let Some(missing) = self.next.map(|next| pts.saturating_sub(next)).filter(|missing| *missing > 0)
        else {
            return;
        };
        self.gaps += 1;
        if self.gaps.is_power_of_two() {
            let at = pts as f64 / f64::from(rate.max(1));
            let times = if self.gaps > 1 { format!(" ({} times so far)", self.gaps) } else { String::new() };
            self.warnings.push(format!("{missing} samples before {at:.3} s are damaged and left out{times}"));
        }
    }

    /// What looked like a frame is none: the next is looked for behind its first byte.
    fn give_up(&mut self) {
        self.frame = None;
        self.input.skip(1);
        self.events.push_back(DemuxEvent::Discontinuity);
    }
}

impl Demuxer for FlacDemuxer {
    fn step(&mut self) -> Result<DemuxStep> {
        self.advance().inspect_err(|_| self.state = State::Failed)
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

/// The header of a frame of this stream at the start of `bytes`.
fn is_frame(bytes: &[u8], info: &StreamInfo) -> Option<FlacFrameHeader> {
    let header = FlacFrameHeader::parse(bytes)?;
    let fits = header.channels == info.channels
        && header.rate.is_none_or(|rate| rate == info.rate)
        && header.bits.is_none_or(|bits| bits == info.bits)
        && header.samples <= u32::from(info.max_block);
    fits.then_some(header)
}

/// Whether a frame may come next; numbers may jump where frames were lost, but not back.
const fn follows(frame: &FlacFrameHeader, next: &FlacFrameHeader) -> bool {
    next.variable == frame.variable && next.number > frame.number
}

/// The most bytes that a frame can have: not compressed at all, and room for headers.
fn most_bytes(header: &FlacFrameHeader, info: &StreamInfo) -> usize {
    let bits = usize::from(info.bits) + 1;
    header.samples as usize * usize::from(header.channels) * bits.div_ceil(8) + 1_024
}
