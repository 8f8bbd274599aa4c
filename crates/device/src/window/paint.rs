//! A picture into the pixels of a window: scaled, in its own shape, with black beside it.

use brooklet_convert::{Scaling, VideoConverter, VideoTarget};
use brooklet_media::{FramePool, PixelFormat, VideoFrame};

/// Paints one window.
pub(super) struct Painter {
    converter: VideoConverter,
}

impl Painter {
    pub(super) fn new() -> Self {
        Self { converter: VideoConverter::new(VideoTarget::default(), FramePool::new()) }
    }

    /// Fills all of `pixels`, rows of `size.0` pixels without padding, each red, green and blue in its lower 24 bits.
    /// What can't be converted is black.
    pub(super) fn paint(&mut self, picture: Option<&VideoFrame>, pixels: &mut [u32], size: (u32, u32)) {
        let placed = picture.and_then(|picture| {
            let (width, height) = fit(shape(picture), size);
            // Bilinear: bicubic takes twice as long and is hardly seen to move.
            let target = VideoTarget {
                format: Some(PixelFormat::Bgra),
                size: Some((width, height)),
                color: None,
                scaling: Scaling::Bilinear,
            };
            self.converter.set_target(target);
            self.converter.convert(picture).ok()
        });
        let Some(placed) = placed else { return pixels.fill(0) };
        let (width, height) = (placed.width() as usize, placed.height() as usize);
        let (left, above) = ((size.0 as usize - width) / 2, (size.1 as usize - height) / 2);
        let mut rows = pixels.chunks_exact_mut((size.0 as usize).max(1));
        rows.by_ref().take(above).for_each(|row| row.fill(0));
        for (row, painted) in rows.by_ref().zip(placed.rows(0)) {
            row[..left].fill(0);
            row[left + width..].fill(0);
            copy(&mut row[left..left + width], painted);
        }
        rows.for_each(|row| row.fill(0));
    }
}

/// Width to height as they are to be seen.
pub(super) fn shape(picture: &VideoFrame) -> (u64, u64) {
    let aspect = picture.sample_aspect;
    let (num, den) = if aspect.num() == 0 { (1, 1) } else { (aspect.num(), aspect.den()) };
    (u64::from(picture.width()) * u64::from(num), u64::from(picture.height()) * u64::from(den))
}

/// The largest rectangle of this shape in a window of `size`; at least a pixel.
pub(super) fn fit(shape: (u64, u64), size: (u32, u32)) -> (u32, u32) {
    let (width, height) = (u128::from(size.0), u128::from(size.1));
    let (across, down) = (u128::from(shape.0.max(1)), u128::from(shape.1.max(1)));
    // Rounded to the nearest pixel, which never is over the side.
    let scaled = |side: u128, to: u128, from: u128| (side * to + from / 2) / from;
    let (wide, high) = if width * down <= height * across {
        (width, scaled(width, down, across))
    } else {
        (scaled(height, across, down), height)
    };
    let side = |side: u128, most: u32| u32::try_from(side).unwrap_or(most).clamp(1, most.max(1));
    (side(wide, size.0), side(high, size.1))
}

/// Bytes B, G, R, A to numbers.
fn copy(pixels: &mut [u32], bytes: &[u8]) {
    for (pixel, bytes) in pixels.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *pixel = u32::from_le_bytes(*bytes) & 0x00ff_ffff;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::Rational;

    fn red(width: u32, height: u32) -> VideoFrame {
        let raw: Vec<u8> = [255, 0, 0].repeat((width * height) as usize);
        VideoFrame::from_raw(&FramePool::new(), PixelFormat::Rgb24, width, height, &raw).unwrap()
    }

    #[test]
    fn pictures_keep_their_shape() {
        assert_eq!(fit((16, 9), (1280, 720)), (1280, 720));
        assert_eq!(fit((16, 9), (800, 800)), (800, 450));
        assert_eq!(fit((4, 3), (1920, 1080)), (1440, 1080));
        assert_eq!(fit((10_000, 1), (100, 100)), (100, 1));
        assert_eq!(fit((1, 10_000), (100, 1)), (1, 1));
        let mut anamorphic = red(720, 576);
        anamorphic.sample_aspect = Rational::new(64, 45).unwrap();
        assert_eq!(fit(shape(&anamorphic), (1600, 900)), (1600, 900));
    }

    #[test]
    fn there_is_black_beside_it_and_nothing_else() {
        let mut pixels = vec![7; 8 * 6];
        Painter::new().paint(Some(&red(16, 8)), &mut pixels, (8, 6));
        let expected = [vec![0; 8], vec![0xff_0000; 32], vec![0; 8]].concat();
        assert_eq!(pixels, expected);
        Painter::new().paint(Some(&red(2, 8)), &mut pixels, (8, 6));
        let row = [0, 0, 0, 0xff_0000, 0xff_0000, 0, 0, 0];
        assert_eq!(pixels, row.repeat(6));
        Painter::new().paint(None, &mut pixels, (8, 6));
        assert_eq!(pixels, vec![0; 48]);
    }
}
