//! A picture as it comes, in the pixel format that is asked for.

use brooklet_convert::{VideoConverter, VideoTarget};
use brooklet_media::{FramePool, PixelFormat, Result, Timestamp, VideoFrame};

/// A picture on its way through a [`Processor`](super::Processor). Nothing is converted until one of its formats is asked
/// for, and nothing at all where it has that format already: a camera's is `yuv420p`.
#[derive(Debug)]
pub struct Picture<'a> {
    frame: VideoFrame,
    converters: &'a mut Converters,
}

impl<'a> Picture<'a> {
    pub(crate) const fn new(frame: VideoFrame, converters: &'a mut Converters) -> Self {
        Self { frame, converters }
    }

    /// Pixels in a row.
    pub const fn width(&self) -> u32 {
        self.frame.width()
    }

    /// Rows.
    pub const fn height(&self) -> u32 {
        self.frame.height()
    }

    /// When it was taken, on a clock that begins with the session.
    pub fn at(&self) -> Timestamp {
        self.frame.time_base.at(self.frame.pts)
    }

    /// As it is, without any conversion.
    pub fn unchanged(self) -> VideoFrame {
        self.frame
    }

    /// As bytes R, G, B.
    ///
    /// # Errors
    ///
    /// As [`Picture::to`].
    pub fn rgb24(self) -> Result<VideoFrame> {
        self.to(PixelFormat::Rgb24)
    }

    /// As bytes B, G, R.
    ///
    /// # Errors
    ///
    /// As [`Picture::to`].
    pub fn bgr24(self) -> Result<VideoFrame> {
        self.to(PixelFormat::Bgr24)
    }

    /// As planes of luma and, half as wide and as high, chroma.
    ///
    /// # Errors
    ///
    /// As [`Picture::to`].
    pub fn yuv420p(self) -> Result<VideoFrame> {
        self.to(PixelFormat::Yuv420p)
    }

    /// As luma alone, 0 black to 255 white.
    ///
    /// # Errors
    ///
    /// As [`Picture::to`].
    pub fn gray(self) -> Result<VideoFrame> {
        self.to(PixelFormat::Gray8)
    }

    /// In any pixel format.
    ///
    /// # Errors
    ///
    /// Where there is no way from the one to the other.
    pub fn to(self, format: PixelFormat) -> Result<VideoFrame> {
        self.converters.convert(self.frame, VideoTarget { format: Some(format), ..VideoTarget::default() })
    }
}

/// The conversions that pictures of a session go through, each kept for the next.
#[derive(Debug)]
pub(crate) struct Converters {
    pool: FramePool,
    known: Vec<(VideoTarget, VideoConverter)>,
}

impl Converters {
    pub(crate) const fn new(pool: FramePool) -> Self {
        Self { pool, known: Vec::new() }
    }

    pub(crate) fn convert(&mut self, frame: VideoFrame, target: VideoTarget) -> Result<VideoFrame> {
        let place = match self.known.iter().position(|(known, _)| *known == target) {
            Some(place) => place,
            None => {
                // Sizes may change at any moment; those that were are not needed again.
                if self.known.len() >= 8 {
                    self.known.clear();
                }
                self.known.push((target, VideoConverter::new(target, self.pool.clone())));
                self.known.len() - 1
            }
        };
        self.known[place].1.convert(&frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_the_format_already_is_the_same_memory() {
        let pool = FramePool::new();
        let frame = VideoFrame::new(&pool, PixelFormat::Yuv420p, 16, 16).unwrap();
        let place = frame.plane(0).as_ptr();
        let mut converters = Converters::new(pool);
        let mut same = Picture::new(frame, &mut converters).yuv420p().unwrap();
        assert_eq!(same.planes_mut()[0].as_ptr(), place);
        let rgb = Picture::new(same, &mut converters).rgb24().unwrap();
        assert_eq!((rgb.format(), rgb.width(), rgb.height()), (PixelFormat::Rgb24, 16, 16));
    }
}
