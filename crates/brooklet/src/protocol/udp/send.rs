//! The sending side.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use brooklet_media::{Piece, Place, Timestamp};
use bytes::{Bytes, BytesMut};
use tokio::net::UdpSocket;

use super::steady::Steady;
use super::{any, bind};
use crate::protocol::pace::Pace;
use crate::protocol::socket::{host_port, number, resolve, wait_for};
use crate::protocol::{ByteSink, SinkOptions};
use crate::queue::Queue;
use crate::{Error, Result, Stopper, Url, runtime};

/// ffmpeg's default: 7 MPEG-TS packets, which fits an Ethernet frame.
const PKT_SIZE: usize = 1_316;
/// Pieces that wait for their time; when full, the muxer blocks.
const WAITING: usize = 256;
/// How much later than its first bytes the rest of a datagram may be due.
const GATHER: Duration = Duration::from_millis(40);

/// Resolves, binds, and starts the task that sends on time.
pub(super) fn open(url: &Url, options: &SinkOptions) -> Result<Box<dyn ByteSink>> {
    let (host, port) = host_port(url, "127.0.0.1")?;
    let pkt_size = number(url, "pkt_size")?.unwrap_or(PKT_SIZE);
    if !(1..=65_507).contains(&pkt_size) {
        return Err(Error::Usage(format!("{}: pkt_size={pkt_size} is not 1 to 65507 bytes", url.text)));
    }
    let ttl = number(url, "ttl")?;
    let local: Option<IpAddr> = number(url, "localaddr")?;
    let local_port = number(url, "localport")?.unwrap_or(0);
    let text = url.text.clone();
    let connecting = async move {
        let failed = |source| Error::io(&text, "cannot send", source);
        let to = resolve(&host, port).await.map_err(failed)?;
        let to = to.iter().find(|address| address.is_ipv4()).or(to.first()).copied();
        let to = to.ok_or_else(|| failed(io::ErrorKind::AddrNotAvailable.into()))?;
        let from = local.map_or(any(to.ip(), local_port), |local| SocketAddr::new(local, local_port));
        let socket = bind(from, false, |_| Ok(())).map_err(failed)?;
        set_ttl(&socket, to, ttl).map_err(failed)?;
        Ok((socket, to))
    };
    let (socket, to) = wait_for(url, &options.stopper, None, connecting)?;
    let (queue, outcome) = (Queue::new(WAITING), Queue::new(1));
    let sender =
        Sender { socket, to, pkt_size, queue: queue.clone(), pace: Pace::default(), epoch: Instant::now() };
    let (report, stopped) = (outcome.clone(), queue.clone());
    options.stopper.on_stop(move || stopped.close());
    let runtime =
        runtime::handle().map_err(|source| Error::io(&url.text, "cannot start the network", source))?;
    runtime.spawn(async move {
        let queue = sender.queue.clone();
        let sent = sender.run().await;
        queue.close();
        let _ = report.send(sent).await;
    });
    let stopper = options.stopper.clone();
    Ok(Box::new(UdpSink { url: url.text.clone(), stopper, steady: None, pkt_size, queue, outcome }))
}

pub(crate) fn set_ttl(socket: &UdpSocket, to: SocketAddr, ttl: Option<u32>) -> io::Result<()> {
    if let (Some(ttl), true) = (ttl, to.ip().is_multicast()) {
        socket.set_multicast_ttl_v4(ttl)?;
    } else if let Some(ttl) = ttl {
        socket.set_ttl(ttl)?;
    }
    if to.ip() == IpAddr::V4(std::net::Ipv4Addr::BROADCAST) {
        socket.set_broadcast(true)?;
    }
    Ok(())
}

struct Sender {
    socket: UdpSocket,
    to: SocketAddr,
    pkt_size: usize,
    queue: Queue<(Bytes, Timestamp)>,
    pace: Pace,
    epoch: Instant,
}

impl Sender {
    /// Gathers pieces into datagrams of at most `pkt_size`, each sent when its first byte is due.
    async fn run(mut self) -> io::Result<()> {
        let mut datagram = BytesMut::with_capacity(self.pkt_size);
        let mut first_at = Timestamp::ZERO;
        loop {
            let next = if datagram.is_empty() {
                self.queue.receive().await
            } else {
                // What comes within the time that the datagram may wait still goes with it.
                let due = self.pace.due(first_at, self.now());
                let patience = tokio::time::Instant::from_std(self.instant(due + GATHER));
                match tokio::time::timeout_at(patience, self.queue.receive()).await {
                    Ok(next) => next,
                    Err(_) => {
                        self.send(&mut datagram, first_at).await?;
                        continue;
                    }
                }
            };
            let Some((mut bytes, at)) = next else { break };
            let crowded = datagram.len() + bytes.len() > self.pkt_size || at.since(first_at) > GATHER;
            if !datagram.is_empty() && crowded {
                self.send(&mut datagram, first_at).await?;
            }
            while bytes.len() > self.pkt_size {
                let full = bytes.split_to(self.pkt_size);
                datagram.extend_from_slice(&full);
                self.send(&mut datagram, at).await?;
            }
            if datagram.is_empty() {
                first_at = at;
            }
            datagram.extend_from_slice(&bytes);
            if datagram.len() == self.pkt_size {
                self.send(&mut datagram, first_at).await?;
            }
        }
        if !datagram.is_empty() && !self.queue.is_closed() {
            self.send(&mut datagram, first_at).await?;
        }
        Ok(())
    }

    async fn send(&mut self, datagram: &mut BytesMut, at: Timestamp) -> io::Result<()> {
        let due = self.pace.due(at, self.now());
        tokio::time::sleep_until(tokio::time::Instant::from_std(self.instant(due))).await;
        let sent = match self.socket.send_to(datagram, self.to).await {
            // Nobody listens yet, or a router has no way for now: a live sender goes on.
            Err(error) if is_passing(&error) => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        };
        datagram.clear();
        sent
    }

    fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.epoch.elapsed()
    }

    fn instant(&self, at: Timestamp) -> Instant {
        self.epoch + at.since(Timestamp::ZERO)
    }
}

pub(crate) fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, WouldBlock,
    };
    matches!(
        error.kind(),
        ConnectionRefused | ConnectionReset | HostUnreachable | NetworkUnreachable | WouldBlock
    )
}

struct UdpSink {
    url: String,
    stopper: Stopper,
    /// Of bare samples: bytes a second, bytes so far, and when the first was due.
    steady: Option<Steady>,
    pkt_size: usize,
    queue: Queue<(Bytes, Timestamp)>,
    outcome: Queue<io::Result<()>>,
}

impl UdpSink {
    fn verdict(&mut self) -> Result<()> {
        match self.outcome.pop() {
            Some(Err(source)) => Err(Error::io(&self.url, "cannot send", source)),
            _ if self.stopper.is_stopped() => Err(Error::Stopped),
            _ => Ok(()),
        }
    }
}

impl ByteSink for UdpSink {
    fn is_live(&self) -> bool {
        true
    }

    fn write(&mut self, piece: &Piece) -> Result<()> {
        if piece.place != Place::Append {
            return Ok(());
        }
        let sent = match &mut self.steady {
            None => self.queue.push((piece.bytes.clone(), piece.at)),
            Some(steady) => {
                let datagrams = steady.cut(piece);
                datagrams.into_iter().try_for_each(|datagram| self.queue.push(datagram))
            }
        };
        if sent.is_ok() {
            return Ok(());
        }
        self.verdict()?;
        Err(Error::io(&self.url, "cannot send", io::ErrorKind::BrokenPipe.into()))
    }

    fn steady(&mut self, bytes_per_second: u64) {
        self.steady = Some(Steady::new(bytes_per_second, self.pkt_size));
    }

    fn finish(&mut self) -> Result<()> {
        // The tail is sent too.
        if let Some(rest) = self.steady.as_mut().and_then(Steady::rest) {
            let _ = self.queue.push(rest);
        }
        self.queue.end();
        self.verdict()
    }
}

impl Drop for UdpSink {
    fn drop(&mut self) {
        self.queue.close();
    }
}
