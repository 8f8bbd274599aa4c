//! The caller's own thread: each picture at its time, and what a person does in the window.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use brooklet_media::{Timestamp, VideoFrame};

use super::PlaySpec;
use super::clock::{MasterClock, Turn};
use super::screen::{Screen, Wish};
use super::shared::{Coded, Decoded, Shared};
use crate::queue::Queue;
use crate::{Error, Result, Stopper};

/// The longest that a stop goes unnoticed, and a picture that comes late.
const NAP: Duration = Duration::from_millis(20);
const SHORT_NAP: Duration = Duration::from_millis(4);
/// How long the first picture waits for sound to begin.
const PATIENCE: Duration = Duration::from_secs(1);
/// Lags are not counted among the worst before a round is this old: devices are just starting.
const SETTLING: Duration = Duration::from_secs(1);
/// How much of a live source without sound may wait, before pictures are left out, and how much then still waits.
const MOST_BEHIND: Duration = Duration::from_millis(800);
const LEAST_BEHIND: Duration = Duration::from_millis(150);
/// A jump past the end goes to here before it.
const LAST: Duration = Duration::from_millis(100);

/// What there is to be shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Media {
    pub(super) pictures: bool,
    pub(super) sound: bool,
    pub(super) seekable: bool,
    pub(super) live: bool,
    /// `-ss`: the moment of the input that is the job's zero.
    pub(super) start: Duration,
    pub(super) duration: Option<Duration>,
}

/// See the module.
pub(super) struct Show<'a> {
    spec: &'a PlaySpec,
    media: Media,
    shared: Arc<Shared>,
    frames: Queue<Decoded>,
    /// Of packets: pictures' first, where there are any, then those of sound.
    queues: Vec<Queue<Coded>>,
    started: Instant,
    clock: MasterClock,
    screen: Option<Screen>,
    paused: bool,
    told: bool,
    round: u64,
    /// Where this round began.
    begun_at: Timestamp,
    /// When its first picture was there.
    begun: Option<Timestamp>,
    upcoming: VecDeque<VideoFrame>,
    /// The first of `upcoming` is on the screen already.
    shown_early: bool,
    pictures_over: bool,
    /// When the last picture has been seen for as long as it lasts.
    end: Timestamp,
}

impl<'a> Show<'a> {
    pub(super) fn new(
        spec: &'a PlaySpec,
        media: Media,
        shared: Arc<Shared>,
        frames: Queue<Decoded>,
        queues: Vec<Queue<Coded>>,
    ) -> Self {
        Self {
            spec,
            media,
            shared,
            frames,
            queues,
            started: Instant::now(),
            clock: MasterClock::default(),
            screen: None,
            paused: false,
            told: false,
            round: 0,
            begun_at: Timestamp::ZERO,
            begun: None,
            upcoming: VecDeque::new(),
            shown_early: false,
            pictures_over: false,
            end: Timestamp::ZERO,
        }
    }

    /// Until the end, a stop, or a person has had enough.
    pub(super) fn run(mut self, stopper: &Stopper) -> Result<()> {
        while !stopper.is_stopped() {
            let now = self.now();
            self.fetch();
            self.follow_sound(now);
            let patience = self.present(now)?;
            self.report(now);
            if self.is_over(now) && (self.spec.auto_exit || self.screen.is_none()) {
                return Ok(());
            }
            let wish = match &self.screen {
                Some(screen) => screen.wish(patience),
                None => {
                    thread::sleep(patience);
                    None
                }
            };
            if let Some(wish) = wish {
                self.grant(wish)?;
            }
        }
        Ok(())
    }

    /// Takes pictures of this round from their decoder, as many as are looked at.
    fn fetch(&mut self) {
        while self.upcoming.len() < 2 {
            match self.frames.try_pop() {
                Some(Decoded::Picture(round, picture)) if round == self.round => {
                    self.upcoming.push_back(picture)
                }
                Some(Decoded::End(round)) if round == self.round => self.pictures_over = true,
                // What is left of a round that is over.
                Some(_) => {}
                None => return,
            }
        }
    }

    fn follow_sound(&mut self, now: Timestamp) {
        if !self.media.sound || !self.spec.follow_sound {
            return;
        }
        if let Some(heard) = self.shared.heard(self.round) {
            self.clock.hear(heard, now);
        }
        if self.shared.is_silent(self.round) {
            self.clock.let_go(now);
        }
    }

    /// Shows what is due; how long nothing will be.
    fn present(&mut self, now: Timestamp) -> Result<Duration> {
        let Some(first) = self.upcoming.front() else {
            return Ok(if self.media.pictures && !self.pictures_over { SHORT_NAP } else { NAP });
        };
        if self.screen.is_none() {
            let opened = Screen::open(self.spec, first);
            if !self.has_screen(opened)? {
                return Ok(Duration::ZERO);
            }
            return Ok(Duration::ZERO);
        }
        let first = &self.upcoming[0];
        let at = first.time_base.at(first.pts);
        let following = self.upcoming.get(1).map(|picture| picture.time_base.at(picture.pts));
        match self.clock.turn(at, following, now) {
            None => self.wait_for_begin(at, now),
            Some(Turn::Wait(left)) => return Ok(left.min(NAP)),
            Some(Turn::Drop) => {
                self.upcoming.pop_front();
                let early = std::mem::take(&mut self.shown_early);
                self.shared.update(|status| status.dropped += u64::from(!early));
                return Ok(Duration::ZERO);
            }
            Some(Turn::Show) => {
                self.show_first(now);
                return Ok(Duration::ZERO);
            }
        }
        Ok(SHORT_NAP)
    }

    /// Keeps the window; where there is none, sound alone is played, if there is any.
    fn has_screen(&mut self, opened: Result<Screen>) -> Result<bool> {
        match opened {
            Ok(screen) => {
                self.screen = Some(screen);
                Ok(true)
            }
            Err(error) if self.media.sound => {
                self.shared.journal.warn(format!("{error}; it is played without pictures"));
                self.media.pictures = false;
                self.upcoming.clear();
                // Their decoder is not to wait for anyone.
                self.frames.close();
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The clock has not begun: the first picture is shown meanwhile, and waits for sound, but not for ever.
    fn wait_for_begin(&mut self, at: Timestamp, now: Timestamp) {
        if !self.shown_early {
            self.shown_early = true;
            self.put(self.upcoming[0].clone());
        }
        let begun = *self.begun.get_or_insert(now);
        let alone = !self.media.sound || !self.spec.follow_sound || self.shared.is_silent(self.round);
        if alone || !self.paused && now.since(begun) > PATIENCE {
            self.clock.start(at, now);
        }
    }

    fn show_first(&mut self, now: Timestamp) {
        let Some(picture) = self.upcoming.pop_front() else { return };
        let at = picture.time_base.at(picture.pts);
        let length = picture.time_base.at(picture.duration).since(Timestamp::ZERO);
        self.end = at + length.min(Duration::from_secs(1));
        if !std::mem::take(&mut self.shown_early) {
            self.put(picture);
        }
        let begun = *self.begun.get_or_insert(now);
        let Some(media) = self.clock.at(self.now()) else { return };
        let lag = (media.as_nanos() - at.as_nanos()) as f64 / 1e9;
        let settled = now.since(begun) > SETTLING;
        self.shared.update(|status| {
            status.lag = Some(lag);
            if settled {
                status.worst_lag = status.worst_lag.max(lag.abs());
            }
        });
        self.catch_up(length, media, now);
    }

    /// Of a live source without sound, what waits is delay for ever: it is left out where it is much.
    fn catch_up(&mut self, length: Duration, media: Timestamp, now: Timestamp) {
        if !self.media.live || self.media.sound {
            return;
        }
        let packets: usize = self.queues.iter().map(Queue::len).sum();
        let waiting = length * u32::try_from(packets).unwrap_or(u32::MAX);
        if waiting > MOST_BEHIND {
            self.clock.start(media + (waiting - LEAST_BEHIND), now);
        }
    }

    fn put(&self, picture: VideoFrame) {
        if let Some(screen) = &self.screen {
            screen.show(picture);
            self.shared.update(|status| status.shown += 1);
        }
    }

    fn grant(&mut self, wish: Wish) -> Result<()> {
        match wish {
            Wish::Close => {
                let url = self.spec.title.clone().unwrap_or_else(|| self.spec.input.url.clone());
                return Err(Error::Closed { url });
            }
            Wish::Pause => {
                self.paused = !self.paused;
                self.clock.pause(self.paused, self.now());
                self.shared.pause(self.paused);
            }
            Wish::Seek(seconds) => self.seek(seconds),
            Wish::Volume(more) => self.shared.change_volume(|volume| volume + more),
        }
        Ok(())
    }

    fn seek(&mut self, seconds: i64) {
        if !self.media.seekable {
            if !std::mem::replace(&mut self.told, true) {
                let what = "this can't be sought in: it comes as it comes";
                self.shared.journal.warn(format!("{}: {what}", self.spec.input.url));
            }
            return;
        }
        let from = self.clock.at(self.now()).unwrap_or(self.begun_at);
        let first = Timestamp::ZERO - self.media.start;
        let length = self.media.duration.filter(|_| self.spec.input.loops == 0);
        let last = length.map_or(Timestamp::MAX, |length| (first + length.saturating_sub(LAST)).max(first));
        let step = Duration::from_secs(seconds.unsigned_abs());
        let to = if seconds < 0 { from - step } else { from + step }.clamp(first, last);
        self.round = self.shared.seek(to, || {
            self.queues.iter().for_each(Queue::clear);
            self.frames.clear();
        });
        self.begun_at = to;
        self.begun = None;
        self.clock.reset();
        self.upcoming.clear();
        (self.shown_early, self.pictures_over) = (false, false);
    }

    fn is_over(&self, now: Timestamp) -> bool {
        let seen = || self.clock.at(now).is_none_or(|media| media >= self.end);
        let pictures = !self.media.pictures || self.pictures_over && self.upcoming.is_empty() && seen();
        pictures && (!self.media.sound || self.shared.is_silent(self.round))
    }

    fn report(&self, now: Timestamp) {
        let media = self.clock.at(now).unwrap_or(self.begun_at) + self.media.start;
        let waiting = |number: usize| self.queues.get(number).map_or(0, Queue::len);
        let (pictures, sound) = match (self.media.pictures, self.media.sound) {
            (true, _) => (waiting(0), waiting(1)),
            (false, _) => (0, waiting(0)),
        };
        self.shared.update(|status| {
            status.time = media.since(Timestamp::ZERO);
            (status.pictures_waiting, status.sound_waiting) = (pictures, sound);
        });
    }

    fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.started.elapsed()
    }
}
