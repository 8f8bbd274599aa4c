//! 8 bits and 10 bits in a sample.

use brooklet_media::{Range, VideoFrame};

/// 10 bits to 8, rounded.
pub(crate) fn narrow(from: &VideoFrame, to: &mut VideoFrame) {
    for plane in 0..to.format().planes() {
        let stride = to.stride(plane);
        let rows = to.planes_mut()[plane].chunks_exact_mut(stride);
        for (wide, narrow) in from.rows(plane).zip(rows) {
            for (wide, narrow) in bytemuck::cast_slice::<u8, u16>(wide).iter().zip(narrow) {
                *narrow = (wide.saturating_add(2) >> 2).min(255) as u8;
            }
        }
    }
}

/// 8 bits to 10. White stays white: in full range the upper bits of luma are repeated in the lower ones.
pub(crate) fn widen(from: &VideoFrame, to: &mut VideoFrame, range: Range) {
    for plane in 0..to.format().planes() {
        let repeat = range == Range::Full && plane == 0;
        let stride = to.stride(plane);
        let rows = to.planes_mut()[plane].chunks_exact_mut(stride);
        for (narrow, wide) in from.rows(plane).zip(rows) {
            for (narrow, wide) in narrow.iter().zip(bytemuck::cast_slice_mut::<u8, u16>(wide)) {
                let sample = u16::from(*narrow);
                *wide = if repeat { sample << 2 | sample >> 6 } else { sample << 2 };
            }
        }
    }
}
