//! Somebody who plays: tags from the hub to the peer.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use brooklet_media::Timestamp;
use brooklet_rtmp::{ServerEvent, StreamRequest};

use super::{Ended, Session, visit};
use crate::hub::{Subscription, Taken};
use crate::protocol::stream::Stream;
use crate::rtmp::server::peer::{Broken, Happening, Peer};
use crate::rtmp::server::report::Report;

/// Tags that are made ready for one write: no more wait for a viewer outside of the hub and the system.
const BATCH: usize = 8;

/// How playing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Played {
    /// Nobody publishes it.
    NotFound,
    /// The stream is over.
    End,
    /// By the client's word.
    Left,
    Closed,
    Stopped,
}

impl Session<'_> {
    /// `None`: the client may want something else.
    pub(super) async fn play(&mut self, request: &StreamRequest) -> Option<Ended> {
        let name = match self.admit(request, &self.shared.options.play) {
            Ok(name) => name,
            Err(why) => return Some(self.refuse("NetStream.Play.Failed", why, request)),
        };
        let (started, before) = (Instant::now(), self.peer.sent());
        let subscription = self.shared.hub.subscribe(&name);
        let mut viewer = Viewer { subscription, is_paused: false, counted: before };
        let outcome = self.show(&name, &mut viewer).await;
        self.peer.set_deadline(Timestamp::MAX);
        let (why, ended) = match &outcome {
            Ok(Played::NotFound) => {
                let why = "nobody publishes it";
                return Some(self.refuse("NetStream.Play.StreamNotFound", why, request));
            }
            Ok(Played::End) => ("the stream is over", Some(Ended::Over)),
            Ok(Played::Left) => ("it has left", None),
            Ok(Played::Closed) => ("it has left", Some(Ended::Broken)),
            Ok(Played::Stopped) => ("the server ends", Some(Ended::Over)),
            Err(Broken::Late) => ("it is too slow", Some(Ended::Broken)),
            Err(broken) => (&*broken.to_string(), Some(Ended::Broken)),
        };
        let (codecs, skipped) = (viewer.subscription.codecs(), viewer.subscription.skipped());
        let visit = visit(codecs, started, self.peer.sent() - before, why);
        self.shared.journal.write(Report::ViewerWent { peer: self.address, stream: name, visit, skipped });
        ended
    }

    /// Waits for a publisher, and sends what comes of it.
    async fn show(&mut self, name: &str, viewer: &mut Viewer) -> Result<Played, Broken> {
        let options = &self.shared.options;
        let is_live = viewer.subscription.poll_live(&Context::from_waker(Waker::noop())).is_ready();
        let (peer, stream) = (self.address, name.to_string());
        self.shared.journal.write(Report::ViewerCame { peer, stream, waits: !is_live });
        let (peer, stopper) = (&mut self.peer, &self.shared.stopper);
        if !is_live {
            let came = tokio::select! {
                came = tokio::time::timeout(options.wait, poll_fn(|context| viewer.poll_live(peer, context))) => came,
                () = stopper.stopped() => return Ok(Played::NotFound),
            };
            match came.unwrap_or(Ok(Some(Played::NotFound)))? {
                None => {}
                Some(played) => return Ok(played),
            }
        }
        peer.server.accept()?;
        tokio::select! {
            biased;
            played = poll_fn(|context| viewer.poll(peer, options.patience, context)) => played,
            () = stopper.stopped() => Ok(Played::Stopped),
        }
    }
}

struct Viewer {
    subscription: Subscription,
    is_paused: bool,
    /// Bytes sent by the peer that the stream has been told of.
    counted: u64,
}

impl Viewer {
    /// Waits for a publisher: `None` once there is one.
    fn poll_live(
        &mut self,
        peer: &mut Peer<Stream>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Played>, Broken>> {
        match self.subscription.poll_live(context) {
            Poll::Ready(true) => return Poll::Ready(Ok(None)),
            Poll::Ready(false) => return Poll::Ready(Ok(Some(Played::NotFound))),
            Poll::Pending => {}
        }
        // While its request is not answered, it can do nothing but leave.
        peer.poll(context).map(|happening| happening.map(|_| Some(Played::Closed)))
    }

    /// Sends until the stream is over or the viewer leaves. The next tags are taken only when the last have been handed
    /// to the system; those that are there by then go with one write.
    ///
    /// A viewer that has not had all that there was, at no moment of its `patience`, is [`Broken::Late`].
    fn poll(
        &mut self,
        peer: &mut Peer<Stream>,
        patience: Duration,
        context: &mut Context<'_>,
    ) -> Poll<Result<Played, Broken>> {
        let mut is_settled = false;
        loop {
            let mut is_content = self.is_paused;
            if peer.is_flushed() && !self.is_paused {
                let mut tags = Vec::new();
                match self.subscription.poll_take(context, BATCH, &mut tags) {
                    Poll::Pending => is_content = true,
                    Poll::Ready(Taken::End) => return Poll::Ready(Ok(Played::End)),
                    Poll::Ready(Taken::Units) => {
                        for tag in &tags {
                            peer.server.send(tag)?;
                        }
                        is_settled = false;
                    }
                }
            }
            if is_content {
                peer.set_deadline(Timestamp::MAX);
                if is_settled {
                    return Poll::Pending;
                }
            }
            let happening = peer.poll(context)?;
            self.subscription.count_sent(peer.sent() - self.counted);
            self.counted = peer.sent();
            is_settled = happening.is_pending();
            match happening {
                Poll::Ready(Happening::Event(ServerEvent::Paused(paused))) => self.pause(paused),
                Poll::Ready(Happening::Event(ServerEvent::End)) => return Poll::Ready(Ok(Played::Left)),
                Poll::Ready(Happening::Event(_)) => {}
                Poll::Ready(Happening::Closed) => return Poll::Ready(Ok(Played::Closed)),
                Poll::Pending if is_content => return Poll::Pending,
                Poll::Pending if peer.is_flushed() || peer.start_deadline(patience) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// One who goes on after a pause begins with what is live then.
    fn pause(&mut self, paused: bool) {
        if self.is_paused && !paused {
            self.subscription.rejoin();
        }
        self.is_paused = paused;
    }
}
