//! How far coding noise stands below what the ear lets through: a noise-to-mask ratio in the manner of ISO/IEC 11172-3
//! Annex D, simplified. It compares encoders on one clip; it is no measure that others use.
//!
//! Every block of 1024 samples of the original masks in bands of a third of a Bark: its energy, spread by 27 dB a Bark
//! downwards and 10 dB a Bark upwards, less 12 dB, but no lower than the threshold of hearing with full scale at 96 dB.
//! The ratio of the difference's energy to this, in dB, is averaged over bands and blocks.

use std::f64::consts::PI;

const BLOCK: usize = 1_024;
const BANDS: usize = 75;

/// Mean noise-to-mask ratio of `coded` against `original`, dB: lower is better.
pub(super) fn noise_to_mask(original: &[f32], coded: &[f32], rate: u32) -> f64 {
    let band_of: Vec<usize> = (0..BLOCK / 2)
        .map(|bin| {
            let khz = kilohertz(bin, rate);
            let bark = 13.0 * (0.76 * khz).atan() + 3.5 * (khz / 7.5).powi(2).atan();
            ((bark * 3.0) as usize).min(BANDS - 1)
        })
        .collect();
    let used: Vec<usize> = (0..BANDS).filter(|band| band_of.contains(band)).collect();
    let quiet: Vec<f64> = (0..BANDS).map(|band| threshold(band, rate, &band_of)).collect();
    let length = original.len().min(coded.len());
    let (mut sum, mut count) = (0.0, 0u64);
    for start in (0..length.saturating_sub(BLOCK)).step_by(BLOCK / 2) {
        let block = &original[start..start + BLOCK];
        let noise: Vec<f32> = block.iter().zip(&coded[start..]).map(|(a, b)| b - a).collect();
        let (signal, noise) = (energies(block, &band_of), energies(&noise, &band_of));
        if signal.iter().sum::<f64>() < 1e-6 {
            continue;
        }
        for band in &used {
            let spread = |from: usize| {
                let distance = (*band as f64 - from as f64) / 3.0;
                let slope = if distance < 0.0 { -27.0 * distance } else { 10.0 * distance };
                signal[from] * 10f64.powf(-(slope + 12.0) / 10.0)
            };
            let mask = (0..BANDS).map(spread).fold(0.0, f64::max).max(quiet[*band]);
            sum += (10.0 * (noise[*band].max(1e-12) / mask).log10()).max(-40.0);
            count += 1;
        }
    }
    sum / count.max(1) as f64
}

/// The least threshold of hearing within a band (Terhardt), as energy of a block.
fn threshold(band: usize, rate: u32, band_of: &[usize]) -> f64 {
    let bins = (0..band_of.len()).filter(|bin| band_of[*bin] == band);
    let least = bins
        .map(|bin| {
            let khz = kilohertz(bin, rate);
            3.64 * khz.powf(-0.8) - 6.5 * (-0.6 * (khz - 3.3).powi(2)).exp() + 1e-3 * khz.powi(4)
        })
        .fold(200.0, f64::min);
    // A sine of full scale fills a bin with (BLOCK / 4)².
    (BLOCK as f64 / 4.0).powi(2) * 10f64.powf((least - 96.0) / 10.0)
}

fn kilohertz(bin: usize, rate: u32) -> f64 {
    (bin as f64 + 0.5) * f64::from(rate) / BLOCK as f64 / 1_000.0
}

fn energies(samples: &[f32], band_of: &[usize]) -> [f64; BANDS] {
    let window = |n: usize| 0.5 - 0.5 * (2.0 * PI * n as f64 / BLOCK as f64).cos();
    let mut re: Vec<f64> = samples.iter().enumerate().map(|(n, s)| f64::from(*s) * window(n)).collect();
    let mut im = vec![0.0; BLOCK];
    transform(&mut re, &mut im);
    let mut out = [0.0; BANDS];
    band_of.iter().enumerate().for_each(|(bin, band)| out[*band] += re[bin].powi(2) + im[bin].powi(2));
    out
}

/// A radix-2 Fourier transform in place.
fn transform(re: &mut [f64], im: &mut [f64]) {
    let count = re.len();
    let mut reversed = 0;
    for index in 1..count {
        let mut bit = count >> 1;
        while reversed & bit != 0 {
            reversed ^= bit;
            bit >>= 1;
        }
        reversed |= bit;
        if index < reversed {
            re.swap(index, reversed);
            im.swap(index, reversed);
        }
    }
    let mut length = 2;
    while length <= count {
        for start in (0..count).step_by(length) {
            for k in 0..length / 2 {
                let (sin, cos) = (-2.0 * PI * k as f64 / length as f64).sin_cos();
                let (a, b) = (start + k, start + k + length / 2);
                let turned = (re[b] * cos - im[b] * sin, re[b] * sin + im[b] * cos);
                (re[b], im[b]) = (re[a] - turned.0, im[a] - turned.1);
                (re[a], im[a]) = (re[a] + turned.0, im[a] + turned.1);
            }
        }
        length <<= 1;
    }
}
