//! Values in ffmpeg's units: numbers and timeouts here; times, sizes and rates as generated sources take them too.

mod number;
mod timeout;

pub(crate) use brooklet_format::values::{RATE_NAMES, SIZE_NAMES, duration, frame_rate, picture_size, time};
pub(crate) use number::{bit_rate, number, whole};
pub(crate) use timeout::{Bare, timeout};
