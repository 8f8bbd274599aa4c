//! Sizes, rates and times as ffmpeg's users write them, on the command line and in the names of generated sources. Each
//! parser says `None` to what it does not know.

mod rate;
mod size;
mod time;

use brooklet_media::{Error, Rational, Result};

pub use rate::{RATE_NAMES, frame_rate};
pub use size::{SIZE_NAMES, picture_size};
pub use time::{duration, time};

/// A picture size: `640x360`, `vga`, `hd720`.
///
/// # Errors
///
/// [`Error::Usage`] for anything else.
pub(crate) fn parse_size(text: &str) -> Result<(u32, u32)> {
    picture_size(text).ok_or_else(|| {
        Error::Usage(format!("'{text}' is no picture size of up to 16384x16384, like 640x360 or hd720"))
    })
}

/// A frame rate above 0: `25`, `29.97`, `30000/1001`, `ntsc`.
///
/// # Errors
///
/// [`Error::Usage`] for anything else.
pub(crate) fn parse_rate(text: &str) -> Result<Rational> {
    frame_rate(text)
        .ok_or_else(|| Error::Usage(format!("'{text}' is no frame rate, like 25, 30000/1001 or ntsc")))
}

/// A duration in microseconds: `5`, `2.5`, `1:30`, `00:01:30.5`, `500ms`, `20us`, `5s`; with a leading `-` too.
///
/// # Errors
///
/// [`Error::Usage`] for anything else.
pub(crate) fn parse_duration(text: &str) -> Result<i64> {
    time(text)
        .map(|nanos| nanos / 1_000)
        .ok_or_else(|| Error::Usage(format!("'{text}' is no duration, like 5, 2.5, 500ms or 00:01:30")))
}

/// A decimal number without rounding: `29.97` is 2997 and two places. At most 18 digits.
fn decimal(text: &str) -> Option<(u64, u32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.len() + fraction.len();
    let all_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if digits == 0 || digits > 18 || !all_digits {
        return None;
    }
    let mantissa = format!("{whole}{fraction}").parse().ok()?;
    Some((mantissa, u32::try_from(fraction.len()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_in_microseconds() {
        for (text, micros) in
            [("5", 5_000_000), (".25s", 250_000), ("20us", 20), ("1:30", 90_000_000), ("-1", -1_000_000)]
        {
            assert_eq!(parse_duration(text), Ok(micros), "{text}");
        }
        let refused = parse_duration("five").unwrap_err().to_string();
        assert!(refused.contains("'five' is no duration"), "{refused}");
    }

    #[test]
    fn what_is_none_is_refused_by_name() {
        assert!(parse_rate("0").is_err_and(|error| error.to_string().contains("'0' is no frame rate")));
        assert!(parse_size("640").is_err_and(|error| error.to_string().contains("'640' is no picture size")));
    }
}
