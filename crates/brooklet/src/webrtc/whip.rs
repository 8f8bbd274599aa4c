//! Publishing to a WHIP server (RFC 9725).

use std::net::IpAddr;
use std::time::{Duration, Instant};

use brooklet_flv::Tag;
use brooklet_media::MediaKind;
use brooklet_webrtc::{Session, SessionOptions};
use tokio::io::AsyncWriteExt;

use super::helpers::Helpers;
use super::line::{Line, Place, certificate, outward};
use super::sink::SessionSink;
use super::watch::{self, Feed};
use crate::hub::{Hub, HubOptions, Publication, Tally};
use crate::protocol::http::{Exchange, HttpUrl, Request};
use crate::protocol::{LivePacketSink, SinkOptions, TlsOptions, socket};
use crate::queue::Queue;
use crate::rtmp::sink::TagTarget;
use crate::{Error, Result, Url, runtime};

/// The name of the one stream of the hub between the output and its session.
const STREAM: &str = "whip";
/// How long the server may take to answer where the caller sets no timeout.
const ANSWER: Duration = Duration::from_secs(20);
/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 64 << 10;
/// How long the goodbye may take.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long the job's first packets may be away.
const PATIENCE: Duration = Duration::from_secs(30);

/// A sink that connects when it is told what streams there are.
pub(crate) fn open(url: &Url, options: &SinkOptions) -> Result<Box<dyn LivePacketSink>> {
    let to = HttpUrl::parse(&url.text, 80)?;
    // A hub of its own: one stream, one viewer, which skips where the way is too narrow.
    let hub = Hub::new(HubOptions { grace: Duration::ZERO, ..HubOptions::default() });
    let publication = hub.publish(STREAM).map_err(|_| Error::Stopped)?;
    let subscription = hub.subscribe(STREAM);
    let tally = publication.tally();
    let (outcome, stop) = (Queue::new(1), Queue::new(1));
    let stopped = stop.clone();
    options.stopper.on_stop(move || stopped.close());
    let push = Push {
        url: url.text.clone(),
        to,
        headers: options.http.headers.clone(),
        user_agent: options.http.user_agent.clone(),
        tls: options.tls.clone(),
        timeout: options.timeout.unwrap_or(ANSWER),
        helpers: Helpers::new(&options.http.ice, &options.journal),
        stop: stop.clone(),
    };
    let runtime =
        runtime::handle().map_err(|source| Error::io(&url.text, "cannot start the network", source))?;
    let reply = outcome.clone();
    runtime.spawn(async move {
        let feed = Feed::open(subscription, PATIENCE).await;
        let ended = match feed {
            Some(feed) => push.run(feed).await,
            None => Err(Error::Stopped),
        };
        let _ = reply.send(ended).await;
        reply.end();
    });
    let target = Pushing { url: url.text.clone(), publication: Some(publication), tally, outcome, stop };
    Ok(Box::new(SessionSink::new(&url.text, false, options, target)))
}

/// A stream on its way to a server.
struct Push {
    url: String,
    to: HttpUrl,
    headers: Vec<(String, String)>,
    user_agent: Option<String>,
    tls: TlsOptions,
    timeout: Duration,
    helpers: Helpers,
    /// Closed when it is to end at once.
    stop: Queue<String>,
}

impl Push {
    async fn run(self, feed: Feed) -> Result<()> {
        let answered = tokio::time::timeout(self.timeout, self.offer(&feed)).await;
        let late = || Error::Timeout {
            url: self.url.clone(),
            what: "the server did not answer",
            after: self.timeout,
        };
        let (line, resource) = answered.unwrap_or_else(|_| Err(late()))?;
        let numbers = (0..feed.streams.len()).map(Some).collect();
        let ended = watch::watch(line, feed, numbers).await.map_err(|error| self.failed(&error));
        // The server sees the end of the session by itself; this is the polite way.
        if let Some(resource) = resource {
            let _ = tokio::time::timeout(FAREWELL, self.ask("DELETE", &resource, "")).await;
        }
        ended
    }

    /// Offers the streams. The session, and the URL that the server gave it.
    async fn offer(&self, feed: &Feed) -> Result<(Line, Option<HttpUrl>)> {
        let failed = |error: brooklet_webrtc::Error| self.failed(&error);
        let ip = self.local_address().await?;
        let place = Place::open(ip, None).await;
        let mut place = place.map_err(|source| Error::io(&self.url, "no socket for media", source))?;
        let mut options = SessionOptions::new(certificate().map_err(failed)?);
        place.ask(&self.helpers, &mut options).await;
        let offered = Session::offer(&options, Instant::now(), &feed.streams, &[], place.addresses());
        let (mut session, offer) = offered.map_err(failed)?;
        let mut exchange = self.ask("POST", &self.to, &offer).await?;
        exchange.check()?;
        let resource = exchange.head.header("location").and_then(|location| self.to.join(location).ok());
        let mut answer = Vec::new();
        while let Some(bytes) = exchange.next().await? {
            answer.extend_from_slice(&bytes);
            if answer.len() > MAX_ANSWER {
                return Err(self.refused("its answer is too long to be a session description"));
            }
        }
        session.accept_answer(&String::from_utf8_lossy(&answer)).map_err(failed)?;
        let video = feed.streams.iter().find(|params| params.media() == MediaKind::Video);
        session.set_wanted_bandwidth(video.and_then(|params| params.bit_rate).unwrap_or(4_000_000));
        Ok((Line::new(session, place, self.stop.clone()), resource))
    }

    async fn ask(&self, method: &str, to: &HttpUrl, body: &str) -> Result<Exchange> {
        let mut request = Request::get(self.user_agent.as_deref());
        request.method = method.into();
        request.header("Connection", "close");
        request.header("Accept", "application/sdp");
        if !body.is_empty() {
            request.header("Content-Type", "application/sdp");
        }
        request.header("Content-Length", body.len().to_string());
        request.headers.extend(self.headers.iter().cloned());
        let mut exchange = Exchange::open(&self.url, to, &request, &self.tls).await?;
        let failed = |source| Error::io(&self.url, "cannot write", source);
        exchange.stream.write_all(body.as_bytes()).await.map_err(failed)?;
        exchange.stream.flush().await.map_err(failed)?;
        exchange.read_head().await?;
        Ok(exchange)
    }

    /// The address of this machine on the way to the server.
    async fn local_address(&self) -> Result<IpAddr> {
        let failed = |source| Error::io(&self.url, "cannot connect", source);
        let addresses = socket::resolve(&self.to.host, self.to.port).await.map_err(failed)?;
        for address in addresses {
            if let Some(ip) = outward(address.ip()).await {
                return Ok(ip);
            }
        }
        Err(self.refused("this machine has no address on the way there"))
    }

    fn failed(&self, error: &brooklet_webrtc::Error) -> Error {
        self.refused(&error.to_string())
    }

    fn refused(&self, what: &str) -> Error {
        Error::WebRtc { url: self.url.clone(), what: what.into() }
    }
}

/// The output's end.
struct Pushing {
    url: String,
    publication: Option<Publication>,
    tally: Tally,
    outcome: Queue<Result<()>>,
    stop: Queue<String>,
}

impl TagTarget for Pushing {
    fn send(&mut self, tag: Tag) -> Result<()> {
        if let Some(ended) = self.outcome.try_pop() {
            ended?;
            return Err(Error::Left { url: self.url.clone() });
        }
        if let Some(publication) = &mut self.publication {
            publication.push(tag);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        if let Some(publication) = self.publication.take() {
            publication.end();
        }
        self.outcome.pop().unwrap_or(Err(Error::Stopped))
    }

    fn bytes(&self) -> u64 {
        self.tally.sent()
    }

    fn skipped(&self) -> u64 {
        self.tally.skipped()
    }

    fn takes_key_frame_wish(&mut self) -> bool {
        self.publication.as_ref().is_some_and(Publication::take_wish)
    }
}

impl Drop for Pushing {
    fn drop(&mut self) {
        self.stop.close();
    }
}
