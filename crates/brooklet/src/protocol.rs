//! Where bytes come from and go to: one module per protocol, and the registry that finds them by scheme.

pub mod file;
pub mod http;
mod ice;
pub mod icecast;
pub(crate) mod pace;
pub mod pipe;
pub mod places;
pub(crate) mod socket;
pub mod stream;
pub mod tcp;
pub mod tls;
pub mod udp;

use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use brooklet_media::{DemuxEvent, Metadata, PacketSink, Piece, Source};
use bytes::Bytes;
pub use http::HttpOptions;
pub use ice::{IceOptions, IceServer};
pub use tls::TlsOptions;

pub use crate::rtmp::RtmpOptions;
use crate::rtp::SdpFile;
use crate::voice::Buffering;

use crate::job::{Journal, Listen, Reconnect};
use crate::radio::NowPlaying;
use crate::{Error, Result, Stopper, Url};

/// How to open an input.
#[derive(Clone, Debug, Default)]
pub struct SourceOptions {
    /// The longest wait for a connection or for bytes; `None` is for ever.
    pub timeout: Option<Duration>,
    /// Whether, and how, to connect again where the peer goes away.
    pub reconnect: Reconnect,
    /// Where to say what is worth a line and no error.
    pub journal: Arc<Journal>,
    /// For protocols within TLS.
    pub tls: TlsOptions,
    /// For RTMP.
    pub rtmp: RtmpOptions,
    /// Whether, and how, sound is played as it comes rather than read.
    pub buffer: Option<Buffering>,
    /// For HTTP.
    pub http: HttpOptions,
    /// The format that was asked for, by ffmpeg's name; `None` where none was.
    pub format: Option<&'static str>,
    /// Frees whoever waits for this input.
    pub stopper: Stopper,
}

/// How to open an output.
#[derive(Clone, Debug, Default)]
pub struct SinkOptions {
    /// The longest wait for a viewer, a connection, or room to write; `None` is for ever.
    pub timeout: Option<Duration>,
    /// Wait for viewers rather than connect.
    pub listen: Listen,
    /// Whether, and how, to connect again where the peer goes away.
    pub reconnect: Reconnect,
    /// How old what waits may grow before it is skipped up to the last key frame; `None` waits, and whoever writes
    /// blocks.
    pub max_delay: Option<Duration>,
    /// Whether what is written comes no faster than time passes.
    pub is_realtime: bool,
    /// Where to say what is worth a line and no error.
    pub journal: Arc<Journal>,
    /// Replace a file that exists.
    pub overwrite: bool,
    /// For protocols within TLS.
    pub tls: TlsOptions,
    /// For RTMP.
    pub rtmp: RtmpOptions,
    /// For RTP: the file that describes what is sent, and which of its media this output is.
    pub sdp: Option<(Arc<SdpFile>, usize)>,
    /// For HTTP and Icecast.
    pub http: HttpOptions,
    /// The format that is written, by ffmpeg's name.
    pub format: &'static str,
    /// What is being played, as it changes.
    pub playing: NowPlaying,
    /// Stopped when the job is to end: then nobody need wait for time to pass.
    pub ending: Stopper,
    /// Frees whoever waits for this output.
    pub stopper: Stopper,
}

/// What a scheme opens for an input: bytes, which a demuxer takes apart, or packets, where it does that itself.
pub enum Origin {
    /// Bytes of whatever format they turn out to have.
    Bytes(Box<dyn ByteSource>),
    /// Packets: the protocol has its own framing.
    Packets(Box<dyn PacketSource>),
}

/// Bytes of an input, in order, or from anywhere where it can seek.
pub trait ByteSource: Send {
    /// What is known of it before its first byte.
    fn source(&self) -> Source;

    /// Whether time passes at the other end: then what is not read now is lost or late.
    fn is_live(&self) -> bool;

    /// The next bytes, a handy number of them; blocks until there are some. Empty at the end.
    ///
    /// # Errors
    ///
    /// What the system or the peer says; [`Error::Stopped`] once stopped.
    fn read(&mut self) -> Result<Bytes>;

    /// Goes on from `at`, bytes from the start.
    ///
    /// # Errors
    ///
    /// Where [`Source::seekable`] is false, or the system refuses.
    fn seek(&mut self, at: u64) -> Result<()>;

    /// What is being played, where that has changed since the last call.
    fn take_title(&mut self) -> Option<String> {
        None
    }
}

/// Streams and packets of an input that has no container, or whose container has been opened.
pub trait PacketSource: Send {
    /// Whether time passes at the other end: then what is not read now is lost or late.
    fn is_live(&self) -> bool;

    /// Whether its times are those of [`brooklet_device::capture_time`]: then what several devices of a job give stays
    /// together by its times.
    fn is_captured(&self) -> bool {
        false
    }

    /// What comes next; blocks until there is something. `None` at the end.
    ///
    /// # Errors
    ///
    /// What the system or the peer says; [`Error::Stopped`] once stopped.
    fn next(&mut self) -> Result<Option<DemuxEvent>>;

    /// Goes on from the last key frame of `stream` at or before `pts`, in that stream's ticks.
    ///
    /// # Errors
    ///
    /// Where it can't; it then goes on as it was.
    fn seek(&mut self, stream: usize, pts: i64) -> Result<()> {
        let _ = (stream, pts);
        Err(Error::Usage("a stream that arrives live can't be sought in".into()))
    }

    /// Title, encoder and the like, as far as they are known.
    fn metadata(&self) -> Metadata {
        Metadata::new()
    }

    /// Its length in bytes, where it is known.
    fn size(&self) -> Option<u64> {
        None
    }

    /// What it left out that a person may miss, a line each, since the last call; the caller names the input.
    fn take_warnings(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// What is being played, where that has changed since the last call.
    fn take_title(&mut self) -> Option<String> {
        None
    }
}

/// Where the bytes of an output go.
pub trait ByteSink: Send {
    /// Whether time passes at the other end: then encoders take their low-delay settings.
    fn is_live(&self) -> bool;

    /// Whether it can go back to what was written ([`brooklet_media::Place`]); where not, only what is appended is taken.
    fn can_seek(&self) -> bool {
        false
    }

    /// Stores or sends a piece; blocks while there is no room, which is the back-pressure.
    ///
    /// # Errors
    ///
    /// What the system or the peer says; [`Error::Stopped`] once stopped.
    fn write(&mut self, piece: &Piece) -> Result<()>;

    /// What will be written are bare samples, so many bytes a second: each byte is due by its place, whatever its piece says.
    fn steady(&mut self, bytes_per_second: u64) {
        let _ = bytes_per_second;
    }

    /// Everything has been written: returns when it has been stored or sent.
    ///
    /// # Errors
    ///
    /// As [`ByteSink::write`].
    fn finish(&mut self) -> Result<()>;
}

/// What a scheme opens for an output: a place for bytes, which a muxer fills, or one that takes packets itself.
pub enum Target {
    /// Bytes of whatever format was asked for.
    Bytes(Box<dyn ByteSink>),
    /// Packets: the protocol has its own framing.
    Packets(Box<dyn LivePacketSink>),
}

/// A [`PacketSink`] that a protocol opened.
pub trait LivePacketSink: PacketSink<Error> {
    /// Bytes sent so far.
    fn bytes(&self) -> u64;

    /// Packets that were not sent so far, because the peer was too slow.
    fn skipped(&self) -> u64 {
        0
    }

    /// Whether a peer can't go on without a key frame, and has said so since the last call.
    fn takes_key_frame_wish(&mut self) -> bool {
        false
    }

    /// Whether the peer came to us: then its leaving is a normal end.
    fn is_listening(&self) -> bool;
}

/// One protocol.
pub trait Scheme: Send + Sync {
    /// Its schemes, as they stand before the colon.
    fn names(&self) -> &'static [&'static str];

    /// The format that its streams have where none is asked for, by ffmpeg's name.
    fn default_format(&self) -> Option<&'static str> {
        None
    }

    /// Opens an input.
    ///
    /// # Errors
    ///
    /// Where it can't be reached, or the protocol has no inputs.
    fn open_source(&self, url: &Url, options: &SourceOptions) -> Result<Origin>;

    /// Opens an output.
    ///
    /// # Errors
    ///
    /// Where it can't be reached, or the protocol has no outputs.
    fn open_sink(&self, url: &Url, options: &SinkOptions) -> Result<Target>;

    /// Whether there are inputs and outputs, for `-protocols`.
    fn directions(&self) -> (bool, bool) {
        (true, true)
    }
}

/// Adds a protocol for the whole process; one with the same scheme as an earlier one takes its place.
pub fn register(scheme: Arc<dyn Scheme>) {
    registry().write().unwrap_or_else(PoisonError::into_inner).push(scheme);
}

/// All schemes: name, whether it has inputs, whether it has outputs.
pub fn schemes() -> Vec<(&'static str, bool, bool)> {
    let registry = registry().read().unwrap_or_else(PoisonError::into_inner);
    let rows = registry.iter().flat_map(|scheme| {
        let (input, output) = scheme.directions();
        scheme.names().iter().map(move |name| (*name, input, output))
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

/// The protocol of a URL.
pub(crate) fn scheme(url: &Url) -> Result<Arc<dyn Scheme>> {
    let registry = registry().read().unwrap_or_else(PoisonError::into_inner);
    let found = registry.iter().rev().find(|scheme| scheme.names().contains(&url.scheme.as_str()));
    found.cloned().ok_or_else(|| {
        let mut names: Vec<_> = registry.iter().flat_map(|scheme| scheme.names()).copied().collect();
        names.sort_unstable();
        names.dedup();
        Error::Usage(format!(
            "{}: no protocol '{}'; there are {}. For a file whose name has a colon, write file:NAME",
            url.text,
            url.scheme,
            names.join(", ")
        ))
    })
}

fn registry() -> &'static RwLock<Vec<Arc<dyn Scheme>>> {
    static REGISTRY: OnceLock<RwLock<Vec<Arc<dyn Scheme>>>> = OnceLock::new();
    REGISTRY.get_or_init(|| {
        RwLock::new(vec![
            Arc::new(file::FileScheme),
            #[cfg(feature = "http")]
            Arc::new(http::Http),
            #[cfg(feature = "http")]
            Arc::new(icecast::Icecast),
            Arc::new(pipe::Pipe),
            Arc::new(tcp::Tcp),
            Arc::new(udp::Udp),
            #[cfg(feature = "rtp")]
            Arc::new(crate::rtp::Rtp),
            #[cfg(feature = "rtmp")]
            Arc::new(crate::rtmp::Rtmp),
            #[cfg(feature = "webrtc")]
            Arc::new(crate::webrtc::whep::Whep),
        ])
    })
}
