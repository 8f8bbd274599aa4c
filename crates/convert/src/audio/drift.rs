//! Sound from another clock: resampled by a ratio that drifts.

use std::collections::VecDeque;
use std::time::Duration;

use brooklet_media::{AudioFrame, ChannelLayout, Error, FramePool, Result, SampleFormat, TimeBase};
use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{
    Adjustable, Async, FixedAsync, Indexing, Resampler, SincInterpolationParameters, WindowFunction,
};

use super::sample;

/// Samples that the filter is long; half of it is its delay.
const FILTER: usize = 128;
/// Chunks in a second: what goes in waits for at most 5 ms.
const CHUNKS: u32 = 200;
/// The fastest sampling there is.
const MAX_RATE: u32 = 768_000;

/// Plays sound a little faster or slower than its rate says, so that two clocks that differ meet.
///
/// The speed may change at any time; it is reached gradually within a chunk of 5 ms, without a click. Samples are
/// counted exactly on both sides: [`DriftResampler::held`] says what went in and has not come out. The first sample
/// that comes out is the first that went in; the delay, 64 samples and the rest of a chunk, is part of what is held.
/// Put an [`super::AudioConverter`] before it for anything else that must change.
pub struct DriftResampler {
    inner: Async<f32>,
    format: SampleFormat,
    rate: u32,
    layout: ChannelLayout,
    pool: FramePool,
    speed: f64,
    /// What has not been resampled yet: less than a chunk.
    input: Vec<Vec<f32>>,
    output: Vec<Vec<f32>>,
    /// Samples still to come out that belong to the time before the first.
    delay: usize,
    /// Samples that have been resampled, and those that came of them.
    taken: u64,
    given: u64,
    ready: VecDeque<AudioFrame>,
}

impl DriftResampler {
    /// Sound is between so many times slower and so many times faster.
    pub const MAX_SPEED: f64 = 1.1;

    /// For sound of one shape, in and out, at speed 1.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] for a rate over 768 kHz, [`Error::Usage`] for one of 0.
    pub fn new(format: SampleFormat, rate: u32, layout: ChannelLayout, pool: FramePool) -> Result<Self> {
        Error::check_limit("aresample", "the sample rate in Hz", rate.into(), MAX_RATE.into())?;
        if rate == 0 {
            return Err(Error::Usage("sound at 0 Hz".into()));
        }
        let channels = layout.channels();
        let chunk = (rate / CHUNKS).max(16) as usize;
        let filter = SincInterpolationParameters::new(FILTER, WindowFunction::BlackmanHarris2);
        let inner = Async::new_sinc(1.0, Self::MAX_SPEED, &filter, chunk, channels, FixedAsync::Input)
            .map_err(|what| Error::Usage(format!("can't resample {rate} Hz: {what}")))?;
        let (delay, most) = (inner.output_delay(), inner.output_frames_max());
        Ok(Self {
            inner,
            format,
            rate,
            layout,
            pool,
            speed: 1.0,
            input: vec![Vec::new(); channels],
            output: vec![vec![0.0; most]; channels],
            delay,
            taken: 0,
            given: 0,
            ready: VecDeque::new(),
        })
    }

    /// From the next chunk on, takes `speed` samples for each that it gives; within [`DriftResampler::MAX_SPEED`].
    pub fn set_speed(&mut self, speed: f64) {
        if speed.is_finite() {
            self.speed = speed.clamp(1.0 / Self::MAX_SPEED + 1e-9, Self::MAX_SPEED - 1e-9);
        }
    }

    /// The speed that was set last, 1 at first.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Takes the next frame; its pts is not looked at.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for sound of another shape.
    pub fn push(&mut self, frame: &AudioFrame) -> Result<()> {
        let same = (frame.format(), frame.rate(), frame.layout()) == (self.format, self.rate, self.layout);
        if !same {
            return Err(Error::Usage(format!("{frame:?} where {self:?} was set up")));
        }
        sample::append(frame, &mut self.input);
        let available = self.waiting();
        let mut used = 0;
        while available - used >= self.inner.input_frames_next() {
            let chunk = self.inner.input_frames_next();
            self.chunk(used, chunk)?;
            used += chunk;
        }
        self.input.iter_mut().for_each(|plane| drop(plane.drain(..used)));
        Ok(())
    }

    /// The next frame that is ready, pts in samples that came out before; `None` until more is pushed.
    pub fn poll(&mut self) -> Option<AudioFrame> {
        self.ready.pop_front()
    }

    /// The sound has ended: all that is held becomes ready. What is pushed after that starts anew, at the speed of now.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] where the resampler itself fails.
    pub fn finish(&mut self) -> Result<()> {
        let mut partial = self.waiting();
        let end = (self.held() / self.speed).round() as u64;
        let (goal, chunk) = (self.given + end, self.inner.input_frames_next());
        while self.given < goal {
            self.chunk(0, partial.min(chunk))?;
            partial = 0;
        }
        // The last frame may be longer than what went in.
        let surplus = (self.given - goal) as usize;
        if let (Some(last), true) = (self.ready.pop_back(), surplus > 0) {
            let keep = last.samples().saturating_sub(surplus);
            let mut cut = AudioFrame::new(&self.pool, self.format, self.rate, self.layout, keep)?;
            sample::copy(&last, 0, &mut cut, 0, keep);
            cut.pts = last.pts;
            self.ready.push_back(cut);
        }
        self.given = goal;
        self.input.iter_mut().for_each(Vec::clear);
        self.inner.reset();
        self.delay = self.inner.output_delay();
        self.taken = 0;
        Ok(())
    }

    /// Samples that have come out since the start.
    pub const fn given(&self) -> u64 {
        self.given
    }

    /// Samples of the input that went in and have not come out, to within one: what waits for a chunk to be full and
    /// what the filter holds.
    pub fn held(&self) -> f64 {
        if self.taken == 0 {
            return self.waiting() as f64;
        }
        // Half the filter is before the next sample to come out, whatever the speed was.
        (self.waiting() + FILTER / 2) as f64
    }

    fn waiting(&self) -> usize {
        self.input.first().map_or(0, Vec::len)
    }

    /// Resamples one chunk that starts at `start` of the input and has `count` samples, the rest silence.
    fn chunk(&mut self, start: usize, count: usize) -> Result<()> {
        let failed = |what: &dyn std::fmt::Display| Error::Usage(format!("can't resample: {what}"));
        let (channels, room, available) = (self.input.len(), self.inner.output_frames_max(), self.waiting());
        self.inner.set_resample_ratio(1.0 / self.speed, true).map_err(|what| failed(&what))?;
        let input =
            SequentialSliceOfVecs::new(&self.input, channels, available).map_err(|what| failed(&what))?;
        let mut output =
            SequentialSliceOfVecs::new_mut(&mut self.output, channels, room).map_err(|what| failed(&what))?;
        let place = Indexing::new().input_offset(start).partial_len(count);
        let (_, made) = self
            .inner
            .process_into_buffer(&input, &mut output, Some(&place))
            .map_err(|what| failed(&what))?;
        self.taken += count as u64;
        let skipped = self.delay.min(made);
        self.delay -= skipped;
        if made > skipped {
            let samples = made - skipped;
            let mut frame = AudioFrame::new(&self.pool, self.format, self.rate, self.layout, samples)?;
            self.output.iter_mut().for_each(|plane| plane.copy_within(skipped..made, 0));
            sample::store(&self.output, &mut frame);
            (frame.pts, frame.time_base) = (self.given as i64, TimeBase::hz(self.rate));
            self.ready.push_back(frame);
            self.given += samples as u64;
        }
        Ok(())
    }
}

impl std::fmt::Debug for DriftResampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { format, rate, layout, speed, taken, given, .. } = self;
        write!(f, "DriftResampler({format} {rate} Hz {layout}, speed {speed}, {taken} samples to {given})")
    }
}

/// Holds a buffer at its level: says how fast to play.
///
/// The drift that is known ([`brooklet_media::Drift::ratio`]) is followed at once; what is still wrong with the level is
/// taken out slowly, over 20 s, by at most [`Steering::with_limit`], so that no change of pitch is heard.
///
/// ```
/// use std::time::Duration;
/// use brooklet_convert::Steering;
///
/// let mut steering = Steering::new(Duration::from_millis(60));
/// // Too much waits, so the sound runs faster than its own clock.
/// assert!(steering.update(0.070, 1.0, Duration::from_millis(20)) > 1.0);
/// ```
#[derive(Clone, Debug)]
pub struct Steering {
    target: f64,
    limit: f64,
    /// The part of the error that does not go away.
    standing: f64,
    speed: f64,
}

/// How long the level takes to its target, in seconds.
const SETTLING: f64 = 20.0;
/// How fast the speed may change, in parts of it per second: a semitone would take 5 minutes.
const SLEW: f64 = 2e-4;

impl Steering {
    /// Towards a level of `target`, by at most 0.2% beyond the drift.
    pub fn new(target: Duration) -> Self {
        Self { target: target.as_secs_f64(), limit: 2e-3, standing: 0.0, speed: 1.0 }
    }

    /// The same, by at most `limit` beyond the drift: 0.002 is 0.2%, which nobody hears.
    #[must_use]
    pub fn with_limit(self, limit: f64) -> Self {
        Self { limit: limit.abs(), ..self }
    }

    /// Goes towards another level from now on.
    pub fn set_target(&mut self, target: Duration) {
        self.target = target.as_secs_f64();
    }

    /// Where it goes.
    pub fn target(&self) -> Duration {
        Duration::from_secs_f64(self.target)
    }

    /// How fast to play from now on, given the level now in seconds, the remote clock's ratio, and the time since the last update.
    ///
    /// A level that jitters is averaged by the time that all takes; one without jitter serves better.
    pub fn update(&mut self, level: f64, ratio: f64, elapsed: Duration) -> f64 {
        let error = level - self.target;
        let elapsed = elapsed.as_secs_f64().min(1.0);
        let wanted = error / SETTLING + self.standing;
        let bounded = wanted.clamp(-self.limit, self.limit);
        if wanted == bounded {
            self.standing += error * elapsed / (4.0 * SETTLING * SETTLING);
            self.standing = self.standing.clamp(-self.limit / 2.0, self.limit / 2.0);
        }
        let goal = ratio * (1.0 + bounded);
        self.speed += (goal - self.speed).clamp(-SLEW * elapsed, SLEW * elapsed);
        self.speed
    }

    /// What the last update said; 1 at first.
    pub const fn speed(&self) -> f64 {
        self.speed
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use brooklet_media::{Drift, Timestamp};

    use super::*;

    fn resampler(rate: u32) -> DriftResampler {
        DriftResampler::new(SampleFormat::F32, rate, ChannelLayout::Mono, FramePool::new()).unwrap()
    }

    fn frame(rate: u32, samples: impl ExactSizeIterator<Item = f32>) -> AudioFrame {
        let pool = FramePool::new();
        let mut frame =
            AudioFrame::new(&pool, SampleFormat::F32, rate, ChannelLayout::Mono, samples.len()).unwrap();
        frame.typed_mut::<f32>(0).iter_mut().zip(samples).for_each(|(to, from)| *to = from);
        frame
    }

    fn drain(resampler: &mut DriftResampler) -> Vec<f32> {
        let mut all = Vec::new();
        while let Some(frame) = resampler.poll() {
            all.extend_from_slice(frame.typed::<f32>(0));
        }
        all
    }

    /// The largest step of the slope: what a click is.
    fn roughness(wave: &[f32]) -> f32 {
        wave.windows(3).map(|w| (w[2] - 2.0 * w[1] + w[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_changing_speed_does_not_click() {
        let (rate, tone) = (8_000u32, 440.0);
        let mut resampler = resampler(rate);
        let mut out = Vec::new();
        for packet in 0..500u32 {
            resampler.set_speed(1.0 + 0.005 * (f64::from(packet) / 20.0).sin());
            let wave = (packet * 160..(packet + 1) * 160)
                .map(|n| (0.5 * (TAU * tone * f64::from(n) / f64::from(rate)).sin()) as f32);
            resampler.push(&frame(rate, wave)).unwrap();
            out.extend(drain(&mut resampler));
        }
        let pure = 0.5 * (TAU * tone / f64::from(rate)).powi(2);
        let rough = f64::from(roughness(&out[200..]));
        assert!(rough < pure * 1.02, "{rough} where the tone itself has {pure}");
    }

    #[test]
    fn what_goes_in_comes_out() {
        for speed in [0.95, 0.9995, 1.0, 1.0005, 1.05] {
            let mut resampler = resampler(8_000);
            resampler.set_speed(speed);
            for second in 0..20 {
                for _ in 0..50 {
                    resampler.push(&frame(8_000, (0..160).map(|_| 0.25))).unwrap();
                }
                let pushed = f64::from((second + 1) * 8_000);
                let away = (pushed - resampler.held()) / speed - resampler.given() as f64;
                assert!(away.abs() < 8.0, "{away} samples off at speed {speed} after {second} s");
            }
            resampler.finish().unwrap();
            let given = drain(&mut resampler).len();
            assert_eq!(given as u64, resampler.given());
            let off = given as f64 - 160_000.0 / speed;
            assert!(off.abs() < 10.0, "{off} samples off at speed {speed}");
        }
    }

    #[test]
    fn other_sound_is_refused_and_absurd_speeds_are_bounded() {
        let mut resampler = resampler(8_000);
        assert!(resampler.push(&frame(16_000, (0..10).map(|_| 0.0))).is_err());
        for speed in [f64::NAN, f64::INFINITY, 1e9, -3.0, 0.0] {
            resampler.set_speed(speed);
            resampler.push(&frame(8_000, (0..160).map(|_| 0.0))).unwrap();
        }
        assert!(DriftResampler::new(SampleFormat::S16, 0, ChannelLayout::Mono, FramePool::new()).is_err());
    }

    /// Virtual hours: a sender `ppm` fast, 60 ms of jitter, 20 ms packets, a player that takes 10 ms of the sound at
    /// its own pace, 250 ms after it came at the earliest (the filter alone is 64 ms at this rate). Returns the smallest and
    /// the largest delay, in seconds, after the first ten minutes.
    fn hours(hours: i64, ppm: f64) -> (f64, f64) {
        const RATE: u32 = 1_000;
        const PACKET: i64 = 20_000_000;
        let (mut drift, mut steering) = (Drift::new(), Steering::new(Duration::from_millis(250)));
        let mut resampler = resampler(RATE);
        let sound = frame(RATE, (0..20).map(|_| 0.0));
        let mut seed = 0x9e37_79b9_7f4a_7c15u64;
        let (mut heard, mut packet, mut queue) = (0u64, 0i64, 0u64);
        let (mut least, mut most) = (f64::MAX, 0f64);
        for tick in 0..hours * 3_600 * 100 {
            let now = tick * 10_000_000;
            // All that was sent by now: arrivals keep their order, as on most networks.
            loop {
                let left = ((packet * PACKET) as f64 / (1.0 + ppm * 1e-6)) as i64;
                if left + 60_000_000 > now {
                    break;
                }
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let late = (seed % 60_000_000) as i64;
                drift.push(packet * PACKET, Timestamp::from_nanos(left + late));
                resampler.push(&sound).unwrap();
                packet += 1;
            }
            while let Some(frame) = resampler.poll() {
                queue += frame.samples() as u64;
            }
            if now < 250_000_000 {
                continue;
            }
            assert!(queue >= 10, "under-run at {} s", now / 1_000_000_000);
            queue -= 10;
            heard += 10;
            // The delay of what is heard now: no jitter is in it.
            let waiting = (resampler.held() + queue as f64 * resampler.speed()) / f64::from(RATE);
            let media = packet * PACKET - (waiting * 1e9) as i64;
            let level = drift.lateness(media, Timestamp::from_nanos(now));
            let speed = steering.update(level, drift.ratio(), Duration::from_millis(10));
            resampler.set_speed(speed);
            if tick > 600 * 100 {
                (least, most) = (least.min(level), most.max(level));
            }
        }
        assert_eq!(heard, hours as u64 * 3_600 * 1_000 - 250);
        (least, most)
    }

    #[test]
    fn a_day_at_500_ppm_stays_within_two_milliseconds() {
        for (span, ppm) in [(24, 500.0), (2, -500.0)] {
            let (least, most) = hours(span, ppm);
            assert!(
                least > 0.248 && most < 0.252,
                "at {ppm} ppm between {least} s and {most} s, where 0.25 s was to be held"
            );
        }
    }
}
