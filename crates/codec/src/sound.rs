//! What every sound codec does alike: dropping trimmed samples, and keeping time by counting samples.

use std::collections::VecDeque;
use std::ops::Range;

use brooklet_media::{AudioFrame, Packet, TimeBase, Trim};

/// Which of `samples` decoded samples are left after `trim`; empty where none is.
pub(crate) fn kept(samples: usize, trim: Trim) -> Range<usize> {
    let start = (trim.start as usize).min(samples);
    start..samples.saturating_sub(trim.end as usize).max(start)
}

/// Puts a frame whose first `skipped` samples were dropped at its time.
pub(crate) fn stamp(frame: &mut AudioFrame, packet: &Packet, time_base: TimeBase, skipped: usize) {
    let skipped = TimeBase::hz(frame.rate()).rescale(skipped as i64, time_base);
    frame.pts = packet.pts.saturating_add(skipped);
    frame.time_base = time_base;
}

/// The time of samples going into an encoder, in ticks of one sample.
///
/// Frames that follow on each other within 10 ms are one run, whose time is counted from its first sample, so
/// that the rounding of a coarse clock does not reach the packets. Past that, a new run begins.
#[derive(Debug)]
pub(crate) struct SampleClock {
    time_base: TimeBase,
    tolerance: i64,
    next: Option<i64>,
}

impl SampleClock {
    pub(crate) fn new(rate: u32) -> Self {
        Self { time_base: TimeBase::hz(rate), tolerance: i64::from(rate / 100), next: None }
    }

    /// The pts of the first sample of `frame`, which comes next.
    pub(crate) fn advance(&mut self, frame: &AudioFrame) -> i64 {
        let said = frame.time_base.rescale(frame.pts, self.time_base);
        let pts = self.next.filter(|next| said.abs_diff(*next) <= self.tolerance as u64).unwrap_or(said);
        self.next = Some(pts.saturating_add(frame.samples() as i64));
        pts
    }
}

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

/// A sample that no encoder chokes on: within ±1, and a number.
pub(crate) fn clipped(sample: f32) -> f32 {
    if sample.is_nan() { 0.0 } else { sample.clamp(-1.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::{ChannelLayout, FramePool, SampleFormat};

    #[test]
    fn trimming_never_keeps_more_than_there_is() {
        assert_eq!(kept(1_024, Trim { start: 24, end: 100 }), 24..924);
        assert!(kept(1_024, Trim { start: 600, end: 600 }).is_empty());
        assert!(kept(10, Trim { start: u32::MAX, end: u32::MAX }).is_empty());
    }

    #[test]
    fn a_millisecond_clock_does_not_jitter_the_samples() {
        let mut clock = SampleClock::new(44_100);
        let mut frame =
            AudioFrame::new(&FramePool::new(), SampleFormat::S16, 44_100, ChannelLayout::Mono, 1_024)
                .unwrap();
        frame.time_base = TimeBase::MILLIS;
        for (pts, at) in [(0, 0), (23, 1_024), (46, 2_048), (70, 3_072), (1_000, 44_100)] {
            frame.pts = pts;
            assert_eq!(clock.advance(&frame), at);
        }
    }
}
