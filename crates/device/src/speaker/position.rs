//! Where a device is in what it was given, between one report and the next.

use std::time::{Duration, Instant};

use super::feed;

/// A report of a device, and what can be told from it until the next.
#[derive(Debug)]
pub(crate) struct Position {
    rate: u32,
    /// Frames that had been heard, of all that were given, when the report was made.
    frames: u64,
    at: Instant,
    /// Whether more are heard as time passes.
    moving: bool,
}

impl Position {
    /// At the start, standing.
    pub(crate) fn new(rate: u32) -> Self {
        Self { rate, frames: 0, at: Instant::now(), moving: false }
    }

    /// `frames` had been heard at `at`.
    pub(crate) fn report(&mut self, frames: u64, at: Instant, moving: bool) {
        (self.frames, self.at, self.moving) = (frames, at, moving);
    }

    /// It stands from `now` on.
    pub(crate) fn hold(&mut self, now: Instant, given: u64) {
        self.report(self.heard(now, given), now, false);
    }

    /// How many are heard now, of `given`. A report that corrects the last may make it less than it was.
    pub(crate) fn heard(&self, now: Instant, given: u64) -> u64 {
        let passed = if self.moving { now.saturating_duration_since(self.at) } else { Duration::ZERO };
        (self.frames + feed::frames(self.rate, passed) as u64).min(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_only_where_it_moves_and_not_past_what_was_given() {
        let (mut position, start) = (Position::new(48_000), Instant::now());
        let later = |millis| start + Duration::from_millis(millis);
        position.report(4_800, start, true);
        assert_eq!((position.heard(later(100), 48_000), position.heard(later(100), 5_000)), (9_600, 5_000));
        position.hold(later(50), 48_000);
        assert_eq!(position.heard(later(1_000), 48_000), 7_200);
    }
}
