//! Packets of several streams into one order, by decoding time, within a bound.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use crate::{Packet, TimeBase, Timestamp};

/// The most packets that wait for one silent stream, whatever their times say.
const MAX_WAITING: usize = 16_384;

/// Orders packets by dts. It stands before every packet sink.
///
/// A packet comes out when every stream that has not ended has one waiting, or when the first and last of those
/// that wait are further apart than the bound: then the queue is full, and goes on without the silent stream.
#[derive(Debug)]
pub struct Interleaver {
    lanes: Vec<Lane>,
    patience: Duration,
    waiting: usize,
    hurried: u64,
}

#[derive(Debug)]
struct Lane {
    time_base: TimeBase,
    packets: VecDeque<Packet>,
    ended: bool,
}

impl Interleaver {
    /// For live streams: a silent stream holds the others back for at most 0.5 s.
    pub fn live() -> Self {
        Self::new(Duration::from_millis(500))
    }

    /// For files: a silent stream holds the others back for at most 10 s.
    pub fn file() -> Self {
        Self::new(Duration::from_secs(10))
    }

    /// A silent stream holds the others back for at most `patience` of media time.
    pub fn new(patience: Duration) -> Self {
        Self { lanes: Vec::new(), patience, waiting: 0, hurried: 0 }
    }

    /// Adds a stream whose packets count in `time_base`; returns its number, from 0.
    pub fn add_stream(&mut self, time_base: TimeBase) -> usize {
        self.lanes.push(Lane { time_base, packets: VecDeque::new(), ended: false });
        self.lanes.len() - 1
    }

    /// Takes a packet. One for a stream that was not added is dropped.
    pub fn push(&mut self, packet: Packet) {
        if let Some(lane) = self.lanes.get_mut(packet.stream) {
            lane.packets.push_back(packet);
            self.waiting += 1;
        }
    }

    /// No more packets will come for `stream`: it holds nobody back.
    pub fn end(&mut self, stream: usize) {
        if let Some(lane) = self.lanes.get_mut(stream) {
            lane.ended = true;
        }
    }

    /// [`Interleaver::end`] for all streams: everything that waits comes out.
    pub fn end_all(&mut self) {
        self.lanes.iter_mut().for_each(|lane| lane.ended = true);
    }

    /// The next packet, or `None` until more are pushed.
    pub fn pop(&mut self) -> Option<Packet> {
        let complete = self.lanes.iter().all(|lane| lane.ended || !lane.packets.is_empty());
        if !complete {
            if !self.is_full() {
                return None;
            }
            self.hurried += 1;
        }
        let next = self.lanes.iter_mut().filter(|lane| !lane.packets.is_empty()).min_by(|a, b| {
            let dts = |lane: &Lane| lane.packets.front().map_or(i64::MAX, |packet| packet.dts);
            a.time_base.compare(dts(a), b.time_base, dts(b))
        })?;
        self.waiting -= 1;
        next.packets.pop_front()
    }

    /// Packets that wait.
    pub const fn len(&self) -> usize {
        self.waiting
    }

    /// Whether none waits.
    pub const fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Packets that came out because the queue was full, before a silent stream had its say.
    pub const fn hurried(&self) -> u64 {
        self.hurried
    }

    fn is_full(&self) -> bool {
        let at = |lane: &Lane, packet: Option<&Packet>| packet.map(|packet| lane.time_base.at(packet.dts));
        let first = self.lanes.iter().filter_map(|lane| at(lane, lane.packets.front())).min();
        let last = self.lanes.iter().filter_map(|lane| at(lane, lane.packets.back())).max();
        let span = |first: Timestamp, last: Timestamp| last.since(first) > self.patience;
        self.waiting > MAX_WAITING || first.zip(last).is_some_and(|(first, last)| span(first, last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn packet(stream: usize, dts: i64) -> Packet {
        Packet::new(stream, dts, Bytes::new())
    }

    #[test]
    fn a_silent_stream_holds_others_back_no_longer_than_the_bound() {
        let mut queue = Interleaver::live();
        let video = queue.add_stream(TimeBase::MILLIS);
        queue.add_stream(TimeBase::hz(48_000));
        queue.push(packet(video, 0));
        queue.push(packet(video, 500));
        assert_eq!(queue.pop(), None);
        queue.push(packet(video, 501));
        assert_eq!(queue.pop().map(|packet| packet.dts), Some(0));
        assert_eq!((queue.pop(), queue.hurried(), queue.len()), (None, 1, 2));
    }

    #[test]
    fn order_is_kept_within_a_stream_and_by_time_between_streams() {
        let mut queue = Interleaver::file();
        let (a, b) = (queue.add_stream(TimeBase::MILLIS), queue.add_stream(TimeBase::MPEG));
        [packet(a, 10), packet(a, 30), packet(b, 1_800), packet(b, 3_600)]
            .into_iter()
            .for_each(|p| queue.push(p));
        queue.end_all();
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|p| (p.stream, p.dts)).collect();
        assert_eq!(order, [(a, 10), (b, 1_800), (a, 30), (b, 3_600)]);
    }
}
