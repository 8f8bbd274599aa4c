//! The sample tables of a track (ISO/IEC 14496-12 §8.6, §8.7), and a cursor that walks them.
//!
//! The tables stay as they are in the file's bytes; nothing is unrolled into one entry for each sample.

use bytes::Bytes;

use crate::boxes::{Body, u32_at};
use crate::chunks::{Chunks, Place};
use crate::runs::{RunCursor, Runs};
use crate::sync::SyncTable;

/// Composition offsets past this are garbage, and the whole table with them.
const MAX_COMPOSITION_OFFSET: u32 = 1 << 28;

/// How many key samples a search steps back over that are shown later than they should be.
const MAX_STEPS_BACK: usize = 1_000;

/// Samples of uncompressed sound that go into one packet.
const GROUP_SAMPLES: u32 = 1_024;

/// How sound is stored that is addressed by single samples: so many of them in so many bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Grouping {
    pub(crate) samples: u32,
    pub(crate) bytes: u32,
}

/// One sample, or one group of uncompressed samples.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sample {
    /// From the start of the input.
    pub(crate) offset: u64,
    pub(crate) size: u32,
    /// Ticks of the media's own clock, as `pts`.
    pub(crate) dts: i64,
    pub(crate) pts: i64,
    pub(crate) duration: i64,
    pub(crate) sync: bool,
    /// Row of the `stsd`, from 1.
    pub(crate) description: u32,
}

/// All that a `stbl` says of where samples are and when.
#[derive(Clone, Debug)]
pub(crate) struct SampleTable {
    durations: Runs,
    offsets: Option<Runs>,
    sizes: Sizes,
    chunks: Chunks,
    sync: SyncTable,
    grouping: Option<Grouping>,
    count: u64,
    /// What is taken from every dts so that none is past its pts, where offsets are negative.
    dts_shift: i64,
    least_offset: i64,
    reorders: bool,
}

impl SampleTable {
    /// Reads the tables of a `stbl`. What is missing or forged makes the table shorter, or empty.
    ///
    /// `grouping` says how samples are grouped where they turn out to be single samples of sound.
    pub(crate) fn parse(stbl: &Body, is_audio: bool, grouping: Option<Grouping>) -> Self {
        let durations = Runs::of_durations(full_table(stbl, b"stts", 8));
        let single_samples = durations.len() == 1 && durations.row(0).1 == 1;
        let grouping = grouping.filter(|_| is_audio && single_samples);
        let offsets = Some(Runs::of_offsets(full_table(stbl, b"ctts", 8))).filter(|table| {
            let rows = 0..table.len();
            table.len() > 0
                && rows.clone().all(|row| table.row(row).1.unsigned_abs() <= MAX_COMPOSITION_OFFSET)
        });
        let sizes = Sizes::parse(stbl).unwrap_or_default();
        let chunks = Chunks::parse(stbl);
        let count = match grouping {
            Some(_) => chunks.samples(),
            None => chunks.samples().min(sizes.count),
        };
        let sync = if is_audio { SyncTable::every_sample() } else { SyncTable::parse(stbl) };
        let dts_shift = offsets.as_ref().map_or(0, dts_shift);
        let least_offset = offsets.as_ref().map_or(0, least_offset);
        let reorders = !is_audio && offsets.is_some();
        Self { durations, offsets, sizes, chunks, sync, grouping, count, dts_shift, least_offset, reorders }
    }

    /// Samples; of sound that is grouped, single ones.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// What is taken from every dts, in ticks.
    pub(crate) const fn dts_shift(&self) -> i64 {
        self.dts_shift
    }

    /// How long after its dts, without [`SampleTable::dts_shift`], a sample is shown at least, in ticks.
    pub(crate) const fn least_offset(&self) -> i64 {
        self.least_offset
    }

    /// Whether pictures are shown in another order than decoded. (Sound is not, whatever its tables say.)
    pub(crate) const fn reorders(&self) -> bool {
        self.reorders
    }

    /// Samples and their whole duration in ticks, as the table of durations has them.
    pub(crate) const fn samples_and_ticks(&self) -> (u64, i64) {
        (self.durations.samples(), self.durations.sum())
    }

    /// Bytes of all samples.
    pub(crate) fn bytes(&self) -> u64 {
        match self.grouping {
            Some(group) => {
                (self.count / u64::from(group.samples.max(1))).saturating_mul(u64::from(group.bytes))
            }
            None => self.sizes.sum(0, self.count),
        }
    }

    /// Where decoding starts for what is shown at `pts`: the last sync sample at or before it, else the last
    /// sample, else the first.
    pub(crate) fn decode_from(&self, pts: i64) -> u64 {
        let last = self.durations.at_sum(pts, self.count);
        if self.grouping.is_some() {
            return self.chunks.group_start(last, GROUP_SAMPLES);
        }
        let shown_in_time = |sample: &u64| self.offsets.is_none() || self.pts(*sample) <= pts;
        let back = |sample: &u64| sample.checked_sub(1).and_then(|before| self.sync.at_or_before(before));
        let mut syncs = std::iter::successors(self.sync.at_or_before(last), back).take(MAX_STEPS_BACK);
        let any = || (0..=last).rev().take(MAX_STEPS_BACK).find(shown_in_time).unwrap_or(0);
        syncs.find(shown_in_time).unwrap_or_else(any)
    }

    /// When `sample` is shown.
    fn pts(&self, sample: u64) -> i64 {
        let offset = self.offsets.as_ref().map_or(0, |table| offset_at(table.seek(sample)));
        self.durations.seek(sample).sum.saturating_add(offset)
    }
}

/// A place in a [`SampleTable`].
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    sample: u64,
    place: Place,
    /// Bytes of the chunk before this sample.
    within: u64,
    duration: RunCursor,
    offset: Option<RunCursor>,
}

impl Cursor {
    /// Stands at `sample`.
    pub(crate) fn new(table: &SampleTable, sample: u64) -> Self {
        let place = table.chunks.locate(sample);
        let within = match table.grouping {
            Some(group) => place.before / u64::from(group.samples.max(1)) * u64::from(group.bytes),
            None => table.sizes.sum(sample - place.before, sample),
        };
        let offset = table.offsets.as_ref().map(|offsets| offsets.seek(sample));
        Self { sample, place, within, duration: table.durations.seek(sample), offset }
    }

    /// What stands here; `None` past the end.
    pub(crate) fn current(&self, table: &SampleTable) -> Option<Sample> {
        if self.sample >= table.count {
            return None;
        }
        let start = table.chunks.offset(&self.place)?;
        let offset = start.saturating_add(self.within);
        let description = table.chunks.description(&self.place);
        if let Some(group) = table.grouping {
            let (samples, size) = self.group(table, group);
            let pts = i64::try_from(self.sample).unwrap_or(i64::MAX);
            let duration = i64::from(samples);
            return Some(Sample { offset, size, dts: pts, pts, duration, sync: true, description });
        }
        let shift = self.offset.map_or(0, offset_at);
        Some(Sample {
            offset,
            size: table.sizes.size(self.sample),
            dts: self.duration.sum.saturating_sub(table.dts_shift),
            pts: self.duration.sum.saturating_add(shift),
            duration: i64::from(self.duration.value),
            sync: table.sync.contains(self.sample),
            description,
        })
    }

    /// Moves to the next sample or group.
    pub(crate) fn advance(&mut self, table: &SampleTable) {
        let (samples, size) = match table.grouping {
            Some(group) => self.group(table, group),
            None => (1, table.sizes.size(self.sample)),
        };
        self.sample += u64::from(samples);
        self.within += u64::from(size);
        if table.chunks.advance(&mut self.place, samples) {
            self.within = 0;
        }
        if table.grouping.is_none() {
            table.durations.advance(&mut self.duration);
            if let (Some(offsets), Some(cursor)) = (&table.offsets, &mut self.offset) {
                offsets.advance(cursor);
            }
        }
    }

    /// Samples and bytes of the group that starts here: at most 1024 samples, all of one chunk.
    fn group(&self, table: &SampleTable, group: Grouping) -> (u32, u32) {
        let left = table.chunks.left(&self.place);
        let unit = group.samples.max(1);
        let samples = left.min(GROUP_SAMPLES.max(unit) / unit * unit).max(1);
        (samples, (samples / unit).saturating_mul(group.bytes))
    }
}

/// Sizes of samples: one for all, or a table.
#[derive(Clone, Debug, Default)]
struct Sizes {
    count: u64,
    constant: u32,
    /// Of each entry; 0 where the size is constant.
    bits: u8,
    table: Bytes,
}

impl Sizes {
    fn parse(stbl: &Body) -> Option<Self> {
        if let Some(mut stsz) = stbl.child(b"stsz") {
            stsz.version_and_flags().ok()?;
            let (constant, count) = (stsz.u32().ok()?, stsz.u32().ok()?);
            if constant > 0 {
                return Some(Self { count: u64::from(count), constant, bits: 0, table: Bytes::new() });
            }
            let table = stsz.rows(count, 4);
            return Some(Self { count: table.len() as u64 / 4, constant, bits: 32, table });
        }
        let mut stz2 = stbl.child(b"stz2")?;
        stz2.version_and_flags().ok()?;
        let (bits, count) = ((stz2.u32().ok()? & 0xFF) as u8, stz2.u32().ok()?);
        let there = match bits {
            4 => stz2.bytes.len() * 2,
            8 => stz2.bytes.len(),
            16 => stz2.bytes.len() / 2,
            _ => return None,
        };
        Some(Self { count: u64::from(count).min(there as u64), constant: 0, bits, table: stz2.bytes })
    }

    fn size(&self, sample: u64) -> u32 {
        let Ok(index) = usize::try_from(sample) else { return 0 };
        let byte = |at: usize| self.table.get(at).copied().map_or(0, u32::from);
        match self.bits {
            0 => self.constant,
            4 => byte(index / 2) >> (if index.is_multiple_of(2) { 4 } else { 0 }) & 15,
            8 => byte(index),
            16 => byte(index * 2) << 8 | byte(index * 2 + 1),
            _ => u32_at(&self.table, index).unwrap_or(0),
        }
    }

    /// Bytes of the samples from `first` up to `end`.
    fn sum(&self, first: u64, end: u64) -> u64 {
        if self.bits == 0 {
            return end.saturating_sub(first).saturating_mul(u64::from(self.constant));
        }
        (first..end.min(self.count)).map(|sample| u64::from(self.size(sample))).sum()
    }
}

/// The rows of the table in this full box; empty where there is no such box.
pub(crate) fn full_table(stbl: &Body, kind: &[u8; 4], row_bytes: usize) -> Bytes {
    let read = |mut table: Body| {
        table.version_and_flags().ok()?;
        let count = table.u32().ok()?;
        Some(table.rows(count, row_bytes))
    };
    stbl.child(kind).and_then(read).unwrap_or_default()
}

/// The composition offset at `cursor`; 0 past the end of the table.
fn offset_at(cursor: RunCursor) -> i64 {
    if cursor.is_past_end() { 0 } else { i64::from(cursor.value) }
}

/// By how much the most negative offset is below 0. As in ffmpeg, the last two rows have no say: they are often
/// garbage.
fn dts_shift(offsets: &Runs) -> i64 {
    let rows = 0..offsets.len().saturating_sub(2);
    rows.map(|row| -i64::from(offsets.row(row).1)).max().unwrap_or(0).max(0)
}

fn least_offset(offsets: &Runs) -> i64 {
    (0..offsets.len()).map(|row| i64::from(offsets.row(row).1)).min().unwrap_or(0).min(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_four_bits() {
        let stz2 = b"\0\0\0\x16stz2\0\0\0\0\0\0\0\x04\0\0\0\x03\x5A\xC0";
        let sizes = Sizes::parse(&Body::new(*b"stbl", 0, Bytes::from_static(stz2))).unwrap();
        assert_eq!((sizes.count, [0, 1, 2].map(|sample| sizes.size(sample))), (3, [5, 10, 12]));
        assert_eq!(sizes.sum(1, 9), 22);
    }

    #[test]
    fn a_table_without_boxes_is_empty() {
        let table = SampleTable::parse(&Body::new(*b"stbl", 0, Bytes::new()), false, None);
        assert_eq!((table.count(), table.bytes(), table.decode_from(1 << 40)), (0, 0, 0));
        assert!(Cursor::new(&table, 0).current(&table).is_none());
    }
}
