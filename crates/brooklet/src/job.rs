//! A job: inputs to outputs, as one run of the program does it.

pub mod spec;

use std::time::Duration;

use crate::{Error, Result};
pub use spec::{AudioSpec, CodecChoice, FpsMode, InputSpec, Listen, Map, OutputSpec, Specifier, VideoSpec};

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
    ///
    /// # Errors
    ///
    /// What can't be opened, selected or encoded, with its URL.
    pub fn start(self) -> Result<Running> {
        Err(Error::Usage("not built yet".into()))
    }
}

/// A job that runs. Dropping it stops it and waits.
#[derive(Debug)]
pub struct Running {}

impl Running {
    /// Asks for a proper end: inputs stop, encoders are flushed, trailers written. Returns at once; may be called
    /// from any thread, also through [`Running::stopper`].
    pub fn stop(&self) {}

    /// A handle that stops the job from elsewhere; also while [`Job::start`] waits for a viewer.
    pub fn stopper(&self) -> Stopper {
        Stopper {}
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        Progress::default()
    }

    /// What goes where, for people: `Stream #0:0 -> #0:0 (h264 (native) -> h264 (native))`.
    pub fn mapping(&self) -> Vec<String> {
        Vec::new()
    }

    /// Lines of warning since the last call.
    pub fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether all outputs have ended.
    pub fn is_done(&self) -> bool {
        true
    }

    /// Waits for the end.
    ///
    /// # Errors
    ///
    /// The first thing that went wrong in any input, codec or output.
    pub fn wait(self) -> Result<Progress> {
        Ok(Progress::default())
    }
}

/// Stops a job.
#[derive(Clone, Debug, Default)]
pub struct Stopper {}

impl Stopper {
    /// See [`Running::stop`].
    pub fn stop(&self) {}
}

/// How far a job is, summed over its first output where not said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Pictures written to the first video stream.
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
    /// Pictures dropped to keep the frame rate.
    pub dropped: u64,
}
