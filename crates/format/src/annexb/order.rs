//! From the order of pictures to their times: a byte stream has no clock, only an order and a rate.

use std::collections::VecDeque;

use brooklet_media::{Packet, Rational, TimeBase};
use bytes::Bytes;

use super::demux::Shape;

/// ffmpeg's time base of raw video: every common frame rate is a whole number of its ticks.
pub(super) const TIME_BASE: TimeBase = match TimeBase::new(1, 1_200_000) {
    Some(time_base) => time_base,
    None => TimeBase::MICROS,
};

/// Pictures that wait at most, whatever their order counts say: twice what any level lets a decoder hold.
const MAX_WAITING: usize = 64;

/// A picture in decoding order.
#[derive(Debug)]
pub(super) struct Picture {
    /// Length-prefixed units.
    pub(super) data: Bytes,
    pub(super) key: bool,
    /// Order among the pictures since the last one that `starts` an order of its own.
    pub(super) count: i32,
    /// Whether all before are shown before it: IDR, and what acts as one.
    pub(super) starts: bool,
    /// What the stream is from this picture on, where that is news.
    pub(super) shape: Option<Box<Shape>>,
}

/// Gives pictures their pts, by the place that each has in the order of showing, and their dts.
///
/// It does what a decoder's output does (§C.4.5.3): once more pictures wait than may be reordered, the first of
/// them in order is next. Pts start at 0; dts at minus the reorder delay.
#[derive(Debug)]
pub(super) struct Order {
    waiting: VecDeque<Waiting>,
    /// Of `waiting`, those without a pts.
    unplaced: usize,
    clock: FrameClock,
    /// Pictures that may be decoded before one that is shown earlier.
    depth: usize,
    /// Pictures by which dts are early; `None` until it is known.
    delay: Option<i64>,
    /// Number of orders begun.
    epoch: u64,
    shown: i64,
    decoded: i64,
    last_dts: i64,
}

#[derive(Debug)]
struct Waiting {
    picture: Picture,
    epoch: u64,
    pts: Option<i64>,
}

impl Order {
    pub(super) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            unplaced: 0,
            clock: FrameClock { rate: Rational::whole(25), epoch: 0, ticks: 0 },
            depth: 0,
            delay: None,
            epoch: 0,
            shown: 0,
            decoded: 0,
            last_dts: i64::MIN,
        }
    }

    /// From the next picture on at most `most` pictures are reordered, `exact` where the stream says so itself,
    /// and `rate` are shown in a second.
    pub(super) fn set(&mut self, rate: Rational, most: u8, exact: bool) {
        if (rate, usize::from(most)) == (self.clock.rate, self.depth) {
            return;
        }
        self.place_all();
        self.clock = self.clock.with_rate(rate, self.shown);
        self.depth = most.into();
        if exact {
            self.delay = Some(most.into());
        }
    }

    /// Takes the next picture.
    pub(super) fn push(&mut self, picture: Picture) {
        if picture.starts {
            self.place_all();
            self.epoch += 1;
        }
        self.waiting.push_back(Waiting { picture, epoch: self.epoch, pts: None });
        self.unplaced += 1;
        while self.unplaced > self.depth {
            self.place_first();
        }
        // A forged order count must not hold the queue for ever.
        while self.waiting.len() > MAX_WAITING
            && self.waiting.front().is_some_and(|first| first.pts.is_none())
        {
            self.place_first();
        }
    }

    /// Whether no picture waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// No more pictures: all that wait come out.
    pub(super) fn finish(&mut self) {
        self.place_all();
    }

    /// The next packet of stream 0 in decoding order, once its pts is known, and what the stream is from it on.
    pub(super) fn pop(&mut self) -> Option<(Option<Box<Shape>>, Packet)> {
        let pts = self.waiting.front()?.pts?;
        let delay = *self.delay.get_or_insert_with(|| measured_delay(&self.waiting));
        // All that are shown before this one have their pts too, so dts never passes a pts to come.
        let placed = self.waiting.iter().enumerate();
        let latest = placed.filter_map(|(ahead, next)| Some(next.pts? - ahead as i64)).min().unwrap_or(pts);
        let nominal = self.clock.at(self.decoded.saturating_sub(delay));
        let dts = nominal.max(self.last_dts.saturating_add(1)).min(latest);
        let Waiting { picture, .. } = self.waiting.pop_front()?;
        self.decoded += 1;
        self.last_dts = dts;
        let duration = self.clock.at(1).saturating_sub(self.clock.at(0));
        let packet = Packet { dts, duration, key: picture.key, ..Packet::new(0, pts, picture.data) };
        Some((picture.shape, packet))
    }

    fn place_all(&mut self) {
        while self.unplaced > 0 {
            self.place_first();
        }
    }

    /// Gives the next pts to the first in order of those that have none.
    fn place_first(&mut self) {
        let pts = self.clock.at(self.shown);
        let unplaced = self.waiting.iter_mut().filter(|waiting| waiting.pts.is_none());
        if let Some(first) = unplaced.min_by_key(|waiting| (waiting.epoch, waiting.picture.count)) {
            first.pts = Some(pts);
            self.shown += 1;
        }
        self.unplaced = self.unplaced.saturating_sub(1);
    }
}

/// By how many pictures decoding must run ahead of showing for those that wait at the start of a stream.
fn measured_delay(waiting: &VecDeque<Waiting>) -> i64 {
    let order = |waiting: &Waiting| (waiting.epoch, waiting.picture.count);
    let ahead = waiting.iter().enumerate().map(|(index, this)| {
        let shown_before = waiting.iter().filter(|other| order(other) < order(this)).count();
        index.saturating_sub(shown_before)
    });
    ahead.max().unwrap_or(0) as i64
}

/// Frame numbers to ticks, through changes of the rate.
#[derive(Clone, Copy, Debug)]
struct FrameClock {
    rate: Rational,
    /// The frame from which the rate holds, and its time.
    epoch: i64,
    ticks: i64,
}

impl FrameClock {
    fn at(&self, frame: i64) -> i64 {
        let frames = frame.saturating_sub(self.epoch);
        let ticks = self.rate.time_base().map_or(0, |time_base| time_base.rescale(frames, TIME_BASE));
        self.ticks.saturating_add(ticks)
    }

    fn with_rate(&self, rate: Rational, epoch: i64) -> Self {
        Self { rate, epoch, ticks: self.at(epoch) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn picture(count: i32, starts: bool) -> Picture {
        Picture { data: Bytes::new(), key: starts, count, starts, shape: None }
    }

    fn times(order: &mut Order, pictures: impl IntoIterator<Item = Picture>) -> Vec<(i64, i64)> {
        let mut packets = Vec::new();
        for picture in pictures {
            order.push(picture);
            packets.extend(std::iter::from_fn(|| order.pop()));
        }
        order.finish();
        packets.extend(std::iter::from_fn(|| order.pop()));
        let frames = |ticks: i64| ticks.div_euclid(48_000);
        packets.iter().map(|(_, packet)| (frames(packet.pts), frames(packet.dts))).collect()
    }

    #[test]
    fn b_frames_between_two_idrs() {
        let mut order = Order::new();
        order.set(Rational::whole(25), 2, true);
        let counts = [0, 8, 4, 2, 6, 0, 4, 2];
        let pictures = counts.into_iter().enumerate().map(|(n, count)| picture(count, n == 0 || n == 5));
        let expected = [(0, -2), (4, -1), (2, 0), (1, 1), (3, 2), (5, 3), (7, 4), (6, 5)];
        assert_eq!(times(&mut order, pictures), expected);
    }

    #[test]
    fn a_delay_that_nobody_told_is_measured() {
        let mut order = Order::new();
        order.set(Rational::whole(25), 4, false);
        let pictures = [0, 4, 2, 8, 6].into_iter().map(|count| picture(count, count == 0));
        assert_eq!(times(&mut order, pictures), [(0, -1), (2, 0), (1, 1), (4, 2), (3, 3)]);
    }

    #[test]
    fn a_change_of_rate_keeps_what_was() {
        let mut order = Order::new();
        order.set(Rational::whole(25), 0, true);
        let first = times(&mut order, [picture(0, true), picture(2, false)]);
        order.set(Rational::new(25, 2).unwrap(), 0, true);
        let then = times(&mut order, [picture(0, true), picture(2, false)]);
        assert_eq!([first, then].concat(), [(0, 0), (1, 1), (2, 2), (4, 4)]);
    }

    proptest! {
        #[test]
        fn whatever_the_counts_each_picture_is_shown_once_and_decoded_in_time(
            counts in prop::collection::vec((-9i32..9, prop::bool::weighted(0.1)), 1..200),
            depth in 0u8..17,
            exact: bool,
        ) {
            let mut order = Order::new();
            order.set(Rational::whole(25), depth, exact);
            let mut packets = Vec::new();
            for (count, starts) in &counts {
                order.push(picture(*count, *starts));
                packets.extend(std::iter::from_fn(|| order.pop()));
                prop_assert!(order.waiting.len() <= MAX_WAITING);
            }
            order.finish();
            packets.extend(std::iter::from_fn(|| order.pop()));
            prop_assert!(packets.iter().all(|(_, packet)| packet.dts <= packet.pts));
            prop_assert!(packets.is_sorted_by(|(_, a), (_, b)| a.dts < b.dts));
            let mut shown: Vec<_> = packets.iter().map(|(_, packet)| packet.pts / 48_000).collect();
            shown.sort_unstable();
            prop_assert_eq!(shown, (0..counts.len() as i64).collect::<Vec<_>>());
        }
    }
}
