//! The 32-bit clock of tags, in both directions.

/// How far from the last one a timestamp may be for a wrap at 31 bits to be believed, in milliseconds.
const NEAR: i32 = 60_000;

/// Timestamps that begin this much before the wrap, in milliseconds, are taken for negative ones.
const BEFORE_ZERO: u32 = 3_600_000;

/// Unwraps the timestamps of one source of tags.
///
/// FLV and RTMP count milliseconds in 32 bits, which are full after 49.7 days. ffmpeg's muxer writes only 31 of them
/// and starts again after 24.8 days. Each timestamp is taken for the one nearest to that before it, so both ways of
/// wrapping, and jumps of up to 24 days, are followed.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    last: Option<i64>,
}

impl Clock {
    /// A clock that goes on from `millis`.
    pub const fn near(millis: i64) -> Self {
        Self { last: Some(millis) }
    }

    /// The milliseconds that `wire` stands for; the next ones are compared to it.
    pub fn unwrap(&mut self, wire: u32) -> i64 {
        let millis = self.peek(wire);
        self.last = Some(millis);
        millis
    }

    /// As [`Clock::unwrap`], without a trace: for headers, whose time is often 0 in mid-stream.
    pub fn peek(&self, wire: u32) -> i64 {
        let Some(last) = self.last else {
            // The first decides by itself. Annex E.4.1 calls it signed, yet what writes 32 bits means long runs.
            return if wire >= u32::MAX - BEFORE_ZERO { i64::from(wire as i32) } else { i64::from(wire) };
        };
        let step = wire.wrapping_sub(last as u32);
        let (of_32_bits, of_31_bits) = (step as i32, (step << 1) as i32 >> 1);
        let believed = if of_31_bits.abs() <= NEAR { of_31_bits } else { of_32_bits };
        last.saturating_add(i64::from(believed))
    }
}

/// The 32 bits that `millis` are written as: the low 24, then the high 8.
pub const fn wrap(millis: i64) -> u32 {
    millis as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unwrap_all(wire: impl IntoIterator<Item = u32>) -> Vec<i64> {
        let mut clock = Clock::default();
        wire.into_iter().map(|wire| clock.unwrap(wire)).collect()
    }

    #[test]
    fn fifty_days_pass_every_boundary_unharmed() {
        for boundary in [1i64 << 24, 1 << 31, 1 << 32, 1 << 33] {
            let times: Vec<_> = (-5..5).map(|frame| boundary + frame * 40).collect();
            let mut clock = Clock::near(times[0]);
            let read: Vec<_> = times.iter().map(|time| clock.unwrap(wrap(*time))).collect();
            assert_eq!(read, times);
        }
    }

    #[test]
    fn a_writer_of_31_bits_is_followed() {
        let wire = [0x7FFF_FFF0, 0x7FFF_FFFF, 0x10, 0x40];
        assert_eq!(unwrap_all(wire), [0x7FFF_FFF0, 0x7FFF_FFFF, 0x8000_0010, 0x8000_0040]);
    }

    #[test]
    fn the_first_is_negative_only_just_before_zero() {
        assert_eq!(unwrap_all([u32::MAX - 79, u32::MAX, 40]), [-80, -1, 40]);
        assert_eq!(unwrap_all([3_000_000_000, 3_000_000_040]), [3_000_000_000, 3_000_000_040]);
    }

    #[test]
    fn a_header_at_zero_leaves_the_clock_alone() {
        let mut clock = Clock::near(3_000_000_000);
        clock.peek(0);
        assert_eq!(clock.unwrap(3_000_000_023), 3_000_000_023);
    }

    proptest! {
        #[test]
        fn steps_of_up_to_twelve_days_are_followed(
            start in 0..u32::MAX - BEFORE_ZERO, steps in prop::collection::vec(-(1i64 << 30) + 60_000..(1 << 30) - 60_000, 0..50),
        ) {
            let mut clock = Clock::default();
            let mut now = i64::from(start);
            prop_assert_eq!(clock.unwrap(start), now);
            for step in steps {
                now += step;
                prop_assert_eq!(clock.unwrap(wrap(now)), now);
            }
        }

        #[test]
        fn anything_is_read(wire in prop::collection::vec(any::<u32>(), 0..100)) {
            unwrap_all(wire);
        }
    }
}
