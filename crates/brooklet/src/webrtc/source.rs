//! What a publisher sends, as an input of a job.

use std::any::Any;
use std::future::poll_fn;

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
    /// What answers the publisher: there as long as this is.
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
    let late = async {
        match options.timeout {
            Some(after) => {
                tokio::time::sleep(after).await;
                Error::Timeout { url, what: "no publisher came", after }
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = poll_fn(|context| subscription.poll_live(context)) => {}
        late = late => {
            let _ = arrivals.send(Arrival::Failed(late)).await;
            return arrivals.end();
        }
        () = arrivals.closed() => return,
    }
    let mut tags = Vec::new();
    loop {
        let taken = tokio::select! {
            taken = poll_fn(|context| subscription.poll_take(context, BATCH, &mut tags)) => taken,
            () = arrivals.closed() => return,
        };
        for tag in tags.drain(..) {
            if arrivals.send(Arrival::Tag(tag)).await.is_err() {
                return;
            }
        }
        if taken == Taken::End {
            return arrivals.end();
        }
    }
}
