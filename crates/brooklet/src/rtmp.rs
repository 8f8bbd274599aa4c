//! `rtmp://` and `rtmps://`: the sockets around `brooklet-rtmp`.
//!
//! | file | holds |
//! |---|---|
//! | `connect` | the way to a server, with its login, until it has agreed |
//! | `options` | what the user says beyond the URL |
//! | `connection` | one socket driving the client's state machine |
//! | `outbox` | what waits to be sent on a socket, the client's or the server's |
//! | `sink` | packets to tags |
//! | `uplink` | tags between the output's thread and the task of its one connection |
//! | `publish` | sending a stream to a server |
//! | `play` | receiving a stream from a server |
//! | `redirect` | when a server asks us to connect elsewhere |
//! | `dial` | making a connection, and making it again |
//! | `listen` | waiting for one viewer, or serving all who come |
//! | `server` | any number of publishers and viewers: [`RtmpServer`] |

mod connect;
mod connection;
mod dial;
mod listen;
mod options;
mod outbox;
pub(crate) mod play;
mod publish;
mod redirect;
mod server;
pub(crate) mod sink;
mod uplink;

pub use server::{Access, Report, RtmpServer, RtmpServerOptions, Token, Visit};

use brooklet_media::Timestamp;
pub use options::RtmpOptions;

use crate::job::Listen;
use crate::protocol::{Origin, Scheme, SinkOptions, SourceOptions, Target};
use crate::{Result, Url};

/// The protocol.
pub(crate) struct Rtmp;

impl Scheme for Rtmp {
    fn names(&self) -> &'static [&'static str] {
        if cfg!(feature = "tls") { &["rtmp", "rtmps"] } else { &["rtmp"] }
    }

    fn default_format(&self) -> Option<&'static str> {
        Some("flv")
    }

    fn open_source(&self, url: &Url, options: &SourceOptions) -> Result<Origin> {
        let (peer, client) = options.rtmp.apply(url)?;
        Ok(Origin::Packets(play::open(url, peer, client, options)?))
    }

    fn open_sink(&self, url: &Url, options: &SinkOptions) -> Result<Target> {
        let (peer, client) = options.rtmp.apply(url)?;
        Ok(Target::Packets(match options.listen {
            Listen::No => publish::open(url, peer, client, options)?,
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
