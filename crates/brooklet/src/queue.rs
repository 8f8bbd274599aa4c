//! The bounded queue between two threads, or between a thread and the runtime of the sockets.
//!
//! One queue serves both worlds, so that nothing ever blocks inside a caller's own runtime by accident: threads
//! use [`Queue::push`] and [`Queue::pop`], tasks use [`Queue::send`] and [`Queue::receive`].
//!
//! A full queue blocks whoever adds to it, or, made by [`Queue::replacing`], forgets its oldest.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// A first-in first-out queue of at most `capacity` items. When it is full, [`Queue::push`] blocks: that is the
/// back-pressure; in one of [`Queue::replacing`] the newest wins. Cloning shares it.
pub(crate) struct Queue<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    capacity: usize,
    /// Where it is full, its oldest item goes.
    replaces: bool,
    state: Mutex<State<T>>,
    /// There is something to take, or nothing will come.
    arrived: Condvar,
    /// There is room, or nobody takes any more.
    room: Condvar,
}

struct State<T> {
    items: VecDeque<T>,
    closed: bool,
    /// No more items come; those that wait are still handed out.
    ended: bool,
    /// Tasks that wait, each once.
    wakers: Vec<Waker>,
    /// Threads that wait in [`Queue::pop_until`] and in [`Queue::push`]. To wake a thread is a system call, even
    /// where there is none to wake.
    takers: usize,
    pushers: usize,
    /// Items that went for newer ones.
    replaced: u64,
}

/// The queue was closed: the other side is gone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed;

/// What [`Queue::pop_until`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Popped<T> {
    Item(T),
    Late,
    End,
}

impl<T> Queue<T> {
    /// An empty queue of at most `capacity` (at least 1) items.
    pub(crate) fn new(capacity: usize) -> Self {
        Self::with(capacity, false)
    }

    /// The same, but one that never blocks: where it is full, its oldest item goes, and is counted. For what comes whether it
    /// is taken or not.
    pub(crate) fn replacing(capacity: usize) -> Self {
        Self::with(capacity, true)
    }

    fn with(capacity: usize, replaces: bool) -> Self {
        let state = State {
            items: VecDeque::new(),
            closed: false,
            ended: false,
            wakers: Vec::new(),
            takers: 0,
            pushers: 0,
            replaced: 0,
        };
        let (state, capacity) = (Mutex::new(state), capacity.max(1));
        let (arrived, room) = (Condvar::new(), Condvar::new());
        Self { shared: Arc::new(Shared { capacity, replaces, state, arrived, room }) }
    }

    /// Adds an item; blocks while the queue is full.
    pub(crate) fn push(&self, item: T) -> Result<(), Closed> {
        let mut state = self.lock();
        while !self.make_room(&mut state) && !state.closed {
            state.pushers += 1;
            state = self.shared.room.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.pushers -= 1;
        }
        self.add(state, item)
    }

    /// Adds an item; waits while the queue is full.
    pub(crate) async fn send(&self, item: T) -> Result<(), Closed> {
        let mut item = Some(item);
        poll_fn(|context| {
            let mut state = self.lock();
            if !self.make_room(&mut state) && !state.closed {
                state.wait(context);
                return Poll::Pending;
            }
            Poll::Ready(item.take().map_or(Ok(()), |item| self.add(state, item)))
        })
        .await
    }

    /// Adds an item where there is room; false where there is none.
    #[cfg(feature = "webrtc")]
    pub(crate) fn try_push(&self, item: T) -> bool {
        let state = self.lock();
        state.items.len() < self.shared.capacity && self.add(state, item).is_ok()
    }

    /// The next item; blocks until there is one. `None` at the end.
    pub(crate) fn pop(&self) -> Option<T> {
        match self.pop_until(None) {
            Popped::Item(item) => Some(item),
            Popped::Late | Popped::End => None,
        }
    }

    /// The next item; blocks until there is one, at most until `deadline`.
    pub(crate) fn pop_until(&self, deadline: Option<Instant>) -> Popped<T> {
        let mut state = self.lock();
        loop {
            if let Some(item) = self.take(&mut state) {
                return Popped::Item(item);
            }
            if state.closed || state.ended {
                return Popped::End;
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Popped::Late;
            }
            state.takers += 1;
            let arrived = &self.shared.arrived;
            state = match left {
                None => arrived.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) => arrived.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
            state.takers -= 1;
        }
    }

    /// The next item, where one waits.
    pub(crate) fn try_pop(&self) -> Option<T> {
        let mut state = self.lock();
        self.take(&mut state)
    }

    /// The next item; waits until there is one. `None` at the end.
    pub(crate) async fn receive(&self) -> Option<T> {
        poll_fn(|context| {
            let mut state = self.lock();
            if let Some(item) = self.take(&mut state) {
                return Poll::Ready(Some(item));
            }
            if state.closed || state.ended {
                return Poll::Ready(None);
            }
            state.wait(context);
            Poll::Pending
        })
        .await
    }

    /// Resolves when the queue is closed.
    pub(crate) async fn closed(&self) {
        poll_fn(|context| {
            let mut state = self.lock();
            if state.closed {
                return Poll::Ready(());
            }
            state.wait(context);
            Poll::Pending
        })
        .await
    }

    /// No more items will be added: the reader gets those that wait, then the end.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        self.wake_all(state);
    }

    /// Both sides stop at once; items that wait are dropped.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.items.clear();
        self.wake_all(state);
    }

    /// Forgets the items that wait, and lets in whoever waits for room.
    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        state.items.clear();
        self.wake_all(state);
    }

    /// How many items wait.
    pub(crate) fn len(&self) -> usize {
        self.lock().items.len()
    }

    /// How many items went for newer ones, in one of [`Queue::replacing`].
    pub(crate) fn replaced(&self) -> u64 {
        self.lock().replaced
    }

    /// Whether [`Queue::close`] was called.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Whether no more items will be added, though some may wait.
    pub(crate) fn is_over(&self) -> bool {
        let state = self.lock();
        state.ended || state.closed
    }

    /// Whether there is room for one more; in one of [`Queue::replacing`] it is made.
    fn make_room(&self, state: &mut State<T>) -> bool {
        let full = state.items.len() >= self.shared.capacity;
        if full && self.shared.replaces {
            state.items.pop_front();
            state.replaced += 1;
        }
        !full || self.shared.replaces
    }

    fn add(&self, mut state: MutexGuard<'_, State<T>>, item: T) -> Result<(), Closed> {
        if state.closed {
            return Err(Closed);
        }
        state.items.push_back(item);
        state.wakers.drain(..).for_each(Waker::wake);
        if state.takers > 0 {
            self.shared.arrived.notify_all();
        }
        Ok(())
    }

    fn take(&self, state: &mut MutexGuard<'_, State<T>>) -> Option<T> {
        let item = state.items.pop_front()?;
        state.wakers.drain(..).for_each(Waker::wake);
        // One that found no room sleeps until half is free, so that the two sides don't wake each other for
        // every item.
        if state.pushers > 0 && state.items.len() <= self.shared.capacity / 2 {
            self.shared.room.notify_all();
        }
        Some(item)
    }

    fn wake_all(&self, mut state: MutexGuard<'_, State<T>>) {
        state.wakers.drain(..).for_each(Waker::wake);
        self.shared.arrived.notify_all();
        self.shared.room.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // A panic elsewhere leaves the queue whole: every change to it is one call.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    /// Wakes a task at the next change; however often it looks before that, it is one waker.
    fn wait(&mut self, context: &Context<'_>) {
        let waker = context.waker();
        if !self.wakers.iter().any(|known| known.will_wake(waker)) {
            self.wakers.push(waker.clone());
        }
    }
}

impl<T> std::fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_full_queue_blocks_until_there_is_room() {
        let queue = Queue::new(2);
        let writer = queue.clone();
        let pushed = thread::spawn(move || (0..100).map(|n| writer.push(n)).filter(Result::is_ok).count());
        let popped: Vec<_> = (0..100).filter_map(|_| queue.pop()).collect();
        assert_eq!(popped, (0..100).collect::<Vec<_>>());
        assert_eq!(pushed.join().ok(), Some(100));
    }

    #[test]
    fn in_one_that_replaces_the_newest_win_and_nobody_waits() {
        let queue = Queue::replacing(2);
        assert!((0..100).all(|number| queue.push(number).is_ok()));
        queue.end();
        assert_eq!(queue.replaced(), 98);
        assert_eq!((queue.pop(), queue.pop(), queue.pop()), (Some(98), Some(99), None));
    }

    #[test]
    fn closing_frees_a_blocked_writer_and_ending_hands_out_what_waits() {
        let queue = Queue::new(1);
        assert_eq!(queue.push(1), Ok(()));
        let writer = queue.clone();
        let blocked = thread::spawn(move || writer.push(2));
        queue.close();
        assert_eq!(blocked.join().ok(), Some(Err(Closed)));
        let queue = Queue::new(1);
        assert_eq!(queue.push(1), Ok(()));
        queue.end();
        assert_eq!((queue.pop(), queue.pop()), (Some(1), None));
    }

    #[test]
    fn a_task_that_looks_again_and_again_waits_once() {
        let queue: Queue<u8> = Queue::new(1);
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..100 {
            assert_eq!(std::pin::pin!(queue.closed()).poll(&mut context), Poll::Pending);
            assert_eq!(std::pin::pin!(queue.receive()).poll(&mut context), Poll::Pending);
        }
        assert_eq!(queue.lock().wakers.len(), 1);
    }
}
