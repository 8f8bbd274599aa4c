//! A crowd: N viewers of one RTMP stream on one thread, which count what they get and look no further. It loads servers of
//! any make: `viewers rtmp://127.0.0.1/live/app 1000`.
//!
//! It says `ready` when all have asked to play, and waits for the stream to end, or for no byte to come in 5 s. Then it
//! prints how many viewers got how much: `VIEWERS PICTURES SOUNDS BYTES`, bytes being those of pictures and sound without
//! RTMP's headers. One line means that all got the same.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use brooklet_media::Timestamp;
use brooklet_rtmp::{Client, ClientOptions, Output, RtmpUrl};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// No byte for so long: the stream is over, for a server that does not say so.
const SILENCE: Duration = Duration::from_secs(5);
/// No byte for so long before the first: nobody publishes.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often each viewer reads.
const PERIOD: Duration = Duration::from_millis(100);
/// Viewers that connect at once.
const AT_ONCE: usize = 50;
/// Bytes after which to acknowledge; both servers ask for 2,500,000 or more.
const WINDOW: u64 = 2_000_000;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, url, count] = &arguments[..] else { return Err("viewers rtmp://host/app/stream COUNT".into()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let crowd = runtime.block_on(gather(Arc::new(RtmpUrl::parse(url)?), count.parse()?))?;
    println!("ready");
    io::stdout().flush()?;
    let mut counts = BTreeMap::new();
    for seen in watch(crowd) {
        *counts.entry(seen).or_insert(0_usize) += 1;
    }
    for (seen, viewers) in counts {
        println!("{viewers} {} {} {}", seen.pictures, seen.sounds, seen.bytes);
    }
    Ok(())
}

/// All viewers, as far as asking to play.
async fn gather(url: Arc<RtmpUrl>, count: usize) -> Outcome<Vec<(std::net::TcpStream, Viewer)>> {
    let gate = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let join = |gate: Arc<tokio::sync::Semaphore>, url: Arc<RtmpUrl>| async move {
        let _place = gate.acquire_owned().await?;
        join(&url).await
    };
    let joining: Vec<_> = (0..count).map(|_| tokio::spawn(join(gate.clone(), url.clone()))).collect();
    let mut crowd = Vec::with_capacity(count);
    for joined in joining {
        let (stream, viewer) = joined.await??;
        crowd.push((stream.into_std()?, viewer));
    }
    Ok(crowd)
}

/// Reads what has come for each, ten times a second, until there is no more for any.
///
/// Nobody waits for bytes to come: viewers in the world are on other machines, and to wake them costs the server nothing.
fn watch(mut crowd: Vec<(std::net::TcpStream, Viewer)>) -> Vec<Seen> {
    let (mut buffer, mut seen) = (vec![0; 256 * 1024], Vec::with_capacity(crowd.len()));
    let (mut heard, mut patience, mut due) = (Instant::now(), PATIENCE, Instant::now());
    while !crowd.is_empty() && heard.elapsed() < patience {
        due += PERIOD;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        crowd.retain_mut(|(stream, viewer)| match viewer.read(stream, &mut buffer) {
            Ok(count) => {
                if count > 0 {
                    (heard, patience) = (Instant::now(), SILENCE);
                }
                true
            }
            // The end, in whatever way the server has.
            Err(_) => {
                seen.push(viewer.seen);
                false
            }
        });
    }
    seen.extend(crowd.iter().map(|(_, viewer)| viewer.seen));
    seen
}

/// Shakes hands and asks to play. The answer is not waited for: it may come only when there is something to play.
async fn join(url: &RtmpUrl) -> Outcome<(TcpStream, Viewer)> {
    let started = Instant::now();
    let now = || Timestamp::ZERO + started.elapsed();
    let mut stream = TcpStream::connect((url.host.as_str(), url.port)).await?;
    let mut client = Client::play(url, ClientOptions::default(), &[7; 1528], now());
    let (mut viewer, mut buffer, mut received) = (Viewer::default(), vec![0; 4096], 0_u64);
    loop {
        let mut asked = false;
        while let Output::Transmit(bytes) = client.poll_output() {
            // The request to play comes with the last of what the client has to say.
            asked |= bytes.windows(4).any(|name| name == b"play");
            stream.write_all(&bytes).await?;
        }
        if asked {
            viewer.received = received;
            return Ok((stream, viewer));
        }
        let length = poll_fn(|context| {
            let mut into = ReadBuf::new(&mut buffer);
            Pin::new(&mut stream).poll_read(context, &mut into).map_ok(|()| into.filled().len())
        })
        .await?;
        if length == 0 {
            return Err("the server closed the connection".into());
        }
        received += length as u64;
        client.handle_input(&buffer[..length], now())?;
        // The handshake is 3073 bytes; chunks follow.
        let chunks = received.saturating_sub(3_073).min(length as u64) as usize;
        viewer.count(&buffer[length - chunks..length]);
    }
}

/// What a viewer got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    pictures: u64,
    sounds: u64,
    bytes: u64,
}

/// Reads chunk headers, and steps over what is in the chunks.
struct Viewer {
    seen: Seen,
    received: u64,
    acknowledged: u64,
    chunk_size: usize,
    streams: BTreeMap<u32, Message>,
    /// Of the chunk that is being read: its stream, and bytes that are still to come.
    chunk: Option<(u32, usize)>,
    header: Vec<u8>,
}

#[derive(Clone, Copy, Default)]
struct Message {
    length: usize,
    kind: u8,
    left: usize,
    extended: bool,
}

impl Default for Viewer {
    fn default() -> Self {
        Self {
            seen: Seen::default(),
            received: 0,
            acknowledged: 0,
            chunk_size: 128,
            streams: BTreeMap::new(),
            chunk: None,
            header: Vec::new(),
        }
    }
}

impl Viewer {
    /// What has come by now; an error at the end.
    fn read(&mut self, stream: &mut std::net::TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
        let length = match stream.read(buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(error),
        };
        self.count(&buffer[..length]);
        self.received += length as u64;
        if self.received - self.acknowledged > WINDOW {
            self.acknowledged = self.received;
            let mut message = vec![2, 0, 0, 0, 0, 0, 4, 3, 0, 0, 0, 0];
            message.extend((self.received as u32).to_be_bytes());
            stream.write_all(&message)?;
        }
        Ok(length)
    }

    fn count(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if let Some((id, left)) = self.chunk {
                let here = left.min(bytes.len());
                let (data, rest) = bytes.split_at(here);
                bytes = rest;
                let message = self.streams.entry(id).or_default();
                message.left -= here;
                self.chunk = Some((id, left - here)).filter(|(_, left)| *left > 0);
                match (message.kind, message.left) {
                    (1, _) => self.header.extend(data),
                    (8, 0) => self.seen.sounds += 1,
                    (9, 0) => self.seen.pictures += 1,
                    _ => {}
                }
                if matches!(message.kind, 8 | 9) {
                    self.seen.bytes += here as u64;
                }
                if message.kind == 1 && message.left == 0 {
                    self.chunk_size = self.header.iter().fold(0, |size, byte| size << 8 | usize::from(*byte));
                    self.header.clear();
                }
            } else {
                self.header.push(bytes[0]);
                bytes = &bytes[1..];
                self.read_header();
            }
        }
    }

    /// Begins a chunk where its header is whole.
    fn read_header(&mut self) {
        let header = &self.header;
        let (basic, id) = match (header[0] & 63, header.len()) {
            (0, 2..) => (2, u32::from(header[1]) + 64),
            (1, 3..) => (3, u32::from(header[1]) + u32::from(header[2]) * 256 + 64),
            (id @ 2.., _) => (1, u32::from(id)),
            _ => return,
        };
        let length = basic + [11, 7, 3, 0][usize::from(header[0] >> 6)];
        if header.len() < length {
            return;
        }
        let message = self.streams.entry(id).or_default();
        let fields = &header[basic..length];
        let extended = if fields.is_empty() { message.extended } else { fields[..3] == [255; 3] };
        if header.len() < length + if extended { 4 } else { 0 } {
            return;
        }
        message.extended = extended;
        if let [_, _, _, a, b, c, kind, ..] = fields {
            message.length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
            message.kind = *kind;
        }
        if message.left == 0 {
            message.left = message.length;
        }
        self.chunk = Some((id, message.left.min(self.chunk_size))).filter(|(_, left)| *left > 0);
        self.header.clear();
    }
}
