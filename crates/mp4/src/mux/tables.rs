//! The tables of a track's samples (ISO/IEC 14496-12 §8.6, §8.7), as they grow and as they are written.
//!
//! A sample costs 4 bytes of memory (its size), 8 where it lasts as long as no other before it, 8 where it is shown that much later, 4
//! where it is a key sample among others; a chunk, which is a packet where several streams come in turns, 16. Of uncompressed sound
//! only chunks cost something.

use brooklet_media::{Error, Result};
use bytes::{BufMut, BytesMut};

use super::put::put_full_box;
use super::track::Sample;
use crate::boxes::NAME;

/// A chunk of more bytes than this is not added to.
const MAX_CHUNK: u64 = 1 << 20;

/// The tables of one track.
#[derive(Default)]
pub(super) struct Tables {
    /// Samples in all.
    count: u32,
    /// `stsz`: of each sample, unless all have one.
    sizes: Sizes,
    /// `stts`: how long samples last.
    lengths: Runs,
    /// `ctts`: pts minus dts.
    offsets: Runs,
    /// `stss`: the numbers of key samples, from 1, where there are others.
    keys: Option<Vec<u32>>,
    chunks: Vec<Chunk>,
    /// Bytes of the last one.
    chunk_bytes: u64,
    /// The last sample, which the next tells the length of.
    last: Option<LastSample>,
}

/// Samples that lie together and are of one kind.
struct Chunk {
    at: u64,
    samples: u32,
    row: u32,
}

#[derive(Clone, Copy)]
struct LastSample {
    dts: i64,
    length: i64,
}

impl Tables {
    /// Adds what lies at `at` bytes of the file.
    pub(super) fn push(&mut self, sample: &Sample, at: u64) -> Result<()> {
        if sample.count == 0 {
            return Ok(());
        }
        // Numbers and counts have 32 bits.
        let count = self.count.checked_add(sample.count).ok_or_else(|| {
            let what = format!("a track of more than {} samples in one {NAME} file", u32::MAX);
            Error::unsupported(what, "as many as wanted in fragments (movflags frag_keyframe)")
        })?;
        if let Some(last) = self.last {
            self.lengths.push(1, length(sample.dts - last.dts));
        }
        self.lengths.push(sample.count - 1, length(sample.length));
        let before_last = i64::from(sample.count - 1).saturating_mul(sample.length);
        self.last = Some(LastSample { dts: sample.dts.saturating_add(before_last), length: sample.length });
        self.offsets.push(sample.count, sample.offset);
        self.sizes.push(self.count, sample.count, sample.size);
        self.note_key(sample);
        self.place(sample, at);
        self.count = count;
        Ok(())
    }

    /// How long all samples last together, in ticks.
    pub(super) fn duration(&self) -> i64 {
        let last = self.last.map_or(0, |last| i64::from(length(last.length)));
        self.lengths.total.saturating_add(last)
    }

    /// Writes `stts`, `ctts`, `stss`, `stsz`, `stsc` and `stco`; everything lies `shift` bytes further than it was told.
    pub(super) fn put(&self, out: &mut BytesMut, shift: u64) {
        self.put_lengths(out);
        if self.offsets.runs.iter().any(|(_, offset)| *offset != 0) {
            put_full_box(out, b"ctts", 0, 0, |out| put_runs(out, &self.offsets.runs));
        }
        if let Some(keys) = &self.keys {
            put_full_box(out, b"stss", 0, 0, |out| put_rows(out, keys, BytesMut::put_u32));
        }
        put_full_box(out, b"stsz", 0, 0, |out| match &self.sizes {
            // A size of 0 says that each has its own.
            Sizes::Same(0) => {
                out.put_u32(0);
                put_rows(out, &vec![0; self.count as usize], BytesMut::put_u32);
            }
            Sizes::Same(size) => {
                out.put_u32(*size);
                out.put_u32(self.count);
            }
            Sizes::Each(sizes) => {
                out.put_u32(0);
                put_rows(out, sizes, BytesMut::put_u32);
            }
        });
        self.put_chunks(out, shift);
    }

    fn put_lengths(&self, out: &mut BytesMut) {
        let mut lengths = self.lengths.clone();
        if let Some(last) = self.last {
            lengths.push(1, length(last.length));
        }
        put_full_box(out, b"stts", 0, 0, |out| put_runs(out, &lengths.runs));
    }

    fn put_chunks(&self, out: &mut BytesMut, shift: u64) {
        let mut rows: Vec<[u32; 3]> = Vec::new();
        for (number, chunk) in (1..).zip(&self.chunks) {
            if rows.last().is_none_or(|[_, samples, row]| (*samples, *row) != (chunk.samples, chunk.row)) {
                rows.push([number, chunk.samples, chunk.row]);
            }
        }
        put_full_box(out, b"stsc", 0, 0, |out| {
            put_rows(out, &rows, |out, row| row.into_iter().for_each(|field| out.put_u32(field)));
        });
        let offsets: Vec<u64> = self.chunks.iter().map(|chunk| chunk.at + shift).collect();
        if offsets.last().is_some_and(|last| *last > u64::from(u32::MAX)) {
            put_full_box(out, b"co64", 0, 0, |out| put_rows(out, &offsets, BytesMut::put_u64));
        } else {
            put_full_box(out, b"stco", 0, 0, |out| put_rows(out, &offsets, |out, at| out.put_u32(at as u32)));
        }
    }

    fn note_key(&mut self, sample: &Sample) {
        match (&mut self.keys, sample.key) {
            (Some(keys), true) => keys.push(self.count + 1),
            (None, false) => self.keys = Some((1..=self.count).collect()),
            _ => {}
        }
    }

    fn place(&mut self, sample: &Sample, at: u64) {
        let bytes = u64::from(sample.count) * u64::from(sample.size);
        match self.chunks.last_mut() {
            Some(chunk)
                if chunk.at + self.chunk_bytes == at
                    && chunk.row == sample.row
                    && self.chunk_bytes < MAX_CHUNK =>
            {
                chunk.samples += sample.count;
                self.chunk_bytes += bytes;
            }
            _ => {
                self.chunks.push(Chunk { at, samples: sample.count, row: sample.row });
                self.chunk_bytes = bytes;
            }
        }
    }
}

/// The sizes of samples.
enum Sizes {
    Same(u32),
    Each(Vec<u32>),
}

impl Default for Sizes {
    fn default() -> Self {
        Self::Same(0)
    }
}

impl Sizes {
    /// Adds `count` samples of `size` bytes to the `before` that are there.
    fn push(&mut self, before: u32, count: u32, size: u32) {
        match self {
            Self::Same(same) if before == 0 || *same == size => *same = size,
            Self::Same(same) => {
                let mut each = vec![*same; before as usize];
                each.extend(std::iter::repeat_n(size, count as usize));
                *self = Self::Each(each);
            }
            Self::Each(each) => each.extend(std::iter::repeat_n(size, count as usize)),
        }
    }
}

/// Numbers of which many that follow each other are the same: how many, and what.
#[derive(Clone, Default)]
struct Runs {
    runs: Vec<(u32, u32)>,
    /// The sum of all.
    total: i64,
}

impl Runs {
    fn push(&mut self, count: u32, value: u32) {
        if count == 0 {
            return;
        }
        self.total = self.total.saturating_add(i64::from(count) * i64::from(value));
        match self.runs.last_mut() {
            Some((known, same)) if *same == value => *known += count,
            _ => self.runs.push((count, value)),
        }
    }
}

/// What the 32 bits of a length hold: what lasts longer, lasts that long.
fn length(ticks: i64) -> u32 {
    u32::try_from(ticks.max(0)).unwrap_or(u32::MAX)
}

fn put_runs(out: &mut BytesMut, runs: &[(u32, u32)]) {
    put_rows(out, runs, |out, (count, value)| {
        out.put_u32(count);
        out.put_u32(value);
    });
}

fn put_rows<T: Copy>(out: &mut BytesMut, rows: &[T], put: impl Fn(&mut BytesMut, T)) {
    out.put_u32(rows.len() as u32);
    rows.iter().for_each(|row| put(out, *row));
}
