//! Pictures as browsers take them: coded as fast as can be, in a profile that every one decodes.

use brooklet_codec::{EncoderConfig, VideoEncode, open_encoder};
use brooklet_media::{Encoder, PixelFormat, Rational, Result, VideoFrame};

/// Bits for a pixel of each picture: 1.2 Mbit/s for 640x480 at 30 pictures a second.
const BITS: f64 = 0.13;

/// An encoder for pictures like this one, `rate` of them in a second, with a key frame after `gop` of them at the latest, at `most` so many
/// bit/s.
pub(super) fn encoder_for(
    picture: &VideoFrame,
    rate: Rational,
    gop: u32,
    most: u64,
) -> Result<Box<dyn Encoder>> {
    let (width, height) = (picture.width(), picture.height());
    let mut video = VideoEncode::new(width, height, PixelFormat::Yuv420p, rate)?;
    (video.time_base, video.color) = (picture.time_base, picture.color);
    video.bit_rate = Some(worth(picture, rate).min(most));
    (video.gop, video.live) = (Some(gop), true);
    (video.preset, video.profile) = (Some("ultrafast".into()), Some("baseline".into()));
    open_encoder(&EncoderConfig::video("h264", video))
}

/// What pictures of this size deserve, bit/s.
pub(super) fn worth(picture: &VideoFrame, rate: Rational) -> u64 {
    let pixels = f64::from(picture.width()) * f64::from(picture.height());
    ((pixels * BITS * rate.as_f64()) as u64).max(200_000)
}

/// The size that an encoder takes: even, and not less than 2.
pub(super) const fn even(picture: &VideoFrame) -> (u32, u32) {
    let (width, height) = (picture.width() & !1, picture.height() & !1);
    (if width == 0 { 2 } else { width }, if height == 0 { 2 } else { height })
}
