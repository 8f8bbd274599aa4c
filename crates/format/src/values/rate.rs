//! Frame rates: `25`, `29.97`, `30000/1001`, `ntsc`.

use brooklet_media::Rational;

use super::decimal;

/// ffmpeg's names of frame rates.
pub const RATE_NAMES: [(&str, u32, u32); 8] = [
    ("ntsc", 30_000, 1_001),
    ("pal", 25, 1),
    ("qntsc", 30_000, 1_001),
    ("qpal", 25, 1),
    ("sntsc", 30_000, 1_001),
    ("spal", 25, 1),
    ("film", 24, 1),
    ("ntsc-film", 24_000, 1_001),
];

/// A positive number of frames in a second. A decimal number is taken exactly: `29.97` is 2997/100, as in
/// ffmpeg, and not 30000/1001.
pub fn frame_rate(text: &str) -> Option<Rational> {
    let (num, den) = if let Some((_, num, den)) = RATE_NAMES.into_iter().find(|(name, ..)| *name == text) {
        (num, den)
    } else if let Some((num, den)) = text.split_once(['/', ':']) {
        (num.parse().ok()?, den.parse().ok()?)
    } else {
        let (mantissa, places) = decimal(text)?;
        reduce(mantissa, 10u64.pow(places))?
    };
    Rational::new(num, den).filter(|rate| rate.num() != 0)
}

/// In lowest terms, where those fit.
fn reduce(num: u64, den: u64) -> Option<(u32, u32)> {
    let (mut divisor, mut rest) = (num, den);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    Some((u32::try_from(num / divisor).ok()?, u32::try_from(den / divisor).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_exact() {
        let known = [
            ("25", 25, 1),
            ("29.97", 2_997, 100),
            ("23.976", 2_997, 125),
            ("30000/1001", 30_000, 1_001),
            ("30000:1001", 30_000, 1_001),
            ("ntsc", 30_000, 1_001),
            ("film", 24, 1),
            ("0.5", 1, 2),
            ("1/5", 1, 5),
        ];
        for (text, num, den) in known {
            assert_eq!(frame_rate(text), Rational::new(num, den), "{text}");
        }
    }

    #[test]
    fn no_rate_is_zero() {
        for text in ["0", "0/1", "25/0", "", "-25", "fast", "1/2/3", "99999999999", "25fps"] {
            assert_eq!(frame_rate(text), None, "{text}");
        }
    }
}
