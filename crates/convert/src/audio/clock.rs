//! Where frames of sound lie on a clock that ticks once a sample.

use brooklet_media::{AudioFrame, TimeBase};

/// Counts samples from the first pts on, for as long as each pts agrees.
///
/// Clocks of containers are coarser than a sample (FLV counts milliseconds), so a pts agrees that is no further
/// off than one of its own ticks.
#[derive(Debug, Default)]
pub(crate) struct SampleClock {
    next: Option<i64>,
}

/// Where a frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    /// Its first sample, in samples at its own rate since pts 0.
    pub(crate) start: i64,
    /// By how many samples that is later than the end of the frame before; 0 where it follows on.
    pub(crate) jump: i64,
}

impl SampleClock {
    /// A clock that expects the first frame at `start`, in samples.
    pub(crate) const fn starting_at(start: i64) -> Self {
        Self { next: Some(start) }
    }

    /// Places the next frame.
    pub(crate) fn place(&mut self, frame: &AudioFrame) -> Place {
        let ticks = TimeBase::hz(frame.rate());
        let exact = frame.time_base.rescale(frame.pts, ticks);
        let tolerance = frame.time_base.rescale(1, ticks).saturating_add(1);
        let jump = self.next.map_or(0, |next| exact.saturating_sub(next));
        let follows = jump.saturating_abs() <= tolerance;
        let start = self.next.filter(|_| follows).unwrap_or(exact);
        self.next = Some(start.saturating_add_unsigned(frame.samples() as u64));
        Place { start, jump: if follows { 0 } else { jump } }
    }

    /// The first sample after the last frame, where there was one.
    pub(crate) const fn end(&self) -> Option<i64> {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use brooklet_media::{ChannelLayout, FramePool, SampleFormat};

    use super::*;

    #[test]
    fn milliseconds_do_not_shake_samples() {
        let pool = FramePool::new();
        let mut clock = SampleClock::default();
        for number in 0..100_000i64 {
            let mut frame =
                AudioFrame::new(&pool, SampleFormat::S16, 44_100, ChannelLayout::Mono, 1_024).unwrap();
            frame.time_base = TimeBase::MILLIS;
            frame.pts = TimeBase::hz(44_100).rescale(number * 1_024, TimeBase::MILLIS);
            assert_eq!(clock.place(&frame), Place { start: number * 1_024, jump: 0 });
        }
    }

    #[test]
    fn a_gap_is_seen_to_the_sample() {
        let pool = FramePool::new();
        let mut clock = SampleClock::default();
        let mut frame = AudioFrame::new(&pool, SampleFormat::S16, 8_000, ChannelLayout::Mono, 100).unwrap();
        clock.place(&frame);
        frame.pts = 150;
        assert_eq!(clock.place(&frame), Place { start: 150, jump: 50 });
    }
}
