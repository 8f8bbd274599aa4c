//! The recent past of one stream, shared by all who watch it: units are kept once, and each viewer has a place in them.
//!
//! It has no clock: what is late is judged by the times of the units themselves.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use brooklet_media::CodecId;

use super::unit::{Role, Unit};

/// The most units that are kept, whatever their size.
const MAX_UNITS: usize = 8_192;
/// Headers that a stream may have at once: metadata, and a few tracks.
const MAX_HEADERS: usize = 16;
/// How much sound, by its own clock, may wait for the next picture. One write then serves both.
const SOUND_WAITS: i64 = 40;
/// The step, milliseconds, from the last unit of a publisher to the first of the one who goes on in its place.
const STEP: i64 = 40;

/// Bounds of a [`Log`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bounds {
    /// How far a viewer may be behind, milliseconds of the stream.
    pub(crate) delay: i64,
    /// How far a viewer may be behind, bytes.
    pub(crate) backlog: usize,
    /// What is kept in all, bytes.
    pub(crate) cache: usize,
    /// How much of the recent past is kept for who comes, where there are no pictures.
    pub(crate) burst: Burst,
}

/// How much of the recent past a viewer begins with, where each unit is a place to begin: the more of the two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Burst {
    /// Bytes.
    pub bytes: u64,
    /// Time of the stream.
    pub time: Duration,
}

impl Burst {
    /// From the last place to begin at on.
    pub(crate) const LAST: Self = Self { bytes: 0, time: Duration::ZERO };
}

/// The recent past: the group of pictures that is going on, and before it as much as a viewer may be behind.
pub(crate) struct Log<T> {
    bounds: Bounds,
    items: VecDeque<Item<T>>,
    /// The number of the first of `items`; numbers go on for as long as the stream lives.
    first: u64,
    /// Units before this number may be sent.
    released: u64,
    /// The time of the first unit that is not released.
    held_since: Option<i64>,
    /// Bytes of `items`, and of all that ever were.
    bytes: usize,
    total: u64,
    /// Where a viewer may begin, among `items`: key frames, where there is no picture every sound, and where the
    /// publisher began.
    starts: VecDeque<Start<T>>,
    headers: Headers<T>,
    version: u64,
    codecs: Vec<CodecId>,
    has_video: bool,
    /// Whether the publisher has sent a key frame.
    anchored: bool,
    /// Of several tracks of pictures, the one at whose key frames viewers begin: those of the others come right
    /// after, and one who began there would miss the first.
    lead: Option<u8>,
    /// The time of the last unit that is no header.
    latest: Option<i64>,
    /// What is added to the times of this publisher.
    shift: Shift,
}

struct Item<T> {
    unit: T,
    /// Of a header that is new; else 0.
    version: u64,
    /// Bytes of all before it.
    before: u64,
}

struct Start<T> {
    number: u64,
    time: i64,
    /// Those that were valid there.
    headers: Headers<T>,
}

type Headers<T> = Arc<Vec<Header<T>>>;

#[derive(Clone)]
struct Header<T> {
    slot: u16,
    version: u64,
    unit: T,
}

#[derive(Clone, Copy)]
enum Shift {
    By(i64),
    /// So that the next unit comes right after the last of the publisher before.
    ToFollow(i64),
}

/// A viewer's place in a [`Log`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor {
    next: u64,
    /// What was there when the viewer came, or last skipped, is no debt of its.
    since: u64,
    /// The last version of headers that it has seen.
    version: u64,
    /// It goes on at the last place to begin from `next` on, or waits for one.
    is_lost: bool,
    /// It has had nothing yet: what it did not see was not skipped.
    is_new: bool,
}

impl<T: Unit> Log<T> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            items: VecDeque::new(),
            first: 0,
            released: 0,
            held_since: None,
            bytes: 0,
            total: 0,
            starts: VecDeque::new(),
            headers: Arc::default(),
            version: 0,
            codecs: Vec::new(),
            has_video: false,
            anchored: false,
            lead: None,
            latest: None,
            shift: Shift::By(0),
        }
    }

    /// A publisher begins, the first or one in the place of the one before: the stream's time goes on, and nobody who
    /// comes now begins in the old one's pictures.
    pub(crate) fn begin(&mut self) {
        self.release();
        let time = self.latest.map_or(i64::MIN, |latest| latest + STEP);
        self.headers = Arc::default();
        self.starts.clear();
        self.starts.push_back(Start { number: self.end(), time, headers: self.headers.clone() });
        self.codecs.clear();
        (self.has_video, self.anchored, self.lead) = (false, false, None);
        self.shift = self.latest.map_or(Shift::By(0), |latest| Shift::ToFollow(latest + STEP));
    }

    /// Adds the next unit. True: there is something new for viewers. Sound waits a little for the next picture.
    ///
    /// Pictures before the publisher's first key frame are left out: nobody can decode them.
    pub(crate) fn push(&mut self, mut unit: T) -> bool {
        let role = unit.role();
        self.place(&mut unit, role);
        self.note_codec(&unit);
        let mut version = 0;
        match role {
            Role::Header { slot, video } => {
                self.has_video |= video;
                version = self.remember(slot, &unit);
            }
            Role::KeyFrame { .. } => (self.has_video, self.anchored) = (true, true),
            Role::Frame => self.has_video = true,
            Role::Other => {}
        }
        if role == Role::Frame && !self.anchored {
            return false;
        }
        let (time, size) = (unit.time(), unit.size());
        let number = self.end();
        let is_start = match role {
            Role::KeyFrame { track } => *self.lead.get_or_insert(track) == track,
            Role::Other => !self.has_video,
            Role::Header { .. } | Role::Frame => false,
        };
        if is_start {
            self.starts.push_back(Start { number, time, headers: self.headers.clone() });
        }
        self.items.push_back(Item { unit, version, before: self.total });
        self.bytes += size;
        self.total += size as u64;
        if !matches!(role, Role::Header { .. }) {
            self.latest = Some(time);
        }
        self.trim();
        let held_since = *self.held_since.get_or_insert(time);
        let waits = role == Role::Other && self.has_video && (0..SOUND_WAITS).contains(&(time - held_since));
        !waits && self.release()
    }

    /// Lets go what waits. True: there was something.
    pub(crate) fn release(&mut self) -> bool {
        self.held_since = None;
        let end = self.end();
        std::mem::replace(&mut self.released, end) < end
    }

    /// The place of one who waits for the next publisher, and wants all of it.
    pub(crate) fn wait(&self) -> Cursor {
        let next = self.end();
        Cursor { next, since: next, version: 0, is_lost: true, is_new: true }
    }

    /// The place of one who comes now. It begins with the last key frame where there is one; where there are no
    /// pictures, as far back as `burst` says.
    pub(crate) fn join(&self, burst: Burst) -> Cursor {
        let next = self.entry(burst).map_or(self.released, |start| start.number);
        Cursor { next, since: self.released, version: 0, is_lost: true, is_new: true }
    }

    /// Hands out the units from `cursor` on, `most` of them beside headers, and says how many it skipped: one who is
    /// too far behind goes on at the last key frame, or waits for the next.
    pub(crate) fn take(&self, cursor: &mut Cursor, most: usize, out: &mut Vec<T>) -> u64 {
        let before = cursor.next;
        if self.is_late(cursor) {
            // Not where it is: it would be late again.
            cursor.next += 1;
            (cursor.is_lost, cursor.is_new) = (true, false);
        }
        let mut skipped = 0;
        if cursor.is_lost {
            // One that is new has its place, though there may be a newer one by now.
            let start = if cursor.is_new {
                self.starts.iter().find(|start| start.number >= cursor.next)
            } else {
                self.entry(self.bounds.burst).filter(|start| start.number >= cursor.next)
            };
            cursor.next = start.map_or(self.released.max(cursor.next), |start| start.number);
            cursor.since = self.released;
            skipped = if cursor.is_new { 0 } else { cursor.next - before };
            let Some(start) = start else { return skipped };
            cursor.is_lost = false;
            hand_out(&start.headers, cursor, out);
        }
        cursor.is_new = false;
        let from = cursor.next.saturating_sub(self.first) as usize;
        let to = self.released.saturating_sub(self.first) as usize;
        for item in self.items.range(from.min(to)..to.min(from.saturating_add(most))) {
            out.push(item.unit.clone());
            cursor.version = cursor.version.max(item.version);
            cursor.next += 1;
        }
        skipped
    }

    /// Whether there is anything for `cursor`.
    pub(crate) fn has_news(&self, cursor: &Cursor) -> bool {
        cursor.next < self.released
    }

    /// The codecs of the publisher that there is, or was last.
    pub(crate) fn codecs(&self) -> &[CodecId] {
        &self.codecs
    }

    /// Bytes that were ever added.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    fn end(&self) -> u64 {
        self.first + self.items.len() as u64
    }

    /// Whether units from before what may be kept for it are the next for `cursor`.
    fn is_late(&self, cursor: &Cursor) -> bool {
        if cursor.next < self.first {
            return true;
        }
        let from = cursor.next.max(cursor.since);
        let index = (from - self.first) as usize;
        let Some(oldest) = self.items.get(index).filter(|_| from < self.released) else { return false };
        let age = self.latest.map_or(0, |latest| latest - oldest.unit.time());
        let is_behind = age > self.bounds.delay || self.total - oldest.before > self.bounds.backlog as u64;
        // Who is no further behind than who comes now loses nothing.
        is_behind
            && self.entry(self.bounds.burst).is_none_or(|start| start.number > cursor.next || self.has_video)
    }

    /// Where who comes now begins: the last place, or the first within the burst.
    fn entry(&self, burst: Burst) -> Option<&Start<T>> {
        let own = self.bounds.burst;
        if self.has_video || own == Burst::LAST {
            return self.starts.back();
        }
        let is_outside = |start: &Start<T>| !self.is_within(start, burst) || !self.is_within(start, own);
        let outside = self.starts.partition_point(is_outside);
        self.starts.get(outside).or(self.starts.back())
    }

    /// Whether what comes from this place on is no more than the burst.
    fn is_within(&self, start: &Start<T>, burst: Burst) -> bool {
        let index = start.number.saturating_sub(self.first) as usize;
        let after = self.items.get(index).map_or(0, |item| self.total - item.before);
        let time = i64::try_from(burst.time.as_millis()).unwrap_or(i64::MAX);
        after <= burst.bytes || start.time >= self.latest.unwrap_or(0).saturating_sub(time)
    }

    fn place(&mut self, unit: &mut T, role: Role) {
        let time = match (self.shift, role) {
            (Shift::By(shift), _) => unit.time().saturating_add(shift),
            (Shift::ToFollow(time), Role::Header { .. }) => time,
            (Shift::ToFollow(time), _) => {
                self.shift = Shift::By(time.saturating_sub(unit.time()));
                time
            }
        };
        unit.set_time(time);
    }

    fn note_codec(&mut self, unit: &T) {
        const NOTED: usize = 8;
        if self.codecs.len() < NOTED
            && let Some(codec) = unit.codec()
            && !self.codecs.contains(&codec)
        {
            self.codecs.push(codec);
        }
    }

    /// Keeps a header; its version where it is new, else 0.
    fn remember(&mut self, slot: u16, unit: &T) -> u64 {
        let known = self.headers.iter().position(|header| header.slot == slot);
        if known.is_some_and(|index| self.headers[index].unit.same_content(unit)) {
            return 0;
        }
        self.version += 1;
        let header = Header { slot, version: self.version, unit: unit.clone() };
        let headers = Arc::make_mut(&mut self.headers);
        match known {
            // They are handed out in the order in which they came: one may cover another in part.
            Some(index) => _ = headers.remove(index),
            None if headers.len() < MAX_HEADERS => {}
            None => return 0,
        }
        headers.push(header);
        self.version
    }

    /// Forgets what nobody may want any more: groups of pictures that had ended before the delay that a viewer may
    /// have; and what is past the bounds in any case. A group of pictures that does not fit is forgotten from its key
    /// frame on: who comes then waits for the next.
    fn trim(&mut self) {
        let oldest = self.latest.unwrap_or(0).saturating_sub(self.bounds.delay);
        let burst = self.bounds.burst;
        while self.starts.get(1).is_some_and(|second| {
            second.time <= oldest
                && (burst == Burst::LAST || self.has_video || !self.is_within(second, burst))
        }) {
            self.starts.pop_front();
        }
        let needed = self.starts.front().map_or(u64::MAX, |start| start.number);
        while let Some(front) = self.items.front() {
            let is_old = self.first < needed && front.unit.time() <= oldest;
            let is_full = self.bytes > self.bounds.cache || self.items.len() > MAX_UNITS;
            if !is_old && !is_full {
                break;
            }
            self.bytes -= front.unit.size();
            self.items.pop_front();
            self.first += 1;
        }
        self.released = self.released.max(self.first);
        while self.starts.front().is_some_and(|start| start.number < self.first) {
            self.starts.pop_front();
        }
        if self.starts.is_empty() {
            // Its track may have ended: the next key frame is as good.
            self.lead = None;
        }
    }
}

/// The headers that are newer than those that a viewer has.
fn hand_out<T: Unit>(headers: &Headers<T>, cursor: &mut Cursor, out: &mut Vec<T>) {
    let seen = cursor.version;
    for header in headers.iter().filter(|header| header.version > seen) {
        out.push(header.unit.clone());
        cursor.version = cursor.version.max(header.version);
    }
}

#[cfg(test)]
mod tests;
