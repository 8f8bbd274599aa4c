//! Making a connection, and making it again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use brooklet_rtmp::{ClientOptions, Purpose, RtmpUrl};

use super::connect::connect;
use super::connection::Connection;
use crate::backoff::Backoff;
use crate::job::{Journal, Reconnect};
use crate::protocol::TlsOptions;
use crate::protocol::socket::wait_for;
use crate::{Error, Result, Stopper, Url};

/// How long a connection may take where the caller sets no timeout.
const CONNECT: Duration = Duration::from_secs(20);
/// How long a connection that is to be made again may stand still where the caller sets no timeout.
const STILL: Duration = Duration::from_secs(30);
/// A connection that lasted so long was a good one: the next failure is the first again.
const GOOD: Duration = Duration::from_secs(10);

/// A server, what is wanted of it, and how patiently.
#[derive(Clone)]
pub(super) struct Dial {
    pub(super) url: String,
    pub(super) peer: RtmpUrl,
    pub(super) purpose: Purpose,
    pub(super) client: ClientOptions,
    pub(super) tls: TlsOptions,
    pub(super) timeout: Option<Duration>,
    pub(super) reconnect: Reconnect,
    pub(super) journal: Arc<Journal>,
}

impl Dial {
    /// The first connection: blocks until the server has agreed, or refused.
    pub(super) fn first(&self, url: &Url, stopper: &Stopper) -> Result<Connection> {
        let (dial, patience) = (self.clone(), (self.patience(), "the server did not answer"));
        wait_for(url, stopper, Some(patience), async move { dial.connect(&dial.peer).await })
    }

    /// Tries until the server agrees, is not to be tried any more, or `unwanted` comes to pass. `why` is what ended
    /// the connection before, which was made at `made`.
    pub(super) async fn again(
        &self,
        why: Error,
        made: Instant,
        backoff: &mut Backoff,
        unwanted: impl Future<Output = ()>,
    ) -> Result<Connection> {
        if made.elapsed() > GOOD {
            backoff.succeeded();
        }
        tokio::select! {
            outcome = backoff.again(&self.url, why, &self.journal, || self.attempt(&self.peer)) => outcome,
            () = unwanted => Err(Error::Stopped),
        }
    }

    /// Connects where the server has sent us, at once. Where that fails, it goes on as after any other break: where the
    /// user said.
    pub(super) async fn elsewhere(
        &self,
        to: &RtmpUrl,
        made: Instant,
        backoff: &mut Backoff,
        unwanted: impl Future<Output = ()>,
    ) -> Result<Connection> {
        tokio::pin!(unwanted);
        let moved = tokio::select! {
            moved = self.attempt(to) => moved,
            () = &mut unwanted => return Err(Error::Stopped),
        };
        match moved {
            Err(why) if self.reconnect.enabled => self.again(why, made, backoff, unwanted).await,
            moved => moved,
        }
    }

    /// How long nothing may come, or go.
    pub(super) fn stillness(&self) -> Option<Duration> {
        self.timeout.or(self.reconnect.enabled.then_some(STILL))
    }

    /// Something took too long.
    pub(super) fn late(&self, what: &'static str, after: Duration) -> Error {
        Error::Timeout { url: self.url.clone(), what, after }
    }

    /// The server has ended it.
    pub(super) fn left(&self) -> Error {
        Error::Left { url: self.url.clone() }
    }

    async fn attempt(&self, peer: &RtmpUrl) -> Result<Connection> {
        let limit = self.patience();
        let outcome = tokio::time::timeout(limit, self.connect(peer)).await;
        outcome.unwrap_or_else(|_| Err(self.late("the server did not answer", limit)))
    }

    async fn connect(&self, peer: &RtmpUrl) -> Result<Connection> {
        let (url, limit) = (&self.url, self.stillness());
        connect(url, peer, self.purpose, &self.client, &self.tls, limit).await
    }

    fn patience(&self) -> Duration {
        self.timeout.unwrap_or(CONNECT)
    }
}
