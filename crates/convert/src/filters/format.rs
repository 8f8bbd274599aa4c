//! `format`: one of these pixel formats.

use brooklet_media::{FramePool, PixelFormat, Result, VideoFrame};

use super::args::FilterArgs;
use super::video::Filter;
use crate::{VideoConverter, VideoTarget};

pub(super) struct Format {
    formats: Vec<PixelFormat>,
    converter: VideoConverter,
}

impl Format {
    pub(super) fn parse(filter: &FilterArgs, pool: &FramePool) -> Result<Self> {
        let bound = filter.bind(&[&["pix_fmts"]])?;
        let names = bound.value(0).unwrap_or_default();
        let formats = names.split('|').map(str::parse).collect::<Result<Vec<PixelFormat>>>()?;
        Ok(Self { formats, converter: VideoConverter::new(VideoTarget::default(), pool.clone()) })
    }

    /// The input's own format where it is allowed; else the one that loses least, the first of equals.
    fn choose(&self, from: PixelFormat) -> Option<PixelFormat> {
        let loss = |to: PixelFormat| {
            let colour = from.components() > to.components().min(3) && to == PixelFormat::Gray8;
            let (h, v) = (from.chroma_shift(), to.chroma_shift());
            let chroma = v.0.saturating_sub(h.0) + v.1.saturating_sub(h.1);
            let alpha = from.components() == 4 && to.components() < 4;
            let model = from.is_yuv() != to.is_yuv();
            let depth = from.row_bytes(0, 1) == 2 && to.row_bytes(0, 1) != 2;
            (from != to, colour, alpha, model, depth, chroma)
        };
        self.formats.iter().copied().min_by_key(|format| loss(*format))
    }
}

impl Filter for Format {
    fn run(&mut self, frame: VideoFrame) -> Result<VideoFrame> {
        let format = self.choose(frame.format());
        self.converter.set_target(VideoTarget { format, ..VideoTarget::default() });
        self.converter.convert(&frame)
    }
}
