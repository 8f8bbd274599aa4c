//! Stopping what blocks, from another thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

type Hook = Box<dyn Fn() + Send + Sync>;

/// Stops whatever was made with it: a [`crate::Reader`] or [`crate::Writer`] that blocks, a job. Cloning shares it.
#[derive(Clone, Default)]
pub struct Stopper {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    notify: Notify,
    hooks: Mutex<Vec<Hook>>,
}

impl Stopper {
    /// One that has not been used.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops everything that was made with it, for good. Returns at once; may be called from any thread and more
    /// than once.
    pub fn stop(&self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.shared.notify.notify_waiters();
        if let Ok(hooks) = self.shared.hooks.lock() {
            hooks.iter().for_each(|hook| hook());
        }
    }

    /// Whether [`Stopper::stop`] was called.
    pub fn is_stopped(&self) -> bool {
        self.shared.stopped.load(Ordering::SeqCst)
    }

    /// Calls `hook` when stopped; at once where that has been.
    pub(crate) fn on_stop(&self, hook: impl Fn() + Send + Sync + 'static) {
        if let Ok(mut hooks) = self.shared.hooks.lock()
            && !self.is_stopped()
        {
            // A stop that comes now waits for the lock, and finds it.
            hooks.push(Box::new(hook));
            return;
        }
        hook();
    }

    /// Resolves when stopped.
    pub(crate) async fn stopped(&self) {
        let notified = self.shared.notify.notified();
        tokio::pin!(notified);
        // Registered before the look, so that a stop in between is not missed.
        notified.as_mut().enable();
        if !self.is_stopped() {
            notified.await;
        }
    }

    /// Sleeps until `deadline`, or until stopped; false where it was stopped.
    pub(crate) fn sleep_until(&self, deadline: Instant) -> bool {
        // Short naps: the wake-up is late by at most one of them, and only when stopping.
        const NAP: Duration = Duration::from_millis(50);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if self.is_stopped() || left.is_zero() {
                return !self.is_stopped();
            }
            std::thread::sleep(left.min(NAP));
        }
    }
}

impl std::fmt::Debug for Stopper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stopper").field("stopped", &self.is_stopped()).finish()
    }
}
