//! Virtual networks: jitter, loss, reordering, clocks that differ, senders that are too fast.

use bytes::Bytes;

use super::*;

const MILLI: i64 = 1_000_000;
/// 20 ms at 8 kHz.
const UNIT: i64 = 160;

/// The same numbers every time.
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A network, from a sender whose clock is `ppm` fast.
struct Network {
    ppm: f64,
    /// The most that a packet is delayed, ms.
    jitter: f64,
    /// Gilbert-Elliott: from good to bad, from bad to good, loss while bad.
    loss: (f64, f64, f64),
    random: Random,
    bad: bool,
}

impl Network {
    fn new(jitter: f64) -> Self {
        Self { ppm: 0.0, jitter, loss: (0.0, 1.0, 0.0), random: Random(0x9e37_79b9_7f4a_7c15), bad: false }
    }

    /// Arrivals of `count` units of 20 ms: (arrival in ns, number), in order of arrival, and how many were lost.
    fn carry(&mut self, count: i64) -> (Vec<(i64, i64)>, u64) {
        let (mut arrivals, mut lost) = (Vec::new(), 0);
        for number in 0..count {
            let (worse, better, loss) = self.loss;
            self.bad = if self.bad { self.random.next() >= better } else { self.random.next() < worse };
            if self.bad && self.random.next() < loss {
                lost += 1;
                continue;
            }
            let sent = (number * 20 * MILLI) as f64 / (1.0 + self.ppm * 1e-6);
            let delay = 10.0 + self.jitter * self.random.next();
            arrivals.push(((sent + delay * MILLI as f64) as i64, number));
        }
        arrivals.sort_unstable();
        (arrivals, lost)
    }
}

fn unit(number: i64) -> Unit {
    Unit { timestamp: number * UNIT, duration: UNIT, key: true, data: Bytes::from_static(&[0; 160]) }
}

fn options(buffer: u64) -> PlayoutOptions {
    let timeout = Some(Duration::from_millis(500));
    PlayoutOptions { timeout, ..PlayoutOptions::new(TimeBase::hz(8_000), Duration::from_millis(buffer)) }
}

/// What was heard: decisions with the time at which each was asked for.
struct Heard {
    decisions: Vec<(i64, Decision)>,
    measures: Measures,
}

impl Heard {
    fn count(&self, of: fn(&Decision) -> bool) -> usize {
        self.decisions.iter().filter(|(_, decision)| of(decision)).count()
    }

    /// Mean time from sending to playing, ms.
    fn mean_delay(&self, ppm: f64) -> f64 {
        let delays: Vec<f64> = self
            .decisions
            .iter()
            .filter_map(|(at, decision)| match decision {
                Decision::Play { unit, .. } => {
                    let sent = unit.timestamp as f64 / 8.0 / (1.0 + ppm * 1e-6);
                    Some(*at as f64 / MILLI as f64 - sent)
                }
                _ => None,
            })
            .collect();
        delays.iter().sum::<f64>() / delays.len() as f64
    }
}

/// Plays all arrivals, a unit at a time, at the speed that holds the delay.
fn play(options: PlayoutOptions, arrivals: &[(i64, i64)]) -> Heard {
    let units: Vec<(i64, Unit)> = arrivals.iter().map(|(at, number)| (*at, unit(*number))).collect();
    play_units(options, &units)
}

fn play_units(options: PlayoutOptions, arrivals: &[(i64, Unit)]) -> Heard {
    let mut playout = Playout::new(options);
    let mut steering = brooklet_convert::Steering::new(options.buffer);
    let (mut now, mut coming, mut decisions) = (0i64, arrivals.iter().peekable(), Vec::new());
    loop {
        while let Some((at, unit)) = coming.next_if(|(at, _)| *at <= now) {
            playout.push(unit.clone(), Timestamp::from_nanos(*at));
        }
        let at = Timestamp::from_nanos(now);
        let decision = playout.next(at);
        assert!(playout.units.len() <= MAX_UNITS && playout.bytes <= MAX_BYTES);
        let mut step = 20.0;
        if let Some(delay) = playout.delay(at) {
            steering.set_target(playout.target());
            step /= steering.update(delay, playout.ratio(), Duration::from_millis(20));
        }
        let end = decision == Decision::End;
        decisions.push((now, decision));
        now += (step * MILLI as f64) as i64;
        if end {
            return Heard { decisions, measures: *playout.measures() };
        }
    }
}

#[test]
fn a_minute_with_five_percent_loss_and_sixty_milliseconds_of_jitter() {
    for seed in 1..=20u64 {
        let mut network = Network { loss: (0.05, 1.0, 1.0), ..Network::new(60.0) };
        network.random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (arrivals, lost) = network.carry(3_000);
        let heard = play(options(60), &arrivals);
        let measures = heard.measures;
        assert!(lost > 80, "{lost}");
        assert_eq!(measures.underruns, 0, "seed {seed}: {measures:?}");
        // Each packet that was lost, or came too late, is concealed, and nothing else.
        let missing = lost + measures.late;
        // What is lost before the first and after the last that came nobody can know of.
        let numbers = || arrivals.iter().map(|(_, number)| *number);
        let ends = numbers().min().unwrap() + 2_999 - numbers().max().unwrap();
        assert_eq!(measures.concealed, (missing as i64 - ends) * UNIT, "seed {seed}: {measures:?}");
        assert_eq!((measures.played + missing, measures.dropped), (3_000, 0));
        let delay = heard.mean_delay(0.0);
        assert!(delay < 120.0, "seed {seed}: {delay} ms");
        assert!(measures.late < 15, "seed {seed}: {measures:?}");
    }
}

#[test]
fn losses_in_bursts_are_concealed() {
    // Gilbert-Elliott: bursts of 5 packets on average, in which half are lost.
    let mut network = Network { loss: (0.02, 0.2, 0.5), ..Network::new(30.0) };
    let (arrivals, lost) = network.carry(15_000);
    let heard = play(options(60), &arrivals);
    assert!(lost > 300);
    assert_eq!(heard.measures.played + lost + heard.measures.late + heard.measures.dropped, 15_000);
    assert!(heard.measures.losses < lost, "some are next to each other");
    assert!(heard.mean_delay(0.0) < 120.0);
}

#[test]
fn the_delay_adapts_to_what_the_network_needs() {
    let heard = play(options(40), &Network::new(200.0).carry(9_000).0);
    let late_after_a_minute = heard.decisions.iter().filter(|(at, decision)| {
        *at > 60_000 * MILLI
            && *at < 175_000 * MILLI
            && matches!(decision, Decision::Conceal(_) | Decision::Expand(_))
    });
    let late = late_after_a_minute.count();
    assert!(late < 60, "{late} of 5750");
    let delay = heard.mean_delay(0.0);
    assert!((180.0..260.0).contains(&delay), "{delay} ms");
}

#[test]
fn without_jitter_the_delay_is_what_was_asked_for() {
    for buffer in [40, 60, 1_000] {
        let heard = play(options(buffer), &Network::new(0.0).carry(3_000).0);
        let delay = heard.mean_delay(0.0) - 10.0;
        assert!((delay - buffer as f64).abs() < 20.0, "{delay} ms of {buffer}");
        assert_eq!((heard.measures.played, heard.measures.concealed, heard.measures.expanded), (3_000, 0, 0));
    }
}

#[test]
fn hours_of_another_clock_neither_run_dry_nor_over() {
    for ppm in [-500.0, 500.0] {
        let mut network = Network { ppm, ..Network::new(30.0) };
        let heard = play(options(60), &network.carry(4 * 180_000).0);
        let measures = heard.measures;
        assert_eq!((measures.underruns, measures.dropped), (0, 0), "{ppm}: {measures:?}");
        assert!(measures.late < 20 && measures.expanded < 100 * UNIT, "{ppm}: {measures:?}");
        assert!(heard.mean_delay(ppm) < 120.0, "{ppm}: {} ms", heard.mean_delay(ppm));
    }
}

#[test]
fn a_sender_that_is_too_fast_is_bounded() {
    for (speed, mode) in [
        (1.01, CatchUp::Drop),
        (2.0, CatchUp::Drop),
        (1.01, CatchUp::Hasten),
        (2.0, CatchUp::Hasten),
        (9.0, CatchUp::Hasten),
    ] {
        let arrivals: Vec<(i64, i64)> =
            (0..6_000).map(|number| ((number as f64 * 20e6 / speed) as i64, number)).collect();
        let heard = play(PlayoutOptions { catch_up: mode, ..options(100) }, &arrivals);
        let (measures, seconds) = (heard.measures, 120.0 / speed);
        assert_eq!(measures.concealed, 0, "{speed} {mode:?}: {measures:?}");
        assert!(measures.underruns <= 1);
        // It ends soon after the sender did.
        let end = heard.decisions.last().map_or(0, |(at, _)| *at) as f64 / 1e9;
        assert!(end < seconds + 3.2, "{speed} {mode:?} ended at {end} s of {seconds}");
        let dropped = 6_000.0 * (1.0 - 1.0 / speed);
        assert!(measures.dropped as f64 > dropped * 0.8 - 100.0, "{speed} {mode:?}: {measures:?}");
        let hastened = heard.count(|decision| matches!(decision, Decision::Hasten(..)));
        assert_eq!(hastened > 0, mode == CatchUp::Hasten);
    }
}

#[test]
fn a_stall_and_its_burst_are_caught_up_with() {
    // Two seconds in which nothing comes, and then all of it at once.
    let arrivals: Vec<(i64, i64)> = (0..1_500)
        .map(|number| {
            let sent = number * 20 * MILLI;
            let stalled = (10_000 * MILLI..12_000 * MILLI).contains(&sent);
            (if stalled { 12_000 * MILLI } else { sent }, number)
        })
        .collect();
    let heard = play(PlayoutOptions { timeout: Some(Duration::from_secs(5)), ..options(60) }, &arrivals);
    assert_eq!(heard.measures.underruns, 1);
    let last = heard.decisions.iter().rev().find(|(_, decision)| matches!(decision, Decision::Play { .. }));
    let (at, Decision::Play { unit, .. }) = last.unwrap() else { panic!() };
    let delay = at / MILLI - unit.timestamp / 8;
    assert!(delay < 2_300, "{delay} ms at the end");
}

#[test]
fn duplicates_and_reordering_change_nothing() {
    let mut network = Network::new(50.0);
    let (mut arrivals, _) = network.carry(3_000);
    let copies: Vec<(i64, i64)> = arrivals.iter().map(|(at, number)| (at + 3 * MILLI, *number)).collect();
    arrivals.extend(copies);
    arrivals.sort_unstable();
    let heard = play(options(80), &arrivals);
    assert_eq!((heard.measures.played, heard.measures.concealed), (3_000, 0));
    assert_eq!(heard.measures.duplicates + heard.measures.late, 3_000);
    let order: Vec<i64> = heard
        .decisions
        .iter()
        .filter_map(|(_, decision)| match decision {
            Decision::Play { unit, .. } => Some(unit.timestamp),
            _ => None,
        })
        .collect();
    assert!(order.is_sorted());
}

#[test]
fn timestamps_that_jump_go_on_and_one_forged_is_left_out() {
    let jumped = |number: i64| {
        let base = if number < 500 {
            0
        } else if number < 1_000 {
            1 << 40
        } else {
            -(1 << 33)
        };
        (number * 20 * MILLI, Unit { timestamp: base + number * UNIT, ..unit(0) })
    };
    let mut arrivals: Vec<(i64, Unit)> = (0..1_500).map(jumped).collect();
    arrivals.insert(100, (arrivals[100].0, Unit { timestamp: 77 << 30, ..unit(0) }));
    let heard = play_units(options(60), &arrivals);
    assert_eq!(heard.measures.jumps, 2);
    assert!(heard.measures.played >= 1_490 && heard.measures.concealed < 10 * UNIT, "{:?}", heard.measures);
}

#[test]
fn it_ends_when_all_is_played_after_the_timeout() {
    let heard = play(options(1_000), &Network::new(0.0).carry(20).0);
    assert_eq!(heard.measures.played, 20);
    let mut nothing = Playout::new(options(40));
    assert_eq!(nothing.next(Timestamp::from_millis(100_000)), Decision::Wait);
    nothing.finish();
    assert_eq!(nothing.next(Timestamp::from_millis(100_000)), Decision::End);
}

#[test]
fn samples_without_numbers_are_placed_and_losses_seen() {
    let mut network = Network { loss: (0.02, 1.0, 1.0), ..Network::new(15.0) };
    let (arrivals, lost) = network.carry(6_000);
    let mut raw = RawSound::new(2, 8_000);
    let units: Vec<(i64, Unit)> = arrivals
        .iter()
        .map(|(at, _)| (*at, raw.push(Bytes::from_static(&[0; 320]), Timestamp::from_nanos(*at)).unwrap()))
        .collect();
    assert!(raw.missing().abs_diff(lost) <= 3, "{} seen of {lost}", raw.missing());
    let heard = play_units(options(100), &units);
    assert_eq!(heard.measures.played, 6_000 - lost);
    assert!(heard.measures.underruns <= 2, "{:?}", heard.measures);
    let concealed = heard.measures.concealed / UNIT;
    assert!(concealed.unsigned_abs().abs_diff(lost) <= 5, "{concealed} of {lost}");
}

#[test]
fn a_sample_cut_in_two_is_put_together() {
    let mut raw = RawSound::new(4, 8_000);
    assert_eq!(raw.push(Bytes::from_static(&[1, 2, 3]), Timestamp::ZERO), None);
    let unit = raw.push(Bytes::from_static(&[4, 5, 6, 7, 8, 9]), Timestamp::ZERO).unwrap();
    assert_eq!((&unit.data[..], unit.duration), (&[1, 2, 3, 4, 5, 6, 7, 8][..], 2));
}
