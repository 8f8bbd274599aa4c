//! Sound of a live source, made to last as long as the speaker takes for it.
//!
//! The source counts its samples by its own clock and the speaker by another: at 100 ppm they are 8.6 s apart after a day, so
//! that the speaker would run dry, or sound would pile up before it. What is heard stays as far behind what comes as it was at
//! first, by playing a little faster or slower than anybody hears.

use std::time::Duration;

use brooklet_convert::{DriftResampler, Steering};
use brooklet_media::{
    AudioFrame, ChannelLayout, Drift, FramePool, Result, SampleFormat, TimeBase, Timestamp,
};

/// How long sound is heard before its delay is taken for the one to hold: devices are just starting.
const SETTLING: Duration = Duration::from_secs(1);
/// Sound that has waited here for as long came in time: where the speaker ran out all the same, this machine was late, and more
/// delay would not help.
const CAME_IN_TIME: Duration = Duration::from_millis(50);
/// The fastest that the delay is led, beyond the drift: 8 cents of a semitone.
const LEAD: f64 = 5e-3;

/// Follows the clock of a speaker. Sans-IO: arrivals and what is heard in, frames out.
///
/// Moments of the media and moments of the machine's clock are both [`Timestamp`]s, each from an epoch of its own.
pub(super) struct Follower {
    rate: u32,
    /// The source's clock by the machine's.
    drift: Drift,
    steering: Steering,
    course: Course,
    resampler: DriftResampler,
    /// Where in the media the next sample to come out stands, and where the last that went in ended.
    next: Option<Timestamp>,
    end: Timestamp,
    /// When the last that was handed on came.
    came: Timestamp,
    underruns: u64,
}

/// What is done about the delay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Course {
    /// Nothing has been heard yet.
    Unheard,
    /// It was first heard then, and plays as it is.
    Settling(Timestamp),
    /// It is held, and was last looked at then.
    Holding(Timestamp),
}

impl Follower {
    /// For sound of one shape.
    pub(super) fn new(
        format: SampleFormat,
        rate: u32,
        layout: ChannelLayout,
        pool: FramePool,
    ) -> Result<Self> {
        Ok(Self {
            rate,
            drift: Drift::new(),
            steering: Steering::new(Duration::ZERO).with_limit(LEAD),
            course: Course::Unheard,
            resampler: DriftResampler::new(format, rate, layout, pool)?,
            next: None,
            end: Timestamp::ZERO,
            came: Timestamp::ZERO,
            underruns: 0,
        })
    }

    /// Media of `media`, which is handed on next, came at `came`.
    pub(super) fn arrive(&mut self, media: Timestamp, came: Timestamp) {
        self.drift.push(media.as_nanos(), came);
        self.came = came;
    }

    /// Media of `media` is heard at `now`, from a speaker that has run out so many times: where that was because nothing came,
    /// the delay has become what the source needs, and is the one to hold from then on.
    pub(super) fn hear(&mut self, media: Timestamp, underruns: u64, now: Timestamp) {
        let ran_out = std::mem::replace(&mut self.underruns, underruns) != underruns;
        if ran_out && now.since(self.came) < CAME_IN_TIME {
            self.begin_anew();
        }
        let delay = self.drift.lateness(media.as_nanos(), now);
        match self.course {
            Course::Unheard => self.course = Course::Settling(now),
            Course::Settling(begun) if now.since(begun) < SETTLING => {}
            Course::Settling(_) => {
                self.steering.set_target(Duration::from_secs_f64(delay.clamp(0.0, 60.0)));
                self.course = Course::Holding(now);
            }
            Course::Holding(then) => {
                let speed = self.steering.update(delay, self.drift.ratio(), now.since(then));
                self.resampler.set_speed(speed);
                self.course = Course::Holding(now);
            }
        }
    }

    /// What follows will be heard with another delay, as after some was left out.
    pub(super) fn begin_anew(&mut self) {
        self.course = Course::Unheard;
    }

    /// Takes the next sound.
    pub(super) fn push(&mut self, sound: &AudioFrame) -> Result<()> {
        let at = sound.time_base.at(sound.pts);
        self.next.get_or_insert(at);
        self.end = at + self.length(sound.samples() as f64);
        self.resampler.push(sound)
    }

    /// The next sound at the speaker's pace, with its place in the media.
    pub(super) fn poll(&mut self) -> Option<AudioFrame> {
        let Some(mut sound) = self.resampler.poll() else {
            self.next = self.next.map(|_| self.end - self.length(self.resampler.held()));
            return None;
        };
        let at = self.next.unwrap_or_default();
        self.next = Some(at + self.length(sound.samples() as f64 * self.resampler.speed()));
        (sound.pts, sound.time_base) = (TimeBase::hz(self.rate).ticks(at), TimeBase::hz(self.rate));
        Some(sound)
    }

    /// No more comes: all that is held comes out of [`Follower::poll`].
    pub(super) fn finish(&mut self) -> Result<()> {
        self.resampler.finish()
    }

    fn length(&self, samples: f64) -> Duration {
        Duration::from_secs_f64(samples.max(0.0) / f64::from(self.rate))
    }
}

#[cfg(test)]
mod tests;
