//! From decoded pictures to those that an encoder takes: filters, frame rate, size and format.

use std::collections::VecDeque;

use brooklet_convert::{FrameRate, Scaling, VideoConverter, VideoFilters, VideoTarget};
use brooklet_media::{FramePool, PixelFormat, Rational, Result, VideoFrame};

use crate::job::{FpsMode, VideoSpec};

/// The conversions of one video stream. Pictures are pushed in and polled out one at a time, so that a gap which a
/// constant rate fills with a thousand copies never holds more than one of them.
pub(crate) struct PictureChain {
    filters: Option<VideoFilters>,
    /// Pictures past the filters, where no rate is kept.
    filtered: VecDeque<VideoFrame>,
    rate: Option<FrameRate>,
    /// What the user, or else a filter, sets.
    frame_rate: Option<Rational>,
    converter: VideoConverter,
    target: VideoTarget,
    /// What the encoder takes, the preferred one first.
    formats: Vec<PixelFormat>,
    /// In variable frame rate, a picture at or before the last one's time is dropped.
    last_pts: Option<i64>,
    monotonic: bool,
    dropped: u64,
}

impl PictureChain {
    /// `formats` are those that the encoder takes; `constant_rate` is the rate to keep, where one is and
    /// [`PictureChain::frame_rate`] is no other.
    pub(crate) fn new(
        spec: &VideoSpec,
        formats: &[PixelFormat],
        constant_rate: Option<Rational>,
        pool: &FramePool,
    ) -> Result<Self> {
        let wanted = spec.pixel_format.filter(|wanted| formats.is_empty() || formats.contains(wanted));
        let target =
            VideoTarget { format: wanted, size: spec.size, color: None, scaling: Scaling::default() };
        let filters = spec.filters.as_deref().map(|text| VideoFilters::parse(text, pool)).transpose()?;
        let frame_rate = spec.frame_rate.or_else(|| filters.as_ref().and_then(VideoFilters::frame_rate));
        let kept = constant_rate.filter(|_| spec.fps_mode != FpsMode::Passthrough);
        let rate = kept.map(|rate| frame_rate.unwrap_or(rate));
        Ok(Self {
            filters,
            frame_rate,
            filtered: VecDeque::new(),
            rate: rate.map(FrameRate::new).transpose()?,
            converter: VideoConverter::new(target, pool.clone()),
            target,
            formats: formats.to_vec(),
            last_pts: None,
            monotonic: spec.fps_mode != FpsMode::Passthrough,
            dropped: 0,
        })
    }

    /// Takes a picture in.
    pub(crate) fn push(&mut self, picture: VideoFrame) {
        match &mut self.filters {
            Some(filters) => filters.push(picture),
            None => self.pace(picture),
        }
    }

    /// No more pictures come: what is held back comes out of [`PictureChain::poll`].
    ///
    /// # Errors
    ///
    /// What a filter says of a picture that it held.
    pub(crate) fn flush(&mut self) -> Result<()> {
        if let Some(filters) = &mut self.filters {
            filters.flush();
        }
        while let Some(picture) = self.next_filtered()? {
            self.pace(picture);
        }
        if let Some(rate) = &mut self.rate {
            rate.flush();
        }
        Ok(())
    }

    /// The next picture out; `None` until more are pushed.
    ///
    /// # Errors
    ///
    /// What a filter or a conversion says.
    pub(crate) fn poll(&mut self) -> Result<Option<VideoFrame>> {
        loop {
            let paced = match &mut self.rate {
                Some(rate) => rate.poll(),
                None => self.filtered.pop_front(),
            };
            if let Some(picture) = paced {
                return self.convert(&picture).map(Some);
            }
            match self.next_filtered()? {
                Some(picture) => self.pace(picture),
                None => return Ok(None),
            }
        }
    }

    /// The rate that the user, or else a filter, sets, where one does.
    pub(crate) fn frame_rate(&self) -> Option<Rational> {
        self.frame_rate
    }

    /// Pictures duplicated and dropped to keep the rate.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let by_rate = self.rate.as_ref().map_or((0, 0), |rate| (rate.duplicated(), rate.dropped()));
        let by_filters = self.filters.as_ref().map_or((0, 0), VideoFilters::duplicated_and_dropped);
        (by_rate.0 + by_filters.0, by_rate.1 + by_filters.1 + self.dropped)
    }

    fn next_filtered(&mut self) -> Result<Option<VideoFrame>> {
        self.filters.as_mut().map_or(Ok(None), VideoFilters::poll)
    }

    fn pace(&mut self, picture: VideoFrame) {
        if let Some(rate) = &mut self.rate {
            return rate.push(picture);
        }
        if self.monotonic && self.last_pts.is_some_and(|last| picture.pts <= last) {
            self.dropped += 1;
            return;
        }
        self.last_pts = Some(picture.pts);
        self.filtered.push_back(picture);
    }

    fn convert(&mut self, picture: &VideoFrame) -> Result<VideoFrame> {
        if self.target.size.is_none() || self.target.format.is_none() {
            // The first picture settles what was left open: an output keeps the shape that it began with.
            let size = self.target.size.or(Some((picture.width(), picture.height())));
            let keeps = self.formats.is_empty() || self.formats.contains(&picture.format());
            let fallback = if keeps { Some(picture.format()) } else { self.formats.first().copied() };
            self.target = VideoTarget { size, format: self.target.format.or(fallback), ..self.target };
            self.converter.set_target(self.target);
        }
        self.converter.convert(picture)
    }
}
