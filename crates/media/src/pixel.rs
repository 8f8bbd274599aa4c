//! Pixel formats and colour, under ffmpeg's names.

use alloc::format;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use crate::Error;

/// How the samples of a picture are laid out in memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum PixelFormat {
    /// 8-bit luma only.
    Gray8,
    /// R, G, B bytes, packed.
    Rgb24,
    /// B, G, R bytes, packed.
    Bgr24,
    /// R, G, B, A bytes, packed.
    Rgba,
    /// B, G, R, A bytes, packed.
    Bgra,
    /// Planes Y, U, V; U and V half as wide and half as high.
    Yuv420p,
    /// Planes Y, U, V; U and V half as wide.
    Yuv422p,
    /// Planes Y, U, V of one size.
    Yuv444p,
    /// Plane Y, then a plane of U, V pairs half as wide and half as high.
    Nv12,
    /// [`PixelFormat::Yuv420p`] in 10 bits, each sample in two bytes, little-endian.
    Yuv420p10,
    /// [`PixelFormat::Yuv422p`] in 10 bits, each sample in two bytes, little-endian.
    Yuv422p10,
}

use PixelFormat::*;

impl PixelFormat {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 11] =
        [Yuv420p, Yuv422p, Yuv444p, Nv12, Rgb24, Bgr24, Rgba, Bgra, Gray8, Yuv420p10, Yuv422p10];

    /// ffmpeg's name.
    pub const fn name(self) -> &'static str {
        match self {
            Gray8 => "gray",
            Rgb24 => "rgb24",
            Bgr24 => "bgr24",
            Rgba => "rgba",
            Bgra => "bgra",
            Yuv420p => "yuv420p",
            Yuv422p => "yuv422p",
            Yuv444p => "yuv444p",
            Nv12 => "nv12",
            Yuv420p10 => "yuv420p10le",
            Yuv422p10 => "yuv422p10le",
        }
    }

    /// Number of planes, 1 to 3.
    pub const fn planes(self) -> usize {
        match self {
            Gray8 | Rgb24 | Bgr24 | Rgba | Bgra => 1,
            Nv12 => 2,
            Yuv420p | Yuv422p | Yuv444p | Yuv420p10 | Yuv422p10 => 3,
        }
    }

    /// Samples of a pixel that have a meaning: 1, 3 or 4.
    pub const fn components(self) -> u32 {
        match self {
            Gray8 => 1,
            Rgba | Bgra => 4,
            _ => 3,
        }
    }

    /// Average bits that one pixel takes without padding.
    pub const fn bits_per_pixel(self) -> u32 {
        match self {
            Gray8 => 8,
            Yuv420p | Nv12 => 12,
            Yuv422p => 16,
            Rgb24 | Bgr24 | Yuv444p => 24,
            Rgba | Bgra => 32,
            Yuv420p10 => 24,
            Yuv422p10 => 32,
        }
    }

    /// Whether the samples are luma and chroma rather than red, green and blue.
    pub const fn is_yuv(self) -> bool {
        !matches!(self, Rgb24 | Bgr24 | Rgba | Bgra)
    }

    /// By how many bits chroma is narrower and lower than luma: (1, 1) for 4:2:0.
    pub const fn chroma_shift(self) -> (u32, u32) {
        match self {
            Yuv420p | Nv12 | Yuv420p10 => (1, 1),
            Yuv422p | Yuv422p10 => (1, 0),
            _ => (0, 0),
        }
    }

    /// Bytes in one row of `plane` of a picture `width` pixels wide, without padding.
    pub const fn row_bytes(self, plane: usize, width: u32) -> usize {
        let width = width as usize;
        let chroma = width.div_ceil(1 << self.chroma_shift().0);
        match (self, plane) {
            (Rgb24 | Bgr24, _) => width * 3,
            (Rgba | Bgra, _) => width * 4,
            (Nv12, 1) => chroma * 2,
            (Yuv420p10 | Yuv422p10, 0) => width * 2,
            (Yuv420p10 | Yuv422p10, _) => chroma * 2,
            (_, 0) => width,
            _ => chroma,
        }
    }

    /// Rows in `plane` of a picture `height` pixels high.
    pub const fn rows(self, plane: usize, height: u32) -> usize {
        if plane == 0 { height as usize } else { (height as usize).div_ceil(1 << self.chroma_shift().1) }
    }

    /// Bytes of a whole picture without padding: one frame of `-f rawvideo`.
    pub const fn picture_bytes(self, width: u32, height: u32) -> usize {
        let (mut bytes, mut plane) = (0, 0);
        while plane < self.planes() {
            bytes += self.row_bytes(plane, width) * self.rows(plane, height);
            plane += 1;
        }
        bytes
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PixelFormat {
    type Err = Error;

    /// Takes ffmpeg's names, and `gray8`, `yuvj420p`-like names without their range.
    fn from_str(name: &str) -> Result<Self, Error> {
        let known = match name {
            "gray8" => "gray",
            "yuvj420p" => "yuv420p",
            "yuvj422p" => "yuv422p",
            "yuvj444p" => "yuv444p",
            "yuv420p10" => "yuv420p10le",
            "yuv422p10" => "yuv422p10le",
            other => other,
        };
        Self::ALL.into_iter().find(|format| format.name() == known).ok_or_else(|| {
            let all: Vec<_> = Self::ALL.iter().map(|format| format.name()).collect();
            Error::unsupported(format!("pixel format '{name}'"), all.join(", "))
        })
    }
}

/// Which values are black and white.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Range {
    /// Luma 16..=235: television; what H.264 means where it says nothing.
    #[default]
    Limited,
    /// 0..=255.
    Full,
}

/// How luma and chroma are made of red, green and blue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Matrix {
    /// Not said. Taken for BT.601 by every conversion, as ffmpeg's scaler does.
    #[default]
    Unspecified,
    /// ITU-R BT.601.
    Bt601,
    /// ITU-R BT.709.
    Bt709,
    /// ITU-R BT.2020, non-constant luminance.
    Bt2020,
}

/// What the numbers of a Y'CbCr picture mean. RGB pictures are always full range.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Color {
    /// Black and white levels.
    pub range: Range,
    /// The matrix.
    pub matrix: Matrix,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_sizes_round_chroma_up() {
        assert_eq!(Yuv420p.picture_bytes(5, 3), 5 * 3 + 2 * 3 * 2);
        assert_eq!(Nv12.picture_bytes(5, 3), 5 * 3 + 6 * 2);
        assert_eq!(Yuv422p10.picture_bytes(5, 3), 10 * 3 + 2 * 6 * 3);
    }

    #[test]
    fn every_name_reads_back() {
        for format in PixelFormat::ALL {
            assert_eq!(format.name().parse(), Ok(format));
        }
        assert!("yuv410p".parse::<PixelFormat>().unwrap_err().to_string().contains("supported: yuv420p"));
    }
}
