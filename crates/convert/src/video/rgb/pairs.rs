//! RGB from and to a plane of luma and one of chroma in pairs.

use brooklet_media::PixelFormat::{self, Bgr24, Rgb24, Rgba};
use brooklet_media::VideoFrame;
use yuv::{
    BufferStoreMut, YuvBiPlanarImage, YuvBiPlanarImageMut, YuvConversionMode, YuvRange, YuvStandardMatrix,
};

use super::Done;

type Decoder =
    fn(&YuvBiPlanarImage<u8>, &mut [u8], u32, YuvRange, YuvStandardMatrix, YuvConversionMode) -> Done;
type Encoder =
    fn(&mut YuvBiPlanarImageMut<u8>, &[u8], u32, YuvRange, YuvStandardMatrix, YuvConversionMode) -> Done;

pub(super) fn decoder(target: PixelFormat) -> Decoder {
    match target {
        Rgb24 => yuv::yuv_nv12_to_rgb,
        Bgr24 => yuv::yuv_nv12_to_bgr,
        Rgba => yuv::yuv_nv12_to_rgba,
        _ => yuv::yuv_nv12_to_bgra,
    }
}

pub(super) fn encoder(source: PixelFormat) -> Encoder {
    match source {
        Rgb24 => yuv::rgb_to_yuv_nv12,
        Bgr24 => yuv::bgr_to_yuv_nv12,
        Rgba => yuv::rgba_to_yuv_nv12,
        _ => yuv::bgra_to_yuv_nv12,
    }
}

pub(super) fn of(frame: &VideoFrame) -> YuvBiPlanarImage<'_, u8> {
    YuvBiPlanarImage {
        y_plane: frame.plane(0),
        y_stride: frame.stride(0) as u32,
        uv_plane: frame.plane(1),
        uv_stride: frame.stride(1) as u32,
        width: frame.width(),
        height: frame.height(),
    }
}

pub(super) fn of_mut(frame: &mut VideoFrame) -> YuvBiPlanarImageMut<'_, u8> {
    let (width, height) = (frame.width(), frame.height());
    let [y_stride, uv_stride] = [0, 1].map(|plane| frame.stride(plane) as u32);
    let [y, uv, _] = frame.planes_mut().map(BufferStoreMut::Borrowed);
    YuvBiPlanarImageMut { y_plane: y, y_stride, uv_plane: uv, uv_stride, width, height }
}
