//! Opening a job and starting its threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use brooklet_codec::{DecoderOptions, EncoderInfo, open_decoder};
use brooklet_media::{CodecId, Frame, FramePool, MediaKind, Metadata, StreamParams, Timestamp};

use super::plan::{Action, Chosen, choose};
use super::spec::{FpsMode, InputSpec, OutputSpec};
use super::{Counters, Gap, Job, Journal, Running};
use crate::input::{CaptureStart, Input, Urgency};
use crate::output::mixer::Mixer;
use crate::output::{Exit, Opened, OutputFormat, mixer_for};
use crate::queue::Queue;
use crate::radio::NowPlaying;
use crate::rtp::SdpFile;
use crate::stage::cut::Window;
use crate::stage::decode::{self, DecodeStage};
use crate::stage::encode::{self, AudioWork, EncodeStage, VideoWork, Work};
use crate::stage::gap::GapFiller;
use crate::stage::present::{self, PresentStage};
use crate::stage::read::{CopyRoute, ReadStage, Route};
use crate::stage::{Behind, Chain};
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

/// Opens everything in ffmpeg's order, then starts the threads from the outputs back to the inputs.
pub(super) fn start(job: Job, stopper: &Stopper) -> Result<Running> {
    if job.inputs.is_empty() || job.outputs.is_empty() {
        return Err(Error::Usage("a job needs an input and an output".into()));
    }
    let keep_time = job.outputs.iter().all(|output| output.copy_timestamps);
    let (journal, playing) = (Arc::<Journal>::default(), NowPlaying::new());
    let captured = CaptureStart::default();
    let open = |spec| Input::open(spec, stopper, &journal, keep_time, &captured);
    let inputs: Vec<Input> = job.inputs.iter().map(open).collect::<Result<_>>()?;
    let streams: Vec<Vec<StreamParams>> = inputs.iter().map(|input| input.streams().to_vec()).collect();
    let slices: Vec<&[StreamParams]> = streams.iter().map(Vec::as_slice).collect();
    let mut formats: Vec<OutputFormat> = job.outputs.iter().map(OutputFormat::find).collect::<Result<_>>()?;
    describe_sessions(&job, &mut formats);
    let chosen: Vec<Vec<Chosen>> = job
        .outputs
        .iter()
        .zip(&formats)
        .map(|(spec, format)| choose(spec, format.holds, &slices))
        .collect::<Result<_>>()?;
    // Outputs that are open outlive a stop until they have finished; one that still waits for a viewer does not.
    let abort = Stopper::new();
    let opening = abort.clone();
    let guard = stopper.clone();
    let waiting = Arc::new(Mutex::new(true));
    let still_waiting = waiting.clone();
    guard.on_stop(move || {
        if *still_waiting.lock().unwrap_or_else(PoisonError::into_inner) {
            opening.stop();
        }
    });
    let realtime = |chosen: &Vec<Chosen>| {
        chosen.iter().any(|chosen| job.inputs[chosen.input].realtime || inputs[chosen.input].is_live())
    };
    let outputs: Vec<Opened> = job
        .outputs
        .iter()
        .zip(&formats)
        .zip(&chosen)
        .map(|((spec, format), chosen)| {
            format.open(spec, realtime(chosen), &abort, stopper, &journal, &playing)
        })
        .collect::<Result<_>>()?;
    *waiting.lock().unwrap_or_else(PoisonError::into_inner) = false;

    let outcome =
        Arc::new(Outcome { error: Mutex::new(None), stopper: stopper.clone(), abort: abort.clone() });
    let total = total(&job, &inputs);
    let described = inputs.iter().map(Input::describe).collect();
    let mut builder = Builder {
        job: &job,
        streams: &streams,
        outputs: &outputs,
        urgency: inputs.iter().map(Input::urgency).collect(),
        journal,
        counters: outputs.iter().map(|_| Arc::default()).collect(),
        pool: FramePool::new(),
        routes: streams.iter().map(|streams| streams.iter().map(|_| Vec::new()).collect()).collect(),
        frames: Vec::new(),
        lanes: Vec::new(),
        presents: Vec::new(),
        mixers: Vec::new(),
        mapping: Vec::new(),
    };
    builder.wire(&chosen, &formats)?;
    let all_mixers = builder.mixers.clone();
    stopper.on_stop(move || all_mixers.iter().for_each(|mixer| mixer.end_with_first()));
    let mut threads = Threads { outcome: outcome.clone(), handles: Vec::new() };
    let Builder {
        journal, counters, routes, frames, lanes, presents, mixers, mapping, pool, urgency, ..
    } = builder;
    let decoders = open_decoders(&job, &streams, frames, &urgency, &journal, &pool)?;
    let mut routes = routes;
    for (input, stream, queue, stage) in decoders {
        routes[input][stream].push(Route::Decode(queue));
        threads.spawn(format!("decode #{input}:{stream}"), move || stage.run());
    }
    for (name, stage) in lanes.into_iter().map(|lane| lane.into_stage(&counters, &pool)) {
        threads.spawn(name, move || stage.run());
    }
    let mut presents = presents.into_iter();
    let left = Arc::new(AtomicUsize::new(outputs.len()));
    for (number, (output, mixer)) in outputs.into_iter().zip(mixers).enumerate() {
        let (counters, journal) = (counters[number].clone(), journal.clone());
        let name = format!("write #{number}");
        match output {
            Opened::Packets(output) => {
                let metadata = output_metadata(&job.outputs[number], &inputs);
                let told = journal.clone();
                let body = move || output.run(&mixer, &metadata, &counters, &told);
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
        let failed = threads.outcome.clone();
        threads.spawn(format!("read #{number}"), move || {
            stage.run(|error| failed.fail(error));
            Ok(())
        });
    }
    Ok(Running {
        threads: threads.handles,
        outcome,
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

/// Gives each output by RTP the file that describes it, which may be one for many.
fn describe_sessions(job: &Job, formats: &mut [OutputFormat]) {
    let mut files: Vec<(&std::path::Path, Vec<usize>)> = Vec::new();
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

/// The wiring between what was opened.
struct Builder<'a> {
    job: &'a Job,
    streams: &'a [Vec<StreamParams>],
    outputs: &'a [Opened],
    /// By input.
    urgency: Vec<Urgency>,
    journal: Arc<Journal>,
    counters: Vec<Arc<Counters>>,
    pool: FramePool,
    /// By input and stream.
    routes: Vec<Vec<Vec<Route>>>,
    /// Who wants the frames of which stream.
    frames: Vec<((usize, usize), Queue<Frame>)>,
    lanes: Vec<Lane>,
    /// One for each output that is a device, in their order.
    presents: Vec<Present>,
    /// One for each output; a device needs none and leaves it empty.
    mixers: Vec<Arc<Mixer>>,
    mapping: Vec<String>,
}

/// The way of a stream to a device.
struct Present {
    input: Queue<Frame>,
    chain: Chain,
    window: Window,
    frames_left: Option<u64>,
}

/// An encoder to be, and what makes another output's the same.
struct Lane {
    key: LaneKey,
    name: String,
    output: usize,
    input: Queue<Frame>,
    work: Work,
    window: Window,
    exits: Vec<Exit>,
    gap: Option<GapFiller>,
}

#[derive(PartialEq)]
struct LaneKey {
    from: (usize, usize),
    encoder: &'static str,
    spec: String,
    window: Window,
    live: bool,
    constant: bool,
    gap: Gap,
}

impl Builder<'_> {
    fn wire(&mut self, chosen: &[Vec<Chosen>], formats: &[OutputFormat]) -> Result<()> {
        for (number, chosen) in chosen.iter().enumerate() {
            let spec = &self.job.outputs[number];
            let from: Vec<usize> = chosen.iter().map(|chosen| chosen.input).collect();
            let mixer = mixer_for(spec, &from, |input| self.is_timed(input));
            for (lane, chosen) in chosen.iter().enumerate() {
                self.note(number, lane, chosen);
                let limit =
                    if chosen.kind == MediaKind::Video { spec.video.frames } else { spec.audio.frames };
                let exit = Exit::new(&mixer, lane, limit);
                match chosen.action {
                    Action::Copy => {
                        let params = &self.streams[chosen.input][chosen.stream];
                        let route = CopyRoute::new(exit, params, output_window(spec));
                        self.routes[chosen.input][chosen.stream].push(Route::Copy(Box::new(route)));
                    }
                    Action::Encode(info) => self.encode(number, chosen, info, &formats[number], exit)?,
                    Action::Present => self.present(number, chosen)?,
                }
            }
            self.mixers.push(mixer);
        }
        Ok(())
    }

    /// Whether an input comes no faster than time passes.
    fn is_timed(&self, input: usize) -> bool {
        self.job.inputs[input].realtime || self.urgency[input].is_live()
    }

    /// Joins an encoder that is wanted already, or adds one.
    fn encode(
        &mut self,
        output: usize,
        chosen: &Chosen,
        info: &'static EncoderInfo,
        format: &OutputFormat,
        exit: Exit,
    ) -> Result<()> {
        let spec = &self.job.outputs[output];
        let mut pictures = spec.video.clone();
        if format.holds.is_webrtc() && pictures.profile.is_none() {
            // What every browser takes.
            pictures.profile = Some("baseline".into());
        }
        let params = &self.streams[chosen.input][chosen.stream];
        let from = (chosen.input, chosen.stream);
        let live = matches!(&self.outputs[output], Opened::Packets(output) if output.is_live());
        let constant = match spec.video.fps_mode {
            FpsMode::Constant => true,
            FpsMode::Passthrough | FpsMode::Variable => false,
            FpsMode::Auto => spec.video.frame_rate.is_some() || !format.holds.has_variable_rate(),
        };
        let settings = match chosen.kind {
            MediaKind::Video => format!("{pictures:?}"),
            _ => format!("{:?}", spec.audio),
        };
        let window = output_window(spec);
        let gap = if chosen.kind == MediaKind::Audio { format.gap(spec) } else { Gap::Hold };
        let key = LaneKey { from, encoder: info.name, spec: settings, window, live, constant, gap };
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.key == key) {
            lane.exits.push(exit);
            return Ok(());
        }
        let failed = |source| Error::Encode { source };
        let work = match params.as_audio() {
            Some(sound) => {
                Work::Audio(Box::new(AudioWork::new(&spec.audio, info, sound, &self.pool).map_err(failed)?))
            }
            None => {
                let rate = params.as_video().and_then(|video| video.frame_rate);
                let rate = self.job.inputs[chosen.input].frame_rate.or(rate);
                let work = VideoWork::new(&pictures, info, rate, constant, live, &self.pool);
                let mut work = work.map_err(failed)?;
                if self.is_timed(chosen.input) {
                    work.watch_pace(&self.journal);
                }
                Work::Video(Box::new(work))
            }
        };
        let input = self.frames_of(chosen, encode::FRAMES);
        let name = format!("encode #{}:{}", chosen.input, chosen.stream);
        let gap = params.as_audio().filter(|_| gap == Gap::Silence).cloned().map(GapFiller::new);
        self.lanes.push(Lane { key, name, output, input, work, window, exits: vec![exit], gap });
        Ok(())
    }

    /// Adds the way to a device.
    fn present(&mut self, output: usize, chosen: &Chosen) -> Result<()> {
        let spec = &self.job.outputs[output];
        let chain = Chain::to_device(chosen.kind, &spec.video, &spec.audio, &self.pool)
            .map_err(|source| Error::Convert { source })?;
        let input = self.frames_of(chosen, present::FRAMES);
        let frames_left = if chosen.kind == MediaKind::Video { spec.video.frames } else { spec.audio.frames };
        self.presents.push(Present { input, chain, window: output_window(spec), frames_left });
        Ok(())
    }

    /// Asks for the frames of a stream: as they come where there is room for so many, and of a camera the newest.
    fn frames_of(&mut self, chosen: &Chosen, capacity: usize) -> Queue<Frame> {
        let is_camera = chosen.kind == MediaKind::Video && self.urgency[chosen.input] == Urgency::Captured;
        let frames = if is_camera { Queue::replacing(encode::CAPTURED) } else { Queue::new(capacity) };
        self.frames.push(((chosen.input, chosen.stream), frames.clone()));
        frames
    }

    fn note(&mut self, output: usize, lane: usize, chosen: &Chosen) {
        let Chosen { input, stream, action, in_place_of, .. } = *chosen;
        let codec = self.streams[input][stream].codec;
        let what = match action {
            Action::Copy => format!("{codec} (copy)"),
            Action::Encode(info) => format!("{codec} -> {}", info.name),
            Action::Present => {
                format!("{codec} -> {}", self.job.outputs[output].format.as_deref().unwrap_or("device"))
            }
        };
        self.mapping.push(format!("Stream #{input}:{stream} -> #{output}:{lane} ({what})"));
        if let (Some(asked), Action::Encode(info)) = (in_place_of, action) {
            self.journal
                .warn(format!("{asked} is not in here; its place is taken by our own {} encoder", info.name));
        }
    }
}

impl Lane {
    fn into_stage(self, counters: &[Arc<Counters>], pool: &FramePool) -> (String, EncodeStage) {
        let counters = counters[self.output].clone();
        let Self { name, input, work, window, exits, gap, .. } = self;
        (name, EncodeStage { input, work, window, exits, gap, counters, pool: pool.clone() })
    }
}

type OpenDecoder = (usize, usize, Queue<decode::Coded>, DecodeStage);

/// A decoder for each stream that someone wants the frames of.
fn open_decoders(
    job: &Job,
    streams: &[Vec<StreamParams>],
    frames: Vec<((usize, usize), Queue<Frame>)>,
    urgency: &[Urgency],
    journal: &Arc<Journal>,
    pool: &FramePool,
) -> Result<Vec<OpenDecoder>> {
    let mut decoders: Vec<OpenDecoder> = Vec::new();
    for ((input, stream), output) in frames {
        if let Some((.., stage)) = decoders.iter_mut().find(|(i, s, ..)| (*i, *s) == (input, stream)) {
            stage.outputs.push(output);
            continue;
        }
        let spec = &job.inputs[input];
        let params = &streams[input][stream];
        let name = if params.media() == MediaKind::Video { &spec.video_codec } else { &spec.audio_codec };
        let options = DecoderOptions { name: name.clone(), pool: pool.clone() };
        let decoder = open_decoder(params, &options).map_err(|source| Error::media(&spec.url, source))?;
        let queue = Queue::new(match (params.codec, urgency[input]) {
            (CodecId::RawVideo | CodecId::Mjpeg, Urgency::Captured) => decode::CAPTURED,
            (CodecId::RawVideo, _) => decode::RAW_PICTURES,
            _ => decode::PACKETS,
        });
        let stage = DecodeStage {
            url: spec.url.clone(),
            input: queue.clone(),
            decoder,
            window: decode_window(spec),
            time_base: params.time_base,
            outputs: vec![output],
            behind: (params.media() == MediaKind::Video && (spec.realtime || urgency[input].is_live()))
                .then(|| Behind::new(format!("decoding {}", params.codec), "", journal.clone())),
            journal: journal.clone(),
            pool: pool.clone(),
        };
        decoders.push((input, stream, queue, stage));
    }
    Ok(decoders)
}

struct Threads {
    outcome: Arc<Outcome>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    /// The thread of an output: while there are others, its failure is told, and they go on. A disk that is full ends no
    /// broadcast.
    fn spawn_output(
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

    fn spawn(&mut self, name: String, body: impl FnOnce() -> Result<()> + Send + 'static) {
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

/// `-ss`, `-t`, `-to` of an input, for frames: exact. Without `-ss`, nothing is cut from the start.
fn decode_window(spec: &InputSpec) -> Window {
    let length = length(spec);
    Window { from: spec.start.map(|_| Timestamp::ZERO), to: length.map(|length| Timestamp::ZERO + length) }
}

/// The same for packets: everything that a frame before the end may need.
fn input_window(spec: &InputSpec, input: &Input) -> Window {
    // A picture is shown after it is decoded: what is decoded by the end is needed.
    let reorder = if input.is_live() { Duration::ZERO } else { Duration::from_millis(1) };
    Window { from: None, to: length(spec).map(|length| Timestamp::ZERO + length + reorder) }
}

/// How much of an input is wanted.
fn length(spec: &InputSpec) -> Option<Duration> {
    spec.duration.or(spec.end.map(|end| end.saturating_sub(spec.start.unwrap_or_default())))
}

fn output_window(spec: &OutputSpec) -> Window {
    let start = spec.start.unwrap_or_default();
    let end = spec.duration.map(|duration| start + duration).or(spec.end);
    Window { from: spec.start.map(|start| Timestamp::ZERO + start), to: end.map(|end| Timestamp::ZERO + end) }
}

/// Length of the first output, where it is known.
fn total(job: &Job, inputs: &[Input]) -> Option<Duration> {
    let of_input = |(spec, input): (&InputSpec, &Input)| {
        let whole = input.duration().map(|whole| whole.saturating_sub(spec.start.unwrap_or_default()));
        match (length(spec), whole) {
            _ if spec.loops != 0 => None,
            (Some(wanted), Some(whole)) => Some(wanted.min(whole)),
            (wanted, whole) => wanted.or(whole),
        }
    };
    let longest = job.inputs.iter().zip(inputs).map(of_input).max().flatten();
    let output = &job.outputs[0];
    let limit =
        output.duration.or(output.end.map(|end| end.saturating_sub(output.start.unwrap_or_default())));
    match (limit, longest) {
        (Some(limit), Some(longest)) => Some(limit.min(longest)),
        (limit, longest) => limit.or(longest),
    }
}

/// The tags of the first input, with the user's over them.
fn output_metadata(spec: &OutputSpec, inputs: &[Input]) -> Metadata {
    let service = |key: &str| matches!(key, "service_name" | "service_provider");
    let mut metadata: Metadata = inputs.first().map(Input::metadata).unwrap_or_default();
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
