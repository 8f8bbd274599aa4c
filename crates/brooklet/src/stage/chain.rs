//! The conversions of one stream, of either kind.

use brooklet_convert::AudioTarget;
use brooklet_media::{Error, Frame, FramePool, MediaKind, Result};

use super::{PictureChain, SoundChain};
use crate::job::{AudioSpec, VideoSpec};

/// From decoded frames to those that whoever takes them wants.
pub(crate) enum Chain {
    Video(Box<PictureChain>),
    Audio(Box<SoundChain>),
}

impl Chain {
    /// The conversions before a device that takes whatever it is given: those that the user asked for, and no others.
    ///
    /// # Errors
    ///
    /// Filters that make no sense.
    pub(crate) fn to_device(
        kind: MediaKind,
        video: &VideoSpec,
        audio: &AudioSpec,
        pool: &FramePool,
    ) -> Result<Self> {
        if kind == MediaKind::Video {
            return Ok(Self::Video(Box::new(PictureChain::new(video, &[], video.frame_rate, pool)?)));
        }
        let target =
            AudioTarget { format: audio.sample_format, rate: audio.sample_rate, layout: audio.layout };
        Ok(Self::Audio(Box::new(SoundChain::new(audio, target, pool)?)))
    }

    /// Takes a frame in.
    ///
    /// # Errors
    ///
    /// What a filter or a conversion says; a frame of the other kind.
    pub(crate) fn push(&mut self, frame: Frame) -> Result<()> {
        match (self, frame) {
            (Self::Video(chain), Frame::Video(picture)) => {
                chain.push(picture);
                Ok(())
            }
            (Self::Audio(chain), Frame::Audio(sound)) => chain.push(&sound),
            _ => Err(Error::Usage("a decoder gave frames of another kind".into())),
        }
    }

    /// No more frames come: what is held back comes out of [`Chain::poll`].
    ///
    /// # Errors
    ///
    /// What a filter or a conversion says.
    pub(crate) fn flush(&mut self) -> Result<()> {
        match self {
            Self::Video(chain) => chain.flush(),
            Self::Audio(chain) => chain.flush(),
        }
    }

    /// The next frame out; `None` until more are pushed.
    ///
    /// # Errors
    ///
    /// What a filter or a conversion says.
    pub(crate) fn poll(&mut self) -> Result<Option<Frame>> {
        Ok(match self {
            Self::Video(chain) => chain.poll()?.map(Frame::Video),
            Self::Audio(chain) => chain.poll()?.map(Frame::Audio),
        })
    }
}
