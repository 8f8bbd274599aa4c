//! Sound that comes as bare samples in datagrams: no number says what is missing, no timestamp when it belongs.

use brooklet_media::{Drift, TimeBase, Timestamp};
use bytes::{Bytes, BytesMut};

use crate::payload::Unit;

/// So many datagrams in a row must be late by a datagram before one is believed to be lost.
const PROOF: u32 = 10;

/// Gives datagrams of samples a time: that of all that came before them, and of what seems to be missing.
///
/// What is lost makes all that follows late by as much, and for good; what is delayed is late for a moment. So a datagram that
/// is missing is known ten datagrams later, and its time is skipped there.
#[derive(Debug)]
pub struct RawSound {
    frame: usize,
    clock: TimeBase,
    /// Samples so far, with those that are missing.
    count: i64,
    /// The first bytes of a sample whose others come in the next datagram.
    rest: BytesMut,
    drift: Drift,
    late: u32,
    least: f64,
    missing: u64,
}

impl RawSound {
    /// Of samples that take `frame` bytes for all channels, `rate` in a second.
    pub fn new(frame: usize, rate: u32) -> Self {
        Self {
            frame: frame.max(1),
            clock: TimeBase::hz(rate),
            count: 0,
            rest: BytesMut::new(),
            drift: Drift::new(),
            late: 0,
            least: f64::MAX,
            missing: 0,
        }
    }

    /// The samples of a datagram that came at `now`; `None` where there is no whole one.
    pub fn push(&mut self, datagram: Bytes, now: Timestamp) -> Option<Unit> {
        let data = if self.rest.is_empty() && datagram.len().is_multiple_of(self.frame) {
            datagram
        } else {
            self.rest.extend_from_slice(&datagram);
            let whole = self.rest.len() / self.frame * self.frame;
            self.rest.split_to(whole).freeze()
        };
        let duration = (data.len() / self.frame) as i64;
        if duration == 0 {
            return None;
        }
        self.look_for_loss(duration, now);
        self.drift.push(self.clock.at(self.count).as_nanos(), now);
        let timestamp = self.count;
        self.count += duration;
        Some(Unit { timestamp, duration, key: true, data })
    }

    /// Datagrams that seem to be lost.
    pub const fn missing(&self) -> u64 {
        self.missing
    }

    fn look_for_loss(&mut self, duration: i64, now: Timestamp) {
        let length = self.clock.seconds(duration);
        let lateness = self.drift.lateness(self.clock.at(self.count).as_nanos(), now);
        if lateness < 0.9 * length {
            (self.late, self.least) = (0, f64::MAX);
            return;
        }
        self.late += 1;
        self.least = self.least.min(lateness);
        if self.late >= PROOF {
            let lost = libm::round(self.least / length).min(1e6) as i64;
            self.count += lost * duration;
            self.missing += lost.unsigned_abs();
            (self.late, self.least) = (0, f64::MAX);
        }
    }
}
