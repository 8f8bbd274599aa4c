//! The small containers, generated sources, probing, and the registry of formats.
//!
//! This crate knows every format by ffmpeg's name: it finds out what an input is, opens demuxers and muxers, and
//! holds those that are too small for a crate of their own. It is **not** where FLV, MPEG-TS and MP4 are read and
//! written (those are crates of their own, registered here), it decodes nothing, and it opens no file or socket.
//!
//! | format | reads | writes | |
//! |---|---|---|---|
//! | `mov,mp4,…` | yes | yes | [`brooklet_mp4`]; written as `mp4`, `ipod` and `mov` |
//! | `flv` | yes | yes | [`brooklet_flv`] |
//! | `mpegts` | yes | yes | [`brooklet_mpegts`] |
//! | `h264`, `hevc` | [`AnnexbDemuxer`] | [`AnnexbMuxer`] | byte streams, pts from picture order |
//! | `aac` / `adts` | [`AdtsDemuxer`] | [`AdtsMuxer`] | |
//! | `mp3` | [`MpegAudioDemuxer`] | [`Mp3Muxer`] | MP3 and MP2; ID3v2, Xing and LAME's tag |
//! | `flac` | [`FlacDemuxer`] | [`FlacMuxer`] | length and sum are patched at the end, where the output can |
//! | `ogg` | [`OggDemuxer`] | [`OggMuxer`] | Opus, FLAC, Vorbis; chains are read; also written as `opus`, `oga` |
//! | `mjpeg`, `image2pipe` … | [`MjpegDemuxer`] | | pictures one after another, whatever stands between |
//! | `wav` | [`WavDemuxer`] | [`WavMuxer`] | PCM, float, A-law, µ-law; RF64 is read |
//! | `s16le`, `f32le`, `alaw` … | [`RawDemuxer`] | [`RawMuxer`] | seekable |
//! | `rawvideo` | [`RawDemuxer`] | [`RawMuxer`] | also written as `image2pipe` |
//! | `yuv4mpegpipe` | [`Y4mDemuxer`] | [`Y4mMuxer`] | |
//! | `lavfi` | [`LavfiDemuxer`] | | `testsrc2`, `testsrc`, `smptebars`, `color`, `sine`, `anullsrc` |
//! | `framemd5`, `md5`, `null` | | [`FrameMd5Muxer`], [`Md5Muxer`], [`NullMuxer`] | to compare and to measure |
//!
//! Read [`DemuxerInfo`] and [`probe`] first.
//!
//! ```
//! use brooklet_format::{DemuxOptions, Probe, demuxer, open_demuxer, probe};
//! use brooklet_media::{DemuxEvent, DemuxStep, Source};
//!
//! // What an input is, its first bytes say.
//! let head = b"YUV4MPEG2 W2 H2 F25:1\nFRAME\n......";
//! assert!(matches!(probe(head, "clip", true)?, Probe::Found(info) if info.names == "yuv4mpegpipe"));
//!
//! // A tenth of a second of a tone, out of nothing.
//! let options = DemuxOptions::new(Source::default(), "sine=frequency=1000:duration=0.1");
//! let mut tone = open_demuxer(demuxer("lavfi")?, &options)?;
//! let mut frames = 0;
//! loop {
//!     match tone.step()? {
//!         DemuxStep::Event(DemuxEvent::Packet(packet)) => frames += packet.duration,
//!         DemuxStep::Event(_) => {}
//!         DemuxStep::Read(_) | DemuxStep::End => break,
//!     }
//! }
//! assert_eq!(frames, 4_410);
//! # Ok::<(), brooklet_media::Error>(())
//! ```

mod adts;
mod annexb;
mod blocks;
mod checksum;
mod comments;
mod flac;
mod frames;
mod id3;
mod input;
mod lavfi;
mod md5;
mod mjpeg;
mod mp3;
mod mpeg_audio;
mod ogg;
mod options;
mod output;
mod probe;
mod raw;
mod registry;
#[cfg(test)]
mod testing;
pub mod values;
mod wav;
mod y4m;

pub use adts::{AdtsDemuxer, AdtsMuxer};
pub use annexb::{AnnexbDemuxer, AnnexbMuxer};
pub use blocks::RawDemuxer;
pub use checksum::{FrameMd5Muxer, Md5Muxer, NullMuxer};
pub use flac::{FlacDemuxer, FlacMuxer};
pub use lavfi::LavfiDemuxer;
pub use mjpeg::MjpegDemuxer;
pub use mp3::Mp3Muxer;
pub use mpeg_audio::MpegAudioDemuxer;
pub use ogg::{OggDemuxer, OggMuxer};
pub use options::{DemuxOptions, MovOptions, MuxOptions};
pub use probe::{Probe, probe};
pub use raw::RawMuxer;
pub use registry::{
    DEMUXERS, DemuxerInfo, MUXERS, MuxerInfo, demuxer, guess_muxer, muxer, open_demuxer, open_muxer,
};
pub use wav::{WavDemuxer, WavMuxer};
pub use y4m::{Y4mDemuxer, Y4mMuxer};
