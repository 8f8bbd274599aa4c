//! `udp://host:port`: datagrams, unicast and multicast, paced by the media's own clock.

mod receive;
mod send;
mod steady;

use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

pub(crate) use receive::{arrivals, bind_receiver};
pub(crate) use send::{is_passing, set_ttl};

use super::socket::check_options;
use super::{Origin, Scheme, SinkOptions, SourceOptions, Target};
use crate::{Result, Url};

const OPTIONS: &[&str] = &[
    "pkt_size",
    "ttl",
    "localaddr",
    "localport",
    "reuse",
    "buffer_size",
    "fifo_size",
    "overrun_nonfatal",
    "timeout",
    "connect",
    "broadcast",
];

/// The protocol.
pub struct Udp;

impl Scheme for Udp {
    fn names(&self) -> &'static [&'static str] {
        &["udp"]
    }

    fn default_format(&self) -> Option<&'static str> {
        Some("mpegts")
    }

    fn open_source(&self, url: &Url, options: &SourceOptions) -> Result<Origin> {
        check_options(url, OPTIONS)?;
        Ok(Origin::Bytes(receive::open(url, options)?))
    }

    fn open_sink(&self, url: &Url, options: &SinkOptions) -> Result<Target> {
        check_options(url, OPTIONS)?;
        Ok(Target::Bytes(send::open(url, options)?))
    }
}

/// A bound socket for the runtime. `reuse` lets several programs receive one multicast group.
pub(crate) fn bind(
    address: SocketAddr,
    reuse: bool,
    configure: impl FnOnce(&Socket) -> io::Result<()>,
) -> io::Result<tokio::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(reuse)?;
    configure(&socket)?;
    socket.bind(&address.into())?;
    tokio::net::UdpSocket::from_std(socket.into())
}

pub(crate) const fn any(like: IpAddr, port: u16) -> SocketAddr {
    match like {
        IpAddr::V4(_) => SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), port),
        IpAddr::V6(_) => SocketAddr::new(IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED), port),
    }
}
