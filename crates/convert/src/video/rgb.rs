//! Red, green and blue, from luma and chroma and back.
//!
//! Without the feature `direct`, RGB is in this order here alone, and chroma is in planes of its own; without `deep`, samples are of 8
//! bits. The plan sees to that.

#[cfg(feature = "direct")]
mod orders;
#[cfg(feature = "direct")]
mod pairs;
#[cfg(feature = "deep")]
mod wide;

use brooklet_media::{Color, Error, Matrix, PixelFormat, Range, Result, VideoFrame};
use yuv::{
    BufferStoreMut, YuvConversionMode, YuvError, YuvGrayImage, YuvGrayImageMut, YuvPlanarImage,
    YuvPlanarImageMut, YuvRange, YuvStandardMatrix,
};

use PixelFormat::*;

/// Y'CbCr or gray of `color` to RGB of one size. Chroma is not interpolated: each pixel takes the nearest, as in
/// ffmpeg's own unscaled conversion.
pub(crate) fn decode(from: &VideoFrame, to: &mut VideoFrame, color: Color) -> Result<()> {
    let (range, matrix) = terms(color);
    let (source, target) = (from.format(), to.format());
    let stride = to.stride(0) as u32;
    let rgb = &mut *to.planes_mut()[0];
    match source {
        Gray8 => gray_decoder(target)(&gray(from), rgb, stride, range, matrix),
        #[cfg(feature = "direct")]
        Nv12 => pairs::decoder(target)(&pairs::of(from), rgb, stride, range, matrix, MODE),
        #[cfg(feature = "deep")]
        Yuv420p10 | Yuv422p10 => wide::decoder(source, target)(&planar(from), rgb, stride, range, matrix),
        _ => planar_decoder(source, target)(&planar(from), rgb, stride, range, matrix),
    }
    .map_err(|what| failed(from, target, &what))
}

/// RGB to Y'CbCr or gray of `color` and of one size. Chroma is the mean of the pixels that share it.
pub(crate) fn encode(from: &VideoFrame, to: &mut VideoFrame, color: Color) -> Result<()> {
    let (range, matrix) = terms(color);
    let (source, target) = (from.format(), to.format());
    let (rgb, stride) = (from.plane(0), from.stride(0) as u32);
    match target {
        Gray8 => gray_encoder(source)(&mut gray_mut(to), rgb, stride, range, matrix),
        #[cfg(feature = "direct")]
        Nv12 => pairs::encoder(source)(&mut pairs::of_mut(to), rgb, stride, range, matrix, MODE),
        #[cfg(feature = "deep")]
        Yuv420p10 | Yuv422p10 => {
            wide::encoder(target)(&mut planar_mut(to), &wide::rgb(from), from.width() * 3, range, matrix)
        }
        _ => planar_encoder(source, target)(&mut planar_mut(to), rgb, stride, range, matrix, MODE),
    }
    .map_err(|what| failed(from, target, &what))
}

/// RGB in another order, or with alpha added or dropped.
pub(crate) fn shuffle(from: &VideoFrame, to: &mut VideoFrame) -> Result<()> {
    let (source, target) = (from.format(), to.format());
    let (width, height) = (from.width(), from.height());
    let stride = to.stride(0) as u32;
    let shuffle = match (source, target) {
        (Rgb24, Bgr24) | (Bgr24, Rgb24) => yuv::rgb_to_bgr,
        (Rgb24, Rgba) | (Bgr24, Bgra) => yuv::rgb_to_rgba,
        (Rgb24, _) | (Bgr24, _) => yuv::rgb_to_bgra,
        (Rgba, Rgb24) | (Bgra, Bgr24) => yuv::rgba_to_rgb,
        (Rgba, Bgr24) | (Bgra, Rgb24) => yuv::rgba_to_bgr,
        _ => yuv::rgba_to_bgra,
    };
    let rows = &mut *to.planes_mut()[0];
    shuffle(from.plane(0), from.stride(0) as u32, rows, stride, width, height)
        .map_err(|what| failed(from, target, &what))
}

/// The exact mode is slower and differs by at most one.
const MODE: YuvConversionMode = YuvConversionMode::Balanced;

type Done = Result<(), YuvError>;
type PlanarDecoder<T> = fn(&YuvPlanarImage<T>, &mut [u8], u32, YuvRange, YuvStandardMatrix) -> Done;
type PlanarEncoder =
    fn(&mut YuvPlanarImageMut<u8>, &[u8], u32, YuvRange, YuvStandardMatrix, YuvConversionMode) -> Done;
type GrayDecoder = fn(&YuvGrayImage<u8>, &mut [u8], u32, YuvRange, YuvStandardMatrix) -> Done;
type GrayEncoder = fn(&mut YuvGrayImageMut<u8>, &[u8], u32, YuvRange, YuvStandardMatrix) -> Done;

fn planar_decoder(source: PixelFormat, _target: PixelFormat) -> PlanarDecoder<u8> {
    #[cfg(feature = "direct")]
    if let Some(decoder) = orders::planar_decoder(source, _target) {
        return decoder;
    }
    match source {
        Yuv420p => yuv::yuv420_to_rgb,
        Yuv422p => yuv::yuv422_to_rgb,
        _ => yuv::yuv444_to_rgb,
    }
}

fn planar_encoder(_source: PixelFormat, target: PixelFormat) -> PlanarEncoder {
    #[cfg(feature = "direct")]
    if let Some(encoder) = orders::planar_encoder(_source, target) {
        return encoder;
    }
    match target {
        Yuv420p => yuv::rgb_to_yuv420,
        Yuv422p => yuv::rgb_to_yuv422,
        _ => yuv::rgb_to_yuv444,
    }
}

fn gray_decoder(_target: PixelFormat) -> GrayDecoder {
    #[cfg(feature = "direct")]
    if let Some(decoder) = orders::gray_decoder(_target) {
        return decoder;
    }
    yuv::yuv400_to_rgb
}

fn gray_encoder(_source: PixelFormat) -> GrayEncoder {
    #[cfg(feature = "direct")]
    if let Some(encoder) = orders::gray_encoder(_source) {
        return encoder;
    }
    yuv::rgb_to_yuv400
}

fn terms(color: Color) -> (YuvRange, YuvStandardMatrix) {
    let range = match color.range {
        Range::Limited => YuvRange::Limited,
        Range::Full => YuvRange::Full,
    };
    let matrix = match color.matrix {
        Matrix::Unspecified | Matrix::Bt601 => YuvStandardMatrix::Bt601,
        Matrix::Bt709 => YuvStandardMatrix::Bt709,
        Matrix::Bt2020 => YuvStandardMatrix::Bt2020,
    };
    (range, matrix)
}

/// The crate's word for a plane in three parts; its strides count samples.
fn planar<T: bytemuck::Pod + std::fmt::Debug>(frame: &VideoFrame) -> YuvPlanarImage<'_, T> {
    let stride = |plane| (frame.stride(plane) / size_of::<T>()) as u32;
    YuvPlanarImage {
        y_plane: bytemuck::cast_slice(frame.plane(0)),
        y_stride: stride(0),
        u_plane: bytemuck::cast_slice(frame.plane(1)),
        u_stride: stride(1),
        v_plane: bytemuck::cast_slice(frame.plane(2)),
        v_stride: stride(2),
        width: frame.width(),
        height: frame.height(),
    }
}

fn planar_mut<T: bytemuck::Pod + std::fmt::Debug>(frame: &mut VideoFrame) -> YuvPlanarImageMut<'_, T> {
    let (width, height) = (frame.width(), frame.height());
    let [y_stride, u_stride, v_stride] = [0, 1, 2].map(|plane| (frame.stride(plane) / size_of::<T>()) as u32);
    let [y, u, v] = frame.planes_mut().map(|plane| BufferStoreMut::Borrowed(bytemuck::cast_slice_mut(plane)));
    YuvPlanarImageMut { y_plane: y, y_stride, u_plane: u, u_stride, v_plane: v, v_stride, width, height }
}

fn gray(frame: &VideoFrame) -> YuvGrayImage<'_, u8> {
    YuvGrayImage {
        y_plane: frame.plane(0),
        y_stride: frame.stride(0) as u32,
        width: frame.width(),
        height: frame.height(),
    }
}

fn gray_mut(frame: &mut VideoFrame) -> YuvGrayImageMut<'_, u8> {
    let (width, height, y_stride) = (frame.width(), frame.height(), frame.stride(0) as u32);
    let [y, ..] = frame.planes_mut().map(BufferStoreMut::Borrowed);
    YuvGrayImageMut { y_plane: y, y_stride, width, height }
}

fn failed(from: &VideoFrame, to: PixelFormat, what: &YuvError) -> Error {
    Error::Usage(format!("can't convert {from:?} to {to}: {what}"))
}
