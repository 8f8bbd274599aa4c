//! From decoded sound to that which an encoder takes: filters, then rate, channels and format.

use brooklet_convert::{AudioConverter, AudioFilters, AudioTarget};
use brooklet_media::{AudioFrame, FramePool, Result};

use crate::job::AudioSpec;

/// The conversions of one audio stream.
pub(crate) struct SoundChain {
    filters: Option<AudioFilters>,
    converter: AudioConverter,
}

impl SoundChain {
    /// `target` is what the encoder takes.
    pub(crate) fn new(spec: &AudioSpec, target: AudioTarget, pool: &FramePool) -> Result<Self> {
        Ok(Self {
            filters: spec.filters.as_deref().map(|text| AudioFilters::parse(text, pool)).transpose()?,
            converter: AudioConverter::new(target, pool.clone()),
        })
    }

    /// Takes sound in; what comes of it is appended to `out`.
    pub(crate) fn push(&mut self, sound: AudioFrame, out: &mut Vec<AudioFrame>) -> Result<()> {
        match &mut self.filters {
            Some(filters) => filters.push(&sound)?,
            None => self.converter.push(&sound)?,
        }
        self.drain(out)
    }

    /// No more sound comes.
    pub(crate) fn flush(&mut self, out: &mut Vec<AudioFrame>) -> Result<()> {
        if let Some(filters) = &mut self.filters {
            filters.flush()?;
        }
        self.drain(out)?;
        self.converter.flush()?;
        self.drain(out)
    }

    fn drain(&mut self, out: &mut Vec<AudioFrame>) -> Result<()> {
        while let Some(sound) = self.filters.as_mut().and_then(AudioFilters::poll) {
            self.converter.push(&sound)?;
        }
        out.extend(std::iter::from_fn(|| self.converter.poll()));
        Ok(())
    }
}
