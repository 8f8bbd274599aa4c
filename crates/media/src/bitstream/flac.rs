//! FLAC's STREAMINFO and frame headers (RFC 9639 §8.2, §9.1).

use bytes::{BufMut, Bytes, BytesMut};

/// What STREAMINFO says. 0 is "not known", of all but blocks, rate, channels and bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamInfo {
    /// Samples of the shortest block but the last.
    pub min_block: u16,
    /// Samples of the longest block.
    pub max_block: u16,
    /// Bytes of the shortest frame.
    pub min_frame: u32,
    /// Bytes of the longest frame.
    pub max_frame: u32,
    /// Hz.
    pub rate: u32,
    /// 1 to 8.
    pub channels: u8,
    /// Bits of a sample, 4 to 32.
    pub bits: u8,
    /// Samples of each channel in the whole stream.
    pub samples: u64,
    /// MD5 of the samples, interleaved and little-endian.
    pub md5: [u8; 16],
}

impl StreamInfo {
    /// Its bytes, without the header of a metadata block.
    pub const BYTES: usize = 34;

    /// Reads it; `None` where it is none. A metadata block's header, and `fLaC` before that, may stand before it.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(b"fLaC").unwrap_or(bytes);
        let bytes = if bytes.len() > Self::BYTES { bytes.get(4..)? } else { bytes };
        let info: &[u8; Self::BYTES] = bytes.first_chunk()?;
        let word = |at: usize| u32::from_be_bytes([info[at], info[at + 1], info[at + 2], info[at + 3]]);
        let mut md5 = [0; 16];
        md5.copy_from_slice(&info[18..]);
        let known = Self {
            min_block: u16::from_be_bytes([info[0], info[1]]),
            max_block: u16::from_be_bytes([info[2], info[3]]),
            min_frame: word(4) >> 8,
            max_frame: word(7) >> 8,
            rate: word(10) >> 12,
            channels: (info[12] >> 1 & 7) + 1,
            bits: ((info[12] & 1) << 4 | info[13] >> 4) + 1,
            samples: u64::from(info[13] & 15) << 32 | u64::from(word(14)),
            md5,
        };
        (known.rate > 0 && known.max_block >= 16 && known.bits >= 4).then_some(known)
    }

    /// Writes it, without the header of a metadata block.
    pub fn build(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(Self::BYTES);
        out.put_u16(self.min_block);
        out.put_u16(self.max_block);
        out.put_uint(u64::from(self.min_frame.min(0xFF_FFFF)), 3);
        out.put_uint(u64::from(self.max_frame.min(0xFF_FFFF)), 3);
        let samples = if self.samples < 1 << 36 { self.samples } else { 0 };
        out.put_u64(
            u64::from(self.rate & 0xF_FFFF) << 44
                | u64::from(self.channels.clamp(1, 8) - 1) << 41
                | u64::from(self.bits.clamp(4, 32) - 1) << 36
                | samples,
        );
        out.put_slice(&self.md5);
        out.freeze()
    }
}

/// What a frame header says. Rate and bits are `None` where STREAMINFO is to be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FlacFrameHeader {
    /// Samples of each channel in the frame.
    pub samples: u32,
    /// Hz.
    pub rate: Option<u32>,
    /// 1 to 8.
    pub channels: u8,
    /// Bits of a sample.
    pub bits: Option<u8>,
    /// The number of the frame or, where blocks differ in length, of its first sample.
    pub number: u64,
    /// Whether blocks differ in length.
    pub variable: bool,
    /// Bytes of the header, its checksum included.
    pub bytes: usize,
}

impl FlacFrameHeader {
    /// The most bytes of a header.
    pub const MAX_BYTES: usize = 16;

    /// Reads the header at the start of `bytes`; `None` where there is none, or its checksum is wrong.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let head: &[u8; 4] = bytes.first_chunk()?;
        if head[0] != 0xFF || head[1] & 0xFE != 0xF8 || head[3] & 1 != 0 {
            return None;
        }
        let (number, mut at) = coded_number(bytes.get(4..)?)?;
        at += 4;
        let mut take = |count: usize| {
            let part = bytes.get(at..at + count)?;
            at += count;
            Some(part.iter().fold(0u32, |value, byte| value << 8 | u32::from(*byte)))
        };
        let samples = match head[2] >> 4 {
            0 => return None,
            1 => 192,
            code @ 2..=5 => 144 << code,
            6 => take(1)? + 1,
            7 => take(2)? + 1,
            code => 1 << code,
        };
        let rate = match head[2] & 15 {
            0 => None,
            code @ 1..=11 => Some(
                [88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000]
                    [usize::from(code) - 1],
            ),
            12 => Some(take(1)? * 1_000),
            13 => Some(take(2)?),
            14 => Some(take(2)? * 10),
            _ => return None,
        };
        let channels = match head[3] >> 4 {
            code @ 0..8 => code + 1,
            8..=10 => 2,
            _ => return None,
        };
        let bits = match head[3] >> 1 & 7 {
            0 => None,
            3 => return None,
            code => Some([8, 12, 0, 16, 20, 24, 32][usize::from(code) - 1]),
        };
        let sum = *bytes.get(at)?;
        let right = crc8(&bytes[..at]) == sum && rate != Some(0);
        let variable = head[1] & 1 == 1;
        right.then_some(Self { samples, rate, channels, bits, number, variable, bytes: at + 1 })
    }
}

/// The number that UTF-8's scheme codes, in up to 7 bytes, and how many they are.
fn coded_number(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let length = match first.leading_ones() {
        0 => return Some((u64::from(first), 1)),
        ones @ 2..=7 => ones as usize,
        _ => return None,
    };
    let mut number = u64::from(first) & ((1u64 << (7 - length)) - 1);
    for byte in bytes.get(1..length)? {
        if byte & 0xC0 != 0x80 {
            return None;
        }
        number = number << 6 | u64::from(byte & 0x3F);
    }
    Some((number, length))
}

/// x⁸ + x² + x + 1.
fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc: u8, _| if crc & 0x80 != 0 { crc << 1 ^ 0x07 } else { crc << 1 })
    })
}

/// The checksum that ends a frame: x¹⁶ + x¹⁵ + x² + 1 over all bytes before it; 0 over a whole frame.
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| crc16_step(sum, *byte))
}

/// One byte more in a [`crc16`].
pub const fn crc16_step(sum: u16, byte: u8) -> u16 {
    sum << 8 ^ CRC16[((sum >> 8) as u8 ^ byte) as usize]
}

const CRC16: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 0x8000 != 0 { sum << 1 ^ 0x8005 } else { sum << 1 };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stream_info_reads_back(
            min_block in 16u16.., max_block in 16u16.., min_frame in 0u32..1 << 24, max_frame in 0u32..1 << 24,
            rate in 1u32..1 << 20, channels in 1u8..=8, bits in 4u8..=32, samples in 0u64..1 << 36, md5: [u8; 16],
        ) {
            let info =
                StreamInfo { min_block, max_block, min_frame, max_frame, rate, channels, bits, samples, md5 };
            let bytes = info.build();
            prop_assert_eq!(StreamInfo::parse(&bytes), Some(info));
            prop_assert_eq!(StreamInfo::parse(&[b"fLaC\x80\0\0\x22", &bytes[..]].concat()), Some(info));
        }

        #[test]
        fn any_bytes_are_a_header_or_none(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = (FlacFrameHeader::parse(&bytes), StreamInfo::parse(&bytes));
        }
    }

    #[test]
    fn a_header_of_ffmpeg() {
        // 44.1 kHz, stereo (mid and side), 16 bits, block 3 of 4096.
        let mut bytes = vec![0xFF, 0xF8, 0xC9, 0xA8, 0x03];
        bytes.push(crc8(&bytes));
        let header = FlacFrameHeader::parse(&bytes).unwrap();
        assert_eq!((header.samples, header.rate, header.channels), (4_096, Some(44_100), 2));
        assert_eq!((header.bits, header.number, header.bytes), (Some(16), 3, 6));
        bytes[4] = 4;
        assert_eq!(FlacFrameHeader::parse(&bytes), None);
    }

    #[test]
    fn long_numbers() {
        assert_eq!(coded_number(&[0xC2, 0x80]), Some((128, 2)));
        assert_eq!(coded_number(&[0xFE, 0xBF, 0xBF, 0xBF, 0xBF, 0xBF, 0xBF]), Some(((1 << 36) - 1, 7)));
        assert_eq!(coded_number(&[0x80]), None);
    }
}
