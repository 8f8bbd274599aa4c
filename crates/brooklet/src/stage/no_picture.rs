//! In place of `picture` in a program that has no use for pictures: none is converted, so that all that does it is left
//! out.

use brooklet_media::{Error, FramePool, PixelFormat, Rational, Result, VideoFrame};

use crate::job::VideoSpec;

/// There is none.
pub(crate) enum PictureChain {}

impl PictureChain {
    /// Refuses.
    pub(crate) fn new(_: &VideoSpec, _: &[PixelFormat], _: Option<Rational>, _: &FramePool) -> Result<Self> {
        Err(Error::unsupported("converting pictures with this smaller program", "sound, and -c copy"))
    }

    /// Never.
    pub(crate) fn push(&mut self, _: VideoFrame) {
        match *self {}
    }

    /// Never.
    pub(crate) fn flush(&mut self) -> Result<()> {
        match *self {}
    }

    /// Never.
    pub(crate) fn poll(&mut self) -> Result<Option<VideoFrame>> {
        match *self {}
    }

    /// Never.
    pub(crate) fn frame_rate(&self) -> Option<Rational> {
        match *self {}
    }

    /// Never.
    pub(crate) fn counts(&self) -> (u64, u64) {
        match *self {}
    }
}
