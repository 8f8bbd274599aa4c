//! Sections: how tables travel in packets (§2.4.4.11), whole or not at all by their CRC.

use alloc::vec;
use alloc::vec::Vec;
use core::mem;

use bytes::BytesMut;

use crate::packet::PacketHead;

/// table_id, section_syntax_indicator and section_length.
const HEADER: usize = 3;
/// What stands between the header and the body: table_id_extension, version, section numbers.
const LONG_HEADER: usize = 5;
const CRC: usize = 4;
/// The longest section: 12 bits of length.
const MAX_SECTION: usize = HEADER + 0xFFF;
/// Fills the rest of a packet after the last section.
const STUFFING: u8 = 0xFF;

/// One section of the long form, its CRC proven.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Section<'a> {
    /// Which table.
    pub(crate) table_id: u8,
    /// table_id_extension: the transport stream's id in a PAT and SDT, the program's number in a PMT.
    pub(crate) extension: u16,
    /// version_number, 0 to 31.
    pub(crate) version: u8,
    /// current_next_indicator: whether it holds already.
    pub(crate) current: bool,
    /// All that stands between the header and the CRC.
    pub(crate) body: &'a [u8],
}

impl<'a> Section<'a> {
    /// Reads a whole section; `None` for the short form, a wrong CRC or a length that does not fit.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (&[table_id, high, low], rest) = bytes.split_first_chunk()?;
        let long_form = high & 0x80 != 0;
        let right = long_form && rest.len() == length(high, low) && crc32(bytes) == 0;
        let rest = rest.get(..rest.len().checked_sub(CRC)?)?;
        let (head, body): (&[u8; LONG_HEADER], _) = rest.split_first_chunk()?;
        right.then_some(Self {
            table_id,
            extension: u16::from_be_bytes([head[0], head[1]]),
            version: head[2] >> 1 & 0x1F,
            current: head[2] & 1 != 0,
            body,
        })
    }

    /// The section's bytes, its CRC included. A body longer than a section holds is cut.
    pub(crate) fn build(&self) -> Vec<u8> {
        let body = &self.body[..self.body.len().min(MAX_SECTION - HEADER - LONG_HEADER - CRC)];
        let length = LONG_HEADER + body.len() + CRC;
        let mut out = vec![self.table_id, 0xB0 | (length >> 8) as u8, length as u8];
        out.extend(self.extension.to_be_bytes());
        out.extend([0xC0 | self.version << 1 | self.current as u8, 0, 0]);
        out.extend(body);
        out.extend(crc32(&out).to_be_bytes());
        out
    }
}

/// Appends the packets that carry `section`, and counts `continuity` on.
pub(crate) fn write_packets(section: &[u8], pid: u16, continuity: &mut u8, out: &mut BytesMut) {
    let mut rest = Vec::with_capacity(1 + section.len());
    rest.push(0); // pointer_field: the section begins right after it
    rest.extend(section);
    let mut rest = rest.as_slice();
    let mut unit_start = true;
    while !rest.is_empty() {
        let head = PacketHead { pid, unit_start, continuity: *continuity, ..PacketHead::default() };
        let mut payload = [STUFFING; crate::packet::MAX_PAYLOAD];
        let taken = rest.len().min(payload.len());
        payload[..taken].copy_from_slice(&rest[..taken]);
        head.write(&payload, out);
        rest = &rest[taken..];
        *continuity = continuity.wrapping_add(1) & 0x0F;
        unit_start = false;
    }
}

/// Puts sections together from the payloads of one PID.
#[derive(Clone, Debug, Default)]
pub(crate) struct SectionAssembler {
    /// What has come of a section, at most [`MAX_SECTION`] bytes.
    partial: Vec<u8>,
}

impl SectionAssembler {
    /// Takes a payload and hands each section that ends in it to `found`, its CRC not yet looked at.
    pub(crate) fn push(&mut self, payload: &[u8], unit_start: bool, mut found: impl FnMut(&[u8])) {
        if !unit_start {
            if !self.partial.is_empty() {
                self.take(payload, &mut found);
            }
            return;
        }
        let Some((pointer, rest)) = payload.split_first() else { return };
        let Some((end_of_last, begin)) = rest.split_at_checked(usize::from(*pointer)) else {
            return self.lose();
        };
        if !self.partial.is_empty() {
            self.take(end_of_last, &mut found);
        }
        self.partial.clear();
        self.take(begin, &mut found);
    }

    /// Packets were lost: what has come is of no use.
    pub(crate) fn lose(&mut self) {
        self.partial.clear();
    }

    /// Takes bytes of which the first goes on with what has come, or begins a section.
    fn take(&mut self, mut bytes: &[u8], found: &mut impl FnMut(&[u8])) {
        while !bytes.is_empty() && (!self.partial.is_empty() || bytes[0] != STUFFING) {
            let wanted = match (self.partial.get(1), self.partial.get(2)) {
                (Some(high), Some(low)) => HEADER + length(*high, *low),
                _ => HEADER,
            };
            let (more, rest) = bytes.split_at(bytes.len().min(wanted.saturating_sub(self.partial.len())));
            self.partial.extend_from_slice(more);
            bytes = rest;
            let complete = match self.partial[..] {
                [_, high, low, ..] => self.partial.len() == HEADER + length(high, low),
                _ => false,
            };
            if complete {
                let mut section = mem::take(&mut self.partial);
                found(&section);
                section.clear();
                self.partial = section;
            }
        }
    }
}

const fn length(high: u8, low: u8) -> usize {
    (high as usize & 0x0F) << 8 | low as usize
}

/// CRC_32 (§ Annex A): polynomial 0x04C11DB7, most significant bit first. Over a whole section it is 0.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| crc << 8 ^ CRC_TABLE[((crc >> 24) as u8 ^ byte) as usize])
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc >> 31 == 1 { crc << 1 ^ 0x04C1_1DB7 } else { crc << 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{PACKET, TsPacket};
    use proptest::prelude::*;

    /// The PAT that ffmpeg writes.
    const PAT: [u8; 16] =
        [0x00, 0xB0, 0x0D, 0x00, 0x01, 0xC1, 0x00, 0x00, 0x00, 0x01, 0xF0, 0x00, 0x2A, 0xB1, 0x04, 0xB2];

    #[test]
    fn the_crc_of_a_real_section() {
        assert_eq!(crc32(&PAT), 0);
        let section = Section::parse(&PAT).unwrap();
        assert_eq!((section.table_id, section.extension, section.version, section.current), (0, 1, 0, true));
        assert_eq!(section.build(), PAT);
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        for bit in 0..PAT.len() * 8 {
            let mut damaged = PAT;
            damaged[bit / 8] ^= 0x80 >> (bit % 8);
            assert_eq!(Section::parse(&damaged), None, "bit {bit}");
        }
    }

    #[test]
    fn two_sections_in_one_packet_and_one_across_two() {
        let (mut assembler, mut found) = (SectionAssembler::default(), Vec::new());
        let mut first = vec![0];
        first.extend(PAT);
        first.extend(&PAT[..2]);
        assembler.push(&first, true, |section| found.push(section.to_vec()));
        let mut second = vec![14];
        second.extend(&PAT[2..]);
        second.extend(PAT);
        second.extend([STUFFING; 5]);
        assembler.push(&second, true, |section| found.push(section.to_vec()));
        assert_eq!(found, [PAT; 3].map(Vec::from));
    }

    proptest! {
        #[test]
        fn sections_of_any_length_pass_through_packets(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1_000), 1..5),
        ) {
            let sections: Vec<_> = bodies.iter().map(|body| {
                Section { table_id: 2, extension: 7, version: 3, current: true, body }.build()
            }).collect();
            let (mut out, mut continuity) = (BytesMut::new(), 0);
            sections.iter().for_each(|section| write_packets(section, 0x1000, &mut continuity, &mut out));
            let (mut assembler, mut found) = (SectionAssembler::default(), Vec::new());
            for packet in out.chunks(PACKET) {
                let packet = TsPacket::parse(packet).unwrap();
                let payload = packet.payload.unwrap();
                assembler.push(payload, packet.unit_start, |section| found.push(section.to_vec()));
            }
            prop_assert_eq!(&found, &sections);
            for (section, body) in found.iter().zip(&bodies) {
                prop_assert_eq!(Section::parse(section).unwrap().body, &body[..]);
            }
        }

        #[test]
        fn any_payload_is_taken(
            payloads in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..184)), 0..60),
        ) {
            let mut assembler = SectionAssembler::default();
            for (unit_start, payload) in payloads {
                assembler.push(&payload, unit_start, |section| { let _ = Section::parse(section); });
                prop_assert!(assembler.partial.len() <= MAX_SECTION);
            }
        }
    }
}
