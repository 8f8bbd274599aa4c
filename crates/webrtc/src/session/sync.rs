//! The clocks of what arrives onto one.
//!
//! RTP's clocks begin anywhere, each stream's for itself. At first a stream starts when its first packet came. Sender
//! reports (RFC 3550 §6.4.1) then say what of it belongs to which moment of the sender; from them on the video is moved
//! to where the sound is, a little with each picture. Sound is never moved: it would be heard.

use std::time::{Duration, Instant, SystemTime};

use brooklet_media::TimeBase;

/// The most that a picture is moved against the one before.
const STEP: i64 = 4_000_000;
/// A difference that is too great to be true: the sender's clocks have nothing to do with each other.
const INCREDIBLE: i64 = 10_000_000_000;

/// All streams of a session.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    /// When the first packet of all came.
    epoch: Option<Instant>,
    sound: Option<Report>,
}

/// One stream's clock.
#[derive(Debug)]
pub(super) struct Clock {
    base: TimeBase,
    /// The first RTP time, and its pts in nanoseconds.
    first: Option<(i64, i64)>,
    /// What has been added to times, nanoseconds.
    moved: i64,
    last: i64,
}

/// The sender's time less ours, nanoseconds: the same in all streams that belong together.
type Report = i64;

impl Clock {
    pub(super) const fn new(base: TimeBase) -> Self {
        Self { base, first: None, moved: 0, last: i64::MIN }
    }

    /// The pts of what has this RTP time and came at `arrival`, in ticks of the stream; never decreases. `report` is
    /// what the sender last said: which of its own moments belongs to which RTP time.
    pub(super) fn place(
        &mut self,
        clocks: &mut Clocks,
        is_sound: bool,
        rtp: i64,
        arrival: Instant,
        report: Option<(SystemTime, i64)>,
    ) -> i64 {
        let epoch = *clocks.epoch.get_or_insert(arrival);
        let (first, start) =
            *self.first.get_or_insert_with(|| (rtp, nanos(arrival.saturating_duration_since(epoch))));
        let plain = |rtp: i64| start.saturating_add(self.base.at(rtp - first).as_nanos());
        let offset = report.map(|(moment, rtp)| {
            let since = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            nanos(since).saturating_sub(plain(rtp))
        });
        if is_sound {
            clocks.sound = offset.or(clocks.sound);
        } else if let (Some(here), Some(sound)) = (offset, clocks.sound) {
            let target = here.saturating_sub(sound);
            if target.abs() < INCREDIBLE {
                self.moved += (target - self.moved).clamp(-STEP, STEP);
            }
        }
        let at = brooklet_media::Timestamp::from_nanos(plain(rtp).saturating_add(self.moved));
        self.last = self.base.ticks(at).max(self.last);
        self.last
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn pictures_go_to_their_sound_step_by_step() {
        let (mut clocks, start) = (Clocks::default(), Instant::now());
        let (mut sound, mut video) = (Clock::new(TimeBase::hz(48_000)), Clock::new(TimeBase::MPEG));
        let sender = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        // Both were taken at one moment, but the pictures came 30 ms later.
        let heard = sound.place(&mut clocks, true, 7_000, start, Some((sender, 7_000)));
        assert_eq!(heard, 0);
        let shown: Vec<i64> = (0..12)
            .map(|n| {
                let arrival = start + 30 * MILLI + 40 * MILLI * n as u32;
                let rtp = 500 + 3_600 * n;
                video.place(&mut clocks, false, rtp, arrival, Some((sender, 500))) / 90
            })
            .collect();
        assert_eq!(shown[..3], [26, 62, 98]);
        assert_eq!(shown[8..], [320, 360, 400, 440]);
    }

    #[test]
    fn without_reports_streams_start_when_they_come() {
        let (mut clocks, start) = (Clocks::default(), Instant::now());
        let mut video = Clock::new(TimeBase::MPEG);
        assert_eq!(video.place(&mut clocks, false, 90_000, start, None), 0);
        assert_eq!(video.place(&mut clocks, false, 93_600, start, None), 3_600);
        // A clock that runs back stands still.
        assert_eq!(video.place(&mut clocks, false, 91_000, start, None), 3_600);
        let mut sound = Clock::new(TimeBase::hz(48_000));
        assert_eq!(sound.place(&mut clocks, true, 5, start + 20 * MILLI, None), 960);
    }
}
