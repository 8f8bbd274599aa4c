//! Ctrl-C and SIGTERM: the first finishes the output properly, the second ends the program at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use brooklet::Stopper;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::{Exit, keyboard};

/// What has come so far.
pub(crate) struct Signals {
    caught: Arc<AtomicBool>,
}

impl Signals {
    /// Watches from now on, on a thread of its own.
    pub(crate) fn watch(stopper: Stopper) -> io::Result<Self> {
        let caught = Arc::new(AtomicBool::new(false));
        let signals = Self { caught: Arc::clone(&caught) };
        let mut queue = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            for _ in queue.forever() {
                if caught.swap(true, Ordering::SeqCst) {
                    keyboard::restore();
                    std::process::exit(i32::from(Exit::Interrupted.code()));
                }
                stopper.stop();
            }
        })?;
        Ok(signals)
    }

    /// Whether one has come.
    pub(crate) fn caught(&self) -> bool {
        self.caught.load(Ordering::SeqCst)
    }
}
