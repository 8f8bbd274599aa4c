//! What a speaker, its clocks and its device share.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::feed::{self, Feed};
use super::position::Position;

/// The state of one stream to a device.
#[derive(Debug)]
pub(crate) struct Line {
    state: Mutex<State>,
    /// There is room, all has been given out, or it is over.
    changed: Condvar,
}

/// See [`Line`].
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) feed: Feed,
    pub(crate) position: Position,
    /// Frames that the device has asked for and not been given.
    pub(crate) wanted: usize,
    /// When what is too little to start with began to wait.
    pub(crate) waits_since: Option<Instant>,
    pub(crate) paused: bool,
    pub(crate) over: Option<Over>,
    /// Counts how often all that was given out was heard or forgotten: reports from before mean nothing then.
    pub(crate) epoch: u64,
    /// The last answer to [`Line::heard`].
    told: u64,
    rate: u32,
}

/// Why nothing more can be heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Over {
    /// By wish of whoever writes.
    Stopped,
    /// The device, or its server, went away.
    Gone,
}

impl Line {
    /// A line at `rate` frames a second.
    pub(crate) fn new(feed: Feed, rate: u32) -> Self {
        let state = State {
            feed,
            position: Position::new(rate),
            wanted: 0,
            waits_since: None,
            paused: false,
            over: None,
            epoch: 0,
            told: 0,
            rate,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves no half-done change that could do worse than a wrong sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something changes, at most `limit`.
    pub(crate) fn wait<'a>(&self, state: MutexGuard<'a, State>, limit: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Wakes whoever waits.
    pub(crate) fn wake(&self) {
        self.changed.notify_all();
    }

    /// Nothing more can be heard; the first reason stays.
    pub(crate) fn end(&self, why: Over) {
        let mut state = self.lock();
        state.over.get_or_insert(why);
        let given = state.feed.given();
        state.position.hold(Instant::now(), given);
        drop(state);
        self.wake();
    }

    /// Which frame of all that were taken is heard now; never less than before.
    pub(crate) fn heard(&self) -> u64 {
        let mut state = self.lock();
        let given = state.position.heard(Instant::now(), state.feed.given());
        state.told = state.feed.heard(given).max(state.told);
        state.told
    }

    /// From being taken to being heard, for what is taken now.
    pub(crate) fn latency(&self) -> Duration {
        let state = self.lock();
        let given = state.feed.given();
        let within = given - state.position.heard(Instant::now(), given);
        let frames = within + state.feed.waiting() as u64;
        Duration::from_nanos((u128::from(frames) * 1_000_000_000 / u128::from(state.rate.max(1))) as u64)
    }
}

impl State {
    /// How many frames last as long as `time`.
    pub(crate) fn frames(&self, time: Duration) -> u64 {
        feed::frames(self.rate, time) as u64
    }

    /// Forgets what waits and what was given out: it counts as heard.
    pub(crate) fn clear(&mut self) {
        self.feed.clear();
        self.waits_since = None;
        self.note_end();
    }

    /// All that was given out has been heard.
    pub(crate) fn note_end(&mut self) {
        self.epoch += 1;
        self.position.report(self.feed.given(), Instant::now(), false);
    }

    /// Whether anything would be taken.
    pub(crate) fn has_room(&self) -> bool {
        self.feed.has_room()
    }

    /// Holds, or goes on. Where the device is when it goes on, it tells.
    pub(crate) fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
        self.position.hold(Instant::now(), self.feed.given());
        self.waits_since = None;
    }

    /// Takes what there is room for of `bytes`, and says how many bytes that is.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> usize {
        let count = self.feed.push(bytes);
        match (self.feed.holds_back(), self.waits_since) {
            (true, None) => self.waits_since = Some(Instant::now()),
            (false, _) => self.waits_since = None,
            _ => {}
        }
        count
    }

    /// What the device has asked for, as far as it can be given, appended to `out`.
    pub(crate) fn pull(&mut self, out: &mut Vec<u8>) {
        if !self.paused {
            self.wanted -= self.feed.fill(self.wanted, out);
        }
    }

    /// Lets go what has waited for `patience` without becoming enough to start with.
    pub(crate) fn lose_patience(&mut self, patience: Duration) {
        if self.waits_since.is_some_and(|since| since.elapsed() >= patience) {
            self.waits_since = None;
            self.feed.go();
        }
    }
}
