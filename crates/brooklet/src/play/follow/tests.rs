use std::collections::VecDeque;

use super::*;

/// Low, so that a day is done in seconds; nothing depends on it but the filter's length, 128 ms here.
const RATE: u32 = 500;
/// Samples that the speaker gathers before it plays, and again after it ran out: 100 ms.
const FULL: f64 = 50.0;
/// Milliseconds of a packet, and its samples.
const PACKET: i64 = 20;
const SAMPLES: usize = RATE as usize / 50;

/// A live source and a speaker, each by a clock of its own, so many ppm fast; packets are up to 30 ms late.
struct Course {
    source: f64,
    speaker: f64,
}

/// How it went.
#[derive(Debug, Default)]
struct Outcome {
    underruns: u64,
    /// Of what waited to be heard, in seconds, after the first ten minutes.
    least: f64,
    most: f64,
    /// By how much the place that a sample was given was off, at most, in seconds.
    misplaced: f64,
}

/// Virtual hours of it, in steps of 10 ms; where `follows` is false, sound is handed on as it comes.
fn play(course: &Course, hours: i64, follows: bool) -> Outcome {
    let pool = FramePool::new();
    let sound = AudioFrame::new(&pool, SampleFormat::F32, RATE, ChannelLayout::Mono, SAMPLES).unwrap();
    let mut follower = Follower::new(SampleFormat::F32, RATE, ChannelLayout::Mono, pool).unwrap();
    // What was written and not heard: its place, and so many samples.
    let mut written: VecDeque<(Timestamp, f64)> = VecDeque::new();
    let (mut waiting, mut sounding, mut sent, mut seed) = (0.0, false, 0i64, 0x9e37_79b9_7f4a_7c15u64);
    let mut outcome = Outcome { least: f64::MAX, ..Outcome::default() };
    for step in 0..hours * 360_000 {
        let now = Timestamp::from_millis(step * 10);
        loop {
            let left = (sent * PACKET) as f64 / (1.0 + course.source * 1e-6);
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let late = (seed >> 33) as f64 % 30.0;
            if left + late > (step * 10) as f64 {
                break;
            }
            let pts = Timestamp::from_millis(sent * PACKET);
            follower.arrive(pts, now);
            if let Some((heard, _)) = written.front().filter(|_| sounding) {
                follower.hear(*heard, outcome.underruns, now);
            }
            let mut frame = sound.clone();
            (frame.pts, frame.time_base) = (sent * PACKET, TimeBase::MILLIS);
            let mut write = |frame: &AudioFrame| {
                let samples = frame.samples() as f64;
                written.push_back((frame.time_base.at(frame.pts), samples));
                waiting += samples;
            };
            if follows {
                follower.push(&frame).unwrap();
                std::iter::from_fn(|| follower.poll()).for_each(|frame| write(&frame));
                // What is held has not been written, and all else has.
                let held = follower.resampler.held() / f64::from(RATE);
                let place = follower.next.unwrap_or_default().as_nanos() as f64 / 1e9;
                let end = ((sent + 1) * PACKET) as f64 / 1e3 - held;
                outcome.misplaced = outcome.misplaced.max((place - end).abs());
            } else {
                write(&frame);
            }
            sent += 1;
        }
        sounding |= waiting >= FULL;
        let wanted = 0.01 * f64::from(RATE) * (1.0 + course.speaker * 1e-6);
        if sounding && waiting < wanted {
            (sounding, outcome.underruns) = (false, outcome.underruns + 1);
        }
        if sounding {
            waiting -= wanted;
            advance(&mut written, wanted);
            if step > 60_000 {
                outcome.least = outcome.least.min(waiting / f64::from(RATE));
                outcome.most = outcome.most.max(waiting / f64::from(RATE));
            }
        }
    }
    outcome
}

/// So many samples have been heard.
fn advance(written: &mut VecDeque<(Timestamp, f64)>, mut samples: f64) {
    while let Some((at, left)) = written.front_mut() {
        if *left > samples {
            *left -= samples;
            *at = *at + Duration::from_secs_f64(samples / f64::from(RATE));
            return;
        }
        samples -= *left;
        written.pop_front();
    }
}

#[test]
fn a_day_of_two_clocks_neither_runs_dry_nor_piles_up() {
    let courses = [(500.0, 0.0, 24), (-500.0, 0.0, 1), (0.0, 500.0, 1), (0.0, -500.0, 1), (250.0, -250.0, 1)];
    for (source, speaker, hours) in courses {
        let outcome = play(&Course { source, speaker }, hours, true);
        assert_eq!(outcome.underruns, 0, "{source} {speaker}: {outcome:?}");
        assert!(outcome.least > 0.02 && outcome.most < 0.15, "{source} {speaker}: {outcome:?}");
        assert!(outcome.misplaced < 0.001, "{source} {speaker}: {outcome:?}");
    }
}

#[test]
fn sound_that_is_not_led_does() {
    let slow = play(&Course { source: -500.0, speaker: 0.0 }, 1, false);
    assert!(slow.underruns > 10, "{slow:?}");
    let fast = play(&Course { source: 500.0, speaker: 0.0 }, 1, false);
    assert!(fast.most > 1.8, "{fast:?}");
}

#[test]
fn what_the_source_needs_is_held_and_what_this_machine_lost_is_not() {
    let mut follower = Follower::new(SampleFormat::F32, RATE, ChannelLayout::Mono, FramePool::new()).unwrap();
    // After 500 s the speaker runs out since nothing comes for 200 ms; after 1000 s once more, though 300 ms wait.
    for second in 0..1_100i64 {
        let (now, underruns) = (Timestamp::from_millis(second * 1_000), (second / 500) as u64);
        let (delay, waited) = [(100, 0), (300, 0), (600, 300)][underruns as usize];
        let [waited, delay] = [waited, delay].map(Duration::from_millis);
        follower.arrive(now - waited, now - waited);
        follower.hear(now - delay, underruns, now);
        let (target, speed) = (follower.steering.target(), follower.resampler.speed());
        if second % 500 > 2 {
            assert_eq!(target, delay.min(Duration::from_millis(300)), "after {second} s");
            assert!((speed - 1.0).abs() < 1e-4 || second > 1_000, "{speed} after {second} s");
        }
    }
    assert!(follower.resampler.speed() > 1.003, "{}", follower.resampler.speed());
}
