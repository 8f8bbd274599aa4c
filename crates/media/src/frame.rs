//! Pictures and sound in memory, and the pool that the memory comes from.

mod audio;
mod pool;
mod stock;
mod video;

pub use audio::AudioFrame;
pub use pool::FramePool;
pub use video::VideoFrame;

use crate::{TimeBase, Timestamp};

/// A picture or some sound. Cloning shares the samples.
#[derive(Clone, Debug)]
pub enum Frame {
    /// A picture.
    Video(VideoFrame),
    /// Some sound.
    Audio(AudioFrame),
}

impl Frame {
    /// Presentation time in ticks of [`Frame::time_base`].
    pub const fn pts(&self) -> i64 {
        match self {
            Self::Video(frame) => frame.pts,
            Self::Audio(frame) => frame.pts,
        }
    }

    /// The clock of [`Frame::pts`].
    pub const fn time_base(&self) -> TimeBase {
        match self {
            Self::Video(frame) => frame.time_base,
            Self::Audio(frame) => frame.time_base,
        }
    }

    /// Presentation time.
    pub const fn at(&self) -> Timestamp {
        self.time_base().at(self.pts())
    }
}
