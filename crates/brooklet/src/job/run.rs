//! Starting a job: what it names is opened, joined, and put on threads of its own.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use brooklet_media::{FramePool, Metadata};

use super::ends::Ends;
use super::spec::OutputSpec;
use super::threads::Threads;
use super::window::{input_window, total};
use super::wire::{Present, Wiring};
use super::{Job, Running};
use crate::input::Input;
use crate::output::{Opened, OutputFormat};
use crate::stage::present::PresentStage;
use crate::stage::read::ReadStage;
use crate::{Error, Result, Stopper};

/// Opens everything in ffmpeg's order, then starts the threads.
pub(super) fn start(job: Job, stopper: &Stopper) -> Result<Running> {
    if job.inputs.is_empty() || job.outputs.is_empty() {
        return Err(Error::Usage("a job needs an input and an output".into()));
    }
    let pool = FramePool::new();
    let ends = Ends::open(&job, stopper)?;
    let Wiring { routes, decoders, encoders, presents, mixers, counters, mapping } =
        Wiring::new(&job, &ends, &pool)?;
    let described = ends.inputs.iter().map(Input::describe).collect();
    let total = total(&job, &ends.inputs);
    let tags: Vec<Metadata> = job.outputs.iter().map(|spec| metadata(spec, &ends.inputs)).collect();
    let Ends { inputs, outputs, formats, abort, journal, playing, .. } = ends;
    let ending = mixers.clone();
    stopper.on_stop(move || ending.iter().for_each(|mixer| mixer.end_with_first()));

    let mut threads = Threads::new(stopper, &abort);
    for (name, stage) in decoders {
        threads.spawn_decoder(name, move || stage.run());
    }
    for (name, stage) in encoders {
        threads.spawn(name, move || stage.run());
    }
    let mut presents = presents.into_iter();
    let left = Arc::new(AtomicUsize::new(outputs.len()));
    for (number, ((output, mixer), tags)) in outputs.into_iter().zip(mixers).zip(tags).enumerate() {
        let (counters, told) = (counters[number].clone(), journal.clone());
        let name = format!("write #{number}");
        match output {
            Opened::Packets(output) => {
                let body = move || output.run(&mixer, &tags, &counters, &told);
                threads.spawn_output(name, &left, &journal, body);
            }
            Opened::Frames(sink) => {
                let Some(Present { input, chain, window, frames_left }) = presents.next() else { continue };
                let (pool, stopper) = (pool.clone(), stopper.clone());
                let stage = PresentStage { input, chain, window, frames_left, sink, counters, pool, stopper };
                threads.spawn_output(name, &left, &journal, move || stage.run());
            }
        }
    }
    for (number, (input, routes)) in inputs.into_iter().zip(routes).enumerate() {
        let spec = &job.inputs[number];
        let (stopper, journal, playing) = (stopper.clone(), journal.clone(), playing.clone());
        let window = input_window(spec, &input);
        let stage = ReadStage { input, routes, realtime: spec.realtime, window, stopper, journal, playing };
        let outcome = threads.outcome.clone();
        threads.spawn(format!("read #{number}"), move || {
            stage.run(|error| outcome.fail(error));
            Ok(())
        });
    }
    Ok(Running {
        threads: threads.handles,
        outcome: threads.outcome,
        stopper: stopper.clone(),
        abort,
        started: Instant::now(),
        counters,
        journal,
        inputs: described,
        output_formats: formats.iter().map(OutputFormat::name).collect(),
        mapping,
        total,
    })
}

/// The tags of the first input, with the user's over them.
fn metadata(spec: &OutputSpec, inputs: &[Input]) -> Metadata {
    let service = |key: &str| matches!(key, "service_name" | "service_provider");
    let first = inputs.first().filter(|_| !spec.no_input_metadata);
    let mut metadata: Metadata = first.map(Input::metadata).unwrap_or_default();
    // What named the file and its writer does not name ours.
    metadata.retain(|(key, _)| {
        !matches!(key.as_str(), "encoder" | "major_brand" | "minor_version" | "compatible_brands")
    });
    for (key, value) in spec.metadata.iter().filter(|(key, _)| !service(key)) {
        metadata.retain(|(old, _)| old != key);
        if !value.is_empty() {
            metadata.push((key.clone(), value.clone()));
        }
    }
    metadata
}
