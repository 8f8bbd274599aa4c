//! A job: inputs to outputs, as one run of the program does it.
//!
//! Each thread has one room: one reads each input, one decodes each stream that is
//! decoded, one encodes each stream that is encoded (for all outputs that want it the same), one writes each output.
//! Between them are bounded queues that block when full, so the slowest sets the pace and memory stays flat.

mod counters;
mod ends;
mod plan;
mod run;
pub mod spec;
mod threads;
mod window;
mod wire;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use brooklet_media::StreamParams;

pub(crate) use counters::Counters;
pub use counters::{Journal, Playback};
pub(crate) use plan::{Action, action};
pub use spec::{
    AudioSpec, CaptureSpec, CodecChoice, DeviceSpec, FpsMode, Gap, InputSpec, Listen, Map, OutputSpec,
    Reconnect, Specifier, VideoSpec,
};

use crate::{Error, Probed, Result, Stopper};
use threads::Outcome;

/// How long outputs may take to finish after a stop before they are cut off.
const GRACE: Duration = Duration::from_secs(30);

/// What is to be done. Nothing is opened before [`Job::start`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Job {
    /// Where media come from.
    pub inputs: Vec<InputSpec>,
    /// Where they go.
    pub outputs: Vec<OutputSpec>,
}

impl Job {
    /// Opens the inputs, then the outputs (which is where `-listen 1` waits), and runs on threads of its own.
    /// `stopper` ends it properly at any time, also while it waits here: inputs stop, encoders are flushed, trailers
    /// written.
    ///
    /// # Errors
    ///
    /// What can't be opened, selected or encoded, with its URL; [`Error::Stopped`].
    pub fn start(self, stopper: &Stopper) -> Result<Running> {
        run::start(self, stopper)
    }

    /// Whether times are left as they are.
    fn keeps_time(&self) -> bool {
        self.outputs.iter().all(|output| output.copy_timestamps)
    }
}

/// A job that runs. Dropping it stops it and waits for its threads.
#[derive(Debug)]
pub struct Running {
    threads: Vec<JoinHandle<()>>,
    outcome: Arc<Outcome>,
    stopper: Stopper,
    /// Cuts off outputs that do not finish.
    abort: Stopper,
    started: Instant,
    counters: Vec<Arc<Counters>>,
    journal: Arc<Journal>,
    inputs: Vec<Probed>,
    output_formats: Vec<&'static str>,
    mapping: Vec<String>,
    total: Option<Duration>,
}

impl Running {
    /// Asks for a proper end. Returns at once.
    pub fn stop(&self) {
        self.stopper.stop();
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        let sum = |number: fn(&Counters) -> u64| self.counters.iter().map(|counters| number(counters)).sum();
        let first = self.counters.first().map(Arc::as_ref);
        let of_first = |number: fn(&Counters) -> u64| first.map_or(0, number);
        let nanos = first.map_or(0, |counters| counters.time.load(Ordering::Relaxed));
        Progress {
            frames: of_first(|counters| counters.frames.load(Ordering::Relaxed)),
            bytes: sum(|counters| counters.bytes.load(Ordering::Relaxed)),
            time: Duration::from_nanos(u64::try_from(nanos).unwrap_or(0)),
            elapsed: self.started.elapsed(),
            total: self.total,
            duplicated: of_first(|counters| counters.duplicated.load(Ordering::Relaxed)),
            dropped: of_first(|counters| counters.dropped.load(Ordering::Relaxed))
                + sum(|counters| counters.skipped.load(Ordering::Relaxed)),
            playback: self.counters.iter().find_map(|counters| counters.playback()),
        }
    }

    /// What each input was found to be, in the job's order.
    pub fn inputs(&self) -> &[Probed] {
        &self.inputs
    }

    /// ffmpeg's names of the formats of the outputs, in the job's order.
    pub fn output_formats(&self) -> &[&'static str] {
        &self.output_formats
    }

    /// The streams of an output, in the job's order, once their first packets are there: pictures have their size then. `None`
    /// before; none of a device.
    pub fn output_streams(&self, output: usize) -> Option<&[StreamParams]> {
        self.counters.get(output)?.streams()
    }

    /// What goes where, for people: `Stream #0:0 -> #0:0 (h264 -> h264)`.
    pub fn mapping(&self) -> &[String] {
        &self.mapping
    }

    /// Lines of warning since the last call.
    pub fn warnings(&self) -> Vec<String> {
        self.journal.take()
    }

    /// Lines that are no warnings, as how a live input went, since the last call.
    pub fn notes(&self) -> Vec<String> {
        self.journal.take_notes()
    }

    /// How a live input that is buffered fares now: its level, its delay, what was concealed. Empty without one.
    pub fn input_status(&self) -> String {
        self.journal.status()
    }

    /// Whether all outputs have ended.
    pub fn is_done(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Waits for the end.
    ///
    /// # Errors
    ///
    /// The first thing that went wrong in any input, codec or output.
    pub fn wait(mut self) -> Result<Progress> {
        self.join();
        match self.outcome.take() {
            Some(error) => Err(error),
            None => Ok(self.progress()),
        }
    }

    fn join(&mut self) {
        let mut stopped_at = None;
        while !self.is_done() {
            std::thread::sleep(Duration::from_millis(10));
            if self.stopper.is_stopped() && stopped_at.get_or_insert_with(Instant::now).elapsed() > GRACE {
                self.abort.stop();
            }
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                self.outcome.fail(Error::Usage("a thread of the job panicked, which is a bug".into()));
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.stopper.stop();
            self.join();
        }
    }
}

/// How far a job is: the numbers of its first output where not said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Pictures written.
    pub frames: u64,
    /// Bytes written to all outputs.
    pub bytes: u64,
    /// Media time reached.
    pub time: Duration,
    /// Wall-clock time since the start.
    pub elapsed: Duration,
    /// Length of the output, where it is known.
    pub total: Option<Duration>,
    /// Pictures duplicated to keep the frame rate.
    pub duplicated: u64,
    /// Pictures dropped to keep the frame rate, and packets that peers of any output were too slow for.
    pub dropped: u64,
    /// How the first output that is a device fares, once something was written to it.
    pub playback: Option<Playback>,
}
