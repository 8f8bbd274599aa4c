//! Whether the sound that was received is the sound that was sent: frequency, gaps, correlation.

use std::f64::consts::TAU;

/// The loudness of `frequency` in samples of `rate` Hz: 1 for a sine of full scale.
pub fn tone(samples: &[f32], rate: u32, frequency: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let angle = TAU * frequency * n as f64 / f64::from(rate);
        re += f64::from(*sample) * angle.cos();
        im += f64::from(*sample) * angle.sin();
    }
    2.0 * (re * re + im * im).sqrt() / samples.len().max(1) as f64
}

/// Root mean square.
pub fn level(samples: &[f32]) -> f64 {
    (samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / samples.len().max(1) as f64)
        .sqrt()
}

/// How often it is silent for 5 ms or more between its first and its last sound.
pub fn gaps(samples: &[f32], rate: u32) -> usize {
    let window = (rate / 200) as usize;
    let loud: Vec<bool> = samples.chunks(window).map(|chunk| level(chunk) > 0.01).collect();
    let inside = loud.iter().position(|loud| *loud).zip(loud.iter().rposition(|loud| *loud));
    let Some((first, last)) = inside else { return 0 };
    loud[first..=last].windows(2).filter(|pair| pair[0] && !pair[1]).count()
}

/// The greatest correlation of `received` with `sent` at any of the first `lags` places: 1 where it is a copy.
pub fn correlation(sent: &[f32], received: &[f32], lags: usize) -> f64 {
    let at = |lag: usize| {
        let pairs = || received.iter().skip(lag).zip(sent).map(|(a, b)| (f64::from(*a), f64::from(*b)));
        let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
        for (a, b) in pairs() {
            ab += a * b;
            aa += a * a;
            bb += b * b;
        }
        ab / (aa * bb).sqrt().max(1e-12)
    };
    (0..lags).map(at).fold(0.0, f64::max)
}

/// The share of tenths of a second of `received` that are a copy of some place of `sent`, each near the one before: of sound
/// that was played a little faster or slower, with what was concealed. Both have no more in them than up to 2 kHz.
pub fn likeness(sent: &[f32], received: &[f32], rate: u32) -> f64 {
    let step = (rate / 8_000).max(1) as usize;
    let thin = |samples: &[f32]| samples.iter().step_by(step).copied().collect::<Vec<f32>>();
    let (sent, received) = (thin(sent), thin(received));
    let window = rate as usize / step / 10;
    let reach = window as i64;
    let first = received.iter().position(|sample| sample.abs() > 0.01).unwrap_or(0) / window + 1;
    let (mut shift, mut alike, mut all) = (None, 0, 0);
    for (number, piece) in received.chunks_exact(window).enumerate().skip(first) {
        if level(piece) < 0.05 {
            continue;
        }
        let at = (number * window) as i64;
        // The first is looked for everywhere, the others near where they should be.
        let places = match shift {
            None => -at..sent.len() as i64 - at,
            Some(shift) => shift - reach..shift + reach,
        };
        let like = |shift: &i64| {
            let start = usize::try_from(at + shift).ok()?;
            Some(correlation(sent.get(start..start + window)?, piece, 1))
        };
        let best = places.filter_map(|shift| like(&shift).map(|like| (shift, like)));
        let Some((place, like)) = best.max_by(|a, b| a.1.total_cmp(&b.1)) else { continue };
        all += 1;
        if like > 0.95 {
            alike += 1;
            shift = Some(place);
        }
    }
    f64::from(alike) / f64::from(all.max(1))
}

/// 16-bit little-endian samples as numbers.
pub fn of_s16le(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(2).map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0).collect()
}
