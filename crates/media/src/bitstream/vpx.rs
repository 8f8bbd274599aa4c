//! VPCodecConfigurationRecord (VP Codec ISO Media File Format Binding, "VP Codec Configuration Record"), without the
//! version and flags that stand before it in a box.

use super::h264::matrix_from_code;
use crate::{Color, PixelFormat, Range};

/// What MP4 and FLV say of VP8 and VP9 out of band.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VpConfig {
    /// 0 to 3.
    pub profile: u8,
    /// Ten times the level: 31 for 3.1; 10 where it is not known.
    pub level: u8,
    /// Bits of a sample.
    pub bit_depth: u8,
    /// 0 and 1 for 4:2:0, 2 for 4:2:2, 3 for 4:4:4.
    pub subsampling: u8,
    /// Whether black is 0.
    pub full_range: bool,
    /// Colour primaries, transfer and matrix by their numbers in ISO/IEC 23091-2; 2 where not known.
    pub color: [u8; 3],
}

impl VpConfig {
    /// Bytes of the record; codec-specific data, which VP8 and VP9 have none of, might follow.
    pub const BYTES: usize = 8;

    /// Of pictures of `format`, of which nothing else is known.
    pub const fn of(format: Option<PixelFormat>) -> Self {
        let (profile, bit_depth, subsampling) = match format {
            Some(PixelFormat::Yuv422p) => (1, 8, 2),
            Some(PixelFormat::Yuv444p) => (1, 8, 3),
            Some(PixelFormat::Yuv420p10) => (2, 10, 1),
            Some(PixelFormat::Yuv422p10) => (3, 10, 2),
            _ => (0, 8, 1),
        };
        Self { profile, level: 10, bit_depth, subsampling, full_range: false, color: [2; 3] }
    }

    /// Reads a record; `None` where it is too short.
    pub fn parse(record: &[u8]) -> Option<Self> {
        let [profile, level, depth, primaries, transfer, matrix, ..] =
            *record.first_chunk::<{ Self::BYTES }>()?;
        Some(Self {
            profile,
            level,
            bit_depth: depth >> 4,
            subsampling: depth >> 1 & 7,
            full_range: depth & 1 == 1,
            color: [primaries, transfer, matrix],
        })
    }

    /// Writes the record.
    pub const fn build(&self) -> [u8; Self::BYTES] {
        let [primaries, transfer, matrix] = self.color;
        let depth = self.bit_depth << 4 | (self.subsampling & 7) << 1 | self.full_range as u8;
        [self.profile, self.level, depth, primaries, transfer, matrix, 0, 0]
    }

    /// What its pictures decode to; `None` where there is no such format here.
    pub const fn pixel_format(&self) -> Option<PixelFormat> {
        match (self.bit_depth, self.subsampling) {
            (8, 0 | 1) => Some(PixelFormat::Yuv420p),
            (8, 2) => Some(PixelFormat::Yuv422p),
            (8, 3) => Some(PixelFormat::Yuv444p),
            (10, 0 | 1) => Some(PixelFormat::Yuv420p10),
            (10, 2) => Some(PixelFormat::Yuv422p10),
            _ => None,
        }
    }

    /// What luma and chroma mean.
    pub fn color(&self) -> Color {
        Color {
            range: if self.full_range { Range::Full } else { Range::Limited },
            matrix: matrix_from_code(u32::from(self.color[2])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;

    #[test]
    fn a_record_reads_back() {
        let record = [2, 31, 0xA3, 9, 16, 9, 0, 0];
        let config = VpConfig::parse(&record).unwrap();
        assert_eq!(config.build(), record);
        assert_eq!(config.pixel_format(), Some(PixelFormat::Yuv420p10));
        assert_eq!((config.color().matrix, config.color().range), (Matrix::Bt2020, Range::Full));
        assert_eq!(VpConfig::parse(&record[..7]), None);
    }

    #[test]
    fn each_format_has_a_record() {
        for format in [
            PixelFormat::Yuv420p,
            PixelFormat::Yuv422p,
            PixelFormat::Yuv444p,
            PixelFormat::Yuv420p10,
            PixelFormat::Yuv422p10,
        ] {
            assert_eq!(VpConfig::of(Some(format)).pixel_format(), Some(format));
        }
    }
}
