//! When a datagram leaves: by deadline from the start of the stream, never by a fixed sleep after the last one.

use std::time::Duration;

use brooklet_media::Timestamp;

/// Later than this behind its deadlines, or this far ahead, a stream is taken to have jumped, and starts afresh.
const JUMP: Duration = Duration::from_secs(10);

/// Maps media time to the clock.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// The moment on the clock, and the media time that is due then.
    anchor: Option<(Timestamp, Timestamp)>,
}

impl Pace {
    /// When media of time `at` is due, asked at `now`: at once for the first.
    pub(crate) fn due(&mut self, at: Timestamp, now: Timestamp) -> Timestamp {
        let (clock, media) = *self.anchor.get_or_insert((now, at));
        let due = Timestamp::from_nanos(
            clock.as_nanos().saturating_add(at.as_nanos().saturating_sub(media.as_nanos())),
        );
        if due.since(now) > JUMP || now.since(due) > JUMP {
            self.anchor = Some((now, at));
            return now;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_datagrams_leaves_on_the_beat_however_late_each_is_asked_for() {
        let mut pace = Pace::default();
        let start = Timestamp::from_millis(5_000);
        for beat in 0..180_000i64 {
            let lateness = Duration::from_micros(beat as u64 % 7_919);
            let asked = start + Duration::from_millis(20) * beat as u32 + lateness * u32::from(beat > 0);
            assert_eq!(
                pace.due(Timestamp::from_millis(20 * beat), asked),
                start + Duration::from_millis(20) * beat as u32
            );
        }
    }

    #[test]
    fn a_jump_in_media_time_starts_afresh() {
        let mut pace = Pace::default();
        pace.due(Timestamp::ZERO, Timestamp::ZERO);
        let now = Timestamp::from_millis(40);
        assert_eq!(pace.due(Timestamp::from_millis(3_600_000), now), now);
        assert_eq!(pace.due(Timestamp::from_millis(3_600_020), now), Timestamp::from_millis(60));
    }
}
