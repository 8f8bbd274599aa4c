//! How fast another clock runs, from the times at which its media arrives.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::Timestamp;

/// One candidate for the line is taken from each second.
const BASE: f64 = 1.0;
/// Points that the line is drawn through, at most.
const POINTS: usize = 128;
/// A point stands for at most this many seconds, so that what is 17 minutes old is forgotten.
const LONGEST: f64 = 8.0;
/// Clocks are no further apart than this; more is another rate, and not drift.
const MAX_SLOPE: f64 = 1e-3;
/// How far apart clocks are expected to be before anything is known of them.
const PRIOR: f64 = 1e-4;
/// Noise of a point in seconds that is expected before it is seen, and how many points that is worth.
const EXPECTED_NOISE: f64 = 3e-3;
const EXPECTED: f64 = 3.0;
/// What is usual is known from so many seconds.
const OFFS: usize = 64;
/// So many seconds in a row that agree in being off the line are a step.
const STRAYS: usize = 3;
/// Before so many points nothing is known to be a step.
const MIN_POINTS: usize = 6;
/// No step is smaller, in seconds.
const MIN_STEP: f64 = 2e-3;

/// Estimates how a remote clock runs against the local one: its ratio and its offset.
///
/// Each pair says that media of some time of the remote clock was here at some local time. What travels is delayed by
/// queues, never hastened, so the least delayed pair of each second is near the truth; a line through these, without
/// what lies far off it, is the drift. Where the delay steps (another route, a jump of the remote clock, a gap), the
/// past moves along, and what was learnt of the ratio is kept.
///
/// Its memory is bounded: 128 points, of a second each at first, of 8 seconds each in the end.
///
/// ```
/// use brooklet_media::{Drift, Timestamp};
///
/// let mut drift = Drift::new();
/// for packet in 0..30_000i64 {
///     let media = packet * 20_000_000; // ns of a clock that is 200 ppm fast
///     let queued = packet * 7_919_003 % 30_000_000;
///     drift.push(media, Timestamp::from_nanos(media - media / 5_000 + queued));
/// }
/// assert!((drift.ratio() - 1.0002).abs() < 3e-6);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Drift {
    /// Media time and arrival of the first pair, in nanoseconds.
    origin: Option<(i64, i64)>,
    /// Arrival of the last pair, in seconds from the first.
    now: f64,
    /// The least delayed of the second that is going on, and when that second ends.
    open: Option<(Point, f64)>,
    points: VecDeque<Point>,
    /// How far the last seconds' points were off the line.
    offs: VecDeque<f64>,
    /// Points off the line that may be a step.
    strays: Vec<Point>,
    /// Seconds that a point stands for.
    span: f64,
    line: Line,
    steps: u64,
}

/// A pair: seconds from the first arrival, and by how much later it came than its media time says.
#[derive(Clone, Copy, Debug)]
struct Point {
    arrival: f64,
    delay: f64,
}

/// The delay over the arrival.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    /// Delay at arrival 0, in seconds.
    start: f64,
    slope: f64,
    /// Standard error of the slope.
    error: f64,
}

impl Line {
    fn at(&self, arrival: f64) -> f64 {
        self.start + self.slope * arrival
    }
}

impl Drift {
    /// Of two clocks of which nothing is known.
    pub fn new() -> Self {
        Self { span: BASE, line: Line { error: PRIOR, ..Line::default() }, ..Self::default() }
    }

    /// Takes a pair: media of time `media`, in nanoseconds of the remote clock, was here at `arrival`.
    ///
    /// Arrivals that go back are taken for the latest so far. Media times may come in any order.
    pub fn push(&mut self, media: i64, arrival: Timestamp) {
        let (first_media, first_arrival) = *self.origin.get_or_insert((media, arrival.as_nanos()));
        self.now = self.now.max(seconds(first_arrival, arrival.as_nanos()));
        let point = Point { arrival: self.now, delay: self.now - seconds(first_media, media) };
        match &mut self.open {
            Some((least, end)) if self.now < *end => {
                let slope = self.line.slope;
                if point.delay - slope * point.arrival < least.delay - slope * least.arrival {
                    *least = point;
                }
            }
            open => {
                if let Some((least, _)) = open.replace((point, self.now + BASE)) {
                    self.consider(least);
                }
            }
        }
        if self.points.is_empty() {
            // The first second: the least delay so far is all there is.
            if let Some((least, _)) = &self.open {
                self.line.start = least.delay;
            }
        }
    }

    /// Seconds of the remote clock in a second of the local one: 1.0005 where it is 500 ppm fast. 1 while nothing
    /// is known, and within 1000 ppm of 1 always.
    pub fn ratio(&self) -> f64 {
        1.0 - self.line.slope
    }

    /// How far off [`Drift::ratio`] may be (one standard error): 1e-4 at first, under 1e-6 after some minutes of a
    /// quiet network.
    pub fn uncertainty(&self) -> f64 {
        self.line.error
    }

    /// When media of time `media` is here at the earliest: as late as what was delayed least.
    pub fn arrival(&self, media: i64) -> Timestamp {
        let Some((first_media, first_arrival)) = self.origin else { return Timestamp::ZERO };
        let local = (seconds(first_media, media) + self.line.start) / self.ratio();
        Timestamp::from_nanos(first_arrival.saturating_add((local * 1e9) as i64))
    }

    /// By how much later than that media of time `media` came, in seconds; below zero where it came earlier than
    /// was thought possible.
    pub fn lateness(&self, media: i64, arrival: Timestamp) -> f64 {
        seconds(self.arrival(media).as_nanos(), arrival.as_nanos())
    }

    /// How often the delay has stepped.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Decides what the least delayed point of a second is: on the line, a stray, or the last of a step.
    fn consider(&mut self, point: Point) {
        let off = point.delay - self.line.at(point.arrival);
        let usual = median(self.offs.iter().copied().collect());
        let bound = MIN_STEP.max(10.0 * usual).max(4.0 * self.line.error * self.span);
        self.offs.push_back(off.abs());
        if self.offs.len() > OFFS {
            self.offs.pop_front();
        }
        if self.points.len() < MIN_POINTS || off.abs() <= bound {
            self.strays.clear();
            self.append(point);
            self.draw();
            return;
        }
        let same = |stray: &Point| (stray.delay - self.line.at(stray.arrival)) * off > 0.0;
        if !self.strays.iter().all(same) {
            self.strays.clear();
        }
        self.strays.push(point);
        if self.strays.len() >= STRAYS {
            self.step();
        }
    }

    /// Moves the past to where the strays are.
    fn step(&mut self) {
        let strays = core::mem::take(&mut self.strays);
        let by = median(strays.iter().map(|stray| stray.delay - self.line.at(stray.arrival)).collect());
        self.points.iter_mut().for_each(|point| point.delay += by);
        self.steps += 1;
        strays.into_iter().for_each(|stray| self.append(stray));
        self.draw();
    }

    /// Adds a point to those of the line, or makes the last one better that still stands for the same seconds.
    fn append(&mut self, point: Point) {
        let slope = self.line.slope;
        let place = |point: &Point| libm::floor(point.arrival / self.span);
        match self.points.back_mut() {
            Some(last) if place(last) == place(&point) => {
                if point.delay - slope * point.arrival < last.delay - slope * last.arrival {
                    *last = point;
                }
            }
            _ => self.points.push_back(point),
        }
        if self.points.len() <= POINTS {
            return;
        }
        if self.span < LONGEST {
            self.span *= 2.0;
            let points = core::mem::take(&mut self.points);
            points.into_iter().for_each(|point| self.append(point));
        } else {
            self.points.pop_front();
        }
    }

    /// Draws the line: least squares, twice, the second time without what lies far off.
    fn draw(&mut self) {
        let all: Vec<Point> = self.points.iter().copied().collect();
        if all.len() < 2 {
            self.line.start = all.first().map_or(self.line.start, |point| point.delay);
            return;
        }
        let rough = least_squares(&all);
        let offs = all.iter().map(|point| (point.delay - rough.at(point.arrival)).abs());
        let near = 4.0 * median(offs.collect()) + 1e-6;
        let kept: Vec<Point> = all
            .iter()
            .copied()
            .filter(|point| (point.delay - rough.at(point.arrival)).abs() <= near)
            .collect();
        let mut line = if kept.len() < 2 { rough } else { least_squares(&kept) };
        // What little is known weighs little.
        let trust = PRIOR * PRIOR / (PRIOR * PRIOR + line.error * line.error);
        let centre = kept.iter().map(|point| point.arrival).sum::<f64>() / kept.len().max(1) as f64;
        let level = line.at(centre);
        line.slope = (line.slope * trust).clamp(-MAX_SLOPE, MAX_SLOPE);
        line.start = level - line.slope * centre;
        self.line = line;
    }
}

fn least_squares(points: &[Point]) -> Line {
    let count = points.len() as f64;
    let mean = |of: fn(&Point) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.arrival), mean(|point| point.delay));
    let (mut xx, mut xy) = (0.0, 0.0);
    for point in points {
        xx += square(point.arrival - x);
        xy += (point.arrival - x) * (point.delay - y);
    }
    if xx <= 0.0 {
        return Line { start: y, slope: 0.0, error: PRIOR };
    }
    let slope = xy / xx;
    let line = Line { start: y - slope * x, slope, error: 0.0 };
    let rest: f64 = points.iter().map(|point| square(point.delay - line.at(point.arrival))).sum();
    // A few points lie on a line by chance: as if there were some more, of the noise of a network.
    let noise = (rest + EXPECTED * EXPECTED_NOISE * EXPECTED_NOISE) / (count - 2.0 + EXPECTED);
    Line { error: libm::sqrt(noise / xx), ..line }
}

fn square(of: f64) -> f64 {
    of * of
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(0.0)
}

/// From one moment to another in seconds, exact to the nanosecond over a month.
fn seconds(from: i64, to: i64) -> f64 {
    (i128::from(to) - i128::from(from)) as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    const PACKET: i64 = 20_000_000;

    /// A sender whose clock is `ppm` fast, over a network that delays by up to `jitter` ns.
    struct Sender {
        ppm: f64,
        jitter: u64,
        seed: u64,
        /// Added to every delay, in ns.
        delay: i64,
        /// Added to every media time, in ns.
        jump: i64,
    }

    impl Sender {
        fn new(ppm: f64, jitter: u64) -> Self {
            Self { ppm, jitter, seed: 0x9e37_79b9_7f4a_7c15, delay: 30_000_000, jump: 0 }
        }

        fn random(&mut self) -> u64 {
            self.seed ^= self.seed << 13;
            self.seed ^= self.seed >> 7;
            self.seed ^= self.seed << 17;
            self.seed
        }

        fn left(&self, media: i64) -> i64 {
            (media as f64 / (1.0 + self.ppm * 1e-6)) as i64
        }

        /// Sends all packets of the seconds `from..to` of its clock.
        fn send(&mut self, drift: &mut Drift, from: i64, to: i64) {
            for packet in from * SECOND / PACKET..to * SECOND / PACKET {
                let media = packet * PACKET;
                let queued = (self.random() % self.jitter.max(1)) as i64;
                let arrival = self.left(media) + self.delay + queued;
                drift.push(media + self.jump, Timestamp::from_nanos(arrival));
            }
        }

        /// By how much the earliest arrival is misjudged, in seconds.
        fn error(&self, drift: &Drift, media: i64) -> f64 {
            seconds(self.left(media) + self.delay, drift.arrival(media + self.jump).as_nanos())
        }
    }

    #[test]
    fn a_day_of_jitter_leaves_ratio_and_offset_exact() {
        for ppm in [-500.0, 37.0, 500.0] {
            let (mut drift, mut sender) = (Drift::new(), Sender::new(ppm, 60_000_000));
            let mut hour = 0;
            while hour < 24 {
                sender.send(&mut drift, hour * 3_600, (hour + 1) * 3_600);
                hour += 1;
                let ratio = (drift.ratio() - 1.0) * 1e6;
                assert!((ratio - ppm).abs() < 2.0, "{ppm} ppm seen as {ratio} after {hour} h");
                let offset = sender.error(&drift, hour * 3_600 * SECOND);
                assert!(offset.abs() < 0.002, "{offset} s off after {hour} h at {ppm} ppm");
            }
            assert_eq!(drift.steps(), 0);
        }
    }

    #[test]
    fn a_minute_is_enough_for_twenty_ppm() {
        let (mut drift, mut sender) = (Drift::new(), Sender::new(300.0, 20_000_000));
        sender.send(&mut drift, 0, 60);
        assert!((drift.ratio() - 1.0003).abs() < 20e-6, "{}", drift.ratio());
        assert!(drift.uncertainty() < 20e-6);
    }

    #[test]
    fn the_first_seconds_claim_nothing() {
        let (mut drift, mut sender) = (Drift::new(), Sender::new(0.0, 100_000_000));
        assert_eq!(drift.ratio(), 1.0);
        for second in 0..20 {
            sender.send(&mut drift, second, second + 1);
            assert!((drift.ratio() - 1.0).abs() < 250e-6, "{} after {second} s", drift.ratio());
        }
    }

    #[test]
    fn steps_of_delay_and_jumps_of_the_clock_are_taken_out() {
        let (mut drift, mut sender) = (Drift::new(), Sender::new(-200.0, 30_000_000));
        let mut seconds = 0;
        for (delay, jump) in [(30, 0), (130, 0), (15, 0), (15, 5_000_000), (80, -86_400_000), (80, 0)] {
            (sender.delay, sender.jump) = (delay * 1_000_000, jump * 1_000_000);
            sender.send(&mut drift, seconds, seconds + 1_200);
            seconds += 1_200;
            let ratio = (drift.ratio() - 1.0) * 1e6;
            assert!((ratio + 200.0).abs() < 5.0, "{ratio} ppm at {seconds} s");
            let offset = sender.error(&drift, seconds * SECOND);
            assert!(offset.abs() < 0.003, "{offset} s off at {seconds} s");
        }
        assert_eq!(drift.steps(), 5);
    }

    #[test]
    fn a_burst_of_congestion_is_not_drift() {
        let (mut drift, mut sender) = (Drift::new(), Sender::new(50.0, 10_000_000));
        sender.send(&mut drift, 0, 600);
        sender.delay += 80_000_000;
        sender.send(&mut drift, 600, 602);
        sender.delay -= 80_000_000;
        sender.send(&mut drift, 602, 660);
        assert_eq!(drift.steps(), 0);
        assert!((drift.ratio() - 1.000_05).abs() < 3e-6, "{}", drift.ratio());
    }

    #[test]
    fn absurd_times_stay_bounded() {
        let mut drift = Drift::new();
        for number in 0..10_000i64 {
            let media = if number % 2 == 0 { i64::MIN } else { i64::MAX };
            drift.push(media.wrapping_add(number), Timestamp::from_millis(number * 700));
            assert!((drift.ratio() - 1.0).abs() < MAX_SLOPE + 1e-9 && drift.points.len() <= POINTS + 1);
        }
        drift.arrival(i64::MIN);
    }
}
