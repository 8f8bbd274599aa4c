//! The header of a movie (ISO/IEC 14496-12 §8.2 to §8.4), written.

use brooklet_media::{Error, MediaKind, Metadata, Result, StreamKind, TimeBase};
use bytes::{BufMut, Bytes, BytesMut};

use super::put::{put_box, put_full_box, put_time, version_for};
use super::tables::Tables;
use super::tags::put_tags;
use super::timeline::Edits;
use super::track::Track;
use super::{Mp4Brand, Mp4MuxerOptions};
use crate::boxes::{FourCc, NAME};
use crate::language;

/// The matrix that turns nothing.
const UPRIGHT: [u32; 9] = [1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30];

/// Flags of a `tkhd`: it is on, and part of the movie.
const ENABLED: u32 = 1;
const IN_MOVIE: u32 = 2;

/// One track, as the header tells it.
pub(super) struct Trak<'a> {
    pub(super) track: &'a Track,
    pub(super) edits: Edits,
    /// Where its samples are; `None` where they are in fragments.
    pub(super) tables: Option<&'a Tables>,
}

impl Trak<'_> {
    /// How long it lasts in the presentation, in ticks of the movie; 0, which is not known, in fragments.
    fn duration(&self) -> i64 {
        self.tables.map_or(0, |_| self.edits.end())
    }
}

/// The clock of the movie: sound's, so that what is cut of it is told to the sample; else that of the pictures.
pub(super) fn movie_clock(tracks: &[Track]) -> TimeBase {
    let of = |kind| tracks.iter().find(|track| track.params.media() == kind).map(|track| track.clock);
    of(MediaKind::Audio).or_else(|| of(MediaKind::Video)).unwrap_or(TimeBase::MILLIS)
}

/// Writes the `moov` of these tracks, whose samples lie `shift` bytes further than their tables say.
///
/// # Errors
///
/// Where the tables pass 4 GiB.
pub(super) fn moov(
    options: &Mp4MuxerOptions,
    metadata: &Metadata,
    traks: &[Trak<'_>],
    clock: TimeBase,
    shift: u64,
) -> Result<Bytes> {
    let mut out = BytesMut::new();
    put_box(&mut out, b"moov", |out| {
        put_mvhd(out, traks, clock);
        traks.iter().for_each(|trak| put_trak(out, options.brand, trak, shift));
        if traks.iter().any(|trak| trak.tables.is_none()) {
            put_box(out, b"mvex", |out| traks.iter().for_each(|trak| put_trex(out, trak.track.id)));
        }
        put_tags(out, options, metadata);
    });
    if out.len() > u32::MAX as usize {
        let what = format!("an index of {} bytes in one {NAME} file", out.len());
        return Err(Error::unsupported(what, "as much as wanted in fragments (movflags frag_keyframe)"));
    }
    Ok(out.freeze())
}

fn put_mvhd(out: &mut BytesMut, traks: &[Trak<'_>], clock: TimeBase) {
    let duration = traks.iter().map(Trak::duration).max().unwrap_or(0);
    let version = version_for([duration]);
    put_full_box(out, b"mvhd", version, 0, |out| {
        put_times_of_day(out, version);
        out.put_u32(clock.den());
        put_time(out, version, duration);
        out.put_u32(1 << 16); // rate
        out.put_u16(1 << 8); // volume
        out.put_bytes(0, 10);
        put_matrix(out);
        out.put_bytes(0, 24);
        out.put_u32(traks.iter().map(|trak| trak.track.id).max().unwrap_or(0) + 1); // the next track's number
    });
}

fn put_trak(out: &mut BytesMut, brand: Mp4Brand, trak: &Trak<'_>, shift: u64) {
    let track = trak.track;
    put_box(out, b"trak", |out| {
        put_tkhd(out, trak);
        trak.edits.put(out);
        put_box(out, b"mdia", |out| {
            let duration = trak.tables.map_or(0, Tables::duration);
            let version = version_for([duration]);
            put_full_box(out, b"mdhd", version, 0, |out| {
                put_times_of_day(out, version);
                out.put_u32(track.clock.den());
                put_time(out, version, duration);
                out.put_u16(language::code(track.params.language));
                out.put_u16(0);
            });
            put_hdlr(out, brand, track.params.media());
            put_minf(out, brand, trak, shift);
        });
    });
}

fn put_tkhd(out: &mut BytesMut, trak: &Trak<'_>) {
    let (track, duration) = (trak.track, trak.duration());
    let version = version_for([duration]);
    let flags = if track.enabled { ENABLED | IN_MOVIE } else { IN_MOVIE };
    put_full_box(out, b"tkhd", version, flags, |out| {
        put_times_of_day(out, version);
        out.put_u32(track.id);
        out.put_u32(0);
        put_time(out, version, duration);
        out.put_bytes(0, 8);
        out.put_u16(0); // layer
        out.put_u16(if track.params.media() == MediaKind::Audio { 1 } else { 0 }); // alternate group
        out.put_u16(if track.params.media() == MediaKind::Audio { 1 << 8 } else { 0 }); // volume
        out.put_u16(0);
        put_matrix(out);
        let (width, height) = display_size(&track.shape);
        out.put_u32(width);
        out.put_u32(height);
    });
}

fn put_matrix(out: &mut BytesMut) {
    for number in UPRIGHT {
        out.put_u32(number);
    }
}

/// In 16.16 fixed point: as wide as its samples make it.
fn display_size(kind: &StreamKind) -> (u32, u32) {
    let StreamKind::Video(video) = kind else { return (0, 0) };
    let aspect = video.sample_aspect;
    let width =
        (u64::from(video.width) << 16) * u64::from(aspect.num().max(1)) / u64::from(aspect.den().max(1));
    (u32::try_from(width).unwrap_or(u32::MAX), video.height.min(0xFFFF) << 16)
}

/// Whose samples a track has: ISO's box, and QuickTime's, which says that it is of a media.
fn put_hdlr(out: &mut BytesMut, brand: Mp4Brand, kind: MediaKind) {
    let (subtype, name): (&FourCc, &[u8]) = match kind {
        MediaKind::Audio => (b"soun", b"SoundHandler"),
        _ => (b"vide", b"VideoHandler"),
    };
    put_handler(out, brand, b"mhlr", subtype, name);
}

fn put_handler(out: &mut BytesMut, brand: Mp4Brand, class: &FourCc, subtype: &FourCc, name: &[u8]) {
    let is_quicktime = brand == Mp4Brand::QuickTime;
    put_full_box(out, b"hdlr", 0, 0, |out| {
        out.put_slice(if is_quicktime { class } else { &[0; 4] });
        out.put_slice(subtype);
        out.put_bytes(0, 12);
        if is_quicktime {
            out.put_u8(name.len() as u8);
            out.put_slice(name);
        } else {
            out.put_slice(name);
            out.put_u8(0);
        }
    });
}

fn put_minf(out: &mut BytesMut, brand: Mp4Brand, trak: &Trak<'_>, shift: u64) {
    put_box(out, b"minf", |out| {
        match trak.track.params.media() {
            MediaKind::Audio => put_full_box(out, b"smhd", 0, 0, |out| out.put_u32(0)),
            _ => put_full_box(out, b"vmhd", 0, 1, |out| out.put_u64(0)),
        }
        if brand == Mp4Brand::QuickTime {
            put_handler(out, brand, b"dhlr", b"url ", b"DataHandler");
        }
        put_box(out, b"dinf", |out| {
            put_full_box(out, b"dref", 0, 0, |out| {
                out.put_u32(1);
                put_full_box(out, b"url ", 0, 1, |_| {}); // in this file
            });
        });
        put_box(out, b"stbl", |out| {
            put_full_box(out, b"stsd", 0, 0, |out| {
                out.put_u32(trak.track.rows.len() as u32);
                trak.track.rows.iter().for_each(|row| out.put_slice(row));
            });
            match trak.tables {
                Some(tables) => tables.put(out, shift),
                None => Tables::default().put(out, 0),
            }
        });
    });
}

/// What holds in fragments that say nothing else (§8.8.3): nothing, for each says it.
fn put_trex(out: &mut BytesMut, id: u32) {
    put_full_box(out, b"trex", 0, 0, |out| {
        out.put_u32(id);
        out.put_u32(1); // row of the stsd
        out.put_bytes(0, 12); // duration, size, flags
    });
}

/// When it was made and changed: not said, for nothing here knows the time of day.
fn put_times_of_day(out: &mut BytesMut, version: u8) {
    put_time(out, version, 0);
    put_time(out, version, 0);
}
