//! Luma and chroma from and to the orders of RGB other than R, G, B.

use brooklet_media::PixelFormat::{self, Bgr24, Bgra, Rgba, Yuv420p, Yuv422p, Yuv444p};

use super::{GrayDecoder, GrayEncoder, PlanarDecoder, PlanarEncoder};

pub(super) fn planar_decoder(source: PixelFormat, target: PixelFormat) -> Option<PlanarDecoder<u8>> {
    Some(match (source, target) {
        (Yuv420p, Bgr24) => yuv::yuv420_to_bgr,
        (Yuv420p, Rgba) => yuv::yuv420_to_rgba,
        (Yuv420p, Bgra) => yuv::yuv420_to_bgra,
        (Yuv422p, Bgr24) => yuv::yuv422_to_bgr,
        (Yuv422p, Rgba) => yuv::yuv422_to_rgba,
        (Yuv422p, Bgra) => yuv::yuv422_to_bgra,
        (Yuv444p, Bgr24) => yuv::yuv444_to_bgr,
        (Yuv444p, Rgba) => yuv::yuv444_to_rgba,
        (Yuv444p, Bgra) => yuv::yuv444_to_bgra,
        _ => return None,
    })
}

pub(super) fn planar_encoder(source: PixelFormat, target: PixelFormat) -> Option<PlanarEncoder> {
    Some(match (source, target) {
        (Bgr24, Yuv420p) => yuv::bgr_to_yuv420,
        (Rgba, Yuv420p) => yuv::rgba_to_yuv420,
        (Bgra, Yuv420p) => yuv::bgra_to_yuv420,
        (Bgr24, Yuv422p) => yuv::bgr_to_yuv422,
        (Rgba, Yuv422p) => yuv::rgba_to_yuv422,
        (Bgra, Yuv422p) => yuv::bgra_to_yuv422,
        (Bgr24, Yuv444p) => yuv::bgr_to_yuv444,
        (Rgba, Yuv444p) => yuv::rgba_to_yuv444,
        (Bgra, Yuv444p) => yuv::bgra_to_yuv444,
        _ => return None,
    })
}

pub(super) fn gray_decoder(target: PixelFormat) -> Option<GrayDecoder> {
    Some(match target {
        Bgr24 => yuv::yuv400_to_bgr,
        Rgba => yuv::yuv400_to_rgba,
        Bgra => yuv::yuv400_to_bgra,
        _ => return None,
    })
}

pub(super) fn gray_encoder(source: PixelFormat) -> Option<GrayEncoder> {
    Some(match source {
        Bgr24 => yuv::bgr_to_yuv400,
        Rgba => yuv::rgba_to_yuv400,
        Bgra => yuv::bgra_to_yuv400,
        _ => return None,
    })
}
