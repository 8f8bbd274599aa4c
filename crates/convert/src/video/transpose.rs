//! Rows into columns: so that both ways of scaling are the fast one, down the columns.

use super::scale::{View, ViewMut};

/// Rows that are read at a time, so that whole cache lines are written.
const BAND: usize = 64;

/// Columns and rows of larger pixels that are done together, so that their lines stay in the cache.
const BLOCK: usize = 32;

/// Fills the rows of `to` with the columns of `from`, whose pixels are of 1, 3 or 4 bytes.
///
/// Both strides are multiples of 8, and a row's padding up to 8 bytes may be read and written.
pub(super) fn transpose(from: &View, to: ViewMut, unit: usize) {
    match unit {
        1 => transpose_bytes(from, to),
        3 => transpose_pixels::<3>(from, to),
        _ => transpose_pixels::<4>(from, to),
    }
}

fn transpose_pixels<const UNIT: usize>(from: &View, to: ViewMut) {
    let (cols, rows) = (from.size.0 as usize, from.size.1 as usize);
    for band in (0..rows).step_by(BLOCK) {
        for strip in (0..cols).step_by(BLOCK) {
            for col in strip..cols.min(strip + BLOCK) {
                let row_of_target =
                    &mut to.bytes[col * to.stride..][band * UNIT..rows.min(band + BLOCK) * UNIT];
                let sources = from.bytes[band * from.stride + col * UNIT..].chunks(from.stride);
                for (pixel, source) in row_of_target.as_chunks_mut::<UNIT>().0.iter_mut().zip(sources) {
                    if let Some(bytes) = source.first_chunk() {
                        *pixel = *bytes;
                    }
                }
            }
        }
    }
}

fn transpose_bytes(from: &View, to: ViewMut) {
    let (cols, rows) = (from.size.0 as usize, from.size.1 as usize);
    for band in (0..rows).step_by(BAND) {
        for col in (0..cols).step_by(8) {
            for row in (band..rows.min(band + BAND)).step_by(8) {
                let mut block = [0u64; 8];
                let sources = from.bytes[row * from.stride..].chunks_exact(from.stride);
                for (word, source) in block.iter_mut().zip(sources) {
                    *word = source[col..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
                }
                let targets = to.bytes[col * to.stride..].chunks_exact_mut(to.stride);
                for (word, target) in transposed(block).iter().zip(targets) {
                    if let Some(bytes) = target[row..].first_chunk_mut() {
                        *bytes = word.to_le_bytes();
                    }
                }
            }
        }
    }
}

/// Eight rows of eight bytes, the first byte lowest: quarters, then pairs, then bytes change places.
fn transposed(mut block: [u64; 8]) -> [u64; 8] {
    for i in 0..4 {
        swap(&mut block, i, i + 4, 32, 0x0000_0000_FFFF_FFFF);
    }
    for i in [0, 1, 4, 5] {
        swap(&mut block, i, i + 2, 16, 0x0000_FFFF_0000_FFFF);
    }
    for i in [0, 2, 4, 6] {
        swap(&mut block, i, i + 1, 8, 0x00FF_00FF_00FF_00FF);
    }
    block
}

/// Changes the upper bits of word `a` for the lower of word `b`, where `lower` has them.
fn swap(block: &mut [u64; 8], a: usize, b: usize, bits: u32, lower: u64) {
    let both = (block[a] >> bits ^ block[b]) & lower;
    block[b] ^= both;
    block[a] ^= both << bits;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_column_becomes_a_row(rows in 1usize..150, cols in 1usize..40, unit in prop::sample::select(vec![1usize, 3, 4])) {
            let (from_stride, to_stride) = ((cols * unit).next_multiple_of(8), (rows * unit).next_multiple_of(8));
            let from: Vec<u8> = (0..from_stride * rows).map(|i| (i * 7 + i / 256) as u8).collect();
            let mut to = vec![0; to_stride * cols];
            transpose(
                &View { bytes: &from, stride: from_stride, size: (cols as u32, rows as u32) },
                ViewMut { bytes: &mut to, stride: to_stride, size: (rows as u32, cols as u32) },
                unit,
            );
            for row in 0..rows {
                for col in 0..cols {
                    let pixel = &to[col * to_stride + row * unit..][..unit];
                    prop_assert_eq!(pixel, &from[row * from_stride + col * unit..][..unit]);
                }
            }
        }
    }
}
