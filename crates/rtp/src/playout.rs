//! The jitter buffer: sound in at the time it comes, decisions out at the time they are asked for.
//!
//! | file | holds |
//! |---|---|
//! | `target` | how much delay the network needs |
//! | `raw` | sound that comes without numbers or timestamps |

mod raw;
mod target;
#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use core::time::Duration;

use brooklet_media::{Drift, TimeBase, Timestamp};

use crate::payload::Unit;
pub use raw::RawSound;
use target::Target;

/// Units that wait to be played; when there are more, the oldest are dropped.
const MAX_UNITS: usize = 2_048;
/// Bytes that wait; the same.
const MAX_BYTES: usize = 8 << 20;
/// A unit that is further than this from the newest is a jump of the timestamps, when a second one confirms it.
const JUMP: Duration = Duration::from_secs(3);
/// How far what waits may run past its target before some is dropped or hastened.
const SLACK: Duration = Duration::from_millis(100);
/// Nothing shorter is made in place of what is missing, unless less is.
const LEAST_PIECE: Duration = Duration::from_millis(5);
/// Where sound is hastened, and still more comes: what is further past its target is dropped.
const MOST_SLACK: Duration = Duration::from_secs(2);

/// What becomes of sound that comes faster than it can be played.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CatchUp {
    /// The oldest is left out.
    #[default]
    Drop,
    /// Two units are played in the time of one, until it is caught up with.
    Hasten,
}

/// How to play.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlayoutOptions {
    /// The clock of the units' timestamps.
    pub clock: TimeBase,
    /// What is gathered before the first is played, and the least delay from then on.
    pub buffer: Duration,
    /// The most delay that the network is given.
    pub max_delay: Duration,
    /// What becomes of sound that comes too fast.
    pub catch_up: CatchUp,
    /// It has ended when nothing came for so long and all is played; `None` waits for ever.
    pub timeout: Option<Duration>,
}

impl PlayoutOptions {
    /// With `buffer` of delay at least and 2 s more at most, dropping what comes too fast, for ever.
    pub const fn new(clock: TimeBase, buffer: Duration) -> Self {
        let max_delay = buffer.saturating_add(Duration::from_secs(2));
        Self { clock, buffer, max_delay, catch_up: CatchUp::Drop, timeout: None }
    }
}

/// What to play next. Each but `Wait` and `End` is worth one unit of time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Nothing yet: the buffer is being filled.
    Wait,
    /// This unit. `skipped` where others were left out before it, so that it needs to be joined.
    Play {
        /// What to decode.
        unit: Unit,
        /// Whether what came before it was left out.
        skipped: bool,
    },
    /// These two in the time of one.
    Hasten(Unit, Unit),
    /// Something in place of what is missing, so many ticks of it: its time has come.
    Conceal(i64),
    /// Something more, so many ticks of it: time is needed, for nothing is there yet.
    Expand(i64),
    /// It has ended, and all is played.
    End,
}

/// What has happened so far. Times are ticks of the units' clock.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Measures {
    /// Units that came.
    pub received: u64,
    /// Those that came twice.
    pub duplicates: u64,
    /// Those that came after their time.
    pub late: u64,
    /// Those that were played.
    pub played: u64,
    /// Those that were left out or hastened, because too much had come.
    pub dropped: u64,
    /// Time that was concealed, because what belonged there was lost or late.
    pub concealed: i64,
    /// How often that was begun.
    pub losses: u64,
    /// Time that was inserted, because the delay had to grow.
    pub expanded: i64,
    /// How often nothing at all was there in the middle of the stream.
    pub underruns: u64,
    /// Jumps of the timestamps that were taken out.
    pub jumps: u64,
    /// The sum of the delays of all that was played, in seconds: from when it could have been here at the earliest.
    delays: f64,
}

impl Measures {
    /// The mean delay that was added, in seconds.
    pub fn mean_delay(&self) -> f64 {
        if self.played == 0 { 0.0 } else { self.delays / self.played as f64 }
    }
}

/// The jitter buffer of one stream of sound.
///
/// The contract: [`Playout::push`] each unit when it comes; each time that the sound device needs more, ask [`Playout::next`]
/// and play what it says. Where the two clocks differ, the caller plays a little faster or slower, so that [`Playout::delay`] stays
/// at [`Playout::target`]. It gathers `buffer` of sound first. From then on the delay is what the network needs, and at least that.
#[derive(Debug)]
pub struct Playout {
    options: PlayoutOptions,
    units: BTreeMap<i64, Unit>,
    bytes: usize,
    /// Added to timestamps, so that they go on where they jump.
    offset: i64,
    /// The end of the newest unit, and the length of a usual one.
    newest: Option<i64>,
    usual: i64,
    /// A timestamp that a jump would go on with.
    suspect: Option<i64>,
    /// What is to be played next; `None` while filling.
    next: Option<i64>,
    first_arrival: Option<Timestamp>,
    last_arrival: Option<Timestamp>,
    /// Ticks that were inserted since the last unit that was played.
    inserted: i64,
    /// Whether the last decision was to conceal or to expand.
    concealing: bool,
    since_expansion: u32,
    ended: bool,
    drift: Drift,
    target: Target,
    measures: Measures,
}

impl Playout {
    /// An empty buffer.
    pub fn new(options: PlayoutOptions) -> Self {
        Self {
            target: Target::new(options.buffer, options.max_delay),
            options,
            units: BTreeMap::new(),
            bytes: 0,
            offset: 0,
            newest: None,
            usual: options.clock.ticks(Timestamp::from_millis(20)).max(1),
            suspect: None,
            next: None,
            first_arrival: None,
            last_arrival: None,
            inserted: 0,
            concealing: false,
            since_expansion: 0,
            ended: false,
            drift: Drift::new(),
            measures: Measures::default(),
        }
    }

    /// Takes a unit that came at `now`, in any order. One whose time is past, or that is there already, is dropped.
    pub fn push(&mut self, mut unit: Unit, now: Timestamp) {
        self.measures.received += 1;
        // No counter without wraps gets as far as 2^60 in the life of a machine.
        let absurd = unit.timestamp.unsigned_abs() >> 60 != 0;
        if absurd || unit.duration <= 0 || unit.duration > self.ticks(JUMP) || !self.place(&mut unit) {
            return;
        }
        self.usual = unit.duration;
        self.first_arrival.get_or_insert(now);
        self.last_arrival = Some(now);
        let media = self.nanos(unit.timestamp);
        self.drift.push(media, now);
        self.target.note(self.drift.lateness(media, now));
        let end = unit.timestamp.saturating_add(unit.duration);
        self.newest = Some(self.newest.map_or(end, |newest| newest.max(end)));
        if self.next.is_some_and(|next| unit.timestamp < next - self.usual / 2) {
            self.measures.late += 1;
            return;
        }
        if self.units.contains_key(&unit.timestamp) {
            self.measures.duplicates += 1;
            return;
        }
        self.bytes += unit.data.len();
        self.units.insert(unit.timestamp, unit);
        while self.units.len() > MAX_UNITS || self.bytes > MAX_BYTES {
            self.drop_first();
        }
    }

    /// No more will come: what is there is played to its end.
    pub fn finish(&mut self) {
        self.ended = true;
    }

    /// What to play at `now`.
    pub fn next(&mut self, now: Timestamp) -> Decision {
        let silent = match (self.options.timeout, self.last_arrival) {
            (Some(timeout), Some(last)) => now.since(last) >= timeout,
            _ => false,
        };
        let over = self.ended || silent;
        let Some(next) = self.next.or_else(|| self.begin(now, over)) else {
            return if over { Decision::End } else { Decision::Wait };
        };
        let skipped = self.catch_up(next);
        let next =
            if skipped { self.units.first_key_value().map_or(next, |(first, _)| *first) } else { next };
        self.next = Some(next);
        let decision = match self.units.first_key_value().map(|(first, _)| *first) {
            None if over => Decision::End,
            None => self.underrun(),
            Some(first) => self.continue_at(next, first, skipped, now),
        };
        self.concealing = matches!(decision, Decision::Conceal(_) | Decision::Expand(_));
        decision
    }

    /// The unit that waits to be played first: after [`Decision::Conceal`], what comes after the gap or a part of it.
    pub fn upcoming(&self) -> Option<&Unit> {
        self.units.first_key_value().map(|(_, unit)| unit)
    }

    /// Seconds of the sender's clock in one of ours ([`Drift::ratio`]).
    pub fn ratio(&self) -> f64 {
        self.drift.ratio()
    }

    /// How late what is played at `now` is, in seconds from when it could have been here at the earliest; `None` while filling.
    pub fn delay(&self, now: Timestamp) -> Option<f64> {
        Some(self.drift.lateness(self.nanos(self.next?), now))
    }

    /// How late that should be.
    pub fn target(&self) -> Duration {
        self.target.delay()
    }

    /// How much waits to be played.
    pub fn level(&self) -> Duration {
        let span =
            self.newest.zip(self.next.or_else(|| self.first())).map_or(0, |(newest, next)| newest - next);
        self.options.clock.at(span.max(0)).since(Timestamp::ZERO)
    }

    /// The length of a unit, in ticks: what a decision is worth.
    pub const fn unit(&self) -> i64 {
        self.usual
    }

    /// When the last unit came.
    pub const fn last_arrival(&self) -> Option<Timestamp> {
        self.last_arrival
    }

    /// What has happened so far.
    pub const fn measures(&self) -> &Measures {
        &self.measures
    }

    /// Starts to play, where enough has been gathered, or no more will come.
    fn begin(&mut self, now: Timestamp, over: bool) -> Option<i64> {
        let first = self.first()?;
        let waited = now.since(self.first_arrival?);
        let gathered = self.level();
        // Sound that comes at its own pace is gathered as time passes; what comes at once need not wait for that.
        let full = waited >= self.options.buffer || gathered >= self.options.buffer * 2;
        (full || over).then_some(first)
    }

    /// Leaves out what is more than there may be. Whether something was.
    fn catch_up(&mut self, next: i64) -> bool {
        let Some(newest) = self.newest else { return false };
        let target = self.ticks(self.target.delay()).max(self.usual);
        let slack = match self.options.catch_up {
            CatchUp::Drop => self.ticks(SLACK).max(2 * self.usual),
            CatchUp::Hasten => self.ticks(MOST_SLACK),
        };
        if newest - next <= target + slack {
            return false;
        }
        let keep = newest - target;
        let before = self.measures.dropped;
        while self.first().is_some_and(|first| first < keep) && self.units.len() > 1 {
            self.drop_first();
        }
        self.measures.dropped > before
    }

    fn continue_at(&mut self, next: i64, first: i64, skipped: bool, now: Timestamp) -> Decision {
        let gap = first - next;
        // What was inserted while this one was waited for stands for what is missing before it.
        if gap > self.usual / 2 && self.inserted < gap - self.usual / 2 {
            let count = gap.min(self.piece());
            self.next = Some(next + count);
            self.measures.concealed += count;
            self.measures.losses += u64::from(!self.concealing);
            return Decision::Conceal(count);
        }
        if self.needs_time(now) {
            self.since_expansion = 0;
            self.measures.expanded += self.piece();
            return Decision::Expand(self.piece());
        }
        self.since_expansion = self.since_expansion.saturating_add(1);
        self.account_for_inserted(gap.max(0));
        let Some(unit) = self.play(now) else { return Decision::Wait };
        let excess = self.newest.unwrap_or(0) - self.next.unwrap_or(0) - self.ticks(self.target.delay());
        let hasten =
            self.options.catch_up == CatchUp::Hasten && excess > self.ticks(SLACK).max(2 * self.usual);
        if hasten
            && !skipped
            && self.first() == self.next
            && let Some(second) = self.play(now)
        {
            self.measures.dropped += 1;
            return Decision::Hasten(unit, second);
        }
        Decision::Play { unit, skipped }
    }

    /// What was inserted while nothing was there was in place of what was lost, and the rest of it is more delay.
    fn account_for_inserted(&mut self, lost: i64) {
        let inserted = core::mem::take(&mut self.inserted);
        let lost = lost.min(inserted);
        self.measures.concealed += lost;
        self.measures.losses += u64::from(lost > 0);
        self.measures.expanded += inserted - lost;
        self.measures.underruns += u64::from(inserted > lost);
    }

    fn play(&mut self, now: Timestamp) -> Option<Unit> {
        let (first, unit) = self.units.pop_first()?;
        self.bytes -= unit.data.len();
        self.measures.played += 1;
        self.measures.delays += self.drift.lateness(self.nanos(first), now).max(0.0);
        self.next = Some(first + unit.duration);
        Some(unit)
    }

    /// Whether the delay must grow by a unit, for what comes later than this would be too late.
    fn needs_time(&self, now: Timestamp) -> bool {
        let unit = self.options.clock.seconds(self.usual);
        let lacking = self.target.delay().as_secs_f64() - self.delay(now).unwrap_or(0.0);
        // One that is all there is is not held back for what is not there yet.
        lacking > unit / 2.0 && self.since_expansion >= 2 && !self.ended
    }

    /// Whether the stream goes on, and this counts, is known when the next unit comes.
    fn underrun(&mut self) -> Decision {
        self.inserted = self.inserted.saturating_add(self.piece());
        Decision::Expand(self.piece())
    }

    /// Moves a unit to where its timestamp is without jumps. False where it may be forged.
    fn place(&mut self, unit: &mut Unit) -> bool {
        unit.timestamp = unit.timestamp.saturating_add(self.offset);
        let Some(newest) = self.newest else { return true };
        if unit.timestamp.abs_diff(newest) <= self.ticks(JUMP).unsigned_abs() {
            self.suspect = None;
            return true;
        }
        let near = self.suspect.is_some_and(|at| at.abs_diff(unit.timestamp) <= unit.duration.unsigned_abs());
        self.suspect = Some(unit.timestamp.saturating_add(unit.duration));
        if !near {
            return false;
        }
        // It goes on where it would have gone on, and what is known of the delay is of the past.
        self.suspect = None;
        self.measures.jumps += 1;
        let to = newest.max(self.next.unwrap_or(newest));
        self.offset = self.offset.saturating_add(to.saturating_sub(unit.timestamp));
        unit.timestamp = to;
        self.drift = Drift::new();
        true
    }

    /// What is made at once in place of what is missing: a unit, and no crumbs where units are tiny.
    fn piece(&self) -> i64 {
        self.usual.max(self.ticks(LEAST_PIECE))
    }

    fn drop_first(&mut self) {
        if let Some((_, unit)) = self.units.pop_first() {
            self.bytes -= unit.data.len();
            self.measures.dropped += 1;
        }
    }

    fn first(&self) -> Option<i64> {
        self.units.first_key_value().map(|(first, _)| *first)
    }

    fn nanos(&self, ticks: i64) -> i64 {
        self.options.clock.at(ticks).as_nanos()
    }

    fn ticks(&self, time: Duration) -> i64 {
        self.options.clock.ticks(Timestamp::ZERO + time)
    }
}
