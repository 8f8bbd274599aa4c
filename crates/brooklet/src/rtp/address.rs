//! What a URL of RTP says, under ffmpeg's names, and the pair of sockets that comes of it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::UdpSocket;

use brooklet_rtp::Media;

use crate::protocol::socket::{check_options, host_port, number, resolve};
use crate::protocol::udp::{any, bind, bind_receiver, set_ttl};
use crate::{Error, Result, Url};

const OPTIONS: &[&str] = &[
    "rtcpport",
    "localrtpport",
    "localrtcpport",
    "localport",
    "localaddr",
    "ttl",
    "pkt_size",
    "ptime",
    "reuse",
    "buffer_size",
    "timeout",
    "connect",
];
/// What fits an Ethernet frame, with the header.
const PKT_SIZE: usize = 1_472;

/// Where RTP and RTCP go to, or come in.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) text: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Of RTCP: the next one, where nothing is said.
    pub(crate) rtcp_port: u16,
    local_port: Option<u16>,
    local_rtcp_port: Option<u16>,
    interface: Option<Ipv4Addr>,
    pub(super) ttl: Option<u8>,
    pub(super) pkt_size: usize,
    /// Milliseconds of sound in a packet, where that is said.
    pub(super) ptime: Option<u32>,
    reuse: bool,
    buffer_size: Option<usize>,
    /// Microseconds.
    pub(crate) timeout: Option<u64>,
}

/// RTP's socket and RTCP's, where the port was free.
pub(crate) struct Pair {
    pub(crate) rtp: UdpSocket,
    pub(crate) rtcp: Option<UdpSocket>,
}

impl Address {
    pub(crate) fn of(url: &Url) -> Result<Self> {
        check_options(url, OPTIONS)?;
        let (host, port) = host_port(url, "0.0.0.0")?;
        let pkt_size = number(url, "pkt_size")?.unwrap_or(PKT_SIZE);
        if !(100..=65_507).contains(&pkt_size) {
            return Err(Error::Usage(format!("{}: pkt_size={pkt_size} is not 100 to 65507 bytes", url.text)));
        }
        let ptime = number(url, "ptime")?;
        if ptime.is_some_and(|ptime| !(1..=200).contains(&ptime)) {
            return Err(Error::Usage(format!("{}: ptime is not 1 to 200 ms", url.text)));
        }
        Ok(Self {
            text: url.text.clone(),
            host,
            port,
            rtcp_port: number(url, "rtcpport")?.unwrap_or(port.wrapping_add(1)),
            local_port: number(url, "localrtpport")?.or(number(url, "localport")?),
            local_rtcp_port: number(url, "localrtcpport")?,
            interface: number(url, "localaddr")?,
            ttl: number(url, "ttl")?,
            pkt_size,
            ptime,
            reuse: url.option("reuse").is_some_and(|value| value != "0"),
            buffer_size: number(url, "buffer_size")?,
            timeout: number(url, "timeout")?,
        })
    }

    /// Where a medium of a description comes in.
    pub(crate) fn described(url: &Url, media: &Media) -> Self {
        Self {
            text: url.text.clone(),
            host: media.address.clone(),
            port: media.port,
            rtcp_port: media.rtcp_port.unwrap_or(media.port.wrapping_add(1)),
            local_port: None,
            local_rtcp_port: None,
            interface: None,
            ttl: media.ttl,
            pkt_size: PKT_SIZE,
            ptime: None,
            reuse: false,
            buffer_size: None,
            timeout: None,
        }
    }

    /// Sockets that receive. RTCP's is a convenience: without it nothing is reported.
    pub(crate) async fn receive(&self) -> Result<Pair> {
        let interface = self.interface.unwrap_or(Ipv4Addr::UNSPECIFIED);
        let bind =
            |port| bind_receiver(&self.text, &self.host, port, self.reuse, self.buffer_size, interface);
        let rtp = bind(self.local_port.unwrap_or(self.port)).await?;
        let rtcp = bind(self.local_rtcp_port.unwrap_or(self.rtcp_port)).await.ok();
        Ok(Pair { rtp, rtcp })
    }

    /// Sockets that send, and where to: RTP's address and RTCP's.
    pub(super) async fn send(&self) -> io::Result<(Pair, SocketAddr, SocketAddr)> {
        let to = resolve(&self.host, self.port).await?;
        let to = to.iter().find(|address| address.is_ipv4()).or(to.first()).copied();
        let to = to.ok_or(io::ErrorKind::AddrNotAvailable)?;
        let local = |port| match self.interface {
            Some(interface) => SocketAddr::new(IpAddr::V4(interface), port),
            None => any(to.ip(), port),
        };
        let rtp = bind(local(self.local_port.unwrap_or(0)), self.reuse, |_| Ok(()))?;
        set_ttl(&rtp, to, self.ttl.map(u32::from))?;
        // RTCP from the next port, as others expect; from any where that is taken.
        let next = self.local_rtcp_port.unwrap_or(rtp.local_addr()?.port().wrapping_add(1));
        let rtcp =
            bind(local(next), self.reuse, |_| Ok(())).or_else(|_| bind(local(0), false, |_| Ok(())))?;
        set_ttl(&rtcp, to, self.ttl.map(u32::from))?;
        let control = SocketAddr::new(to.ip(), self.rtcp_port);
        Ok((Pair { rtp, rtcp: Some(rtcp) }, to, control))
    }
}
