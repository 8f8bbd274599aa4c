//! Where the streams of one output meet: many threads push packets, one takes them in order of time.
//!
//! It is the one queue before a sink. It is bounded in two ways, and blocks whoever pushes:
//! - packets that could be written and are not yet (the sink is slow): [`READY`] of them, or [`READY_BYTES`];
//! - a stream that runs ahead of one that comes from another input: by [`LEAD`] of media time; by [`STEP`] where it could
//!   come as fast as it is taken and the other comes as time passes, so that who hears it live gets it evenly, with its
//!   pictures. Streams of the same input never wait for each other here, for they may share the thread that would bring
//!   what is waited for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use brooklet_media::{Interleaver, Packet, StreamParams, TimeBase, Timestamp};

/// Packets that may wait for a slow sink.
const READY: usize = 64;
/// The same in bytes: a few pictures, where they are raw.
const READY_BYTES: usize = 4 << 20;
/// How far a stream may run ahead of a silent one from another input.
const LEAD: Duration = Duration::from_secs(2);
/// The same for one that waits until it is read beside one that does not: as much as ffmpeg's scheduler tolerates.
const STEP: Duration = Duration::from_millis(100);
/// How long a stream is held back for that. Then it goes on, and the interleaver's own bound holds: two outputs
/// that hold back each other's inputs can't stand still.
const HOLD: Duration = Duration::from_secs(2);

/// The meeting point of one output's streams.
pub(crate) struct Mixer {
    state: Mutex<State>,
    /// There is something for the sink's thread.
    arrived: Condvar,
    /// There may be room for those who push.
    room: Condvar,
    /// Who reads the output can't go on without a key frame.
    key_frame_wish: AtomicBool,
}

struct State {
    interleaver: Interleaver,
    lanes: Vec<LaneState>,
    /// Of the packets that wait, in the interleaver or early.
    bytes: usize,
    /// Packets that came before all streams were known.
    early: Vec<Packet>,
    started: bool,
    closed: bool,
    /// The first stream that ends is the end of all.
    shortest: bool,
    /// Where that is: packets from here on are dropped.
    cutoff: Timestamp,
    changes: Vec<(usize, StreamParams)>,
    /// Whether the sink's thread waits, and how many wait to push. To wake a thread is a system call, even where
    /// there is none to wake.
    sink_waits: bool,
    pushers: usize,
}

struct LaneState {
    input: usize,
    /// Whether it comes as fast as it is taken, beside others that come as time passes.
    hastes: bool,
    params: Option<StreamParams>,
    ended: bool,
    /// Newest dts, on the common clock.
    newest: Option<Timestamp>,
    /// End of its newest packet.
    end: Timestamp,
    /// Packets of this lane that wait.
    waiting: usize,
}

impl LaneState {
    fn is_silent(&self) -> bool {
        !self.ended && self.waiting == 0
    }
}

/// What the sink's thread is to do next.
pub(crate) enum Next {
    /// Write a packet.
    Packet(Packet),
    /// Tell the sink that a stream has other parameters from its next packet on.
    Params(usize, StreamParams),
    /// Finish.
    End,
}

impl Mixer {
    /// One for streams that come from these inputs, each by its number. `hastes` says of an input by its number whether it comes
    /// as fast as it is taken, beside others that come as time passes.
    pub(crate) fn new(
        inputs: &[usize],
        hastes: impl Fn(usize) -> bool,
        interleaver: Interleaver,
        shortest: bool,
    ) -> Self {
        let lane = |input: &usize| LaneState {
            input: *input,
            hastes: hastes(*input),
            params: None,
            ended: false,
            newest: None,
            end: Timestamp::ZERO,
            waiting: 0,
        };
        let lanes = inputs.iter().map(lane).collect();
        let state = State {
            interleaver,
            lanes,
            bytes: 0,
            early: Vec::new(),
            started: false,
            closed: false,
            shortest,
            cutoff: Timestamp::MAX,
            changes: Vec::new(),
            sink_waits: false,
            pushers: 0,
        };
        Self {
            state: Mutex::new(state),
            arrived: Condvar::new(),
            room: Condvar::new(),
            key_frame_wish: AtomicBool::new(false),
        }
    }

    /// Asks whoever encodes the pictures for a key frame.
    pub(crate) fn wish_key_frame(&self) {
        self.key_frame_wish.store(true, Ordering::Relaxed);
    }

    /// Whether one has been asked for since the last call.
    pub(crate) fn take_key_frame_wish(&self) -> bool {
        self.key_frame_wish.swap(false, Ordering::Relaxed)
    }

    /// The lane's parameters, before its first packet; again where they change.
    pub(crate) fn params(&self, lane: usize, params: StreamParams) {
        let mut state = self.lock();
        if state.started {
            state.changes.push((lane, params));
        } else {
            state.lanes[lane].params = Some(params);
        }
        self.wake(&state);
    }

    /// Adds a packet; blocks while the queue is full. False when the output has ended.
    pub(crate) fn push(&self, lane: usize, mut packet: Packet) -> bool {
        packet.stream = lane;
        let mut state = self.lock();
        let held_since = Instant::now();
        while !state.closed && !state.lanes[lane].ended && !state.is_cut(&packet) {
            let wait = match state.hold(lane) {
                Hold::No => break,
                Hold::Sink => None,
                Hold::Lead => match HOLD.checked_sub(held_since.elapsed()) {
                    Some(left) => Some(left),
                    None => break,
                },
            };
            state.pushers += 1;
            state = match wait {
                None => self.room.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) => self.room.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
            };
            state.pushers -= 1;
        }
        let wanted = !state.closed && !state.lanes[lane].ended && !state.is_cut(&packet);
        if wanted {
            state.add(packet);
        } else {
            state.end(lane);
        }
        self.wake(&state);
        wanted
    }

    /// The lane has no more packets.
    pub(crate) fn end(&self, lane: usize) {
        let mut state = self.lock();
        if state.shortest && !state.lanes[lane].ended {
            state.cutoff = state.cutoff.min(state.lanes[lane].end);
        }
        state.end(lane);
        self.wake(&state);
    }

    /// The lane has no more packets, and the others none past its end: it has as many as were wanted.
    pub(crate) fn end_all(&self, lane: usize) {
        let mut state = self.lock();
        if !state.lanes[lane].ended {
            state.cutoff = state.cutoff.min(state.lanes[lane].end);
        }
        state.end(lane);
        self.wake(&state);
    }

    /// From now on, the first stream that ends is the end of all: `-shortest`, and what a stop means for streams that
    /// run ahead of others.
    pub(crate) fn end_with_first(&self) {
        let mut state = self.lock();
        state.shortest = true;
        // Where one has ended already, all that is there is enough.
        if state.lanes.iter().any(|lane| lane.ended) {
            let end = state.lanes.iter().map(|lane| lane.end).max();
            state.cutoff = state.cutoff.min(end.unwrap_or_default());
        }
        self.wake(&state);
    }

    /// Ends at once: packets that wait are dropped, pushers return.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.wake(&state);
    }

    /// Blocks until every stream is known or has ended without having been. Those that are not known by the time
    /// that others are `patience` long are left out. Returns parameters by lane; `None` where it was closed.
    pub(crate) fn wait_for_streams(&self, patience: Duration) -> Option<Vec<Option<StreamParams>>> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            let known = state.lanes.iter().all(|lane| lane.ended || lane.params.is_some());
            if known || state.early_span() > patience {
                break;
            }
            state = self.wait(state);
        }
        state.start();
        self.wake(&state);
        Some(state.lanes.iter().map(|lane| lane.params.clone()).collect())
    }

    /// Blocks until there is something to do.
    pub(crate) fn next(&self) -> Next {
        let mut state = self.lock();
        loop {
            if state.closed {
                return Next::End;
            }
            if let Some((lane, params)) = state.due_change() {
                return Next::Params(lane, params);
            }
            if let Some(packet) = state.take() {
                if state.is_cut(&packet) {
                    continue;
                }
                // Those who found no room sleep until half is free, so that the two sides don't wake each other
                // for every packet.
                if state.has_silent() || state.is_half_free() {
                    self.wake_pushers(&state);
                }
                return Next::Packet(packet);
            }
            if state.lanes.iter().all(|lane| lane.ended) && state.interleaver.is_empty() {
                return Next::End;
            }
            state = self.wait(state);
        }
    }

    /// The sink's thread sleeps until something has changed.
    fn wait<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.sink_waits = true;
        state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        state.sink_waits = false;
        state
    }

    /// Wakes all who wait.
    fn wake(&self, state: &State) {
        if state.sink_waits {
            self.arrived.notify_all();
        }
        self.wake_pushers(state);
    }

    fn wake_pushers(&self, state: &State) {
        if state.pushers > 0 {
            self.room.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the state whole: every change to it is one call.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Hold {
    No,
    Sink,
    Lead,
}

impl State {
    fn hold(&self, lane: usize) -> Hold {
        let is_full = self.interleaver.len() >= READY || self.bytes >= READY_BYTES;
        if self.started && !self.has_silent() && is_full {
            return Hold::Sink;
        }
        let this = &self.lanes[lane];
        let Some(newest) = this.newest else { return Hold::No };
        let lead = if this.hastes { STEP } else { LEAD };
        let waits_for = |other: &LaneState| {
            let is_awaited = if this.hastes { !other.ended } else { other.is_silent() };
            is_awaited
                && other.input != this.input
                && other.newest.map_or(this.waiting > 1, |behind| newest.since(behind) > lead)
        };
        let ahead = self.lanes.iter().any(waits_for) && self.span(lane) > lead;
        if ahead { Hold::Lead } else { Hold::No }
    }

    fn end(&mut self, lane: usize) {
        self.lanes[lane].ended = true;
        if self.started {
            self.interleaver.end(lane);
        }
    }

    /// Whether a packet stands past the end that the first stream set.
    fn is_cut(&self, packet: &Packet) -> bool {
        let at = self.lanes[packet.stream].params.as_ref().map(|params| params.time_base.at(packet.dts));
        at.is_some_and(|at| at >= self.cutoff)
    }

    fn is_half_free(&self) -> bool {
        self.interleaver.len() <= READY / 2 && self.bytes <= READY_BYTES / 2
    }

    /// Whether more must come of some lane before anything can be written.
    fn has_silent(&self) -> bool {
        self.lanes.iter().any(LaneState::is_silent)
    }

    /// Media time of what waits in a lane, roughly: its packets share the time since the oldest lane's newest.
    fn span(&self, lane: usize) -> Duration {
        let newest = self.lanes[lane].newest.unwrap_or_default();
        let behind = self
            .lanes
            .iter()
            .filter(|other| !other.ended)
            .map(|other| other.newest.unwrap_or_default())
            .min();
        newest.since(behind.unwrap_or(newest))
    }

    fn add(&mut self, packet: Packet) {
        let lane = &mut self.lanes[packet.stream];
        if let Some(params) = &lane.params {
            lane.newest = Some(params.time_base.at(packet.dts));
            lane.end = lane.end.max(params.time_base.at(packet.pts.saturating_add(packet.duration)));
        }
        lane.waiting += 1;
        self.bytes += packet.data.len();
        if self.started {
            self.interleaver.push(packet);
        } else {
            self.early.push(packet);
        }
    }

    fn take(&mut self) -> Option<Packet> {
        let packet = self.interleaver.pop()?;
        if let Some(lane) = self.lanes.get_mut(packet.stream) {
            lane.waiting -= 1;
        }
        self.bytes -= packet.data.len();
        Some(packet)
    }

    fn start(&mut self) {
        for lane in &mut self.lanes {
            self.interleaver
                .add_stream(lane.params.as_ref().map_or(TimeBase::NANOS, |params| params.time_base));
            // One that nobody knows by now is left out.
            lane.ended |= lane.params.is_none();
        }
        for packet in std::mem::take(&mut self.early) {
            self.interleaver.push(packet);
        }
        for (number, lane) in self.lanes.iter().enumerate() {
            if lane.ended {
                self.interleaver.end(number);
            }
        }
        self.started = true;
    }

    fn early_span(&self) -> Duration {
        let newest = self.lanes.iter().filter_map(|lane| lane.newest).max().unwrap_or_default();
        let first = self
            .early
            .first()
            .and_then(|packet| Some(self.lanes[packet.stream].params.as_ref()?.time_base.at(packet.dts)));
        newest.since(first.unwrap_or(newest))
    }

    /// A change of parameters takes effect between the packets that were pushed before it and after it: when the
    /// lane's earlier packets have gone.
    fn due_change(&mut self) -> Option<(usize, StreamParams)> {
        let due = self.changes.iter().position(|(lane, _)| self.lanes[*lane].waiting == 0)?;
        Some(self.changes.remove(due))
    }
}

#[cfg(test)]
mod tests;
