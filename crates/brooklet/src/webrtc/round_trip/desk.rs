//! What a session's task and its threads share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use brooklet_media::{Packet, VideoFrame};

use super::{Coded, Made};
use crate::processor::{Settings, Task};
use crate::queue::Queue;

/// Packets of video that wait for the decoder, a second of a camera. When full, pictures are dropped up to the next key frame,
/// which is asked for.
const CODED: usize = 30;
/// Packets of sound that wait for its processor, a second. When full, the oldest is dropped.
const HEARD: usize = 50;
/// What waits to be sent back. Pictures are not encoded while more than [`Desk::AHEAD`] wait; sound blocks its thread.
const MADE: usize = 16;

/// Which processor is wanted, and what is set of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// A task by name; none leaves the one that there is, at first the first of all.
    pub task: Option<String>,
    /// Settings by name, with their values as text.
    pub settings: Vec<(String, String)>,
}

/// How a round trip goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The task by name.
    pub task: &'static str,
    /// Pictures that came.
    pub received: u64,
    /// Pictures that went back.
    pub sent: u64,
    /// Pictures that were dropped because a newer one came before the processor had time, or the way back was too narrow.
    pub dropped: u64,
    /// Packets of sound that were dropped because its processor was too slow.
    pub sound_dropped: u64,
    /// How long the processor takes for a picture, on average lately.
    pub processing: Duration,
    /// How long decoding, waiting for the processor, processing and encoding take together, on average lately.
    pub delay: Duration,
    /// Bit/s that the encoder aims at.
    pub bit_rate: u64,
    /// Why the processor can't go on; the session has ended then.
    pub failure: Option<String>,
}

/// A session's desk.
pub(in crate::webrtc) struct Desk {
    tasks: Arc<[Task]>,
    chosen: Mutex<Chosen>,
    pub(super) coded: Queue<Coded>,
    pub(super) heard: Queue<Packet>,
    /// The picture to be processed next, and when it came.
    pub(super) newest: Queue<(VideoFrame, Instant)>,
    pub(super) made: Queue<Made>,
    counters: Counters,
    failure: Mutex<Option<String>>,
}

/// The task and its settings; another version is another task.
#[derive(Clone)]
pub(super) struct Chosen {
    pub(super) task: usize,
    pub(super) settings: Settings,
    pub(super) version: u64,
}

#[derive(Default)]
struct Counters {
    received: AtomicU64,
    sent: AtomicU64,
    /// But for those that went for newer ones.
    dropped: AtomicU64,
    /// Nanoseconds.
    processing: AtomicU64,
    delay: AtomicU64,
    /// Bit/s; 0 is as it was.
    aim: AtomicU64,
    bit_rate: AtomicU64,
    /// Our encoder shall make one; the peer shall make one.
    key_frame: AtomicBool,
    asks_peer: AtomicBool,
    held: AtomicBool,
}

impl Desk {
    /// Packets that may wait for the network while more pictures are encoded.
    pub(super) const AHEAD: usize = 4;

    /// One for a session that begins with this choice; `Err` says what of it can't be.
    pub(in crate::webrtc) fn new(tasks: &Arc<[Task]>, choice: &Choice) -> Result<Self, String> {
        let first = tasks.first().ok_or("nothing is offered here to be done to pictures")?;
        let chosen = Chosen { task: 0, settings: Settings::new(first.settings()), version: 0 };
        let desk = Self {
            tasks: tasks.clone(),
            chosen: Mutex::new(chosen),
            coded: Queue::new(CODED),
            heard: Queue::replacing(HEARD),
            newest: Queue::replacing(1),
            made: Queue::new(MADE),
            counters: Counters::default(),
            failure: Mutex::new(None),
        };
        desk.choose(choice)?;
        Ok(desk)
    }

    /// Changes the task, what is set of it, or both; where one thing can't be, nothing of it is.
    pub(in crate::webrtc) fn choose(&self, choice: &Choice) -> Result<(), String> {
        let mut chosen = lock(&self.chosen);
        let task = match &choice.task {
            None => chosen.task,
            Some(name) => self.tasks.iter().position(|task| task.name() == name).ok_or_else(|| {
                let names: Vec<_> = self.tasks.iter().map(Task::name).collect();
                format!("there is no task '{name}'; there is {}", names.join(", "))
            })?,
        };
        let declared = self.tasks[task].settings();
        // Tried on values of its own first, so that half a change is none.
        let trial = Settings::new(declared);
        if let Some((name, value)) = choice.settings.iter().find(|(name, value)| !trial.set(name, value)) {
            return Err(format!("'{name}' can't be set to '{value}' in {}", self.tasks[task].name()));
        }
        if task != chosen.task {
            *chosen = Chosen { task, settings: trial, version: chosen.version + 1 };
            return Ok(());
        }
        for (name, value) in &choice.settings {
            let _ = chosen.settings.set(name, value);
        }
        Ok(())
    }

    pub(in crate::webrtc) fn report(&self) -> Report {
        let counters = &self.counters;
        Report {
            task: self.tasks[lock(&self.chosen).task].name(),
            received: counters.received.load(Relaxed),
            sent: counters.sent.load(Relaxed),
            dropped: counters.dropped.load(Relaxed) + self.newest.replaced(),
            sound_dropped: self.heard.replaced(),
            processing: Duration::from_nanos(counters.processing.load(Relaxed)),
            delay: Duration::from_nanos(counters.delay.load(Relaxed)),
            bit_rate: counters.bit_rate.load(Relaxed),
            failure: lock(&self.failure).clone(),
        }
    }

    /// What is chosen now.
    pub(super) fn chosen(&self) -> Chosen {
        lock(&self.chosen).clone()
    }

    /// The version of what is chosen now.
    pub(super) fn version(&self) -> u64 {
        lock(&self.chosen).version
    }

    pub(super) fn task(&self, chosen: &Chosen) -> &Task {
        &self.tasks[chosen.task]
    }

    /// Whether the chosen task wants the sound.
    pub(super) fn has_sound(&self) -> bool {
        self.tasks[lock(&self.chosen).task].has_sound()
    }

    /// Whether any task does.
    pub(super) fn may_have_sound(&self) -> bool {
        self.tasks.iter().any(Task::has_sound)
    }

    pub(super) fn count_received(&self) {
        self.counters.received.fetch_add(1, Relaxed);
    }

    pub(super) fn count_dropped(&self) {
        self.counters.dropped.fetch_add(1, Relaxed);
    }

    pub(super) fn count_sent(&self) {
        self.counters.sent.fetch_add(1, Relaxed);
    }

    /// A picture was processed; from when it came until it was encoded it took `delay`.
    pub(super) fn count_times(&self, processing: Duration, delay: Duration) {
        for (average, new) in [(&self.counters.processing, processing), (&self.counters.delay, delay)] {
            let (old, new) = (average.load(Relaxed), new.as_nanos() as u64);
            average.store(if old == 0 { new } else { old - old / 16 + new / 16 }, Relaxed);
        }
    }

    /// The encoder aims at this many bit/s.
    pub(super) fn count_bit_rate(&self, bits: u64) {
        self.counters.bit_rate.store(bits, Relaxed);
    }

    /// The peer needs a key frame of ours.
    pub(super) fn want_key_frame(&self) {
        self.counters.key_frame.store(true, Relaxed);
    }

    pub(super) fn takes_key_frame(&self) -> bool {
        self.counters.key_frame.swap(false, Relaxed)
    }

    /// We need a key frame of the peer.
    pub(super) fn wish_key_frame(&self) {
        self.counters.asks_peer.store(true, Relaxed);
    }

    pub(super) fn takes_key_frame_wish(&self) -> bool {
        self.counters.asks_peer.swap(false, Relaxed)
    }

    /// The encoder shall aim at this many bit/s.
    pub(super) fn aim(&self, bits: u64) {
        self.counters.aim.store(bits, Relaxed);
    }

    pub(super) fn takes_aim(&self) -> Option<u64> {
        Some(self.counters.aim.swap(0, Relaxed)).filter(|bits| *bits > 0)
    }

    /// Whether pictures are to be dropped because the way back is full.
    pub(super) fn hold(&self, held: bool) {
        self.counters.held.store(held, Relaxed);
    }

    pub(super) fn is_held(&self) -> bool {
        self.counters.held.load(Relaxed) || self.made.len() > Self::AHEAD
    }

    /// The processor can't go on: the session ends when what was made is sent.
    pub(super) fn fail(&self, why: String) {
        lock(&self.failure).get_or_insert(why);
        self.made.end();
    }

    fn close(&self) {
        self.coded.close();
        self.heard.close();
        self.newest.close();
        self.made.close();
    }
}

/// Ends the threads of a desk when it is dropped.
pub(super) struct Closing(pub(super) Arc<Desk>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn lock<T>(place: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves it whole: every change to it is one assignment.
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processor::built_in;

    fn choice(task: Option<&str>, settings: &[(&str, &str)]) -> Choice {
        let settings = settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        Choice { task: task.map(Into::into), settings }
    }

    #[test]
    fn half_a_choice_is_none() {
        let desk = Desk::new(&built_in().into(), &Choice::default()).unwrap();
        assert_eq!(desk.report().task, "none");
        desk.choose(&choice(Some("blur"), &[("radius", "3")])).unwrap();
        assert_eq!((desk.report().task, desk.chosen().settings.number("radius")), ("blur", 3.0));
        let why = desk.choose(&choice(Some("clock"), &[("size", "9")])).unwrap_err();
        assert_eq!(why, "'size' can't be set to '9' in clock");
        assert!(desk.choose(&choice(Some("x"), &[])).unwrap_err().contains("none, gray, mirror"));
        assert_eq!((desk.report().task, desk.version()), ("blur", 1));
        desk.choose(&choice(None, &[("radius", "9")])).unwrap();
        assert_eq!((desk.version(), desk.chosen().settings.number("radius")), (1, 9.0));
    }

    #[test]
    fn nothing_offered_is_refused() {
        assert!(Desk::new(&Vec::new().into(), &Choice::default()).is_err());
    }
}
