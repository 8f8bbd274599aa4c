//! What every sound codec does alike: dropping trimmed samples, and keeping time by counting samples.
//!
//! `packets` keeps the time of encoders whose packets are not as long as the frames that they take.

#[cfg(any(feature = "aac", feature = "flac", feature = "g722", feature = "mp3", feature = "opus"))]
mod packets;

use std::ops::Range;

use brooklet_media::{AudioFrame, ChannelLayout, Error, Frame, Packet, Result, SampleFormat, TimeBase, Trim};

#[cfg(any(feature = "aac", feature = "flac", feature = "g722", feature = "mp3", feature = "opus"))]
pub(crate) use packets::PacketClock;

/// The sound that an encoder was opened for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SoundShape {
    pub(crate) format: SampleFormat,
    pub(crate) rate: u32,
    pub(crate) layout: ChannelLayout,
}

impl SoundShape {
    /// The frame, where it is such sound.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`], which names the encoder.
    pub(crate) fn check<'a>(&self, frame: &'a Frame, encoder: &str) -> Result<&'a AudioFrame> {
        match frame {
            Frame::Audio(frame) if *self == Self::of(frame) => Ok(frame),
            other => Err(Error::Usage(format!("{encoder} was opened for another shape than {other:?}"))),
        }
    }

    fn of(frame: &AudioFrame) -> Self {
        Self { format: frame.format(), rate: frame.rate(), layout: frame.layout() }
    }
}

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

/// A sample that no encoder chokes on: within ±1, and a number.
#[cfg(any(feature = "aac", feature = "mp3", feature = "opus"))]
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
