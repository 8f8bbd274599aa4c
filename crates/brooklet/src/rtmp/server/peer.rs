//! One socket driving the server's state machine, made for thousands of them: no buffer of its own to read into, no task
//! beside the one that owns it, and one vectored write for all that waits.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use brooklet_media::Timestamp;
use brooklet_rtmp::{Output, Server, ServerEvent};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::rtmp::now;
use crate::rtmp::outbox::Outbox;

/// Bytes read at once, into a buffer that all connections of a thread share.
const READ: usize = 64 * 1024;
/// Segments that may wait to be sent. A peer that asks for answers and does not read them is cut off here; what is sent
/// to viewers at once is far less.
const WAITING: usize = 16_384;
/// How long the peer may take for the last bytes, and to close after we have.
const GOODBYE: Duration = Duration::from_secs(2);

thread_local! {
    static INBOX: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// A connection from the server's side.
pub(in crate::rtmp) struct Peer<S> {
    stream: S,
    pub(in crate::rtmp) server: Server,
    /// What waits to be sent, at most [`WAITING`] segments.
    outbox: Outbox,
    received: u64,
    /// Why it can't go on, once what came before has been handed out.
    failure: Option<brooklet_rtmp::Error>,
    /// Bytes that it may send in all.
    allowance: u64,
    /// The owner's, beside that of the state machine.
    deadline: Timestamp,
    alarm: Option<Pin<Box<Sleep>>>,
    /// When the alarm goes off; [`Timestamp::MAX`]: it has.
    alarm_at: Timestamp,
}

/// What ended a [`Peer::poll`].
#[derive(Debug)]
pub(in crate::rtmp) enum Happening {
    /// The client wants something, or sends media.
    Event(ServerEvent),
    /// It has closed its side of the connection.
    Closed,
}

/// Why there is no going on with a connection.
#[derive(Debug, thiserror::Error)]
pub(in crate::rtmp) enum Broken {
    /// The system's word for it.
    #[error("the connection broke: {}", crate::error::plain(.0))]
    Socket(#[from] io::Error),
    /// It broke the protocol, or is silent.
    #[error("{0}")]
    Protocol(#[from] brooklet_rtmp::Error),
    /// The owner's deadline has come.
    #[error("it took too long")]
    Late,
    /// It asks, and does not read the answers.
    #[error("it does not read what it asks for")]
    Deaf,
    /// It has sent more than its allowance.
    #[error("it sent too much before it said what it wants")]
    Talkative,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub(in crate::rtmp) fn new(stream: S, server: Server) -> Self {
        Self {
            stream,
            server,
            outbox: Outbox::default(),
            received: 0,
            failure: None,
            allowance: u64::MAX,
            deadline: Timestamp::MAX,
            alarm: None,
            alarm_at: Timestamp::MAX,
        }
    }

    /// Bytes received so far.
    pub(super) const fn received(&self) -> u64 {
        self.received
    }

    /// Bytes sent so far.
    pub(in crate::rtmp) const fn sent(&self) -> u64 {
        self.outbox.sent()
    }

    /// Whether all has been handed to the system.
    pub(super) fn is_flushed(&self) -> bool {
        self.outbox.is_empty()
    }

    /// How much it may send from now on, before [`Peer::poll`] gives up with [`Broken::Talkative`].
    pub(super) const fn set_allowance(&mut self, bytes: u64) {
        self.allowance = self.received.saturating_add(bytes);
    }

    /// When [`Peer::poll`] is to give up with [`Broken::Late`]; [`Timestamp::MAX`]: never.
    pub(in crate::rtmp) const fn set_deadline(&mut self, at: Timestamp) {
        self.deadline = at;
    }

    /// The same, where there is no deadline yet; whether there was none.
    pub(super) fn start_deadline(&mut self, patience: Duration) -> bool {
        let is_new = self.deadline == Timestamp::MAX;
        if is_new {
            self.deadline = now() + patience;
        }
        is_new
    }

    /// Sends and receives until the client does something.
    pub(in crate::rtmp) async fn next(&mut self) -> Result<Happening, Broken> {
        poll_fn(|context| self.poll(context)).await
    }

    /// The same, until all has been handed to the system: then `None`.
    pub(in crate::rtmp) async fn send_all(&mut self) -> Result<Option<Happening>, Broken> {
        poll_fn(|context| match self.poll(context)? {
            Poll::Ready(happening) => Poll::Ready(Ok(Some(happening))),
            Poll::Pending if self.is_flushed() => Poll::Ready(Ok(None)),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// The same for whoever waits for something else as well. After an error the client has been told why, if it was
    /// still listening.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Happening, Broken>> {
        let outcome = ready!(self.poll_on(context));
        if outcome.is_err() {
            while self.drain().is_ok() {}
            let _ = self.outbox.poll_send(&mut self.stream, context);
        }
        Poll::Ready(outcome)
    }

    /// Sends what there is to say last, then waits a moment for the client to close.
    pub(in crate::rtmp) async fn close(mut self) {
        while self.drain().is_ok() {}
        let _ = tokio::time::timeout(GOODBYE, async {
            poll_fn(|context| self.outbox.poll_send(&mut self.stream, context)).await?;
            poll_fn(|context| Pin::new(&mut self.stream).poll_shutdown(context)).await?;
            // What it still sends concerns nobody; to close with it unread is to take back what was sent.
            while poll_fn(|context| self.poll_receive(context, |_, _| {})).await? > 0 {}
            io::Result::Ok(())
        })
        .await;
    }

    fn poll_on(&mut self, context: &mut Context<'_>) -> Poll<Result<Happening, Broken>> {
        loop {
            let deadline = match self.drain() {
                Ok(event) => return Poll::Ready(Ok(Happening::Event(event))),
                Err(deadline) => deadline,
            };
            if let Some(failure) = self.failure.take() {
                return Poll::Ready(Err(failure.into()));
            }
            if self.outbox.len() > WAITING {
                return Poll::Ready(Err(Broken::Deaf));
            }
            if let Poll::Ready(Err(error)) = self.outbox.poll_send(&mut self.stream, context) {
                return Poll::Ready(Err(error.into()));
            }
            let mut handled = Ok(());
            let handle = |server: &mut Server, bytes: &[u8]| handled = server.handle_input(bytes, now());
            if let Poll::Ready(read) = self.poll_receive(context, handle) {
                if let Err(failure) = handled {
                    self.failure = Some(failure);
                    continue;
                }
                if read? == 0 {
                    self.server.handle_closed();
                    return Poll::Ready(Ok(Happening::Closed));
                }
                if self.received > self.allowance {
                    return Poll::Ready(Err(Broken::Talkative));
                }
                continue;
            }
            ready!(self.poll_alarm(context, deadline.min(self.deadline)));
            if self.deadline <= now() {
                return Poll::Ready(Err(Broken::Late));
            }
            self.server.handle_timeout(now())?;
        }
    }

    /// Moves what the state machine wants sent into the outbox; then what happened, or its next deadline.
    fn drain(&mut self) -> Result<ServerEvent, Timestamp> {
        loop {
            match self.server.poll_output() {
                Output::Transmit(bytes) => self.outbox.push(bytes),
                Output::Event(event) => return Ok(event),
                Output::Timeout(deadline) => return Err(deadline),
            }
        }
    }

    /// Bytes that came, handed to `handle` where they are; 0: the peer has closed.
    fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        handle: impl FnOnce(&mut Server, &[u8]),
    ) -> Poll<io::Result<usize>> {
        INBOX.with_borrow_mut(|inbox| {
            let mut buffer = ReadBuf::new(inbox);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            let bytes = buffer.filled();
            self.received += bytes.len() as u64;
            if !bytes.is_empty() {
                handle(&mut self.server, bytes);
            }
            Poll::Ready(Ok(bytes.len()))
        })
    }

    /// Waits until `deadline`. The timer is moved only to an earlier time; where it goes off too soon, it is set anew:
    /// deadlines move with every message, and mostly to later.
    fn poll_alarm(&mut self, context: &mut Context<'_>, deadline: Timestamp) -> Poll<()> {
        if deadline == Timestamp::MAX {
            return Poll::Pending;
        }
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep(Duration::ZERO)));
        if deadline < self.alarm_at {
            alarm.as_mut().reset(Instant::now() + deadline.since(now()));
            self.alarm_at = deadline;
        }
        loop {
            ready!(alarm.as_mut().poll(context));
            if deadline <= now() {
                self.alarm_at = Timestamp::MAX;
                return Poll::Ready(());
            }
            alarm.as_mut().reset(Instant::now() + deadline.since(now()));
            self.alarm_at = deadline;
        }
    }
}
