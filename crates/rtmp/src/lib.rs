//! RTMP as a state machine: bytes and the time go in, bytes and events come out.
//!
//! It is *not* a program that listens or connects: it has no socket, no thread and no clock, and knows nothing of
//! codecs. What flows through it are [`brooklet_flv::Tag`]s, which RTMP and FLV share.
//!
//! | | supported |
//! |---|---|
//! | roles | [`Client`]: publish, play; [`Server`]: for one client that publishes or plays |
//! | handshake | simple, digest (schemes 0 and 1), on both sides |
//! | chunk stream | all header types and sizes, extended timestamps with and without repetition, interleaving, abort |
//! | control | acknowledgements, bandwidth, pings, stream begin and end, buffer length |
//! | messages | audio, video, data and commands (AMF0; types 15 and 17 where they hold AMF0), aggregates |
//! | Enhanced RTMP v2 | codecs and capabilities in `connect` ([`Capabilities`]), requests to reconnect; the media itself is as in FLV |
//! | login | as a client: a user and a password in the URL, by Adobe's and Limelight's challenges ([`Login`]) |
//! | not | RTMPE, RTMPT, RTMFP, shared objects, AMF3. RTMPS: hand in what TLS decrypted |
//!
//! It is `no_std` and needs an allocator.
//!
//! Read [`Client`] and [`Output`] first. The contract of both roles is: change something (input, a tag, a timeout),
//! then drain `poll_output` until it says [`Output::Timeout`]. Time is 64-bit milliseconds in a tag and wraps only on
//! the wire.
//!
//! ```
//! use brooklet_flv::{Tag, TagKind};
//! use brooklet_media::Timestamp;
//! use brooklet_rtmp::*;
//!
//! let url = RtmpUrl::parse("rtmp://localhost/live/key")?;
//! let now = Timestamp::ZERO;
//! let mut client = Client::publish(&url, ClientOptions::default(), &[1; 1528], now);
//! let mut server = Server::new(ServerOptions::default(), &[2; 1528], now);
//!
//! // Two sessions tied together without a network.
//! let tag = Tag { kind: TagKind::Audio, timestamp: 40, body: vec![0xAF, 1, 2, 3].into() };
//! let received = loop {
//!     match client.poll_output() {
//!         Output::Transmit(bytes) => server.handle_input(&bytes, now)?,
//!         Output::Event(ClientEvent::Ready) => client.send(&tag)?,
//!         _ => {}
//!     }
//!     match server.poll_output() {
//!         Output::Transmit(bytes) => client.handle_input(&bytes, now)?,
//!         Output::Event(ServerEvent::ConnectRequested(_)) => server.accept()?,
//!         Output::Event(ServerEvent::PublishRequested(request)) if request.stream == "key" => server.accept()?,
//!         Output::Event(ServerEvent::Tag(tag)) => break tag,
//!         _ => {}
//!     }
//! };
//! assert_eq!(received, tag);
//! # Ok::<(), Error>(())
//! ```
//!
//! `examples/` has the same over sockets: `publish`, `play` and `listen`.

#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod capabilities;
pub mod chunk;
mod client;
pub mod command;
#[cfg(test)]
mod endurance;
pub mod error;
pub mod handshake;
mod login;
mod media;
pub mod message;
mod options;
mod server;
mod session;
pub mod url;

pub use capabilities::Capabilities;
pub use chunk::ChunkLimits;
pub use client::{Client, ClientEvent, Purpose};
pub use error::{Error, LoginFailure, Place, Result, Stage};
pub use login::Login;
pub use message::{Message, MessageType};
pub use options::{ClientOptions, Live, UrlParts, connect_values};
pub use server::{ConnectRequest, Server, ServerEvent, ServerOptions, StreamRequest};
pub use session::Output;
pub use url::RtmpUrl;
