//! Clocks that wrap: PTS and DTS have 33 bits of 90 kHz, the PCR 33 bits and a remainder at 27 MHz
//! (ISO/IEC 13818-1 §2.4.2.1). They start again every 26 h 30 min.

/// Ticks of a PTS, DTS or PCR base in a second.
pub(crate) const HZ: i64 = 90_000;
/// Ticks of a PCR in a second.
pub(crate) const PCR_HZ: i64 = 27_000_000;
/// Where PTS and DTS start again from 0, in ticks of 90 kHz.
pub(crate) const WRAP: i64 = 1 << 33;

/// Ticks of the PCR in one tick of 90 kHz.
pub(crate) const PCR_PER_TICK: i64 = PCR_HZ / HZ;

/// A program clock reference: ticks of 27 MHz, below [`Pcr::WRAP`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Pcr(u64);

impl Pcr {
    /// Where it starts again from 0.
    pub(crate) const WRAP: u64 = (WRAP * PCR_PER_TICK) as u64;

    /// The clock at `ticks` of 27 MHz, wrapped.
    pub(crate) const fn new(ticks: u64) -> Self {
        Self(ticks % Self::WRAP)
    }

    /// The clock at `ticks` of 27 MHz that may be negative or past the wrap.
    pub(crate) const fn wrapping(ticks: i64) -> Self {
        Self(ticks.rem_euclid(Self::WRAP as i64) as u64)
    }

    /// Ticks of 27 MHz.
    pub(crate) const fn ticks(self) -> u64 {
        self.0
    }

    /// Reads the 6 bytes of an adaptation field: 33 bits of base, 6 reserved, 9 of extension.
    pub(crate) fn from_field(field: &[u8; 6]) -> Self {
        let bits = field.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        Self::new((bits >> 15) * PCR_PER_TICK as u64 + (bits & 0x1FF))
    }

    /// The 6 bytes of an adaptation field.
    pub(crate) fn to_field(self) -> [u8; 6] {
        let (base, extension) = (self.0 / PCR_PER_TICK as u64, self.0 % PCR_PER_TICK as u64);
        let [_, _, field @ ..] = (base << 15 | 0x3F << 9 | extension).to_be_bytes();
        field
    }

    /// How far this is after `earlier`, taken the short way round: negative where it is before.
    pub(crate) const fn since(self, earlier: Self) -> i64 {
        shortest(self.0 as i64 - earlier.0 as i64, Self::WRAP as i64)
    }
}

/// Makes one endless clock of 33-bit times: each is taken to be the one nearest to those before it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unwrap {
    last: Option<i64>,
    jumped: bool,
}

impl Unwrap {
    /// A first time so close before the wrap counts as negative, as ffmpeg has it: 60 s.
    const NEGATIVE: i64 = 60 * HZ;
    /// A time further than this from the last is damage, unless a jump was expected: 1 h. It does not move the clock,
    /// so that one wrong bit can't shift all later times by a whole wrap.
    const STEP: i64 = 3_600 * HZ;

    /// A clock that stands somewhere near `time`.
    pub(crate) const fn near(time: i64) -> Self {
        Self { last: Some(time), jumped: true }
    }

    /// The endless time of `wrapped`, nearest to the last.
    pub(crate) fn time(&mut self, wrapped: i64) -> i64 {
        let time = self.nearest(wrapped);
        let plausible = self.last.is_none_or(|last| time.abs_diff(last) < Self::STEP as u64);
        if plausible || self.jumped {
            (self.last, self.jumped) = (Some(time), false);
        }
        time
    }

    /// The next time may be anywhere.
    pub(crate) fn expect_jump(&mut self) {
        self.jumped = true;
    }

    const fn nearest(&self, wrapped: i64) -> i64 {
        match self.last {
            Some(last) => last.saturating_add(shortest(wrapped - last.rem_euclid(WRAP), WRAP)),
            None if wrapped >= WRAP - Self::NEGATIVE => wrapped - WRAP,
            None => wrapped,
        }
    }
}

/// How far `time` is after `earlier`, both of 33 bits, taken the short way round.
pub(crate) const fn ticks_since(time: i64, earlier: i64) -> i64 {
    shortest(time - earlier, WRAP)
}

/// `difference` between two values of a clock that wraps at `wrap`, in `-wrap/2..wrap/2`.
const fn shortest(difference: i64, wrap: i64) -> i64 {
    (difference + wrap / 2).rem_euclid(wrap) - wrap / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_short_way_round() {
        let (early, late) = (Pcr::new(10), Pcr::new(Pcr::WRAP - 10));
        assert_eq!((early.since(late), late.since(early)), (20, -20));
    }

    #[test]
    fn a_start_within_a_minute_of_the_wrap_is_negative() {
        assert_eq!(Unwrap::default().time(WRAP - 60 * HZ), -60 * HZ);
        assert_eq!(Unwrap::default().time(WRAP - 60 * HZ - 1), WRAP - 60 * HZ - 1);
    }

    #[test]
    fn one_wrong_time_does_not_move_the_clock() {
        let mut unwrap = Unwrap::default();
        assert_eq!(unwrap.time(1_000), 1_000);
        unwrap.time(WRAP / 2 + 1_005);
        assert_eq!(unwrap.time(2_000), 2_000);
        unwrap.expect_jump();
        assert_eq!(unwrap.time(WRAP / 4), WRAP / 4);
        assert_eq!(unwrap.time(WRAP / 4 + 1), WRAP / 4 + 1);
    }

    proptest! {
        #[test]
        fn a_field_reads_back(ticks in 0..Pcr::WRAP) {
            let pcr = Pcr::new(ticks);
            prop_assert_eq!(Pcr::from_field(&pcr.to_field()), pcr);
        }

        #[test]
        fn steps_under_an_hour_are_followed_for_ever(
            first in 0..WRAP - 60 * HZ, steps in prop::collection::vec(-1_000 * HZ..3_600 * HZ, 1..200),
        ) {
            let (mut unwrap, mut now) = (Unwrap::default(), first);
            prop_assert_eq!(unwrap.time(now), now);
            for step in steps {
                now += step;
                prop_assert_eq!(unwrap.time(now.rem_euclid(WRAP)), now);
            }
        }
    }
}
