//! One connection: requests in, answers out, and patience with limits.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use brooklet::protocol::places::{self, Place};
use brooklet::protocol::stream::{Door, Stream};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Sleep;

use crate::HttpServerOptions;

/// Lines of a request's head.
const HEADERS: usize = 64;

/// What all connections of a server share.
pub(crate) struct House {
    pub(crate) url: String,
    pub(crate) door: Door,
    pub(crate) router: Router,
    pub(crate) options: HttpServerOptions,
    pub(crate) stopped: watch::Receiver<bool>,
}

/// Serves a connection to its end. When the server ends, it gives what it has begun to give, and no more.
pub(crate) async fn serve(house: Arc<House>, socket: TcpStream, place: Place) {
    let _place = place;
    if places::keep_little_unsent(&socket).is_err() {
        return;
    }
    let entering = house.door.admit(&house.url, socket);
    let Ok(Ok(stream)) = tokio::time::timeout(house.options.head_time, entering).await else { return };
    let io = TokioIo::new(Patient { stream, patience: house.options.patience, still: None });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(house.options.head_time)
        .max_buf_size(house.options.head_bytes.max(8_192))
        .max_headers(HEADERS);
    let service = TowerToHyperService::new(house.router.clone());
    let mut connection = pin!(builder.serve_connection(io, service));
    let mut stopped = house.stopped.clone();
    // What went wrong is the client's to know: it was told, or is gone.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// A stream whose other side must take something now and then.
struct Patient {
    stream: Stream,
    patience: Duration,
    /// Since it took nothing any more.
    still: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    fn judge<T>(&mut self, context: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.still = None;
            return poll;
        }
        let patience = self.patience;
        let still = self.still.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(still.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.judge(context, poll)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.judge(context, poll)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.stream).poll_flush(context);
        this.judge(context, poll)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.stream).poll_shutdown(context);
        this.judge(context, poll)
    }
}
