//! The STUN and TURN servers that help sessions: which, and asking them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use brooklet_webrtc::stun::{Arrival, Found, Login, Output, Server, Servers};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use crate::job::Journal;
use crate::protocol::{IceOptions, IceServer, socket};

/// How long the name of a server may take to become an address.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of a datagram that are read.
const DATAGRAM: usize = 2_048;

/// What sessions are helped by. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(super) struct Helpers {
    ice: Arc<IceOptions>,
    journal: Arc<Journal>,
    troubles: Arc<AtomicU64>,
}

/// The servers of one session.
pub(super) struct Help {
    servers: Servers,
    names: Vec<(SocketAddr, String)>,
    helpers: Helpers,
}

impl Helpers {
    /// These servers, as far as we speak as they do; the journal is told what is wrong with them.
    pub(super) fn new(ice: &IceOptions, journal: &Arc<Journal>) -> Self {
        let is_udp = |server: &IceServer| server.place().is_some_and(|(_, _, is_udp)| is_udp);
        let (servers, others): (Vec<_>, Vec<_>) = ice.servers.iter().cloned().partition(is_udp);
        for other in others {
            let what = "is for browsers alone: sessions of this program ask servers by UDP only";
            journal.warn(format!("{} {what}", other.url));
        }
        let ice = Arc::new(IceOptions { servers, relay_only: ice.relay_only });
        Self { ice, journal: journal.clone(), troubles: Arc::default() }
    }

    pub(super) fn relay_only(&self) -> bool {
        self.ice.relay_only
    }

    /// Asks them from a socket: 3 s at most, after which whoever has not answered is left out.
    pub(super) async fn ask(&self, socket: &UdpSocket) -> Option<Help> {
        if self.ice.servers.is_empty() {
            return None;
        }
        let own = socket.local_addr().ok()?;
        let (names, asked) = self.resolve(own).await.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
        let mut help = match Servers::ask(&asked, Instant::now()) {
            Ok(servers) => Help { servers, names, helpers: self.clone() },
            Err(error) => {
                self.warn(|| error.to_string());
                return None;
            }
        };
        let mut buffer = [0; DATAGRAM];
        loop {
            let deadline = help.flush(socket).await;
            if help.servers.is_done() {
                return Some(help);
            }
            let deadline = deadline.unwrap_or_else(Instant::now);
            tokio::select! {
                came = socket.recv_from(&mut buffer) => {
                    // An error is the echo of a datagram that nobody took: asking again sees to that.
                    if let Ok((length, from)) = came {
                        help.servers.handle_datagram(Instant::now(), from, &buffer[..length]);
                    }
                }
                () = tokio::time::sleep_until(deadline.into()) => help.servers.handle_timeout(Instant::now()),
            }
        }
    }

    /// Where they are, all at once: the address of the socket's family.
    async fn resolve(&self, own: SocketAddr) -> Vec<((SocketAddr, String), Server)> {
        let mut lookups = JoinSet::new();
        for server in self.ice.servers.iter().cloned() {
            lookups.spawn(async move {
                let Some((host, port, _)) = server.place() else { return (server, None) };
                let found = tokio::time::timeout(PATIENCE, socket::resolve(host, port)).await;
                let mut addresses = found.ok().and_then(Result::ok).unwrap_or_default().into_iter();
                let address = addresses.find(|address| address.is_ipv4() == own.is_ipv4());
                (server, address)
            });
        }
        let mut found = Vec::new();
        for (server, address) in lookups.join_all().await {
            let Some(address) = address else {
                let family = if own.is_ipv4() { "IPv4" } else { "IPv6" };
                self.warn(|| format!("{}: no {family} address was found for it", server.url));
                continue;
            };
            let login = server.login.map(|(user, password)| Login { user, password });
            found.push(((address, server.url), Server { address, login }));
        }
        found
    }

    fn warn(&self, line: impl FnOnce() -> String) {
        let count = self.troubles.fetch_add(1, Ordering::Relaxed) + 1;
        self.journal.warn_some(count, || line() + "; sessions go on without it");
    }
}

impl Help {
    pub(super) fn found(&self) -> Vec<Found> {
        self.servers.found()
    }

    /// Whose a datagram is.
    pub(super) fn receive<'a>(&mut self, from: SocketAddr, bytes: &'a [u8]) -> Arrival<'a> {
        self.servers.handle_datagram(Instant::now(), from, bytes)
    }

    /// Sends a datagram by a relay, where its source is one; else false.
    pub(super) fn relay(&mut self, source: SocketAddr, destination: SocketAddr, bytes: &[u8]) -> bool {
        self.servers.relay(Instant::now(), source, destination, bytes)
    }

    /// Sends what there is for the servers. When there may be more.
    pub(super) async fn flush(&mut self, socket: &UdpSocket) -> Option<Instant> {
        self.servers.handle_timeout(Instant::now());
        loop {
            match self.servers.poll() {
                Output::Transmit { destination, bytes } => {
                    let sent = socket.send_to(&bytes, destination).await;
                    // From where this socket is there is no way to that server; what is only too much for now is lost.
                    if sent.is_err_and(|error| error.kind() != std::io::ErrorKind::WouldBlock)
                        && !self.servers.is_done()
                    {
                        self.servers.handle_unsent(destination);
                    }
                }
                Output::Trouble(server, trouble) => {
                    let name = self.names.iter().find(|(address, _)| *address == server);
                    let name = name.map_or_else(|| server.to_string(), |(_, name)| name.clone());
                    self.helpers.warn(|| format!("{name}: {trouble}"));
                }
                Output::Timeout(at) => return at,
            }
        }
    }

    /// Gives relays back; nothing waits.
    pub(super) fn end(&mut self, socket: &UdpSocket) {
        self.servers.end();
        while let Output::Transmit { destination, bytes } = self.servers.poll() {
            let _ = socket.try_send_to(&bytes, destination);
        }
    }
}
