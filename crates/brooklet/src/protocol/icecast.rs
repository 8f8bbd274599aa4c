//! `icecast://source:password@host:8000/mount`: a source of an Icecast server; `icecasts://` within TLS.
//!
//! The stream is a [`Broadcast`] with one listener: the server. So a server that is slow, or gone for a while, is what a slow
//! listener is, and a new connection begins with the headers, at a frame.

use std::future::poll_fn;
use std::time::{Duration, Instant};

use brooklet_media::{Metadata, Packet, PacketSink, StreamParams};
use bytes::Bytes;
use tokio::io::AsyncWriteExt;

use super::http::{Exchange, HttpOptions, HttpUrl, Request, query_value};
use super::socket::wait_for;
use super::{LivePacketSink, Origin, Scheme, SinkOptions, SourceOptions, Target};
use crate::backoff::Backoff;
use crate::queue::Queue;
use crate::radio::{Broadcast, Burst, ListenOptions, NowPlaying, RadioOptions, Station, content_type};
use crate::{Error, Hub, Result, Url, runtime};

/// Where Icecast usually is.
const PORT: u16 = 8_000;
/// How long a connection, or an answer, may take where the caller sets no timeout.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked whether the title is another.
const TITLE: Duration = Duration::from_millis(250);
/// A connection that lasted so long was a good one: the next failure is the first again.
const GOOD: Duration = Duration::from_secs(10);
/// How much of the recent past a new connection begins with.
const BURST: Burst = Burst { bytes: 0, time: Duration::from_secs(1) };

/// The protocol.
#[derive(Debug)]
pub struct Icecast;

impl Scheme for Icecast {
    fn names(&self) -> &'static [&'static str] {
        if cfg!(feature = "tls") { &["icecast", "icecasts"] } else { &["icecast"] }
    }

    fn open_source(&self, url: &Url, _: &SourceOptions) -> Result<Origin> {
        let what = "is for sending to an Icecast server; its listeners come by http://";
        Err(Error::Usage(format!("{}: {} {what}", url.text, url.scheme)))
    }

    fn open_sink(&self, url: &Url, options: &SinkOptions) -> Result<Target> {
        Ok(Target::Packets(Box::new(IcecastSink::open(url, options)?)))
    }

    fn directions(&self) -> (bool, bool) {
        (false, true)
    }
}

/// The server, and how patiently we talk to it.
#[derive(Clone)]
struct Caster {
    url: String,
    to: HttpUrl,
    format: &'static str,
    options: SinkOptions,
}

/// The output's end.
struct IcecastSink {
    url: String,
    broadcast: Broadcast,
    /// How the connection's task ended; closed where nobody waits for that.
    outcome: Queue<Result<()>>,
    options: SinkOptions,
    /// Told what the stream is, which the server wants to hear first; the connection is made then.
    caster: Option<Caster>,
}

impl IcecastSink {
    fn open(url: &Url, options: &SinkOptions) -> Result<Self> {
        let mut to = HttpUrl::parse(&url.text, PORT)?;
        if to.target == "/" {
            let what = "it needs a mount point, as in icecast://source:password@host:8000/stream.mp3";
            return Err(Error::Usage(format!("{}: {what}", url.text)));
        }
        to.login = Some(match to.login.take() {
            // Without a user, it is the one that Icecast calls so.
            Some(login) if login.starts_with(':') => format!("source{login}"),
            Some(login) if login.contains(':') => login,
            Some(password) => format!("source:{password}"),
            None => "source:hackme".into(),
        });
        let delay = options.max_delay.unwrap_or(Duration::from_secs(20));
        let radio = RadioOptions { burst: BURST, delay, about: options.http.about.clone() };
        let (hub, playing) = (Hub::default(), options.playing.clone());
        let mut broadcast = Broadcast::open_as(&hub, &to.target, &url.text, options.format, radio, playing)?;
        if !options.is_realtime {
            broadcast.pace(&options.ending);
        }
        let caster = Caster { url: url.text.clone(), to, format: options.format, options: options.clone() };
        let outcome = Queue::new(1);
        Ok(Self { url: url.text.clone(), broadcast, outcome, options: options.clone(), caster: Some(caster) })
    }

    fn verdict(&self) -> Result<()> {
        match self.outcome.pop() {
            Some(outcome) => outcome,
            None if self.options.stopper.is_stopped() => Err(Error::Stopped),
            None => Err(Error::Left { url: self.url.clone() }),
        }
    }
}

impl PacketSink<Error> for IcecastSink {
    fn start(&mut self, streams: &[StreamParams], metadata: &Metadata) -> Result<()> {
        self.broadcast.start(streams, metadata)?;
        let Some(caster) = self.caster.take() else { return Ok(()) };
        let (station, first, info) = (self.broadcast.station(), caster.clone(), audio_info(streams));
        let patience = Some((caster.patience(), "the server did not answer"));
        let url = Url::parse(&self.url);
        let connecting = async move { first.connect(&info).await };
        let exchange = wait_for(&url, &self.options.stopper, patience, connecting)?;
        let runtime =
            runtime::handle().map_err(|source| Error::io(&self.url, "cannot start the network", source))?;
        let (outcome, stopped) = (self.outcome.clone(), self.outcome.clone());
        self.options.stopper.on_stop(move || stopped.close());
        let info = audio_info(streams);
        runtime.spawn(async move {
            let ended = tokio::select! {
                ended = caster.cast(&station, exchange, &info) => ended,
                () = outcome.closed() => return,
            };
            let _ = outcome.send(ended).await;
            outcome.end();
        });
        Ok(())
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        if self.outcome.is_over() {
            self.verdict()?;
            return Err(Error::Left { url: self.url.clone() });
        }
        self.broadcast.write(packet)
    }

    fn change_params(&mut self, stream: usize, params: &StreamParams) -> Result<()> {
        self.broadcast.change_params(stream, params)
    }

    fn finish(&mut self) -> Result<()> {
        self.broadcast.finish()?;
        self.verdict()
    }
}

impl LivePacketSink for IcecastSink {
    fn bytes(&self) -> u64 {
        self.broadcast.sent()
    }

    fn skipped(&self) -> u64 {
        self.broadcast.skipped()
    }

    fn is_listening(&self) -> bool {
        false
    }
}

impl Drop for IcecastSink {
    fn drop(&mut self) {
        self.outcome.close();
    }
}

impl Caster {
    fn patience(&self) -> Duration {
        self.options.timeout.unwrap_or(PATIENCE)
    }

    /// Asks the server to take the stream, and returns when it has agreed.
    async fn connect(&self, info: &str) -> Result<Exchange> {
        let HttpOptions { user_agent, headers, content_type: kind, about, .. } = &self.options.http;
        let mut request = Request::get(user_agent.as_deref());
        request.method = "PUT".into();
        let kind = kind.as_deref().or(content_type(self.format));
        request.header("Content-Type", kind.unwrap_or("application/octet-stream"));
        let lines = [
            ("Ice-Name", &about.name),
            ("Ice-Description", &about.description),
            ("Ice-Genre", &about.genre),
            ("Ice-URL", &about.url),
        ];
        for (name, value) in lines {
            if let Some(value) = value {
                request.header(name, value);
            }
        }
        request.header("Ice-Public", if about.public { "1" } else { "0" });
        if !info.is_empty() {
            request.header("Ice-Audio-Info", info);
        }
        request.header("Expect", "100-continue");
        request.headers.extend(headers.iter().cloned());
        let mut exchange = Exchange::open(&self.url, &self.to, &request, &self.options.tls).await?;
        exchange.read_head().await?;
        if exchange.head.status != 100 {
            exchange.check()?;
        }
        Ok(exchange)
    }

    /// Sends until the stream is over, over as many connections as it takes.
    async fn cast(&self, station: &Station, mut exchange: Exchange, info: &str) -> Result<()> {
        let titles = Titles { caster: self, playing: station.now_playing() };
        let mut backoff = Backoff::new(self.options.reconnect);
        loop {
            let made = Instant::now();
            let sent = tokio::select! {
                sent = self.send(station, exchange) => sent,
                never = titles.tell() => never,
            };
            let why = match sent {
                Err(why) if self.options.reconnect.enabled => why,
                ended => return ended,
            };
            if made.elapsed() > GOOD {
                backoff.succeeded();
            }
            let attempt = || async {
                let connected = tokio::time::timeout(self.patience(), self.connect(info)).await;
                connected.unwrap_or_else(|_| Err(self.late("the server did not answer")))
            };
            exchange = tokio::select! {
                again = backoff.again(&self.url, why, &self.options.journal, attempt) => again?,
                // Nobody waits for it once it is ending.
                () = self.options.ending.stopped() => return Err(Error::Stopped),
            };
        }
    }

    async fn send(&self, station: &Station, mut exchange: Exchange) -> Result<()> {
        let failed = |source| Error::io(&self.url, "the connection broke", source);
        let mut listener = station.listen(&ListenOptions::default());
        while let Some(bytes) = poll_fn(|context| listener.poll_next(context)).await {
            let written = tokio::time::timeout(self.patience(), write(&mut exchange, &bytes)).await;
            written.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())).map_err(failed)?;
        }
        exchange.stream.shutdown().await.map_err(failed)
    }

    fn late(&self, what: &'static str) -> Error {
        Error::Timeout { url: self.url.clone(), what, after: self.patience() }
    }
}

async fn write(exchange: &mut Exchange, bytes: &Bytes) -> std::io::Result<()> {
    exchange.stream.write_all(bytes).await?;
    exchange.stream.flush().await
}

/// Tells the server what is being played, whenever that changes: in a request of its own.
struct Titles<'a> {
    caster: &'a Caster,
    playing: &'a NowPlaying,
}

impl Titles<'_> {
    /// Never ends.
    async fn tell(&self) -> Result<()> {
        let mut told = 0;
        loop {
            let version = self.playing.version();
            // Ogg carries titles within the stream; a server refuses them by this way.
            if version != told && matches!(self.caster.format, "mp3" | "adts") {
                let asked = tokio::time::timeout(self.caster.patience(), self.update()).await;
                if let Ok(Err(why)) | Err(why) = asked.map_err(|_| self.caster.late("no answer")) {
                    self.caster.options.journal.warn(format!("the title was not taken: {why}"));
                }
                told = version;
            }
            tokio::time::sleep(TITLE).await;
        }
    }

    async fn update(&self) -> Result<()> {
        let Caster { url, to, options, .. } = self.caster;
        let (mount, song) = (query_value(&to.target), query_value(&self.playing.title()));
        let target = format!("/admin/metadata?mode=updinfo&charset=UTF-8&mount={mount}&song={song}");
        let mut request = Request::get(options.http.user_agent.as_deref());
        request.header("Connection", "close");
        let to = HttpUrl { target, ..to.clone() };
        Exchange::begin(url, &to, &request, &options.tls).await?.check()
    }
}

/// What Icecast tells its listeners of the sound.
fn audio_info(streams: &[StreamParams]) -> String {
    let Some((stream, audio)) = streams.iter().find_map(|stream| Some((stream, stream.as_audio()?))) else {
        return String::new();
    };
    let rate = stream.bit_rate.map(|rate| format!("bitrate={};", rate / 1_000)).unwrap_or_default();
    format!("{rate}samplerate={};channels={}", audio.rate, audio.layout.channels())
}
