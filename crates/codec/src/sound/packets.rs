//! The time of packets that are not as long as the frames that went into their encoder.

use std::collections::VecDeque;

use brooklet_media::{AudioFrame, Packet};

use super::SampleClock;

/// When the packets of an encoder are to be heard that takes frames of any length and gives packets of another,
/// `delay` samples late.
#[derive(Debug)]
pub(crate) struct PacketClock {
    clock: SampleClock,
    runs: VecDeque<Run>,
    /// Samples that went in, and where the next packet's first sample stands among them.
    taken: i64,
    next: i64,
}

/// From the sample `from` of all that went in, pts are counted from `pts`.
#[derive(Clone, Copy, Debug)]
struct Run {
    from: i64,
    pts: i64,
}

impl PacketClock {
    /// The decoder gives `delay` samples before the first one that went in.
    pub(crate) fn new(rate: u32, delay: u32) -> Self {
        let clock = SampleClock::new(rate);
        Self { clock, runs: VecDeque::new(), taken: 0, next: -i64::from(delay) }
    }

    /// Notes when the samples of `frame`, which goes in next, are to be heard.
    pub(crate) fn take(&mut self, frame: &AudioFrame) {
        let pts = self.clock.advance(frame);
        let from = self.taken;
        if self.runs.back().is_none_or(|run| run.pts + (from - run.from) != pts) {
            self.runs.push_back(Run { from, pts });
        }
        self.taken += frame.samples() as i64;
    }

    /// Whether nothing went in.
    pub(crate) fn is_fresh(&self) -> bool {
        self.taken == 0
    }

    /// Samples that are still to come out, decoder's delay included.
    pub(crate) fn owed(&self) -> i64 {
        self.taken - self.next
    }

    /// Puts the next packet, of `samples`, at its time. What stands before the first sample is trimmed.
    pub(crate) fn stamp(&mut self, packet: &mut Packet, samples: u32) {
        let at = self.next;
        self.next += i64::from(samples);
        while self.runs.get(1).is_some_and(|later| later.from <= at) {
            self.runs.pop_front();
        }
        let run = self.runs.front().copied().unwrap_or(Run { from: 0, pts: 0 });
        packet.pts = run.pts.saturating_add(at - run.from);
        packet.dts = packet.pts;
        packet.duration = i64::from(samples);
        packet.trim.start = u32::try_from(-at).unwrap_or(0).min(samples);
    }

    /// Trims what the last packet holds past the last sample that went in.
    pub(crate) fn trim_end(&self, packet: &mut Packet) {
        let padding = u32::try_from(-self.owed()).unwrap_or(0);
        packet.trim.end = padding.min(u32::try_from(packet.duration).unwrap_or(0));
        packet.duration -= i64::from(packet.trim.end);
    }
}
