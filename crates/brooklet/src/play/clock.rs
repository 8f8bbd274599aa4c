//! Which moment of the media is now, and what that means for the next picture: without a thread, a device or a clock of
//! its own, so that every case can be played through in virtual time.

use std::time::Duration;

use brooklet_media::Timestamp;

/// How long sound may stand still before pictures go on without it.
const STALL: Duration = Duration::from_millis(500);
/// How late a picture may be before its source is taken for slow, where nothing but pictures tells the time.
const LATE: Duration = Duration::from_millis(100);

/// The clock that pictures follow: the sound that is heard, or, where there is none, the time that passes.
///
/// `now` is the caller's clock in all calls, and never goes back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MasterClock {
    course: Course,
    paused: bool,
}

/// What is known of the media's time. Each moment of it comes with when that was.
#[derive(Clone, Copy, Debug, Default)]
enum Course {
    /// It has not begun.
    #[default]
    Unknown,
    /// It passes as time does.
    Free(Timestamp, Timestamp),
    /// Sound was so far when it last moved.
    Sound(Timestamp, Timestamp),
}

/// What is to be done about a picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// It is due.
    Show,
    /// It is due after this time.
    Wait(Duration),
    /// It is late, and the next one is due.
    Drop,
}

impl MasterClock {
    /// The moment of the media that is now; none before it has begun.
    pub(crate) fn at(&self, now: Timestamp) -> Option<Timestamp> {
        match self.course {
            Course::Unknown => None,
            Course::Free(media, _) | Course::Sound(media, _) if self.paused => Some(media),
            Course::Free(media, then) => Some(media + now.since(then)),
            Course::Sound(media, then) => Some(media + now.since(then + STALL)),
        }
    }

    /// Hears how far the sound is. It is right, whatever was thought before; while it stands, pictures wait for it, but
    /// not for ever.
    pub(crate) fn hear(&mut self, heard: Timestamp, now: Timestamp) {
        match self.course {
            Course::Sound(before, _) if before == heard => {}
            _ => self.course = Course::Sound(heard, now),
        }
    }

    /// There is no more sound: time passes on from where it was.
    pub(crate) fn let_go(&mut self, now: Timestamp) {
        if let (Course::Sound(..), Some(media)) = (self.course, self.at(now)) {
            self.course = Course::Free(media, now);
        }
    }

    /// Begins at a moment of the media, where no sound tells.
    pub(crate) fn start(&mut self, media: Timestamp, now: Timestamp) {
        self.course = Course::Free(media, now);
    }

    /// Forgets everything but a pause, as after a seek.
    pub(crate) fn reset(&mut self) {
        self.course = Course::Unknown;
    }

    /// Holds, or goes on from there.
    pub(crate) fn pause(&mut self, paused: bool, now: Timestamp) {
        let media = self.at(now);
        self.course = match (self.course, media) {
            (Course::Free(..), Some(media)) => Course::Free(media, now),
            (Course::Sound(..), Some(media)) => Course::Sound(media, now),
            _ => Course::Unknown,
        };
        self.paused = paused;
    }

    /// Whether a picture at `at` is so late that its source must be slow; to hurry after it would help nobody.
    #[cfg_attr(not(any(feature = "window", test)), expect(dead_code, reason = "a window asks"))]
    pub(crate) fn is_behind(&self, at: Timestamp, now: Timestamp) -> bool {
        self.at(now).is_some_and(|media| media.since(at) > LATE)
    }

    /// What is to be done about a picture at `at`, with the next one at `following`, where that has come. Nothing, while
    /// the clock has not begun.
    pub(crate) fn turn(&self, at: Timestamp, following: Option<Timestamp>, now: Timestamp) -> Option<Turn> {
        let media = self.at(now)?;
        Some(if at > media {
            Turn::Wait(at.since(media))
        } else if following.is_some_and(|following| following <= media) {
            Turn::Drop
        } else {
            Turn::Show
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn time_passes_but_for_a_pause() {
        let mut clock = MasterClock::default();
        assert_eq!(clock.at(ms(5)), None);
        clock.start(ms(1_000), ms(10));
        assert_eq!(clock.at(ms(30)), Some(ms(1_020)));
        clock.pause(true, ms(40));
        assert_eq!(clock.at(ms(900)), Some(ms(1_030)));
        clock.pause(false, ms(1_000));
        assert_eq!(clock.at(ms(1_010)), Some(ms(1_040)));
    }

    #[test]
    fn sound_is_right_and_one_that_stands_is_waited_for_but_not_for_ever() {
        let mut clock = MasterClock::default();
        clock.start(ms(0), ms(0));
        clock.hear(ms(40), ms(100));
        assert_eq!(clock.at(ms(100)), Some(ms(40)));
        clock.hear(ms(40), ms(500));
        assert_eq!(clock.at(ms(500)), Some(ms(40)));
        clock.hear(ms(40), ms(700));
        assert_eq!(clock.at(ms(700)), Some(ms(140)));
        clock.hear(ms(60), ms(720));
        assert_eq!(clock.at(ms(720)), Some(ms(60)));
    }

    #[test]
    fn after_the_last_sound_time_passes_on() {
        let mut clock = MasterClock::default();
        clock.hear(ms(2_000), ms(100));
        clock.let_go(ms(110));
        assert_eq!(clock.at(ms(150)), Some(ms(2_040)));
        clock.let_go(ms(160));
        assert_eq!(clock.at(ms(160)), Some(ms(2_050)));
    }

    #[test]
    fn a_pause_is_no_stall() {
        let mut clock = MasterClock::default();
        clock.hear(ms(100), ms(100));
        clock.pause(true, ms(110));
        clock.hear(ms(100), ms(5_000));
        assert_eq!(clock.at(ms(5_000)), Some(ms(100)));
        clock.pause(false, ms(5_000));
        assert_eq!(clock.at(ms(5_400)), Some(ms(100)));
    }

    /// Ten minutes of pictures beside a speaker whose clock runs 300 ppm too fast, whose thread that shows looks at odd
    /// moments, and whose decoder stops for a second in the middle.
    #[test]
    fn pictures_follow_the_sound_for_the_length_of_a_clip() {
        let mut clock = MasterClock::default();
        let (mut now, mut next, mut dropped, mut worst, mut seed) = (0i64, 0i64, 0, 0i64, 7u64);
        while next < 15_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            now += 1 + (seed >> 33) as i64 % 20;
            // 48 kHz in whole samples, heard since 200 ms.
            let heard = ((now - 200) * 48 * 10_003 / 10_000).max(0) * 125 / 6;
            if now > 200 {
                clock.hear(Timestamp::from_micros(heard), ms(now));
            }
            let decoded = if (300_000..301_000).contains(&now) { 300_000 / 40 } else { now / 40 + 4 };
            while next < decoded.min(15_000) {
                let following = (next + 1 < decoded).then(|| ms(40 * (next + 1)));
                match clock.turn(ms(40 * next), following, ms(now)) {
                    None | Some(Turn::Wait(_)) => break,
                    Some(Turn::Drop) => dropped += 1,
                    Some(Turn::Show) => {
                        let lag = (heard - 40_000 * next) / 1_000;
                        let stumbles = (300_000..301_100).contains(&now);
                        worst = worst.max(if stumbles { 0 } else { lag });
                    }
                }
                next += 1;
            }
        }
        assert!(worst <= 21, "{worst} ms late");
        assert!((1..=30).contains(&dropped), "{dropped} pictures were dropped");
    }

    #[test]
    fn pictures_have_their_turn() {
        let mut clock = MasterClock::default();
        assert_eq!(clock.turn(ms(0), None, ms(0)), None);
        clock.start(ms(0), ms(0));
        let turn = |at: i64, following: Option<i64>, now: i64| clock.turn(ms(at), following.map(ms), ms(now));
        assert_eq!(turn(40, None, 10), Some(Turn::Wait(Duration::from_millis(30))));
        assert_eq!(turn(40, Some(80), 40), Some(Turn::Show));
        assert_eq!(turn(40, Some(80), 79), Some(Turn::Show));
        assert_eq!(turn(40, Some(80), 80), Some(Turn::Drop));
        // A late one is shown where nothing better has come.
        assert_eq!(turn(40, None, 500), Some(Turn::Show));
        assert!(clock.is_behind(ms(40), ms(141)) && !clock.is_behind(ms(40), ms(140)));
    }
}
