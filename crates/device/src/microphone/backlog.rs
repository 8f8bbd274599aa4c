//! What was captured and not read yet. When it is full, the oldest goes: the newest sound wins.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use brooklet_media::Timestamp;

/// Some sound as it came from the device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fragment {
    /// The number of its first sample, of all that were captured.
    pub(crate) first: u64,
    /// When that was in the air, as far as the device could tell; it may be off by some milliseconds.
    pub(crate) at: Timestamp,
    /// Packed samples, native-endian.
    pub(crate) bytes: Vec<u8>,
}

/// Fragments between the device's thread and the reader's.
#[derive(Debug)]
pub(crate) struct Backlog {
    state: Mutex<State>,
    changed: Condvar,
    /// Bytes that may wait.
    most: usize,
    frame_bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    fragments: VecDeque<Fragment>,
    bytes: usize,
    lost: u64,
    over: Option<Over>,
}

/// Why nothing more comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Over {
    /// By wish of whoever reads.
    Stopped,
    /// The device, or its server, went away.
    Gone,
}

impl Backlog {
    /// Holds `most` bytes of frames of `frame_bytes`.
    pub(crate) fn new(most: usize, frame_bytes: usize) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), most, frame_bytes }
    }

    /// Adds what was captured; what is too old to be kept is lost.
    pub(crate) fn add(&self, fragment: Fragment) {
        let mut state = self.lock();
        state.bytes += fragment.bytes.len();
        state.fragments.push_back(fragment);
        while state.bytes > self.most && state.fragments.len() > 1 {
            if let Some(oldest) = state.fragments.pop_front() {
                state.bytes -= oldest.bytes.len();
                state.lost += (oldest.bytes.len() / self.frame_bytes) as u64;
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    /// The oldest that is left; blocks until there is one. What was captured before the end is still given, but for a
    /// stop.
    pub(crate) fn next(&self) -> Result<Fragment, Over> {
        let mut state = self.lock();
        loop {
            if state.over == Some(Over::Stopped) {
                return Err(Over::Stopped);
            }
            if let Some(fragment) = state.fragments.pop_front() {
                state.bytes -= fragment.bytes.len();
                return Ok(fragment);
            }
            if let Some(over) = state.over {
                return Err(over);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Forgets all that waits.
    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        state.fragments.clear();
        state.bytes = 0;
    }

    /// Nothing more comes; the first reason stays.
    pub(crate) fn end(&self, why: Over) {
        self.lock().over.get_or_insert(why);
        self.changed.notify_all();
    }

    /// Frames that were too old to be kept.
    pub(crate) fn lost(&self) -> u64 {
        self.lock().lost
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere costs a fragment at most.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(first: u64) -> Fragment {
        Fragment { first, at: Timestamp::ZERO, bytes: vec![0; 40] }
    }

    #[test]
    fn the_newest_wins_and_what_is_lost_is_counted() {
        let backlog = Backlog::new(100, 4);
        (0..5).for_each(|number| backlog.add(fragment(10 * number)));
        assert_eq!(backlog.lost(), 30);
        assert_eq!(
            [backlog.next(), backlog.next()].map(|next| next.map(|next| next.first)),
            [Ok(30), Ok(40)]
        );
    }

    #[test]
    fn what_came_before_the_device_went_is_given() {
        let backlog = Backlog::new(100, 4);
        backlog.add(fragment(0));
        backlog.end(Over::Gone);
        assert_eq!((backlog.next(), backlog.next()), (Ok(fragment(0)), Err(Over::Gone)));
        let stopped = Backlog::new(100, 4);
        stopped.add(fragment(0));
        stopped.end(Over::Stopped);
        assert_eq!(stopped.next(), Err(Over::Stopped));
    }
}
