//! `tcp://host:port[?listen=1]`: a stream of bytes, either way.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use brooklet_media::{Piece, Place, Source};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::socket::{check_options, host_port, number, resolve, wait_for};
use super::{ByteSink, ByteSource, Origin, Scheme, SinkOptions, SourceOptions, Target};
use crate::job::Listen;
use crate::queue::{Popped, Queue};
use crate::{Error, Result, Stopper, Url, runtime};

/// Bytes read at once.
const READ: usize = 64 * 1024;
/// Reads or pieces that wait between the socket and its user; then the peer is not read, or the writer blocks.
const WAITING: usize = 16;
/// Bytes that the system may hold unsent for an uplink that is live.
const UNSENT: u32 = 64 * 1024;
/// How long a peer may say nothing before the system asks whether it is there; then as often as half of it.
const SILENCE: Duration = Duration::from_secs(20);
/// How long a connection may take where the caller sets no timeout: longer than any peer that will answer.
const CONNECT: Duration = Duration::from_secs(20);

const OPTIONS: &[&str] =
    &["listen", "timeout", "listen_timeout", "tcp_nodelay", "recv_buffer_size", "send_buffer_size"];

/// The protocol.
pub struct Tcp;

impl Scheme for Tcp {
    fn names(&self) -> &'static [&'static str] {
        &["tcp"]
    }

    fn open_source(&self, url: &Url, options: &SourceOptions) -> Result<Origin> {
        check_options(url, OPTIONS)?;
        let listen = listens(url, Listen::No);
        let timeout = timeout(url, options.timeout)?;
        let mut stream = open(url, listen, timeout, &options.stopper)?;
        let queue = Queue::new(WAITING);
        let (reader, stopped) = (queue.clone(), queue.clone());
        options.stopper.on_stop(move || stopped.close());
        spawn(url, async move {
            let mut buffer = BytesMut::new();
            loop {
                buffer.reserve(READ);
                let read = match stream.read_buf(&mut buffer).await {
                    Ok(0) => return reader.end(),
                    Ok(_) => Ok(buffer.split().freeze()),
                    Err(error) => Err(error),
                };
                let failed = read.is_err();
                if reader.send(read).await.is_err() || failed {
                    return reader.end();
                }
            }
        })?;
        let (url, stopper) = (url.text.clone(), options.stopper.clone());
        Ok(Origin::Bytes(Box::new(TcpSource { url, timeout, stopper, queue })))
    }

    fn open_sink(&self, url: &Url, options: &SinkOptions) -> Result<Target> {
        check_options(url, OPTIONS)?;
        let timeout = timeout(url, options.timeout)?;
        let mut stream = open(url, listens(url, options.listen), timeout, &options.stopper)?;
        let (queue, outcome) = (Queue::<Bytes>::new(WAITING), Queue::new(1));
        let (writer, report, stopped) = (queue.clone(), outcome.clone(), queue.clone());
        options.stopper.on_stop(move || stopped.close());
        spawn(url, async move {
            let written = async {
                while let Some(bytes) = writer.receive().await {
                    stream.write_all(&bytes).await?;
                }
                stream.shutdown().await
            };
            let written: io::Result<()> = written.await;
            writer.close();
            let _ = report.send(written).await;
        })?;
        Ok(Target::Bytes(Box::new(TcpSink {
            url: url.text.clone(),
            stopper: options.stopper.clone(),
            queue,
            outcome,
        })))
    }
}

/// Connects a TCP socket, trying each address of the host in turn.
pub(crate) async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = None;
    for address in resolve(host, port).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                keep_alive(&stream)?;
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()))
}

/// Lets the system hold little that is not on its way yet, so that what is late waits where it can be skipped.
pub(crate) fn keep_little_unsent(stream: &TcpStream) {
    // Where the system does not know how, more is late before it is skipped.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = stream;
}

/// Asks the peer whether it is still there where it says nothing for long.
fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    let how = socket2::TcpKeepalive::new().with_time(SILENCE).with_interval(SILENCE / 2);
    socket2::SockRef::from(stream).set_tcp_keepalive(&how)
}

/// Binds a listening TCP socket on the first address of the host.
pub(crate) async fn bind(host: &str, port: u16) -> io::Result<TcpListener> {
    let addresses: Vec<SocketAddr> = resolve(host, port).await?;
    TcpListener::bind(&addresses[..]).await.map_err(|error| explained(error, port))
}

/// Binds a listening TCP socket on each address of the host that this machine has, all with the same port; at least one.
/// A busy port is an error, whichever address it is busy on.
pub(crate) async fn bind_all(host: &str, port: u16) -> io::Result<Vec<TcpListener>> {
    let mut addresses: Vec<SocketAddr> = resolve(host, port).await?;
    addresses.sort_unstable();
    addresses.dedup();
    let (mut listeners, mut port, mut last) = (Vec::<TcpListener>::new(), port, None);
    for mut address in addresses {
        address.set_port(port);
        match TcpListener::bind(address).await {
            Ok(listener) => {
                port = listener.local_addr()?.port();
                listeners.push(listener);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(explained(error, port)),
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) if listeners.is_empty() => Err(error),
        _ => Ok(listeners),
    }
}

fn explained(error: io::Error, port: u16) -> io::Error {
    match error.kind() {
        io::ErrorKind::AddrInUse => io::Error::new(
            error.kind(),
            format!("port {port} is in use by another program; choose another port"),
        ),
        _ => error,
    }
}

struct TcpSource {
    url: String,
    timeout: Option<Duration>,
    stopper: Stopper,
    queue: Queue<io::Result<Bytes>>,
}

impl ByteSource for TcpSource {
    fn source(&self) -> Source {
        Source::default()
    }

    fn is_live(&self) -> bool {
        true
    }

    fn read(&mut self) -> Result<Bytes> {
        match self.queue.pop_until(self.timeout.map(|after| std::time::Instant::now() + after)) {
            Popped::Item(Ok(bytes)) => Ok(bytes),
            Popped::Item(Err(source)) => Err(Error::io(&self.url, "cannot read", source)),
            Popped::Late => Err(Error::Timeout {
                url: self.url.clone(),
                what: "nothing came",
                after: self.timeout.unwrap_or_default(),
            }),
            Popped::End if self.stopper.is_stopped() => Err(Error::Stopped),
            Popped::End => Ok(Bytes::new()),
        }
    }

    fn seek(&mut self, _: u64) -> Result<()> {
        Err(Error::io(&self.url, "cannot seek", io::ErrorKind::NotSeekable.into()))
    }
}

impl Drop for TcpSource {
    fn drop(&mut self) {
        self.queue.close();
    }
}

struct TcpSink {
    url: String,
    stopper: Stopper,
    queue: Queue<Bytes>,
    outcome: Queue<io::Result<()>>,
}

impl TcpSink {
    fn verdict(&mut self) -> Result<()> {
        match self.outcome.pop() {
            Some(Err(source)) => Err(Error::io(&self.url, "cannot write", source)),
            _ if self.stopper.is_stopped() => Err(Error::Stopped),
            _ => Ok(()),
        }
    }
}

impl ByteSink for TcpSink {
    fn is_live(&self) -> bool {
        true
    }

    fn write(&mut self, piece: &Piece) -> Result<()> {
        if piece.place != Place::Append || self.queue.push(piece.bytes.clone()).is_ok() {
            return Ok(());
        }
        self.verdict()?;
        Err(Error::io(&self.url, "cannot write", io::ErrorKind::BrokenPipe.into()))
    }

    fn finish(&mut self) -> Result<()> {
        self.queue.end();
        self.verdict()
    }
}

impl Drop for TcpSink {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn open(url: &Url, listen: bool, timeout: Option<Duration>, stopper: &Stopper) -> Result<TcpStream> {
    let (host, port) = host_port(url, if listen { "0.0.0.0" } else { "127.0.0.1" })?;
    let text = url.text.clone();
    if listen {
        let accept = async move {
            let listener =
                bind(&host, port).await.map_err(|source| Error::io(&text, "cannot listen", source))?;
            let (stream, _) =
                listener.accept().await.map_err(|source| Error::io(&text, "cannot accept", source))?;
            Ok(stream)
        };
        return wait_for(url, stopper, timeout.map(|after| (after, "nobody connected")), accept);
    }
    let connecting = async move {
        connect(&host, port).await.map_err(|source| Error::io(&text, "cannot connect", source))
    };
    wait_for(url, stopper, Some((timeout.unwrap_or(CONNECT), "it did not answer")), connecting)
}

/// Microseconds in the URL, as ffmpeg counts them, before the caller's own.
fn timeout(url: &Url, given: Option<Duration>) -> Result<Option<Duration>> {
    Ok(number(url, "timeout")?.map(Duration::from_micros).or(given))
}

fn listens(url: &Url, listen: Listen) -> bool {
    listen != Listen::No || url.option("listen").is_some_and(|value| value != "0")
}

fn spawn(url: &Url, task: impl Future<Output = ()> + Send + 'static) -> Result<()> {
    let runtime =
        runtime::handle().map_err(|source| Error::io(&url.text, "cannot start the network", source))?;
    runtime.spawn(task);
    Ok(())
}
