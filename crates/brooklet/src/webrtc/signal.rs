//! The HTTP of those who come to a WHIP or WHEP server (RFC 9725 §4): an offer, its answer, and the goodbye.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use brooklet_media::{MediaKind, StreamParams};
use brooklet_webrtc::{Session, SessionOptions};
use tokio::io::AsyncWriteExt;

use super::helpers::Helpers;
use super::line::{Place, certificate, outward};
use crate::job::Journal;
use crate::protocol::http::{Exchange, HttpUrl, Request};
use crate::protocol::{HttpOptions, TlsOptions, socket};
use crate::{Error, Result, Url};

/// How long the server may take to answer where the caller sets no timeout.
const ANSWER: Duration = Duration::from_secs(20);
/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 64 << 10;
/// Letters that are shown of why a server refused.
const MAX_REASON: usize = 160;
/// How often a server may send an offer elsewhere.
const REDIRECTIONS: usize = 4;
/// How long the goodbye may take.
pub(super) const FAREWELL: Duration = Duration::from_secs(2);

/// A server, and how to speak with it.
#[derive(Clone)]
pub(super) struct Signalling {
    url: String,
    to: HttpUrl,
    headers: Vec<(String, String)>,
    user_agent: Option<String>,
    tls: TlsOptions,
    timeout: Duration,
    helpers: Helpers,
}

/// A session whose answer has been taken.
pub(super) struct Agreed {
    pub(super) session: Session,
    pub(super) place: Place,
    /// Its URL at the server, where it gave one.
    pub(super) resource: Option<HttpUrl>,
}

impl Signalling {
    pub(super) fn new(
        url: &Url,
        http: &HttpOptions,
        tls: &TlsOptions,
        timeout: Option<Duration>,
        journal: &Arc<Journal>,
    ) -> Result<Self> {
        Ok(Self {
            url: url.text.clone(),
            to: HttpUrl::parse(&url.text, 80)?,
            headers: http.headers.clone(),
            user_agent: http.user_agent.clone(),
            tls: tls.clone(),
            timeout: timeout.unwrap_or(ANSWER),
            helpers: Helpers::new(&http.ice, journal),
        })
    }

    /// Offers to send these streams and to receive these kinds, and takes the answer.
    pub(super) async fn agree(&self, send: &[StreamParams], receive: &[MediaKind]) -> Result<Agreed> {
        let agreed = tokio::time::timeout(self.timeout, self.offer(send, receive)).await;
        agreed.unwrap_or_else(|_| {
            let (url, what) = (self.url.clone(), "the server did not answer");
            Err(Error::Timeout { url, what, after: self.timeout })
        })
    }

    /// Says that the session is over. The server sees its end by itself; this is the polite way.
    pub(super) async fn farewell(&self, resource: Option<&HttpUrl>) {
        if let Some(resource) = resource {
            let _ = tokio::time::timeout(FAREWELL, self.ask("DELETE", resource, "")).await;
        }
    }

    /// What became of a session, as the program says it.
    pub(super) fn failed(&self, error: &brooklet_webrtc::Error) -> Error {
        let may_pass = matches!(error, brooklet_webrtc::Error::Unreachable | brooklet_webrtc::Error::Lost);
        Error::WebRtc { url: self.url.clone(), what: error.to_string(), may_pass }
    }

    async fn offer(&self, send: &[StreamParams], receive: &[MediaKind]) -> Result<Agreed> {
        let failed = |error: brooklet_webrtc::Error| self.failed(&error);
        let ip = self.local_address().await?;
        let place = Place::open(ip, None).await;
        let mut place = place.map_err(|source| Error::io(&self.url, "no socket for media", source))?;
        let mut options = SessionOptions::new(certificate().map_err(failed)?);
        place.ask(&self.helpers, &mut options).await;
        let offered = Session::offer(&options, Instant::now(), send, receive, place.addresses());
        let (mut session, offer) = offered.map_err(failed)?;
        let (mut exchange, from) = self.post(&offer).await?;
        let answer = text(&mut exchange).await?;
        let answer = answer.ok_or_else(|| self.refused("its answer is too long to be a session description"));
        let resource = exchange.head.header("location").and_then(|location| resource(&from, location));
        let accepted = answer.and_then(|answer| session.accept_answer(&answer).map_err(failed));
        if let Err(error) = accepted {
            self.farewell(resource.as_ref()).await;
            return Err(error);
        }
        Ok(Agreed { session, place, resource })
    }

    /// Sends the offer, elsewhere where the server says so (RFC 9725 §4.5). Its answer has begun; and where it came from.
    async fn post(&self, offer: &str) -> Result<(Exchange, HttpUrl)> {
        let mut to = self.to.clone();
        for _ in 0..REDIRECTIONS {
            let mut exchange = self.ask("POST", &to, offer).await?;
            match (exchange.head.status, exchange.head.header("location")) {
                (200..=299, _) => return Ok((exchange, to)),
                (307 | 308, Some(location)) => {
                    let next = to.join(location)?;
                    if to.tls && !next.tls {
                        return Err(self.refused("it sends us out of TLS into the clear, which is refused"));
                    }
                    to = next;
                }
                _ => return Err(self.refusal(&mut exchange).await),
            }
        }
        Err(self.refused("it sent us elsewhere too often"))
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

    /// What a server says that does not take the offer, and what to do.
    async fn refusal(&self, exchange: &mut Exchange) -> Error {
        let status = exchange.head.status;
        let mut what = format!("the server answered {status} {}", exchange.head.reason);
        let is_text = exchange.head.header("content-type").is_some_and(|kind| kind.starts_with("text/plain"));
        if is_text && let Ok(Some(reason)) = text(exchange).await {
            let letters = reason.lines().next().unwrap_or_default().chars();
            let reason: String = letters.filter(|letter| !letter.is_control()).take(MAX_REASON).collect();
            what += &format!(": {reason}");
        }
        what += match status {
            401 | 403 => "; a token goes with -headers 'Authorization: Bearer TOKEN'",
            404 | 405 => "; is the path right, and does somebody publish there?",
            406 => "; it wants to make the offer itself, which is not done here: have it answer ours",
            _ => "",
        };
        Error::Http { url: self.url.clone(), what, may_pass: matches!(status, 404 | 408 | 429 | 500..=599) }
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

    fn refused(&self, what: &str) -> Error {
        Error::WebRtc { url: self.url.clone(), what: what.into(), may_pass: false }
    }
}

/// A session's URL as the answer to an offer says it. The goodbye bears the token: it does not leave TLS.
fn resource(from: &HttpUrl, location: &str) -> Option<HttpUrl> {
    from.join(location).ok().filter(|resource| resource.tls || !from.tls)
}

/// What follows a head; `None` where that is too much.
async fn text(exchange: &mut Exchange) -> Result<Option<String>> {
    let mut text = Vec::new();
    while let Some(bytes) = exchange.next().await? {
        text.extend_from_slice(&bytes);
        if text.len() > MAX_ANSWER {
            return Ok(None);
        }
    }
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goodbye_does_not_leave_tls() {
        let url = |text| HttpUrl::parse(text, 80).unwrap();
        let (tls, clear) = (url("wheps://host/whep/live"), url("whep://host/whep/live"));
        assert_eq!(resource(&tls, "/sessions/1"), Some(url("https://host/sessions/1")));
        assert_eq!(resource(&tls, "https://other/1"), Some(url("https://other/1")));
        assert_eq!(resource(&tls, "http://host/sessions/1"), None);
        assert_eq!(resource(&clear, "http://host/sessions/1"), Some(url("http://host/sessions/1")));
    }
}
