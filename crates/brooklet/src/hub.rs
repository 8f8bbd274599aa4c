//! The one place of fan-out: streams by name, each with its recent past, its publisher and its viewers.
//!
//! | file | holds |
//! |---|---|
//! | `unit` | what flows through, and what each is good for: RTMP's tags |
//! | `sound` | the same of a broadcast of sound: whole frames, a quarter of a second of them |
//! | `log` | the recent past of a stream, and a viewer's place in it |
//! | `channel` | one stream: its log, who publishes it, and who waits for more |

mod channel;
mod log;
mod sound;
mod unit;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use brooklet_flv::Tag;

use channel::Channel;
pub(crate) use channel::{Entrance, Publication, Subscription, Taken, Tally};
pub(crate) use log::Bounds;
pub use log::Burst;
pub(crate) use sound::Sound;
pub(crate) use unit::{Role, Unit};

/// How a [`Hub`] treats viewers that are slow, and publishers that vanish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubOptions {
    /// How far a viewer may be behind before it skips to a key frame, in the stream's own time.
    pub delay: Duration,
    /// The same in bytes.
    pub backlog: usize,
    /// Bytes of its recent past that one stream may hold. That is the group of pictures that is going on, for viewers
    /// to begin with, and as much as `delay` before it. A group of pictures that is longer is not kept.
    pub cache: usize,
    /// How long viewers are kept when a publisher's connection breaks. When it is back in that time, they go on; its
    /// first picture comes 40 ms after the last one, whatever its clock says. Who says that a stream is over ends it
    /// at once.
    pub grace: Duration,
}

impl Default for HubOptions {
    /// 3 s, 8 MiB, 32 MiB, 10 s.
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(3),
            backlog: 8 << 20,
            cache: 32 << 20,
            grace: Duration::from_secs(10),
        }
    }
}

/// Live streams by name (`live/app`), for publishers and viewers of any number. Cloning shares it.
///
/// A stream has one publisher at a time. A unit is kept once, however many watch; a viewer is a place in that past.
/// One who is further behind than [`HubOptions`] allow skips to the last key frame, or waits for the next: it delays
/// nobody, and holds no more than what is just being sent to it.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    options: HubOptions,
    tags: Arc<Table<Tag>>,
    sounds: Arc<Table<Sound>>,
}

/// Streams of one kind, by name.
pub(crate) struct Table<T> {
    /// How long viewers are kept when a publisher's connection breaks.
    grace: Duration,
    streams: Mutex<HashMap<Arc<str>, Arc<Channel<T>>>>,
}

/// One stream, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamStatistics {
    /// Its name: `live/app`.
    pub name: String,
    /// Whether somebody publishes it.
    pub is_live: bool,
    /// ffmpeg's names of its codecs.
    pub codecs: Vec<String>,
    /// Who watches it, or waits for it.
    pub viewers: usize,
    /// Bytes that have been published.
    pub received: u64,
    /// Bytes that have been sent to viewers.
    pub sent: u64,
    /// Pictures and sounds that slow viewers have skipped, all together.
    pub skipped: u64,
}

/// Somebody publishes under this name already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Busy;

impl Hub {
    /// One without streams.
    pub fn new(options: HubOptions) -> Self {
        let tags = Arc::new(Table::new(options.grace));
        Self { shared: Arc::new(Shared { options, tags, sounds: Arc::new(Table::new(Duration::ZERO)) }) }
    }

    /// All streams that are published or waited for, by name; also those of sound alone that are broadcast
    /// ([`crate::radio`]).
    pub fn streams(&self) -> Vec<StreamStatistics> {
        let mut all = self.shared.tags.statistics();
        all.extend(self.shared.sounds.statistics());
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Begins to publish: viewers who wait for this name get it from its first key frame on.
    pub(crate) fn publish(&self, name: &str) -> Result<Publication, Busy> {
        let tags = &self.shared.tags;
        Publication::begin(tags, tags.channel(name, self.bounds()))
    }

    /// Begins to watch, or to wait for a publisher.
    pub(crate) fn subscribe(&self, name: &str) -> Subscription {
        let tags = &self.shared.tags;
        Subscription::new(tags, tags.channel(name, self.bounds()))
    }

    /// Begins to broadcast sound, kept within bounds of its own.
    pub(crate) fn broadcast(&self, name: &str, bounds: Bounds) -> Result<Publication<Sound>, Busy> {
        let sounds = &self.shared.sounds;
        Publication::begin(sounds, sounds.channel(name, bounds))
    }

    fn bounds(&self) -> Bounds {
        let options = &self.shared.options;
        Bounds {
            delay: i64::try_from(options.delay.as_millis()).unwrap_or(i64::MAX),
            backlog: options.backlog,
            cache: options.cache,
            burst: Burst::LAST,
        }
    }
}

impl<T: Unit> Table<T> {
    fn new(grace: Duration) -> Self {
        Self { grace, streams: Mutex::default() }
    }

    fn channel(&self, name: &str, bounds: Bounds) -> Arc<Channel<T>> {
        let mut streams = self.lock();
        if let Some(channel) = streams.get(name) {
            return channel.clone();
        }
        let name: Arc<str> = name.into();
        let channel = Arc::new(Channel::new(name.clone(), bounds));
        streams.insert(name, channel.clone());
        channel
    }

    fn statistics(&self) -> Vec<StreamStatistics> {
        self.lock().values().map(|channel| channel.statistics()).collect()
    }

    /// Forgets a stream that has ended, or that nobody publishes or watches.
    fn tidy(&self, channel: &Arc<Channel<T>>) {
        let mut streams = self.lock();
        let is_there = streams.get(&channel.name).is_some_and(|there| Arc::ptr_eq(there, channel));
        if is_there && channel.is_idle() {
            streams.remove(&channel.name);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Channel<T>>>> {
        // A panic elsewhere leaves the map whole: every change to it is one call.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Hub {
    fn default() -> Self {
        Self::new(HubOptions::default())
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("options", &self.shared.options).finish_non_exhaustive()
    }
}
