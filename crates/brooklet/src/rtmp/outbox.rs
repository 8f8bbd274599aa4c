//! What waits to be sent on a socket, whichever side drives it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

/// Segments in one vectored write; systems take no more than 1024.
const VECTORS: usize = 64;
/// Segments of a picture and its sound.
const SEGMENTS: usize = 8;

/// Segments on their way to a peer, in order. Its owner bounds it: it makes no more media ready before it is empty.
#[derive(Default)]
pub(super) struct Outbox {
    segments: VecDeque<Bytes>,
    /// Whether TLS may hold back what was written.
    holds: bool,
    sent: u64,
}

impl Outbox {
    pub(super) fn push(&mut self, bytes: Bytes) {
        self.segments.push_back(bytes);
    }

    /// Segments that wait.
    pub(super) fn len(&self) -> usize {
        self.segments.len()
    }

    /// Whether all has been handed to the system.
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty() && !self.holds
    }

    /// Bytes sent so far.
    pub(super) const fn sent(&self) -> u64 {
        self.sent
    }

    /// Sends what waits, as far as the peer takes it at once.
    pub(super) fn poll_send<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while ready!(self.poll_step(stream, context))? {}
        Poll::Ready(Ok(()))
    }

    /// One write; false where there is nothing left to do.
    pub(super) fn poll_step<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<bool>> {
        if self.segments.is_empty() {
            if self.holds {
                ready!(Pin::new(stream).poll_flush(context))?;
                self.holds = false;
            }
            // Room for what comes at one moment is kept, not for what once came at the beginning.
            self.segments.shrink_to(SEGMENTS);
            return Poll::Ready(Ok(false));
        }
        self.holds = true;
        let mut slices = [IoSlice::new(&[]); VECTORS];
        let count = self.segments.len().min(VECTORS);
        for (slice, bytes) in slices.iter_mut().zip(&self.segments) {
            *slice = IoSlice::new(bytes);
        }
        let written = ready!(Pin::new(stream).poll_write_vectored(context, &slices[..count]))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.sent += written as u64;
        self.consume(written);
        Poll::Ready(Ok(true))
    }

    fn consume(&mut self, mut count: usize) {
        while let Some(front) = self.segments.front_mut() {
            if count < front.len() {
                front.advance(count);
                return;
            }
            count -= front.len();
            self.segments.pop_front();
        }
    }
}
