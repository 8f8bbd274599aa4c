//! Opus headers: OpusHead (RFC 7845 §5.1) and the table of contents byte (RFC 6716 §3.1).

use bytes::{BufMut, Bytes, BytesMut};

/// The rate that Opus always counts in, Hz.
pub const RATE: u32 = 48_000;

/// The identification header of channel mapping family 0 (mono, stereo).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpusHead {
    /// 1 or 2 in family 0; more in the others.
    pub channels: u8,
    /// Samples at 48 kHz to drop from the start.
    pub pre_skip: u16,
    /// The rate of the sound before coding, for information.
    pub input_rate: u32,
    /// Channel mapping family.
    pub family: u8,
}

impl OpusHead {
    /// Reads a header; `None` where it is none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let head: &[u8; 19] = bytes.first_chunk()?;
        let right = head.starts_with(b"OpusHead") && head[8] < 16 && head[9] > 0;
        right.then_some(Self {
            channels: head[9],
            pre_skip: u16::from_le_bytes([head[10], head[11]]),
            input_rate: u32::from_le_bytes([head[12], head[13], head[14], head[15]]),
            family: head[18],
        })
    }

    /// Writes a header of family 0.
    pub fn build(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(19);
        out.put_slice(b"OpusHead\x01");
        out.put_u8(self.channels);
        out.put_u16_le(self.pre_skip);
        out.put_u32_le(self.input_rate);
        out.put_i16_le(0); // output gain
        out.put_u8(0);
        out.freeze()
    }
}

/// Samples at 48 kHz in a packet; `None` for one that breaks the rules (RFC 6716 §3.4: at most 120 ms).
pub fn packet_samples(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let frame = match toc >> 3 {
        config @ 0..12 => [480, 960, 1_920, 2_880][usize::from(config & 3)],
        config @ 12..16 => [480, 960][usize::from(config & 1)],
        config => [120, 240, 480, 960][usize::from(config & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3F),
    };
    let samples = frame * frames;
    (1..=5_760).contains(&samples).then_some(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_reads_back() {
        let head = OpusHead { channels: 2, pre_skip: 312, input_rate: 44_100, family: 0 };
        assert_eq!(OpusHead::parse(&head.build()), Some(head));
    }

    #[test]
    fn durations_of_the_usual_packets() {
        assert_eq!(packet_samples(&[0xFC]), Some(960)); // CELT fullband 20 ms
        assert_eq!(packet_samples(&[0x0B, 3]), Some(2_880)); // SILK 20 ms, three frames
        assert_eq!(packet_samples(&[0x1B, 63]), None);
    }
}
