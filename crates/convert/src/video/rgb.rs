//! Red, green and blue, from luma and chroma and back.

use brooklet_media::{Color, Error, Matrix, PixelFormat, Range, Result, VideoFrame};
use yuv::{
    BufferStoreMut, YuvBiPlanarImage, YuvBiPlanarImageMut, YuvConversionMode, YuvError, YuvGrayImage,
    YuvGrayImageMut, YuvPlanarImage, YuvPlanarImageMut, YuvRange, YuvStandardMatrix,
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
        Nv12 => pair_decoder(target)(&pairs(from), rgb, stride, range, matrix, MODE),
        Yuv420p10 | Yuv422p10 => wide_decoder(source, target)(&planar(from), rgb, stride, range, matrix),
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
        Nv12 => pair_encoder(source)(&mut pairs_mut(to), rgb, stride, range, matrix, MODE),
        Yuv420p10 | Yuv422p10 => {
            let encode = if target == Yuv420p10 { yuv::rgb10_to_i010 } else { yuv::rgb10_to_i210 };
            encode(&mut planar_mut(to), &wide_rgb(from), from.width() * 3, range, matrix)
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
type PairDecoder =
    fn(&YuvBiPlanarImage<u8>, &mut [u8], u32, YuvRange, YuvStandardMatrix, YuvConversionMode) -> Done;
type PairEncoder =
    fn(&mut YuvBiPlanarImageMut<u8>, &[u8], u32, YuvRange, YuvStandardMatrix, YuvConversionMode) -> Done;
type GrayDecoder = fn(&YuvGrayImage<u8>, &mut [u8], u32, YuvRange, YuvStandardMatrix) -> Done;
type GrayEncoder = fn(&mut YuvGrayImageMut<u8>, &[u8], u32, YuvRange, YuvStandardMatrix) -> Done;

fn planar_decoder(source: PixelFormat, target: PixelFormat) -> PlanarDecoder<u8> {
    match (source, target) {
        (Yuv420p, Rgb24) => yuv::yuv420_to_rgb,
        (Yuv420p, Bgr24) => yuv::yuv420_to_bgr,
        (Yuv420p, Rgba) => yuv::yuv420_to_rgba,
        (Yuv420p, _) => yuv::yuv420_to_bgra,
        (Yuv422p, Rgb24) => yuv::yuv422_to_rgb,
        (Yuv422p, Bgr24) => yuv::yuv422_to_bgr,
        (Yuv422p, Rgba) => yuv::yuv422_to_rgba,
        (Yuv422p, _) => yuv::yuv422_to_bgra,
        (_, Rgb24) => yuv::yuv444_to_rgb,
        (_, Bgr24) => yuv::yuv444_to_bgr,
        (_, Rgba) => yuv::yuv444_to_rgba,
        (_, _) => yuv::yuv444_to_bgra,
    }
}

fn wide_decoder(source: PixelFormat, target: PixelFormat) -> PlanarDecoder<u16> {
    match (source, target) {
        (Yuv420p10, Rgb24) => yuv::i010_to_rgb,
        (Yuv420p10, Bgr24) => yuv::i010_to_bgr,
        (Yuv420p10, Rgba) => yuv::i010_to_rgba,
        (Yuv420p10, _) => yuv::i010_to_bgra,
        (_, Rgb24) => yuv::i210_to_rgb,
        (_, Bgr24) => yuv::i210_to_bgr,
        (_, Rgba) => yuv::i210_to_rgba,
        (_, _) => yuv::i210_to_bgra,
    }
}

fn pair_decoder(target: PixelFormat) -> PairDecoder {
    match target {
        Rgb24 => yuv::yuv_nv12_to_rgb,
        Bgr24 => yuv::yuv_nv12_to_bgr,
        Rgba => yuv::yuv_nv12_to_rgba,
        _ => yuv::yuv_nv12_to_bgra,
    }
}

fn gray_decoder(target: PixelFormat) -> GrayDecoder {
    match target {
        Rgb24 => yuv::yuv400_to_rgb,
        Bgr24 => yuv::yuv400_to_bgr,
        Rgba => yuv::yuv400_to_rgba,
        _ => yuv::yuv400_to_bgra,
    }
}

fn planar_encoder(source: PixelFormat, target: PixelFormat) -> PlanarEncoder {
    match (source, target) {
        (Rgb24, Yuv420p) => yuv::rgb_to_yuv420,
        (Bgr24, Yuv420p) => yuv::bgr_to_yuv420,
        (Rgba, Yuv420p) => yuv::rgba_to_yuv420,
        (_, Yuv420p) => yuv::bgra_to_yuv420,
        (Rgb24, Yuv422p) => yuv::rgb_to_yuv422,
        (Bgr24, Yuv422p) => yuv::bgr_to_yuv422,
        (Rgba, Yuv422p) => yuv::rgba_to_yuv422,
        (_, Yuv422p) => yuv::bgra_to_yuv422,
        (Rgb24, _) => yuv::rgb_to_yuv444,
        (Bgr24, _) => yuv::bgr_to_yuv444,
        (Rgba, _) => yuv::rgba_to_yuv444,
        (_, _) => yuv::bgra_to_yuv444,
    }
}

fn pair_encoder(source: PixelFormat) -> PairEncoder {
    match source {
        Rgb24 => yuv::rgb_to_yuv_nv12,
        Bgr24 => yuv::bgr_to_yuv_nv12,
        Rgba => yuv::rgba_to_yuv_nv12,
        _ => yuv::bgra_to_yuv_nv12,
    }
}

fn gray_encoder(source: PixelFormat) -> GrayEncoder {
    match source {
        Rgb24 => yuv::rgb_to_yuv400,
        Bgr24 => yuv::bgr_to_yuv400,
        Rgba => yuv::rgba_to_yuv400,
        _ => yuv::bgra_to_yuv400,
    }
}

/// R, G and B of 10 bits, rows without padding.
fn wide_rgb(from: &VideoFrame) -> Vec<u16> {
    let (step, blue_first) = match from.format() {
        Rgb24 => (3, false),
        Bgr24 => (3, true),
        Rgba => (4, false),
        _ => (4, true),
    };
    let widen = |byte: u8| u16::from(byte) << 2 | u16::from(byte) >> 6;
    let mut wide = Vec::with_capacity(from.width() as usize * from.height() as usize * 3);
    for row in from.rows(0) {
        for pixel in row.chunks_exact(step) {
            let [first, green, last] = [pixel[0], pixel[1], pixel[2]].map(widen);
            wide.extend_from_slice(&if blue_first { [last, green, first] } else { [first, green, last] });
        }
    }
    wide
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

fn pairs(frame: &VideoFrame) -> YuvBiPlanarImage<'_, u8> {
    YuvBiPlanarImage {
        y_plane: frame.plane(0),
        y_stride: frame.stride(0) as u32,
        uv_plane: frame.plane(1),
        uv_stride: frame.stride(1) as u32,
        width: frame.width(),
        height: frame.height(),
    }
}

fn pairs_mut(frame: &mut VideoFrame) -> YuvBiPlanarImageMut<'_, u8> {
    let (width, height) = (frame.width(), frame.height());
    let [y_stride, uv_stride] = [0, 1].map(|plane| frame.stride(plane) as u32);
    let [y, uv, _] = frame.planes_mut().map(BufferStoreMut::Borrowed);
    YuvBiPlanarImageMut { y_plane: y, y_stride, uv_plane: uv, uv_stride, width, height }
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
