//! `rtmp://`: the sockets around `brooklet-rtmp`.
//!
//! | file | holds |
//! |---|---|
//! | `connection` | one socket driving one state machine |
//! | `sink` | packets to tags, and the queue between the output's thread and its connection |
//! | `connect` | the way to a server, until it has agreed |
//! | `publish` | sending a stream to a server |
//! | `play` | receiving a stream from a server |
//! | `backoff` | how long to wait before connecting again |
//! | `listen` | waiting for one viewer, or serving all who come |
//! | `server` | any number of publishers and viewers: [`RtmpServer`] |

mod backoff;
mod connect;
mod connection;
mod listen;
mod play;
mod publish;
mod server;
mod sink;

pub use server::{Access, Report, RtmpServer, RtmpServerOptions, Token, Visit};

use brooklet_media::Timestamp;
use brooklet_rtmp::RtmpUrl;

use crate::job::Listen;
use crate::protocol::{Origin, Scheme, SinkOptions, SourceOptions, Target};
use crate::{Error, Result, Url};

/// The protocol.
pub(crate) struct Rtmp;

impl Scheme for Rtmp {
    fn names(&self) -> &'static [&'static str] {
        &["rtmp"]
    }

    fn default_format(&self) -> Option<&'static str> {
        Some("flv")
    }

    fn open_source(&self, url: &Url, options: &SourceOptions) -> Result<Origin> {
        let peer = RtmpUrl::parse(&url.text).map_err(|source| Error::rtmp(&url.text, source))?;
        Ok(Origin::Packets(play::open(url, &peer, options)?))
    }

    fn open_sink(&self, url: &Url, options: &SinkOptions) -> Result<Target> {
        let peer = RtmpUrl::parse(&url.text).map_err(|source| Error::rtmp(&url.text, source))?;
        Ok(Target::Packets(match options.listen {
            Listen::No => publish::open(url, &peer, options)?,
            Listen::One => listen::open_for_one(url, &peer, options)?,
            Listen::Many => listen::open_for_many(url, &peer, options)?,
        }))
    }
}

/// The random part of a handshake. It authenticates nothing, so the hasher's own seed is random enough.
fn handshake_random() -> [u8; brooklet_rtmp::handshake::RANDOM] {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let seed = RandomState::new();
    let mut random = [0; brooklet_rtmp::handshake::RANDOM];
    for (number, bytes) in random.chunks_mut(8).enumerate() {
        let mut hasher = seed.build_hasher();
        hasher.write_usize(number);
        bytes.copy_from_slice(&hasher.finish().to_ne_bytes()[..bytes.len()]);
    }
    random
}

/// Nanoseconds since the first call: the clock of all connections.
fn now() -> Timestamp {
    static EPOCH: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    Timestamp::ZERO + EPOCH.get_or_init(std::time::Instant::now).elapsed()
}
