//! Ctrl-C, Ctrl-\ and SIGTERM: the first finishes the output properly, the second ends the program at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use brooklet::Stopper;
#[cfg(unix)]
use signal_hook::consts::SIGQUIT;
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
        for_each(move || {
            if caught.swap(true, Ordering::SeqCst) {
                keyboard::restore();
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
            stopper.stop();
        })?;
        Ok(signals)
    }

    /// Whether one has come.
    pub(crate) fn caught(&self) -> bool {
        self.caught.load(Ordering::SeqCst)
    }
}

/// Calls `came` whenever one comes.
#[cfg(unix)]
fn for_each(mut came: impl FnMut() + Send + 'static) -> io::Result<()> {
    let mut queue = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGQUIT])?;
    let watch = move || queue.forever().for_each(|_| came());
    std::thread::Builder::new().name("signals".into()).spawn(watch).map(drop)
}

/// Calls `came` when one has come: elsewhere they don't wait in a queue, and a flag is looked at.
#[cfg(not(unix))]
fn for_each(mut came: impl FnMut() + Send + 'static) -> io::Result<()> {
    /// How long Ctrl-C may wait.
    const NAP: std::time::Duration = std::time::Duration::from_millis(50);
    let has_come = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&has_come))?;
    }
    let watch = move || {
        loop {
            std::thread::sleep(NAP);
            if has_come.swap(false, Ordering::SeqCst) {
                came();
            }
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(watch).map(drop)
}
