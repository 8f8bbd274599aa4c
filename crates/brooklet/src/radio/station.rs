//! What is known of a broadcast, and the way in for listeners.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use brooklet_format::MuxerInfo;
use brooklet_media::StreamParams;

use super::{About, ListenOptions, Listener, NowPlaying};
use crate::hub::{Entrance, Sound, StreamStatistics};

/// A broadcast as others see it. Cloning shares it; it stays when the broadcast is over, and then gives listeners what is
/// left.
#[derive(Clone)]
pub struct Station {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) name: String,
    pub(super) format: &'static MuxerInfo,
    pub(super) content_type: &'static str,
    pub(super) about: About,
    pub(super) playing: NowPlaying,
    pub(super) entrance: Entrance<Sound>,
    pub(super) params: Mutex<Option<StreamParams>>,
    pub(super) since: Instant,
    /// Nanoseconds of sound that there were.
    pub(super) length: AtomicU64,
    /// When the last came, milliseconds after `since`.
    pub(super) last: AtomicU64,
}

impl Station {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Its name on the hub: `/stream.mp3`.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// ffmpeg's name of its format: `mp3`.
    pub fn format(&self) -> &'static str {
        self.shared.format.name
    }

    /// Its MIME type: `audio/mpeg`.
    pub fn content_type(&self) -> &'static str {
        self.shared.content_type
    }

    /// What it says of itself.
    pub fn about(&self) -> &About {
        &self.shared.about
    }

    /// What is being played, which may be changed by this.
    pub fn now_playing(&self) -> &NowPlaying {
        &self.shared.playing
    }

    /// The sound that it sends; `None` before its first.
    pub fn params(&self) -> Option<StreamParams> {
        self.shared.params.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// bit/s: what its encoder says, or what was sent until now.
    pub fn bit_rate(&self) -> Option<u64> {
        let said = self.params().and_then(|params| params.bit_rate);
        said.or_else(|| {
            let length = self.shared.length.load(Ordering::Relaxed);
            let bits = u128::from(self.statistics().received) * 8_000_000_000;
            (length > 1_000_000_000).then(|| u64::try_from(bits / u128::from(length)).unwrap_or(u64::MAX))
        })
    }

    /// Listeners, bytes, and what they skipped.
    pub fn statistics(&self) -> StreamStatistics {
        self.shared.entrance.statistics()
    }

    /// How long it has been there.
    pub fn age(&self) -> Duration {
        self.shared.since.elapsed()
    }

    /// For how long its source has given nothing.
    pub fn quiet_for(&self) -> Duration {
        self.age().saturating_sub(Duration::from_millis(self.shared.last.load(Ordering::Relaxed)))
    }

    /// A listener who comes now.
    pub fn listen(&self, options: &ListenOptions) -> Listener {
        Listener::new(self.format(), &self.shared.entrance, options)
    }
}

impl std::fmt::Debug for Station {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Station")
            .field("name", &self.name())
            .field("format", &self.format())
            .finish_non_exhaustive()
    }
}
