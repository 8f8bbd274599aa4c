//! Another sample rate, with the delay of the filter taken out.

use brooklet_media::{Error, Result};
use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{
    Async, FixedAsync, Indexing, ResamplerConstructionError, SincInterpolationParameters,
    SincInterpolationType, WindowFunction,
};
#[cfg(feature = "fft")]
use rubato::{Fft, FixedSync};

/// The fastest sampling there is.
const MAX_RATE: u32 = 768_000;
/// The most that one rate may be of the other, so that a chunk stays small.
const MAX_RATIO: u32 = 256;
/// Samples of the slower side in one transform: its filter passes 97% of the band.
#[cfg(feature = "fft")]
const BLOCK: usize = 512;
/// Where the rates have so little in common that a transform would be longer than this, a filter is taken.
const MAX_BLOCK: usize = 8_192;
/// Half of that filter's length, which is its delay, in samples of the slower side.
const HALF: usize = 128;
/// As often it is longer in samples that go in, where they are the faster side.
const MAX_FASTER: u32 = 8;
/// Points between two samples that go in, at which that filter is worked out.
const POINTS: usize = 128;
/// The most coefficients of it: 1 MB.
const MAX_COEFFICIENTS: usize = 1 << 18;
/// Samples that go through it at once, about.
const CHUNK: usize = 1_024;

/// Resamples planes of sound from one rate to another: the first sample that comes out is at the time of the first
/// that goes in, and as much comes out as went in.
pub(crate) struct Resampler {
    way: Way,
    rates: (u32, u32),
    /// What has not been resampled yet: less than a chunk.
    input: Vec<Vec<f32>>,
    output: Vec<Vec<f32>>,
    /// Samples still to come out that belong to the time before the first.
    delay: usize,
    taken: u64,
    given: u64,
}

impl Resampler {
    /// # Errors
    ///
    /// [`Error::Limit`] for a rate over 768 kHz, [`Error::Unsupported`] for rates further apart than 256 to 1.
    pub(crate) fn new(from: u32, to: u32, channels: usize) -> Result<Self> {
        for rate in [from, to] {
            Error::check_limit("aresample", "the sample rate in Hz", rate.into(), MAX_RATE.into())?;
        }
        if from.min(to) == 0 || from.max(to) / from.min(to) > MAX_RATIO {
            let what = format!("resampling from {from} Hz to {to} Hz");
            return Err(Error::unsupported(what, format!("rates up to {MAX_RATIO} to 1 apart")));
        }
        let way = open(from, to, channels)
            .map_err(|what| Error::Usage(format!("can't resample from {from} Hz to {to} Hz: {what}")))?;
        let most = way.inner.output_frames_max();
        let mut resampler = Self {
            way,
            rates: (from, to),
            input: vec![Vec::new(); channels],
            output: vec![vec![0.0; most]; channels],
            delay: 0,
            taken: 0,
            given: 0,
        };
        resampler.begin()?;
        Ok(resampler)
    }

    /// Where to append what goes in next. All planes must grow by the same.
    pub(crate) fn input(&mut self) -> &mut [Vec<f32>] {
        &mut self.input
    }

    /// Resamples whole chunks of what went in, and appends what comes out to `out`.
    pub(crate) fn run(&mut self, out: &mut [Vec<f32>]) -> Result<()> {
        let available = self.available();
        let mut used = 0;
        while available - used >= self.way.inner.input_frames_next() {
            let chunk = self.way.inner.input_frames_next();
            self.chunk(used, chunk, out)?;
            used += chunk;
            self.taken += chunk as u64;
        }
        self.input.iter_mut().for_each(|plane| drop(plane.drain(..used)));
        Ok(())
    }

    /// Appends all that is still to come of what went in, and starts anew.
    pub(crate) fn finish(&mut self, out: &mut [Vec<f32>]) -> Result<()> {
        self.run(out)?;
        let rest = self.available();
        self.taken += rest as u64;
        let target = self.length(self.taken);
        let mut partial = rest;
        while self.given < target {
            let before = self.given;
            self.chunk(0, partial, out)?;
            partial = 0;
            let surplus = self.given.saturating_sub(target).min(self.given - before) as usize;
            out.iter_mut().for_each(|plane| plane.truncate(plane.len() - surplus));
            self.given = self.given.min(target);
        }
        self.input.iter_mut().for_each(Vec::clear);
        self.begin()
    }

    /// Samples that went in since the start, and those of them that came out as samples of the other rate.
    pub(crate) fn taken(&self) -> u64 {
        self.taken + self.available() as u64
    }

    /// Samples that came out since the start.
    pub(crate) const fn given(&self) -> u64 {
        self.given
    }

    /// How many samples come out of so many.
    pub(crate) fn length(&self, taken: u64) -> u64 {
        let (from, to) = (u128::from(self.rates.0), u128::from(self.rates.1));
        ((u128::from(taken) * to + from / 2) / from) as u64
    }

    fn begin(&mut self) -> Result<()> {
        self.way.inner.reset();
        self.delay = self.way.delay;
        (self.taken, self.given) = (0, 0);
        if self.way.is_primed {
            let mut nothing = vec![Vec::new(); self.input.len()];
            self.chunk(0, 0, &mut nothing)?;
        }
        Ok(())
    }

    fn available(&self) -> usize {
        self.input.first().map_or(0, Vec::len)
    }

    /// Resamples one chunk that starts at `start` of the input and has `count` samples, the rest silence.
    fn chunk(&mut self, start: usize, count: usize, out: &mut [Vec<f32>]) -> Result<()> {
        let channels = self.input.len();
        let room = self.way.inner.output_frames_max();
        let failed = |what: &dyn std::fmt::Display| Error::Usage(format!("can't resample: {what}"));
        let input = SequentialSliceOfVecs::new(&self.input, channels, self.available())
            .map_err(|what| failed(&what))?;
        let mut output =
            SequentialSliceOfVecs::new_mut(&mut self.output, channels, room).map_err(|what| failed(&what))?;
        let place = Indexing::new().input_offset(start).partial_len(count);
        let (_, made) = self
            .way
            .inner
            .process_into_buffer(&input, &mut output, Some(&place))
            .map_err(|what| failed(&what))?;
        let skipped = self.delay.min(made);
        self.delay -= skipped;
        self.given += (made - skipped) as u64;
        for (plane, out) in self.output.iter().zip(out) {
            out.extend_from_slice(&plane[skipped..made]);
        }
        Ok(())
    }
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rates, taken, given, .. } = self;
        write!(f, "Resampler({} Hz to {} Hz, {taken} samples to {given})", rates.0, rates.1)
    }
}

/// How it is done.
struct Way {
    inner: Box<dyn rubato::Resampler<f32>>,
    /// Samples that come out before the first that went in.
    delay: usize,
    /// Whether a chunk of silence goes before all else, and is part of the delay.
    is_primed: bool,
}

fn open(from: u32, to: u32, channels: usize) -> std::result::Result<Way, ResamplerConstructionError> {
    let divisor = gcd(from, to);
    let (step_in, step_out) = ((from / divisor) as usize, (to / divisor) as usize);
    #[cfg(feature = "fft")]
    if step_in.max(step_out) <= MAX_BLOCK {
        // An even number of steps, so that half of it, the delay, is whole on both sides.
        let steps = BLOCK.div_ceil(step_in.min(step_out)).next_multiple_of(2);
        let (from, to, chunk) = (from as usize, to as usize, steps * step_in);
        let inner: Box<dyn rubato::Resampler<f32>> =
            Box::new(Fft::<f32>::new(from, to, chunk, channels, FixedSync::Both)?);
        return Ok(Way { delay: inner.output_delay(), inner, is_primed: false });
    }
    let half = HALF * (from / to).clamp(1, MAX_FASTER) as usize;
    // So much silence before all else that what it and the filter delay is whole on both sides.
    let is_whole = step_in.max(step_out) <= MAX_BLOCK;
    let chunk = if is_whole { (CHUNK + half).next_multiple_of(step_in) - half } else { CHUNK };
    let ratio = f64::from(to) / f64::from(from);
    let mut filter = SincInterpolationParameters::new(2 * half, WindowFunction::BlackmanHarris2);
    // Where all that comes out falls on such points, each is one of them rather than a curve through four.
    let points = points(step_out);
    if points * 2 * half <= MAX_COEFFICIENTS {
        filter = filter.oversampling_factor(points).interpolation(SincInterpolationType::Nearest);
    }
    let inner = Box::new(Async::<f32>::new_sinc(ratio, 1.0, &filter, chunk, channels, FixedAsync::Input)?);
    // The first that comes out is a step after the start of what goes in, not at it.
    let delay = ((chunk + half) as f64 * ratio).round() as usize - 1;
    Ok(Way { inner, delay, is_primed: true })
}

/// A multiple of the samples that come out until both rates meet again.
const fn points(step_out: usize) -> usize {
    POINTS.next_multiple_of(step_out)
}

const fn gcd(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    if a == 0 { 1 } else { a }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    /// A second of sine at `frequency` through a resampler in pieces of `piece`.
    fn sine(from: u32, to: u32, frequency: f64, piece: usize) -> Vec<f32> {
        let mut resampler = Resampler::new(from, to, 1).unwrap();
        let mut out = [Vec::new()];
        let wave: Vec<f32> = (0..from)
            .map(|n| (0.5 * (TAU * frequency * f64::from(n) / f64::from(from)).sin()) as f32)
            .collect();
        for piece in wave.chunks(piece) {
            resampler.input()[0].extend_from_slice(piece);
            resampler.run(&mut out).unwrap();
        }
        resampler.finish(&mut out).unwrap();
        let [out] = out;
        out
    }

    /// Signal to noise in dB against the sine itself, away from the ends, where it is so many seconds late.
    fn snr(out: &[f32], to: u32, frequency: f64, late: f64) -> f64 {
        let ends = to as usize / 10;
        let (mut signal, mut noise) = (0.0, 0.0);
        for (n, sample) in out.iter().enumerate().take(out.len() - ends).skip(ends) {
            let exact = 0.5 * (TAU * frequency * (n as f64 / f64::from(to) - late)).sin();
            signal += exact * exact;
            noise += (f64::from(*sample) - exact).powi(2);
        }
        10.0 * (signal / noise).log10()
    }

    #[test]
    fn tones_keep_their_place_and_level() {
        let rates = [(44_100, 48_000), (48_000, 44_100), (8_000, 48_000), (48_000, 8_000), (16_000, 44_100)];
        for (from, to) in rates {
            let nyquist = f64::from(from.min(to)) / 2.0;
            for part in [0.05, 0.5, 0.9] {
                let out = sine(from, to, nyquist * part, 1_024);
                assert_eq!(out.len(), to as usize, "{from} to {to}");
                // The grid of the filter is a point off: its sound is as much of a sample early.
                let points = points((to / gcd(from, to)) as usize) as f64;
                let late = if cfg!(feature = "fft") { 0.0 } else { -1.0 / points / f64::from(from) };
                let snr = snr(&out, to, nyquist * part, late);
                assert!(snr > 60.0, "{from} to {to} at {part} of the band: {snr:.1} dB");
            }
        }
    }

    #[test]
    fn rates_with_nothing_in_common_keep_time_to_within_a_sample() {
        let out = sine(44_100, 47_998, 440.0, 1_000);
        assert_eq!(out.len(), 47_998);
        // Half a sample at 440 Hz is 29 dB below the tone.
        let snr = snr(&out, 47_998, 440.0, 0.0);
        assert!(snr > 29.0, "{snr}");
    }

    #[test]
    fn the_size_of_pieces_changes_nothing() {
        assert_eq!(sine(44_100, 48_000, 1_000.0, 7), sine(44_100, 48_000, 1_000.0, 44_100));
    }

    #[test]
    fn short_sounds_come_out_whole() {
        for samples in [1, 2, 100, 587, 588, 589] {
            let mut resampler = Resampler::new(44_100, 48_000, 1).unwrap();
            let mut out = [Vec::new()];
            for _ in 0..2 {
                resampler.input()[0].resize(samples, 0.25);
                out[0].clear();
                resampler.finish(&mut out).unwrap();
                assert_eq!(out[0].len() as u64, resampler.length(samples as u64));
            }
        }
    }

    #[test]
    fn absurd_rates_are_refused() {
        assert!(Resampler::new(1, 768_000, 2).is_err());
        assert!(Resampler::new(0, 200, 2).is_err());
        assert!(Resampler::new(u32::MAX, 48_000, 2).is_err());
    }
}
