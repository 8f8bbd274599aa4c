//! `hflip` and `vflip`: mirrored pictures.

use brooklet_media::{FramePool, PixelFormat, Result, VideoFrame};

use super::args::FilterArgs;
use super::video::Filter;
use crate::video::stamp;

pub(super) struct Flip {
    horizontal: bool,
    pool: FramePool,
}

impl Flip {
    /// Left becomes right.
    pub(super) fn horizontal(filter: &FilterArgs, pool: &FramePool) -> Result<Self> {
        filter.bind(&[])?;
        Ok(Self { horizontal: true, pool: pool.clone() })
    }

    /// Up becomes down.
    pub(super) fn vertical(filter: &FilterArgs, pool: &FramePool) -> Result<Self> {
        filter.bind(&[])?;
        Ok(Self { horizontal: false, pool: pool.clone() })
    }
}

impl Filter for Flip {
    fn run(&mut self, frame: VideoFrame) -> Result<VideoFrame> {
        let format = frame.format();
        let mut out = VideoFrame::new(&self.pool, format, frame.width(), frame.height())?;
        for plane in 0..format.planes() {
            let row_bytes = format.row_bytes(plane, frame.width());
            let stride = out.stride(plane);
            let rows = out.planes_mut()[plane].chunks_exact_mut(stride);
            if self.horizontal {
                for (source, target) in frame.rows(plane).zip(rows) {
                    mirror(source, &mut target[..row_bytes], unit_bytes(format, plane));
                }
            } else {
                for (source, target) in frame.rows(plane).zip(rows.rev()) {
                    target[..row_bytes].copy_from_slice(source);
                }
            }
        }
        stamp(&mut out, &frame);
        out.color = frame.color;
        Ok(out)
    }
}

/// The bytes of what stays together in a row of `plane`: a pixel, a pair, a sample.
pub(super) const fn unit_bytes(format: PixelFormat, plane: usize) -> usize {
    // A row one pixel wide holds exactly one.
    format.row_bytes(plane, 1)
}

fn mirror(source: &[u8], target: &mut [u8], unit: usize) {
    match unit {
        1 => mirror_units::<1>(source, target),
        2 => mirror_units::<2>(source, target),
        3 => mirror_units::<3>(source, target),
        _ => mirror_units::<4>(source, target),
    }
}

fn mirror_units<const N: usize>(source: &[u8], target: &mut [u8]) {
    let units = source.as_chunks::<N>().0.iter().rev();
    target.as_chunks_mut::<N>().0.iter_mut().zip(units).for_each(|(target, unit)| *target = *unit);
}
