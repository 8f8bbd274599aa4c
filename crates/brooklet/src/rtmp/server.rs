//! A server for any number of publishers and viewers.
//!
//! | file | holds |
//! |---|---|
//! | `access` | who may publish, and who may play |
//! | `door` | accepting connections, as long as there is room |
//! | `peer` | one socket driving the state machine |
//! | `session` | one connection from its beginning to its end |
//! | `report` | what there is to tell of those who come and go |

mod access;
mod door;
pub(super) mod peer;
mod report;
mod session;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use brooklet_rtmp::ChunkLimits;
use tokio::net::TcpListener;

use crate::protocol::places::Places;
pub use access::{Access, Token};
use report::Journal;
pub use report::{Report, Visit};

use crate::hub::StreamStatistics;
use crate::protocol::socket::wait_for;
use crate::protocol::stream::Door;
use crate::protocol::{TlsOptions, tcp};
use crate::{Error, Hub, Result, Stopper, Url, runtime};

/// How long a server that ends may take to tell those who are there.
const FAREWELL: Duration = Duration::from_secs(4);

/// How an [`RtmpServer`] treats those who come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtmpServerOptions {
    /// Who may publish.
    pub publish: Access,
    /// Who may play.
    pub play: Access,
    /// Connections at once, all together. More are closed as they come.
    pub connections: usize,
    /// Connections at once from one address.
    pub connections_of_one: usize,
    /// How long a client may take from its coming to its `publish` or `play`.
    pub handshake: Duration,
    /// Bytes that it may send until then.
    pub unaccepted: u64,
    /// How long a publisher may send no media. Then it is ended, and its name is free.
    pub idle: Duration,
    /// How long a viewer waits for a stream that nobody publishes, before it hears that there is none.
    pub wait: Duration,
    /// How long a viewer may be behind without a break, skipping or not. Then it is cut off.
    pub patience: Duration,
    /// The longest message, bytes. A publisher that sends a longer one is cut off.
    pub message: u32,
    /// The certificate and its key, where clients come by `rtmps://`; else they come in the clear.
    pub tls: Option<TlsOptions>,
}

impl Default for RtmpServerOptions {
    /// Anyone; 10,000 connections, 1,000 from one address; 10 s and 64 KiB to say what is wanted; 30 s without media; 60 s
    /// of waiting; 30 s behind; 8 MiB.
    fn default() -> Self {
        Self {
            publish: Access::Anyone,
            play: Access::Anyone,
            connections: 10_000,
            connections_of_one: 1_000,
            handshake: Duration::from_secs(10),
            unaccepted: 64 << 10,
            idle: Duration::from_secs(30),
            wait: Duration::from_secs(60),
            patience: Duration::from_secs(30),
            message: 8 << 20,
            tls: None,
        }
    }
}

impl RtmpServerOptions {
    /// Those of one connection.
    fn session(&self) -> brooklet_rtmp::ServerOptions {
        let limits = ChunkLimits {
            message: self.message,
            unfinished: usize::try_from(self.message).unwrap_or(usize::MAX).saturating_mul(2),
            ..ChunkLimits::default()
        };
        brooklet_rtmp::ServerOptions { setup_timeout: self.handshake, limits, ..Default::default() }
    }
}

/// An RTMP server on the streams of a [`Hub`]: who publishes `rtmp://host/live/app` is seen by all who play it.
///
/// It runs on threads of its own, beside the caller. Stream names are `app/stream`, whatever part of a path a client
/// calls which. What it holds: for each stream what [`crate::hub::HubOptions`] say; for each viewer the 8 tags that are
/// being sent to it, and what the system holds for its socket, of which no more than 128 KiB is unsent (on Linux).
///
/// A name has one publisher; a second one is refused with `NetStream.Publish.BadName`. Viewers may come first, and wait.
/// A publisher that says that it has finished ends the stream for its viewers; one that vanishes may come back within
/// [`crate::hub::HubOptions::grace`], and its viewers go on. Slow viewers skip to a key frame, and are cut off when they
/// are behind for too long ([`RtmpServerOptions::patience`]).
///
/// ```
/// use brooklet::{Hub, rtmp::{RtmpServer, RtmpServerOptions}};
///
/// let hub = Hub::default();
/// let server = RtmpServer::bind("127.0.0.1:0", &hub, RtmpServerOptions::default())?;
/// println!("publish to rtmp://{}/live/app", server.local_addr());
/// assert_eq!(server.connections(), 0);
/// server.stop();
/// # Ok::<(), brooklet::Error>(())
/// ```
///
/// Dropping it stops it too, without waiting for the last bytes.
#[derive(Debug)]
pub struct RtmpServer {
    shared: Arc<Shared>,
    /// At least one.
    addresses: Vec<SocketAddr>,
}

struct Shared {
    hub: Hub,
    options: RtmpServerOptions,
    places: Arc<Places>,
    entrance: Door,
    url: String,
    journal: Journal,
    stopper: Stopper,
}

impl RtmpServer {
    /// Listens on `address`, `host:port`: on every address of the host, `localhost` being `127.0.0.1` and `::1`. Port 0 is
    /// one that is free. Blocks only to look the host up.
    ///
    /// # Errors
    ///
    /// Where the port is in use, or the host has no address here.
    pub fn bind(address: &str, hub: &Hub, options: RtmpServerOptions) -> Result<Self> {
        let scheme = if options.tls.is_some() { "rtmps" } else { "rtmp" };
        let url = Url::parse(&format!("{scheme}://{address}"));
        let Some((host, port)) = url.host_port().map(|(host, port)| (host.to_string(), port)) else {
            let what = format!("{address}: it needs a host and a port, as in 127.0.0.1:1935");
            return Err(Error::Usage(what));
        };
        Self::bind_to(&url, host, port, hub, options, &Stopper::new())
    }

    /// The same for an output with a URL of its own. `stopper` frees whoever waits here, and no more.
    pub(super) fn bind_to(
        url: &Url,
        host: String,
        port: u16,
        hub: &Hub,
        options: RtmpServerOptions,
        stopper: &Stopper,
    ) -> Result<Self> {
        let entrance = Door::new(&url.text, options.tls.as_ref())?;
        let text = url.text.clone();
        let binding = async move {
            tcp::bind_all(&host, port).await.map_err(|source| Error::io(&text, "cannot listen", source))
        };
        let listeners: Vec<TcpListener> = wait_for(url, stopper, None, binding)?;
        let failed = |source| Error::io(&url.text, "cannot listen", source);
        let addresses: Vec<_> =
            listeners.iter().map(TcpListener::local_addr).collect::<std::io::Result<_>>().map_err(failed)?;
        let runtime = runtime::handle().map_err(failed)?;
        let places = Arc::new(Places::new(options.connections, options.connections_of_one));
        let (hub, journal, stopper) = (hub.clone(), Journal::default(), Stopper::new());
        let url = url.text.clone();
        let shared = Arc::new(Shared { hub, options, places, entrance, url, journal, stopper });
        for listener in listeners {
            let shared = shared.clone();
            runtime.spawn(async move {
                tokio::select! {
                    () = door::accept(listener, shared.clone()) => {}
                    () = shared.stopper.stopped() => {}
                }
            });
        }
        Ok(Self { shared, addresses })
    }

    /// Where it listens: the first address, which is the only one but for `localhost` and its like.
    pub fn local_addr(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Everywhere it listens.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Connections that there are, whatever they do.
    pub fn connections(&self) -> usize {
        self.shared.places.count()
    }

    /// The streams of its hub.
    pub fn streams(&self) -> Vec<StreamStatistics> {
        self.shared.hub.streams()
    }

    /// What happened since the last call. At most 1,024 reports wait; then the oldest are lost, and counted.
    pub fn reports(&self) -> Vec<Report> {
        self.shared.journal.take()
    }

    /// Closes the door, tells publishers and viewers that it is over, and blocks until they have heard it, a few seconds at
    /// most.
    pub fn stop(&self) {
        self.shared.stopper.stop();
        self.await_empty();
    }

    /// Blocks until all have left, a few seconds at most.
    pub(super) fn await_empty(&self) {
        let until = Instant::now() + FAREWELL;
        while self.connections() > 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for RtmpServer {
    fn drop(&mut self) {
        self.shared.stopper.stop();
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("hub", &self.hub)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
