//! A picture.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::pool::{ALIGN, Buffer, FramePool};
use crate::{Color, Error, PixelFormat, Rational, Result, TimeBase};

/// The largest width and height that is taken from outside: 16 × the area of 4K.
const MAX_SIDE: u32 = 16_384;
/// The largest picture in pixels: 8192 × 8192.
const MAX_PIXELS: u64 = 8_192 * 8_192;

/// One picture: planes of rows, each row starting on a 64-byte boundary. Cloning shares the samples.
#[derive(Clone)]
pub struct VideoFrame {
    format: PixelFormat,
    width: u32,
    height: u32,
    planes: [Plane; 3],
    buffer: Arc<Buffer>,
    /// Presentation time in ticks of `time_base`.
    pub pts: i64,
    /// How long it is shown, in ticks of `time_base`; 0 where that is not known.
    pub duration: i64,
    /// The clock of `pts` and `duration`.
    pub time_base: TimeBase,
    /// What its luma and chroma mean.
    pub color: Color,
    /// Width over height of one sample; 1/1 for square ones.
    pub sample_aspect: Rational,
    /// Whether it was decoded from a key frame; for an encoder, whether one is wanted here.
    pub key: bool,
}

#[derive(Clone, Copy, Default)]
struct Plane {
    start: usize,
    stride: usize,
    rows: usize,
}

impl VideoFrame {
    /// A picture of unspecified content, at pts 0 of a microsecond clock.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] for a side over 16384 or over 67 million pixels, [`Error::Usage`] for an empty picture.
    pub fn new(pool: &FramePool, format: PixelFormat, width: u32, height: u32) -> Result<Self> {
        Self::check_size(width, height)?;
        let mut planes = [Plane::default(); 3];
        let mut len = 0;
        for (index, plane) in planes.iter_mut().enumerate().take(format.planes()) {
            let stride = format.row_bytes(index, width).next_multiple_of(ALIGN);
            *plane = Plane { start: len, stride, rows: format.rows(index, height) };
            len += stride * plane.rows;
        }
        Ok(Self {
            format,
            width,
            height,
            planes,
            buffer: Arc::new(pool.take(len)),
            pts: 0,
            duration: 0,
            time_base: TimeBase::MICROS,
            color: Color::default(),
            sample_aspect: Rational::ONE,
            key: false,
        })
    }

    /// Refuses a size that [`VideoFrame::new`] would refuse; for parsers, before anything is allocated.
    pub fn check_size(width: u32, height: u32) -> Result<()> {
        if width == 0 || height == 0 {
            return Err(Error::Usage(format!("a picture of {width}x{height} has no pixels")));
        }
        Error::check_limit("video", "picture width", width.into(), MAX_SIDE.into())?;
        Error::check_limit("video", "picture height", height.into(), MAX_SIDE.into())?;
        Error::check_limit("video", "picture area", u64::from(width) * u64::from(height), MAX_PIXELS)
    }

    /// A picture from the bytes of one `rawvideo` frame: planes in order, rows without padding.
    ///
    /// # Errors
    ///
    /// As [`VideoFrame::new`]; [`Error::Usage`] where `bytes` is not exactly one picture.
    pub fn from_raw(
        pool: &FramePool,
        format: PixelFormat,
        width: u32,
        height: u32,
        bytes: &[u8],
    ) -> Result<Self> {
        let mut frame = Self::new(pool, format, width, height)?;
        let expected = format.picture_bytes(width, height);
        if bytes.len() != expected {
            let found = bytes.len();
            return Err(Error::Usage(format!(
                "a {format} picture of {width}x{height} is {expected} bytes, not {found}"
            )));
        }
        let mut rest = bytes;
        for (index, plane) in frame.planes_mut().into_iter().enumerate().take(format.planes()) {
            let row_bytes = format.row_bytes(index, width);
            let stride = row_bytes.next_multiple_of(ALIGN);
            for row in plane.chunks_exact_mut(stride) {
                let (now, later) = rest.split_at(row_bytes);
                row[..row_bytes].copy_from_slice(now);
                rest = later;
            }
        }
        Ok(frame)
    }

    /// Appends the bytes of one `rawvideo` frame: planes in order, rows without padding.
    pub fn write_raw(&self, out: &mut Vec<u8>) {
        out.reserve(self.format.picture_bytes(self.width, self.height));
        for plane in 0..self.format.planes() {
            for row in self.rows(plane) {
                out.extend_from_slice(row);
            }
        }
    }

    /// The pixel format.
    pub const fn format(&self) -> PixelFormat {
        self.format
    }

    /// Pixels in a row.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// Bytes from one row of `plane` to the next, a multiple of 64.
    pub const fn stride(&self, plane: usize) -> usize {
        self.planes[plane].stride
    }

    /// All rows of `plane`, each [`VideoFrame::stride`] bytes. Panics where the format has no such plane.
    pub fn plane(&self, plane: usize) -> &[u8] {
        let Plane { start, stride, rows } = self.planes[plane];
        &self.buffer.bytes()[start..start + stride * rows]
    }

    /// The rows of `plane` without their padding.
    pub fn rows(&self, plane: usize) -> impl Iterator<Item = &[u8]> {
        let row_bytes = self.format.row_bytes(plane, self.width);
        // A picture has at least one column, so the stride of a plane that exists is not 0.
        self.plane(plane).chunks_exact(self.stride(plane)).map(move |row| &row[..row_bytes])
    }

    /// The planes, to be written; those that the format lacks are empty. Copies the picture first where it
    /// is shared.
    pub fn planes_mut(&mut self) -> [&mut [u8]; 3] {
        let [_, second, third] = self.planes;
        let first_len = self.planes[0].stride * self.planes[0].rows;
        let bytes = Arc::make_mut(&mut self.buffer).bytes_mut();
        let (y, rest) = bytes.split_at_mut(first_len);
        let (u, rest) = rest.split_at_mut(second.stride * second.rows);
        let (v, _) = rest.split_at_mut(third.stride * third.rows);
        [y, u, v]
    }
}

impl fmt::Debug for VideoFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { format, width, height, pts, time_base, .. } = self;
        write!(f, "VideoFrame({format} {width}x{height}, pts {pts} of {time_base})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_bytes_go_in_and_come_out() {
        let pool = FramePool::new();
        for format in PixelFormat::ALL {
            let raw: Vec<u8> = (0..format.picture_bytes(5, 3)).map(|i| i as u8).collect();
            let frame = VideoFrame::from_raw(&pool, format, 5, 3, &raw).unwrap();
            let mut out = Vec::new();
            frame.write_raw(&mut out);
            assert_eq!(out, raw, "{format}");
        }
    }

    #[test]
    fn writing_a_shared_picture_leaves_the_other_alone() {
        let mut frame = VideoFrame::from_raw(&FramePool::new(), PixelFormat::Gray8, 1, 1, &[7]).unwrap();
        let other = frame.clone();
        frame.planes_mut()[0][0] = 9;
        assert_eq!((frame.plane(0)[0], other.plane(0)[0]), (9, 7));
    }

    #[test]
    fn forged_sizes_are_refused_before_memory_is_taken() {
        assert!(VideoFrame::check_size(16_384, 16_384).is_err());
        assert!(VideoFrame::check_size(0, 1).is_err());
        assert!(VideoFrame::check_size(7_680, 4_320).is_ok());
    }
}
