//! A file with one index: media as they come, and what they are at the end, or moved to the front when it is known.

use brooklet_media::Result;
use bytes::{BufMut, Bytes, BytesMut};

use super::File;
use super::moov::{Trak, moov, movie_clock};
use super::output::Output;
use super::put::put_box;
use super::tables::Tables;
use super::timeline::Edits;
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
        let clock = movie_clock(tracks);
        let begun = tracks.iter().zip(&self.tables).filter(|(track, _)| track.has_begun());
        let traks: Vec<_> = begun
            .map(|(track, tables)| {
                let edits = Edits::of_whole(track, clock, tables.duration());
                Trak { track, edits, tables: Some(tables) }
            })
            .collect();
        moov(&file.options, &file.metadata, &traks, clock, shift)
    }
}

#[cfg(test)]
mod tests {
    use brooklet_media::{Metadata, Place};

    use super::*;
    use crate::mux::Mp4MuxerOptions;
    use crate::mux::output::Output;

    #[test]
    fn media_past_4_gib_get_a_wide_size() {
        let size = 5 << 30;
        let mut file = File {
            options: Mp4MuxerOptions::default(),
            metadata: Metadata::new(),
            tracks: Vec::new(),
            out: Output::default(),
        };
        let mut whole = Whole::new(true);
        whole.start(&mut file, BytesMut::from(&b"\0\0\0\x08ftyp"[..]));
        file.out.skip(size);
        whole.finish(&mut file).unwrap();
        let pieces: Vec<_> = std::iter::from_fn(|| file.out.poll()).collect();
        let header = [&b"\0\0\0\x01mdat"[..], &(size + 16).to_be_bytes()].concat();
        assert_eq!((pieces[1].place, &pieces[1].bytes[..]), (Place::Patch(8), &header[..]));
        assert_eq!(pieces[2].place, Place::Insert(8));
    }

    #[test]
    fn an_index_at_the_front_may_need_wide_offsets() {
        let mut tables = Tables::default();
        let sample = |dts| Sample {
            dts,
            offset: 0,
            length: 1,
            count: 1,
            size: 3,
            key: true,
            padding: 0,
            row: 1,
            data: Bytes::from_static(b"abc"),
        };
        tables.push(&sample(0), 24).unwrap();
        tables.push(&sample(1), u64::from(u32::MAX) - 1).unwrap();
        let written = |shift| {
            let mut out = BytesMut::new();
            tables.put(&mut out, shift);
            out
        };
        let has = |out: &[u8], kind: &[u8]| out.windows(4).any(|window| window == kind);
        assert!(has(&written(0), b"stco") && has(&written(2), b"co64"));
    }
}
