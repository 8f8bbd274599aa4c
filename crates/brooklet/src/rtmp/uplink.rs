//! What waits to be sent, between the output's thread and the task of its one connection.
//!
//! What comes from a file, or goes to the one viewer of `-listen 1`, waits for the peer: whoever writes blocks, and nothing is lost. What is live can't wait. Where
//! the uplink is too slow, or gone for a while, it skips: to the last key frame, as soon as more waits than is allowed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use brooklet_flv::Tag;

use super::sink::TagTarget;
use crate::hub::{Hub, HubOptions, Publication, Role, Subscription, Taken, Unit};
use crate::queue::Queue;
use crate::{Error, Result, Stopper};

/// Tags that wait where nothing may be lost, a few seconds of a stream; when full, whoever writes blocks.
const WAITING: usize = 256;
/// Tags sent with one write where they wait. What has been taken can't be skipped any more, so it is not much.
const BATCH: usize = 8;
/// How long the connection's task may take for its goodbye once nobody wants it any more.
const FAREWELL: Duration = Duration::from_secs(4);

/// The output's end.
pub(super) struct Uplink {
    url: String,
    stopper: Stopper,
    shared: Shared,
    /// Where it is live.
    publication: Option<Publication>,
}

/// The connection's end.
pub(super) struct Downstream {
    pub(super) shared: Shared,
    /// Where it is live.
    subscription: Option<Subscription>,
    /// Metadata and sequence headers so far, by what they configure, for another connection: a few.
    headers: Vec<(u16, Tag)>,
    /// Headers that go before the next tag.
    again: Vec<Tag>,
    /// What goes before all else: less than two batches.
    first: Vec<Tag>,
    has_video: bool,
    /// Until the next key frame.
    skipping: bool,
    skipped: u64,
}

/// What both ends hold.
#[derive(Clone)]
pub(super) struct Shared {
    /// Tags, where nothing may be lost; closed where nobody wants them any more.
    pub(super) tags: Queue<Tag>,
    /// How it ended.
    pub(super) outcome: Queue<Result<()>>,
    /// Bytes sent so far.
    pub(super) sent: Arc<AtomicU64>,
    /// Pictures and sounds skipped so far.
    pub(super) skipped: Arc<AtomicU64>,
}

impl Shared {
    /// Runs the connection's task, and tells the output's end how it ended. When nobody wants it any more, it has a moment
    /// to say goodbye.
    pub(super) async fn run(self, task: impl Future<Output = Result<()>>) {
        let unwanted = async {
            self.tags.closed().await;
            tokio::time::sleep(FAREWELL).await;
        };
        let ended = tokio::select! {
            ended = task => ended,
            () = unwanted => Err(Error::Stopped),
        };
        let _ = self.outcome.send(ended).await;
        self.outcome.end();
        self.tags.close();
    }
}

/// Both ends. With `max_delay`, what waits is live, and skips where it is older than that.
pub(super) fn uplink(url: &str, stopper: &Stopper, max_delay: Option<Duration>) -> (Uplink, Downstream) {
    let shared = Shared {
        tags: Queue::new(WAITING),
        outcome: Queue::new(1),
        sent: Arc::default(),
        skipped: Arc::default(),
    };
    let tags = shared.tags.clone();
    stopper.on_stop(move || tags.close());
    let live = max_delay.and_then(|delay| {
        // A hub of its own: one stream, one viewer.
        let hub = Hub::new(HubOptions { delay, grace: Duration::ZERO, ..HubOptions::default() });
        Some((hub.publish(url).ok()?, hub.subscribe(url)))
    });
    let (publication, subscription) = live.unzip();
    let up = Uplink { url: url.into(), stopper: stopper.clone(), shared: shared.clone(), publication };
    (up, Downstream::new(shared, subscription))
}

impl Uplink {
    /// Why the connection takes no more.
    fn verdict(&self) -> Result<()> {
        self.shared.outcome.pop().unwrap_or(Err(Error::Stopped))
    }
}

impl TagTarget for Uplink {
    fn send(&mut self, tag: Tag) -> Result<()> {
        let taken = match &mut self.publication {
            Some(publication) => {
                publication.push(tag);
                !self.shared.tags.is_closed()
            }
            None => self.shared.tags.push(tag).is_ok(),
        };
        if taken {
            return Ok(());
        }
        if self.stopper.is_stopped() {
            return Err(Error::Stopped);
        }
        self.verdict()?;
        Err(Error::Left { url: self.url.clone() })
    }

    fn finish(&mut self) -> Result<()> {
        if let Some(publication) = self.publication.take() {
            publication.end();
        }
        self.shared.tags.end();
        self.verdict()
    }

    fn bytes(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    fn skipped(&self) -> u64 {
        self.shared.skipped.load(Ordering::Relaxed)
    }
}

impl Drop for Uplink {
    fn drop(&mut self) {
        self.shared.tags.close();
    }
}

impl Downstream {
    fn new(shared: Shared, subscription: Option<Subscription>) -> Self {
        Self {
            shared,
            subscription,
            headers: Vec::new(),
            again: Vec::new(),
            first: Vec::new(),
            has_video: false,
            skipping: false,
            skipped: 0,
        }
    }

    /// Adds the next tags to `out`; false at the end.
    pub(super) async fn take(&mut self, out: &mut Vec<Tag>) -> bool {
        if !self.first.is_empty() {
            out.append(&mut self.first);
            return true;
        }
        match &mut self.subscription {
            Some(subscription) => {
                let taken = std::future::poll_fn(|context| subscription.poll_take(context, BATCH, out));
                let more = tokio::select! {
                    taken = taken => taken == Taken::Units,
                    () = self.shared.tags.closed() => false,
                };
                self.skipped = subscription.skipped();
                more
            }
            None => {
                let Some(first) = self.shared.tags.receive().await else { return false };
                self.keep(first, out);
                while let Some(tag) = self.shared.tags.try_pop() {
                    self.keep(tag, out);
                    if out.len() >= BATCH {
                        break;
                    }
                }
                true
            }
        }
    }

    /// There is another connection: it gets the headers, then what begins with a key frame.
    pub(super) fn begin_again(&mut self) {
        if !self.first.is_empty() {
            // It was to begin with these, and had no time to.
            return;
        }
        match &mut self.subscription {
            Some(subscription) => subscription.rejoin(),
            None => {
                self.again = self.headers.iter().map(|(_, tag)| tag.clone()).collect();
                self.skipping = self.has_video;
            }
        }
    }

    /// There will be another connection: it gets the headers, then these tags, which were taken and not sent.
    pub(super) fn go_on_with(&mut self, tags: impl Iterator<Item = Tag>) {
        self.first = self.headers.iter().map(|(_, tag)| tag.clone()).chain(tags).collect();
    }

    /// This tag is being sent.
    pub(super) fn note(&mut self, tag: &Tag) {
        match tag.role() {
            Role::Header { slot, video } => {
                self.has_video |= video;
                self.headers.retain(|(old, _)| *old != slot);
                self.headers.push((slot, tag.clone()));
            }
            Role::KeyFrame { .. } | Role::Frame => self.has_video = true,
            Role::Other => {}
        }
    }

    /// Pictures and sounds that were not sent.
    pub(super) const fn skipped(&self) -> u64 {
        self.skipped
    }

    fn keep(&mut self, tag: Tag, out: &mut Vec<Tag>) {
        match tag.role() {
            Role::Header { .. } => {}
            Role::Frame | Role::Other if self.skipping => {
                self.skipped += 1;
                return;
            }
            Role::KeyFrame { .. } | Role::Frame | Role::Other => self.skipping = false,
        }
        out.append(&mut self.again);
        out.push(tag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_flv::TagKind;
    use bytes::Bytes;

    fn picture(key: bool, timestamp: i64) -> Tag {
        let first = if key { 0x17 } else { 0x27 };
        Tag { kind: TagKind::Video, timestamp, body: Bytes::copy_from_slice(&[first, 1, 0, 0, 0, 9]) }
    }

    fn header() -> Tag {
        Tag { kind: TagKind::Video, timestamp: 0, body: Bytes::from_static(&[0x17, 0, 0, 0, 0, 1]) }
    }

    /// What is there, by time; headers are -1.
    fn take(down: &mut Downstream) -> Vec<i64> {
        let mut out = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let soon = Duration::from_millis(20);
            while tokio::time::timeout(soon, down.take(&mut out)).await == Ok(true) {}
        });
        out.iter().for_each(|tag| down.note(tag));
        let time = |tag: &Tag| if tag.is_sequence_header() { -1 } else { tag.timestamp };
        out.iter().map(time).collect()
    }

    #[test]
    fn a_file_loses_nothing_but_what_another_connection_could_not_decode() {
        let (mut up, mut down) = uplink("x", &Stopper::new(), None);
        up.start(vec![header()]).unwrap();
        (0..3).for_each(|n| up.send(picture(n == 0, n)).unwrap());
        assert_eq!(take(&mut down), [-1, 0, 1, 2]);
        (3..6).for_each(|n| up.send(picture(n == 4, n)).unwrap());
        down.begin_again();
        assert_eq!(take(&mut down), [-1, 4, 5]);
        assert_eq!(down.skipped(), 1);
    }

    #[test]
    fn what_is_live_skips_to_a_key_frame_when_it_is_late() {
        let (mut up, mut down) = uplink("x", &Stopper::new(), Some(Duration::from_millis(500)));
        up.start(vec![header()]).unwrap();
        (0..5).for_each(|n| up.send(picture(n % 10 == 0, n * 40)).unwrap());
        assert_eq!(take(&mut down), [-1, 0, 40, 80, 120, 160]);
        // 40 pictures wait, 1.6 s; the last key frame among them is the 40th.
        (5..45).for_each(|n| up.send(picture(n % 10 == 0, n * 40)).unwrap());
        assert_eq!(take(&mut down), [1600, 1640, 1680, 1720, 1760]);
        assert_eq!(down.skipped(), 35);
        down.begin_again();
        up.send(picture(false, 1_800)).unwrap();
        assert_eq!(take(&mut down), [-1, 1600, 1640, 1680, 1720, 1760, 1800]);
    }

    #[test]
    fn what_was_taken_and_not_sent_begins_the_next_connection() {
        for delay in [None, Some(Duration::from_millis(500))] {
            let (mut up, mut down) = uplink("x", &Stopper::new(), delay);
            up.start(vec![header()]).unwrap();
            (0..3).for_each(|n| up.send(picture(n == 0, n)).unwrap());
            assert_eq!(take(&mut down), [-1, 0, 1, 2]);
            down.go_on_with([picture(true, 3), picture(false, 4)].into_iter());
            // Nor is it lost where that connection breaks before it begins.
            down.begin_again();
            up.send(picture(false, 5)).unwrap();
            assert_eq!(take(&mut down)[..3], [-1, 3, 4], "{delay:?}");
            assert_eq!(down.skipped(), 0);
        }
    }

    #[test]
    fn another_connection_gets_the_header_of_every_track() {
        let of_track = |track| {
            let body = Bytes::copy_from_slice(&[0x96, 0, b'a', b'v', b'0', b'1', track]);
            Tag { kind: TagKind::Video, timestamp: 0, body }
        };
        let cue = Bytes::from_static(b"\x02\0\x0aonCuePoint\x05");
        let metadata = Bytes::from_static(b"\x02\0\x0aonMetaData\x05");
        let [metadata, cue] = [metadata, cue].map(|body| Tag { kind: TagKind::Script, timestamp: 0, body });
        let (mut up, mut down) = uplink("x", &Stopper::new(), None);
        up.start(vec![metadata.clone(), of_track(0), of_track(1)]).unwrap();
        [cue, picture(true, 1)].into_iter().for_each(|tag| up.send(tag).unwrap());
        take(&mut down);
        down.go_on_with(std::iter::empty());
        assert_eq!(down.first, [metadata, of_track(0), of_track(1)]);
    }
}
