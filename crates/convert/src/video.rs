//! Pictures into another pixel format, size or colour.

mod chroma;
mod depth;
mod plan;
mod recolor;
mod rgb;
mod scale;
mod transpose;

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

#[cfg(test)]
mod tests {
    use brooklet_media::{Matrix, Range, TimeBase};
    use proptest::prelude::*;

    use super::*;

    fn convert(input: &VideoFrame, target: VideoTarget) -> VideoFrame {
        VideoConverter::new(target, FramePool::new()).convert(input).unwrap()
    }

    fn to(format: PixelFormat) -> VideoTarget {
        VideoTarget { format: Some(format), ..VideoTarget::default() }
    }

    /// A picture of one colour.
    fn flat(format: PixelFormat, width: u32, height: u32, raw: &[u8]) -> VideoFrame {
        let mut frame = VideoFrame::new(&FramePool::new(), format, width, height).unwrap();
        let mut raw = raw.iter();
        for plane in 0..format.planes() {
            let stride = frame.stride(plane);
            let unit: Vec<u8> = raw.by_ref().take(format.row_bytes(plane, 1)).copied().collect();
            for row in frame.planes_mut()[plane].chunks_exact_mut(stride) {
                row.chunks_mut(unit.len()).for_each(|bytes| bytes.copy_from_slice(&unit[..bytes.len()]));
            }
        }
        frame
    }

    fn pixel(frame: &VideoFrame) -> Vec<u8> {
        let format = frame.format();
        (0..format.planes())
            .flat_map(|plane| frame.plane(plane)[..format.row_bytes(plane, 1)].to_vec())
            .collect()
    }

    #[test]
    fn red_is_what_the_standards_say() {
        let red = flat(PixelFormat::Rgb24, 16, 16, &[255, 0, 0]);
        // ITU-R BT.601 and BT.709, 8 bits; full range as in JFIF.
        for (range, matrix, expected) in [
            (Range::Limited, Matrix::Unspecified, [81, 90, 240]),
            (Range::Limited, Matrix::Bt601, [81, 90, 240]),
            (Range::Limited, Matrix::Bt709, [63, 102, 240]),
            (Range::Full, Matrix::Bt601, [76, 85, 255]),
            (Range::Limited, Matrix::Bt2020, [74, 97, 240]),
        ] {
            let color = Color { range, matrix };
            for format in [PixelFormat::Yuv420p, PixelFormat::Yuv444p, PixelFormat::Nv12] {
                let coded = convert(&red, VideoTarget { color: Some(color), ..to(format) });
                let near = pixel(&coded).iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 1);
                assert!(near, "{format} {color:?} {:?}", pixel(&coded));
                assert_eq!(coded.color, color);
                let back = convert(&coded, to(PixelFormat::Rgba));
                let near = pixel(&back).iter().zip([255, 0, 0, 255]).all(|(a, b)| a.abs_diff(b) <= 2);
                assert!(near, "{format} {color:?} {:?}", pixel(&back));
            }
        }
    }

    #[test]
    fn gray_is_full_range() {
        let white = flat(PixelFormat::Yuv420p, 4, 4, &[235, 128, 128]);
        let gray = convert(&white, to(PixelFormat::Gray8));
        assert_eq!((pixel(&gray), gray.color.range), (vec![255], Range::Full));
        assert_eq!(pixel(&convert(&gray, to(PixelFormat::Yuv420p))), [235, 128, 128]);
        assert_eq!(pixel(&convert(&gray, to(PixelFormat::Bgra))), [255; 4]);
    }

    #[test]
    fn ten_bits_come_from_eight_and_go_back() {
        let eight = flat(PixelFormat::Yuv422p, 6, 6, &[100, 90, 240]);
        let ten = convert(&eight, to(PixelFormat::Yuv422p10));
        assert_eq!(bytemuck::cast_slice::<u8, u16>(&pixel(&ten)), [400, 360, 960]);
        assert_eq!(pixel(&convert(&ten, to(PixelFormat::Yuv422p))), [100, 90, 240]);
    }

    #[test]
    fn another_matrix_shows_the_same_colour() {
        let bt709 = Color { range: Range::Limited, matrix: Matrix::Bt709 };
        let full = Color { range: Range::Full, matrix: Matrix::Bt601 };
        let orange = flat(PixelFormat::Rgb24, 8, 8, &[200, 120, 40]);
        let coded = convert(&orange, VideoTarget { color: Some(bt709), ..to(PixelFormat::Yuv420p) });
        let recoded = convert(&coded, VideoTarget { color: Some(full), ..VideoTarget::default() });
        assert_ne!(pixel(&coded), pixel(&recoded));
        let shown = convert(&recoded, to(PixelFormat::Rgb24));
        assert!(
            pixel(&shown).iter().zip([200, 120, 40]).all(|(a, b)| a.abs_diff(b) <= 2),
            "{:?}",
            pixel(&shown)
        );
    }

    #[test]
    fn nothing_to_do_copies_nothing() {
        let frame = flat(PixelFormat::Yuv420p, 8, 8, &[1, 2, 3]);
        let same = convert(&frame, VideoTarget { size: Some((8, 8)), ..to(PixelFormat::Yuv420p) });
        assert_eq!(same.plane(0).as_ptr(), frame.plane(0).as_ptr());
    }

    #[test]
    fn times_and_shape_stay() {
        let mut frame = flat(PixelFormat::Yuv420p, 64, 36, &[1, 2, 3]);
        (frame.pts, frame.duration, frame.time_base, frame.key) = (7, 2, TimeBase::MILLIS, true);
        let small = convert(&frame, VideoTarget { size: Some((32, 36)), ..VideoTarget::default() });
        assert_eq!((small.pts, small.duration, small.time_base, small.key), (7, 2, TimeBase::MILLIS, true));
        assert_eq!(small.sample_aspect, Rational::whole(2));
    }

    #[test]
    fn the_input_may_change() {
        let mut converter = VideoConverter::new(
            VideoTarget { size: Some((10, 6)), ..to(PixelFormat::Rgb24) },
            FramePool::new(),
        );
        for frame in [
            flat(PixelFormat::Yuv420p, 20, 12, &[235, 128, 128]),
            flat(PixelFormat::Bgra, 5, 3, &[255; 4]),
            flat(PixelFormat::Nv12, 33, 1, &[235, 128, 128]),
        ] {
            let out = converter.convert(&frame).unwrap();
            assert_eq!((out.width(), out.height(), pixel(&out)), (10, 6, vec![255; 3]));
        }
    }

    #[test]
    fn a_linear_ramp_stays_linear() {
        for scaling in [Scaling::Bilinear, Scaling::Bicubic, Scaling::Lanczos, Scaling::Area] {
            let mut ramp = VideoFrame::new(&FramePool::new(), PixelFormat::Gray8, 64, 4).unwrap();
            let stride = ramp.stride(0);
            for row in ramp.planes_mut()[0].chunks_exact_mut(stride) {
                row.iter_mut().enumerate().for_each(|(x, sample)| *sample = (x * 4) as u8);
            }
            let small =
                convert(&ramp, VideoTarget { size: Some((32, 4)), scaling, ..VideoTarget::default() });
            for (x, sample) in small.plane(0)[4..28].iter().enumerate() {
                assert!(sample.abs_diff((x as u8 + 4) * 8 + 2) <= 1, "{scaling:?} {x}");
            }
        }
    }

    fn any_format() -> impl Strategy<Value = PixelFormat> {
        prop::sample::select(PixelFormat::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn a_flat_picture_stays_flat(
            (from, into) in (any_format(), any_format()),
            (width, height) in (1u32..40, 1u32..20),
            (new_width, new_height) in (1u32..40, 1u32..20),
            level in 40u8..220,
        ) {
            // A mid gray, whatever the path and the sizes.
            let raw = match from {
                PixelFormat::Yuv420p10 | PixelFormat::Yuv422p10 => {
                    let luma = (u16::from(level) * 4).to_ne_bytes();
                    let none = 512u16.to_ne_bytes();
                    [luma, none, none].concat()
                }
                format if format.is_yuv() => vec![level, 128, 128],
                _ => vec![level, level, level, 255],
            };
            let input = flat(from, width, height, &raw);
            let target = VideoTarget { size: Some((new_width, new_height)), ..to(into) };
            let output = convert(&input, target);
            let gray = convert(&output, to(PixelFormat::Gray8));
            let expected = if from.is_yuv() && from != PixelFormat::Gray8 {
                (f64::from(level) - 16.0) * 255.0 / 219.0
            } else {
                level.into()
            };
            for row in gray.rows(0) {
                for sample in row {
                    prop_assert!((f64::from(*sample) - expected).abs() <= 3.0, "{} not {expected}", sample);
                }
            }
        }
    }
}
