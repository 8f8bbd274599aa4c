//! What the way carries to what the encoder is told.

use std::time::{Duration, Instant};

/// The most that a picture is worth, bit/s.
pub(super) const MOST: u64 = 2_500_000;
/// The least that a picture can be made of.
const LEAST: u64 = 100_000;
/// The encoder aims at another rate by beginning anew with a key frame, which costs: so long it stays as it is.
const PATIENCE: Duration = Duration::from_secs(5);

/// Follows the estimates of what the way carries. Dropping pictures at once is not its business.
pub(super) struct Rate {
    aim: u64,
    changed: Instant,
    /// The last estimate. None follows it while it holds.
    estimate: Option<u64>,
}

impl Rate {
    pub(super) const fn new(now: Instant) -> Self {
        Self { aim: MOST, changed: now, estimate: None }
    }

    /// The way carries this many bit/s.
    pub(super) const fn note(&mut self, estimate: u64) {
        self.estimate = Some(estimate);
    }

    /// What to aim at from now on, where that has become another matter and the last change is long enough ago.
    pub(super) fn due(&mut self, now: Instant) -> Option<u64> {
        // The rest is for sound and repairs.
        let wanted = (self.estimate? / 100 * 80).clamp(LEAST, MOST);
        // Less of a difference is not worth a key frame, which a narrow way takes long to carry: a few pictures that are left out cost less.
        let differs = wanted * 100 < self.aim * 70 || wanted * 100 > self.aim * 150;
        if !differs || now.saturating_duration_since(self.changed) < PATIENCE {
            return None;
        }
        (self.aim, self.changed) = (wanted, now);
        Some(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_what_matters_every_five_seconds() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut rate = Rate::new(start);
        assert_eq!(rate.due(at(9)), None);
        rate.note(500_000);
        assert_eq!(rate.due(at(4)), None);
        // It was told too early, and holds.
        assert_eq!((rate.due(at(5)), rate.due(at(15))), (Some(400_000), None));
        rate.note(1_000_000);
        assert_eq!(rate.due(at(9)), None);
        rate.note(520_000);
        assert_eq!(rate.due(at(20)), None);
        rate.note(1_000_000);
        assert_eq!(rate.due(at(20)), Some(800_000));
        rate.note(1);
        assert_eq!(rate.due(at(30)), Some(LEAST));
        rate.note(u64::MAX);
        assert_eq!(rate.due(at(40)), Some(MOST));
    }
}
