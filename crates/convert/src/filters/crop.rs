//! `crop`: a part of the picture.

use brooklet_media::{Error, FramePool, Result, VideoFrame};

use super::args::FilterArgs;
use super::expression::Expression;
use super::flip::unit_bytes;
use super::video::Filter;
use crate::video::stamp;

const VARIABLES: [&str; 17] = [
    "iw", "in_w", "ih", "in_h", "ow", "out_w", "oh", "out_h", "a", "sar", "dar", "hsub", "vsub", "x", "y",
    "n", "t",
];

pub(super) struct Crop {
    width: Expression,
    height: Expression,
    x: Expression,
    y: Expression,
    exact: bool,
    count: u64,
    pool: FramePool,
}

impl Crop {
    pub(super) fn parse(filter: &FilterArgs, pool: &FramePool) -> Result<Self> {
        let bound =
            filter.bind(&[&["w", "out_w"], &["h", "out_h"], &["x"], &["y"], &["keep_aspect"], &["exact"]])?;
        if let Some(keep) = bound.value(4).filter(|keep| *keep != "0") {
            return Err(Error::unsupported(format!("crop with keep_aspect={keep}"), "keep_aspect=0"));
        }
        let side = |option, default| Expression::parse(bound.value(option).unwrap_or(default), &VARIABLES);
        Ok(Self {
            width: side(0, "iw")?,
            height: side(1, "ih")?,
            x: side(2, "(in_w-out_w)/2")?,
            y: side(3, "(in_h-out_h)/2")?,
            exact: bound.value(5).is_some_and(|exact| exact != "0"),
            count: 0,
            pool: pool.clone(),
        })
    }
}

impl Filter for Crop {
    fn run(&mut self, frame: VideoFrame) -> Result<VideoFrame> {
        let (iw, ih) = (f64::from(frame.width()), f64::from(frame.height()));
        let (hshift, vshift) = frame.format().chroma_shift();
        let sar = frame.sample_aspect.as_f64();
        let (n, t) = (self.count as f64, frame.time_base.seconds(frame.pts));
        self.count += 1;
        let of = |expression: &Expression, ow: f64, oh: f64, x: f64, y: f64| {
            let (hsub, vsub) = (f64::from(1 << hshift), f64::from(1 << vshift));
            let variables =
                [iw, iw, ih, ih, ow, ow, oh, oh, iw / ih, sar, iw / ih * sar, hsub, vsub, x, y, n, t];
            expression.value(&variables)
        };
        // Each may be written in terms of the other; without `exact` all keep to whole chroma samples.
        let nan = f64::NAN;
        let (hmask, vmask) = if self.exact { (!0, !0) } else { (!0 << hshift, !0 << vshift) };
        let oh = of(&self.height, of(&self.width, nan, nan, nan, nan), nan, nan, nan);
        let ow = of(&self.width, nan, oh, nan, nan);
        let width = side(&frame, ow, frame.width())? & hmask;
        let height = side(&frame, oh, frame.height())? & vmask;
        if width == 0 || height == 0 {
            return Err(Error::Usage(format!("crop: nothing is left of {frame:?}")));
        }
        let place = |at: f64, room: u32| at.round_ties_even().clamp(0.0, f64::from(room)) as u32;
        let x = of(&self.x, ow, oh, nan, of(&self.y, ow, oh, nan, nan));
        let y = of(&self.y, ow, oh, x, nan);
        let x = place(x, frame.width() - width) & hmask;
        let y = place(y, frame.height() - height) & vmask;
        cut(&frame, x, y, width, height, &self.pool)
    }
}

/// A width or height in whole pixels, at most `most`.
fn side(frame: &VideoFrame, side: f64, most: u32) -> Result<u32> {
    let pixels = side.round_ties_even();
    if pixels >= 1.0 && pixels <= f64::from(most) {
        return Ok(pixels as u32);
    }
    Err(Error::Usage(format!(
        "crop: a side of {side} pixels of a picture of {}x{}",
        frame.width(),
        frame.height()
    )))
}

/// The part of `frame` at `x` and `y`; chroma from the sample that they lie in.
fn cut(frame: &VideoFrame, x: u32, y: u32, width: u32, height: u32, pool: &FramePool) -> Result<VideoFrame> {
    if (width, height) == (frame.width(), frame.height()) {
        return Ok(frame.clone());
    }
    let format = frame.format();
    let mut out = VideoFrame::new(pool, format, width, height)?;
    for plane in 0..format.planes() {
        let (hshift, vshift) = if plane == 0 { (0, 0) } else { format.chroma_shift() };
        let left = (x >> hshift) as usize * unit_bytes(format, plane);
        let row_bytes = format.row_bytes(plane, width);
        let stride = out.stride(plane);
        let rows = out.planes_mut()[plane].chunks_exact_mut(stride);
        for (source, target) in frame.rows(plane).skip((y >> vshift) as usize).zip(rows) {
            target[..row_bytes].copy_from_slice(&source[left..left + row_bytes]);
        }
    }
    stamp(&mut out, frame);
    out.sample_aspect = frame.sample_aspect;
    out.color = frame.color;
    Ok(out)
}
