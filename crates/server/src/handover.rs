//! From HTTP to sound: hyper writes the head of an answer, and then the connection goes on without it.
//!
//! hyper holds two buffers of 8 KiB and a state of its own for as long as a connection lasts. Who listens for hours needs none
//! of that: all that follows the head is what everybody hears.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::Frame;

use crate::hearing::Hearing;

/// Where the answer to a request leaves one who listens, for the connection to take. Each connection has one, and its requests
/// carry it. Cloning shares it.
#[derive(Clone, Default)]
pub(crate) struct Handover {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    hearing: Option<Box<Hearing>>,
    head: Head,
}

/// How far the head of the answer is.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Head {
    #[default]
    Awaited,
    /// It is among what hyper will send.
    Written,
    /// The system has all of it.
    Sent,
}

impl Handover {
    /// Leaves one who listens here; the body of the answer, whose bytes are the connection's to send.
    pub(crate) fn leave(&self, hearing: Hearing) -> Body {
        self.lock().hearing = Some(Box::new(hearing));
        Body::new(Elsewhere(self.clone()))
    }

    /// Whatever was written has been sent.
    pub(crate) fn flushed(&self) {
        let mut shared = self.lock();
        if shared.head == Head::Written {
            shared.head = Head::Sent;
        }
    }

    /// Whether somebody listens, and has the head of the answer.
    pub(crate) fn is_ready(&self) -> bool {
        self.lock().head == Head::Sent
    }

    /// The one who listens.
    pub(crate) fn take(&self) -> Option<Box<Hearing>> {
        self.lock().hearing.take()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // A panic elsewhere leaves it whole: every change to it is one assignment.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body without end, of which hyper gets nothing. It asks for it only once it has written the head.
struct Elsewhere(Handover);

impl http_body::Body for Elsewhere {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut shared = self.0.lock();
        if shared.head == Head::Awaited {
            shared.head = Head::Written;
        }
        Poll::Pending
    }
}
