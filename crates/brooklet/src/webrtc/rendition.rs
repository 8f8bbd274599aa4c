//! A stream of the hub in what WebRTC can carry, made while somebody watches: AAC and MP3 become Opus, pictures with B-frames are coded anew.

mod lanes;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use brooklet_flv::TagWriter;
use brooklet_media::{CodecId, DemuxEvent, MediaKind, Packet};

use super::watch::Feed;
use crate::hub::{Hub, Publication};
use crate::queue::Queue;
use crate::runtime;
use lanes::{Lane, Output};

/// How long it is made for nobody before it ends.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often that is looked at where nothing comes.
const LOOK: Duration = Duration::from_millis(500);
/// What waits for the thread. When it is full the hub waits, and skips to a key frame.
const WAITING: usize = 64;
/// How long a rendition may take to show what it is.
const START: Duration = Duration::from_secs(5);

/// What the thread is given.
enum Step {
    /// It was there before the first viewer: decoded, but not shown.
    Past(DemuxEvent),
    Now(DemuxEvent),
}

/// A stream that WebRTC can't carry as it is, in what it can: the one that is made already, or one that is made from `feed`
/// from now on. `None` where nothing comes of it in time.
pub(super) async fn open(hub: &Hub, name: &str, feed: Feed) -> Option<Feed> {
    let own = format!("{name} (for WebRTC)");
    match hub.publish(&own) {
        // Somebody watches it already.
        Err(_) => {}
        Ok(publication) => start(feed, publication).ok()?,
    }
    Feed::open(hub.subscribe(&own), START).await
}

/// Whether every stream of it can go to a browser as it is.
pub(super) fn is_carried(feed: &Feed) -> bool {
    feed.streams.iter().enumerate().all(|(number, params)| match params.media() {
        MediaKind::Video => params.codec == CodecId::H264 && !has_b_frames(feed, number),
        MediaKind::Audio => params.codec == CodecId::Opus,
        _ => true,
    })
}

/// Pictures that are shown later than they are decoded are there because others come between.
fn has_b_frames(feed: &Feed, number: usize) -> bool {
    feed.waiting().any(|packet: &Packet| packet.stream == number && packet.pts != packet.dts)
}

fn start(feed: Feed, publication: Publication) -> std::io::Result<()> {
    let steps = Queue::new(WAITING);
    let wish = Arc::new(AtomicBool::new(false));
    let plans =
        (0..feed.streams.len()).map(|number| (feed.streams[number].clone(), has_b_frames(&feed, number)));
    let plans: Vec<_> = plans.collect();
    let runtime = runtime::handle()?;
    let (taken, asked) = (steps.clone(), wish.clone());
    thread::Builder::new().name("brooklet-rendition".into()).spawn(move || {
        let lanes = plans.into_iter().map(|(params, reordered)| Lane::new(params, reordered)).collect();
        Rendition { lanes, writer: TagWriter::new(), has_begun: false, publication, wish: asked }.run(&taken);
        taken.close();
    })?;
    runtime.spawn(hand_on(feed, steps, wish));
    Ok(())
}

/// Hands what comes to the thread, until either ends.
async fn hand_on(mut feed: Feed, steps: Queue<Step>, wish: Arc<AtomicBool>) {
    let mut is_past = true;
    loop {
        // All of the past at once, to know what of it is the last.
        let most = if is_past { usize::MAX } else { WAITING };
        tokio::select! {
            () = feed.read(most) => {}
            () = steps.closed() => return,
        }
        if wish.swap(false, Relaxed) {
            feed.wish_key_frame();
        }
        let step = if std::mem::take(&mut is_past) { Step::Past } else { Step::Now };
        while let Some(event) = feed.next_waiting() {
            if steps.send(step(event)).await.is_err() {
                return;
            }
        }
        if feed.has_ended() {
            return steps.end();
        }
    }
}

/// The thread's work.
struct Rendition {
    lanes: Vec<Lane>,
    writer: TagWriter,
    has_begun: bool,
    publication: Publication,
    /// A viewer wants a key frame of pictures that are only copied.
    wish: Arc<AtomicBool>,
}

impl Rendition {
    fn run(mut self, steps: &Queue<Step>) {
        let mut watched = Instant::now();
        loop {
            let step = match steps.pop_until(Some(Instant::now() + LOOK)) {
                crate::queue::Popped::Item(step) => Some(step),
                crate::queue::Popped::Late => None,
                crate::queue::Popped::End => break,
            };
            if self.publication.viewers() > 0 {
                watched = Instant::now();
            } else if watched.elapsed() > PATIENCE {
                break;
            }
            if self.publication.take_wish() {
                self.lanes.iter_mut().for_each(Lane::want_key_frame);
                self.wish.store(true, Relaxed);
            }
            // What is damaged costs what is damaged.
            match step {
                Some(Step::Past(event)) => self.take(event, false),
                Some(Step::Now(event)) => self.take(event, true),
                None => {}
            }
        }
        self.publication.end();
    }

    fn take(&mut self, event: DemuxEvent, is_now: bool) {
        let outputs = match event {
            DemuxEvent::Packet(packet) => {
                let stream = packet.stream;
                self.lanes.get_mut(stream).map(|lane| (stream, lane.packet(packet, is_now)))
            }
            DemuxEvent::Params { stream, params } => {
                self.lanes.get_mut(stream).map(|lane| (stream, lane.change(params)))
            }
            _ => None,
        };
        self.begin();
        let Some((stream, outputs)) = outputs else { return };
        // Of what comes before all streams are known, nothing can be written.
        let Some(number) = self.number(stream).filter(|_| self.has_begun) else { return };
        for output in outputs {
            let tags = match output {
                Output::Params(params) => self.writer.change_params(number, &params).unwrap_or_default(),
                Output::Packet(mut packet) => {
                    packet.stream = number;
                    self.writer.write(&packet).into_iter().collect()
                }
            };
            tags.into_iter().for_each(|tag| self.publication.push(tag));
        }
    }

    /// Writes the headers once all streams are known.
    fn begin(&mut self) {
        let known = |lane: &Lane| !lane.is_carried() || lane.params().is_some();
        if self.has_begun || !self.lanes.iter().all(known) {
            return;
        }
        self.has_begun = true;
        for params in self.lanes.iter().filter_map(Lane::params) {
            // One of each kind at most, of codecs that tags can hold.
            let _ = self.writer.add_stream(&params);
        }
        let tags = self.writer.header_tags(&Vec::new()).unwrap_or_default();
        tags.into_iter().for_each(|tag| self.publication.push(tag));
    }

    /// A lane's number among those that are written.
    fn number(&self, lane: usize) -> Option<usize> {
        let before = self.lanes[..lane].iter().filter(|lane| lane.is_carried()).count();
        self.lanes[lane].is_carried().then_some(before)
    }
}
