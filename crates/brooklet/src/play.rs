//! Playing: sound and pictures in step, on the machine's own devices.

pub(crate) mod clock;

use brooklet_media::VideoFrame;

/// The size at which a picture of square pixels would look as this one does.
pub(crate) fn shape(picture: &VideoFrame) -> (u32, u32) {
    let aspect = picture.sample_aspect;
    if aspect.num() == 0 {
        return (picture.width(), picture.height());
    }
    let wide = u64::from(picture.width()) * u64::from(aspect.num()) / u64::from(aspect.den());
    (u32::try_from(wide).unwrap_or(u32::MAX).clamp(1, 16_384), picture.height())
}
