//! When each packet arrives, by the program clock references around it.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::clock::{PCR_HZ, Pcr};
use crate::packet::PACKET;

/// More events between two clock references are not timed; no stream in use has so many.
const MAX_PENDING: usize = 100_000;

/// So many references are remembered: minutes.
const MAX_HISTORY: usize = 16_384;

/// What is judged by when it arrives.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Pat,
    Pmt,
    Sdt,
    /// The last byte of an access unit that is to be decoded at `dts`.
    UnitEnds {
        pid: u16,
        dts: Pcr,
    },
}

/// The clock of the program.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeline {
    first: Option<Reference>,
    last: Option<Reference>,
    /// The references before the last, as far as units that end late may reach back.
    history: VecDeque<Reference>,
    pending: Vec<(u64, Event)>,
    timed: Vec<(u64, i64, Event)>,
    pub(super) references: u64,
    pub(super) max_interval: i64,
    pub(super) wraps: u64,
    pub(super) pat: Intervals,
    pub(super) pmt: Intervals,
    pub(super) sdt: Intervals,
}

/// A clock reference: the packet that carried it, and what it said, in ticks of 27 MHz that do not wrap.
#[derive(Clone, Copy, Debug)]
struct Reference {
    packet: u64,
    at: i64,
}

/// The times between events of one kind, in ticks of 27 MHz.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Intervals {
    last: Option<i64>,
    pub(super) longest: i64,
}

impl Timeline {
    /// Takes a clock reference; returns the time since the last one.
    pub(super) fn tick(&mut self, packet: u64, pcr: Pcr) -> Option<i64> {
        self.references += 1;
        let Some(last) = self.last else {
            let now = Reference { packet, at: pcr.ticks() as i64 };
            (self.first, self.last) = (Some(now), Some(now));
            self.time_pending(false);
            return None;
        };
        let step = pcr.since(Pcr::wrapping(last.at));
        self.wraps += u64::from(Pcr::wrapping(last.at) > pcr && step > 0);
        self.max_interval = self.max_interval.max(step);
        let now = Reference { packet, at: last.at + step };
        if self.history.len() == MAX_HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(last);
        self.last = Some(now);
        self.time_pending(false);
        Some(step)
    }

    /// The next clock reference does not follow on the last.
    pub(super) fn restart(&mut self) {
        (self.first, self.last) = (None, None);
        self.history.clear();
        [&mut self.pat, &mut self.pmt, &mut self.sdt].into_iter().for_each(|table| table.last = None);
    }

    /// Something happens in this packet.
    pub(super) fn happens(&mut self, packet: u64, event: Event) {
        if self.pending.len() < MAX_PENDING {
            self.pending.push((packet, event));
        }
    }

    /// What has happened, with its packet and its time.
    pub(super) fn take_timed(&mut self) -> Vec<(u64, i64, Event)> {
        core::mem::take(&mut self.timed)
    }

    /// There are no more references: what comes after the last one counts as of it, for nothing says how much later
    /// it is.
    pub(super) fn finish(&mut self) {
        self.time_pending(true);
    }

    pub(super) fn has_clock(&self) -> bool {
        self.first.is_some()
    }

    /// How much later the last reference is than a constant rate since the first would have it, in ticks of 27 MHz.
    pub(super) fn error_against(&self, bits_per_second: u64) -> i64 {
        let Some((first, last)) = self.first.zip(self.last) else { return 0 };
        let bits = i128::from(last.packet - first.packet) * (8 * PACKET as i128);
        let expected = bits * i128::from(PCR_HZ) / i128::from(bits_per_second.max(1));
        (i128::from(last.at - first.at) - expected) as i64
    }

    /// Ticks of 27 MHz and packets between the first and the last reference.
    pub(super) fn span(&self) -> (i64, u64) {
        match self.first.zip(self.last) {
            Some((first, last)) => (last.at - first.at, last.packet - first.packet),
            None => (0, 0),
        }
    }

    /// Times what is pending: all of it that lies before the last reference, and the rest too if it is `all` there is.
    fn time_pending(&mut self, all: bool) {
        let Some(last) = self.last else { return };
        for (packet, event) in core::mem::take(&mut self.pending) {
            if packet <= last.packet || all {
                self.timed.push((packet, self.time_of(packet, last), event));
            } else {
                self.pending.push((packet, event));
            }
        }
    }

    /// When a packet came: packets count as evenly spread between the references around it.
    fn time_of(&self, packet: u64, last: Reference) -> i64 {
        let index = self.history.partition_point(|reference| reference.packet <= packet);
        let after = self.history.get(index).copied().unwrap_or(last);
        let before = index.checked_sub(1).and_then(|index| self.history.get(index)).copied().unwrap_or(after);
        let packets = after.packet.saturating_sub(before.packet).max(1);
        let passed = packet.saturating_sub(before.packet).min(packets);
        before.at + (i128::from(after.at - before.at) * i128::from(passed) / i128::from(packets)) as i64
    }
}

impl Intervals {
    /// Takes the time of the next event; returns the time since the last one.
    pub(super) fn note(&mut self, at: i64) -> Option<i64> {
        let interval = self.last.replace(at).map(|last| at - last);
        self.longest = self.longest.max(interval.unwrap_or(0));
        interval
    }

    /// Whether there was none at all.
    pub(super) fn is_empty(&self) -> bool {
        self.last.is_none()
    }
}
