//! No faster than time passes.

use std::time::{Duration, Instant};

use brooklet_media::Timestamp;

use crate::Stopper;

/// Media time that may stand still on the clock (a pause of the machine, a jump): then pacing starts afresh.
const JUMP: Duration = Duration::from_secs(10);

/// Waits for media to be due: by deadline from an anchor, so that no wait adds to the next. What is late by less than
/// 10 s goes at once, and the clock stays.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    anchor: Option<(Instant, Timestamp)>,
}

impl Pace {
    /// Sleeps until `at` is due; false where stopped.
    pub(crate) fn wait(&mut self, at: Timestamp, stopper: &Stopper) -> bool {
        let now = Instant::now();
        let (start, first) = *self.anchor.get_or_insert((now, at));
        let due = start + at.since(first);
        if due.saturating_duration_since(now) > JUMP || now.saturating_duration_since(due) > JUMP {
            self.anchor = Some((now, at));
            return true;
        }
        stopper.sleep_until(due)
    }
}
