//! Sound in place of what was lost: the last period of the pitch again and again, fading (after ITU-T G.711 Appendix I, without
//! its delay).

use alloc::vec;
use alloc::vec::Vec;

/// The longest and the shortest period of a pitch, in seconds: 66 to 400 Hz.
const LONGEST: f64 = 0.015;
const SHORTEST: f64 = 0.002_5;
/// What is compared to find the pitch, in seconds.
const WINDOW: f64 = 0.020;
/// What is remembered, in seconds: the window, the longest period, and a quarter of it.
const MEMORY: f64 = 0.040;
/// From one sound to another, in seconds.
const FADE: f64 = 0.005;
/// A repetition is as loud as the sound for so long, in seconds, and silent after the second.
const HOLD: f64 = 0.010;
const SILENT: f64 = 0.060;
/// The pitch is looked for in about so many samples a second.
const SEARCH_RATE: usize = 8_000;

/// Makes sound for what is missing, and joins it to what is there, without a click.
///
/// Samples are planes of numbers, one for each channel. What is played passes through [`Concealer::join`]; what is missing comes
/// from [`Concealer::conceal`]. A repetition is silent after 60 ms.
#[derive(Clone, Debug)]
pub struct Concealer {
    rate: f64,
    /// The last samples that were played, of each channel.
    memory: Vec<Vec<f32>>,
    /// The period that is repeated, of each channel; empty while nothing is missing.
    period: Vec<Vec<f32>>,
    /// The step from the last sample played to the repetition, of each channel.
    step: Vec<f32>,
    /// Samples that were made since the last that was there.
    made: usize,
}

impl Concealer {
    /// For sound of `rate` Hz.
    pub fn new(rate: u32, channels: usize) -> Self {
        Self {
            rate: f64::from(rate),
            memory: vec![vec![0.0; samples(f64::from(rate), MEMORY)]; channels],
            period: Vec::new(),
            step: Vec::new(),
            made: 0,
        }
    }

    /// Takes the next sound that is there, and makes it follow on what came before: from a repetition, or, where `skipped`, from
    /// sound that was left out, it fades over 5 ms.
    pub fn join(&mut self, planes: &mut [Vec<f32>], skipped: bool) {
        if skipped && self.period.is_empty() {
            self.begin();
        }
        if !self.period.is_empty() {
            let fade = samples(self.rate, FADE).min(planes.first().map_or(0, Vec::len));
            let old = self.repeat(fade);
            for (new, old) in planes.iter_mut().zip(&old) {
                for (n, (new, old)) in new.iter_mut().zip(old).enumerate() {
                    let weight = (n + 1) as f32 / (fade + 1) as f32;
                    *new = *new * weight + old * (1.0 - weight);
                }
            }
            self.period.clear();
            self.made = 0;
        }
        self.remember(planes);
    }

    /// So many samples in place of what is missing.
    pub fn conceal(&mut self, count: usize) -> Vec<Vec<f32>> {
        if self.period.is_empty() {
            self.begin();
        }
        let planes = self.repeat(count);
        self.remember(&planes);
        planes
    }

    /// Two runs of sound as one of about half their length, of the same pitch: where they are most alike, one fades into the
    /// other.
    pub fn hasten(&self, planes: &[Vec<f32>]) -> Vec<Vec<f32>> {
        let length = planes.first().map_or(0, Vec::len);
        let (fade, spread) = (length / 8, samples(self.rate, SHORTEST).max(length / 8));
        if fade == 0 {
            return planes.to_vec();
        }
        let mixed = mix(planes);
        let place = |cut: usize| (length - cut - fade) / 2;
        let cuts = (length / 2).saturating_sub(spread)..(length / 2 + spread).min(length - fade);
        let like = |cut: &usize| {
            let at = place(*cut);
            likeness(&mixed[at..at + fade], &mixed[at + cut..at + cut + fade], 1)
        };
        let stride = self.stride();
        let cut = cuts.step_by(stride).map(|cut| (cut, like(&cut))).max_by(|a, b| a.1.total_cmp(&b.1));
        let cut = cut.map_or(length / 2, |(cut, _)| cut);
        let at = place(cut);
        let shorten = |plane: &Vec<f32>| {
            let mut out = plane[..at].to_vec();
            out.extend((0..fade).map(|n| {
                let weight = (n + 1) as f32 / (fade + 1) as f32;
                plane[at + n] * (1.0 - weight) + plane[at + cut + n] * weight
            }));
            out.extend_from_slice(&plane[at + cut + fade..]);
            out
        };
        planes.iter().map(shorten).collect()
    }

    /// Finds the period to repeat.
    fn begin(&mut self) {
        let period = self.pitch();
        let overlap = period / 4;
        self.period.clear();
        self.step.clear();
        for memory in &self.memory {
            let start = memory.len() - period;
            let mut wave = memory[start..].to_vec();
            // Its end flows into its start: it becomes what stood before the start.
            for n in 0..overlap {
                let weight = (n + 1) as f32 / overlap as f32;
                let at = period - overlap + n;
                wave[at] = wave[at] * (1.0 - weight) + memory[start - overlap + n] * weight;
            }
            self.step.push(memory[memory.len() - 1] - memory[start - 1]);
            self.period.push(wave);
        }
        self.made = 0;
    }

    /// The period with which the last samples are most like those before.
    fn pitch(&self) -> usize {
        let mixed = mix(&self.memory);
        let (least, most) = (samples(self.rate, SHORTEST), samples(self.rate, LONGEST));
        let window = samples(self.rate, WINDOW);
        let stride = self.stride();
        let now = &mixed[mixed.len() - window..];
        let like = |lag: usize| {
            let start = mixed.len() - window - lag;
            likeness(now, &mixed[start..start + window], stride)
        };
        let best = |lags: &mut dyn Iterator<Item = usize>| {
            lags.map(|lag| (lag, like(lag))).max_by(|a, b| a.1.total_cmp(&b.1)).map_or(most, |(lag, _)| lag)
        };
        let coarse = best(&mut (least..=most).step_by(stride));
        best(&mut (coarse.saturating_sub(stride).max(least)..=(coarse + stride).min(most)))
    }

    /// The next samples of the repetition.
    fn repeat(&mut self, count: usize) -> Vec<Vec<f32>> {
        let (hold, silent) = (samples(self.rate, HOLD), samples(self.rate, SILENT));
        let blend = samples(self.rate, SHORTEST);
        let made = self.made;
        let wave = |(period, step): (&Vec<f32>, &f32)| {
            (made..made + count)
                .map(|n| {
                    let loudness =
                        if n < hold { 1.0 } else { silent.saturating_sub(n) as f32 / (silent - hold) as f32 };
                    let bridge = step * (blend.saturating_sub(n)) as f32 / blend as f32;
                    (period[n % period.len()] + bridge) * loudness
                })
                .collect()
        };
        let planes = self.period.iter().zip(&self.step).map(wave).collect();
        self.made += count;
        planes
    }

    fn remember(&mut self, planes: &[Vec<f32>]) {
        for (memory, plane) in self.memory.iter_mut().zip(planes) {
            let length = memory.len();
            let new = &plane[plane.len().saturating_sub(length)..];
            memory.drain(..new.len());
            memory.extend_from_slice(new);
        }
    }

    fn stride(&self) -> usize {
        (self.rate as usize / SEARCH_RATE).max(1)
    }
}

/// So many seconds in samples, as at 1 kHz at least: below it there is no pitch to find, but something to compare.
fn samples(rate: f64, seconds: f64) -> usize {
    libm::floor(rate.max(1_000.0) * seconds) as usize
}

fn mix(planes: &[Vec<f32>]) -> Vec<f32> {
    let mut mixed = planes.first().cloned().unwrap_or_default();
    for plane in planes.iter().skip(1) {
        mixed.iter_mut().zip(plane).for_each(|(sum, sample)| *sum += sample);
    }
    mixed
}

/// The correlation of two pieces, 1 where they are the same but for their loudness; of silence 0.
fn likeness(a: &[f32], b: &[f32], stride: usize) -> f32 {
    let (mut ab, mut aa, mut bb) = (0.0f32, 0.0f32, 0.0f32);
    for (a, b) in a.iter().zip(b).step_by(stride) {
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    ab / libm::sqrtf(aa * bb).max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn tone(rate: u32, frequency: f64, from: usize, count: usize) -> Vec<f32> {
        let at = |n: usize| (0.5 * (TAU * frequency * n as f64 / f64::from(rate)).sin()) as f32;
        (from..from + count).map(at).collect()
    }

    /// The largest step from sample to sample.
    fn steepest(wave: &[f32]) -> f32 {
        wave.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_lost_packet_leaves_no_click() {
        for rate in [8_000, 16_000, 44_100, 48_000] {
            for frequency in [100.0, 440.0, 707.0, 1_000.0] {
                let packet = rate as usize / 50;
                let mut concealer = Concealer::new(rate, 1);
                let mut out = Vec::new();
                for number in 0..100 {
                    if [10, 20, 21, 50, 51, 52].contains(&number) {
                        out.extend(concealer.conceal(packet).remove(0));
                    } else {
                        let mut planes = [tone(rate, frequency, number * packet, packet)];
                        concealer.join(&mut planes, false);
                        out.extend_from_slice(&planes[0]);
                    }
                }
                let own = steepest(&tone(rate, frequency, 0, rate as usize));
                let with = steepest(&out);
                assert!(
                    with < own * 1.5 + 0.02,
                    "{frequency} Hz at {rate} Hz: a step of {with}, {own} without loss"
                );
                // The repetition is the tone: one lost packet takes little of its energy.
                let energy = |wave: &[f32]| wave.iter().map(|x| x * x).sum::<f32>();
                let (kept, whole) =
                    (energy(&out[10 * packet..11 * packet]), energy(&out[5 * packet..6 * packet]));
                assert!(kept > 0.5 * whole, "{frequency} Hz at {rate} Hz: {kept} of {whole}");
            }
        }
    }

    #[test]
    fn a_long_loss_is_silent_in_the_end() {
        let mut concealer = Concealer::new(8_000, 2);
        concealer.join(&mut [tone(8_000, 300.0, 0, 800), tone(8_000, 300.0, 0, 800)], false);
        let planes = concealer.conceal(8_000);
        assert_eq!(planes.len(), 2);
        assert!(planes[1][600..].iter().all(|sample| *sample == 0.0));
    }

    #[test]
    fn what_is_hastened_keeps_its_pitch() {
        let concealer = Concealer::new(8_000, 1);
        let wave = tone(8_000, 440.0, 0, 320);
        let short = concealer.hasten(std::slice::from_ref(&wave)).remove(0);
        assert!((120..200).contains(&short.len()), "{}", short.len());
        assert!(steepest(&short) < steepest(&wave) * 1.2);
        let crossings = |wave: &[f32]| wave.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
        let expected = 440.0 * short.len() as f64 / 8_000.0;
        assert!((crossings(&short) as f64 - expected).abs() < 1.6);
    }

    #[test]
    fn odd_rates_and_lengths_are_no_trouble() {
        for rate in [1, 7, 100, 1_000, 11_025, 192_000] {
            let mut concealer = Concealer::new(rate, 1);
            concealer.conceal(3);
            concealer.join(&mut [vec![0.5; 2]], false);
            concealer.join(&mut [Vec::new()], true);
            concealer.conceal(0);
            assert_eq!(concealer.conceal(500)[0].len(), 500);
            for length in [0, 1, 7, 8, 9, 100, 2_000] {
                assert!(concealer.hasten(&[vec![0.1; length]])[0].len() <= length);
            }
        }
    }
}
