//! When each packet arrives, by the program clock references around it.

use crate::clock::{PCR_HZ, Pcr};
use crate::packet::PACKET;

/// More events between two clock references are not timed; no stream in use has so many.
const MAX_PENDING: usize = 100_000;

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
    /// Takes a clock reference; returns the time since the last one, if it follows on it.
    pub(super) fn tick(&mut self, packet: u64, pcr: Pcr, discontinuity: bool) -> Option<i64> {
        self.references += 1;
        let Some(last) = self.last.filter(|_| !discontinuity) else {
            self.finish();
            let now = Reference { packet, at: pcr.ticks() as i64 };
            (self.first, self.last) = (Some(now), Some(now));
            let pending = std::mem::take(&mut self.pending);
            self.timed.extend(pending.into_iter().map(|(packet, event)| (packet, now.at, event)));
            [&mut self.pat, &mut self.pmt, &mut self.sdt].into_iter().for_each(|table| table.last = None);
            return None;
        };
        let step = pcr.since(Pcr::wrapping(last.at));
        self.wraps += u64::from(Pcr::wrapping(last.at) > pcr && step > 0);
        self.max_interval = self.max_interval.max(step);
        let now = Reference { packet, at: last.at + step };
        self.time_pending(last, now);
        self.last = Some(now);
        Some(step)
    }

    /// Something happens in this packet.
    pub(super) fn happens(&mut self, packet: u64, event: Event) {
        if self.pending.len() < MAX_PENDING {
            self.pending.push((packet, event));
        }
    }

    /// What has happened, with its packet and its time.
    pub(super) fn take_timed(&mut self) -> Vec<(u64, i64, Event)> {
        std::mem::take(&mut self.timed)
    }

    /// There are no more references: what is pending counts as of the last one, for nothing says how much later it is.
    pub(super) fn finish(&mut self) {
        if let Some(last) = self.last {
            let pending = std::mem::take(&mut self.pending);
            self.timed.extend(pending.into_iter().map(|(packet, event)| (packet, last.at, event)));
        }
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

    fn time_pending(&mut self, last: Reference, now: Reference) {
        let (ticks, packets) = ((now.at - last.at).max(0), now.packet.saturating_sub(last.packet).max(1));
        for (packet, event) in std::mem::take(&mut self.pending) {
            let passed = packet.saturating_sub(last.packet);
            let at = last.at + (i128::from(ticks) * i128::from(passed) / i128::from(packets)) as i64;
            self.timed.push((packet, at, event));
        }
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
