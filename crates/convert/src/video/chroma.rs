//! Chroma planes: as pairs or apart, dropped or made up.

use brooklet_media::VideoFrame;

/// NV12 to planar 4:2:0.
pub(crate) fn unzip(from: &VideoFrame, to: &mut VideoFrame) {
    keep_luma(from, to);
    let stride = to.stride(1);
    let [_, u, v] = to.planes_mut();
    let planes = u.chunks_exact_mut(stride).zip(v.chunks_exact_mut(stride));
    for (pairs, (u, v)) in from.rows(1).zip(planes) {
        for ((pair, u), v) in pairs.as_chunks::<2>().0.iter().zip(u).zip(v) {
            [*u, *v] = *pair;
        }
    }
}

/// Planar 4:2:0 to NV12.
pub(crate) fn zip(from: &VideoFrame, to: &mut VideoFrame) {
    keep_luma(from, to);
    let stride = to.stride(1);
    let pairs = to.planes_mut()[1].chunks_exact_mut(stride);
    for (pairs, (u, v)) in pairs.zip(from.rows(1).zip(from.rows(2))) {
        for (pair, (u, v)) in pairs.as_chunks_mut::<2>().0.iter_mut().zip(u.iter().zip(v)) {
            *pair = [*u, *v];
        }
    }
}

/// The luma of 8-bit pictures of one size.
pub(crate) fn keep_luma(from: &VideoFrame, to: &mut VideoFrame) {
    let target = &mut *to.planes_mut()[0];
    let length = target.len();
    target.copy_from_slice(&from.plane(0)[..length]);
}

/// Gray to planar Y'CbCr.
pub(crate) fn add(from: &VideoFrame, to: &mut VideoFrame) {
    keep_luma(from, to);
    let [_, u, v] = to.planes_mut();
    u.fill(128);
    v.fill(128);
}
