//! `scale`: another size.

use brooklet_media::{Color, Error, FramePool, Matrix, Range, Result, VideoFrame};

use super::args::FilterArgs;
use super::expression::Expression;
use super::video::Filter;
use crate::{Scaling, VideoConverter, VideoTarget};

const VARIABLES: [&str; 14] =
    ["iw", "in_w", "ih", "in_h", "ow", "out_w", "oh", "out_h", "a", "sar", "dar", "hsub", "vsub", "n"];

/// Sizes that have a name (ffmpeg-utils(1), "Video size").
const SIZES: [(&str, (u32, u32)); 16] = [
    ("ntsc", (720, 480)),
    ("pal", (720, 576)),
    ("sqcif", (128, 96)),
    ("qcif", (176, 144)),
    ("cif", (352, 288)),
    ("4cif", (704, 576)),
    ("qvga", (320, 240)),
    ("vga", (640, 480)),
    ("svga", (800, 600)),
    ("xga", (1_024, 768)),
    ("nhd", (640, 360)),
    ("hd480", (852, 480)),
    ("hd720", (1_280, 720)),
    ("hd1080", (1_920, 1_080)),
    ("2k", (2_048, 1_080)),
    ("uhd2160", (3_840, 2_160)),
];

pub(super) struct Scale {
    width: Expression,
    height: Expression,
    fit: Fit,
    divisible: u32,
    in_range: Option<Range>,
    in_matrix: Option<Matrix>,
    out_range: Option<Range>,
    out_matrix: Option<Matrix>,
    scaling: Scaling,
    converter: VideoConverter,
}

/// What becomes of the shape of the picture.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Exact,
    /// Neither side longer than was asked for.
    Within,
    /// Neither side shorter.
    Around,
}

impl Scale {
    pub(super) fn parse(filter: &FilterArgs, pool: &FramePool) -> Result<Self> {
        let bound = filter.bind(&[
            &["w", "width"],
            &["h", "height"],
            &["flags"],
            &["s", "size"],
            &["in_range"],
            &["out_range"],
            &["in_color_matrix"],
            &["out_color_matrix"],
            &["force_original_aspect_ratio"],
            &["force_divisible_by"],
        ])?;
        let mut sides = [bound.value(0).unwrap_or("iw"), bound.value(1).unwrap_or("ih")];
        let named;
        // One value alone is a size: `scale=hd720`.
        let size = bound.value(3).or_else(|| bound.value(0).filter(|_| bound.value(1).is_none()));
        if let Some(size) = size {
            let (width, height) =
                named_size(size).ok_or_else(|| bound.bad(size, "a size: 640x360 or hd720"))?;
            named = [width.to_string(), height.to_string()];
            sides = [&named[0], &named[1]];
        }
        let fit = bound.parsed(8, |text| match text {
            "disable" | "0" => Ok(Fit::Exact),
            "decrease" | "1" => Ok(Fit::Within),
            "increase" | "2" => Ok(Fit::Around),
            other => Err(bound.bad(other, "disable, decrease or increase")),
        })?;
        let divisible = bound.parsed(9, |text| {
            let number = text.parse().ok().filter(|number| (1..=256).contains(number));
            number.ok_or_else(|| bound.bad(text, "a number from 1 to 256"))
        })?;
        let scaling = bound.parsed(2, str::parse::<Scaling>)?.unwrap_or_default();
        Ok(Self {
            width: Expression::parse(sides[0], &VARIABLES)?,
            height: Expression::parse(sides[1], &VARIABLES)?,
            fit: fit.unwrap_or(Fit::Exact),
            divisible: divisible.unwrap_or(1),
            in_range: bound.parsed(4, range)?.flatten(),
            out_range: bound.parsed(5, range)?.flatten(),
            in_matrix: bound.parsed(6, matrix)?.flatten(),
            out_matrix: bound.parsed(7, matrix)?.flatten(),
            scaling,
            converter: VideoConverter::new(VideoTarget { scaling, ..VideoTarget::default() }, pool.clone()),
        })
    }

    fn size(&self, frame: &VideoFrame) -> Result<(u32, u32)> {
        let (iw, ih) = (f64::from(frame.width()), f64::from(frame.height()));
        let sar = frame.sample_aspect.as_f64();
        let (hsub, vsub) = frame.format().chroma_shift();
        let (hsub, vsub) = (f64::from(1 << hsub), f64::from(1 << vsub));
        let of = |side: &Expression, ow: f64, oh: f64| {
            // Where a variable stands for nothing yet it is 0 over 0, and so is what is made of it.
            let variables = [iw, iw, ih, ih, ow, ow, oh, oh, iw / ih, sar, iw / ih * sar, hsub, vsub, 0.0];
            side.value(&variables)
        };
        // Each side may be written in terms of the other.
        let width = of(&self.width, f64::NAN, f64::NAN);
        let height = whole(of(&self.height, width, f64::NAN))?;
        let width = whole(of(&self.width, f64::NAN, height as f64))?;

        let (input_width, input_height) = (i64::from(frame.width()), i64::from(frame.height()));
        let (mut w, mut h) = match (width, height) {
            (0, height) => (input_width, height),
            sides => sides,
        };
        if h == 0 {
            h = input_height;
        }
        let (unit_w, unit_h) = ((-w).max(1), (-h).max(1));
        if w < 0 && h < 0 {
            (w, h) = (input_width, input_height);
        }
        if w < 0 {
            w = ratio(h, input_width, input_height * unit_w) * unit_w;
        }
        if h < 0 {
            h = ratio(w, input_height, input_width * unit_h) * unit_h;
        }
        if self.fit != Fit::Exact {
            let unit = i64::from(self.divisible);
            let (tied_w, tied_h) = (ratio(h, input_width, input_height), ratio(w, input_height, input_width));
            (w, h) = if self.fit == Fit::Within {
                (tied_w.min(w) / unit * unit, tied_h.min(h) / unit * unit)
            } else {
                ((tied_w.max(w) + unit - 1) / unit * unit, (tied_h.max(h) + unit - 1) / unit * unit)
            };
        }
        let side = |side: i64| u32::try_from(side).unwrap_or(u32::MAX);
        VideoFrame::check_size(side(w), side(h))?;
        Ok((side(w), side(h)))
    }
}

impl Filter for Scale {
    fn run(&mut self, mut frame: VideoFrame) -> Result<VideoFrame> {
        frame.color.range = self.in_range.unwrap_or(frame.color.range);
        frame.color.matrix = self.in_matrix.unwrap_or(frame.color.matrix);
        let recolored = self.out_range.is_some() || self.out_matrix.is_some();
        let color = recolored.then(|| Color {
            range: self.out_range.unwrap_or(frame.color.range),
            matrix: self.out_matrix.unwrap_or(frame.color.matrix),
        });
        let size = Some(self.size(&frame)?);
        self.converter.set_target(VideoTarget { format: None, size, color, scaling: self.scaling });
        self.converter.convert(&frame)
    }
}

/// `640x360`, or a name.
fn named_size(text: &str) -> Option<(u32, u32)> {
    if let Some((_, size)) = SIZES.iter().find(|(name, _)| *name == text) {
        return Some(*size);
    }
    let (width, height) = text.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

/// `value * num / den`, rounded to the nearest.
fn ratio(value: i64, num: i64, den: i64) -> i64 {
    let den = i128::from(den.max(1));
    i64::try_from((i128::from(value) * i128::from(num) + den / 2) / den).unwrap_or(i64::MAX)
}

/// The whole part, as ffmpeg takes it.
fn whole(side: f64) -> Result<i64> {
    if side.is_finite() && side.abs() < 1e9 {
        return Ok(side as i64);
    }
    Err(Error::Usage(format!("scale: a side of {side} pixels; width and height can't each need the other")))
}

/// `None` for what stays as it is.
fn range(text: &str) -> Result<Option<Range>> {
    match text {
        "auto" | "unknown" | "0" => Ok(None),
        "limited" | "tv" | "mpeg" | "1" => Ok(Some(Range::Limited)),
        "full" | "pc" | "jpeg" | "2" => Ok(Some(Range::Full)),
        other => Err(Error::unsupported(format!("scale: range '{other}'"), "auto, tv, pc")),
    }
}

fn matrix(text: &str) -> Result<Option<Matrix>> {
    match text {
        "auto" | "-1" => Ok(None),
        "bt601" | "bt470" | "bt470bg" | "smpte170m" => Ok(Some(Matrix::Bt601)),
        "bt709" => Ok(Some(Matrix::Bt709)),
        "bt2020" | "bt2020nc" => Ok(Some(Matrix::Bt2020)),
        other => Err(Error::unsupported(format!("scale: matrix '{other}'"), "auto, bt601, bt709, bt2020")),
    }
}
