//! Another range or matrix, without leaving luma and chroma.
//!
//! Y'CbCr of one matrix is a linear function of Y'CbCr of another, and gray stays gray, so luma changes by a
//! part of the two chroma values, and chroma only by chroma.

use brooklet_media::{Color, Matrix, Range, VideoFrame};

use super::plan::{is_10_bit, known};

/// Fractional bits of the factors.
const BITS: u32 = 14;
/// The most values of a sample: those of 10 bits.
const LEVELS: usize = 1 << 10;

/// Fills `to`, of one format and size with `from`: planar Y'CbCr, or gray.
pub(crate) fn run(from: &VideoFrame, to: &mut VideoFrame, old: Color, new: Color) {
    if cfg!(feature = "deep") && is_10_bit(from.format()) {
        Mapping::new(old, new, 10).run::<u16>(from, to);
    } else {
        Mapping::new(old, new, 8).run::<u8>(from, to);
    }
}

/// A linear function of (Y', Cb, Cr), in fixed point.
struct Mapping {
    /// Luma from luma, Cb and Cr.
    luma: [i16; 3],
    /// Cb from Cb and Cr.
    cb: [i16; 2],
    /// Cr from Cb and Cr.
    cr: [i16; 2],
    black: (i16, i16),
    middle: i16,
    white: i32,
}

impl Mapping {
    fn new(old: Color, new: Color, depth: u32) -> Self {
        let levels = |range| match range {
            Range::Limited => (16 << (depth - 8), 219 << (depth - 8), 224 << (depth - 8)),
            Range::Full => (0, (1 << depth) - 1, (1 << depth) - 1),
        };
        let ((black_old, luma_old, chroma_old), (black_new, luma_new, chroma_new)) =
            (levels(old.range), levels(new.range));
        let [luma, cb, cr] = between(old.matrix, new.matrix);
        let fixed = |factor: f64, to: i32, from: i32| {
            (factor * f64::from(to) / f64::from(from) * f64::from(1 << BITS)).round() as i16
        };
        let chroma = |row: [f64; 2]| row.map(|factor| fixed(factor, chroma_new, chroma_old));
        Self {
            luma: [
                fixed(1.0, luma_new, luma_old),
                fixed(luma[0], luma_new, chroma_old),
                fixed(luma[1], luma_new, chroma_old),
            ],
            cb: chroma(cb),
            cr: chroma(cr),
            black: (black_old as i16, black_new as i16),
            middle: 1 << (depth - 1),
            white: (1 << depth) - 1,
        }
    }

    fn run<T: Sample>(&self, from: &VideoFrame, to: &mut VideoFrame) {
        let shift = from.format().chroma_shift();
        let strides = [to.stride(0), if from.format().planes() == 3 { to.stride(1) } else { 1 }];
        let [y_out, u_out, v_out] = to.planes_mut();

        let black = base(self.black.1) - times(self.luma[0], self.black.0);
        let table = self.table(|y| black + times(self.luma[0], y));
        // Gray has no chroma to mix with.
        let mixes = !u_out.is_empty() && (self.luma[1], self.luma[2]) != (0, 0);
        let chroma = |plane: usize, row: usize| {
            let stride = from.stride(plane);
            cast::<T>(&from.plane(plane)[row * stride..][..stride])
        };
        for (row, (y, out)) in from.rows(0).zip(y_out.chunks_exact_mut(strides[0])).enumerate() {
            let (y, out) = (cast::<T>(y), bytemuck::cast_slice_mut(out));
            if mixes {
                self.mix_luma(y, chroma(1, row >> shift.1), chroma(2, row >> shift.1), shift.0, out);
            } else {
                look_up(&table, y, out);
            }
        }
        if u_out.is_empty() {
            return;
        }
        let table = self.table(|c| base(self.middle) + times(self.cb[0], c - self.middle));
        let out = u_out.chunks_exact_mut(strides[1]).zip(v_out.chunks_exact_mut(strides[1]));
        for ((u, v), (u_out, v_out)) in from.rows(1).zip(from.rows(2)).zip(out) {
            let (u, v) = (cast::<T>(u), cast::<T>(v));
            let (u_out, v_out) = (bytemuck::cast_slice_mut(u_out), bytemuck::cast_slice_mut(v_out));
            if mixes {
                self.mix_chroma(u, v, u_out, v_out);
            } else {
                look_up(&table, u, u_out);
                look_up(&table, v, v_out);
            }
        }
    }

    /// What every sample becomes.
    fn table<T: Sample>(&self, map: impl Fn(i16) -> i32) -> [T; LEVELS] {
        let mut table = [T::zeroed(); LEVELS];
        for (sample, out) in (0..).zip(&mut table) {
            *out = self.narrow(map(sample));
        }
        table
    }

    fn mix_luma<T: Sample>(&self, y: &[T], u: &[T], v: &[T], shift: u32, out: &mut [T]) {
        let base = base(self.black.1) - times(self.luma[0], self.black.0);
        for (x, (y, out)) in y.iter().zip(out).enumerate() {
            let (u, v) = (u[x >> shift].wide() - self.middle, v[x >> shift].wide() - self.middle);
            let chroma = times(self.luma[1], u) + times(self.luma[2], v);
            *out = self.narrow(base + times(self.luma[0], y.wide()) + chroma);
        }
    }

    fn mix_chroma<T: Sample>(&self, u: &[T], v: &[T], u_out: &mut [T], v_out: &mut [T]) {
        let base = base(self.middle);
        for ((u, v), (u_out, v_out)) in u.iter().zip(v).zip(u_out.iter_mut().zip(v_out)) {
            let (u, v) = (u.wide() - self.middle, v.wide() - self.middle);
            *u_out = self.narrow(base + times(self.cb[0], u) + times(self.cb[1], v));
            *v_out = self.narrow(base + times(self.cr[0], u) + times(self.cr[1], v));
        }
    }

    fn narrow<T: Sample>(&self, fixed: i32) -> T {
        T::narrow((fixed >> BITS).clamp(0, self.white))
    }
}

fn look_up<T: Sample>(table: &[T; LEVELS], samples: &[T], out: &mut [T]) {
    for (sample, out) in samples.iter().zip(out) {
        *out = table[sample.wide() as usize % LEVELS];
    }
}

/// What a level and a half are in fixed point.
const fn base(level: i16) -> i32 {
    ((level as i32) << BITS) + (1 << (BITS - 1))
}

fn times(factor: i16, sample: i16) -> i32 {
    i32::from(factor) * i32::from(sample)
}

/// A sample in memory.
trait Sample: bytemuck::Pod {
    /// At most 10 bits of it.
    fn wide(self) -> i16;
    /// `value` is within the sample's bits.
    fn narrow(value: i32) -> Self;
}

impl Sample for u8 {
    fn wide(self) -> i16 {
        self.into()
    }
    fn narrow(value: i32) -> Self {
        value as Self
    }
}

impl Sample for u16 {
    fn wide(self) -> i16 {
        self.min(1_023) as i16
    }
    fn narrow(value: i32) -> Self {
        value as Self
    }
}

fn cast<T: Sample>(row: &[u8]) -> &[T] {
    bytemuck::cast_slice(row)
}

/// What new luma, Cb and Cr take of old Cb and Cr, all in units of their full swing.
fn between(old: Matrix, new: Matrix) -> [[f64; 2]; 3] {
    let (kr_old, kb_old) = weights(old);
    let (kr, kb) = weights(new);
    // Red, green and blue less old luma, as parts of old Cb and Cr.
    let red = [0.0, 2.0 * (1.0 - kr_old)];
    let blue = [2.0 * (1.0 - kb_old), 0.0];
    let green_weight = 1.0 - kr_old - kb_old;
    let green = [-kb_old * blue[0] / green_weight, -kr_old * red[1] / green_weight];
    let luma = [0, 1].map(|i| kr * red[i] + (1.0 - kr - kb) * green[i] + kb * blue[i]);
    let cb = [0, 1].map(|i| (blue[i] - luma[i]) / (2.0 * (1.0 - kb)));
    let cr = [0, 1].map(|i| (red[i] - luma[i]) / (2.0 * (1.0 - kr)));
    if known(old) == known(new) { [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]] } else { [luma, cb, cr] }
}

/// Kr and Kb of BT.601, BT.709 and BT.2020 (ITU-T H.273 table 4).
const fn weights(matrix: Matrix) -> (f64, f64) {
    match matrix {
        Matrix::Unspecified | Matrix::Bt601 => (0.299, 0.114),
        Matrix::Bt709 => (0.2126, 0.0722),
        Matrix::Bt2020 => (0.2627, 0.0593),
    }
}
