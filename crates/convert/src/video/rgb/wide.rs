//! RGB from and to luma and chroma of 10 bits.

use brooklet_media::PixelFormat::{self, Bgr24, Rgb24, Rgba, Yuv420p10};
use brooklet_media::VideoFrame;
use yuv::{YuvPlanarImageMut, YuvRange, YuvStandardMatrix};

use super::{Done, PlanarDecoder};

type Encoder = fn(&mut YuvPlanarImageMut<u16>, &[u16], u32, YuvRange, YuvStandardMatrix) -> Done;

pub(super) fn decoder(source: PixelFormat, target: PixelFormat) -> PlanarDecoder<u16> {
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

pub(super) fn encoder(target: PixelFormat) -> Encoder {
    if target == Yuv420p10 { yuv::rgb10_to_i010 } else { yuv::rgb10_to_i210 }
}

/// R, G and B of 10 bits, rows without padding.
pub(super) fn rgb(from: &VideoFrame) -> Vec<u16> {
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
