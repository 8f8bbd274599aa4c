//! An input's own time to the job's: it starts at zero, loops follow on each other, and jumps are taken out.
//!
//! A jump is a step that leads away from all streams alike: forwards by over 10 s past the newest of them, or backwards
//! within one. A stream that only paused, while others went on, is where it should be. Each stream keeps its old offset
//! until it jumps itself, for packets from before the jump may still be on their way.

use std::time::Duration;

use brooklet_media::{Packet, StreamParams, TimeBase, Timestamp};

/// A step forwards past all streams that counts as a jump rather than as a gap.
const JUMP: Duration = Duration::from_secs(10);
/// A step backwards within a stream that counts as a jump rather than as jitter.
const BACK: Duration = Duration::from_millis(100);

/// Adds one offset to all streams of an input, and changes it where time jumps.
#[derive(Debug)]
pub(crate) struct Timeline {
    /// Nanoseconds to add.
    offset: i64,
    lanes: Vec<Lane>,
    /// Whether jumps are taken out; not with `-copyts`.
    smooth: bool,
    /// The latest end of any packet, on the job's clock.
    end: Timestamp,
}

#[derive(Debug)]
struct Lane {
    time_base: TimeBase,
    /// `offset` in ticks, rounded once, so that differences stay exact.
    offset: i64,
    /// The last packet, on the job's clock, in ticks.
    last_dts: Option<i64>,
    /// Its end.
    next_dts: Option<i64>,
}

impl Timeline {
    /// `offset` nanoseconds are added to every timestamp.
    pub(crate) fn new(offset: i64, smooth: bool) -> Self {
        Self { offset, lanes: Vec::new(), smooth, end: Timestamp::ZERO }
    }

    /// Learns of a stream, in order of their numbers.
    pub(crate) fn add_stream(&mut self, params: &StreamParams) {
        let time_base = params.time_base;
        self.lanes.push(Lane {
            time_base,
            offset: ticks(time_base, self.offset),
            last_dts: None,
            next_dts: None,
        });
    }

    /// Begins again from the input's start, `start` on its own clock, right after all that came before.
    pub(crate) fn begin_again(&mut self, start: Timestamp) {
        self.set_offset(self.end.as_nanos() - start.as_nanos());
        self.resume();
    }

    /// A moment of the job's clock, in ticks of a stream's own; none for a stream that there is not.
    pub(crate) fn source_ticks(&self, stream: usize, at: Timestamp) -> Option<i64> {
        let lane = self.lanes.get(stream)?;
        Some(lane.time_base.ticks(at).saturating_sub(lane.offset))
    }

    /// The next packets come from another place of the input: that is no jump.
    pub(crate) fn resume(&mut self) {
        self.lanes.iter_mut().for_each(|lane| (lane.last_dts, lane.next_dts) = (None, None));
    }

    /// Moves a packet's times to the job's clock.
    pub(crate) fn apply(&mut self, packet: &mut Packet) {
        if self.smooth {
            self.follow_jump(packet.stream, packet.dts);
        }
        let Some(lane) = self.lanes.get_mut(packet.stream) else { return };
        packet.pts = packet.pts.saturating_add(lane.offset);
        packet.dts = packet.dts.saturating_add(lane.offset);
        lane.last_dts = Some(packet.dts);
        lane.next_dts = Some(packet.dts.saturating_add(packet.duration));
        self.end = self.end.max(lane.time_base.at(packet.pts.saturating_add(packet.duration)));
    }

    /// Gives a stream whose next packet jumps another offset: that of the others, where it is their jump, else a new one.
    fn follow_jump(&mut self, stream: usize, dts: i64) {
        let Some(lane) = self.lanes.get(stream) else { return };
        let (Some(last), Some(expected)) = (lane.last_at(), lane.next_at()) else { return };
        let newest = self.lanes.iter().filter_map(Lane::next_at).max().unwrap_or(expected);
        let moved = |offset| lane.time_base.at(dts.saturating_add(offset));
        let jumps = |at: Timestamp| at.since(newest) > JUMP || last.since(at) > BACK;
        let at = moved(lane.offset);
        if !jumps(at) {
            return;
        }
        let shared = ticks(lane.time_base, self.offset);
        let offset = if shared != lane.offset && !jumps(moved(shared)) {
            shared
        } else {
            let step = at.as_nanos().saturating_sub(expected.as_nanos());
            self.offset = lane.time_base.at(lane.offset).as_nanos().saturating_sub(step);
            ticks(lane.time_base, self.offset)
        };
        self.lanes[stream].offset = offset;
    }

    fn set_offset(&mut self, offset: i64) {
        self.offset = offset;
        self.lanes.iter_mut().for_each(|lane| lane.offset = ticks(lane.time_base, offset));
    }
}

impl Lane {
    fn last_at(&self) -> Option<Timestamp> {
        Some(self.time_base.at(self.last_dts?))
    }

    fn next_at(&self) -> Option<Timestamp> {
        Some(self.time_base.at(self.next_dts?))
    }
}

const fn ticks(time_base: TimeBase, nanos: i64) -> i64 {
    time_base.ticks(Timestamp::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::{CodecId, StreamKind};

    fn packet(stream: usize, dts: i64) -> Packet {
        Packet { duration: 40, ..Packet::new(stream, dts, bytes::Bytes::new()) }
    }

    fn timeline(offset_millis: i64, streams: usize) -> Timeline {
        let mut timeline = Timeline::new(offset_millis * 1_000_000, true);
        let params = StreamParams::new(CodecId::Unknown(0), TimeBase::MILLIS, StreamKind::Other);
        (0..streams).for_each(|_| timeline.add_stream(&params));
        timeline
    }

    fn apply(timeline: &mut Timeline, stream: usize, dts: i64) -> i64 {
        let mut packet = packet(stream, dts);
        timeline.apply(&mut packet);
        packet.dts
    }

    #[test]
    fn a_jump_is_taken_out_of_all_streams_alike() {
        let mut timeline = timeline(-1_000, 2);
        assert_eq!((apply(&mut timeline, 0, 1_000), apply(&mut timeline, 1, 1_010)), (0, 10));
        assert_eq!(apply(&mut timeline, 0, 5_000_000), 40);
        assert_eq!(apply(&mut timeline, 1, 5_000_010), 50);
        assert_eq!(apply(&mut timeline, 0, 100), 80);
    }

    #[test]
    fn a_short_step_back_is_a_jump_and_leftovers_of_the_other_stream_stay() {
        let mut timeline = timeline(0, 2);
        let order = [(0, 0), (1, 0), (0, 960), (1, 920), (0, 0), (1, 960), (1, 0), (0, 40)];
        let moved: Vec<_> =
            order.into_iter().map(|(stream, dts)| apply(&mut timeline, stream, dts)).collect();
        assert_eq!(moved, [0, 0, 960, 920, 1_000, 960, 1_000, 1_040]);
    }

    #[test]
    fn a_gap_shorter_than_a_jump_stays() {
        let mut timeline = timeline(0, 1);
        assert_eq!((apply(&mut timeline, 0, 0), apply(&mut timeline, 0, 9_000)), (0, 9_000));
    }

    #[test]
    fn a_stream_that_paused_is_where_it_should_be() {
        let mut timeline = timeline(0, 2);
        assert_eq!((apply(&mut timeline, 0, 0), apply(&mut timeline, 1, 0)), (0, 0));
        (1..=500).for_each(|n| assert_eq!(apply(&mut timeline, 0, n * 40), n * 40));
        assert_eq!(apply(&mut timeline, 1, 20_000), 20_000);
    }

    #[test]
    fn a_loop_follows_on_the_last_end() {
        let mut timeline = timeline(-500, 2);
        apply(&mut timeline, 0, 500);
        apply(&mut timeline, 1, 560);
        timeline.begin_again(Timestamp::from_millis(500));
        assert_eq!((apply(&mut timeline, 0, 500), apply(&mut timeline, 1, 560)), (100, 160));
    }
}
