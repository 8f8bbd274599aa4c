//! The threads of a job, and how it ends when one of them fails.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::Journal;
use crate::{Error, Result, Stopper};

/// The first thing that went wrong in any thread, and the way to end the others.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    error: Mutex<Option<Error>>,
    /// Ends inputs, and lets outputs finish.
    stopper: Stopper,
    /// Cuts outputs off.
    abort: Stopper,
}

impl Outcome {
    /// Keeps the first error and ends the job: at once, or properly where a person wished it.
    pub(super) fn fail(&self, error: Error) {
        let wished = matches!(error, Error::Closed { .. });
        self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.stopper.stop();
        if !wished {
            self.abort.stop();
        }
    }

    /// Keeps the first error, while the rest of the job goes on.
    fn note(&self, error: Error) {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    pub(super) fn take(&self) -> Option<Error> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Those that run so far.
pub(super) struct Threads {
    pub(super) outcome: Arc<Outcome>,
    pub(super) handles: Vec<JoinHandle<()>>,
}

impl Threads {
    /// None yet. When one fails, these end the others.
    pub(super) fn new(stopper: &Stopper, abort: &Stopper) -> Self {
        let outcome = Outcome { error: Mutex::new(None), stopper: stopper.clone(), abort: abort.clone() };
        Self { outcome: Arc::new(outcome), handles: Vec::new() }
    }

    /// The thread of an output: while there are others, its failure is told, and they go on. A disk that is full ends no
    /// broadcast.
    pub(super) fn spawn_output(
        &mut self,
        name: String,
        left: &Arc<AtomicUsize>,
        journal: &Arc<Journal>,
        body: impl FnOnce() -> Result<()> + Send + 'static,
    ) {
        let (outcome, left, journal) = (self.outcome.clone(), left.clone(), journal.clone());
        self.spawn(name, move || {
            let ended = body();
            match (ended, left.fetch_sub(1, Ordering::SeqCst)) {
                (Err(error), 2..) => {
                    journal.warn(format!("{error}; the other outputs go on"));
                    outcome.note(error);
                    Ok(())
                }
                (ended, _) => ended,
            }
        });
    }

    /// The thread of a decoder: a stream of which nothing can be decoded costs itself, and is told at the end.
    pub(super) fn spawn_decoder(&mut self, name: String, body: impl FnOnce() -> Result<()> + Send + 'static) {
        let outcome = self.outcome.clone();
        self.spawn(name, move || {
            body().unwrap_or_else(|error| outcome.note(error));
            Ok(())
        });
    }

    pub(super) fn spawn(&mut self, name: String, body: impl FnOnce() -> Result<()> + Send + 'static) {
        let outcome = self.outcome.clone();
        let run = move || {
            if let Err(error) = body() {
                outcome.fail(error);
            }
        };
        match thread::Builder::new().name(name).spawn(run) {
            Ok(handle) => self.handles.push(handle),
            Err(source) => self.outcome.fail(Error::io("job", "cannot start a thread", source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_can_not_be_decoded_ends_no_other() {
        let (stopper, abort) = (Stopper::new(), Stopper::new());
        let left = || Error::Left { url: "clip.ts".into() };
        let mut threads = Threads::new(&stopper, &abort);
        threads.spawn_decoder("decode #0:0".into(), move || Err(left()));
        threads.handles.drain(..).for_each(|thread| thread.join().unwrap());
        assert!(!stopper.is_stopped() && !abort.is_stopped());
        assert!(matches!(threads.outcome.take(), Some(Error::Left { .. })), "it is told at the end");
        threads.spawn("encode #0:1".into(), move || Err(left()));
        threads.handles.drain(..).for_each(|thread| thread.join().unwrap());
        assert!(stopper.is_stopped() && abort.is_stopped());
    }
}
