//! A file with one index: media as they come, and what they are at the end, or moved to the front when it is known.

use brooklet_media::Result;
use bytes::{BufMut, Bytes, BytesMut};

use super::File;
use super::moov::{Trak, moov, movie_clock};
use super::output::Output;
use super::put::put_box;
use super::tables::Tables;
use super::timeline::{Edits, Start};
use super::track::Sample;

/// The size in a header of a box that reaches to the end of the file: so it is until the end is written, and readers who come
/// upon a file that was cut off know where its media lie.
const TO_THE_END: u32 = 0;
/// Bytes of a header whose size has 32 bits.
const HEADER: u64 = 8;

/// Such a file in the making.
pub(super) struct Whole {
    index_first: bool,
    tables: Vec<Tables>,
    /// Where the index goes, if it goes first: after the `ftyp`.
    index_at: u64,
}

impl Whole {
    pub(super) fn new(index_first: bool) -> Self {
        Self { index_first, tables: Vec::new(), index_at: 0 }
    }

    /// Writes what stands before the media.
    pub(super) fn start(&mut self, file: &mut File, ftyp: BytesMut) {
        self.tables.resize_with(file.tracks.len(), Tables::default);
        self.index_at = ftyp.len() as u64;
        let mut head = ftyp;
        // Room for a size of 64 bits.
        put_box(&mut head, b"free", |_| {});
        head.put_u32(TO_THE_END);
        head.put_slice(b"mdat");
        file.out.append(head.freeze(), true);
    }

    pub(super) fn write(&mut self, file: &mut File, track: usize, sample: Sample, key: bool) -> Result<()> {
        if let Some(tables) = self.tables.get_mut(track) {
            tables.push(&sample, file.out.written())?;
            file.out.append(sample.data, key);
        }
        Ok(())
    }

    /// Writes the size of the media and the index.
    pub(super) fn finish(&self, file: &mut File) -> Result<()> {
        self.put_size(&mut file.out);
        if !self.index_first {
            let index = self.index(file, 0)?;
            file.out.append(index, false);
            return Ok(());
        }
        // What goes before the media moves them, and so what the index says of them. Its own length may change once by that.
        let mut shift = 0;
        loop {
            let index = self.index(file, shift)?;
            if index.len() as u64 == shift {
                file.out.insert(self.index_at, index);
                return Ok(());
            }
            shift = shift.max(index.len() as u64);
        }
    }

    fn put_size(&self, out: &mut Output) {
        let mdat_at = self.index_at + HEADER;
        let size = out.written() - mdat_at;
        let mut header = BytesMut::new();
        match u32::try_from(size) {
            Ok(size) => {
                header.put_u32(size);
                out.patch(mdat_at, header.freeze());
            }
            Err(_) => {
                header.put_u32(1);
                header.put_slice(b"mdat");
                header.put_u64(size + HEADER);
                out.patch(self.index_at, header.freeze());
            }
        }
    }

    /// Of all tracks that have something in them.
    fn index(&self, file: &File, shift: u64) -> Result<Bytes> {
        let tracks = &file.tracks;
        let (start, clock) = (Start::of(tracks), movie_clock(tracks));
        let begun = tracks.iter().zip(&self.tables).filter(|(track, _)| track.has_begun());
        let traks: Vec<_> = begun
            .map(|(track, tables)| {
                let edits = Edits::of_whole(track, start, clock, tables.duration());
                Trak { track, edits, tables: Some(tables) }
            })
            .collect();
        moov(&file.options, &file.metadata, &traks, clock, shift)
    }
}
