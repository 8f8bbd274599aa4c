//! One elementary stream: its PES packets, their times, and what has to stand at each key frame.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use brooklet_media::bitstream::aac::Adts;
use brooklet_media::bitstream::{h264, hevc, nal};

use super::timeline::{Event, Timeline};
use super::{Violations, millis};
use crate::clock::{PCR_PER_TICK, Pcr, ticks_since};
use crate::packet::TsPacket;
use crate::pes::{PesHeader, PesStart, Times};

const AAC: u8 = 0x0F;
const H264: u8 = 0x1B;
const HEVC: u8 = 0x24;
/// A PES packet that is longer is not looked into.
const MAX_PES: usize = 8 << 20;

/// Checks one PID.
#[derive(Clone, Debug)]
pub(super) struct StreamCheck {
    pub(super) pid: u16,
    pub(super) stream_type: u8,
    pub(super) packets: u64,
    pub(super) units: u64,
    pub(super) key_units: u64,
    /// The least and the most time between arrival and dts, ticks of 27 MHz.
    pub(super) ahead: Option<(i64, i64)>,
    pes: Vec<u8>,
    first_packet: u64,
    last_packet: u64,
    random_access: bool,
    open: bool,
    last_dts: Option<i64>,
}

impl StreamCheck {
    pub(super) fn new(pid: u16, stream_type: u8) -> Self {
        Self {
            pid,
            stream_type,
            packets: 0,
            units: 0,
            key_units: 0,
            ahead: None,
            pes: Vec::new(),
            first_packet: 0,
            last_packet: 0,
            random_access: false,
            open: false,
            last_dts: None,
        }
    }

    pub(super) fn read(
        &mut self,
        number: u64,
        packet: &TsPacket<'_>,
        timeline: &mut Timeline,
        violations: &mut Violations,
    ) {
        self.packets += 1;
        let Some(payload) = packet.payload else { return };
        if packet.unit_start {
            self.finish(timeline, violations);
            self.open = true;
            self.first_packet = number;
            self.random_access = packet.adaptation.random_access;
        }
        if self.open && self.pes.len() < MAX_PES {
            self.pes.extend_from_slice(payload);
            self.last_packet = number;
        }
    }

    /// How long before its dts an access unit arrived, ticks of 27 MHz.
    pub(super) fn note_ahead(&mut self, ahead: i64) {
        let (least, most) = self.ahead.unwrap_or((ahead, ahead));
        self.ahead = Some((least.min(ahead), most.max(ahead)));
    }

    /// The stream ends, or its clock begins anew.
    pub(super) fn end_time(&mut self, timeline: &mut Timeline, violations: &mut Violations) {
        self.finish(timeline, violations);
        self.last_dts = None;
    }

    /// The PES packet is whole: the next one begins, or the stream ends.
    fn finish(&mut self, timeline: &mut Timeline, violations: &mut Violations) {
        if !core::mem::take(&mut self.open) {
            return;
        }
        let pes = core::mem::take(&mut self.pes);
        self.units += 1;
        let mut say = |text: String| violations.add(self.first_packet, format!("PID {:#x} {text}", self.pid));
        let PesStart::Header(header) = PesHeader::parse(&pes) else {
            return say("has no PES header where a PES packet begins".into());
        };
        let payload = pes.get(header.size..).unwrap_or_default();
        if header.payload.is_some_and(|promised| promised != payload.len()) {
            say(format!("has {} bytes in a PES packet of another length", payload.len()));
        }
        if !self.fits(header.stream_id) {
            say(format!("has stream_id {:#x} for stream_type {:#x}", header.stream_id, self.stream_type));
        }
        if let Some(Times { pts, dts }) = header.times {
            if ticks_since(pts, dts) < 0 {
                say(format!(
                    "is shown {} ms before it is decoded",
                    millis(-ticks_since(pts, dts) * PCR_PER_TICK)
                ));
            }
            if let Some(step) = self.last_dts.map(|last| ticks_since(dts, last)).filter(|step| *step <= 0) {
                say(format!("has a dts {} ms before the last", millis(-step * PCR_PER_TICK)));
            }
            self.last_dts = Some(dts);
            let dts = Pcr::wrapping(dts * PCR_PER_TICK);
            timeline.happens(self.last_packet, Event::UnitEnds { pid: self.pid, dts });
        } else if header.stream_id != 0xBE {
            say("has a PES packet without times".into());
        }
        match self.stream_type {
            AAC if !is_adts(payload) => say("has AAC that is not whole ADTS frames".into()),
            H264 => self.check_picture(&H264_RULES, payload, &mut say),
            HEVC => self.check_picture(&HEVC_RULES, payload, &mut say),
            _ => {}
        }
        if self.is_key(payload) {
            self.key_units += 1;
        }
    }

    fn is_key(&self, payload: &[u8]) -> bool {
        match self.stream_type {
            H264 => nal::annexb_units(payload).any(|unit| (H264_RULES.is_key)(unit)),
            HEVC => nal::annexb_units(payload).any(|unit| (HEVC_RULES.is_key)(unit)),
            _ => false,
        }
    }

    /// ISO/IEC 13818-1 §2.14.1, and what a receiver needs who joins at a key frame.
    fn check_picture(&self, rules: &VideoRules, payload: &[u8], say: &mut impl FnMut(String)) {
        let kinds: Vec<_> = nal::annexb_units(payload).map(rules.kind).collect();
        if kinds.first() != Some(&rules.delimiter) {
            say("has a picture without an access unit delimiter before it".into());
        }
        let Some(key) = nal::annexb_units(payload).position(rules.is_key) else { return };
        if !self.random_access {
            say("has a key frame without the random access indicator".into());
        }
        let before = kinds.get(..key).unwrap_or_default();
        for (_, name) in rules.sets.iter().filter(|(kind, _)| !before.contains(kind)) {
            say(format!("has a key frame without {name} before it"));
        }
    }

    /// Whether the stream_id is one for the stream_type (table 2-22).
    fn fits(&self, stream_id: u8) -> bool {
        match self.stream_type {
            0x01 | 0x02 | 0x10 | H264 | HEVC => (0xE0..=0xEF).contains(&stream_id),
            0x03 | 0x04 | AAC | 0x11 => (0xC0..=0xDF).contains(&stream_id),
            0x81 | 0x87 => stream_id == 0xBD,
            _ => true,
        }
    }
}

/// What differs between the video codecs.
struct VideoRules {
    kind: fn(&[u8]) -> u8,
    is_key: fn(&[u8]) -> bool,
    delimiter: u8,
    sets: &'static [(u8, &'static str)],
}

const H264_RULES: VideoRules = VideoRules {
    kind: h264::nal_type,
    is_key: |unit| h264::nal_type(unit) == h264::NAL_IDR,
    delimiter: h264::NAL_AUD,
    sets: &[(h264::NAL_SPS, "SPS"), (h264::NAL_PPS, "PPS")],
};

const HEVC_RULES: VideoRules = VideoRules {
    kind: hevc::nal_type,
    is_key: hevc::is_random_access,
    delimiter: hevc::NAL_AUD,
    sets: &[(hevc::NAL_VPS, "VPS"), (hevc::NAL_SPS, "SPS"), (hevc::NAL_PPS, "PPS")],
};

/// Whether the payload is whole ADTS frames and nothing else.
fn is_adts(mut payload: &[u8]) -> bool {
    while let Some(adts) = Adts::parse(payload) {
        match payload.get(adts.frame_bytes..) {
            Some([]) => return true,
            Some(rest) => payload = rest,
            None => return false,
        }
    }
    false
}
