//! Values in ffmpeg's units: times, sizes, rates, numbers. Each parser says `None` to what it does not know.

mod number;
mod rate;
mod size;
mod time;

pub(crate) use number::{bit_rate, number, whole};
pub(crate) use rate::{RATE_NAMES, frame_rate};
pub(crate) use size::{SIZE_NAMES, picture_size};
pub(crate) use time::{Bare, duration, time, timeout};

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
