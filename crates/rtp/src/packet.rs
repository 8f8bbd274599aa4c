//! RTP packets (RFC 3550 §5.1).

use bytes::{BufMut, Bytes, BytesMut};

use crate::{Error, Result};

/// The header without contributing sources and extension, in bytes.
pub const HEADER: usize = 12;
const VERSION: u8 = 2;

/// An RTP packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RtpPacket {
    /// What the payload is: 0 to 127, by RFC 3551 or by the session's description.
    pub payload_type: u8,
    /// The last packet of a picture; the first of sound after silence.
    pub marker: bool,
    /// Counts packets, and wraps.
    pub sequence: u16,
    /// When the payload's first sample was sampled, in ticks of the payload's clock; begins anywhere, and wraps.
    pub timestamp: u32,
    /// Who sends.
    pub ssrc: u32,
    /// The media, without padding.
    pub payload: Bytes,
}

impl RtpPacket {
    /// Reads a packet. Contributing sources and header extensions are passed over.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for what is no RTP of version 2, or ends within what its header says.
    pub fn parse(datagram: &Bytes) -> Result<Self> {
        let bad = |at, what| Err(Error::invalid("rtp", at, what));
        let Some(header) = datagram.first_chunk::<HEADER>() else {
            return bad(datagram.len(), "the header is cut short");
        };
        if header[0] >> 6 != VERSION {
            return bad(0, "not version 2");
        }
        let mut start = HEADER + 4 * usize::from(header[0] & 0x0F);
        if header[0] & 0x10 != 0 {
            let Some(extension) = datagram.get(start..start + 4) else {
                return bad(start, "the header extension is cut short");
            };
            start += 4 + 4 * usize::from(u16::from_be_bytes([extension[2], extension[3]]));
        }
        let padding = match (header[0] & 0x20, datagram.last()) {
            (0, _) | (_, None) => 0,
            (_, Some(0)) => return bad(datagram.len() - 1, "padding of no length"),
            (_, Some(padding)) => usize::from(*padding),
        };
        let end = datagram.len().checked_sub(padding).filter(|end| *end >= start);
        let Some(end) = end else { return bad(start, "the header or the padding is longer than the packet") };
        Ok(Self {
            payload_type: header[1] & 0x7F,
            marker: header[1] & 0x80 != 0,
            sequence: u16::from_be_bytes([header[2], header[3]]),
            timestamp: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            ssrc: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
            payload: datagram.slice(start..end),
        })
    }

    /// Writes the packet, without padding, contributing sources and extension.
    pub fn write(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(HEADER + self.payload.len());
        out.put_u8(VERSION << 6);
        out.put_u8(u8::from(self.marker) << 7 | self.payload_type & 0x7F);
        out.put_u16(self.sequence);
        out.put_u32(self.timestamp);
        out.put_u32(self.ssrc);
        out.put_slice(&self.payload);
        out.freeze()
    }
}

/// Whether a datagram on a port that RTP and RTCP share is RTCP (RFC 5761 §4).
pub fn is_rtcp(datagram: &[u8]) -> bool {
    datagram.get(1).is_some_and(|kind| (192..=223).contains(kind))
}

/// A 16 or 32 bit counter that wraps, as one that does not.
///
/// Each value is taken for the one nearest to the last that was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unwrap {
    last: Option<i64>,
}

impl Unwrap {
    /// The next value of a 16-bit counter.
    pub fn sequence(&mut self, value: u16) -> i64 {
        let last = *self.last.get_or_insert(i64::from(value));
        let step = value.wrapping_sub(last as u16) as i16;
        self.step(last, step.into())
    }

    /// The next value of a 32-bit counter.
    pub fn timestamp(&mut self, value: u32) -> i64 {
        let last = *self.last.get_or_insert(i64::from(value));
        let step = value.wrapping_sub(last as u32) as i32;
        self.step(last, step.into())
    }

    fn step(&mut self, last: i64, step: i64) -> i64 {
        // 2^32 ticks a nanosecond for 68 years don't reach the end of this.
        let next = last.saturating_add(step);
        self.last = Some(next);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn extensions_sources_and_padding_are_passed_over() {
        let mut packet = vec![0x80 | 0x20 | 0x10 | 1, 0x80 | 96, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4];
        packet.extend([9, 9, 9, 9]); // a contributing source
        packet.extend([0xBE, 0xDE, 0, 1, 1, 2, 3, 4]); // an extension
        packet.extend(b"media");
        packet.extend([0, 0, 3]); // padding
        let read = RtpPacket::parse(&packet.into()).unwrap();
        assert_eq!((read.payload_type, read.marker, read.sequence, read.timestamp), (96, true, 7, 9));
        assert_eq!((read.ssrc, &read.payload[..]), (0x0102_0304, b"media".as_slice()));
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        for bad in [
            &[0x80, 0, 0][..],
            &[0x40; 12],
            &[0x8F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            &[0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            &[0xA0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 200],
            &[0xA0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert!(RtpPacket::parse(&Bytes::copy_from_slice(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn counters_go_on_past_their_ends_and_back() {
        let mut sequence = Unwrap::default();
        let seen: Vec<i64> =
            [65_534, 65_535, 0, 65_533, 1].into_iter().map(|value| sequence.sequence(value)).collect();
        assert_eq!(seen, [65_534, 65_535, 65_536, 65_533, 65_537]);
        let mut timestamp = Unwrap::default();
        assert_eq!(timestamp.timestamp(u32::MAX - 159), i64::from(u32::MAX) - 159);
        assert_eq!(timestamp.timestamp(0), 1 << 32);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            payload_type in 0u8..128, marker: bool, sequence: u16, timestamp: u32, ssrc: u32,
            payload in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let packet = RtpPacket { payload_type, marker, sequence, timestamp, ssrc, payload: payload.into() };
            prop_assert_eq!(RtpPacket::parse(&packet.write()).unwrap(), packet);
        }

        #[test]
        fn damage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = RtpPacket::parse(&bytes.into());
        }
    }
}
