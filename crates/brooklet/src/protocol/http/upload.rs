//! An output: the body of a request, in chunks, to a server that takes it.

use std::io;
use std::time::Duration;

use brooklet_media::{Piece, Place};
use bytes::Bytes;
use tokio::io::AsyncWriteExt;

use super::{Exchange, HttpUrl, Request};
use crate::protocol::socket::wait_for;
use crate::protocol::{ByteSink, SinkOptions};
use crate::queue::Queue;
use crate::radio::content_type;
use crate::{Error, Result, Stopper, Url, runtime};

/// Pieces that wait for the socket; then whoever writes blocks.
const WAITING: usize = 16;
/// How long a connection may take where the caller sets no timeout.
const CONNECT: Duration = Duration::from_secs(20);
/// How long the answer may take when all has been sent.
const ANSWER: Duration = Duration::from_secs(20);

/// Connects and asks; the server's answer comes when all has been sent, or when it has had enough.
pub(super) fn open(url: &Url, options: &SinkOptions) -> Result<Box<dyn ByteSink>> {
    let to = HttpUrl::parse(&url.text, 80)?;
    let http = &options.http;
    let mut request = Request::get(http.user_agent.as_deref());
    request.method = http.method.clone().unwrap_or_else(|| "POST".into());
    let kind = http.content_type.as_deref().or(content_type(options.format));
    request.header("Content-Type", kind.unwrap_or("application/octet-stream"));
    request.header("Transfer-Encoding", "chunked");
    request.header("Connection", "close");
    request.headers.extend(http.headers.iter().cloned());
    let (text, tls) = (url.text.clone(), options.tls.clone());
    let patience = Some((options.timeout.unwrap_or(CONNECT), "the server did not answer"));
    let connecting = async move { Exchange::open(&text, &to, &request, &tls).await };
    let exchange = wait_for(url, &options.stopper, patience, connecting).map_err(advised)?;
    let (queue, outcome) = (Queue::new(WAITING), Queue::new(1));
    let stopped = queue.clone();
    options.stopper.on_stop(move || stopped.close());
    let runtime =
        runtime::handle().map_err(|source| Error::io(&url.text, "cannot start the network", source))?;
    runtime.spawn(send(url.text.clone(), exchange, queue.clone(), outcome.clone()));
    Ok(Box::new(Upload { url: url.text.clone(), stopper: options.stopper.clone(), queue, outcome }))
}

/// Who meant to be listened to is told how.
fn advised(error: Error) -> Error {
    match error {
        Error::Io { url, source, .. } if source.kind() == io::ErrorKind::ConnectionRefused => {
            let what = "cannot connect (to be listened to there yourself, put -listen 1 before it)";
            Error::Io { url, what, source }
        }
        other => other,
    }
}

async fn send(url: String, mut exchange: Exchange, queue: Queue<Bytes>, outcome: Queue<Result<()>>) {
    let sending = async {
        while let Some(bytes) = queue.receive().await {
            let failed = |source| Error::io(&url, "cannot write", source);
            let stream = &mut exchange.stream;
            stream.write_all(format!("{:x}\r\n", bytes.len()).as_bytes()).await.map_err(failed)?;
            stream.write_all(&bytes).await.map_err(failed)?;
            stream.write_all(b"\r\n").await.map_err(failed)?;
        }
        let failed = |source| Error::io(&url, "cannot write", source);
        exchange.stream.write_all(b"0\r\n\r\n").await.map_err(failed)?;
        exchange.stream.flush().await.map_err(failed)
    };
    let sent: Result<()> = sending.await;
    queue.close();
    // What the server says of it goes before what the system says of a connection that it closed.
    let answer = tokio::time::timeout(ANSWER, exchange.read_head()).await;
    let ended = match answer {
        Ok(Ok(())) => exchange.check().and(sent),
        Ok(Err(error)) => sent.and(Err(error)),
        Err(_) => sent.and(Err(Error::Timeout { url: url.clone(), what: "no answer", after: ANSWER })),
    };
    let _ = outcome.send(ended).await;
    outcome.end();
}

struct Upload {
    url: String,
    stopper: Stopper,
    queue: Queue<Bytes>,
    outcome: Queue<Result<()>>,
}

impl Upload {
    fn verdict(&self) -> Result<()> {
        match self.outcome.pop() {
            Some(outcome) => outcome,
            None if self.stopper.is_stopped() => Err(Error::Stopped),
            None => Err(Error::Left { url: self.url.clone() }),
        }
    }
}

impl ByteSink for Upload {
    fn is_live(&self) -> bool {
        true
    }

    fn write(&mut self, piece: &Piece) -> Result<()> {
        let is_nothing = piece.place != Place::Append || piece.bytes.is_empty();
        if is_nothing || self.queue.push(piece.bytes.clone()).is_ok() {
            return Ok(());
        }
        self.verdict()?;
        Err(Error::Left { url: self.url.clone() })
    }

    fn finish(&mut self) -> Result<()> {
        self.queue.end();
        self.verdict()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.queue.close();
    }
}
