//! Packets in order, each once, for those who copy or decode them without playing them in time.

use alloc::collections::BTreeMap;
use core::time::Duration;

use brooklet_media::Timestamp;

use crate::RtpPacket;

/// Packets that wait for one before them; when there are more, what is missing is given up.
const MOST: usize = 1_024;

/// Puts packets into the order of their sequence numbers, and waits a bounded time for what is missing.
///
/// What comes after its place has been given up, or a second time, is dropped and counted.
#[derive(Debug)]
pub struct Reorder {
    patience: Duration,
    waiting: BTreeMap<i64, (RtpPacket, Timestamp)>,
    next: Option<i64>,
    dropped: u64,
    missing: u64,
}

impl Reorder {
    /// Waits up to `patience` for a packet that is missing.
    pub fn new(patience: Duration) -> Self {
        Self { patience, waiting: BTreeMap::new(), next: None, dropped: 0, missing: 0 }
    }

    /// Takes a packet that came at `now`; `sequence` without wraps ([`crate::Reception::packet`]).
    pub fn push(&mut self, sequence: i64, packet: RtpPacket, now: Timestamp) {
        let late = self.next.is_some_and(|next| sequence < next);
        if late || self.waiting.insert(sequence, (packet, now)).is_some() {
            self.dropped += 1;
        }
    }

    /// The next packet in order, and whether some before it are missing; `None` while one is waited for. With `last` nothing
    /// is waited for.
    pub fn poll(&mut self, now: Timestamp, last: bool) -> Option<(RtpPacket, bool)> {
        let (&sequence, (_, since)) = self.waiting.first_key_value()?;
        let gap = self.next.is_some_and(|next| sequence > next);
        // The first packets may come out of order too.
        let unsure = gap || self.next.is_none();
        let due = *since + self.patience;
        if unsure && !last && now < due && self.waiting.len() <= MOST && !self.fills_head(sequence) {
            return None;
        }
        let (packet, _) = self.waiting.remove(&sequence)?;
        if let (true, Some(next)) = (gap, self.next) {
            self.missing += sequence.abs_diff(next);
        }
        self.next = Some(sequence + 1);
        Some((packet, gap))
    }

    /// When [`Reorder::poll`] will give up what it waits for now.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.waiting.first_key_value().map(|(_, (_, since))| *since + self.patience)
    }

    /// The numbering begins anew: what waits is dropped.
    pub fn restart(&mut self) {
        self.dropped += self.waiting.len() as u64;
        self.waiting.clear();
        self.next = None;
    }

    /// Packets that came twice or too late.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Packets that were given up.
    pub const fn missing(&self) -> u64 {
        self.missing
    }

    /// Whether the first packets are three in a row, so that none before them is likely to come.
    fn fills_head(&self, first: i64) -> bool {
        self.next.is_none() && (1..3).all(|step| self.waiting.contains_key(&(first + step)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn packet(sequence: i64) -> RtpPacket {
        let sequence = sequence as u16;
        RtpPacket { payload_type: 0, marker: false, sequence, timestamp: 0, ssrc: 0, payload: Bytes::new() }
    }

    #[test]
    fn order_is_restored_within_the_patience() {
        let mut reorder = Reorder::new(Duration::from_millis(50));
        let mut out = Vec::new();
        for (at, sequence) in [(0, 5), (1, 7), (2, 6), (3, 6), (10, 9), (20, 10), (70, 11), (71, 8), (72, 12)]
        {
            let now = Timestamp::from_millis(at);
            reorder.push(sequence, packet(sequence), now);
            while let Some((packet, gap)) = reorder.poll(now, false) {
                out.push((packet.sequence, gap));
            }
        }
        let order = [(5, false), (6, false), (7, false), (9, true), (10, false), (11, false), (12, false)];
        assert_eq!(out, order);
        assert_eq!((reorder.dropped(), reorder.missing()), (2, 1));
    }

    #[test]
    fn a_flood_is_bounded() {
        let mut reorder = Reorder::new(Duration::from_secs(3_600));
        reorder.push(0, packet(0), Timestamp::ZERO);
        for sequence in 0..100_000i64 {
            reorder.push(2 * sequence, packet(sequence), Timestamp::ZERO);
            while reorder.poll(Timestamp::ZERO, false).is_some() {}
        }
        assert!(reorder.waiting.len() <= MOST + 1);
    }
}
