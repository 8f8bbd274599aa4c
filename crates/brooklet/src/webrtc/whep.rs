//! Watching a stream of a WHEP server (draft-ietf-wish-whep), as an input of a job.

use std::time::{Duration, Instant};

use brooklet_media::MediaKind;

use super::arrive;
use super::line::Line;
use super::signal::{Agreed, FAREWELL, Signalling};
use super::source::{PublishedSource, arrivals, pass_on};
use crate::backoff::Backoff;
use crate::hub::{Hub, HubOptions};
use crate::protocol::socket::wait_for;
use crate::protocol::{Origin, PacketSource, Scheme, SinkOptions, SourceOptions, Target};
use crate::queue::Queue;
use crate::rtmp::play::Arrival;
use crate::{Error, Result, Url, runtime};

/// The name of the one stream of the hub between a session and its reader.
const STREAM: &str = "whep";
/// A session that lasted so long was a good one: the next failure is the first again.
const GOOD: Duration = Duration::from_secs(10);
/// How long nothing may come of an input that is to be made again where the caller sets no timeout.
const STILL: Duration = Duration::from_secs(30);

/// The protocol: `whep://` is HTTP, `wheps://` HTTPS.
#[derive(Debug)]
pub(crate) struct Whep;

impl Scheme for Whep {
    fn names(&self) -> &'static [&'static str] {
        if cfg!(feature = "tls") { &["whep", "wheps"] } else { &["whep"] }
    }

    fn default_format(&self) -> Option<&'static str> {
        Some("whep")
    }

    fn directions(&self) -> (bool, bool) {
        (true, false)
    }

    fn open_source(&self, url: &Url, options: &SourceOptions) -> Result<Origin> {
        Ok(Origin::Packets(open(url, options)?))
    }

    fn open_sink(&self, url: &Url, _: &SinkOptions) -> Result<Target> {
        let what = "whep:// is watched; to be watched write -f whep http://HOST:PORT/PATH";
        Err(Error::Usage(format!("{}: {what}", url.text)))
    }
}

/// Makes an offer, and waits until the server has answered it.
pub(crate) fn open(url: &Url, options: &SourceOptions) -> Result<Box<dyn PacketSource>> {
    let signalling = Signalling::new(url, &options.http, &options.tls, options.timeout, &options.journal)?;
    let visit = Visit { url: url.text.clone(), signalling, options: options.clone() };
    let first = visit.clone();
    let agreed = wait_for(url, &options.stopper, None, async move { first.agree().await })?;
    let runtime =
        runtime::handle().map_err(|source| Error::io(&url.text, "cannot start the network", source))?;
    let (arrivals, gone) = (arrivals(options), Queue::new(1));
    let (reader, told) = (arrivals.clone(), gone.clone());
    runtime.spawn(async move {
        let ended = visit.stay(agreed, &reader).await;
        if let Err(error) = ended {
            let _ = reader.send(Arrival::Failed(error)).await;
        }
        reader.end();
        told.end();
    });
    let leaving = Leaving { arrivals: arrivals.clone(), gone };
    Ok(Box::new(PublishedSource::new(url, options, arrivals, Box::new(leaving))))
}

/// A server that is watched.
#[derive(Clone)]
struct Visit {
    url: String,
    signalling: Signalling,
    options: SourceOptions,
}

impl Visit {
    async fn agree(&self) -> Result<Agreed> {
        self.signalling.agree(&[], &[MediaKind::Video, MediaKind::Audio]).await
    }

    /// Hands on what comes until the stream is over, nobody reads any more, or a session ends that is not to be made again.
    async fn stay(&self, mut agreed: Agreed, arrivals: &Queue<Arrival>) -> Result<()> {
        let how = self.options.reconnect;
        let mut backoff = Backoff::new(how);
        loop {
            let made = Instant::now();
            let ended = self.watch(agreed, arrivals).await;
            let why = match ended {
                _ if arrivals.is_closed() => return Ok(()),
                Ok(()) if !how.at_end => return Ok(()),
                Ok(()) => Error::Left { url: self.url.clone() },
                Err(why) if how.enabled => why,
                Err(why) => return Err(why),
            };
            if made.elapsed() > GOOD {
                backoff.succeeded();
            }
            agreed = tokio::select! {
                again = backoff.again(&self.url, why, &self.options.journal, || self.agree()) => again?,
                () = arrivals.closed() => return Ok(()),
            };
            if arrivals.send(Arrival::Again).await.is_err() {
                self.signalling.farewell(agreed.resource.as_ref()).await;
                return Ok(());
            }
        }
    }

    /// One session. Whoever reads too slowly skips to a key frame.
    async fn watch(&self, agreed: Agreed, arrivals: &Queue<Arrival>) -> Result<()> {
        let Agreed { session, place, resource } = agreed;
        // A hub of its own: one stream, one viewer.
        let hub = Hub::new(HubOptions { grace: Duration::ZERO, ..HubOptions::default() });
        let publication = hub.publish(STREAM).map_err(|_| Error::Stopped)?;
        let mut subscription = hub.subscribe(STREAM);
        let stop = Queue::new(1);
        let line = Line::new(session, place, stop.clone());
        let handing = async {
            let limit = self.options.timeout.or(self.options.reconnect.enabled.then_some(STILL));
            let still = pass_on(&self.url, &mut subscription, arrivals, limit).await;
            stop.close();
            still
        };
        let (received, handed) = tokio::join!(arrive::publish(line, publication), handing);
        self.signalling.farewell(resource.as_ref()).await;
        received.map_err(|error| self.signalling.failed(&error)).and(handed)
    }
}

/// The end of the reader: waits for the goodbye, which the end of the program would cut off.
struct Leaving {
    arrivals: Queue<Arrival>,
    /// Ended when the server has been told that we go.
    gone: Queue<()>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.arrivals.close();
        self.gone.pop_until(Some(Instant::now() + FAREWELL));
    }
}
