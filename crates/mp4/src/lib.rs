//! MP4 and QuickTime files: boxes to packets, by a state machine that reads no file itself.
//!
//! It is **not** a muxer (yet), decodes nothing, decrypts nothing, and follows no reference to another file.
//!
//! | what | how far |
//! |---|---|
//! | layout | `moov` first or last, 64-bit sizes, without `ftyp`; fragments, also from a pipe; both in one file |
//! | pipe | `moov` last: up to 64 MiB of media are held, more is refused in words that say what to do |
//! | times | `stts`, `ctts` (both versions), edit lists, `tfdt`: pts, dts and durations as ffprobe prints them |
//! | marks | sync samples (`stss`, `stps`); what an edit cuts away is marked to be discarded or trimmed |
//! | video | H.264, HEVC, AV1, VP8, VP9, MPEG-4, MPEG-2, Motion JPEG |
//! | audio | AAC, MP3, MP2, Opus, FLAC, AC-3, E-AC-3, Vorbis, PCM, A-law, µ-law (MP4 and QuickTime 0, 1, 2) |
//! | others | timed text as [`CodecId::MovText`](brooklet_media::CodecId); all else by its four letters |
//! | seeking | the key sample before, at once; in fragments by their index at the end (`mfra`) or by reading on |
//! | tags | `ilst`, QuickTime's keys and user data, brands, under ffmpeg's names |
//! | refused | encryption, by name |
//!
//! Read [`Mp4Demuxer`] first; it is a [`brooklet_media::Demuxer`], which tells how to drive it. Inside, bytes become
//! packets in this order: `scan` goes from box to box; `moov`, `track` and `sample_entry` read the header;
//! `samples` walks its tables, `edit` and `playhead` put them into the order and time of the presentation,
//! `fragment` does the same for fragments; `lane` joins the two, and `order` picks the lane that is next.
//!
//! Sources: ISO/IEC 14496-12 (boxes), 14496-14 and -15 (codecs in them), Apple's QuickTime File Format.
//!
//! ```
//! use brooklet_media::{DemuxEvent, DemuxStep, Demuxer, Result, Source};
//! use brooklet_mp4::Mp4Demuxer;
//!
//! /// The pts of every packet of a file in memory.
//! fn all_pts(file: &'static [u8]) -> Result<Vec<i64>> {
//!     let mut demuxer = Mp4Demuxer::new(Source { seekable: true, length: Some(file.len() as u64) });
//!     let mut all = Vec::new();
//!     loop {
//!         match demuxer.step()? {
//!             DemuxStep::Read(at) => match file.get(at as usize..) {
//!                 Some(rest) if !rest.is_empty() => demuxer.push(rest.into()),
//!                 _ => demuxer.finish(),
//!             },
//!             DemuxStep::Event(DemuxEvent::Packet(packet)) => all.push(packet.pts),
//!             DemuxStep::Event(_) => {}
//!             DemuxStep::End => return Ok(all),
//!         }
//!     }
//! }
//!
//! let error = all_pts(b"\0\0\0\x10ftypisom\0\0\0\0").unwrap_err();
//! assert_eq!(error.to_string(), "mp4: the input ends at byte 16, before its moov box");
//! ```

mod audio_entry;
mod boxes;
mod chunks;
mod demux;
mod edit;
mod esds;
mod fragment;
mod index;
mod input;
mod lane;
mod language;
mod metadata;
mod moov;
mod mux;
mod order;
mod pcm;
mod playhead;
mod runs;
mod sample_entry;
mod samples;
mod scan;
mod seek;
mod sync;
mod tail;
mod track;
mod video_entry;
mod window;

pub use demux::Mp4Demuxer;
pub use mux::{FragmentRule, Mp4Brand, Mp4Layout, Mp4Muxer, Mp4MuxerOptions};
