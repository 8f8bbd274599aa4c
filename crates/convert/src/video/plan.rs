//! Which steps lead from one shape of picture to another.

use brooklet_media::{Color, Matrix, PixelFormat, Range, Result, VideoFrame};

use super::scale::Scaler;
use super::{VideoTarget, chroma, depth, recolor, rgb};

use PixelFormat::*;

/// Everything that tells one stream of pictures from another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Shape {
    pub(crate) format: PixelFormat,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) color: Color,
}

impl Shape {
    pub(crate) fn of(frame: &VideoFrame) -> Self {
        let mut shape =
            Self { format: frame.format(), width: frame.width(), height: frame.height(), color: frame.color };
        shape.color.range = shape.natural_range(frame.color.range);
        shape
    }

    /// What a picture of this shape is to become.
    pub(crate) fn towards(self, target: &VideoTarget) -> Self {
        let format = target.format.unwrap_or(self.format);
        let (width, height) = target.size.unwrap_or((self.width, self.height));
        let mut to = Self { format, width, height, color: self.color };
        if !is_yuv(self.format) {
            to.color.range = Range::Limited;
        }
        if let Some(color) = target.color {
            to.color = color;
        }
        to.color.range = to.natural_range(to.color.range);
        to
    }

    /// RGB and gray have no other range than the full one.
    fn natural_range(&self, range: Range) -> Range {
        if is_yuv(self.format) { range } else { Range::Full }
    }

    fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }
}

/// One pass over the picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Step {
    pub(crate) pass: Pass,
    /// What the picture is before.
    from: Shape,
    /// What it is afterwards.
    pub(crate) to: Shape,
}

/// What a [`Step`] does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pass {
    /// Each plane to its new size.
    Scale,
    /// Another range or matrix.
    Recolor,
    /// Y'CbCr or gray to RGB.
    ToRgb,
    /// RGB to Y'CbCr or gray.
    FromRgb,
    /// RGB in another order, or with alpha.
    Shuffle,
    /// UV pairs into two planes.
    Unzip,
    /// Two planes into UV pairs.
    Zip,
    /// 10 bits to 8.
    Narrow,
    /// 8 bits to 10.
    Widen,
    /// Luma alone.
    DropChroma,
    /// Chroma of no colour.
    AddChroma,
}

impl Step {
    /// Fills `to` from `from`, which must have the shapes that the plan said.
    pub(crate) fn run(&self, scaler: &mut Scaler, from: &VideoFrame, to: &mut VideoFrame) -> Result<()> {
        match self.pass {
            Pass::Scale => return scaler.run(from, to),
            Pass::ToRgb => return rgb::decode(from, to, self.from.color),
            Pass::FromRgb => return rgb::encode(from, to, self.to.color),
            Pass::Shuffle => return rgb::shuffle(from, to),
            Pass::Recolor => recolor::run(from, to, self.from.color, self.to.color),
            Pass::Unzip => chroma::unzip(from, to),
            Pass::Zip => chroma::zip(from, to),
            Pass::Narrow => depth::narrow(from, to),
            Pass::Widen => depth::widen(from, to, self.from.color.range),
            Pass::DropChroma => chroma::keep_luma(from, to),
            Pass::AddChroma => chroma::add(from, to),
        }
        Ok(())
    }
}

/// The passes from one shape to the other; none where they mean the same.
pub(crate) fn steps(from: Shape, to: Shape) -> Vec<Step> {
    let mut plan = Plan { at: from, steps: Vec::new() };
    match (from.format.is_yuv(), to.format.is_yuv()) {
        (false, false) => {
            plan.scale_to(from.format, to);
            plan.then(Pass::Shuffle, to.format);
        }
        (true, false) => plan.decode(to),
        (false, true) => plan.encode(to),
        (true, true) => plan.stay_yuv(to),
    }
    plan.steps
}

struct Plan {
    at: Shape,
    steps: Vec<Step>,
}

impl Plan {
    /// Y'CbCr or gray to RGB. Where the size changes, chroma is scaled once, straight to the resolution of the
    /// output: half of luma's across and full down, as in ffmpeg's scaler.
    fn decode(&mut self, to: Shape) {
        let resize = self.at.size() != to.size();
        if resize || !DEEP {
            self.narrow();
        }
        if resize || !DIRECT {
            self.unzip();
        }
        if resize {
            let format = if self.at.format.chroma_shift() == (1, 1) { Yuv422p } else { self.at.format };
            self.scale_to(format, to);
        }
        self.push(Pass::ToRgb, Shape { format: met_by_luma(to.format), ..to });
        self.then(Pass::Shuffle, to.format);
    }

    /// RGB to Y'CbCr or gray, likewise.
    fn encode(&mut self, to: Shape) {
        self.then(Pass::Shuffle, met_by_luma(self.at.format));
        let format = match (self.at.size() != to.size(), to.format) {
            (false, Nv12) if !DIRECT => Yuv420p,
            (false, format) if is_10_bit(format) && !DEEP => planar(format.chroma_shift(), false),
            (false, format) => format,
            (true, Gray8) => Gray8,
            (true, format) if format.chroma_shift() == (0, 0) => Yuv444p,
            (true, _) => Yuv422p,
        };
        self.push(Pass::FromRgb, Shape { format, color: to.color, ..self.at });
        self.stay_yuv(to);
    }

    /// Luma and chroma to luma and chroma, narrowing first and widening last.
    fn stay_yuv(&mut self, to: Shape) {
        if !is_10_bit(to.format) {
            self.narrow();
        }
        if to.format == Gray8 {
            self.then(Pass::DropChroma, Gray8);
        }
        let resize = self.at.size() != to.size();
        let resample = self.at.format != Gray8 && self.at.format.chroma_shift() != to.format.chroma_shift();
        let recolor = !same_meaning(self.at, to);
        if recolor || resample || resize {
            self.unzip();
            if !DEEP {
                self.narrow();
            }
        }
        if resize || resample {
            let format = match self.at.format {
                Gray8 => Gray8,
                _ => planar(to.format.chroma_shift(), is_10_bit(self.at.format)),
            };
            self.scale_to(format, to);
        }
        if recolor {
            self.push(Pass::Recolor, Shape { color: to.color, ..self.at });
        }
        self.at.color = to.color;
        if self.at.format == Gray8 && to.format != Gray8 {
            self.then(Pass::AddChroma, planar(to.format.chroma_shift(), false));
        }
        match to.format {
            Nv12 => self.then(Pass::Zip, Nv12),
            format if is_10_bit(format) => {
                self.unzip();
                self.then(Pass::Widen, format);
            }
            _ => self.unzip(),
        }
    }

    fn narrow(&mut self) {
        if is_10_bit(self.at.format) {
            self.then(Pass::Narrow, planar(self.at.format.chroma_shift(), false));
        }
    }

    fn unzip(&mut self) {
        if self.at.format == Nv12 {
            self.then(Pass::Unzip, Yuv420p);
        }
    }

    /// Every plane to the size that it has in a `format` picture of the size of `to`.
    fn scale_to(&mut self, format: PixelFormat, to: Shape) {
        let scaled = Shape { format, width: to.width, height: to.height, ..self.at };
        if scaled != self.at {
            self.push(Pass::Scale, scaled);
        }
    }

    /// Adds `pass` unless the picture already has this format.
    fn then(&mut self, pass: Pass, format: PixelFormat) {
        if self.at.format != format {
            self.push(pass, Shape { format, ..self.at });
        }
    }

    fn push(&mut self, pass: Pass, to: Shape) {
        self.steps.push(Step { pass, from: self.at, to });
        self.at = to;
    }
}

/// Whether samples of 10 bits are computed with; else they are narrowed for it.
const DEEP: bool = cfg!(feature = "deep");
/// Whether there is a conversion for every order of RGB and for chroma in pairs; else there is one more pass.
const DIRECT: bool = cfg!(feature = "direct");

/// The order of RGB that luma and chroma are converted to and from, for pixels to be in this one.
fn met_by_luma(rgb: PixelFormat) -> PixelFormat {
    if DIRECT { rgb } else { Rgb24 }
}

/// Whether the format has luma and chroma.
fn is_yuv(format: PixelFormat) -> bool {
    format.is_yuv() && format != Gray8
}

pub(crate) fn is_10_bit(format: PixelFormat) -> bool {
    matches!(format, Yuv420p10 | Yuv422p10)
}

/// Whether luma and chroma need no arithmetic. Gray has no matrix.
fn same_meaning(from: Shape, to: Shape) -> bool {
    let gray = from.format == Gray8 || to.format == Gray8;
    from.color.range == to.color.range && (gray || known(from.color.matrix) == known(to.color.matrix))
}

/// What an unspecified matrix is taken for.
pub(crate) fn known(matrix: Matrix) -> Matrix {
    if matrix == Matrix::Unspecified { Matrix::Bt601 } else { matrix }
}

/// The planar format with such chroma.
fn planar(shift: (u32, u32), ten_bits: bool) -> PixelFormat {
    match (shift, ten_bits) {
        ((0, _), _) => Yuv444p,
        ((_, 0), false) => Yuv422p,
        ((_, 0), true) => Yuv422p10,
        (_, false) => Yuv420p,
        (_, true) => Yuv420p10,
    }
}
