//! The socket under a connection: in the clear, or within TLS; and the door through which visitors come.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(feature = "tls")]
use tokio_rustls::TlsStream;

use crate::protocol::TlsOptions;
#[cfg(feature = "tls")]
use crate::protocol::tls;
use crate::{Error, Result};

/// Bytes both ways. A connection within TLS that is closed without TLS's own goodbye, as many do, has ended like any other:
/// what runs within says by itself whether it is complete.
pub enum Stream {
    /// In the clear.
    Plain(TcpStream),
    /// Within TLS.
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Our side of a connection that we made to `host`. `url` is for messages.
    pub(crate) async fn to_server(
        url: &str,
        host: &str,
        socket: TcpStream,
        tls: Option<&TlsOptions>,
    ) -> Result<Self> {
        match tls {
            None => Ok(Self::Plain(socket)),
            #[cfg(feature = "tls")]
            Some(options) => {
                tls::connect(url, host, socket, options).await.map(|stream| Self::Tls(Box::new(stream)))
            }
            #[cfg(not(feature = "tls"))]
            Some(_) => Err(Error::Usage(format!("{url}: built without the feature tls, to reach {host}"))),
        }
    }

    /// What has arrived already; [`io::ErrorKind::WouldBlock`] where that is nothing.
    pub(crate) fn try_read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        match pin!(self.read_buf(buffer)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(read) => read,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// How visitors are let in.
#[derive(Clone)]
pub struct Door {
    #[cfg(feature = "tls")]
    tls: Option<tls::Acceptor>,
}

impl Door {
    /// One in the clear (`None`), or within TLS with the certificate that is named here. Reads files. `url` is for messages.
    ///
    /// # Errors
    ///
    /// Where the certificate or its key can't be used; without the feature `tls`.
    pub fn new(url: &str, tls: Option<&TlsOptions>) -> Result<Self> {
        #[cfg(feature = "tls")]
        return Ok(Self { tls: tls.map(|options| tls::Acceptor::new(url, options)).transpose()? });
        #[cfg(not(feature = "tls"))]
        match tls {
            None => Ok(Self {}),
            Some(_) => Err(Error::Usage(format!("{url}: built without the feature tls"))),
        }
    }

    /// A visitor's connection, after its TLS handshake where there is one, which it has 10 s for. `url` is for messages.
    ///
    /// # Errors
    ///
    /// Where the visitor left, or does not speak TLS.
    pub async fn admit(&self, url: &str, socket: TcpStream) -> Result<Stream> {
        socket.set_nodelay(true).map_err(|source| Error::io(url, "cannot accept", source))?;
        #[cfg(feature = "tls")]
        if let Some(acceptor) = &self.tls {
            return acceptor.accept(url, socket).await.map(|stream| Stream::Tls(Box::new(stream)));
        }
        Ok(Stream::Plain(socket))
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if matches!(self, Self::Plain(_)) { "Plain" } else { "Tls" };
        f.debug_tuple(kind).finish()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => match Pin::new(stream).poll_read(context, buffer) {
                // Many close without TLS's own goodbye. RTMP says by itself whether a stream is over.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    Poll::Ready(Ok(()))
                }
                read => read,
            },
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
