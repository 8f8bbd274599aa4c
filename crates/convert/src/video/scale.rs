//! Pictures to another size, plane by plane.

use std::str::FromStr;

use brooklet_media::{Error, PixelFormat, Result, VideoFrame};
use fast_image_resize::images::{TypedCroppedImage, TypedCroppedImageMut, TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8;
#[cfg(feature = "deep")]
use fast_image_resize::pixels::U16;
use fast_image_resize::{Filter, FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use super::plan::is_10_bit;
use super::transpose::transpose;

/// How pixels are interpolated, under ffmpeg's names. All but the nearest one widen their kernel to take every
/// pixel into account where the picture shrinks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Scaling {
    /// `neighbor`: the nearest pixel.
    Nearest,
    /// `bilinear`: straight lines between pixels.
    Bilinear,
    /// `bicubic`, the default: cubic curves through pixels, as sharp as ffmpeg's.
    #[default]
    Bicubic,
    /// `area`: the mean of the pixels that one covers.
    Area,
    /// `lanczos`: a windowed sinc over six pixels.
    Lanczos,
}

impl FromStr for Scaling {
    type Err = Error;

    /// Takes the value of `flags=` of ffmpeg's `scale`: names joined by `+`, of which those that ask for
    /// exactness have nothing to change here.
    fn from_str(flags: &str) -> Result<Self> {
        let mut scaling = Self::default();
        for flag in flags.split(['+', '|']).map(str::trim).filter(|flag| !flag.is_empty()) {
            scaling = match flag {
                "neighbor" | "neighbour" | "point" => Self::Nearest,
                "bilinear" | "fast_bilinear" => Self::Bilinear,
                "bicubic" => Self::Bicubic,
                "area" => Self::Area,
                "lanczos" => Self::Lanczos,
                "accurate_rnd" | "full_chroma_int" | "full_chroma_inp" | "bitexact" => scaling,
                other => {
                    return Err(Error::unsupported(
                        format!("scaling '{other}'"),
                        "neighbor, bilinear, fast_bilinear, bicubic, area, lanczos",
                    ));
                }
            };
        }
        Ok(scaling)
    }
}

/// Scales pictures, keeping its buffers from one to the next.
#[derive(Debug)]
pub(crate) struct Scaler {
    resizer: Resizer,
    options: ResizeOptions,
    /// Half way, upright.
    between: Vec<u8>,
    /// Lying on its side, before and after.
    lying: [Vec<u8>; 2],
}

impl Scaler {
    pub(crate) fn new(scaling: Scaling) -> Self {
        let filter = match scaling {
            Scaling::Nearest => None,
            Scaling::Bilinear => Some(FilterType::Bilinear),
            Scaling::Bicubic => {
                let filter = Filter::new("bicubic", bicubic, 2.0);
                Some(filter.map_or(FilterType::CatmullRom, FilterType::Custom))
            }
            Scaling::Area => Some(FilterType::Box),
            Scaling::Lanczos => Some(FilterType::Lanczos3),
        };
        let algorithm = filter.map_or(ResizeAlg::Nearest, ResizeAlg::Convolution);
        Self {
            resizer: Resizer::new(),
            options: ResizeOptions::new().resize_alg(algorithm).use_alpha(false),
            between: Vec::new(),
            lying: Default::default(),
        }
    }

    /// Fills every plane of `to` from that of `from`, whose samples have the same depth and order; the number
    /// of chroma samples may differ.
    pub(crate) fn run(&mut self, from: &VideoFrame, to: &mut VideoFrame) -> Result<()> {
        let format = to.format();
        let sizes = |frame: &VideoFrame, plane: usize| {
            let bytes = frame.format().row_bytes(plane, frame.width()) / unit_bytes(frame.format());
            (bytes as u32, frame.format().rows(plane, frame.height()) as u32)
        };
        for plane in 0..format.planes() {
            let source =
                View { bytes: from.plane(plane), stride: from.stride(plane), size: sizes(from, plane) };
            let (stride, size) = (to.stride(plane), sizes(to, plane));
            let target = ViewMut { bytes: &mut *to.planes_mut()[plane], stride, size };
            match unit_bytes(format) {
                #[cfg(feature = "deep")]
                2 => self.resize::<U16>(&source, target),
                unit => self.samples(&source, target, unit),
            }
            .map_err(|what| Error::Usage(format!("can't scale {from:?} to {size:?}: {what}")))?;
            if is_10_bit(format) {
                clamp_to_10_bits(to.planes_mut()[plane]);
            }
        }
        Ok(())
    }

    /// Pixels of so many bytes, each a sample of its own. Down the columns many of them are computed at once, along a
    /// row they are not: so a picture that changes its width is laid on its side for that.
    fn samples(&mut self, source: &View, target: ViewMut, unit: usize) -> Result<(), String> {
        let ((width, height), (new_width, new_height)) = (source.size, target.size);
        let nearest = self.options.algorithm == ResizeAlg::Nearest;
        if width == new_width || nearest && unit == 1 {
            return self.resize::<U8>(&source.in_bytes(unit), target.in_bytes(unit));
        }
        // The pass that leaves less to do for the other comes first.
        let mut between = std::mem::take(&mut self.between);
        let done = if new_height == height {
            self.across(source, target, unit)
        } else if new_height < height {
            let mut upright = ViewMut::of(&mut between, (width, new_height), unit);
            let down = self.resize::<U8>(&source.in_bytes(unit), upright.again().in_bytes(unit));
            down.and_then(|()| self.across(&upright.view(), target, unit))
        } else {
            let mut upright = ViewMut::of(&mut between, (new_width, height), unit);
            let across = self.across(source, upright.again(), unit);
            across.and_then(|()| self.resize::<U8>(&upright.view().in_bytes(unit), target.in_bytes(unit)))
        };
        self.between = between;
        done
    }

    /// Changes the width alone.
    fn across(&mut self, source: &View, target: ViewMut, unit: usize) -> Result<(), String> {
        let (width, height, new_width) = (source.size.0, source.size.1, target.size.0);
        let [mut before, mut after] = std::mem::take(&mut self.lying);
        let mut lying = ViewMut::of(&mut before, (height, width), unit);
        let mut scaled = ViewMut::of(&mut after, (height, new_width), unit);
        transpose(source, lying.again(), unit);
        let done = self.resize::<U8>(&lying.view().in_bytes(unit), scaled.again().in_bytes(unit));
        transpose(&scaled.view(), target, unit);
        self.lying = [before, after];
        done
    }

    /// One plane, in place.
    fn resize<P: PixelTrait>(&mut self, source: &View, target: ViewMut) -> Result<(), String> {
        let source_pixels = (source.stride / P::size()) as u32;
        let target_pixels = (target.stride / P::size()) as u32;
        let whole = TypedImageRef::<P>::from_buffer(source_pixels, source.size.1, source.bytes);
        let whole = whole.map_err(|e| e.to_string())?;
        let view = TypedCroppedImage::new(whole, 0, 0, source.size.0, source.size.1);
        let whole = TypedImage::<P>::from_buffer(target_pixels, target.size.1, target.bytes);
        let whole = whole.map_err(|e| e.to_string())?;
        let view_mut = TypedCroppedImageMut::new(whole, 0, 0, target.size.0, target.size.1);
        let (view, mut view_mut) = (view.map_err(|e| e.to_string())?, view_mut.map_err(|e| e.to_string())?);
        self.resizer.resize_typed(&view, &mut view_mut, &self.options).map_err(|e| e.to_string())
    }
}

/// A plane: rows `stride` bytes apart, `size` in pixels.
pub(super) struct View<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) stride: usize,
    pub(super) size: (u32, u32),
}

impl<'a> View<'a> {
    /// The same rows, where pixels of `unit` bytes are as many pixels of one.
    fn in_bytes(&self, unit: usize) -> View<'a> {
        View { size: (self.size.0 * unit as u32, self.size.1), ..*self }
    }
}

/// [`View`], to be written.
pub(super) struct ViewMut<'a> {
    pub(super) bytes: &'a mut [u8],
    pub(super) stride: usize,
    pub(super) size: (u32, u32),
}

impl<'a> ViewMut<'a> {
    /// A plane of pixels of `unit` bytes in `buffer`, its rows padded as those of frames are.
    fn of(buffer: &'a mut Vec<u8>, size: (u32, u32), unit: usize) -> Self {
        let stride = (size.0 as usize * unit).next_multiple_of(64);
        buffer.resize(stride * size.1 as usize, 0);
        Self { bytes: buffer, stride, size }
    }

    /// [`View::in_bytes`].
    fn in_bytes(self, unit: usize) -> Self {
        Self { size: (self.size.0 * unit as u32, self.size.1), ..self }
    }

    fn again(&mut self) -> ViewMut<'_> {
        ViewMut { bytes: self.bytes, ..*self }
    }

    fn view(&self) -> View<'_> {
        View { bytes: self.bytes, stride: self.stride, size: self.size }
    }
}

/// Bytes of what is scaled as one pixel.
const fn unit_bytes(format: PixelFormat) -> usize {
    match format {
        PixelFormat::Rgb24 | PixelFormat::Bgr24 => 3,
        PixelFormat::Rgba | PixelFormat::Bgra => 4,
        PixelFormat::Yuv420p10 | PixelFormat::Yuv422p10 => 2,
        _ => 1,
    }
}

/// Curves overshoot: no sample may leave its 10 bits.
fn clamp_to_10_bits(plane: &mut [u8]) {
    for sample in bytemuck::cast_slice_mut::<u8, u16>(plane) {
        *sample = (*sample).min(1023);
    }
}

/// The cubic kernel of ffmpeg's scaler: B = 0, C = 0.6 (Mitchell and Netravali 1988).
fn bicubic(x: f64) -> f64 {
    const A: f64 = -0.6;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A
    } else {
        0.0
    }
}
