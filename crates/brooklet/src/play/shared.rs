//! What the threads of a player share: where to go on, whether to hold, how far the sound is.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use brooklet_device::SpeakerClock;
use brooklet_media::{Packet, StreamParams, TimeBase, Timestamp, VideoFrame};

use crate::Error;
use crate::job::Journal;

/// Places where what is heard does not follow on what was heard before; the oldest is forgotten beyond this.
const PLACES: usize = 64;

/// What a decoder is handed.
pub(super) enum Coded {
    Packet {
        packet: Packet,
        /// When it was read.
        came: Instant,
    },
    Params(StreamParams),
    /// From here on it is another round: what comes is from another place, and what is before `from` is not wanted.
    Round {
        round: u64,
        from: Option<Timestamp>,
    },
    /// There is no more in this round.
    End,
}

/// What comes of the pictures' decoder, with its round.
pub(super) enum Decoded {
    Picture(u64, VideoFrame),
    End(u64),
}

/// How a player fares.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PlayStatus {
    /// The moment of the media that is now, from the input's start.
    pub time: Duration,
    /// How much later, in seconds, than the clock that it follows the last picture was shown; ffplay's `A-V`. None
    /// before there is a clock and a picture.
    pub lag: Option<f64>,
    /// The largest of all such, but for the first second after a start or a seek.
    pub worst_lag: f64,
    /// Pictures that were shown.
    pub shown: u64,
    /// Pictures that were late and left out.
    pub dropped: u64,
    /// How often the sound ran out.
    pub underruns: u64,
    /// Packets of sound that wait to be decoded.
    pub sound_waiting: usize,
    /// Packets of pictures that wait to be decoded.
    pub pictures_waiting: usize,
    /// Whether it holds.
    pub paused: bool,
}

/// See the module.
pub(super) struct Shared {
    pub(super) journal: Arc<Journal>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Counts seeks.
    round: u64,
    /// Where the reader is to go.
    target: Option<Timestamp>,
    paused: bool,
    volume: f32,
    ended: bool,
    sound: Option<Heard>,
    /// The round whose sound has all been heard.
    silent: Option<u64>,
    failure: Option<Error>,
    status: PlayStatus,
}

/// How far the sound is.
struct Heard {
    round: u64,
    rate: u32,
    clock: SpeakerClock,
    /// Which sample stands at which moment of the media.
    places: VecDeque<(u64, Timestamp)>,
}

impl Shared {
    pub(super) fn new(journal: Arc<Journal>, volume: f32) -> Self {
        let state = State { volume, ..State::default() };
        Self { journal, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// The player ends: whoever waits here goes.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Keeps the first thing that went wrong.
    pub(super) fn fail(&self, error: Error) {
        self.lock().failure.get_or_insert(error);
    }

    pub(super) fn take_failure(&self) -> Option<Error> {
        self.lock().failure.take()
    }

    pub(super) fn status(&self) -> PlayStatus {
        self.lock().status
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut PlayStatus)) {
        change(&mut self.lock().status);
    }

    /// Asks the reader to go on from another place; the number of the round that begins with it. `clear` forgets what
    /// waits of the round before, and lets on whoever waits for room: before the reader can have heard of the new one.
    pub(super) fn seek(&self, to: Timestamp, clear: impl FnOnce()) -> u64 {
        let mut state = self.lock();
        state.round += 1;
        state.target = Some(to);
        clear();
        self.changed.notify_all();
        state.round
    }

    /// The round that the reader is to begin, and where.
    pub(super) fn take_seek(&self) -> Option<(u64, Timestamp)> {
        let mut state = self.lock();
        state.target.take().map(|target| (state.round, target))
    }

    /// The same; waits for it. None at the end.
    pub(super) fn wait_for_seek(&self) -> Option<(u64, Timestamp)> {
        let mut state = self.lock();
        loop {
            if state.ended {
                return None;
            }
            if let Some(target) = state.target.take() {
                return Some((state.round, target));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn is_ended(&self) -> bool {
        self.lock().ended
    }

    pub(super) fn pause(&self, paused: bool) {
        let mut state = self.lock();
        state.paused = paused;
        state.status.paused = paused;
        self.changed.notify_all();
    }

    pub(super) fn is_paused(&self) -> bool {
        self.lock().paused
    }

    /// Waits while it is paused; false where `round` is over.
    pub(super) fn wait_for_turn(&self, round: u64) -> bool {
        let mut state = self.lock();
        while state.paused && !state.ended && state.round == round {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.ended && state.round == round
    }

    pub(super) fn volume(&self) -> f32 {
        self.lock().volume
    }

    pub(super) fn change_volume(&self, change: impl FnOnce(f32) -> f32) {
        let mut state = self.lock();
        state.volume = change(state.volume).clamp(0.0, 1.0);
    }

    /// Sample `index` of all that were written stands at `at`, and those after it follow on it.
    pub(super) fn place_sound(&self, round: u64, index: u64, at: Timestamp, rate: u32, clock: &SpeakerClock) {
        let mut state = self.lock();
        let heard = match &mut state.sound {
            Some(heard) if heard.round == round => heard,
            sound => sound.insert(Heard { round, rate, clock: clock.clone(), places: VecDeque::new() }),
        };
        heard.places.push_back((index, at));
        if heard.places.len() > PLACES {
            heard.places.pop_front();
        }
    }

    /// Which moment of the media is heard now; none where no sound of this round is.
    pub(super) fn heard(&self, round: u64) -> Option<Timestamp> {
        let mut state = self.lock();
        let heard = state.sound.as_mut().filter(|heard| heard.round == round)?;
        let samples = heard.clock.heard();
        while heard.places.get(1).is_some_and(|(index, _)| *index <= samples) {
            heard.places.pop_front();
        }
        let (index, at) = *heard.places.front().filter(|(index, _)| *index <= samples)?;
        let since = TimeBase::hz(heard.rate).at(i64::try_from(samples - index).unwrap_or(i64::MAX));
        let underruns = heard.clock.underruns();
        state.status.underruns = underruns;
        Some(at + since.since(Timestamp::ZERO))
    }

    /// All sound of a round has been heard.
    pub(super) fn fall_silent(&self, round: u64) {
        self.lock().silent = Some(round);
    }

    pub(super) fn is_silent(&self, round: u64) -> bool {
        self.lock().silent == Some(round)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
