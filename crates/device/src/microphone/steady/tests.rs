use brooklet_media::{SampleFormat, TimeBase, Timestamp};

use super::*;

/// Low, so that a day is done in seconds; nothing depends on it.
const RATE: u32 = 250;
const FRAGMENT: u64 = 20;

/// A device whose clock is `ppm` fast, heard through stamps that are off by up to `jitter` nanoseconds.
struct Device {
    ppm: i64,
    jitter: i64,
    seed: u64,
}

impl Device {
    /// When a sample is in the air: nanoseconds from the start.
    fn captured(&self, number: u64) -> i64 {
        let own = number as i64 * 1_000_000_000 / i64::from(RATE);
        own - (i128::from(own) * i128::from(self.ppm) / 1_000_000) as i64
    }

    /// A fragment with a click wherever `clicks` says.
    fn fragment(&mut self, first: u64, clicks: impl Fn(u64) -> bool) -> Fragment {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let jitter = (self.seed >> 33) as i64 % (self.jitter + 1);
        let sample = |number| if clicks(number) { 1.0f32 } else { 0.0 };
        let bytes = (first..first + FRAGMENT).flat_map(|number| sample(number).to_ne_bytes()).collect();
        Fragment { first, at: Timestamp::from_nanos(self.captured(first) + jitter), bytes }
    }
}

fn steady() -> Steady {
    Steady::new(SampleFormat::F32, RATE, ChannelLayout::Mono, FramePool::new()).unwrap()
}

/// The stamps of what is loud, in nanoseconds, and whether all frames followed on each other.
fn listen(steady: &mut Steady, next: &mut Option<i64>, loud: &mut Vec<i64>) -> bool {
    let mut smooth = true;
    while let Some(frame) = steady.poll() {
        smooth &= next.is_none_or(|next| next == frame.pts);
        *next = Some(frame.pts + frame.samples() as i64);
        let samples = frame.typed::<f32>(0);
        // The middle of a click is its largest sample.
        let click =
            samples.iter().enumerate().filter(|(_, sample)| **sample > 0.5).max_by(|a, b| a.1.total_cmp(b.1));
        if let Some((at, _)) = click {
            loud.push(TimeBase::hz(RATE).at(frame.pts + at as i64).as_nanos());
        }
    }
    smooth
}

/// Runs for so many seconds, with a click every 100, and says by how much the worst one of the second half is off.
fn worst(ppm: i64, jitter_millis: i64, seconds: u64) -> f64 {
    const EVERY: u64 = 100 * RATE as u64;
    let mut device = Device { ppm, jitter: jitter_millis * 1_000_000, seed: 1 };
    let (mut steady, mut next, mut loud, mut smooth) = (steady(), None, Vec::new(), true);
    for first in (0..seconds * u64::from(RATE)).step_by(FRAGMENT as usize) {
        steady.push(&device.fragment(first, |number| number % EVERY == EVERY / 2)).unwrap();
        smooth &= listen(&mut steady, &mut next, &mut loud);
    }
    assert!(smooth, "there was a gap");
    assert!(loud.len() as u64 >= seconds / 100 - 1, "{} clicks in {seconds} s", loud.len());
    let errors = loud.iter().enumerate().map(|(number, heard)| {
        let captured = device.captured(EVERY / 2 + EVERY * number as u64);
        (heard - captured).abs() as f64 / 1e6
    });
    errors.skip(loud.len() / 2).fold(0.0, f64::max)
}

#[test]
fn after_a_virtual_day_sound_is_where_it_was_captured() {
    let worst = worst(120, 3, 86_400);
    assert!(worst < 10.0, "{worst} ms");
}

#[test]
fn slow_clocks_and_stamps_that_jitter_are_led_along_within_the_hour() {
    let worst = worst(-300, 15, 3_600);
    assert!(worst < 20.0, "{worst} ms");
}

#[test]
fn what_was_lost_is_a_gap_and_what_follows_is_in_its_place() {
    let mut device = Device { ppm: 50, jitter: 1_000_000, seed: 1 };
    let (mut steady, mut next, mut loud) = (steady(), None, Vec::new());
    for first in (0..150_000u64).step_by(FRAGMENT as usize).filter(|first| !(50_000..50_800).contains(first))
    {
        steady.push(&device.fragment(first, |number| number == 51_000 || number == 125_000)).unwrap();
        listen(&mut steady, &mut next, &mut loud);
    }
    let off = |number: u64, heard: i64| (device.captured(number) - heard).abs() as f64 / 1e6;
    assert_eq!(loud.len(), 2);
    assert!(off(51_000, loud[0]) < 10.0 && off(125_000, loud[1]) < 10.0, "{loud:?}");
}
