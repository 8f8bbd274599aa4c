//! `-timeout`: `5000000`, `5s`, `-1`.

use std::time::Duration;

use super::{number, time};

/// What a bare number of `-timeout` counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Bare {
    /// As for `-rw_timeout`, and `-timeout` of udp and tcp.
    Micros,
    /// As for `-buffer_duration`.
    Millis,
    /// As for `-timeout` of rtmp.
    Seconds,
}

/// A timeout: a bare number, or a time with its unit. `Some(None)` is for ever: 0, or anything negative.
pub(crate) fn timeout(text: &str, bare: Bare) -> Option<Option<Duration>> {
    let with_unit = text.ends_with('s') || text.contains(':');
    let nanos = match (with_unit, bare) {
        (true, _) => time(text)?,
        (false, Bare::Seconds) => to_nanos(number(text)? * 1e9)?,
        (false, Bare::Millis) => to_nanos(number(text)? * 1e6)?,
        (false, Bare::Micros) => to_nanos(number(text)? * 1e3)?,
    };
    Some(u64::try_from(nanos).ok().filter(|nanos| *nanos > 0).map(Duration::from_nanos))
}

fn to_nanos(nanos: f64) -> Option<i64> {
    (nanos.abs() < 9.2e18).then_some(nanos as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bare_timeout_counts_what_the_protocol_counts() {
        assert_eq!(timeout("5000000", Bare::Micros), Some(Some(Duration::from_secs(5))));
        assert_eq!(timeout("5M", Bare::Micros), Some(Some(Duration::from_secs(5))));
        assert_eq!(timeout("5", Bare::Seconds), Some(Some(Duration::from_secs(5))));
        assert_eq!(timeout("5s", Bare::Micros), Some(Some(Duration::from_secs(5))));
        assert_eq!(timeout("500ms", Bare::Seconds), Some(Some(Duration::from_millis(500))));
        assert_eq!(timeout("-1", Bare::Seconds), Some(None));
        assert_eq!(timeout("0", Bare::Micros), Some(None));
        assert_eq!(timeout("soon", Bare::Micros), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,24}") {
            let _ = (number(&text), timeout(&text, Bare::Micros), timeout(&text, Bare::Seconds));
        }
    }
}
