//! From decoded pictures to those that an encoder takes: filters, frame rate, size and format.

use brooklet_convert::{FrameRate, Scaling, VideoConverter, VideoFilters, VideoTarget};
use brooklet_media::{FramePool, PixelFormat, Rational, Result, VideoFrame};

use crate::job::{FpsMode, VideoSpec};

/// The conversions of one video stream.
pub(crate) struct PictureChain {
    filters: Option<VideoFilters>,
    rate: Option<FrameRate>,
    converter: VideoConverter,
    target: VideoTarget,
    /// What the encoder takes, the preferred one first.
    formats: Vec<PixelFormat>,
    pool: FramePool,
    /// In variable frame rate, a picture at or before the last one's time is dropped.
    last_pts: Option<i64>,
    monotonic: bool,
    dropped: u64,
}

impl PictureChain {
    /// `formats` are those that the encoder takes; `constant_rate` is the rate to keep, where one is.
    pub(crate) fn new(
        spec: &VideoSpec,
        formats: &[PixelFormat],
        constant_rate: Option<Rational>,
        pool: &FramePool,
    ) -> Result<Self> {
        let filters = spec.filters.as_deref().map(|text| VideoFilters::parse(text, pool)).transpose()?;
        let format = match spec.pixel_format {
            Some(wanted) if formats.is_empty() || formats.contains(&wanted) => Some(wanted),
            _ => None,
        };
        let target = VideoTarget { format, size: spec.size, color: None, scaling: Scaling::default() };
        let rate = constant_rate
            .filter(|_| spec.fps_mode != FpsMode::Passthrough)
            .map(FrameRate::new)
            .transpose()?;
        Ok(Self {
            filters,
            rate,
            converter: VideoConverter::new(target, pool.clone()),
            target,
            formats: formats.to_vec(),
            pool: pool.clone(),
            last_pts: None,
            monotonic: spec.fps_mode != FpsMode::Passthrough,
            dropped: 0,
        })
    }

    /// Takes a picture in; what comes of it is appended to `out`.
    pub(crate) fn push(&mut self, picture: VideoFrame, out: &mut Vec<VideoFrame>) -> Result<()> {
        let Some(filters) = &mut self.filters else { return self.pace(picture, out) };
        filters.push(picture);
        self.drain_filters(out)
    }

    /// No more pictures come.
    pub(crate) fn flush(&mut self, out: &mut Vec<VideoFrame>) -> Result<()> {
        if let Some(filters) = &mut self.filters {
            filters.flush();
            self.drain_filters(out)?;
        }
        if let Some(rate) = &mut self.rate {
            rate.flush();
        }
        self.drain_rate(out)
    }

    /// The rate that a filter sets, where one does.
    pub(crate) fn frame_rate(&self) -> Option<Rational> {
        self.filters.as_ref().and_then(VideoFilters::frame_rate)
    }

    /// Pictures duplicated and dropped to keep the rate.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let by_rate = self.rate.as_ref().map_or((0, 0), |rate| (rate.duplicated(), rate.dropped()));
        let by_filters = self.filters.as_ref().map_or((0, 0), VideoFilters::duplicated_and_dropped);
        (by_rate.0 + by_filters.0, by_rate.1 + by_filters.1 + self.dropped)
    }

    fn drain_filters(&mut self, out: &mut Vec<VideoFrame>) -> Result<()> {
        while let Some(filters) = &mut self.filters {
            let Some(picture) = filters.poll()? else { break };
            self.pace(picture, out)?;
        }
        Ok(())
    }

    fn pace(&mut self, picture: VideoFrame, out: &mut Vec<VideoFrame>) -> Result<()> {
        if let Some(rate) = &mut self.rate {
            rate.push(picture);
            return self.drain_rate(out);
        }
        if self.monotonic && self.last_pts.is_some_and(|last| picture.pts <= last) {
            self.dropped += 1;
            return Ok(());
        }
        self.last_pts = Some(picture.pts);
        self.convert(picture, out)
    }

    fn drain_rate(&mut self, out: &mut Vec<VideoFrame>) -> Result<()> {
        while let Some(picture) = self.rate.as_mut().and_then(FrameRate::poll) {
            self.convert(picture, out)?;
        }
        Ok(())
    }

    fn convert(&mut self, picture: VideoFrame, out: &mut Vec<VideoFrame>) -> Result<()> {
        if self.target.size.is_none() || self.target.format.is_none() {
            // The first picture settles what was left open: an output keeps the shape that it began with.
            let size = self.target.size.or(Some((picture.width(), picture.height())));
            let keeps = self.formats.is_empty() || self.formats.contains(&picture.format());
            let fallback = if keeps { Some(picture.format()) } else { self.formats.first().copied() };
            self.target = VideoTarget { size, format: self.target.format.or(fallback), ..self.target };
            self.converter = VideoConverter::new(self.target, self.pool.clone());
        }
        out.push(self.converter.convert(&picture)?);
        Ok(())
    }
}
