//! One live stream for viewers who come and go: headers and the last group of pictures for those who come late, and
//! for each a queue of its own.

use std::sync::{Mutex, MutexGuard, PoisonError};

use brooklet_flv::{Tag, TagKind};

use crate::queue::Queue;

/// Tags that may wait for one viewer beside those that it began with, about 3 s. When there are more, the viewer
/// skips to the next key frame.
const WAITING: usize = 256;
/// The longest group of pictures that is kept, tags and bytes; a longer one is forgotten until the next begins.
const GOP_TAGS: usize = 4_096;
const GOP_BYTES: usize = 32 << 20;

/// A live stream.
#[derive(Default)]
pub(super) struct Feed {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    headers: Vec<Tag>,
    gop: Vec<Tag>,
    gop_bytes: usize,
    has_video: bool,
    viewers: Vec<Viewer>,
    ended: bool,
}

struct Viewer {
    tags: Queue<Tag>,
    skipping: bool,
}

impl Feed {
    /// The metadata and sequence headers, which every viewer gets first.
    pub(super) fn start(&self, headers: Vec<Tag>) {
        let mut state = self.lock();
        state.has_video = headers.iter().any(|tag| tag.kind == TagKind::Video);
        state.headers = headers;
    }

    /// The next tag, for all viewers. Never blocks.
    pub(super) fn send(&self, tag: &Tag) {
        let mut state = self.lock();
        state.remember(tag);
        let has_video = state.has_video;
        state.viewers.retain_mut(|viewer| viewer.offer(tag, has_video));
    }

    /// No more tags: viewers get what waits for them, then the end.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        state.viewers.drain(..).for_each(|viewer| viewer.tags.end());
    }

    /// A viewer's queue, which begins with the headers and the pictures since the last key frame.
    pub(super) fn join(&self) -> Queue<Tag> {
        let mut state = self.lock();
        let start: Vec<Tag> = state.headers.iter().chain(&state.gop).cloned().collect();
        let tags = Queue::new(start.len() + WAITING);
        for tag in start {
            // There is room for all of them.
            let _ = tags.try_push(tag);
        }
        if state.ended {
            tags.end();
        } else {
            let skipping = state.has_video && state.gop.is_empty();
            state.viewers.push(Viewer { tags: tags.clone(), skipping });
        }
        tags
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the state whole: every change to it is one call.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remember(&mut self, tag: &Tag) {
        if tag.is_sequence_header() || tag.kind == TagKind::Script {
            self.headers.retain(|old| old.kind != tag.kind);
            self.headers.push(tag.clone());
            return;
        }
        if tag.is_key_frame() {
            self.gop.clear();
            self.gop_bytes = 0;
        } else if self.gop.is_empty() {
            // Nothing to begin with yet.
            return;
        }
        self.gop_bytes += tag.body.len();
        if self.gop.len() >= GOP_TAGS || self.gop_bytes > GOP_BYTES {
            self.gop.clear();
            return;
        }
        self.gop.push(tag.clone());
    }
}

impl Viewer {
    /// False when the viewer has gone.
    fn offer(&mut self, tag: &Tag, has_video: bool) -> bool {
        let starts_here = tag.is_key_frame() || !has_video;
        let always = tag.is_sequence_header() || tag.kind == TagKind::Script;
        if self.skipping && !starts_here && !always {
            return !self.tags.is_closed();
        }
        match self.tags.try_push(tag.clone()) {
            Ok(taken) => {
                self.skipping = if always && taken { self.skipping } else { !taken };
                true
            }
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const KEY: u8 = 0x17;
    const INTER: u8 = 0x27;

    fn picture(first: u8, timestamp: i64) -> Tag {
        Tag { kind: TagKind::Video, timestamp, body: Bytes::copy_from_slice(&[first, 1, 0, 0, 0, 9]) }
    }

    fn feed() -> Feed {
        let feed = Feed::default();
        feed.start(vec![Tag {
            kind: TagKind::Video,
            timestamp: 0,
            body: Bytes::from_static(&[KEY, 0, 0, 0, 0, 1]),
        }]);
        feed
    }

    fn times(tags: &Queue<Tag>) -> Vec<i64> {
        std::iter::from_fn(|| tags.try_pop())
            .filter(|tag| !tag.is_sequence_header())
            .map(|tag| tag.timestamp)
            .collect()
    }

    #[test]
    fn a_late_viewer_begins_at_the_last_key_frame() {
        let feed = feed();
        [(KEY, 0), (INTER, 40), (KEY, 80), (INTER, 120)]
            .into_iter()
            .for_each(|(kind, at)| feed.send(&picture(kind, at)));
        let viewer = feed.join();
        feed.send(&picture(INTER, 160));
        assert!(viewer.try_pop().is_some_and(|tag| tag.is_sequence_header()));
        assert_eq!(times(&viewer), [80, 120, 160]);
    }

    #[test]
    fn a_slow_viewer_skips_to_a_key_frame_and_delays_nobody() {
        let feed = feed();
        let (slow, fast) = (feed.join(), feed.join());
        feed.send(&picture(KEY, 0));
        let mut seen = times(&fast);
        for n in 1..1_000 {
            feed.send(&picture(if n % 100 == 0 { KEY } else { INTER }, n));
            seen.extend(times(&fast));
        }
        assert_eq!(seen, (0..1_000).collect::<Vec<_>>());
        let first = times(&slow);
        assert_eq!(first, (0..first.len() as i64).collect::<Vec<_>>());
        feed.send(&picture(INTER, 1_000));
        feed.send(&picture(KEY, 1_001));
        feed.send(&picture(INTER, 1_002));
        assert_eq!(times(&slow), [1_001, 1_002]);
    }
}
