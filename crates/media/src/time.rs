//! Exact time: rational numbers and integer ticks. Never a float until it meets a person.

use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;

/// A non-negative fraction: a frame rate, a sample aspect ratio. The denominator is never 0.
#[derive(Clone, Copy, Debug)]
pub struct Rational {
    num: u32,
    den: u32,
}

impl Rational {
    /// 1/1.
    pub const ONE: Self = Self { num: 1, den: 1 };

    /// `num/den` in lowest terms; `None` where `den` is 0.
    pub const fn new(num: u32, den: u32) -> Option<Self> {
        if den == 0 {
            return None;
        }
        let divisor = gcd(num, den);
        Some(Self { num: num / divisor, den: den / divisor })
    }

    /// `n/1`.
    pub const fn whole(n: u32) -> Self {
        Self { num: n, den: 1 }
    }

    /// The numerator, in lowest terms.
    pub const fn num(self) -> u32 {
        self.num
    }

    /// The denominator, in lowest terms, never 0.
    pub const fn den(self) -> u32 {
        self.den
    }

    /// For people and for `onMetaData`.
    pub fn as_f64(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// The time base in which one tick is one period: 25/1 → 1/25. `None` for 0.
    pub const fn time_base(self) -> Option<TimeBase> {
        TimeBase::new(self.den, self.num)
    }
}

impl PartialEq for Rational {
    fn eq(&self, other: &Self) -> bool {
        u64::from(self.num) * u64::from(other.den) == u64::from(other.num) * u64::from(self.den)
    }
}

impl Eq for Rational {}

impl fmt::Display for Rational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

/// The length of one tick, in seconds, as a positive fraction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TimeBase {
    num: u32,
    den: u32,
}

impl TimeBase {
    /// Milliseconds: FLV, RTMP.
    pub const MILLIS: Self = Self { num: 1, den: 1_000 };
    /// Microseconds: what ffmpeg's command line counts in.
    pub const MICROS: Self = Self { num: 1, den: 1_000_000 };
    /// Nanoseconds: [`Timestamp`].
    pub const NANOS: Self = Self { num: 1, den: 1_000_000_000 };
    /// 90 kHz: MPEG-TS, and video in RTP.
    pub const MPEG: Self = Self { num: 1, den: 90_000 };

    /// Ticks of `num/den` seconds; `None` where either is 0.
    pub const fn new(num: u32, den: u32) -> Option<Self> {
        if num == 0 || den == 0 { None } else { Some(Self { num, den }) }
    }

    /// `rate` ticks a second, as in sound; a rate of 0 is taken for 1.
    pub const fn hz(rate: u32) -> Self {
        Self { num: 1, den: if rate == 0 { 1 } else { rate } }
    }

    /// The numerator, never 0.
    pub const fn num(self) -> u32 {
        self.num
    }

    /// The denominator, never 0.
    pub const fn den(self) -> u32 {
        self.den
    }

    /// The nearest number of ticks of `to`, halves away from zero, saturating at the ends of `i64`.
    pub const fn rescale(self, ticks: i64, to: Self) -> i64 {
        let (num, den) = self.ratio(to);
        let scaled = ticks as i128 * num;
        let half = if scaled < 0 { -(den / 2) } else { den / 2 };
        saturate((scaled + half) / den)
    }

    /// Like [`TimeBase::rescale`], rounding towards the past.
    pub const fn rescale_floor(self, ticks: i64, to: Self) -> i64 {
        let (num, den) = self.ratio(to);
        saturate((ticks as i128 * num).div_euclid(den))
    }

    /// Which of two moments on different clocks is the earlier, exactly.
    pub fn compare(self, ticks: i64, other: Self, other_ticks: i64) -> core::cmp::Ordering {
        let (num, den) = self.ratio(other);
        (i128::from(ticks) * num).cmp(&(i128::from(other_ticks) * den))
    }

    /// The moment that `ticks` name, rounded to the nanosecond.
    pub const fn at(self, ticks: i64) -> Timestamp {
        Timestamp(self.rescale(ticks, Self::NANOS))
    }

    /// The nearest number of ticks to `at`.
    pub const fn ticks(self, at: Timestamp) -> i64 {
        Self::NANOS.rescale(at.0, self)
    }

    /// For people.
    pub fn seconds(self, ticks: i64) -> f64 {
        ticks as f64 * f64::from(self.num) / f64::from(self.den)
    }

    /// One tick of `self` is `ratio.0 / ratio.1` ticks of `to`.
    const fn ratio(self, to: Self) -> (i128, i128) {
        (self.num as i128 * to.den as i128, self.den as i128 * to.num as i128)
    }
}

impl fmt::Display for TimeBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

/// A moment: nanoseconds since an epoch that the caller chose (the start of a stream, of a process).
///
/// No crate below the facade owns a clock: the time now is handed in as one of these.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The epoch.
    pub const ZERO: Self = Self(0);
    /// Later than everything.
    pub const MAX: Self = Self(i64::MAX);

    /// `nanos` after the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// `millis` after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// `micros` after the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// For people.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// How long after `earlier` this is; zero where it is before.
    pub const fn since(self, earlier: Self) -> Duration {
        let nanos = self.0.saturating_sub(earlier.0);
        Duration::from_nanos(if nanos < 0 { 0 } else { nanos as u64 })
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(later.as_nanos()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(earlier.as_nanos()).unwrap_or(i64::MAX)))
    }
}

const fn gcd(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    if a == 0 { 1 } else { a }
}

const fn saturate(wide: i128) -> i64 {
    if wide > i64::MAX as i128 {
        i64::MAX
    } else if wide < i64::MIN as i128 {
        i64::MIN
    } else {
        wide as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn halves_round_away_from_zero() {
        let (half, whole) = (TimeBase::new(1, 2).unwrap(), TimeBase::hz(1));
        assert_eq!([-3, -1, 1, 3].map(|ticks| half.rescale(ticks, whole)), [-2, -1, 1, 2]);
        assert_eq!(half.rescale_floor(-1, whole), -1);
    }

    #[test]
    fn fifty_days_of_thirty_thousandths_lose_nothing() {
        let ntsc = TimeBase::new(1001, 30_000).unwrap();
        let ticks = 50 * 86_400 * 30;
        assert_eq!(TimeBase::MPEG.rescale(ntsc.rescale(ticks, TimeBase::MPEG), ntsc), ticks);
    }

    proptest! {
        #[test]
        fn a_finer_clock_gives_back_what_it_was_given(ticks in -1i64 << 32..1i64 << 32, rate in 1u32..90_000) {
            let coarse = TimeBase::hz(rate);
            prop_assert_eq!(TimeBase::NANOS.rescale(coarse.rescale(ticks, TimeBase::NANOS), coarse), ticks);
        }
    }
}
