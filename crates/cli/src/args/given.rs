//! One option as a command line has it, and its value as what the option wants.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use brooklet_media::{MediaKind, Rational};

use super::error::UsageError;
use super::flag::Flag;
use super::specifier::Wanted;
use super::values;

/// An option with its value.
#[derive(Clone)]
pub(crate) struct Given {
    /// The option.
    pub(crate) flag: &'static Flag,
    /// Its name as written, specifier included, without the dash.
    pub(crate) spelled: String,
    /// Which streams it is for.
    pub(crate) wanted: Wanted,
    /// Its value; empty where it takes none.
    pub(crate) value: String,
    /// Whether it was not written as `-no…`.
    pub(crate) on: bool,
}

impl Given {
    /// Whether it is for streams of this kind.
    pub(crate) fn is_for(&self, kind: MediaKind) -> bool {
        matches!(self.wanted, Wanted::All) || self.wanted == Wanted::Kind(kind)
    }

    /// Nanoseconds, of either sign.
    pub(crate) fn time(&self) -> Result<i64, UsageError> {
        self.read(values::time(&self.value), "a time (55, 1:02:03.5, 200ms)")
    }

    /// A time in microseconds, or with its unit; none for 0.
    pub(crate) fn timeout(&self) -> Result<Option<Duration>, UsageError> {
        self.read(values::timeout(&self.value, values::Bare::Micros), "a time (microseconds, or 5s, 500ms)")
    }

    /// A time that is not negative.
    pub(crate) fn duration(&self) -> Result<Duration, UsageError> {
        self.read(values::duration(&self.value), "a time from 0 on (55, 1:02:03.5, 200ms)")
    }

    /// A whole number from 0 to what `T` holds.
    pub(crate) fn count<T: TryFrom<u64>>(&self) -> Result<T, UsageError> {
        let count = values::whole(&self.value).and_then(|count| T::try_from(count).ok());
        self.read(count, "a whole number in range (25, 48k)")
    }

    /// A whole number from 1 to what `T` holds.
    pub(crate) fn positive<T: TryFrom<u64>>(&self) -> Result<T, UsageError> {
        let count = values::whole(&self.value).filter(|count| *count > 0);
        self.read(count.and_then(|count| T::try_from(count).ok()), "a whole number from 1 on (25, 48k)")
    }

    /// A whole number of either sign.
    pub(crate) fn signed(&self) -> Result<i32, UsageError> {
        self.read(self.value.parse().ok(), "a whole number")
    }

    /// 0 or 1.
    pub(crate) fn switch(&self) -> Result<bool, UsageError> {
        let on = match self.value.as_str() {
            "1" | "true" | "on" => Some(true),
            "0" | "false" | "off" => Some(false),
            _ => None,
        };
        self.read(on, "1 (on) or 0 (off)")
    }

    /// Any number.
    pub(crate) fn number(&self) -> Result<f64, UsageError> {
        self.read(values::number(&self.value), "a number")
    }

    /// Bits in a second; none for a plain 0, which leaves it to the encoder.
    pub(crate) fn bit_rate(&self) -> Result<Option<u64>, UsageError> {
        if self.value == "0" {
            return Ok(None);
        }
        let rate = values::bit_rate(&self.value).filter(|rate| *rate > 0);
        self.read(rate, "a bit rate (800k, 2M, 1.5M)").map(Some)
    }

    /// Width and height.
    pub(crate) fn size(&self) -> Result<(u32, u32), UsageError> {
        self.read(values::picture_size(&self.value), "a picture size (640x360, hd720), at most 16384x16384")
    }

    /// Frames in a second.
    pub(crate) fn rate(&self) -> Result<Rational, UsageError> {
        self.read(values::frame_rate(&self.value), "a frame rate (25, 30000/1001, ntsc)")
    }

    /// A pixel or sample format. ffmpeg's `+`, which forbids to choose another, is the rule here anyway; alone
    /// it stands for the format of the input.
    pub(crate) fn format<T: FromStr<Err: Display>>(&self) -> Result<Option<T>, UsageError> {
        match self.value.strip_prefix('+').unwrap_or(&self.value) {
            "" if self.value == "+" => Ok(None),
            name => self.parsed(name).map(Some),
        }
    }

    /// A value that has words of its own for what is wrong with it.
    pub(crate) fn word<T: FromStr<Err: Display>>(&self) -> Result<T, UsageError> {
        self.parsed(&self.value)
    }

    /// The value that was read, or what it should have been.
    pub(crate) fn read<T>(&self, value: Option<T>, expected: &'static str) -> Result<T, UsageError> {
        value.ok_or_else(|| UsageError::BadValue {
            option: self.spelled.clone(),
            value: self.value.clone(),
            expected,
        })
    }

    /// An error of this option.
    pub(crate) fn refuse(&self, why: impl Into<String>) -> UsageError {
        UsageError::Refused { option: self.spelled.clone(), why: why.into() }
    }

    fn parsed<T: FromStr<Err: Display>>(&self, text: &str) -> Result<T, UsageError> {
        text.parse().map_err(|error: T::Err| self.refuse(error.to_string()))
    }
}
