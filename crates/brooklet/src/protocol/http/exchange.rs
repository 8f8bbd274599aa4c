//! A request and its answer, through redirections.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::body::Body;
use super::head::Head;
use super::{HttpUrl, refused};
use crate::protocol::stream::Stream;
use crate::protocol::{TlsOptions, tcp};
use crate::{Error, Result};

/// How often a server may send us elsewhere.
const REDIRECTIONS: usize = 8;
/// Bytes read at once.
const READ: usize = 64 << 10;

/// What to ask.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Beside `Host`, `User-Agent` and `Authorization`.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) user_agent: String,
}

/// A connection on which an answer has begun.
#[derive(Debug)]
pub(crate) struct Exchange {
    url: String,
    pub(crate) stream: Stream,
    pub(crate) head: Head,
    body: Body,
    came: BytesMut,
}

impl Request {
    /// One without a body.
    pub(crate) fn get(user_agent: Option<&str>) -> Self {
        Self {
            method: "GET".into(),
            headers: Vec::new(),
            user_agent: user_agent.map_or_else(us, str::to_string),
        }
    }

    /// Adds a line.
    pub(crate) fn header(&mut self, name: &str, value: impl Into<String>) {
        self.headers.push((name.into(), value.into()));
    }

    fn bytes(&self, to: &HttpUrl) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, to.target);
        let mut line = |name: &str, value: &str| {
            // A line that would be two is not sent as two.
            let value: String = value.chars().filter(|letter| !letter.is_control()).collect();
            text.push_str(&format!("{name}: {value}\r\n"));
        };
        line("Host", &to.authority());
        line("User-Agent", &self.user_agent);
        if let Some(authorization) = to.authorization() {
            line("Authorization", &authorization);
        }
        self.headers.iter().for_each(|(name, value)| line(name, value));
        text.push_str("\r\n");
        text.into_bytes()
    }
}

impl Exchange {
    /// Connects, asks, and returns when the answer has begun: the first that is no redirection. `url` is for messages.
    pub(crate) async fn begin(url: &str, to: &HttpUrl, request: &Request, tls: &TlsOptions) -> Result<Self> {
        let mut to = to.clone();
        for _ in 0..REDIRECTIONS {
            let mut exchange = Self::open(url, &to, request, tls).await?;
            exchange.read_head().await?;
            let location = exchange.head.header("location");
            match (exchange.head.status, location) {
                (301 | 302 | 303 | 307 | 308, Some(location)) => {
                    let next = to.join(location)?;
                    if to.tls && !next.tls {
                        return Err(refused(url, "it sends us out of TLS into the clear, which is refused"));
                    }
                    to = next;
                }
                _ => return Ok(exchange),
            }
        }
        Err(refused(url, format!("it sent us elsewhere {REDIRECTIONS} times")))
    }

    /// Connects and asks; the answer is not waited for.
    pub(crate) async fn open(url: &str, to: &HttpUrl, request: &Request, tls: &TlsOptions) -> Result<Self> {
        let failed = |source| Error::io(url, "cannot connect", source);
        let socket = tcp::connect(&to.host, to.port).await.map_err(failed)?;
        let mut stream = Stream::to_server(url, &to.host, socket, to.tls.then_some(tls)).await?;
        stream.write_all(&request.bytes(to)).await.map_err(failed)?;
        stream.flush().await.map_err(failed)?;
        let head = Head::parse(b"HTTP/1.1 100 Continue\r\n\r\n").ok().flatten();
        let (head, _) = head.ok_or(Error::Stopped)?;
        Ok(Self { url: url.into(), stream, head, body: Body::Rest, came: BytesMut::new() })
    }

    /// Reads the next head: that of an answer in between, or of the last.
    pub(crate) async fn read_head(&mut self) -> Result<()> {
        loop {
            if let Some((head, length)) = Head::parse(&self.came).map_err(|what| refused(&self.url, what))? {
                let _ = self.came.split_to(length);
                self.body = Body::of(&head);
                let in_between = head.status < 200 && head.status != 100;
                self.head = head;
                if !in_between {
                    return Ok(());
                }
            } else if self.fill().await? == 0 {
                return Err(Error::Left { url: self.url.clone() });
            }
        }
    }

    /// Fails unless the answer is a good one.
    pub(crate) fn check(&self) -> Result<()> {
        let Head { status, reason, .. } = &self.head;
        let what = match status {
            200..=299 => return Ok(()),
            401 | 403 => {
                format!("the server answered {status} {reason}; is user:password@ in the URL right?")
            }
            _ => format!("the server answered {status} {reason}"),
        };
        let may_pass = matches!(status, 404 | 408 | 429 | 500..=599);
        Err(Error::Http { url: self.url.clone(), what, may_pass })
    }

    /// The next bytes of the body; `None` at its proper end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let taken = self.body.take(&mut self.came).map_err(|what| refused(&self.url, what))?;
            if taken.is_some() || self.body.is_done() {
                return Ok(taken);
            }
            if self.fill().await? == 0 {
                return if self.body.ends_with_connection() {
                    Ok(None)
                } else {
                    Err(Error::Left { url: self.url.clone() })
                };
            }
        }
    }

    async fn fill(&mut self) -> Result<usize> {
        self.came.reserve(READ);
        match self.stream.read_buf(&mut self.came).await {
            Ok(count) => Ok(count),
            Err(error)
                if error.kind() == io::ErrorKind::ConnectionReset && self.body.ends_with_connection() =>
            {
                Ok(0)
            }
            Err(source) => Err(Error::io(&self.url, "the connection broke", source)),
        }
    }
}

/// What we say that we are.
fn us() -> String {
    format!("brooklet/{}", env!("CARGO_PKG_VERSION"))
}
