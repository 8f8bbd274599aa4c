//! What a publisher sends, or a server that is watched, as an input of a job.

use std::any::Any;
use std::future::poll_fn;
use std::time::Duration;

use brooklet_media::{DemuxEvent, Metadata};

use crate::hub::{Subscription, Taken};
use crate::protocol::{PacketSource, SourceOptions};
use crate::queue::Queue;
use crate::rtmp::play::{Arrival, PlaySource};
use crate::{Error, Result, Url};

/// Tags that wait for their reader, a few seconds of a stream. When there are more they wait in the hub, which skips to a key
/// frame for whoever is too slow.
const WAITING: usize = 256;
/// Tags taken with one look.
const BATCH: usize = 16;

/// The input's end.
pub(super) struct PublishedSource {
    inner: PlaySource,
    /// What answers the publisher, or says goodbye to the server: there as long as this is.
    _keeper: Box<dyn Any + Send>,
}

impl PublishedSource {
    pub(super) fn new(
        url: &Url,
        options: &SourceOptions,
        arrivals: Queue<Arrival>,
        keeper: Box<dyn Any + Send>,
    ) -> Self {
        Self { inner: PlaySource::new(url, options, arrivals), _keeper: keeper }
    }
}

impl PacketSource for PublishedSource {
    fn is_live(&self) -> bool {
        true
    }

    fn next(&mut self) -> Result<Option<DemuxEvent>> {
        self.inner.next()
    }

    fn metadata(&self) -> Metadata {
        self.inner.metadata()
    }

    fn take_warnings(&mut self) -> Vec<String> {
        self.inner.take_warnings()
    }
}

/// A queue for what arrives; closed when the input is to stop.
pub(super) fn arrivals(options: &SourceOptions) -> Queue<Arrival> {
    let arrivals = Queue::new(WAITING);
    let stopped = arrivals.clone();
    options.stopper.on_stop(move || stopped.close());
    arrivals
}

/// Hands on what is published until it is over or nobody reads any more. Without a publisher in time it fails.
pub(super) async fn hand_on(
    url: String,
    mut subscription: Subscription,
    arrivals: Queue<Arrival>,
    options: SourceOptions,
) {
    tokio::select! {
        _ = poll_fn(|context| subscription.poll_live(context)) => {}
        late = late(&url, options.timeout, "no publisher came") => {
            let _ = arrivals.send(Arrival::Failed(late)).await;
            return arrivals.end();
        }
        () = arrivals.closed() => return,
    }
    let _ = pass_on(&url, &mut subscription, &arrivals, None).await;
    arrivals.end();
}

/// Hands on tags until there are no more, or nobody reads any more.
///
/// # Errors
///
/// Where nothing comes for as long as `limit`.
pub(super) async fn pass_on(
    url: &str,
    subscription: &mut Subscription,
    arrivals: &Queue<Arrival>,
    limit: Option<Duration>,
) -> Result<()> {
    let mut tags = Vec::new();
    loop {
        let taken = tokio::select! {
            taken = poll_fn(|context| subscription.poll_take(context, BATCH, &mut tags)) => taken,
            late = late(url, limit, "nothing came") => return Err(late),
            () = arrivals.closed() => return Ok(()),
        };
        for tag in tags.drain(..) {
            if arrivals.send(Arrival::Tag(tag)).await.is_err() {
                return Ok(());
            }
        }
        if taken == Taken::End {
            return Ok(());
        }
    }
}

/// Done after that time; never where there is no limit.
async fn late(url: &str, limit: Option<Duration>, what: &'static str) -> Error {
    match limit {
        Some(after) => {
            tokio::time::sleep(after).await;
            Error::Timeout { url: url.into(), what, after }
        }
        None => std::future::pending().await,
    }
}
