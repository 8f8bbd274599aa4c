//! Whether a codec keeps up with a source that does not wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use brooklet_media::Timestamp;

use crate::job::Journal;

/// Media that is looked at before anything is said: the first pictures, key frames among them, take longer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Compares the time that a codec works with the time that its media lasts, and says once that it takes longer.
///
/// Waiting is not counted, neither for frames nor for whoever takes them, so a slow network does not look like a slow
/// codec.
#[derive(Debug)]
pub(crate) struct Behind {
    what: String,
    help: &'static str,
    journal: Arc<Journal>,
    worked: Duration,
    first: Option<Timestamp>,
    frames: u32,
    said: bool,
}

impl Behind {
    /// `what` works, as a person would call it: `encoding av1`; `help` says what can be done, after a semicolon, or
    /// is empty.
    pub(crate) const fn new(what: String, help: &'static str, journal: Arc<Journal>) -> Self {
        Self { what, help, journal, worked: Duration::ZERO, first: None, frames: 0, said: false }
    }

    /// Counts what `work` on the frame at `at` takes.
    pub(crate) fn watch<T>(&mut self, at: Timestamp, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        self.count(at, start.elapsed());
        done
    }

    fn count(&mut self, at: Timestamp, worked: Duration) {
        let lasted = at.since(*self.first.get_or_insert(at));
        self.worked += worked;
        self.frames += 1;
        if !self.said && lasted >= PATIENCE && self.worked > lasted {
            self.said = true;
            let made = f64::from(self.frames) / self.worked.as_secs_f64();
            let due = f64::from(self.frames - 1) / lasted.as_secs_f64();
            self.journal.warn(format!(
                "{} falls behind real time: {made:.1} pictures/s of {due:.1}{}",
                self.what, self.help
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(millis: u64, frames: i64) -> Vec<String> {
        let journal = Arc::new(Journal::default());
        let mut behind = Behind::new("encoding av1".into(), "; try -s", journal.clone());
        for frame in 0..frames {
            behind.count(Timestamp::from_millis(40 * frame), Duration::from_millis(millis));
        }
        journal.take()
    }

    #[test]
    fn a_codec_that_takes_too_long_is_told_once() {
        let lines = ["encoding av1 falls behind real time: 12.5 pictures/s of 25.0; try -s"];
        assert_eq!(said(80, 500), lines);
    }

    #[test]
    fn one_that_keeps_up_is_not_and_neither_is_a_slow_start() {
        assert_eq!(said(39, 500), Vec::<String>::new());
        assert_eq!(said(80, 70), Vec::<String>::new());
    }
}
