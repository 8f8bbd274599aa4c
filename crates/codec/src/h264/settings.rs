//! From what the user asks to what the encoder library takes.

use brooklet_media::{Error, Result};
use rusty_h264::{EncoderConfig, Preset, Profile};

use super::level::{self, Demand};
use crate::VideoEncode;

/// Distance of key frames where none is asked for, in pictures: x264's.
const FILE_GOP: u32 = 250;
/// The same where someone is waiting, in seconds.
const LIVE_GOP: f64 = 2.0;

/// Quantiser of constant quality where none is asked for: x264's `-crf`.
const QUALITY: f32 = 23.0;

/// The names of presets, fastest first.
const PRESETS: [&str; 10] = [
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
];
const PROFILES: [&str; 3] = ["baseline", "main", "high"];

/// The library's configuration: one access unit out for each picture in, at once, whatever the preset.
pub(super) fn settings(video: &VideoEncode) -> Result<EncoderConfig> {
    check_size(video.width, video.height)?;
    let mut settings = EncoderConfig::new(video.width as usize, video.height as usize);
    // Nothing that looks ahead or decides on key frames by itself.
    (settings.mbtree, settings.lookahead, settings.scenecut) = (false, 0, 0);
    let rank = rank(&PRESETS, "preset", video.preset.as_deref().unwrap_or("veryfast"))?;
    (settings.preset, settings.num_ref_frames) = match rank {
        0 => (Preset::Fast, 1),
        1..=2 => (Preset::Balanced, 1),
        3..=4 => (Preset::Balanced, 2),
        5 => (Preset::Balanced, 3),
        _ => (Preset::Quality, 3),
    };
    set_profile(&mut settings, video.profile.as_deref())?;
    let frame_rate = video.frame_rate.as_f64();
    settings.framerate = frame_rate as f32;
    let live_gop = (LIVE_GOP * frame_rate).ceil().max(1.0) as u32;
    settings.gop_size = video.gop.unwrap_or(if video.live { live_gop } else { FILE_GOP }).max(1);
    (settings.bitrate, settings.qp) = match (video.quality, video.bit_rate) {
        (None, Some(rate)) => {
            let rate = u32::try_from(rate).unwrap_or(u32::MAX).max(1);
            (rate, start_qp(rate, settings.gop_size, video))
        }
        (quality, _) => (0, quality.unwrap_or(QUALITY).round().clamp(0.0, 51.0) as u8),
    };
    settings.level_idc = video.level.unwrap_or_else(|| {
        level::lowest(&Demand {
            width: video.width,
            height: video.height,
            frame_rate,
            references: settings.num_ref_frames,
            bit_rate: settings.bitrate.into(),
            high_profile: settings.profile == Profile::High,
        })
    });
    Ok(settings)
}

fn check_size(width: u32, height: u32) -> Result<()> {
    brooklet_media::VideoFrame::check_size(width, height)?;
    for (side, length) in [("width", width), ("height", height)] {
        if length % 2 != 0 {
            let what = format!("H.264 of odd {side} ({width}x{height})");
            return Err(Error::unsupported(what, "even sizes: scale or crop by one pixel"));
        }
    }
    Ok(())
}

fn set_profile(settings: &mut EncoderConfig, name: Option<&str>) -> Result<()> {
    let rank = name.map_or(Ok(2), |name| rank(&PROFILES, "profile", name))?;
    settings.profile = [Profile::ConstrainedBaseline, Profile::Main, Profile::High][rank];
    settings.cabac = rank > 0;
    settings.weightp = rank > 0;
    settings.transform_8x8 = rank > 1;
    Ok(())
}

/// Where `name` stands among `names`.
fn rank(names: &[&str], what: &str, name: &str) -> Result<usize> {
    names
        .iter()
        .position(|known| *known == name)
        .ok_or_else(|| Error::unsupported(format!("{what} '{name}' in h264"), names.join(", ")))
}

/// The quantiser that rate control starts from.
///
/// The library codes its first key frame at two below this whatever the bit rate, and never strays more than 18
/// from it. So it is chosen to make the first key frame of a detailed picture about 0.4 s long: at 31, such a
/// picture (640x360 of film) takes 0.74 bit a pixel, and half as much for every 7 more. Between 26 and 42, what
/// rate control can reach stays wide enough at both ends.
fn start_qp(bit_rate: u32, gop: u32, video: &VideoEncode) -> u8 {
    let seconds = 0.4 * (f64::from(gop) / video.frame_rate.as_f64().max(1.0)).min(1.0);
    let pixels = f64::from(video.width) * f64::from(video.height);
    let bits_per_pixel = f64::from(bit_rate) * seconds / pixels;
    (33.0 - 7.0 * (bits_per_pixel / 0.74).log2()).round().clamp(26.0, 42.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::{PixelFormat, Rational};

    fn video(width: u32, height: u32) -> VideoEncode {
        VideoEncode::new(width, height, PixelFormat::Yuv420p, Rational::whole(30)).unwrap()
    }

    #[test]
    fn odd_sizes_are_refused_in_one_line() {
        let refused = settings(&video(641, 360)).unwrap_err().to_string();
        assert_eq!(
            refused,
            "H.264 of odd width (641x360) is not supported; supported: even sizes: scale or crop by one pixel"
        );
        assert!(settings(&video(640, 361)).is_err());
    }

    #[test]
    fn a_lower_rate_starts_coarser() {
        let qp = |rate| settings(&VideoEncode { bit_rate: Some(rate), ..video(640, 360) }).unwrap().qp;
        assert!(qp(200_000) > qp(500_000) && qp(500_000) > qp(1_000_000), "{} {}", qp(200_000), qp(500_000));
        assert_eq!((qp(1), qp(u64::MAX)), (42, 26));
    }

    #[test]
    fn names_that_x264_has_are_taken() {
        let preset = |name: &str| settings(&VideoEncode { preset: Some(name.into()), ..video(64, 64) });
        assert!(PRESETS.iter().all(|name| preset(name).is_ok()));
        assert!(preset("fastest").unwrap_err().to_string().contains("supported: ultrafast, superfast"));
        let baseline = VideoEncode { profile: Some("baseline".into()), ..video(64, 64) };
        let baseline = settings(&baseline).unwrap();
        assert_eq!((baseline.cabac, baseline.weightp, baseline.transform_8x8), (false, false, false));
    }

    #[test]
    fn key_frames_are_two_seconds_apart_live() {
        let gop = |live, gop| settings(&VideoEncode { live, gop, ..video(64, 64) }).unwrap().gop_size;
        assert_eq!([gop(true, None), gop(false, None), gop(true, Some(0))], [60, 250, 1]);
    }
}
