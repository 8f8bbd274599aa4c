//! One socket driving the client's state machine.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use brooklet_media::Timestamp;
use brooklet_rtmp::{Client, ClientEvent, Output, RtmpUrl};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::now;
use super::outbox::Outbox;
use crate::protocol::stream::Stream;
use crate::{Error, Result};

/// Bytes read at once.
const READ: usize = 64 * 1024;
/// How long the peer may take to close after we have.
const GOODBYE: Duration = Duration::from_secs(2);

/// A connection to a server.
pub(super) struct Connection {
    url: String,
    peer: RtmpUrl,
    stream: Stream,
    pub(super) client: Client,
    inbox: BytesMut,
    /// What waits to be sent: nothing more is asked of the owner before it is empty.
    outbox: Outbox,
    /// Bytes sent that the owner has been told of.
    told: u64,
    /// How long the server may take no bytes.
    write_timeout: Option<Duration>,
    /// Why it can't go on, once what came before has been handed out.
    failure: Option<brooklet_rtmp::Error>,
}

/// What ended a [`Connection::turn`].
pub(super) enum Turn<T> {
    /// The server did something.
    Event(ClientEvent),
    /// What was waited for beside it.
    Other(T),
    /// The server closed the connection, and may.
    Closed,
}

impl Connection {
    /// A connection to `peer`, which the user knows as `url`.
    pub(super) fn new(
        url: &str,
        peer: &RtmpUrl,
        stream: Stream,
        client: Client,
        write_timeout: Option<Duration>,
    ) -> Self {
        Self {
            url: url.into(),
            peer: peer.clone(),
            stream,
            client,
            inbox: BytesMut::new(),
            outbox: Outbox::default(),
            told: 0,
            write_timeout,
            failure: None,
        }
    }

    /// Where it goes to.
    pub(super) const fn peer(&self) -> &RtmpUrl {
        &self.peer
    }

    /// Bytes sent since the last call.
    pub(super) fn take_sent(&mut self) -> u64 {
        let sent = self.outbox.sent();
        sent - std::mem::replace(&mut self.told, sent)
    }

    /// Serves the connection until the server does something, or `other` is there.
    pub(super) async fn turn<T>(&mut self, other: impl Future<Output = T>) -> Result<Turn<T>> {
        tokio::pin!(other);
        loop {
            let deadline = match self.drain() {
                Ok(event) => return Ok(Turn::Event(event)),
                Err(deadline) => deadline,
            };
            if let Some(source) = self.failure.take() {
                // The server is told why, if it still listens.
                let _ = self.flush().await;
                return Err(Error::rtmp(&self.url, source));
            }
            if let Err(error) = self.flush().await {
                return Err(self.last_words(error));
            }
            self.inbox.reserve(READ);
            let outcome = tokio::select! {
                read = self.stream.read_buf(&mut self.inbox) => match read {
                    Ok(0) => {
                        self.client.handle_closed(now()).map_err(|source| Error::rtmp(&self.url, source))?;
                        return Ok(Turn::Closed);
                    }
                    Ok(_) => {
                        let handled = self.client.handle_input(&self.inbox, now());
                        self.inbox.clear();
                        handled
                    }
                    // A peer that closes with bytes of ours unread resets the connection.
                    Err(source) => {
                        let error = Error::io(&self.url, "the connection broke", source);
                        return Err(self.last_words(error));
                    }
                },
                () = sleep_until(deadline) => self.client.handle_timeout(now()),
                value = &mut other => return Ok(Turn::Other(value)),
            };
            self.failure = outcome.err();
        }
    }

    /// Sends what there is to say last, then waits a moment for the server to close.
    pub(super) async fn close(mut self) -> Result<()> {
        while self.drain().is_ok() {}
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
        Ok(())
    }

    /// Says that no more is wanted, and closes; a few seconds at most.
    pub(super) async fn leave(mut self) {
        self.client.finish();
        // What the server says to a goodbye changes nothing.
        let _ = tokio::time::timeout(2 * GOODBYE, self.close()).await;
    }

    /// Moves what the state machine wants sent into the outbox; then what happened, or its next deadline.
    fn drain(&mut self) -> Result<ClientEvent, Timestamp> {
        loop {
            match self.client.poll_output() {
                Output::Transmit(bytes) => self.outbox.push(bytes),
                Output::Event(event) => return Ok(event),
                Output::Timeout(deadline) => return Err(deadline),
            }
        }
    }

    /// Why the peer takes no more: what it said before it closed, rather than what the system says of that.
    fn last_words(&mut self, error: Error) -> Error {
        loop {
            self.inbox.clear();
            self.inbox.reserve(READ);
            let said = match self.stream.try_read(&mut self.inbox) {
                Ok(count) if count > 0 => self.client.handle_input(&self.inbox, now()),
                _ => break,
            };
            if let Err(source) = said {
                return Error::rtmp(&self.url, source);
            }
        }
        match self.client.handle_closed(now()) {
            Err(source) => Error::rtmp(&self.url, source),
            Ok(()) => error,
        }
    }

    /// Sends all that waits; every write has the whole of the timeout.
    async fn flush(&mut self) -> Result<()> {
        loop {
            let step = poll_fn(|context| self.outbox.poll_step(&mut self.stream, context));
            let written = match self.write_timeout {
                None => step.await,
                Some(limit) => tokio::time::timeout(limit, step)
                    .await
                    .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
            };
            match written {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(source) => return Err(Error::io(&self.url, "the connection broke", source)),
            }
        }
    }
}

async fn sleep_until(deadline: Timestamp) {
    if deadline == Timestamp::MAX {
        return std::future::pending().await;
    }
    tokio::time::sleep(deadline.since(now())).await;
}
