//! A place for one item: a newer one takes it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Between a thread that puts and one that takes. Full, it forgets what it held.
pub(super) struct Newest<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
}

struct State<T> {
    item: Option<T>,
    closed: bool,
}

impl<T> Newest<T> {
    pub(super) const fn new() -> Self {
        Self { state: Mutex::new(State { item: None, closed: false }), arrived: Condvar::new() }
    }

    /// Puts an item there; true where one was there that nobody has taken.
    pub(super) fn put(&self, item: T) -> bool {
        let mut state = self.lock();
        let missed = !state.closed && state.item.replace(item).is_some();
        self.arrived.notify_one();
        missed
    }

    /// The item; blocks until there is one. `None` when it is closed.
    pub(super) fn take(&self) -> Option<T> {
        let mut state = self.lock();
        while state.item.is_none() && !state.closed {
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.item.take()
    }

    /// Nothing more will be put or taken.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        (state.item, state.closed) = (None, true);
        self.arrived.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // A panic elsewhere leaves it whole: every change to it is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_taken() {
        let place = Newest::new();
        assert_eq!((place.put(1), place.put(2), place.take()), (false, true, Some(2)));
        place.put(3);
        place.close();
        assert_eq!((place.put(4), place.take()), (false, None));
    }
}
