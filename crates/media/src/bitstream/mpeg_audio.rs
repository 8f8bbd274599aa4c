//! Headers of MPEG audio frames, layers II and III (ISO/IEC 11172-3 §2.4.1.3, 13818-3 §2.4.1.3).

/// What a frame header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MpegAudioHeader {
    /// 2 or 3.
    pub layer: u8,
    /// Samples of each channel in a second.
    pub rate: u32,
    /// 1 or 2.
    pub channels: u8,
    /// bit/s.
    pub bit_rate: u32,
    /// Bytes of the frame, header included.
    pub frame_bytes: usize,
    /// Samples of each channel in the frame.
    pub samples: u32,
}

impl MpegAudioHeader {
    /// Reads the 4 bytes of a header; `None` where they are none, are of layer I or of free format.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let head: &[u8; 4] = bytes.first_chunk()?;
        if head[0] != 0xFF || head[1] & 0xE0 != 0xE0 {
            return None;
        }
        let (version, layer) = (head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3));
        let (rate_shift, low_rates) = match version {
            3 => (0, false),
            2 => (1, true),
            0 => (2, true),
            _ => return None,
        };
        let kilobits = match (layer, low_rates) {
            (2, false) => [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0],
            (3, false) => [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0],
            (2 | 3, true) => [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0],
            _ => return None,
        };
        let bit_rate = 1_000 * kilobits[usize::from(head[2] >> 4)];
        let rate = [44_100u32, 48_000, 32_000].get(usize::from(head[2] >> 2 & 3))? >> rate_shift;
        let samples = if layer == 3 && low_rates { 576 } else { 1_152 };
        let padding = u32::from(head[2] >> 1 & 1);
        let frame_bytes = (samples / 8 * bit_rate / rate + padding) as usize;
        let channels = if head[3] >> 6 == 3 { 1 } else { 2 };
        (bit_rate > 0).then_some(Self { layer, rate, channels, bit_rate, frame_bytes, samples })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_128_kbit_frame_at_44100() {
        let header = MpegAudioHeader::parse(&[0xFF, 0xFB, 0x90, 0x64]).unwrap();
        assert_eq!((header.layer, header.rate, header.channels), (3, 44_100, 2));
        assert_eq!((header.bit_rate, header.frame_bytes, header.samples), (128_000, 417, 1_152));
    }

    #[test]
    fn a_24_khz_frame_has_576_samples() {
        let header = MpegAudioHeader::parse(&[0xFF, 0xF3, 0x84, 0xC4]).unwrap();
        assert_eq!((header.rate, header.channels, header.samples, header.frame_bytes), (24_000, 1, 576, 192));
    }
}
