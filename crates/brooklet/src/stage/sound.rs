//! From decoded sound to that which an encoder takes: filters, then rate, channels and format.

use brooklet_convert::{AudioConverter, AudioFilters, AudioTarget, Gaps};
use brooklet_media::{AudioFrame, FramePool, Result, Timestamp};

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

    /// The same, with silence in place of what is missing, between `start` and the first sound too.
    #[must_use]
    pub(crate) fn without_gaps(self, start: Option<Timestamp>) -> Self {
        let converter = self.converter.with_gaps(Gaps::Fill);
        let converter = match start {
            Some(start) => converter.with_start(start),
            None => converter,
        };
        Self { converter, ..self }
    }

    /// Takes sound in.
    ///
    /// # Errors
    ///
    /// What a filter or a conversion says.
    pub(crate) fn push(&mut self, sound: &AudioFrame) -> Result<()> {
        match &mut self.filters {
            Some(filters) => filters.push(sound),
            None => self.converter.push(sound),
        }
    }

    /// No more sound comes: what is held back comes out of [`SoundChain::poll`].
    ///
    /// # Errors
    ///
    /// What a filter or a conversion says.
    pub(crate) fn flush(&mut self) -> Result<()> {
        if let Some(filters) = &mut self.filters {
            filters.flush()?;
        }
        self.convert_filtered()?;
        self.converter.flush()
    }

    /// The next sound out; `None` until more is pushed.
    ///
    /// # Errors
    ///
    /// What a conversion says.
    pub(crate) fn poll(&mut self) -> Result<Option<AudioFrame>> {
        self.convert_filtered()?;
        Ok(self.converter.poll())
    }

    fn convert_filtered(&mut self) -> Result<()> {
        while let Some(sound) = self.filters.as_mut().and_then(AudioFilters::poll) {
            self.converter.push(&sound)?;
        }
        Ok(())
    }
}
