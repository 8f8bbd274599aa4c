//! Times: `55`, `1.5s`, `200ms`, `40us`, `1:02:03.25`; exact to the nanosecond.

use std::time::Duration;

use super::decimal;

const SECOND: u64 = 1_000_000_000;

/// Nanoseconds, negative with a leading `-`.
pub fn time(text: &str) -> Option<i64> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let nanos = if text.contains(':') { clock(text)? } else { with_unit(text)? };
    i64::try_from(nanos).ok().map(|nanos| sign * nanos)
}

/// A time that is not negative.
pub fn duration(text: &str) -> Option<Duration> {
    time(text).and_then(|nanos| u64::try_from(nanos).ok()).map(Duration::from_nanos)
}

/// `[HH:]MM:SS[.m…]`.
fn clock(text: &str) -> Option<u64> {
    let mut parts = text.rsplitn(3, ':');
    let seconds = parts.next().filter(|text| text.split('.').next().is_some_and(|whole| whole.len() <= 2))?;
    let minutes: u64 = parts.next().filter(|text| text.len() <= 2)?.parse().ok()?;
    let hours: u64 = parts.next().map_or(Some(0), |text| text.parse().ok())?;
    let nanos = scaled(seconds, SECOND)?;
    if minutes >= 60 || nanos >= 60 * SECOND {
        return None;
    }
    hours.checked_mul(3_600)?.checked_add(minutes * 60)?.checked_mul(SECOND)?.checked_add(nanos)
}

/// `S[.m…][s|ms|us]`.
fn with_unit(text: &str) -> Option<u64> {
    for (unit, nanos) in [("ms", SECOND / 1_000), ("us", 1_000), ("s", SECOND)] {
        if let Some(count) = text.strip_suffix(unit) {
            return scaled(count, nanos);
        }
    }
    scaled(text, SECOND)
}

fn scaled(text: &str, unit: u64) -> Option<u64> {
    let (mantissa, places) = decimal(text)?;
    u64::try_from(u128::from(mantissa) * u128::from(unit) / 10u128.pow(places)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_spelling_of_ffmpeg() {
        let known = [
            ("55", 55 * SECOND as i64),
            ("0.2", 200_000_000),
            ("200ms", 200_000_000),
            ("200000us", 200_000_000),
            ("12:03:45", 43_425 * SECOND as i64),
            ("1:30", 90 * SECOND as i64),
            ("23.189", 23_189_000_000),
            ("-00:00:01.5", -1_500_000_000),
            ("-0.5", -500_000_000),
            ("1.5s", 1_500_000_000),
            ("00:00:10.000", 10 * SECOND as i64),
            ("100:00:00", 360_000 * SECOND as i64),
        ];
        for (text, nanos) in known {
            assert_eq!(time(text), Some(nanos), "{text}");
        }
    }

    #[test]
    fn what_is_no_time() {
        for text in
            ["", "-", ":", "1:", ":30", "1:60", "60:00:60", "1:2:3:4", "5m", "5h", "1:30s", "abc", "1e3"]
        {
            assert_eq!(time(text), None, "{text}");
        }
        assert_eq!(time("99999999999999999"), None, "past what 64 bits of nanoseconds hold");
        assert_eq!(duration("-1"), None);
    }

    proptest! {
        #[test]
        fn a_clock_reads_back(seconds in 0u64..1_000_000, micros in 0u64..1_000_000) {
            let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
            let text = format!("{hours:02}:{minutes:02}:{rest:02}.{micros:06}");
            prop_assert_eq!(time(&text), Some((seconds * SECOND + micros * 1_000) as i64));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,24}") {
            let _ = (time(&text), super::super::frame_rate(&text), super::super::picture_size(&text));
        }
    }
}
