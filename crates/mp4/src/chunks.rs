//! Where the samples of a track lie: chunks of them, and how many are in each (`stsc`, `stco`, `co64`;
//! ISO/IEC 14496-12 §8.7.4, §8.7.5).

use bytes::Bytes;

use crate::boxes::{Body, u32_at, u64_at};
use crate::samples::full_table;

/// Before every so many rows, the samples that came before are kept, so that any sample is found in few steps.
const STRIDE: usize = 64;

/// Chunks of a track.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunks {
    offsets: Bytes,
    /// Whether offsets have 64 bits.
    wide: bool,
    /// Rows of the `stsc`, 12 bytes each, as many as are in order.
    rows: Bytes,
    marks: Vec<u64>,
    samples: u64,
}

/// A row of the `stsc`: chunks one after another that hold equally many samples.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// From 0.
    first_chunk: u64,
    per_chunk: u64,
    description: u32,
}

/// A sample's place among the chunks.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    row: usize,
    chunk: u64,
    /// Samples of the chunk before this one.
    pub(crate) before: u64,
}

impl Chunks {
    /// Reads the tables of a `stbl`; rows that are out of order end them.
    pub(crate) fn parse(stbl: &Body) -> Self {
        let wide = stbl.child(b"stco").is_none();
        let offsets = if wide { full_table(stbl, b"co64", 8) } else { full_table(stbl, b"stco", 4) };
        let rows = full_table(stbl, b"stsc", 12);
        let mut chunks = Self { offsets, wide, rows, marks: Vec::new(), samples: 0 };
        let (mut next_chunk, mut number) = (0, 0);
        while let Some(row) = chunks.row(number) {
            if row.first_chunk < next_chunk || row.first_chunk >= chunks.count() {
                break;
            }
            if number.is_multiple_of(STRIDE) {
                chunks.marks.push(chunks.samples);
            }
            // The row reaches to the next, if that is in order, else to the end.
            let next = chunks.row(number + 1).map(|next| next.first_chunk);
            let in_order = |next: &u64| *next > row.first_chunk && *next < chunks.count();
            next_chunk = next.filter(in_order).unwrap_or(chunks.count());
            chunks.samples += (next_chunk - row.first_chunk) * row.per_chunk;
            number += 1;
        }
        chunks.rows.truncate(number * 12);
        chunks
    }

    /// Samples in all chunks.
    pub(crate) const fn samples(&self) -> u64 {
        self.samples
    }

    /// The place of `sample`.
    pub(crate) fn locate(&self, sample: u64) -> Place {
        let mark = self.marks.partition_point(|before| *before <= sample).saturating_sub(1);
        let mut before = self.marks.get(mark).copied().unwrap_or(0);
        let mut place = Place { row: mark * STRIDE, chunk: 0, before: 0 };
        while let Some(row) = self.row(place.row) {
            let end = self.row(place.row + 1).map_or(u64::MAX, |next| next.first_chunk);
            let samples = (end - row.first_chunk).saturating_mul(row.per_chunk);
            let into = sample.saturating_sub(before);
            if into < samples {
                place.chunk = row.first_chunk + into / row.per_chunk;
                place.before = into % row.per_chunk;
                break;
            }
            before += samples;
            place.row += 1;
        }
        place
    }

    /// The first sample of the group that holds `sample`, where each chunk is cut into groups of `group`.
    pub(crate) fn group_start(&self, sample: u64, group: u32) -> u64 {
        sample - self.locate(sample).before % u64::from(group)
    }

    /// Steps over `samples` of one chunk; whether another chunk begins.
    pub(crate) fn advance(&self, place: &mut Place, samples: u32) -> bool {
        place.before += u64::from(samples);
        if self.row(place.row).is_none_or(|row| place.before < row.per_chunk) {
            return false;
        }
        (place.chunk, place.before) = (place.chunk + 1, 0);
        if self.row(place.row + 1).is_some_and(|next| next.first_chunk <= place.chunk) {
            place.row += 1;
        }
        true
    }

    /// Samples of the chunk that are left, this one included.
    pub(crate) fn left(&self, place: &Place) -> u32 {
        let left = self.row(place.row).map_or(0, |row| row.per_chunk.saturating_sub(place.before));
        u32::try_from(left).unwrap_or(u32::MAX)
    }

    /// Where the chunk starts in the input.
    pub(crate) fn offset(&self, place: &Place) -> Option<u64> {
        let chunk = usize::try_from(place.chunk).ok()?;
        if self.wide { u64_at(&self.offsets, chunk) } else { u32_at(&self.offsets, chunk).map(u64::from) }
    }

    /// The row of the `stsd` that describes the chunk's samples, from 1.
    pub(crate) fn description(&self, place: &Place) -> u32 {
        self.row(place.row).map_or(1, |row| row.description)
    }

    fn count(&self) -> u64 {
        self.offsets.len() as u64 / if self.wide { 8 } else { 4 }
    }

    fn row(&self, number: usize) -> Option<Row> {
        let field = |column| u32_at(&self.rows, number * 3 + column);
        let (first, per_chunk, description) = (field(0)?, field(1)?, field(2)?);
        let first_chunk = if number == 0 { 0 } else { u64::from(first.saturating_sub(1)) };
        Some(Row { first_chunk, per_chunk: u64::from(per_chunk.max(1)), description })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A `stbl` with so many chunks, the first of a row each 10 bytes further on, and these rows.
    fn chunks(count: u32, rows: &[(u32, u32)]) -> Chunks {
        let table = |kind: &[u8; 4], words: Vec<u32>, row: usize| {
            let head =
                [20 - 4 + words.len() as u32 * 4, u32::from_be_bytes(*kind), 0, (words.len() / row) as u32];
            head.into_iter().chain(words).flat_map(u32::to_be_bytes).collect::<Vec<u8>>()
        };
        let stco = table(b"stco", (0..count).map(|chunk| chunk * 10).collect(), 1);
        let stsc = table(b"stsc", rows.iter().flat_map(|(first, per)| [*first, *per, 1]).collect(), 3);
        Chunks::parse(&Body::new(*b"stbl", 0, [stco, stsc].concat().into()))
    }

    #[test]
    fn rows_out_of_order_end_the_table() {
        assert_eq!(chunks(10, &[(1, 2), (4, 3), (3, 100)]).samples(), 3 * 2 + 7 * 3);
        assert_eq!(chunks(10, &[(1, 2), (11, 3)]).samples(), 20);
        assert_eq!(chunks(0, &[(1, 2)]).samples(), 0);
        assert_eq!(chunks(10, &[]).samples(), 0);
        assert_eq!(chunks(2, &[(1, u32::MAX)]).samples(), 2 * u64::from(u32::MAX));
    }

    proptest! {
        #[test]
        fn seeking_and_walking_agree(steps in prop::collection::vec((1u32..4, 1u32..6), 1..200)) {
            let mut next = 1;
            let rows: Vec<_> = steps.iter().map(|(step, per)| { let row = (next, *per); next += step; row }).collect();
            let chunks = chunks(next - 1, &rows);
            let mut place = chunks.locate(0);
            for sample in 0..chunks.samples() {
                let found = chunks.locate(sample);
                prop_assert_eq!((found.row, found.chunk, found.before), (place.row, place.chunk, place.before));
                prop_assert_eq!(chunks.offset(&place), Some(place.chunk * 10));
                chunks.advance(&mut place, 1);
            }
            prop_assert_eq!(chunks.offset(&place), None);
        }
    }
}
