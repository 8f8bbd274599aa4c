//! An input: the body of an answer, of as many connections as it takes.

use std::time::{Duration, Instant};

use brooklet_media::Source;
use bytes::Bytes;

use super::{Exchange, HttpUrl, Request, refused};
use crate::backoff::Backoff;
use crate::protocol::socket::wait_for;
use crate::protocol::{ByteSource, SourceOptions};
use crate::queue::{Popped, Queue};
use crate::radio::IcyReader;
use crate::{Error, Result, Url, runtime};

/// Reads that wait between the socket and the demuxer; then the socket is not read, and the server waits.
const WAITING: usize = 16;
/// How long an answer may take where the caller sets no timeout.
const CONNECT: Duration = Duration::from_secs(20);
/// How long a connection that is to be made again may stand still where the caller sets no timeout.
const STILL: Duration = Duration::from_secs(30);

/// Asks, and waits until the server has agreed.
pub(super) fn open(url: &Url, options: &SourceOptions) -> Result<Box<dyn ByteSource>> {
    let to = HttpUrl::parse(&url.text, 80)?;
    let getter = Getter { url: url.text.clone(), to, options: options.clone() };
    let first = getter.clone();
    let patience = Some((options.timeout.unwrap_or(CONNECT), "the server did not answer"));
    let exchange = wait_for(url, &options.stopper, patience, async move { first.get(0).await })?;
    let length = exchange.head.number("content-length");
    let ranges = exchange.head.header("accept-ranges").is_some_and(|units| units.contains("bytes"));
    let source = Source { seekable: ranges && length.is_some(), length };
    let mut input = HttpSource { getter, source, queue: Queue::new(WAITING), title: None, ended: false };
    input.receive(exchange, 0)?;
    Ok(Box::new(input))
}

/// What to ask of which server.
#[derive(Clone)]
struct Getter {
    url: String,
    to: HttpUrl,
    options: SourceOptions,
}

/// What a connection's task hands to the input's thread.
enum Arrival {
    Bytes(Bytes),
    Title(String),
    Failed(Error),
}

struct HttpSource {
    getter: Getter,
    source: Source,
    queue: Queue<Arrival>,
    title: Option<String>,
    ended: bool,
}

impl Getter {
    /// Asks for what comes from byte `at` on.
    async fn get(&self, at: u64) -> Result<Exchange> {
        let http = &self.options.http;
        let mut request = Request::get(http.user_agent.as_deref());
        request.header("Accept", "*/*");
        request.header("Connection", "close");
        if !http.without_titles {
            request.header("Icy-MetaData", "1");
        }
        if at > 0 {
            request.header("Range", format!("bytes={at}-"));
        }
        request.headers.extend(http.headers.iter().cloned());
        let exchange = Exchange::begin(&self.url, &self.to, &request, &self.options.tls).await?;
        exchange.check()?;
        if at > 0 && exchange.head.status != 206 {
            return Err(refused(&self.url, "the server can't send what follows on what came"));
        }
        Ok(exchange)
    }

    fn stillness(&self) -> Option<Duration> {
        self.options.timeout.or(self.options.reconnect.enabled.then_some(STILL))
    }

    /// Hands on what comes from `at` on, over as many connections as it takes.
    async fn run(self, mut exchange: Exchange, mut at: u64, is_file: bool, queue: Queue<Arrival>) {
        let mut backoff = Backoff::new(self.options.reconnect);
        loop {
            let (made, before) = (Instant::now(), at);
            let outcome = tokio::select! {
                outcome = self.receive(&mut exchange, &mut at, &queue) => outcome,
                () = queue.closed() => return,
            };
            if at > before || made.elapsed() > STILL {
                backoff.succeeded();
            }
            let how = self.options.reconnect;
            let why = match outcome {
                Ok(()) if !how.at_end => return queue.end(),
                Ok(()) => Error::Left { url: self.url.clone() },
                Err(why) if how.enabled => why,
                Err(why) => {
                    let _ = queue.send(Arrival::Failed(why)).await;
                    return queue.end();
                }
            };
            let from = if is_file { at } else { 0 };
            let attempt = async || {
                let answer = tokio::time::timeout(CONNECT, self.get(from)).await;
                answer.unwrap_or_else(|_| Err(self.late("the server did not answer", CONNECT)))
            };
            let again = tokio::select! {
                again = backoff.again(&self.url, why, &self.options.journal, attempt) => again,
                () = queue.closed() => return,
            };
            match again {
                Ok(made) => exchange = made,
                Err(why) => {
                    let _ = queue.send(Arrival::Failed(why)).await;
                    return queue.end();
                }
            }
        }
    }

    /// Hands on one answer.
    async fn receive(&self, exchange: &mut Exchange, at: &mut u64, queue: &Queue<Arrival>) -> Result<()> {
        let metaint = exchange.head.number("icy-metaint").and_then(|metaint| usize::try_from(metaint).ok());
        let mut icy = metaint.filter(|metaint| *metaint > 0).map(IcyReader::new);
        loop {
            let next = match self.stillness() {
                None => exchange.next().await,
                Some(limit) => {
                    let next = tokio::time::timeout(limit, exchange.next()).await;
                    next.unwrap_or_else(|_| Err(self.late("nothing came", limit)))
                }
            };
            let Some(bytes) = next? else { return Ok(()) };
            *at += bytes.len() as u64;
            let (bytes, title) = match &mut icy {
                Some(icy) => icy.read(bytes),
                None => (bytes, None),
            };
            if let Some(title) = title {
                let _ = queue.send(Arrival::Title(title)).await;
            }
            if !bytes.is_empty() && queue.send(Arrival::Bytes(bytes)).await.is_err() {
                return Ok(());
            }
        }
    }

    fn late(&self, what: &'static str, after: Duration) -> Error {
        Error::Timeout { url: self.url.clone(), what, after }
    }
}

impl HttpSource {
    fn receive(&mut self, exchange: Exchange, at: u64) -> Result<()> {
        let (url, queue) = (&self.getter.url, Queue::new(WAITING));
        let runtime =
            runtime::handle().map_err(|source| Error::io(url, "cannot start the network", source))?;
        let stopped = queue.clone();
        self.getter.options.stopper.on_stop(move || stopped.close());
        runtime.spawn(self.getter.clone().run(exchange, at, self.source.seekable, queue.clone()));
        std::mem::replace(&mut self.queue, queue).close();
        Ok(())
    }
}

impl ByteSource for HttpSource {
    fn source(&self) -> Source {
        self.source
    }

    /// A server that says how long it is has it all.
    fn is_live(&self) -> bool {
        self.source.length.is_none()
    }

    fn read(&mut self) -> Result<Bytes> {
        loop {
            if self.ended {
                return Ok(Bytes::new());
            }
            match self.queue.pop_until(None) {
                Popped::Item(Arrival::Bytes(bytes)) => return Ok(bytes),
                Popped::Item(Arrival::Title(title)) => self.title = Some(title),
                Popped::Item(Arrival::Failed(error)) => {
                    self.ended = true;
                    return Err(error);
                }
                Popped::Late | Popped::End if self.getter.options.stopper.is_stopped() => {
                    return Err(Error::Stopped);
                }
                Popped::Late | Popped::End => self.ended = true,
            }
        }
    }

    fn seek(&mut self, at: u64) -> Result<()> {
        if !self.source.seekable {
            return Err(Error::io(&self.getter.url, "cannot seek", std::io::ErrorKind::NotSeekable.into()));
        }
        self.queue.close();
        self.ended = self.source.length.is_some_and(|length| at >= length);
        if self.ended {
            return Ok(());
        }
        let (getter, url) = (self.getter.clone(), Url::parse(&self.getter.url));
        let patience = Some((getter.options.timeout.unwrap_or(CONNECT), "the server did not answer"));
        let stopper = getter.options.stopper.clone();
        let exchange = wait_for(&url, &stopper, patience, async move { getter.get(at).await })?;
        self.receive(exchange, at)
    }

    fn take_title(&mut self) -> Option<String> {
        self.title.take()
    }
}

impl Drop for HttpSource {
    fn drop(&mut self) {
        self.queue.close();
    }
}
