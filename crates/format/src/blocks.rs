//! Media that is stored as equal blocks one after another: raw PCM, raw video, the data of WAV.

use brooklet_media::{
    DemuxEvent, DemuxStep, Demuxer, Error, Packet, PcmFormat, Result, Source, StreamParams, TimeBase,
};
use bytes::Bytes;

use crate::input::Input;

/// Frames of sound in one packet.
pub(crate) const PCM_PACKET: u64 = 1_024;

/// Where the blocks lie, and how they become packets. One block lasts one tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks {
    /// Bytes of one block, at least 1.
    pub(crate) bytes: u64,
    /// Blocks in one packet, at least 1.
    pub(crate) per_packet: u64,
    /// Where the first one starts.
    pub(crate) start: u64,
    /// Where the last one ends, unless that is where the input ends.
    pub(crate) end: Option<u64>,
}

impl Blocks {
    /// Interleaved sound of `channels` that starts at `start`.
    pub(crate) fn pcm(format: PcmFormat, channels: usize, start: u64, end: Option<u64>) -> Self {
        Self { bytes: (format.bytes() * channels).max(1) as u64, per_packet: PCM_PACKET, start, end }
    }

    /// How many there are, where that is known.
    pub(crate) fn count(&self, length: Option<u64>) -> Option<i64> {
        let end = match (self.end, length) {
            (Some(end), Some(length)) => end.min(length),
            (end, length) => end.or(length)?,
        };
        i64::try_from(end.saturating_sub(self.start) / self.bytes).ok()
    }

    /// The next packet of `input`, which stands at a block; what is less than a block at the end is left out.
    pub(crate) fn step(&self, input: &mut Input) -> DemuxStep {
        let index = input.at().saturating_sub(self.start) / self.bytes;
        let left = self.end.map_or(u64::MAX, |end| end.saturating_sub(input.at()));
        let wanted = (self.bytes.saturating_mul(self.per_packet)).min(left - left % self.bytes);
        if wanted == 0 {
            return DemuxStep::End;
        }
        let held = input.bytes().len() as u64;
        if held < wanted && !input.ended() {
            return input.read();
        }
        let taken = wanted.min(held - held % self.bytes);
        if taken == 0 {
            return DemuxStep::End;
        }
        let mut packet = Packet::new(0, index as i64, input.take(taken as usize));
        packet.duration = (taken / self.bytes) as i64;
        DemuxStep::Event(DemuxEvent::Packet(packet))
    }

    /// Goes on from the block that `pts` names.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where the source can't seek.
    pub(crate) fn seek(&self, input: &mut Input, pts: i64) -> Result<()> {
        if !input.seekable() {
            return Err(Error::unsupported("seeking in this input", "reading on from where it is"));
        }
        let last = self.count(input.length()).unwrap_or(i64::MAX);
        let index = pts.clamp(0, last) as u64;
        input.jump(self.start.saturating_add(index.saturating_mul(self.bytes)));
        Ok(())
    }
}

/// Reads raw PCM and raw video: nothing but blocks.
#[derive(Debug)]
pub struct RawDemuxer {
    input: Input,
    blocks: Blocks,
    params: StreamParams,
    announced: u8,
}

impl RawDemuxer {
    pub(crate) fn new(source: Source, blocks: Blocks, mut params: StreamParams) -> Self {
        params.duration = blocks.count(source.length);
        params.start = Some(0);
        params.bit_rate = Some(bit_rate(&blocks, params.time_base));
        Self { input: Input::new(source), blocks, params, announced: 0 }
    }
}

impl Demuxer for RawDemuxer {
    fn step(&mut self) -> Result<DemuxStep> {
        self.announced = self.announced.saturating_add(1);
        match self.announced {
            1 => Ok(DemuxStep::Event(DemuxEvent::StreamAdded(self.params.clone()))),
            2 => Ok(DemuxStep::Event(DemuxEvent::HeaderRead)),
            _ => Ok(self.blocks.step(&mut self.input)),
        }
    }

    fn push(&mut self, bytes: Bytes) {
        self.input.push(bytes);
    }

    fn finish(&mut self) {
        self.input.finish();
    }

    fn seek(&mut self, _stream: usize, pts: i64) -> Result<()> {
        self.blocks.seek(&mut self.input, pts)
    }
}

/// bit/s of blocks that last a tick of `clock`.
pub(crate) fn bit_rate(blocks: &Blocks, clock: TimeBase) -> u64 {
    blocks.bytes.saturating_mul(8).saturating_mul(clock.den().into()) / u64::from(clock.num())
}
