//! RTP, RTCP and SDP, and a jitter buffer that decides what to play: state machines without sockets.
//!
//! Datagrams and the time at which they came are handed in; packets, access units, reports and decisions are taken out. This
//! crate opens no socket, has no thread and no clock, and decodes nothing. It is not RTSP, not SIP, and not SRTP.
//! It is `no_std` and needs an allocator.
//!
//! | what | how | specification |
//! |---|---|---|
//! | [`RtpPacket`], [`Unwrap`] | read, written; counters without wraps | RFC 3550 §5 |
//! | [`Rtcp`] | sender and receiver reports, CNAME, BYE | RFC 3550 §6 |
//! | [`Reception`] | loss and jitter of one source, restarts, forged numbers | RFC 3550 A.1, A.3, A.8 |
//! | [`RtpReceiver`] | one source among many, its packets without wraps, reports on it | RFC 3550 §6, §8 |
//! | [`RtpSender`] | numbers, timestamps, reports of one source | RFC 3550 §5, §6 |
//! | [`Packetizer`], [`Depacketizer`] | L16, L24, PCMU, PCMA, G.722 | RFC 3551, RFC 3190 |
//! | | Opus | RFC 7587 |
//! | | AAC (mpeg4-generic, AAC-hbr), also fragments and several units in one packet | RFC 3640 |
//! | | H.264: single NAL units, STAP-A, FU-A | RFC 6184 |
//! | [`Description`] | SDP, written and read | RFC 8866, RFC 3605 |
//! | [`Reorder`] | packets in order, each once, for copies | |
//! | [`Playout`] | the jitter buffer: when to play what, and when to conceal, insert or drop | |
//! | [`RawSound`] | bare samples in datagrams, given a time | |
//! | [`Concealer`] | sound in place of what was lost | after G.711 Appendix I |
//!
//! Read [`RtpPacket`] and [`Playout`] first.
//!
//! ```
//! use brooklet_media::{CodecId, Packet, PcmFormat, AudioParams, ChannelLayout, StreamParams, TimeBase, Timestamp};
//! use brooklet_rtp::{Packetizer, PayloadFormat, RtpPacket, RtpSender};
//!
//! # fn main() -> brooklet_rtp::Result<()> {
//! let sound = AudioParams::new(8_000, ChannelLayout::Mono);
//! let stream = StreamParams::audio(CodecId::Pcm(PcmFormat::Mulaw), TimeBase::hz(8_000), sound);
//! let format = PayloadFormat::for_stream(&stream)?;
//! let mut packetizer = Packetizer::new(&format, &stream, 1_400)?;
//! let mut sender = RtpSender::new(format.payload_type, format.clock(), 4, "me@here");
//! packetizer.push(&Packet::new(0, 0, vec![0xFF; 1_024].into()))?; // 128 ms of silence
//! let first = packetizer.poll().map(|payload| sender.packet(&payload, Timestamp::ZERO));
//! assert_eq!(first.map(|packet| packet.payload.len()), Some(160)); // 20 ms
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod conceal;
mod error;
pub mod packet;
mod payload;
mod playout;
mod receive;
mod reception;
mod reorder;
pub mod rtcp;
mod sdp;
mod send;

pub use conceal::Concealer;
pub use error::{Error, Result};
pub use packet::{RtpPacket, Unwrap};
pub use payload::{Depacketizer, Packetizer, Payload, PayloadFormat, Unit};
pub use playout::{CatchUp, Decision, Measures, Playout, PlayoutOptions, RawSound};
pub use receive::{Received, RtpReceiver};
pub use reception::Reception;
pub use reorder::Reorder;
pub use rtcp::{ReportBlock, Rtcp, SenderInfo};
pub use sdp::{Description, Media};
pub use send::{OVERHEAD, RtpSender, ntp};
