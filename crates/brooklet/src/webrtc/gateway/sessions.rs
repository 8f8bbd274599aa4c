//! The sessions that there are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedSemaphorePermit;

use crate::queue::Queue;
use crate::webrtc::round_trip::Desk;

/// Sessions by name.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<String, Entry>>);

/// The ways to tell a session something, and to ask it.
pub(super) struct Entry {
    /// Candidates; closed when it is to end.
    pub(super) orders: Queue<String>,
    /// Of one whose pictures go back to it.
    pub(super) desk: Option<Arc<Desk>>,
    pub(super) _seat: OwnedSemaphorePermit,
}

impl Sessions {
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        // A panic elsewhere leaves the map whole: every change to it is one call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.lock().values().for_each(|entry| entry.orders.close());
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.lock().keys()).finish()
    }
}

/// A name that nobody can guess: whoever knows it may end the session.
pub(super) fn name() -> Result<String, brooklet_webrtc::Error> {
    Ok(brooklet_webrtc::random::<16>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}
