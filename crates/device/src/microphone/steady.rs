//! Sound of a device's own clock, made to tick as the clock of all.
//!
//! A device takes its samples a little faster or slower than it says: 100 ppm are 8.6 s in a day. What leaves here has as
//! many samples in a second of the capture clock as its rate says: the drift is estimated, and the sound resampled by it.

use std::time::Duration;

use brooklet_convert::{DriftResampler, Steering};
use brooklet_media::{AudioFrame, ChannelLayout, Drift, FramePool, Result, SampleFormat, TimeBase};

use super::backlog::Fragment;

/// Sound that is further than this, in seconds, from where its stamp says begins anew there; nearer, it is led there
/// unheard. Servers change their mind by some tens of milliseconds where another client makes them work in other steps.
const JUMP: f64 = 0.25;
/// The fastest that it is led, beyond the drift: 8 cents of a semitone.
const LEAD: f64 = 5e-3;

/// Makes the samples of a device steady. Sans-IO: fragments in, frames out.
pub(crate) struct Steady {
    format: SampleFormat,
    rate: u32,
    layout: ChannelLayout,
    pool: FramePool,
    drift: Drift,
    steering: Steering,
    resampler: DriftResampler,
    run: Option<Run>,
}

/// Sound without a gap.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// The device's number of its first sample.
    first: u64,
    /// The number of the next that is expected.
    next: u64,
    /// When the first was captured, in samples of the capture clock.
    pts: i64,
}

impl Steady {
    pub(crate) fn new(
        format: SampleFormat,
        rate: u32,
        layout: ChannelLayout,
        pool: FramePool,
    ) -> Result<Self> {
        Ok(Self {
            format,
            rate,
            layout,
            drift: Drift::new(),
            steering: Steering::new(Duration::ZERO).with_limit(LEAD),
            resampler: DriftResampler::new(format, rate, layout, pool.clone())?,
            run: None,
            pool,
        })
    }

    /// Takes the next fragment.
    pub(crate) fn push(&mut self, fragment: &Fragment) -> Result<()> {
        let frame = AudioFrame::from_raw(&self.pool, self.format, self.rate, self.layout, &fragment.bytes)?;
        self.drift.push(self.media(fragment.first as f64), fragment.at);
        let follows = self.run.filter(|run| run.next == fragment.first);
        let error = follows.map(|run| self.error(run));
        let run = match (follows, error) {
            (Some(run), Some(error)) if error.abs() < JUMP => {
                let elapsed = Duration::from_secs_f64(frame.samples() as f64 / f64::from(self.rate));
                self.resampler.set_speed(self.steering.update(error, self.drift.ratio(), elapsed));
                run
            }
            _ => self.begin(fragment.first)?,
        };
        self.run = Some(Run { next: run.next + frame.samples() as u64, ..run });
        self.resampler.push(&frame)
    }

    /// The next frame, its pts in samples of the capture clock.
    pub(crate) fn poll(&mut self) -> Option<AudioFrame> {
        let mut frame = self.resampler.poll()?;
        let run = self.run?;
        frame.pts += run.pts;
        Some(frame)
    }

    /// Begins anew at the device's sample `first`. What the resampler held is a few milliseconds, and gone.
    fn begin(&mut self, first: u64) -> Result<Run> {
        self.resampler = DriftResampler::new(self.format, self.rate, self.layout, self.pool.clone())?;
        self.resampler.set_speed(self.drift.ratio());
        let at = self.drift.arrival(self.media(first as f64));
        Ok(Run { first, next: first, pts: TimeBase::hz(self.rate).ticks(at) })
    }

    /// By how many seconds the next sample to leave is stamped later than it was captured.
    fn error(&self, run: Run) -> f64 {
        let stamp = run.pts + self.resampler.given() as i64;
        // At the start it has not been given all that it will hold.
        let number = (run.next as f64 - self.resampler.held()).max(run.first as f64);
        let captured = self.drift.arrival(self.media(number));
        let stamped = TimeBase::hz(self.rate).at(stamp);
        (stamped.as_nanos() - captured.as_nanos()) as f64 / 1e9
    }

    /// The device's own time of a sample, in nanoseconds.
    fn media(&self, number: f64) -> i64 {
        (number * 1e9 / f64::from(self.rate)) as i64
    }
}

#[cfg(test)]
mod tests;
