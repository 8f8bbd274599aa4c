//! The vocabulary of Brooklet: what flows through a pipeline, and the roles that pass it on.
//!
//! This crate knows no container, no codec, no socket, no thread and no clock. It holds the nouns that every
//! other crate speaks, so that a demuxer written today feeds an encoder written next year.
//!
//! | module | holds |
//! |---|---|
//! | [`time`] | [`TimeBase`], [`Rational`], [`Timestamp`]: exact time |
//! | [`pixel`], [`sample`] | [`PixelFormat`], [`Color`]; [`SampleFormat`], [`ChannelLayout`] |
//! | [`frame`] | [`VideoFrame`], [`AudioFrame`] and the pool that their memory comes from |
//! | [`packet`], [`params`] | [`Packet`] (one access unit) and [`StreamParams`] (what it is) |
//! | [`roles`] | the traits [`Demuxer`], [`Muxer`], [`Decoder`], [`Encoder`], [`PacketSink`], [`FrameSink`] |
//! | [`interleave`] | [`Interleaver`]: packets of several streams into one order, within a bound |
//! | [`drift`] | [`Drift`]: how another clock runs against this one, from arrivals that jitter |
//! | [`bitstream`] | what containers and codecs both must know of H.264, HEVC, AV1, VP9, AAC, MP3 and Opus headers |
//!
//! It is `no_std` and needs an allocator, and the standard library only for the feature `std`.
//!
//! Read [`Packet`] and [`Demuxer`] first.
//!
//! ```
//! use brooklet_media::{TimeBase, Interleaver, Packet};
//!
//! // Two streams on different clocks come out in the order of their decoding times.
//! let mut queue = Interleaver::file();
//! let (video, audio) = (queue.add_stream(TimeBase::MPEG), queue.add_stream(TimeBase::hz(48_000)));
//! queue.push(Packet::new(video, 3_600, b"picture".as_slice().into()));
//! queue.push(Packet::new(audio, 1_024, b"sound".as_slice().into()));
//! queue.end_all();
//! assert_eq!(queue.pop().map(|packet| packet.stream), Some(audio)); // 21 ms
//! assert_eq!(queue.pop().map(|packet| packet.stream), Some(video)); // 40 ms
//! ```

#![cfg_attr(not(any(test, feature = "std")), no_std)]

extern crate alloc;

pub mod bitstream;
pub mod drift;
pub mod error;
pub mod frame;
pub mod interleave;
pub mod packet;
pub mod params;
pub mod pixel;
pub mod roles;
pub mod sample;
pub mod time;

pub use drift::Drift;
pub use error::{Error, Result};
pub use frame::{AudioFrame, Frame, FramePool, VideoFrame};
pub use interleave::Interleaver;
pub use packet::{Packet, Trim};
pub use params::{AudioParams, CodecId, MediaKind, PcmFormat, StreamKind, StreamParams, VideoParams};
pub use pixel::{Color, Matrix, PixelFormat, Range};
pub use roles::{
    Control, Decoder, DemuxEvent, DemuxStep, Demuxer, Encoder, FrameSink, Metadata, Muxer, PacketSink, Piece,
    Place, Source,
};
pub use sample::{ChannelLayout, SampleFormat};
pub use time::{Rational, TimeBase, Timestamp};
