//! One who listens, once the head of the answer is sent: sound as it comes, to its end or theirs.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use brooklet::radio::Listener;
use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};

use crate::patient::Patient;

/// What goes to one who listens, and how.
#[derive(Debug)]
pub(crate) struct Hearing {
    pub(crate) listener: Listener,
    /// In chunks (RFC 9112 §7.1), else until the connection ends.
    pub(crate) is_chunked: bool,
}

impl Hearing {
    /// Sends all that there is to hear; returns when the broadcast is over. What comes is one write, and is not copied.
    ///
    /// # Errors
    ///
    /// Where the other side went away, or takes nothing any more.
    pub(crate) async fn send(mut self: Box<Self>, mut stream: Patient) -> io::Result<()> {
        while let Some(mut bytes) = self.next(&mut stream).await? {
            if self.is_chunked {
                let size = format!("{:x}\r\n", bytes.len());
                stream.write_all_buf(&mut size.as_bytes().chain(bytes).chain(&b"\r\n"[..])).await?;
            } else {
                stream.write_all_buf(&mut bytes).await?;
            }
            stream.flush().await?;
        }
        if self.is_chunked {
            stream.write_all(b"0\r\n\r\n").await?;
        }
        stream.shutdown().await
    }

    async fn next(&mut self, stream: &mut Patient) -> io::Result<Option<Bytes>> {
        poll_fn(|context| {
            if let Poll::Ready(gone) = poll_gone(stream, context) {
                return Poll::Ready(Err(gone));
            }
            self.listener.poll_next(context).map(Ok)
        })
        .await
    }
}

/// Waits until the other side goes away. Whatever it says until then is too late: it asked for all that will ever be sent.
fn poll_gone(stream: &mut Patient, context: &mut Context<'_>) -> Poll<io::Error> {
    let mut ignored = [0; 256];
    loop {
        let mut buffer = ReadBuf::new(&mut ignored);
        match ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer)) {
            Ok(()) if buffer.filled().is_empty() => return Poll::Ready(io::ErrorKind::UnexpectedEof.into()),
            Ok(()) => {}
            Err(error) => return Poll::Ready(error),
        }
    }
}
