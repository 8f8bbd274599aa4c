//! Sizes, rates and durations as ffmpeg's users write them.

use brooklet_media::{Error, Rational, Result};

/// ffmpeg's names of picture sizes.
const SIZES: [(&str, (u32, u32)); 27] = [
    ("sqcif", (128, 96)),
    ("qcif", (176, 144)),
    ("cif", (352, 288)),
    ("4cif", (704, 576)),
    ("16cif", (1_408, 1_152)),
    ("ntsc", (720, 480)),
    ("pal", (720, 576)),
    ("qntsc", (352, 240)),
    ("qpal", (352, 288)),
    ("sntsc", (640, 480)),
    ("spal", (768, 576)),
    ("qqvga", (160, 120)),
    ("qvga", (320, 240)),
    ("vga", (640, 480)),
    ("svga", (800, 600)),
    ("xga", (1_024, 768)),
    ("sxga", (1_280, 1_024)),
    ("uxga", (1_600, 1_200)),
    ("wvga", (852, 480)),
    ("hd480", (852, 480)),
    ("nhd", (640, 360)),
    ("qhd", (960, 540)),
    ("hd720", (1_280, 720)),
    ("hd1080", (1_920, 1_080)),
    ("2k", (2_048, 1_080)),
    ("uhd2160", (3_840, 2_160)),
    ("4k", (4_096, 2_160)),
];

/// ffmpeg's names of frame rates.
const RATES: [(&str, (u32, u32)); 8] = [
    ("ntsc", (30_000, 1_001)),
    ("pal", (25, 1)),
    ("qntsc", (30_000, 1_001)),
    ("qpal", (25, 1)),
    ("sntsc", (30_000, 1_001)),
    ("spal", (25, 1)),
    ("film", (24, 1)),
    ("ntsc-film", (24_000, 1_001)),
];

/// A picture size: `640x360`, `vga`, `hd720`.
///
/// # Errors
///
/// [`Error::Usage`] for anything else; whether the size is a sensible one is not looked at.
pub(crate) fn parse_size(text: &str) -> Result<(u32, u32)> {
    let named = SIZES.iter().find(|(name, _)| *name == text).map(|(_, size)| *size);
    let numbers = || {
        let (width, height) = text.split_once(['x', 'X'])?;
        Some((width.parse().ok()?, height.parse().ok()?))
    };
    named
        .or_else(numbers)
        .ok_or_else(|| Error::Usage(format!("'{text}' is no picture size, like 640x360 or hd720")))
}

/// A frame rate above 0: `25`, `29.97`, `30000/1001`, `ntsc`.
///
/// # Errors
///
/// [`Error::Usage`] for anything else.
pub(crate) fn parse_rate(text: &str) -> Result<Rational> {
    let named = RATES.iter().find(|(name, _)| *name == text).map(|(_, rate)| *rate);
    let ratio = || {
        let (num, den) = text.split_once(['/', ':'])?;
        Some((num.parse().ok()?, den.parse().ok()?))
    };
    named
        .or_else(ratio)
        .or_else(|| decimal(text))
        .and_then(|(num, den)| Rational::new(num, den))
        .filter(|rate| rate.num() > 0)
        .ok_or_else(|| Error::Usage(format!("'{text}' is no frame rate, like 25, 30000/1001 or ntsc")))
}

/// A duration in microseconds: `5`, `2.5`, `1:30`, `00:01:30.5`, `500ms`, `20us`, `5s`; with a leading `-` too.
///
/// # Errors
///
/// [`Error::Usage`] for anything else.
pub(crate) fn parse_duration(text: &str) -> Result<i64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let micros = match digits.split_once(':') {
        Some((first, rest)) => clock_time(first, rest),
        None => {
            let units = [("ms", 1_000u64), ("us", 1), ("s", 1_000_000), ("", 1_000_000)];
            let unit = units.iter().find_map(|(suffix, unit)| Some((digits.strip_suffix(suffix)?, *unit)));
            unit.and_then(|(number, unit)| scaled(number, unit))
        }
    };
    let micros = micros.and_then(|micros| i64::try_from(micros).ok());
    let micros = micros
        .ok_or_else(|| Error::Usage(format!("'{text}' is no duration, like 5, 2.5, 500ms or 00:01:30")))?;
    Ok(if negative { -micros } else { micros })
}

/// `first:rest`, where rest is `SS[.m]` or `MM:SS[.m]`.
fn clock_time(first: &str, rest: &str) -> Option<u64> {
    let (hours, minutes, seconds) = match rest.split_once(':') {
        Some((minutes, seconds)) => (first.parse::<u64>().ok()?, minutes.parse::<u64>().ok()?, seconds),
        None => (0, first.parse().ok()?, rest),
    };
    let whole = hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(60_000_000)?;
    whole.checked_add(scaled(seconds, 1_000_000)?)
}

/// A decimal number times `unit`, a power of ten, without what is less than one.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len() + fraction.len() == 0 {
        return None;
    }
    let mut value = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? }.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.bytes() {
        place /= 10;
        value = value.checked_add(u64::from(digit - b'0') * place)?;
    }
    Some(value)
}

/// A decimal number as a fraction, to a millionth.
fn decimal(text: &str) -> Option<(u32, u32)> {
    let places = text.split_once('.').map_or(0, |(_, fraction)| fraction.len().min(6)) as u32;
    let unit = 10u32.checked_pow(places)?;
    Some((u32::try_from(scaled(text, unit.into())?).ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, micros) in [
            ("5", 5_000_000),
            ("2.5", 2_500_000),
            (".25s", 250_000),
            ("500ms", 500_000),
            ("20us", 20),
            ("1:30", 90_000_000),
            ("01:00:00.000001", 3_600_000_001),
            ("-1", -1_000_000),
        ] {
            assert_eq!(parse_duration(text), Ok(micros), "{text}");
        }
        for text in ["", "-", "s", "five", "1:2:3:4", "99999999999999999999", "1e3"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_and_sizes() {
        assert_eq!(parse_rate("29.97"), Ok(Rational::new(2_997, 100).unwrap()));
        assert_eq!(parse_rate("ntsc"), parse_rate("30000/1001"));
        assert_eq!((parse_size("hd720"), parse_size("5x7")), (Ok((1_280, 720)), Ok((5, 7))));
        assert!(parse_rate("0").is_err() && parse_rate("1/0").is_err() && parse_size("640").is_err());
    }
}
