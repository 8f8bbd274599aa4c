//! FLV and AMF0: packets to tags and back.
//!
//! An FLV file and an RTMP stream carry the same tags. This crate turns packets into them ([`TagWriter`]) and them
//! into packets ([`TagReader`]), and puts a file around them ([`FlvMuxer`], [`FlvDemuxer`]). It holds AMF0
//! ([`amf0`]), in which `onMetaData` and RTMP's commands are written.
//!
//! It is *not* RTMP (chunks, handshake and sessions are another crate), decodes nothing, opens no file, and writes
//! no ads, cue points or DRM. FLV holds one video and one audio stream; subtitles and further streams are refused.
//!
//! | codec | read | written as | named by |
//! |---|---|---|---|
//! | H.264 | legacy, enhanced | legacy | 7, `avc1` |
//! | HEVC, AV1, VP9, VP8 | enhanced | enhanced | `hvc1`, `av01`, `vp09`, `vp08` |
//! | AAC, MP3 | legacy, enhanced | legacy | 10, 2 (read: 14), `mp4a`, `.mp3` |
//! | Opus, FLAC, AC-3, E-AC-3 | enhanced | enhanced | `Opus`, `fLaC`, `ac-3`, `ec-3` |
//! | PCM u8, s16le, A-law, µ-law | legacy | legacy | 0, 3, 7, 8 |
//! | MPEG-4 part 2 | legacy | refused | 9 |
//! | Sorenson, VP6, screen video, ADPCM, Nellymoser, Speex | as [`CodecId::Unknown`] | refused | 2 to 6, 1, 4 to 6, 11 |
//!
//! Enhanced means Enhanced RTMP, versions 1 and 2: timestamps with nanoseconds are rounded, and of several tracks
//! the first is read ([`TagReader::take_warnings`] says that there are more). Times are milliseconds and unwrap past 24, 31 and 32 bits ([`Clock`]).
//!
//! It is `no_std` and needs an allocator.
//!
//! Read [`Tag`] and [`TagWriter`] first.
//!
//! ```
//! use brooklet_flv::{TagReader, TagWriter};
//! use brooklet_media::{
//!     AudioParams, ChannelLayout, CodecId, DemuxEvent, Metadata, Packet, StreamParams, TimeBase,
//! };
//!
//! let opus = AudioParams::new(48_000, ChannelLayout::Stereo);
//! let mut writer = TagWriter::new();
//! writer.add_stream(&StreamParams::audio(CodecId::Opus, TimeBase::hz(48_000), opus))?;
//! let mut tags = writer.header_tags(&Metadata::new())?;
//! tags.push(writer.write(&Packet::new(0, 960, b"\xfcsound".as_slice().into()))?);
//!
//! let mut reader = TagReader::new();
//! for tag in tags {
//!     reader.push(tag)?;
//! }
//! let packet = std::iter::from_fn(|| reader.poll()).find_map(|event| match event {
//!     DemuxEvent::Packet(packet) => Some(packet),
//!     _ => None,
//! });
//! assert_eq!(packet.map(|packet| packet.pts), Some(20)); // milliseconds
//! # Ok::<(), brooklet_media::Error>(())
//! ```
//!
//! [`CodecId::Unknown`]: brooklet_media::CodecId::Unknown

#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod amf0;

mod ac3;
mod body;
mod clock;
mod coding;
mod config;
mod demux;
mod depacketize;
mod describe;
mod head;
mod metadata;
mod mux;
mod packetize;
mod tag;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod round_trip;

pub use clock::{Clock, wrap};
pub use coding::{AUDIO_FOUR_CCS, VIDEO_FOUR_CCS};
pub use demux::FlvDemuxer;
pub use depacketize::TagReader;
pub use mux::{FlvMuxer, FlvMuxerOptions};
pub use packetize::TagWriter;
pub use tag::{Tag, TagHeader, TagKind};

/// Bytes of the header of a file.
const FILE_HEADER: usize = 9;
