//! Pictures into another pixel format, size or colour.

mod chroma;
mod depth;
mod plan;
mod recolor;
mod rgb;
mod scale;

pub use scale::Scaling;

use brooklet_media::{Color, FramePool, PixelFormat, Rational, Result, VideoFrame};

use plan::{Shape, Step};
use scale::Scaler;

/// What pictures are to become; what is `None` stays as it comes in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VideoTarget {
    /// Pixel format.
    pub format: Option<PixelFormat>,
    /// Width and height in pixels.
    pub size: Option<(u32, u32)>,
    /// Range and matrix of a Y'CbCr output. `None` keeps those of a Y'CbCr input; RGB and gray become limited
    /// range and keep the matrix that they once came from, else BT.601, as in ffmpeg's scaler.
    pub color: Option<Color>,
    /// How pixels are interpolated where the size changes.
    pub scaling: Scaling,
}

/// Makes every picture what its [`VideoTarget`] says, whatever comes in.
///
/// The input may change its size, format and colour at any picture. Gray is always full range, as it is in
/// ffmpeg's scaler; alpha of a picture that has none is 255. Y'CbCr planes are scaled as they are, each by
/// itself, without a detour through RGB.
#[derive(Debug)]
pub struct VideoConverter {
    target: VideoTarget,
    pool: FramePool,
    scaler: Scaler,
    /// What the steps lead from and to.
    planned: Option<(Shape, Shape)>,
    steps: Vec<Step>,
}

impl VideoConverter {
    /// A converter whose pictures come from `pool`.
    pub fn new(target: VideoTarget, pool: FramePool) -> Self {
        Self { target, pool, scaler: Scaler::new(target.scaling), planned: None, steps: Vec::new() }
    }

    /// Makes pictures something else from the next one on.
    pub fn set_target(&mut self, target: VideoTarget) {
        if target.scaling != self.target.scaling {
            self.scaler = Scaler::new(target.scaling);
        }
        self.target = target;
    }

    /// The picture as the target wants it; the same samples, shared, where there is nothing to do.
    ///
    /// Times, key flag and shape of the whole picture stay: where width and height change by different factors,
    /// the sample aspect ratio changes in return.
    ///
    /// # Errors
    ///
    /// [`brooklet_media::Error::Limit`] or [`brooklet_media::Error::Usage`] for a target size that no picture
    /// can have.
    pub fn convert(&mut self, input: &VideoFrame) -> Result<VideoFrame> {
        let from = Shape::of(input);
        let to = from.towards(&self.target);
        if self.planned != Some((from, to)) {
            self.steps = plan::steps(from, to);
            self.planned = Some((from, to));
        }
        let mut picture = input.clone();
        for step in &self.steps {
            let mut next = VideoFrame::new(&self.pool, step.to.format, step.to.width, step.to.height)?;
            step.run(&mut self.scaler, &picture, &mut next)?;
            picture = next;
        }
        stamp(&mut picture, input);
        picture.color = to.color;
        Ok(picture)
    }
}

/// Gives `output` everything of `input` that is not samples or their meaning.
pub(crate) fn stamp(output: &mut VideoFrame, input: &VideoFrame) {
    output.pts = input.pts;
    output.duration = input.duration;
    output.time_base = input.time_base;
    output.key = input.key;
    output.sample_aspect = input.sample_aspect;
    if (output.width(), output.height()) != (input.width(), input.height()) {
        output.sample_aspect = scaled_aspect(input, output.width(), output.height());
    }
}

/// The sample aspect ratio that keeps the shape of `input` at another size; square where it has no exact one.
fn scaled_aspect(input: &VideoFrame, width: u32, height: u32) -> Rational {
    let aspect = input.sample_aspect;
    let mut num = u128::from(aspect.num()) * u128::from(input.width()) * u128::from(height);
    let mut den = u128::from(aspect.den()) * u128::from(input.height()) * u128::from(width);
    let divisor = gcd(num, den);
    (num, den) = (num / divisor, den / divisor);
    match (u32::try_from(num), u32::try_from(den)) {
        (Ok(num), Ok(den)) => Rational::new(num, den).unwrap_or(Rational::ONE),
        _ => Rational::ONE,
    }
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}
