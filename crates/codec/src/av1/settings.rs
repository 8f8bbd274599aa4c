//! From what the user asks to what the encoder library takes.

use brooklet_media::{Color, Error, Matrix, PixelFormat, Range, Result};
use rav1e::prelude::{
    ChromaSampling, ColorDescription, ColorPrimaries, EncoderConfig, MatrixCoefficients, PixelRange,
    Rational, SceneDetectionSpeed, TransferCharacteristics,
};

use super::NAME;
use crate::VideoEncode;

/// The smallest width and height that the library encodes.
const SMALLEST: u32 = 16;

/// Distance of key frames where none is asked for, in pictures, and where someone is waiting, in seconds: as for H.264.
const FILE_GOP: u64 = 250;
const LIVE_GOP: f64 = 2.0;

/// x264's names of presets, fastest first; the speed of the library that each stands for.
const PRESETS: [(&str, u8); 10] = [
    ("ultrafast", 10),
    ("superfast", 10),
    ("veryfast", 10),
    ("faster", 9),
    ("fast", 9),
    ("medium", 8),
    ("slow", 7),
    ("slower", 6),
    ("veryslow", 4),
    ("placebo", 0),
];

/// Quality where none is asked for, of 0 to 63: the library's own.
const QUALITY: f32 = 25.0;
/// The quality that is worst.
const WORST: f32 = 63.0;

/// The library's configuration.
pub(super) fn settings(video: &VideoEncode) -> Result<EncoderConfig> {
    let (width, height) = (video.width, video.height);
    brooklet_media::VideoFrame::check_size(width, height)?;
    if width < SMALLEST || height < SMALLEST {
        let what = format!("AV1 of {width}x{height}");
        return Err(Error::unsupported(what, format!("{SMALLEST}x{SMALLEST} and more")));
    }
    let mut settings = EncoderConfig::with_speed_preset(speed(video.preset.as_deref())?);
    (settings.width, settings.height) = (width as usize, height as usize);
    settings.time_base = Rational::new(video.frame_rate.den().into(), video.frame_rate.num().into());
    settings.sample_aspect_ratio =
        Rational::new(video.sample_aspect.num().into(), video.sample_aspect.den().into());
    settings.chroma_sampling = ChromaSampling::Cs420;
    settings.pixel_range = match video.color.range {
        Range::Full => PixelRange::Full,
        Range::Limited => PixelRange::Limited,
    };
    settings.color_description = description(video.color);
    let gop = match video.gop {
        Some(gop) => u64::from(gop.max(1)),
        None if video.live => (LIVE_GOP * video.frame_rate.as_f64()).ceil().max(1.0) as u64,
        None => FILE_GOP,
    };
    settings.set_key_frame_interval(gop.min(12), gop);
    match (video.quality, video.bit_rate) {
        (None, Some(rate)) => settings.bitrate = i32::try_from(rate).unwrap_or(i32::MAX).max(1),
        (quality, _) => settings.quantizer = quantizer(quality.unwrap_or(QUALITY)),
    }
    if video.live {
        // Four pictures late instead of a dozen, and key frames where they are due only.
        settings.low_latency = true;
        settings.speed_settings.rdo_lookahead_frames = 1;
        settings.speed_settings.scene_detection_mode = SceneDetectionSpeed::None;
    }
    Ok(settings)
}

/// Refuses what is not in 4:2:0 of 8 bits.
pub(super) fn check_format(format: PixelFormat) -> Result<()> {
    match format {
        PixelFormat::Yuv420p => Ok(()),
        other => Err(Error::unsupported(format!("pixel format {other} in {NAME}"), "yuv420p")),
    }
}

/// From x264's names, or a number: 0 is slowest, as for `librav1e` and `libsvtav1`.
fn speed(preset: Option<&str>) -> Result<u8> {
    let preset = preset.unwrap_or("veryfast");
    let named = PRESETS.iter().find(|(name, _)| *name == preset).map(|(_, speed)| *speed);
    // SVT-AV1 counts to 13.
    let numbered = || preset.parse::<u8>().ok().filter(|number| *number <= 13).map(|number| number.min(10));
    named.or_else(numbered).ok_or_else(|| {
        let names: Vec<_> = PRESETS.iter().map(|(name, _)| *name).collect();
        Error::unsupported(format!("preset '{preset}' in {NAME}"), format!("{}, 0 to 13", names.join(", ")))
    })
}

/// base_q_idx for a quality of 0 to 63; what a script says for H.264 (0 to 51) is about the same there.
fn quantizer(quality: f32) -> usize {
    (quality.clamp(0.0, WORST) * 255.0 / WORST).round() as usize
}

fn description(color: Color) -> Option<ColorDescription> {
    let (primaries, transfer, matrix) = match color.matrix {
        Matrix::Unspecified => return None,
        Matrix::Bt601 => (ColorPrimaries::BT601, TransferCharacteristics::BT601, MatrixCoefficients::BT601),
        Matrix::Bt709 => (ColorPrimaries::BT709, TransferCharacteristics::BT709, MatrixCoefficients::BT709),
        Matrix::Bt2020 => {
            (ColorPrimaries::BT2020, TransferCharacteristics::BT2020_10Bit, MatrixCoefficients::BT2020NCL)
        }
    };
    Some(ColorDescription {
        color_primaries: primaries,
        transfer_characteristics: transfer,
        matrix_coefficients: matrix,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::Rational as Rate;

    fn video(width: u32, height: u32) -> VideoEncode {
        VideoEncode::new(width, height, PixelFormat::Yuv420p, Rate::whole(25)).unwrap()
    }

    #[test]
    fn what_is_too_small_is_refused_in_one_line() {
        let refused = settings(&video(8, 180)).unwrap_err().to_string();
        assert_eq!(refused, "AV1 of 8x180 is not supported; supported: 16x16 and more");
    }

    #[test]
    fn presets_have_names_and_numbers() {
        let of = |preset: &str| speed(Some(preset));
        assert!(PRESETS.iter().all(|(name, number)| of(name) == Ok(*number)));
        assert_eq!((of("0"), of("8"), of("13")), (Ok(0), Ok(8), Ok(10)));
        let refused = of("fastest").unwrap_err().to_string();
        assert!(
            refused.starts_with("preset 'fastest' in av1 is not supported; supported: ultrafast"),
            "{refused}"
        );
        assert!(of("14").is_err());
    }

    #[test]
    fn quality_goes_from_best_to_worst() {
        assert_eq!([0.0, 25.0, 63.0, 99.0].map(quantizer), [0, 101, 255, 255]);
    }

    #[test]
    fn key_frames_are_two_seconds_apart_live() {
        let gop = |live, gop| settings(&VideoEncode { live, gop, ..video(64, 64) }).unwrap();
        assert_eq!(gop(true, None).max_key_frame_interval, 50);
        assert_eq!(gop(false, None).max_key_frame_interval, 250);
        let intra = gop(true, Some(0));
        assert_eq!((intra.min_key_frame_interval, intra.max_key_frame_interval), (1, 1));
    }
}
