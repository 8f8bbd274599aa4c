//! A stream of the hub, to one peer that watches it.

use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::time::{Duration, Instant};

use brooklet_flv::{Tag, TagReader};
use brooklet_media::{DemuxEvent, MediaKind, Packet, StreamParams};
use brooklet_webrtc::{Error, Event};

use super::line::{Line, Turn};
use crate::hub::{Subscription, Taken};

/// Tags taken with one look.
const BATCH: usize = 64;
/// How old what waits for the network may be before pictures are left out.
const MAX_BACKLOG: Duration = Duration::from_millis(400);
/// How long a stream may take to show what it is.
const PATIENCE: Duration = Duration::from_secs(3);
/// The step between old pictures of which only the last will be seen, in milliseconds.
const HURRY: i64 = 1;

/// A stream whose headers are known.
pub(super) struct Feed {
    subscription: Subscription,
    reader: TagReader,
    /// By the reader's number.
    pub(super) streams: Vec<StreamParams>,
    waiting: VecDeque<DemuxEvent>,
    tags: Vec<Tag>,
    ended: bool,
}

/// For who takes it elsewhere than to a session.
impl Feed {
    /// Packets that have been read and not been taken.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Packet> {
        self.waiting.iter().filter_map(|event| match event {
            DemuxEvent::Packet(packet) => Some(packet),
            _ => None,
        })
    }

    /// The next of what has been read.
    pub(super) fn next_waiting(&mut self) -> Option<DemuxEvent> {
        self.waiting.pop_front()
    }

    /// Asks the publisher for a key frame.
    pub(super) fn wish_key_frame(&self) {
        self.subscription.wish_key_frame();
    }

    /// Whether no more will come.
    pub(super) const fn has_ended(&self) -> bool {
        self.ended
    }
}

impl Feed {
    /// Waits until the stream is live and has shown what it is; `None` where it does not in time.
    pub(super) async fn open(mut subscription: Subscription, patience: Duration) -> Option<Self> {
        let live = poll_fn(|context| subscription.poll_live(context));
        if !tokio::time::timeout(patience, live).await.unwrap_or(false) {
            return None;
        }
        let mut feed = Self {
            subscription,
            reader: TagReader::new(),
            streams: Vec::new(),
            waiting: VecDeque::new(),
            tags: Vec::new(),
            ended: false,
        };
        let known = async {
            // Headers come before packets, each by itself.
            while !feed.is_known() && !feed.ended {
                feed.read(BATCH).await;
            }
        };
        // What it has not shown by then it will go without.
        let _ = tokio::time::timeout(PATIENCE, known).await;
        (!feed.streams.is_empty()).then_some(feed)
    }

    fn is_known(&self) -> bool {
        let has_begun = self.waiting.iter().any(|event| matches!(event, DemuxEvent::Packet(_)));
        has_begun && self.streams.len() >= self.subscription.codecs().len()
    }

    /// Takes about `most` tags of what there is, waiting for some.
    pub(super) async fn read(&mut self, most: usize) {
        let Self { subscription, tags, .. } = self;
        let taken = poll_fn(|context| subscription.poll_take(context, most, tags)).await;
        self.ended = taken == Taken::End;
        for tag in self.tags.drain(..) {
            // One that can't be read is left out.
            let _ = self.reader.push(tag);
        }
        while let Some(event) = self.reader.poll() {
            if let DemuxEvent::StreamAdded(params) = event {
                self.streams.push(params);
            } else {
                self.waiting.push_back(event);
            }
        }
    }

    /// What was there before now: of its pictures only the last is to be seen, so their times are pushed together in front of
    /// it, and its sound is left out. Who comes late then sees what is live, not what was a group of pictures ago.
    fn hurry(&mut self) {
        let is_video = |packet: &Packet| {
            self.streams.get(packet.stream).is_some_and(|params| params.media() == MediaKind::Video)
        };
        let pictures = |event: &DemuxEvent| matches!(event, DemuxEvent::Packet(packet) if is_video(packet));
        let count = self.waiting.iter().filter(|event| pictures(event)).count();
        if count < 2 {
            return;
        }
        let newest = self.waiting.iter().rev().find_map(|event| match event {
            DemuxEvent::Packet(packet) if is_video(packet) => Some(packet.pts),
            _ => None,
        });
        let mut at = newest.unwrap_or(0) - HURRY * (count as i64 - 1);
        let mut old = std::mem::take(&mut self.waiting);
        old.retain(|event| !matches!(event, DemuxEvent::Packet(packet) if !is_video(packet)));
        for event in &mut old {
            if let DemuxEvent::Packet(packet) = event {
                (packet.pts, packet.dts) = (at, at);
                at += HURRY;
            }
        }
        self.waiting = old;
    }
}

/// Sends a stream until it ends, the peer leaves, or its owner wants it to end.
pub(super) async fn watch(mut line: Line, mut feed: Feed, numbers: Vec<Option<usize>>) -> Result<(), Error> {
    // Until the keys are agreed nothing can be sent; what comes meanwhile is the past by then.
    loop {
        match line.turn(pending::<()>()).await? {
            Turn::Event(Event::Connected) => break,
            Turn::Event(Event::Closed) | Turn::Stopped => return Ok(()),
            Turn::Event(_) | Turn::Other(()) => {}
        }
    }
    feed.subscription.rejoin();
    feed.waiting.clear();
    feed.reader.reset();
    let (mut is_first, mut skipping) = (true, false);
    loop {
        // All of the past at first, so that it can be hurried through.
        let most = if is_first { usize::MAX } else { BATCH };
        match line.turn(feed.read(most)).await? {
            Turn::Event(Event::KeyFrameWanted(_)) => feed.subscription.wish_key_frame(),
            Turn::Event(Event::Closed) => return Ok(()),
            Turn::Event(_) => {}
            Turn::Stopped => break,
            Turn::Other(()) => {
                if std::mem::take(&mut is_first) {
                    feed.hurry();
                }
                while let Some(event) = feed.waiting.pop_front() {
                    send(&mut line, &mut feed, &numbers, event, &mut skipping)?;
                    line.flush().await?;
                }
                if feed.ended {
                    break;
                }
            }
        }
    }
    line.close().await;
    Ok(())
}

fn send(
    line: &mut Line,
    feed: &mut Feed,
    numbers: &[Option<usize>],
    event: DemuxEvent,
    skipping: &mut bool,
) -> Result<(), Error> {
    let number = |stream: usize| numbers.get(stream).copied().flatten();
    match event {
        DemuxEvent::Packet(mut packet) => {
            let Some(sent) = number(packet.stream) else { return Ok(()) };
            let is_video =
                feed.streams.get(packet.stream).is_some_and(|params| params.media() == MediaKind::Video);
            packet.stream = sent;
            if is_video {
                if line.session.backlog(sent) > MAX_BACKLOG && !*skipping {
                    *skipping = true;
                    feed.subscription.wish_key_frame();
                }
                if *skipping && (!packet.key || line.session.backlog(sent) > MAX_BACKLOG) {
                    feed.subscription.count_skipped(1);
                    return Ok(());
                }
                *skipping = false;
            }
            let bytes = packet.data.len() as u64;
            if line.session.write(Instant::now(), &packet)? {
                feed.subscription.count_sent(bytes);
            }
        }
        DemuxEvent::Params { stream, params } => {
            if let Some(sent) = number(stream) {
                line.session.change_params(sent, &params)?;
            }
        }
        _ => {}
    }
    Ok(())
}
