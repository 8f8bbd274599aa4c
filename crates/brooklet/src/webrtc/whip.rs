//! Publishing to a WHIP server (RFC 9725).

use std::time::Duration;

use brooklet_flv::Tag;
use brooklet_media::MediaKind;

use super::line::Line;
use super::signal::{Agreed, Signalling};
use super::sink::SessionSink;
use super::watch::{self, Feed};
use crate::hub::{Hub, HubOptions, Publication, Tally};
use crate::protocol::{LivePacketSink, SinkOptions};
use crate::queue::Queue;
use crate::rtmp::sink::TagTarget;
use crate::{Error, Result, Url, runtime};

/// The name of the one stream of the hub between the output and its session.
const STREAM: &str = "whip";
/// How long the job's first packets may be away.
const PATIENCE: Duration = Duration::from_secs(30);

/// A sink that connects when it is told what streams there are.
pub(crate) fn open(url: &Url, options: &SinkOptions) -> Result<Box<dyn LivePacketSink>> {
    let signalling = Signalling::new(url, &options.http, &options.tls, options.timeout, &options.journal)?;
    // A hub of its own: one stream, one viewer, which skips where the way is too narrow.
    let hub = Hub::new(HubOptions { grace: Duration::ZERO, ..HubOptions::default() });
    let publication = hub.publish(STREAM).map_err(|_| Error::Stopped)?;
    let subscription = hub.subscribe(STREAM);
    let tally = publication.tally();
    let (outcome, stop) = (Queue::new(1), Queue::new(1));
    let stopped = stop.clone();
    options.stopper.on_stop(move || stopped.close());
    let push = Push { signalling, stop: stop.clone() };
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
    signalling: Signalling,
    /// Closed when it is to end at once.
    stop: Queue<String>,
}

impl Push {
    async fn run(self, feed: Feed) -> Result<()> {
        let Agreed { mut session, place, resource } = self.signalling.agree(&feed.streams, &[]).await?;
        let video = feed.streams.iter().find(|params| params.media() == MediaKind::Video);
        session.set_wanted_bandwidth(video.and_then(|params| params.bit_rate).unwrap_or(4_000_000));
        let numbers = (0..feed.streams.len()).map(Some).collect();
        let line = Line::new(session, place, self.stop);
        let ended = watch::watch(line, feed, numbers).await;
        self.signalling.farewell(resource.as_ref()).await;
        ended.map_err(|error| self.signalling.failed(&error))
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
