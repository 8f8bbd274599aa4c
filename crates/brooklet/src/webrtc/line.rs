//! A session and its socket.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use brooklet_webrtc::stun::Arrival;
use brooklet_webrtc::{Certificate, Error, Event, Output, Session, SessionOptions};
use tokio::net::UdpSocket;

use super::helpers::{Help, Helpers};
use super::names;
use crate::queue::Queue;

/// Bytes of a datagram that are read; one of WebRTC is never larger than an Ethernet frame.
const DATAGRAM: usize = 2_048;
/// Datagrams that are read in a row before anything is sent.
const BATCH: usize = 32;

/// A UDP socket, and the addresses by which peers reach it.
pub(super) struct Place {
    socket: UdpSocket,
    /// At least one.
    addresses: Vec<SocketAddr>,
    /// Of STUN and TURN servers.
    help: Option<Help>,
}

/// A session that is driven on a socket of its own.
pub(super) struct Line {
    pub(super) session: Session,
    place: Place,
    events: VecDeque<Event>,
    /// More candidates of the peer; closed when the session is to end.
    orders: Queue<String>,
    buffer: Box<[u8; DATAGRAM]>,
}

/// What [`Line::turn`] comes back with.
pub(super) enum Turn<T> {
    /// Something happened to the session.
    Event(Event),
    /// What was waited for besides.
    Other(T),
    /// Whoever owns the session wants it to end.
    Stopped,
}

impl Place {
    /// A socket with a port of the system's choice. With a `public` address, behind which this machine is, peers are told
    /// that one; `ip` is where to listen, which may be everywhere.
    pub(super) async fn open(ip: IpAddr, public: Option<IpAddr>) -> io::Result<Self> {
        let socket = UdpSocket::bind((ip, 0)).await?;
        let port = socket.local_addr()?.port();
        let ips = match public {
            Some(public) => vec![public],
            None if ip.is_unspecified() => {
                let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
                outward(Ipv4Addr::new(192, 0, 2, 1).into()).await.into_iter().chain([loopback]).collect()
            }
            None => vec![ip],
        };
        let addresses = ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
        Ok(Self { socket, addresses, help: None })
    }

    /// Asks servers for more addresses: 3 s at most. The options of its session then know what they gave.
    pub(super) async fn ask(&mut self, helpers: &Helpers, options: &mut SessionOptions) {
        self.help = helpers.ask(&self.socket).await;
        options.found = self.help.as_ref().map(Help::found).unwrap_or_default();
        options.relay_only = helpers.relay_only();
    }

    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// By which of its addresses a datagram from there came: the system does not say.
    fn reached_by(&self, from: SocketAddr) -> SocketAddr {
        let same = |address: &&SocketAddr| address.ip().is_loopback() == from.ip().is_loopback();
        self.addresses.iter().find(same).unwrap_or(&self.addresses[0]).to_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.help.iter_mut().for_each(|help| help.end(&self.socket));
    }
}

/// The address of this machine on the way to `ip`. Nothing is sent to find it.
pub(super) async fn outward(ip: IpAddr) -> Option<IpAddr> {
    let any: IpAddr =
        if ip.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await.ok()?;
    socket.connect((ip, 9)).await.ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified())
}

impl Line {
    pub(super) fn new(session: Session, place: Place, orders: Queue<String>) -> Self {
        let mut line =
            Self { session, place, events: VecDeque::new(), orders, buffer: Box::new([0; DATAGRAM]) };
        line.resolve();
        line
    }

    /// Drives the session until something happens to it, or `other` is done.
    pub(super) async fn turn<T>(&mut self, other: impl Future<Output = T>) -> Result<Turn<T>, Error> {
        let mut other = pin!(other);
        loop {
            let deadline = self.flush().await?;
            if let Some(event) = self.events.pop_front() {
                return Ok(Turn::Event(event));
            }
            tokio::select! {
                came = self.place.socket.recv_from(&mut self.buffer[..]) => {
                    // An error is the echo of a datagram that nobody took: ICE sees to that.
                    if let Ok((length, from)) = came {
                        self.receive(length, from)?;
                        self.receive_more().await?;
                    }
                }
                () = tokio::time::sleep_until(deadline.into()) => self.session.handle_timeout(Instant::now())?,
                order = self.orders.receive() => match order {
                    // One that is no good changes nothing.
                    Some(fragment) => {
                        let _ = self.session.add_candidates(&fragment);
                        self.resolve();
                    }
                    None => return Ok(Turn::Stopped),
                },
                done = &mut other => return Ok(Turn::Other(done)),
            }
        }
    }

    /// Sends what the session has to send. When it wants to be asked again.
    pub(super) async fn flush(&mut self) -> Result<Instant, Error> {
        loop {
            match self.session.poll()? {
                Output::Transmit(transmit) => {
                    let Place { socket, help, .. } = &mut self.place;
                    let (source, destination) = (transmit.source, transmit.destination);
                    let is_relayed =
                        help.as_mut().is_some_and(|help| help.relay(source, destination, &transmit.bytes));
                    if !is_relayed {
                        // What the system does not take is lost, as anything may be on the way.
                        let _ = socket.send_to(&transmit.bytes, destination).await;
                    }
                }
                Output::Event(event) => self.events.push_back(event),
                Output::Timeout(at) => {
                    let Place { socket, help: Some(help), .. } = &mut self.place else { return Ok(at) };
                    let servers = help.flush(socket).await;
                    return Ok(servers.map_or(at, |servers| servers.min(at)));
                }
            }
        }
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        self.session.close();
        let _ = self.flush().await;
    }

    /// Takes what else has come, so that a burst costs one round.
    async fn receive_more(&mut self) -> Result<(), Error> {
        for _ in 0..BATCH {
            let Ok((length, from)) = self.place.socket.try_recv_from(&mut self.buffer[..]) else {
                return Ok(());
            };
            self.flush().await?;
            self.receive(length, from)?;
        }
        Ok(())
    }

    fn receive(&mut self, length: usize, from: SocketAddr) -> Result<(), Error> {
        let (bytes, now) = (&self.buffer[..length], Instant::now());
        let arrival = self.place.help.as_mut().map_or(Arrival::Direct, |help| help.receive(from, bytes));
        match arrival {
            Arrival::Direct => self.session.handle_datagram(now, from, self.place.reached_by(from), bytes),
            Arrival::Relayed { source, destination, bytes } => {
                self.session.handle_datagram(now, source, destination, bytes)
            }
            Arrival::Taken => Ok(()),
        }
    }

    /// Asks for the addresses of candidates with names; they come as orders.
    fn resolve(&mut self) {
        let hidden = self.session.take_hidden();
        if !hidden.is_empty() {
            tokio::spawn(names::resolve(hidden, self.place.addresses.clone(), self.orders.clone()));
        }
    }
}

/// The certificate of all sessions of this process.
pub(super) fn certificate() -> Result<Certificate, Error> {
    static CERTIFICATE: OnceLock<Certificate> = OnceLock::new();
    if let Some(certificate) = CERTIFICATE.get() {
        return Ok(certificate.clone());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let made = Certificate::generate(now)?;
    Ok(CERTIFICATE.get_or_init(|| made).clone())
}
