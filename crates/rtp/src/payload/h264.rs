//! H.264 (RFC 6184), packetization modes 0 and 1: single NAL units, STAP-A, FU-A.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use brooklet_media::bitstream::h264::{self, AvcConfig};
use brooklet_media::bitstream::nal;
use brooklet_media::{CodecId, Packet, StreamParams, TimeBase, VideoParams};
use bytes::{BufMut, Bytes, BytesMut};

use super::{Payload, Unit};
use crate::Result;

const STAP_A: u8 = 24;
const FU_A: u8 = 28;
/// What makes a packet that holds an IDR slice, in the type's five bits.
const TYPE: u8 = 0x1F;
/// A picture of more bytes is a forgery, and is dropped.
const MAX_PICTURE: usize = 16 << 20;
/// One of more NAL units too.
const MAX_UNITS: usize = 4_096;
/// More parameter sets than a stream has in force.
const MAX_SETS: usize = 32;

/// Access units to payloads.
#[derive(Debug)]
pub(super) struct Pay {
    room: usize,
    /// Sent before each key frame that does not bring its own, for those who join late.
    sets: Vec<Bytes>,
}

impl Pay {
    pub(super) fn new(extradata: &[u8], room: usize) -> Result<Self> {
        let config = AvcConfig::parse(extradata)?;
        Ok(Self { room, sets: config.sps.into_iter().chain(config.pps).collect() })
    }

    pub(super) fn push(&mut self, packet: &Packet, ready: &mut VecDeque<Payload>) {
        let units: Vec<&[u8]> = nal::length_prefixed_units(&packet.data, 4).collect();
        let brings_sets = units.iter().any(|unit| h264::nal_type(unit) == h264::NAL_SPS);
        let first = ready.len();
        let mut give = |data: Bytes| {
            ready.push_back(Payload { data, timestamp: packet.pts, end: packet.pts, marker: false });
        };
        if packet.key && !brings_sets {
            aggregate(&self.sets, self.room, &mut give);
        }
        for unit in units {
            self.unit(unit, &mut give);
        }
        if let (true, Some(last)) = (ready.len() > first, ready.back_mut()) {
            last.marker = true;
        }
    }

    /// One NAL unit: as it is where it has room, else in fragments (§5.8).
    fn unit(&self, unit: &[u8], give: &mut impl FnMut(Bytes)) {
        let Some((header, body)) = unit.split_first() else { return };
        if unit.len() <= self.room {
            return give(Bytes::copy_from_slice(unit));
        }
        let mut parts = body.chunks(self.room - 2).peekable();
        let mut start = 0x80;
        while let Some(part) = parts.next() {
            let end = if parts.peek().is_none() { 0x40 } else { 0 };
            let mut data = BytesMut::with_capacity(2 + part.len());
            data.put_slice(&[header & !TYPE | FU_A, start | end | header & TYPE]);
            data.put_slice(part);
            give(data.freeze());
            start = 0;
        }
    }
}

/// Small units in one payload (§5.7.1), or each in its own where they have no room.
fn aggregate(units: &[Bytes], room: usize, give: &mut impl FnMut(Bytes)) {
    let size: usize = 1 + units.iter().map(|unit| 2 + unit.len()).sum::<usize>();
    if size > room {
        return units.iter().cloned().for_each(give);
    }
    let importance = units.iter().filter_map(|unit| unit.first()).map(|header| header & 0x60).max();
    let Some(importance) = importance else { return };
    let mut data = BytesMut::with_capacity(size);
    data.put_u8(importance | STAP_A);
    for unit in units {
        data.put_u16(unit.len() as u16); // within the room
        data.put_slice(unit);
    }
    give(data.freeze());
}

/// Payloads to access units.
#[derive(Debug, Default)]
pub(super) struct Depay {
    timestamp: Option<i64>,
    /// Length-prefixed units of the picture that is going on.
    picture: BytesMut,
    units: usize,
    key: bool,
    /// A part of it is missing: it is dropped at its end.
    damaged: bool,
    fragment: Option<BytesMut>,
    sets: Vec<Bytes>,
    known: Option<Bytes>,
    changed: Option<StreamParams>,
}

impl Depay {
    pub(super) fn new(config: Option<AvcConfig>) -> Self {
        let known = config.as_ref().map(AvcConfig::build);
        let sets = config.map(|config| config.sps.into_iter().chain(config.pps).collect());
        Self { sets: sets.unwrap_or_default(), known, ..Self::default() }
    }

    pub(super) fn push(
        &mut self,
        payload: &Bytes,
        timestamp: i64,
        marker: bool,
        gap: bool,
        ready: &mut VecDeque<Unit>,
    ) {
        if gap {
            self.fragment = None;
            // Whether what is missing belonged to the last picture or to this one nobody knows: both are.
            self.damaged |= self.units > 0;
        }
        if self.timestamp.is_some_and(|last| last != timestamp) {
            self.give(ready);
            self.damaged = gap;
        }
        self.timestamp = Some(timestamp);
        self.payload(payload);
        if marker {
            self.give(ready);
        }
    }

    pub(super) fn finish(&mut self, ready: &mut VecDeque<Unit>) {
        self.give(ready);
    }

    pub(super) fn take_params(&mut self) -> Option<StreamParams> {
        self.changed.take()
    }

    fn payload(&mut self, payload: &Bytes) {
        let Some(header) = payload.first() else { return };
        match header & TYPE {
            1..=23 => self.unit(payload),
            STAP_A => {
                let mut rest = &payload[1..];
                while let Some((length, after)) = rest.split_first_chunk::<2>() {
                    let length = usize::from(u16::from_be_bytes(*length));
                    let Some((unit, later)) = after.split_at_checked(length) else {
                        self.damaged = true;
                        return;
                    };
                    self.unit(unit);
                    rest = later;
                }
            }
            FU_A => self.part(payload),
            // Interleaved modes are not offered; units from 30 on are reserved.
            _ => self.damaged = true,
        }
    }

    fn part(&mut self, payload: &[u8]) {
        let Some((&[indicator, header], body)) = payload.split_first_chunk::<2>() else { return };
        if header & 0x80 != 0 {
            let mut unit = BytesMut::with_capacity(4 * body.len());
            unit.put_u8(indicator & !TYPE | header & TYPE);
            self.fragment = Some(unit);
        }
        let Some(unit) = &mut self.fragment else {
            self.damaged = true;
            return;
        };
        if unit.len() + body.len() > MAX_PICTURE {
            (self.fragment, self.damaged) = (None, true);
            return;
        }
        unit.put_slice(body);
        if header & 0x40 != 0
            && let Some(unit) = self.fragment.take()
        {
            self.unit(&unit);
        }
    }

    fn unit(&mut self, unit: &[u8]) {
        let Some(kind) = unit.first().map(|_| h264::nal_type(unit)) else { return };
        match kind {
            h264::NAL_SPS | h264::NAL_PPS => self.parameter_set(unit),
            h264::NAL_AUD => {}
            _ if self.picture.len() + unit.len() > MAX_PICTURE || self.units >= MAX_UNITS => {
                self.damaged = true
            }
            _ => {
                self.key |= kind == h264::NAL_IDR;
                self.units += 1;
                self.picture.put_u32(unit.len() as u32); // at most 16 MiB
                self.picture.put_slice(unit);
            }
        }
    }

    fn parameter_set(&mut self, unit: &[u8]) {
        if self.sets.iter().any(|known| known == unit) {
            return;
        }
        // One set of each kind is what streams have; another one takes its place.
        let kind = h264::nal_type(unit);
        self.sets.retain(|known| h264::nal_type(known) != kind);
        self.sets.truncate(MAX_SETS);
        self.sets.push(Bytes::copy_from_slice(unit));
        let config = AvcConfig::from_units(self.sets.iter().map(|set| &set[..]));
        let Some(config) = config.filter(|config| !config.sps.is_empty() && !config.pps.is_empty()) else {
            return;
        };
        let Some(sps) = config.first_sps() else { return };
        let extradata = config.build();
        if self.known.as_ref() != Some(&extradata) {
            let params = StreamParams::video(CodecId::H264, TimeBase::MPEG, VideoParams::new(0, 0));
            let kind = brooklet_media::StreamKind::Video(sps.video_params());
            self.changed = Some(StreamParams { kind, extradata: extradata.clone(), ..params });
            self.known = Some(extradata);
        }
    }

    fn give(&mut self, ready: &mut VecDeque<Unit>) {
        let damaged = core::mem::take(&mut self.damaged) || self.fragment.take().is_some();
        let (data, key) = (self.picture.split().freeze(), core::mem::take(&mut self.key));
        let units = core::mem::take(&mut self.units);
        if let (true, false, Some(timestamp)) = (units > 0, damaged, self.timestamp) {
            ready.push_back(Unit { timestamp, duration: 0, key, data });
        }
    }
}
