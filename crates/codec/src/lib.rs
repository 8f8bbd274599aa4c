//! Packet to frame and back: one module per codec, each behind a cargo feature, and the names they go by.
//!
//! This crate is not a container, a filter or a pipeline: it opens no file, owns no thread and converts no
//! pixel. A [`Decoder`](brooklet_media::Decoder) takes packets and gives frames, an
//! [`Encoder`](brooklet_media::Encoder) the reverse; both say what shape of frame they work with.
//!
//! | codec | feature | decodes | encodes | with |
//! |---|---|---|---|---|
//! | H.264 | `h264` | Baseline, Main, High, High 10, High 4:2:2; interlaced too; not 4:4:4, not lossless | Constrained Baseline, Main, High; no B-frames | `rust_h264`, `rusty_h264` |
//! | AV1 | `av1` | 8 bits: 4:2:0, 4:2:2, 4:4:4, monochrome; 10 bits: all but 4:4:4 | Main, 8 bits 4:2:0 | `rusty_av1d`, `rav1e` |
//! | VP9 | `vp9` | all but 4:4:4 in more than 8 bits, and 12 bits | | `rusty_vp9` |
//! | Motion JPEG | `mjpeg` | baseline and progressive, 4:2:0, 4:2:2, 4:4:4, luma alone; without Huffman tables too | | `zune-jpeg` |
//! | AAC | `aac` | LC, Main, LTP, HE v1 and v2; mono to 7.1 | LC, mono to 7.1 | `syom` |
//! | MP3 | `mp3` | MPEG-1, 2 and 2.5, layers II and III | layer III at a constant rate, 8 to 48 kHz, mono and stereo; no bit reservoir | `symphonia`, `rusty_mp3` |
//! | Opus | `opus` | mono and stereo, to 48 kHz; lost packets are made up for, from in-band FEC where there is | the same, 2.5 to 120 ms, FEC, DTX | `ropus` |
//! | G.722 | `g722` | 64 kbit/s, mono | the same | this crate |
//! | FLAC | `flac` | up to 32 bits, 8 channels | 16 and 24 bits, 8 channels | `symphonia`, `flacenc` |
//! | Vorbis | `vorbis` | all | | `symphonia` |
//! | PCM | `pcm` | all of [`PcmFormat`](brooklet_media::PcmFormat) | the same | this crate |
//! | raw video | `rawvideo` | all of [`PixelFormat`](brooklet_media::PixelFormat) | the same | this crate |
//!
//! All features but `av1` are on by default. AV1 is coded without assembler and on one core: in real time for small
//! pictures only.
//!
//! Codecs carry ffmpeg's names, and answer to the names of ffmpeg's libraries: see [`registry`].
//!
//! Read [`open_decoder`] and [`open_encoder`] first, then [`EncoderConfig`].
//!
//! ```
//! use brooklet_codec::{AudioEncode, DecoderOptions, EncoderConfig, open_decoder, open_encoder};
//! use brooklet_media::{AudioFrame, ChannelLayout, Decoder, Encoder, Frame, FramePool, SampleFormat};
//!
//! # fn main() -> brooklet_media::Result<()> {
//! let sound = AudioEncode::new(8_000, ChannelLayout::Mono, SampleFormat::S16);
//! let mut encoder = open_encoder(&EncoderConfig::audio("pcm_s16be", sound))?;
//! let mut decoder = open_decoder(encoder.params(), &DecoderOptions::default())?;
//!
//! let bytes = 1_000i16.to_ne_bytes();
//! let frame = AudioFrame::from_raw(&FramePool::new(), SampleFormat::S16, 8_000, ChannelLayout::Mono, &bytes)?;
//! encoder.encode(&Frame::Audio(frame))?;
//! while let Some(packet) = encoder.poll_packet() {
//!     assert_eq!(packet.data[..], 1_000i16.to_be_bytes());
//!     decoder.decode(&packet)?;
//! }
//! assert!(matches!(decoder.poll_frame(), Some(Frame::Audio(frame)) if frame.typed::<i16>(0) == [1_000]));
//! # Ok(())
//! # }
//! ```

pub mod config;
pub mod registry;

mod guard;

#[cfg(feature = "aac")]
mod aac;
#[cfg(feature = "av1")]
mod av1;
#[cfg(feature = "flac")]
mod flac;
#[cfg(feature = "g722")]
mod g722;
#[cfg(feature = "h264")]
mod h264;
#[cfg(feature = "mjpeg")]
mod mjpeg;
#[cfg(feature = "mp3")]
mod mp3;
#[cfg(feature = "opus")]
mod opus;
#[cfg(feature = "pcm")]
mod pcm;
#[cfg(feature = "rawvideo")]
mod rawvideo;
#[cfg(any(
    feature = "aac",
    feature = "flac",
    feature = "g722",
    feature = "mp3",
    feature = "opus",
    feature = "pcm",
    feature = "vorbis"
))]
mod sound;
#[cfg(any(feature = "flac", feature = "mp3", feature = "vorbis"))]
mod symphonia;
#[cfg(feature = "vp9")]
mod vp9;

pub use config::{
    AudioEncode, DecoderOptions, EncodeMedia, EncoderConfig, OpusApplication, OpusEncode, VideoEncode,
};
pub use guard::panics_are_caught;
pub use registry::{
    Choice, DECODERS, DecoderInfo, ENCODERS, EncoderInfo, EncoderInput, default_encoder, find_decoder,
    find_encoder, open_decoder, open_encoder, stand_ins,
};
