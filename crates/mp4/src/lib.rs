//! MP4 and QuickTime files: boxes to packets, and packets to boxes, by state machines that touch no file themselves.
//!
//! It decodes nothing, encrypts and decrypts nothing, and follows **no** reference to another file.
//!
//! | what | read | written |
//! |---|---|---|
//! | layout | `moov` first or last, 64-bit sizes, without `ftyp`; fragments, also from a pipe; both in one file | `moov` last, or moved to the front; fragments, also to a pipe |
//! | pipe | `moov` last: up to 64 MiB of media are held, more is refused in words that say what to do | fragments |
//! | times | `stts`, `ctts` (both versions), edit lists, `tfdt`: pts, dts and durations as ffprobe prints them | the same, `ctts` of version 0 |
//! | marks | sync samples (`stss`, `stps`); what an edit cuts away is marked to be discarded or trimmed | `stss`; what is marked is cut by an edit |
//! | video | H.264, HEVC, AV1, VP8, VP9, MPEG-4, MPEG-2, Motion JPEG | all of these; QuickTime without AV1, VP8, VP9 |
//! | audio | AAC, MP3, MP2, Opus, FLAC, AC-3, E-AC-3, Vorbis, PCM, A-law, µ-law (MP4 and QuickTime 0, 1, 2) | AAC, MP3, MP2, Opus, FLAC, AC-3, PCM from 16 bits; QuickTime AAC, MP3, AC-3, all PCM |
//! | others | timed text as [`CodecId::MovText`](brooklet_media::CodecId); all else by its four letters | no |
//! | changes | several descriptions of a track | the same, without fragments |
//! | seeking | the key sample before, at once; in fragments by their index at the end (`mfra`) or by reading on | `mfra` |
//! | tags | `ilst`, QuickTime's keys and user data, brands, under ffmpeg's names | `ilst`, QuickTime's user data |
//! | refused | encryption, by name | what has no place, by name |
//!
//! Read [`Mp4Demuxer`] and [`Mp4Muxer`] first; they are a [`brooklet_media::Demuxer`] and a [`brooklet_media::Muxer`], which tell how to
//! drive them.
//!
//! Bytes become packets in this order: `scan` goes from box to box; `moov`, `track` and `sample_entry` read the header;
//! `samples` walks its tables, `edit` and `playhead` put them into the order and time of the presentation,
//! `fragment` does the same for fragments; `lane` joins the two, and `order` picks the lane that is next.
//!
//! Packets become bytes in `mux`: `track` makes samples of them, on the track's own clock; `whole` notes them in `tables`, or
//! `fragments` gathers them; `timeline` says where each track begins, and `moov` and `entry` what it is.
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
