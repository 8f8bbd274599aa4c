//! How much delay the network needs: as much as nearly all of what came lately was late.

use alloc::vec;
use alloc::vec::Vec;

use core::time::Duration;

/// Width of a bucket, in seconds, and their number: up to 2 s.
const WIDTH: f64 = 0.002;
const BUCKETS: usize = 1_000;
/// What a unit weighs after another one came: after 600, which is 12 s of 20 ms, a third.
const FORGET: f32 = 1.0 - 1.0 / 600.0;
/// The part that may come too late.
const LATE: f32 = 0.005;

/// A histogram of how late units came, which forgets.
#[derive(Debug)]
pub(super) struct Target {
    least: Duration,
    most: Duration,
    buckets: Vec<f32>,
    total: f32,
    /// Of a new unit: grows in place of all others shrinking.
    weight: f32,
    /// The delay that the buckets say, in seconds.
    needed: f64,
}

impl Target {
    pub(super) fn new(least: Duration, most: Duration) -> Self {
        Self { least, most, buckets: vec![0.0; BUCKETS], total: 0.0, weight: 1.0, needed: 0.0 }
    }

    /// A unit came so many seconds later than the earliest.
    pub(super) fn note(&mut self, lateness: f64) {
        let bucket = ((lateness / WIDTH).clamp(0.0, BUCKETS as f64 - 1.0)) as usize;
        self.weight /= FORGET;
        if self.weight > 1e6 {
            let weight = self.weight;
            self.buckets.iter_mut().for_each(|bucket| *bucket /= weight);
            self.total /= weight;
            self.weight = 1.0;
        }
        self.buckets[bucket] += self.weight;
        self.total += self.weight;
        let mut allowed = LATE * self.total;
        let needed = self.buckets.iter().rposition(|late| {
            allowed -= late;
            allowed < 0.0
        });
        self.needed = (needed.unwrap_or(0) + 1) as f64 * WIDTH;
    }

    pub(super) fn delay(&self) -> Duration {
        Duration::from_secs_f64(self.needed).clamp(self.least, self.most.max(self.least))
    }
}
