//! WebRTC sessions as state machines: H.264 and Opus, both ways, over `str0m`.
//!
//! A [`Session`] takes datagrams, packets and the time, and gives datagrams, events and the next deadline: no socket, no
//! thread, no clock. It is *not* a codec, not a browser's `RTCPeerConnection`, and no HTTP: descriptions are handed in and out
//! as text. str0m does the protocols (ICE, DTLS, SRTP, RTP with its repairs, congestion control); this crate
//! brings a cryptography in Rust alone, and makes of frames of RTP what the other crates speak: streams and
//! [`Packet`](brooklet_media::Packet)s.
//!
//! | what | how |
//! |---|---|
//! | H.264 | sent with packetization mode 1 (RFC 6184); received in any mode but interleaved; no B-frames, as in all of WebRTC |
//! | Opus | RFC 7587, mono and stereo |
//! | lost packets | sent again when asked for (NACK, RTX), both ways; what stays lost costs pictures up to the next key frame, which is asked for (PLI, else FIR) |
//! | congestion | transport-wide feedback (TWCC), else REMB; video is paced, and [`Event::Estimate`] tells what the way carries |
//! | several streams | kept in step by sender reports, in both directions |
//! | ICE | full, or lite for one with a public address; UDP; candidates in fragments; STUN and TURN servers ([`stun`]); names of candidates ([`mdns`]) |
//! | DTLS | 1.2, certificates on P-256 |
//!
//! RTP is left to str0m, not spoken here (its "frame mode"): its packetisers, its buffer for what is out of order and its
//! answers to NACK all hang on that, and nothing here needs more than whole pictures. What it costs is that a picture has one
//! sequence and one picture parameter set; a stream with more of them is refused.
//!
//! Read [`Session`] and [`Output`] first. Two sessions, tied together without a network:
//!
//! ```
//! use std::net::SocketAddr;
//! use std::time::{Duration, Instant};
//! use brooklet_media::{AudioParams, ChannelLayout, CodecId, StreamParams, TimeBase};
//! use brooklet_webrtc::{Certificate, Event, Output, Session, SessionOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = Instant::now();
//! let options = SessionOptions::new(Certificate::generate(Duration::from_secs(1_800_000_000))?);
//! let sound = AudioParams::new(48_000, ChannelLayout::Stereo);
//! let sound = StreamParams::audio(CodecId::Opus, TimeBase::hz(48_000), sound);
//! let addresses: [SocketAddr; 2] = ["10.0.0.1:4000".parse()?, "10.0.0.2:4000".parse()?];
//! let (here, offer) = Session::offer(&options, now, &[sound], &[], &addresses[..1])?;
//! let (there, answer) = Session::answer(&options, now, &offer, &[], &addresses[1..])?;
//! let mut ends = [here, there];
//! ends[0].accept_answer(&answer)?;
//!
//! // Each takes what the other sends, until both have agreed on their keys.
//! let (mut now, mut connected) = (now, 0);
//! while connected < 2 {
//!     now += Duration::from_millis(10);
//!     for side in 0..2 {
//!         ends[side].handle_timeout(now)?;
//!         loop {
//!             match ends[side].poll()? {
//!                 Output::Transmit(sent) => {
//!                     ends[1 - side].handle_datagram(now, sent.source, sent.destination, &sent.bytes)?;
//!                 }
//!                 Output::Event(Event::Connected) => connected += 1,
//!                 Output::Event(_) => {}
//!                 Output::Timeout(_) => break,
//!             }
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod crypto;
mod error;
pub mod mdns;
mod session;
pub mod stun;

pub use crypto::certificate::Certificate;
pub use crypto::random;
pub use error::{Error, Result};
pub use session::{Event, HiddenCandidate, Output, Session, SessionOptions, Statistics, Transmit};
