//! What is being played, as it changes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use brooklet_media::Metadata;

/// The title of what is being played; whoever holds it may change it at any time, and all see it. Cloning shares it.
#[derive(Clone, Default)]
pub struct NowPlaying {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    title: Mutex<Arc<str>>,
    /// How often it was changed.
    version: AtomicU64,
}

impl NowPlaying {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what is being played from now on.
    pub fn set(&self, title: &str) {
        let mut current = self.shared.title.lock().unwrap_or_else(PoisonError::into_inner);
        if **current != *title {
            *current = title.into();
            self.shared.version.fetch_add(1, Ordering::Release);
        }
    }

    /// Says it where nobody has said anything yet: `artist - title` of a file's tags.
    pub(crate) fn set_first(&self, metadata: &Metadata) {
        if self.version() > 0 {
            return;
        }
        if let Some(title) = title_of(metadata) {
            self.set(&title);
        }
    }

    /// What is being played; empty where nobody has said.
    pub fn title(&self) -> Arc<str> {
        self.shared.title.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often it was changed.
    pub fn version(&self) -> u64 {
        self.shared.version.load(Ordering::Acquire)
    }
}

impl std::fmt::Debug for NowPlaying {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("NowPlaying").field(&self.title()).finish()
    }
}

/// `artist - title`, as far as there are any.
fn title_of(metadata: &Metadata) -> Option<String> {
    let tag = |name: &str| {
        let found = metadata.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    };
    let title = tag("StreamTitle").or_else(|| tag("title"))?;
    Some(tag("artist").map_or_else(|| title.to_string(), |artist| format!("{artist} - {title}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tags_of_a_file_do_not_go_over_what_was_said() {
        let playing = NowPlaying::new();
        let tags = |pairs: &[(&str, &str)]| -> Metadata {
            pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
        };
        playing.set_first(&tags(&[("artist", "Somebody")]));
        assert_eq!((&*playing.title(), playing.version()), ("", 0));
        playing.set_first(&tags(&[("artist", "Somebody"), ("title", "Something")]));
        assert_eq!(&*playing.title(), "Somebody - Something");
        playing.clone().set("Else");
        playing.set("Else");
        playing.set_first(&tags(&[("title", "Something")]));
        assert_eq!((&*playing.title(), playing.version()), ("Else", 2));
    }
}
