//! Sound whose payload needs no header: samples (RFC 3551 §4.5, RFC 3190) and Opus (RFC 7587).

use alloc::collections::VecDeque;

use brooklet_media::bitstream::opus;
use brooklet_media::{CodecId, Packet};
use bytes::{Bytes, BytesMut};

use super::{Payload, PayloadFormat, Unit};

/// Milliseconds of sound in a packet where nothing is said (RFC 3551 §4.2).
const PTIME: u32 = 20;

/// How many bytes so many ticks have: as a fraction, for G.722 has a byte to a tick.
fn bytes_per_tick(format: &PayloadFormat) -> usize {
    match format.codec {
        CodecId::Pcm(pcm) => pcm.bytes() * usize::from(format.channels),
        _ => 1,
    }
    .max(1)
}

/// How many bytes the format's packets have, where they have room.
pub(super) fn run_bytes(format: &PayloadFormat) -> usize {
    let millis = u64::from(format.ptime.unwrap_or(PTIME).clamp(1, 1_000));
    let ticks = u64::from(format.clock_rate) * millis / 1_000;
    usize::try_from(ticks).unwrap_or(usize::MAX).max(1).saturating_mul(bytes_per_tick(format))
}

/// Samples, cut into runs of one length.
#[derive(Debug)]
pub(super) struct Samples {
    frame: usize,
    /// Bytes of a payload.
    run: usize,
    waiting: BytesMut,
    /// Timestamp of the first byte that waits.
    next: Option<i64>,
    /// Whether the next payload follows on nothing.
    begins: bool,
}

impl Samples {
    pub(super) fn new(format: &PayloadFormat, room: usize) -> Self {
        let frame = bytes_per_tick(format);
        let most = (room / frame).max(1) * frame;
        let run = run_bytes(format).min(most);
        Self { frame, run, waiting: BytesMut::new(), next: None, begins: true }
    }

    pub(super) fn push(&mut self, packet: &Packet, ready: &mut VecDeque<Payload>) {
        let expected = self.next.map(|next| next + self.ticks(self.waiting.len()));
        // A clock coarser than a sample (FLV's) shakes; a jump is what is over a run.
        let jumps = expected
            .is_none_or(|expected| packet.pts.abs_diff(expected) > self.ticks(self.run).unsigned_abs());
        if jumps {
            self.finish(ready);
            self.next = Some(packet.pts);
            self.begins = true;
        }
        self.waiting.extend_from_slice(&packet.data);
        while self.waiting.len() >= self.run {
            let data = self.waiting.split_to(self.run).freeze();
            self.give(data, ready);
        }
    }

    pub(super) fn finish(&mut self, ready: &mut VecDeque<Payload>) {
        let whole = self.waiting.len() / self.frame * self.frame;
        let data = self.waiting.split_to(whole).freeze();
        self.waiting.clear();
        if !data.is_empty() {
            self.give(data, ready);
        }
    }

    fn give(&mut self, data: Bytes, ready: &mut VecDeque<Payload>) {
        let timestamp = self.next.unwrap_or(0);
        let end = timestamp.saturating_add(self.ticks(data.len()));
        self.next = Some(end);
        // Set on the first packet after silence (RFC 3551 §4.1).
        let marker = core::mem::take(&mut self.begins);
        ready.push_back(Payload { data, timestamp, end, marker });
    }

    fn ticks(&self, bytes: usize) -> i64 {
        (bytes / self.frame) as i64
    }
}

/// Payloads that are access units as they are.
#[derive(Debug)]
pub(super) struct Whole {
    codec: CodecId,
    frame: usize,
}

impl Whole {
    pub(super) fn new(format: &PayloadFormat) -> Self {
        Self { codec: format.codec, frame: bytes_per_tick(format) }
    }

    pub(super) fn push(&self, payload: &Bytes, timestamp: i64, ready: &mut VecDeque<Unit>) {
        let (duration, data) = if self.codec == CodecId::Opus {
            let Some(samples) = opus::packet_samples(payload) else { return };
            (i64::from(samples), payload.clone())
        } else {
            let whole = payload.len() / self.frame * self.frame;
            ((whole / self.frame) as i64, payload.slice(..whole))
        };
        if duration > 0 {
            ready.push_back(Unit { timestamp, duration, key: true, data });
        }
    }
}
