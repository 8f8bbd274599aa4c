//! The socket under a connection: in the clear, or within TLS.

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

/// Bytes both ways.
pub(super) enum Stream {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Our side of a connection that we made to `host`. `url` is for messages.
    pub(super) async fn to_server(
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
    pub(super) fn try_read(&mut self, buffer: &mut BytesMut) -> io::Result<usize> {
        match pin!(self.read_buf(buffer)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(read) => read,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// How visitors are let in.
#[derive(Clone)]
pub(super) enum Door {
    Plain,
    #[cfg(feature = "tls")]
    Tls(tls::Acceptor),
}

impl Door {
    /// One for `rtmp://` (`None`), or for `rtmps://` with the certificate that is named here. Reads files.
    pub(super) fn new(url: &str, tls: Option<&TlsOptions>) -> Result<Self> {
        match tls {
            None => Ok(Self::Plain),
            #[cfg(feature = "tls")]
            Some(options) => tls::Acceptor::new(url, options).map(Self::Tls),
            #[cfg(not(feature = "tls"))]
            Some(_) => Err(Error::Usage(format!("{url}: built without the feature tls"))),
        }
    }

    /// A visitor's connection, after its TLS handshake where there is one. `url` is for messages.
    pub(super) async fn admit(&self, url: &str, socket: TcpStream) -> Result<Stream> {
        socket.set_nodelay(true).map_err(|source| Error::io(url, "cannot accept", source))?;
        match self {
            Self::Plain => Ok(Stream::Plain(socket)),
            #[cfg(feature = "tls")]
            Self::Tls(acceptor) => {
                acceptor.accept(url, socket).await.map(|stream| Stream::Tls(Box::new(stream)))
            }
        }
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
