//! One socket driving one state machine.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::time::Duration;

use brooklet_media::Timestamp;
use brooklet_rtmp::{Client, ClientEvent, Output, Server, ServerEvent};
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::now;
use super::stream::Stream;
use crate::{Error, Result};

/// Bytes read at once.
const READ: usize = 64 * 1024;
/// Buffers in one vectored write; systems take no more than 1024.
const VECTORS: usize = 64;
/// How long the peer may take to close after we have.
const GOODBYE: Duration = Duration::from_secs(2);

/// A state machine of `brooklet-rtmp`, from either side.
pub(super) trait Endpoint: Send {
    type Event;
    fn handle_input(&mut self, bytes: &[u8], now: Timestamp) -> brooklet_rtmp::Result<()>;
    fn handle_timeout(&mut self, now: Timestamp) -> brooklet_rtmp::Result<()>;
    fn handle_closed(&mut self, now: Timestamp) -> brooklet_rtmp::Result<()>;
    fn poll_output(&mut self) -> Output<Self::Event>;
}

/// A connection that is being served.
pub(super) struct Connection<E> {
    url: String,
    stream: Stream,
    pub(super) endpoint: E,
    inbox: BytesMut,
    outbox: VecDeque<Bytes>,
    sent: u64,
    write_timeout: Option<Duration>,
}

/// What ended a [`Connection::turn`].
pub(super) enum Turn<V, T> {
    /// The peer did something.
    Event(V),
    /// What was waited for beside it.
    Other(T),
    /// The peer closed the connection, and may.
    Closed,
}

impl<E: Endpoint> Connection<E> {
    pub(super) fn new(url: &str, stream: Stream, endpoint: E, write_timeout: Option<Duration>) -> Self {
        let (inbox, outbox) = (BytesMut::new(), VecDeque::new());
        Self { url: url.into(), stream, endpoint, inbox, outbox, sent: 0, write_timeout }
    }

    /// Bytes sent since the last call.
    pub(super) fn take_sent(&mut self) -> u64 {
        std::mem::take(&mut self.sent)
    }

    /// Serves the connection until the peer does something, or `other` is there.
    pub(super) async fn turn<T>(&mut self, other: impl Future<Output = T>) -> Result<Turn<E::Event, T>> {
        tokio::pin!(other);
        loop {
            let deadline = loop {
                match self.endpoint.poll_output() {
                    Output::Transmit(bytes) => self.outbox.push_back(bytes),
                    Output::Event(event) => return Ok(Turn::Event(event)),
                    Output::Timeout(deadline) => break deadline,
                }
            };
            if let Err(error) = self.flush().await {
                return Err(self.last_words(error));
            }
            self.inbox.reserve(READ);
            let outcome = tokio::select! {
                read = self.stream.read_buf(&mut self.inbox) => match read {
                    Ok(0) => {
                        self.endpoint.handle_closed(now()).map_err(|source| Error::rtmp(&self.url, source))?;
                        return Ok(Turn::Closed);
                    }
                    Ok(_) => {
                        let handled = self.endpoint.handle_input(&self.inbox, now());
                        self.inbox.clear();
                        handled
                    }
                    // A peer that closes with bytes of ours unread resets the connection.
                    Err(source) => {
                        let error = Error::io(&self.url, "the connection broke", source);
                        return Err(self.last_words(error));
                    }
                },
                () = sleep_until(deadline) => self.endpoint.handle_timeout(now()),
                value = &mut other => return Ok(Turn::Other(value)),
            };
            if let Err(source) = outcome {
                // The peer is told why, if it still listens.
                while let Output::Transmit(bytes) = self.endpoint.poll_output() {
                    self.outbox.push_back(bytes);
                }
                let _ = self.flush().await;
                return Err(Error::rtmp(&self.url, source));
            }
        }
    }

    /// Sends what the endpoint has to say last, then waits a moment for the peer to close.
    pub(super) async fn close(mut self) -> Result<u64> {
        loop {
            match self.endpoint.poll_output() {
                Output::Transmit(bytes) => self.outbox.push_back(bytes),
                Output::Event(_) => {}
                Output::Timeout(_) => break,
            }
        }
        self.flush().await?;
        let closed = async {
            self.stream.shutdown().await?;
            loop {
                self.inbox.clear();
                if self.stream.read_buf(&mut self.inbox).await? == 0 {
                    return io::Result::Ok(());
                }
            }
        };
        // A peer that is slow to close, or resets, has had everything all the same.
        let _ = tokio::time::timeout(GOODBYE, closed).await;
        Ok(self.sent)
    }

    /// Why the peer takes no more: what it said before it closed, rather than what the system says of that.
    fn last_words(&mut self, error: Error) -> Error {
        loop {
            self.inbox.clear();
            self.inbox.reserve(READ);
            let said = match self.stream.try_read(&mut self.inbox) {
                Ok(count) if count > 0 => self.endpoint.handle_input(&self.inbox, now()),
                _ => break,
            };
            if let Err(source) = said {
                return Error::rtmp(&self.url, source);
            }
        }
        match self.endpoint.handle_closed(now()) {
            Err(source) => Error::rtmp(&self.url, source),
            Ok(()) => error,
        }
    }

    async fn flush(&mut self) -> Result<()> {
        if self.outbox.is_empty() {
            return Ok(());
        }
        let writing = async {
            while !self.outbox.is_empty() {
                let count = {
                    let slices: Vec<IoSlice<'_>> =
                        self.outbox.iter().take(VECTORS).map(|bytes| IoSlice::new(bytes)).collect();
                    self.stream.write_vectored(&slices).await?
                };
                if count == 0 {
                    return Err(io::ErrorKind::WriteZero.into());
                }
                self.sent += count as u64;
                consume(&mut self.outbox, count);
            }
            // TLS may hold back what the socket did not take.
            self.stream.flush().await
        };
        let written = match self.write_timeout {
            None => writing.await,
            Some(limit) => tokio::time::timeout(limit, writing)
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
        };
        written.map_err(|source| Error::io(&self.url, "the connection broke", source))
    }
}

impl Endpoint for Client {
    type Event = ClientEvent;

    fn handle_input(&mut self, bytes: &[u8], now: Timestamp) -> brooklet_rtmp::Result<()> {
        self.handle_input(bytes, now)
    }

    fn handle_timeout(&mut self, now: Timestamp) -> brooklet_rtmp::Result<()> {
        self.handle_timeout(now)
    }

    fn handle_closed(&mut self, now: Timestamp) -> brooklet_rtmp::Result<()> {
        self.handle_closed(now)
    }

    fn poll_output(&mut self) -> Output<ClientEvent> {
        self.poll_output()
    }
}

impl Endpoint for Server {
    type Event = ServerEvent;

    fn handle_input(&mut self, bytes: &[u8], now: Timestamp) -> brooklet_rtmp::Result<()> {
        self.handle_input(bytes, now)
    }

    fn handle_timeout(&mut self, now: Timestamp) -> brooklet_rtmp::Result<()> {
        self.handle_timeout(now)
    }

    fn handle_closed(&mut self, _: Timestamp) -> brooklet_rtmp::Result<()> {
        self.handle_closed();
        Ok(())
    }

    fn poll_output(&mut self) -> Output<ServerEvent> {
        self.poll_output()
    }
}

fn consume(outbox: &mut VecDeque<Bytes>, mut count: usize) {
    while let Some(front) = outbox.front_mut() {
        if count < front.len() {
            front.advance(count);
            return;
        }
        count -= front.len();
        outbox.pop_front();
    }
}

async fn sleep_until(deadline: Timestamp) {
    if deadline == Timestamp::MAX {
        return std::future::pending().await;
    }
    tokio::time::sleep(deadline.since(now())).await;
}
