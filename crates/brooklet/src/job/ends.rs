//! The ends of a job: its inputs and its outputs.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use brooklet_media::StreamParams;

use super::plan::{Chosen, choose};
use super::{Job, Journal};
use crate::input::{CaptureStart, Input};
use crate::output::{Opened, OutputFormat};
use crate::radio::NowPlaying;
use crate::rtp::SdpFile;
use crate::{Result, Stopper};

/// Opened in ffmpeg's order: the inputs, then what the outputs take of them, then the outputs.
pub(super) struct Ends {
    pub(super) inputs: Vec<Input>,
    /// Those of each input.
    pub(super) streams: Vec<Vec<StreamParams>>,
    /// One for each output, and so are those below.
    pub(super) formats: Vec<OutputFormat>,
    pub(super) chosen: Vec<Vec<Chosen>>,
    pub(super) outputs: Vec<Opened>,
    /// Cuts outputs off.
    pub(super) abort: Stopper,
    pub(super) journal: Arc<Journal>,
    pub(super) playing: NowPlaying,
}

impl Ends {
    /// Blocks while an output waits for its viewer; `stopper` ends that.
    pub(super) fn open(job: &Job, stopper: &Stopper) -> Result<Self> {
        let (journal, playing) = (Arc::<Journal>::default(), NowPlaying::new());
        let (captured, keep_time) = (CaptureStart::default(), job.keeps_time());
        let open = |spec| Input::open(spec, stopper, &journal, keep_time, &captured);
        let inputs: Vec<Input> = job.inputs.iter().map(open).collect::<Result<_>>()?;
        let streams: Vec<Vec<StreamParams>> = inputs.iter().map(|input| input.streams().to_vec()).collect();

        let mut formats: Vec<OutputFormat> =
            job.outputs.iter().map(OutputFormat::find).collect::<Result<_>>()?;
        describe_sessions(job, &mut formats);
        let there: Vec<&[StreamParams]> = streams.iter().map(Vec::as_slice).collect();
        let specs = || job.outputs.iter().zip(&formats);
        let chosen: Vec<Vec<Chosen>> =
            specs().map(|(spec, format)| choose(spec, format.holds, &there)).collect::<Result<_>>()?;

        let is_realtime =
            |chosen: &Chosen| job.inputs[chosen.input].realtime || inputs[chosen.input].is_live();
        let abort = Stopper::new();
        let waiting = stops_while_waiting(stopper, &abort);
        let open = |((spec, format), chosen): ((_, &OutputFormat), &Vec<Chosen>)| {
            let realtime = chosen.iter().any(is_realtime);
            format.open(spec, realtime, &abort, stopper, &journal, &playing)
        };
        let outputs = specs().zip(&chosen).map(open).collect::<Result<_>>()?;
        waiting.store(false, Ordering::SeqCst);
        Ok(Self { inputs, streams, formats, chosen, outputs, abort, journal, playing })
    }
}

/// An output that is open outlives a stop until it has finished; one that still waits for a viewer does not. True until all are
/// open.
fn stops_while_waiting(stopper: &Stopper, abort: &Stopper) -> Arc<AtomicBool> {
    let (waiting, abort) = (Arc::new(AtomicBool::new(true)), abort.clone());
    let still = waiting.clone();
    stopper.on_stop(move || {
        if still.load(Ordering::SeqCst) {
            abort.stop();
        }
    });
    waiting
}

/// Gives each output by RTP the file that describes it, which may be one for many.
fn describe_sessions(job: &Job, formats: &mut [OutputFormat]) {
    let mut files: Vec<(&Path, Vec<usize>)> = Vec::new();
    for (number, (spec, format)) in job.outputs.iter().zip(formats.iter()).enumerate() {
        let Some(path) = spec.sdp_file.as_deref().filter(|_| format.url.scheme == "rtp") else { continue };
        match files.iter_mut().find(|(known, _)| *known == path) {
            Some((_, outputs)) => outputs.push(number),
            None => files.push((path, vec![number])),
        }
    }
    for (path, outputs) in files {
        let file = Arc::new(SdpFile::new(path.into(), outputs.len()));
        for (place, number) in outputs.into_iter().enumerate() {
            formats[number].sdp = Some((file.clone(), place));
        }
    }
}
