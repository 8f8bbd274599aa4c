//! A listening socket, and those who come to it.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use brooklet::protocol::places::{self, Arrival, Places};
use brooklet::protocol::stream::Door;
use brooklet::protocol::{SinkOptions, TlsOptions};
use brooklet::{Error, Hub, Result, runtime};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::shared::Shared;
use crate::{Mount, MountOptions, connection, routes};

/// How long a server that ends may take to give everybody the rest.
const FAREWELL: Duration = Duration::from_secs(5);

/// How an [`HttpServer`] treats those who come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpServerOptions {
    /// Connections at once, all together. More are closed as they come.
    pub connections: usize,
    /// Connections at once from one address.
    pub connections_of_one: usize,
    /// How long a client may take for the head of a request, and how long it may wait before its next.
    pub head_time: Duration,
    /// Bytes of a head, at least 8,192; and what waits in here for one client.
    pub head_bytes: usize,
    /// How long a client may take nothing of what it asked for.
    pub patience: Duration,
    /// The certificate and its key, where clients come by `https://`; else they come in the clear.
    pub tls: Option<TlsOptions>,
}

impl Default for HttpServerOptions {
    /// 10,000 connections, 4,000 from one address; 10 s and 16 KiB for a head; 2 minutes without taking anything.
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_of_one: 4_000,
            head_time: Duration::from_secs(10),
            head_bytes: 16 << 10,
            patience: Duration::from_secs(120),
            tls: None,
        }
    }
}

/// A web server for broadcasts of sound ([`HttpServer::mount`]), and for looking at the streams of a [`Hub`].
///
/// It runs beside the caller, on the library's own runtime. Dropping it stops it, without waiting for the last bytes.
#[derive(Debug)]
pub struct HttpServer {
    shared: Arc<Shared>,
    places: Arc<Places>,
    /// At least one.
    addresses: Vec<SocketAddr>,
    stop: watch::Sender<bool>,
}

impl HttpServer {
    /// Listens on `address`, `host:port`: on every address of the host. Port 0 is one that is free. Blocks only to look the
    /// host up and to read the certificate.
    ///
    /// # Errors
    ///
    /// Where the port is in use, the host has no address here, or the certificate can't be used.
    pub fn bind(address: &str, hub: &Hub, options: HttpServerOptions) -> Result<Self> {
        Self::bind_with(address, hub, options, Router::new())
    }

    /// The same, with paths of yours beside its own, or in place of them.
    ///
    /// # Errors
    ///
    /// As [`HttpServer::bind`].
    pub fn bind_with(address: &str, hub: &Hub, options: HttpServerOptions, more: Router) -> Result<Self> {
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{address}");
        let failed = |source| Error::Io { url: url.clone(), what: "cannot listen", source };
        let door = Door::new(&url, options.tls.as_ref())?;
        let runtime = runtime::handle().map_err(failed)?;
        let listeners = {
            // Sockets belong to the runtime in whose context they are made.
            let _context = runtime.enter();
            listen(address).map_err(failed)?
        };
        let addresses = listeners.iter().map(TcpListener::local_addr).collect::<io::Result<Vec<_>>>();
        let addresses = addresses.map_err(failed)?;
        let places = Arc::new(Places::new(options.connections, options.connections_of_one));
        let shared = Arc::new(Shared::new(hub, places.clone(), options.tls.is_some()));
        let (stop, stopped) = watch::channel(false);
        let house = Arc::new(connection::House {
            url,
            door,
            router: more.fallback_service(routes::router(shared.clone())),
            options,
            stopped: stopped.clone(),
        });
        for listener in listeners {
            let (house, places, mut stopped) = (house.clone(), places.clone(), stopped.clone());
            runtime.spawn(async move {
                let welcome = |arrival| {
                    if let Arrival::In(socket, _, place) = arrival {
                        tokio::spawn(connection::serve(house.clone(), socket, place));
                    }
                };
                tokio::select! {
                    () = places::accept(listener, &places, welcome) => {}
                    _ = stopped.wait_for(|stopped| *stopped) => {}
                }
            });
        }
        Ok(Self { shared, places, addresses, stop })
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
        self.places.count()
    }

    /// A broadcast under `path` (`/stream.mp3`), in a format of ffmpeg's by name: a sink for the packets of one stream of sound.
    ///
    /// # Errors
    ///
    /// Where the path is taken, or the format can't be broadcast.
    pub fn mount(self: &Arc<Self>, path: &str, format: &'static str, options: MountOptions) -> Result<Mount> {
        let sink = SinkOptions { format, ..SinkOptions::default() };
        let url = format!("http://{}{path}", self.local_addr());
        Mount::open(self.clone(), &url, path, &sink, options)
    }

    /// Closes the door, lets everybody have what there is, and blocks until they have it, a few seconds at most.
    pub fn stop(&self) {
        let _ = self.stop.send(true);
        let until = Instant::now() + FAREWELL;
        while self.connections() > 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

/// A socket on each address of the host that this machine has, all with the same port; at least one.
fn listen(address: &str) -> io::Result<Vec<TcpListener>> {
    let mut addresses: Vec<SocketAddr> = address.to_socket_addrs()?.collect();
    addresses.sort_unstable();
    addresses.dedup();
    let (mut listeners, mut port, mut last) = (Vec::new(), None, None);
    for mut address in addresses {
        address.set_port(port.unwrap_or(address.port()));
        match std::net::TcpListener::bind(address) {
            Ok(listener) => {
                port = Some(listener.local_addr()?.port());
                listener.set_nonblocking(true)?;
                listeners.push(TcpListener::from_std(listener)?);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                let what =
                    format!("port {} is in use by another program; choose another port", address.port());
                return Err(io::Error::new(error.kind(), what));
            }
            Err(error) => last = Some(error),
        }
    }
    match last {
        _ if !listeners.is_empty() => Ok(listeners),
        last => Err(last.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into())),
    }
}
