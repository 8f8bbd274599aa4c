//! The receiving side.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use brooklet_media::Source;
use bytes::{Bytes, BytesMut};
use tokio::net::UdpSocket;

use super::{OPTIONS, any, bind};
use crate::protocol::socket::{check_options, host_port, number, resolve, wait_for};
use crate::protocol::{ByteSource, SourceOptions};
use crate::queue::{Popped, Queue};
use crate::rtp::Arrival;
use crate::{Error, Result, Url, runtime};

/// Room in the kernel for what comes while the demuxer is busy, bytes: 0.4 s at 20 Mbit/s.
const KERNEL_BUFFER: usize = 1 << 20;
/// Datagrams that wait for the demuxer; when full, the kernel's buffer fills, and then it drops the newest.
const WAITING: usize = 4_096;
/// The largest datagram.
const LARGEST: usize = 65_536;

/// Binds, joins the group where it is one, and starts the task that receives.
pub(super) fn open(url: &Url, options: &SourceOptions) -> Result<Box<dyn ByteSource>> {
    let (queue, timeout) = start(url, options, |received| received.bytes)?;
    Ok(Box::new(UdpSource { url: url.text.clone(), timeout, queue }))
}

/// The same for whoever must know when each datagram came; and the longest wait that the URL allows.
pub(crate) fn arrivals(
    url: &Url,
    options: &SourceOptions,
) -> Result<(Queue<io::Result<Arrival>>, Option<Duration>)> {
    check_options(url, OPTIONS)?;
    start(url, options, |received| received)
}

/// A socket that receives at an address of this machine, or of a multicast group.
///
/// ffmpeg's users write the sender's host; what is not an address of this machine means any.
pub(crate) async fn bind_receiver(
    text: &str,
    host: &str,
    port: u16,
    reuse: bool,
    buffer: Option<usize>,
    interface: Ipv4Addr,
) -> Result<UdpSocket> {
    let failed = |source| Error::io(text, "cannot receive", source);
    let at = resolve(host, port).await.map_err(failed)?;
    let at = at.iter().find(|address| address.is_ipv4()).or(at.first()).copied();
    let at = at.ok_or_else(|| failed(io::ErrorKind::AddrNotAvailable.into()))?;
    let multicast = at.ip().is_multicast();
    let buffer = buffer.unwrap_or(KERNEL_BUFFER);
    let configure = |socket: &socket2::Socket| socket.set_recv_buffer_size(buffer);
    let socket = match bind(at, reuse || multicast, configure) {
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
            bind(any(at.ip(), port), reuse, configure)
        }
        other => other,
    };
    let socket = socket.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => failed(io::Error::new(
            error.kind(),
            format!("port {port} is in use by another program; add ?reuse=1 to share it"),
        )),
        _ => failed(error),
    })?;
    match at.ip() {
        IpAddr::V4(group) if multicast => socket.join_multicast_v4(group, interface).map_err(failed)?,
        IpAddr::V6(group) if multicast => socket.join_multicast_v6(&group, 0).map_err(failed)?,
        _ => {}
    }
    Ok(socket)
}

fn start<T: Send + 'static>(
    url: &Url,
    options: &SourceOptions,
    keep: fn(Arrival) -> T,
) -> Result<(Queue<io::Result<T>>, Option<Duration>)> {
    let (host, port) = host_port(url, "0.0.0.0")?;
    let timeout = number(url, "timeout")?.map(Duration::from_micros).or(options.timeout);
    let interface = number(url, "localaddr")?.unwrap_or(Ipv4Addr::UNSPECIFIED);
    let reuse = url.option("reuse").is_some_and(|value| value != "0");
    let buffer = number(url, "buffer_size")?;
    let text = url.text.clone();
    let binding = async move { bind_receiver(&text, &host, port, reuse, buffer, interface).await };
    let socket = wait_for(url, &options.stopper, None, binding)?;
    let queue = Queue::new(WAITING);
    let (reader, stopped) = (queue.clone(), queue.clone());
    options.stopper.on_stop(move || stopped.close());
    let runtime =
        runtime::handle().map_err(|source| Error::io(&url.text, "cannot start the network", source))?;
    runtime.spawn(receive(socket, reader, keep));
    Ok((queue, timeout))
}

async fn receive<T>(socket: UdpSocket, queue: Queue<io::Result<T>>, keep: fn(Arrival) -> T) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(LARGEST);
        let received = tokio::select! {
            received = socket.recv_buf_from(&mut buffer) => received,
            () = queue.closed() => return,
        };
        let received = match received {
            Ok(_) => Ok(keep(Arrival { at: Instant::now(), control: false, bytes: buffer.split().freeze() })),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
            Err(error) => Err(error),
        };
        let failed = received.is_err();
        if queue.send(received).await.is_err() || failed {
            return queue.end();
        }
    }
}

struct UdpSource {
    url: String,
    timeout: Option<Duration>,
    queue: Queue<io::Result<Bytes>>,
}

impl ByteSource for UdpSource {
    fn source(&self) -> Source {
        Source::default()
    }

    fn is_live(&self) -> bool {
        true
    }

    fn read(&mut self) -> Result<Bytes> {
        loop {
            match self.queue.pop_until(self.timeout.map(|after| Instant::now() + after)) {
                // An empty datagram is not the end of anything.
                Popped::Item(Ok(bytes)) if bytes.is_empty() => {}
                Popped::Item(Ok(bytes)) => return Ok(bytes),
                Popped::Item(Err(source)) => return Err(Error::io(&self.url, "cannot receive", source)),
                Popped::Late => {
                    let after = self.timeout.unwrap_or_default();
                    return Err(Error::Timeout { url: self.url.clone(), what: "nothing came", after });
                }
                Popped::End => return Err(Error::Stopped),
            }
        }
    }

    fn seek(&mut self, _: u64) -> Result<()> {
        Err(Error::io(&self.url, "cannot seek", io::ErrorKind::NotSeekable.into()))
    }
}

impl Drop for UdpSource {
    fn drop(&mut self) {
        self.queue.close();
    }
}
