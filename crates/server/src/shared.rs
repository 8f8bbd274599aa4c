//! What the paths of a server share.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use brooklet::Hub;
use brooklet::protocol::places::Places;
use brooklet::radio::Station;

use crate::MountOptions;

/// A server's streams.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) hub: Hub,
    pub(crate) places: Arc<Places>,
    /// Whether clients come within TLS.
    pub(crate) is_secure: bool,
    pub(crate) since: Instant,
    /// In the order in which they came: the first is the best of equals.
    mounts: RwLock<Vec<Arc<Mounted>>>,
}

/// A broadcast, and how it is offered.
#[derive(Debug)]
pub(crate) struct Mounted {
    pub(crate) station: Station,
    pub(crate) options: MountOptions,
}

impl Mounted {
    /// The MIME type that listeners are told.
    pub(crate) fn content_type(&self) -> &str {
        self.options.content_type.as_deref().unwrap_or(self.station.content_type())
    }

    /// Its path without the ending.
    pub(crate) fn stem(&self) -> &str {
        stem(self.station.name())
    }
}

/// A path without the ending of its last part.
pub(crate) fn stem(path: &str) -> &str {
    let file = path.rfind('/').map_or(0, |slash| slash + 1);
    path[file..].rfind('.').map_or(path, |dot| &path[..file + dot])
}

impl Shared {
    pub(crate) fn new(hub: &Hub, places: Arc<Places>, is_secure: bool) -> Self {
        Self { hub: hub.clone(), places, is_secure, since: Instant::now(), mounts: RwLock::default() }
    }

    /// All broadcasts.
    pub(crate) fn mounts(&self) -> Vec<Arc<Mounted>> {
        self.mounts.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The one at a path.
    pub(crate) fn at(&self, path: &str) -> Option<Arc<Mounted>> {
        let mounts = self.mounts.read().unwrap_or_else(PoisonError::into_inner);
        mounts.iter().find(|mounted| mounted.station.name() == path).cloned()
    }

    pub(crate) fn add(&self, mounted: Arc<Mounted>) {
        self.mounts.write().unwrap_or_else(PoisonError::into_inner).push(mounted);
    }

    pub(crate) fn remove(&self, path: &str) {
        let mut mounts = self.mounts.write().unwrap_or_else(PoisonError::into_inner);
        mounts.retain(|mounted| mounted.station.name() != path);
    }
}
