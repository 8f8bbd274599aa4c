//! One stream: its past, who publishes it, and who waits for more.

#[cfg(feature = "webrtc")]
use std::sync::atomic::AtomicBool;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use brooklet_flv::Tag;

use super::log::{Bounds, Burst, Cursor, Log};
use super::unit::Unit;
use super::{Busy, StreamStatistics, Table};
use crate::runtime;

/// A stream, under one name for as long as it lives.
pub(super) struct Channel<T> {
    pub(super) name: Arc<str>,
    state: Mutex<State<T>>,
    sent: AtomicU64,
    skipped: AtomicU64,
    /// A viewer can't go on without a key frame.
    #[cfg(feature = "webrtc")]
    wish: AtomicBool,
}

struct State<T> {
    log: Log<T>,
    phase: Phase,
    /// How often a publisher has begun.
    generation: u64,
    /// For each viewer, whom to wake when there is more; and the places of those who have left.
    waiting: Vec<Option<Waker>>,
    free: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Nobody has published it yet.
    Awaited,
    Live,
    /// The publisher's connection broke; it may come back.
    Lost,
    Ended,
}

impl<T: Unit> Channel<T> {
    pub(super) fn new(name: Arc<str>, bounds: Bounds) -> Self {
        let state = State {
            log: Log::new(bounds),
            phase: Phase::Awaited,
            generation: 0,
            waiting: Vec::new(),
            free: Vec::new(),
        };
        Self {
            name,
            state: Mutex::new(state),
            sent: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            #[cfg(feature = "webrtc")]
            wish: AtomicBool::new(false),
        }
    }

    pub(super) fn statistics(&self) -> StreamStatistics {
        let state = self.lock();
        StreamStatistics {
            name: self.name.to_string(),
            is_live: state.phase == Phase::Live,
            codecs: state.log.codecs().iter().map(ToString::to_string).collect(),
            viewers: state.viewers(),
            received: state.log.total(),
            sent: self.sent.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
        }
    }

    /// Whether nobody would miss it.
    pub(super) fn is_idle(&self) -> bool {
        let state = self.lock();
        match state.phase {
            Phase::Ended => true,
            Phase::Live => false,
            Phase::Awaited | Phase::Lost => state.viewers() == 0,
        }
    }

    fn begin(&self) -> Result<u64, Busy> {
        let (mut state, mut woken) = (self.lock(), Vec::new());
        if matches!(state.phase, Phase::Live | Phase::Ended) {
            return Err(Busy);
        }
        state.log.begin();
        state.phase = Phase::Live;
        state.generation += 1;
        let generation = state.generation;
        state.wake(&mut woken);
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        Ok(generation)
    }

    /// The publisher of this generation is gone.
    fn leave(&self, generation: u64, phase: Phase) {
        let (mut state, mut woken) = (self.lock(), Vec::new());
        if state.generation != generation || state.phase == Phase::Ended {
            return;
        }
        state.log.release();
        state.phase = phase;
        state.wake(&mut woken);
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// The publisher of this generation has not come back.
    fn expire(&self, generation: u64) {
        if self.lock().phase == Phase::Lost {
            self.leave(generation, Phase::Ended);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // A panic elsewhere leaves the state whole: every change to it is one call.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn viewers(&self) -> usize {
        self.waiting.len() - self.free.len()
    }

    /// Takes all who wait, to be woken when the lock is free.
    fn wake(&mut self, woken: &mut Vec<Waker>) {
        woken.extend(self.waiting.iter_mut().filter_map(Option::take));
    }
}

/// A publisher's end of a stream. Dropping it without [`Publication::end`] means that the connection broke.
pub(crate) struct Publication<T: Unit = Tag> {
    table: Arc<Table<T>>,
    channel: Arc<Channel<T>>,
    generation: u64,
    woken: Vec<Waker>,
}

impl<T: Unit> Publication<T> {
    pub(super) fn begin(table: &Arc<Table<T>>, channel: Arc<Channel<T>>) -> Result<Self, Busy> {
        let generation = channel.begin()?;
        Ok(Self { table: table.clone(), channel, generation, woken: Vec::new() })
    }

    /// The next unit, for all viewers. Never blocks.
    pub(crate) fn push(&mut self, unit: T) {
        let mut state = self.channel.lock();
        if state.log.push(unit) {
            state.wake(&mut self.woken);
        }
        drop(state);
        self.woken.drain(..).for_each(Waker::wake);
    }

    /// ffmpeg's names of what is published.
    pub(crate) fn codecs(&self) -> Vec<String> {
        self.channel.lock().log.codecs().iter().map(ToString::to_string).collect()
    }

    /// Who watches it, or waits to.
    #[cfg(feature = "webrtc")]
    pub(crate) fn viewers(&self) -> usize {
        self.channel.lock().viewers()
    }

    /// Whether a viewer has asked for a key frame since the last call.
    #[cfg(feature = "webrtc")]
    pub(crate) fn take_wish(&self) -> bool {
        self.channel.wish.swap(false, Ordering::Relaxed)
    }

    /// What is counted of its viewers, also when it has ended.
    pub(crate) fn tally(&self) -> Tally<T> {
        Tally(self.channel.clone())
    }

    /// For viewers to come in by, for as long as it is published and after.
    pub(crate) fn entrance(&self) -> Entrance<T> {
        Entrance { table: self.table.clone(), channel: self.channel.clone() }
    }

    /// The stream is over: viewers get what they have not had yet, then the end.
    pub(crate) fn end(self) {
        self.channel.leave(self.generation, Phase::Ended);
    }
}

impl<T: Unit> Drop for Publication<T> {
    fn drop(&mut self) {
        let (channel, generation, table) = (self.channel.clone(), self.generation, self.table.clone());
        let grace = table.grace;
        channel.leave(generation, if grace.is_zero() { Phase::Ended } else { Phase::Lost });
        table.tidy(&channel);
        if channel.lock().phase == Phase::Lost
            && let Ok(runtime) = runtime::handle()
        {
            runtime.spawn(async move {
                tokio::time::sleep(grace).await;
                channel.expire(generation);
                table.tidy(&channel);
            });
        }
    }
}

/// What the viewers of a stream have had, all together.
pub(crate) struct Tally<T: Unit = Tag>(Arc<Channel<T>>);

impl<T: Unit> Tally<T> {
    /// Bytes that were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.0.sent.load(Ordering::Relaxed)
    }

    /// Units that slow ones skipped.
    pub(crate) fn skipped(&self) -> u64 {
        self.0.skipped.load(Ordering::Relaxed)
    }
}

/// The way in to one stream, whatever its name comes to stand for later.
pub(crate) struct Entrance<T: Unit> {
    table: Arc<Table<T>>,
    channel: Arc<Channel<T>>,
}

impl<T: Unit> Entrance<T> {
    /// A viewer who comes now, and begins with as much of the recent past as `burst` says, as far as it is kept.
    pub(crate) fn enter(&self, burst: Burst) -> Subscription<T> {
        let mut subscription = Subscription::new(&self.table, self.channel.clone());
        subscription.cursor = self.channel.lock().log.join(burst);
        subscription
    }

    /// How it is.
    pub(crate) fn statistics(&self) -> StreamStatistics {
        self.channel.statistics()
    }
}

/// A viewer's end of a stream.
pub(crate) struct Subscription<T: Unit = Tag> {
    table: Arc<Table<T>>,
    channel: Arc<Channel<T>>,
    cursor: Cursor,
    slot: usize,
    skipped: u64,
}

/// What [`Subscription::poll_take`] gives.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// There are units.
    Units,
    /// There will be no more.
    End,
}

impl<T: Unit> Subscription<T> {
    pub(super) fn new(table: &Arc<Table<T>>, channel: Arc<Channel<T>>) -> Self {
        let mut state = channel.lock();
        let slot = state.free.pop().unwrap_or(state.waiting.len());
        if slot == state.waiting.len() {
            state.waiting.push(None);
        }
        let cursor = if state.phase == Phase::Live { state.log.join(Burst::LAST) } else { state.log.wait() };
        drop(state);
        Self { table: table.clone(), channel, cursor, slot, skipped: 0 }
    }

    /// Waits for a publisher, where there is none yet; false where there will be none.
    pub(crate) fn poll_live(&mut self, context: &Context<'_>) -> Poll<bool> {
        let mut state = self.channel.lock();
        match state.phase {
            Phase::Live => Poll::Ready(true),
            Phase::Ended => Poll::Ready(false),
            Phase::Awaited | Phase::Lost => {
                // Not what another had published who has gone.
                self.cursor = state.log.wait();
                wait(&mut state.waiting[self.slot], context);
                Poll::Pending
            }
        }
    }

    /// Adds the next units to `out`, about `most` of them; waits where there are none.
    pub(crate) fn poll_take(&mut self, context: &Context<'_>, most: usize, out: &mut Vec<T>) -> Poll<Taken> {
        let mut state = self.channel.lock();
        if state.log.has_news(&self.cursor) {
            let skipped = state.log.take(&mut self.cursor, most, out);
            self.skipped += skipped;
            if skipped > 0 {
                self.channel.skipped.fetch_add(skipped, Ordering::Relaxed);
            }
            if !out.is_empty() {
                return Poll::Ready(Taken::Units);
            }
        }
        if state.phase == Phase::Ended {
            return Poll::Ready(Taken::End);
        }
        wait(&mut state.waiting[self.slot], context);
        Poll::Pending
    }

    /// Goes on with what is live now, as one who comes late.
    pub(crate) fn rejoin(&mut self) {
        self.cursor = self.channel.lock().log.join(Burst::LAST);
    }

    /// Asks the publisher for a key frame. One who makes its pictures far away does not hear it: the next comes in time.
    #[cfg(feature = "webrtc")]
    pub(crate) fn wish_key_frame(&self) {
        self.channel.wish.store(true, Ordering::Relaxed);
    }

    /// Counts pictures that were left out on the way to this viewer.
    #[cfg(feature = "webrtc")]
    pub(crate) fn count_skipped(&mut self, pictures: u64) {
        self.skipped += pictures;
        self.channel.skipped.fetch_add(pictures, Ordering::Relaxed);
    }

    /// Counts what has been sent.
    pub(crate) fn count_sent(&self, bytes: u64) {
        self.channel.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Units that were skipped because the viewer was too slow.
    pub(crate) const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// ffmpeg's names of what is watched.
    pub(crate) fn codecs(&self) -> Vec<String> {
        self.channel.lock().log.codecs().iter().map(ToString::to_string).collect()
    }
}

impl<T: Unit> Drop for Subscription<T> {
    fn drop(&mut self) {
        let mut state = self.channel.lock();
        state.waiting[self.slot] = None;
        state.free.push(self.slot);
        drop(state);
        self.table.tidy(&self.channel);
    }
}

fn wait(place: &mut Option<Waker>, context: &Context<'_>) {
    match place {
        Some(waker) => waker.clone_from(context.waker()),
        None => *place = Some(context.waker().clone()),
    }
}

#[cfg(test)]
mod tests;
