//! Where the samples of a track lie: chunks of them, and how many are in each (`stsc`, `stco`, `co64`;
//! ISO/IEC 14496-12 §8.7.4, §8.7.5).

use bytes::Bytes;

use crate::boxes::{Body, u32_at, u64_at};
use crate::samples::full_table;

/// Chunks of a track.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunks {
    offsets: Bytes,
    /// Whether offsets have 64 bits.
    wide: bool,
    runs: Vec<ChunkRun>,
    samples: u64,
}

/// Chunks one after another that hold equally many samples.
#[derive(Clone, Copy, Debug)]
struct ChunkRun {
    /// From 0.
    first_chunk: u32,
    per_chunk: u32,
    first_sample: u64,
    description: u32,
}

/// A sample's place among the chunks.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    run: usize,
    chunk: u64,
    /// Samples of the chunk before this one.
    pub(crate) before: u64,
}

impl Chunks {
    /// Reads the tables of a `stbl`; runs that are out of order end them.
    pub(crate) fn parse(stbl: &Body) -> Self {
        let wide = stbl.child(b"stco").is_none();
        let offsets = if wide { full_table(stbl, b"co64", 8) } else { full_table(stbl, b"stco", 4) };
        let count = (offsets.len() / if wide { 8 } else { 4 }) as u32;
        let table = full_table(stbl, b"stsc", 12);
        let mut chunks = Self { offsets, wide, runs: Vec::new(), samples: 0 };
        for row in 0..table.len() / 12 {
            let field = |column| u32_at(&table, row * 3 + column).unwrap_or(0);
            let first_chunk = if row == 0 { 0 } else { field(0).saturating_sub(1) };
            let follows = chunks.runs.last().is_none_or(|last| last.first_chunk < first_chunk);
            if !follows || first_chunk >= count {
                break;
            }
            let first_sample = chunks.samples_before(first_chunk);
            let run =
                ChunkRun { first_chunk, per_chunk: field(1).max(1), first_sample, description: field(2) };
            chunks.runs.push(run);
        }
        chunks.samples = chunks.samples_before(count);
        chunks
    }

    /// Samples in all chunks.
    pub(crate) const fn samples(&self) -> u64 {
        self.samples
    }

    /// The place of `sample`.
    pub(crate) fn locate(&self, sample: u64) -> Place {
        let run = self.runs.partition_point(|run| run.first_sample <= sample).saturating_sub(1);
        let Some(found) = self.runs.get(run) else { return Place { run, chunk: 0, before: 0 } };
        let (into, per_chunk) = (sample - found.first_sample, u64::from(found.per_chunk));
        Place { run, chunk: u64::from(found.first_chunk) + into / per_chunk, before: into % per_chunk }
    }

    /// The first sample of the group that holds `sample`, where each chunk is cut into groups of `group`.
    pub(crate) fn group_start(&self, sample: u64, group: u32) -> u64 {
        sample - self.locate(sample).before % u64::from(group)
    }

    /// Steps over `samples` of one chunk; whether another chunk begins.
    pub(crate) fn advance(&self, place: &mut Place, samples: u32) -> bool {
        place.before += u64::from(samples);
        let Some(run) = self.runs.get(place.run) else { return false };
        if place.before < u64::from(run.per_chunk) {
            return false;
        }
        (place.chunk, place.before) = (place.chunk + 1, 0);
        if self.runs.get(place.run + 1).is_some_and(|next| u64::from(next.first_chunk) <= place.chunk) {
            place.run += 1;
        }
        true
    }

    /// Samples of the chunk that are left, this one included.
    pub(crate) fn left(&self, place: &Place) -> u32 {
        let per_chunk = self.runs.get(place.run).map_or(0, |run| run.per_chunk);
        per_chunk.saturating_sub(u32::try_from(place.before).unwrap_or(u32::MAX))
    }

    /// Where the chunk starts in the input.
    pub(crate) fn offset(&self, place: &Place) -> Option<u64> {
        let chunk = usize::try_from(place.chunk).ok()?;
        if self.wide { u64_at(&self.offsets, chunk) } else { u32_at(&self.offsets, chunk).map(u64::from) }
    }

    /// The row of the `stsd` that describes the chunk's samples, from 1.
    pub(crate) fn description(&self, place: &Place) -> u32 {
        self.runs.get(place.run).map_or(1, |run| run.description)
    }

    /// Samples in chunks before `chunk`, which is not before the last run.
    fn samples_before(&self, chunk: u32) -> u64 {
        let Some(last) = self.runs.last() else { return 0 };
        last.first_sample + u64::from(chunk - last.first_chunk) * u64::from(last.per_chunk)
    }
}
