//! One medium of a session: packets in order, access units, and times that begin at zero.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

use brooklet_media::{DemuxEvent, Packet, StreamParams, TimeBase, Timestamp};
use brooklet_rtp::{Depacketizer, Reorder, Unit, Unwrap};

use super::source::{Arrival, Door, described};

/// How long a packet that is missing is waited for.
const PATIENCE: Duration = Duration::from_millis(100);
/// Access units that wait for the streams to be known; the oldest are dropped when there are more.
const WAITING: usize = 1_024;

pub(super) struct Lane {
    pub(super) door: Door,
    /// Its number at the demuxer's reader.
    pub(super) number: Option<usize>,
    params: Option<StreamParams>,
    changed: bool,
    reorder: Reorder,
    timestamps: Unwrap,
    depacketizer: Option<Depacketizer>,
    units: VecDeque<Unit>,
    /// The timestamp of the first unit, and when it came.
    first: Option<(i64, Timestamp)>,
    /// What its first unit's time is.
    start: i64,
    order: DecodingOrder,
}

impl Lane {
    pub(super) fn new(door: Door) -> Self {
        Self {
            params: described(&door.formats),
            door,
            number: None,
            changed: false,
            reorder: Reorder::new(PATIENCE),
            timestamps: Unwrap::default(),
            depacketizer: None,
            units: VecDeque::new(),
            first: None,
            start: 0,
            order: DecodingOrder::default(),
        }
    }

    /// Takes a datagram. What is no RTP is passed over: ports get all kinds of things.
    pub(super) fn take(&mut self, arrival: &Arrival, epoch: Instant) {
        let now = Timestamp::ZERO + arrival.at.saturating_duration_since(epoch);
        if arrival.control {
            let _ = self.door.receiver.control(&arrival.bytes, now);
            return;
        }
        if let Ok(Some(received)) = self.door.receiver.packet(&arrival.bytes, now) {
            if received.anew {
                self.reorder.restart();
            }
            self.reorder.push(received.sequence, received.packet, now);
        }
    }

    /// Takes apart all packets whose turn it is.
    pub(super) fn order(&mut self, now: Timestamp, last: bool) {
        while let Some((packet, gap)) = self.reorder.poll(now, last) {
            if self.depacketizer.is_none() {
                let Some(format) = self.door.receiver.format() else { return };
                self.depacketizer = Some(Depacketizer::new(format));
                if self.params.is_none() {
                    self.params = described(std::slice::from_ref(format));
                }
            }
            let Some(depacketizer) = &mut self.depacketizer else { return };
            let timestamp = self.timestamps.timestamp(packet.timestamp);
            depacketizer.push(&packet.payload, timestamp, packet.marker, gap);
            self.collect(now);
        }
        if last && let Some(depacketizer) = &mut self.depacketizer {
            depacketizer.finish();
            self.collect(now);
        }
    }

    fn collect(&mut self, now: Timestamp) {
        let Some(depacketizer) = &mut self.depacketizer else { return };
        if let Some(params) = depacketizer.take_params() {
            self.changed = self.number.is_some();
            self.params = Some(params);
        }
        while let Some(unit) = depacketizer.poll() {
            // Nothing can be decoded before the parameters are there.
            if self.params.is_none() {
                continue;
            }
            self.first.get_or_insert((unit.timestamp, now));
            if self.units.len() >= WAITING {
                self.units.pop_front();
            }
            self.units.push_back(unit);
        }
    }

    /// What the stream is, as soon as that is known.
    pub(super) const fn params(&self) -> Option<&StreamParams> {
        self.params.as_ref()
    }

    /// When its first unit came.
    pub(super) fn began(&self) -> Option<Timestamp> {
        self.first.map(|(_, at)| at).or_else(|| self.door.receiver.reception().map(|_| Timestamp::ZERO))
    }

    /// The sender's wall clock at its first unit, in nanoseconds since 1900.
    pub(super) fn wall_clock(&self) -> Option<i128> {
        let (first, _) = self.first?;
        let (info, _) = self.door.receiver.reception()?.last_sender_report()?;
        let clock = self.clock()?;
        // The report's timestamp is near the first's: their difference modulo 32 bits is exact.
        let since = (first as u32).wrapping_sub(info.timestamp) as i32;
        let wall = (i128::from(info.ntp) * 1_000_000_000) >> 32;
        Some(wall + i128::from(clock.at(since.into()).as_nanos()))
    }

    /// Its first unit is so much later than the first of all.
    pub(super) fn start_at(&mut self, start: Duration) {
        self.start = self.clock().map_or(0, |clock| clock.ticks(Timestamp::ZERO + start));
    }

    /// Hands out what is ready.
    pub(super) fn give(&mut self, events: &mut VecDeque<DemuxEvent>) {
        let (Some(number), Some(params)) = (self.number, &self.params) else {
            self.units.clear();
            return;
        };
        if std::mem::take(&mut self.changed) {
            events.push_back(DemuxEvent::Params { stream: number, params: params.clone() });
        }
        let reorder = params.as_video().map_or(0, |video| video.reorder);
        let first = self.first.map_or(0, |(first, _)| first);
        for unit in self.units.drain(..) {
            let pts = unit.timestamp - first + self.start;
            let dts = self.order.dts(pts, reorder);
            let packet = Packet {
                dts,
                duration: unit.duration,
                key: unit.key,
                ..Packet::new(number, pts.max(dts), unit.data)
            };
            events.push_back(DemuxEvent::Packet(packet));
        }
    }

    /// What was lost, in a line; nothing where nothing was.
    pub(super) fn account(&self) -> Option<String> {
        let received = self.door.receiver.reception()?.received();
        let (missing, dropped) = (self.reorder.missing(), self.reorder.dropped());
        (missing + dropped > 0)
            .then(|| format!("{received} packets, {missing} lost, {dropped} late or twice"))
    }

    fn clock(&self) -> Option<TimeBase> {
        self.door.receiver.format().map(|format| format.clock())
    }
}

/// Decoding times of pictures whose packets carry presentation times alone: of those that are known, always the earliest.
#[derive(Default)]
struct DecodingOrder {
    waiting: BinaryHeap<Reverse<i64>>,
    last: i64,
}

impl DecodingOrder {
    fn dts(&mut self, pts: i64, reorder: u8) -> i64 {
        self.waiting.push(Reverse(pts));
        // So many are decoded before the first is shown: their times stand before it, a tick apart.
        if self.waiting.len() == 1 && reorder > 0 && self.last == 0 {
            (1..=i64::from(reorder)).for_each(|step| self.waiting.push(Reverse(pts - step)));
        }
        let dts = self.waiting.pop().map_or(pts, |Reverse(dts)| dts);
        while self.waiting.len() > 32 {
            self.waiting.pop();
        }
        self.last = dts;
        dts.min(pts)
    }
}
