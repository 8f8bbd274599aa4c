//! What goes where in a job: from its inputs by decoders and encoders to its outputs.

use std::sync::Arc;

use brooklet_codec::{DecoderOptions, EncoderInfo, EncoderInput, open_decoder};
use brooklet_media::{CodecId, Frame, FramePool, MediaKind};

use super::ends::Ends;
use super::plan::{Action, Chosen};
use super::spec::FpsMode;
use super::window::{decode_window, output_window};
use super::{Counters, Gap, Job};
use crate::input::Urgency;
use crate::output::mixer::Mixer;
use crate::output::{Exit, Opened, OutputFormat, mixer_for};
use crate::queue::Queue;
use crate::stage::cut::Window;
use crate::stage::decode::{self, Counted, DecodeStage};
use crate::stage::encode::{self, AudioWork, EncodeStage, VideoWork, Work};
use crate::stage::gap::GapFiller;
use crate::stage::present;
use crate::stage::read::{CopyRoute, Route};
use crate::stage::{Behind, Chain};
use crate::{Error, Result};

/// The stages between the ends, with the queues that join them. None runs yet.
#[derive(Default)]
pub(super) struct Wiring {
    /// By input and stream.
    pub(super) routes: Vec<Vec<Vec<Route>>>,
    /// With the names of their threads.
    pub(super) decoders: Vec<(String, DecodeStage)>,
    /// Likewise.
    pub(super) encoders: Vec<(String, EncodeStage)>,
    /// One for each output that is a device, in their order.
    pub(super) presents: Vec<Present>,
    /// One for each output; a device needs none and leaves it empty.
    pub(super) mixers: Vec<Arc<Mixer>>,
    /// One for each output.
    pub(super) counters: Vec<Arc<Counters>>,
    /// What goes where, for people.
    pub(super) mapping: Vec<String>,
}

/// The way of a stream to a device.
pub(super) struct Present {
    pub(super) input: Queue<Frame>,
    pub(super) chain: Chain,
    pub(super) window: Window,
    pub(super) frames_left: Option<u64>,
}

impl Wiring {
    /// Between these.
    pub(super) fn new(job: &Job, ends: &Ends, pool: &FramePool) -> Result<Self> {
        let made = Self {
            routes: ends.streams.iter().map(|streams| streams.iter().map(|_| Vec::new()).collect()).collect(),
            counters: ends.outputs.iter().map(|_| Arc::default()).collect(),
            ..Self::default()
        };
        let mut wirer = Wirer { job, ends, pool, frames: Vec::new(), lanes: Vec::new(), made };
        wirer.wire()?;
        wirer.open_decoders()?;
        let Wirer { lanes, mut made, .. } = wirer;
        made.encoders = lanes.into_iter().map(|lane| lane.into_stage(&made.counters, pool)).collect();
        Ok(made)
    }
}

/// A wiring in the making.
struct Wirer<'a> {
    job: &'a Job,
    ends: &'a Ends,
    pool: &'a FramePool,
    /// Who wants the frames of which stream, by input and stream.
    frames: Vec<((usize, usize), Queue<Frame>)>,
    lanes: Vec<Lane>,
    made: Wiring,
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

impl Wirer<'_> {
    fn wire(&mut self) -> Result<()> {
        let ends = self.ends;
        for (number, chosen) in ends.chosen.iter().enumerate() {
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
                        let params = &ends.streams[chosen.input][chosen.stream];
                        let route = CopyRoute::new(exit, params, output_window(spec));
                        self.made.routes[chosen.input][chosen.stream].push(Route::Copy(Box::new(route)));
                    }
                    Action::Encode(info) => self.encode(number, chosen, info, &ends.formats[number], exit)?,
                    Action::Present => self.present(number, chosen)?,
                }
            }
            self.made.mixers.push(mixer);
        }
        Ok(())
    }

    fn urgency(&self, input: usize) -> Urgency {
        self.ends.inputs[input].urgency()
    }

    /// Whether an input comes no faster than time passes.
    fn is_timed(&self, input: usize) -> bool {
        self.job.inputs[input].realtime || self.urgency(input).is_live()
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
        if let (Some(wanted), EncoderInput::Video { formats, .. }) = (pictures.pixel_format, info.input)
            && !formats.contains(&wanted)
        {
            // As ffmpeg does.
            pictures.pixel_format = None;
            let line = format!("{} takes no {wanted}; it takes what is nearest to what comes", info.name);
            self.ends.journal.warn(line);
        }
        let params = &self.ends.streams[chosen.input][chosen.stream];
        let from = (chosen.input, chosen.stream);
        let live = matches!(&self.ends.outputs[output], Opened::Packets(output) if output.is_live());
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
                Work::Audio(Box::new(AudioWork::new(&spec.audio, info, sound, self.pool).map_err(failed)?))
            }
            None => {
                let rate = params.as_video().and_then(|video| video.frame_rate);
                let rate = self.job.inputs[chosen.input].frame_rate.or(rate);
                let work = VideoWork::new(&pictures, info, rate, constant, live, self.pool);
                let mut work = work.map_err(failed)?;
                if self.is_timed(chosen.input) {
                    work.watch_pace(&self.ends.journal);
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
        let chain = Chain::to_device(chosen.kind, &spec.video, &spec.audio, self.pool)
            .map_err(|source| Error::Convert { source })?;
        let input = self.frames_of(chosen, present::FRAMES);
        let frames_left = if chosen.kind == MediaKind::Video { spec.video.frames } else { spec.audio.frames };
        self.made.presents.push(Present { input, chain, window: output_window(spec), frames_left });
        Ok(())
    }

    /// Asks for the frames of a stream: as they come where there is room for so many, and of a camera the newest.
    fn frames_of(&mut self, chosen: &Chosen, capacity: usize) -> Queue<Frame> {
        let is_camera = chosen.kind == MediaKind::Video && self.urgency(chosen.input) == Urgency::Captured;
        let frames = if is_camera { Queue::replacing(encode::CAPTURED) } else { Queue::new(capacity) };
        self.frames.push(((chosen.input, chosen.stream), frames.clone()));
        frames
    }

    /// A decoder for each stream that someone wants the frames of.
    fn open_decoders(&mut self) -> Result<()> {
        let mut decoders: Vec<((usize, usize), DecodeStage)> = Vec::new();
        for (from, output) in std::mem::take(&mut self.frames) {
            match decoders.iter_mut().find(|(known, _)| *known == from) {
                Some((_, stage)) => stage.outputs.push(output),
                None => decoders.push((from, self.open_decoder(from, output)?)),
            }
        }
        for ((input, stream), stage) in decoders {
            self.made.routes[input][stream].push(Route::Decode(stage.input.clone()));
            self.made.decoders.push((format!("decode #{input}:{stream}"), stage));
        }
        Ok(())
    }

    fn open_decoder(&self, (input, stream): (usize, usize), output: Queue<Frame>) -> Result<DecodeStage> {
        let (spec, journal) = (&self.job.inputs[input], &self.ends.journal);
        let params = &self.ends.streams[input][stream];
        let is_video = params.media() == MediaKind::Video;
        let name = if is_video { &spec.video_codec } else { &spec.audio_codec };
        let options = DecoderOptions { name: name.clone(), pool: self.pool.clone() };
        let decoder = open_decoder(params, &options).map_err(|source| Error::media(&spec.url, source))?;
        let capacity = match (params.codec, self.urgency(input)) {
            (CodecId::RawVideo | CodecId::Mjpeg, Urgency::Captured) => decode::CAPTURED,
            (CodecId::RawVideo, _) => decode::RAW_PICTURES,
            _ => decode::PACKETS,
        };
        let behind = || Behind::new(format!("decoding {}", params.codec), "", journal.clone());
        Ok(DecodeStage {
            url: spec.url.clone(),
            input: Queue::new(capacity),
            decoder,
            window: decode_window(spec),
            rate: spec
                .frame_rate
                .filter(|_| is_video && !self.urgency(input).is_live())
                .and_then(Counted::new),
            time_base: params.time_base,
            outputs: vec![output],
            behind: (is_video && self.is_timed(input)).then(behind),
            journal: journal.clone(),
            pool: self.pool.clone(),
        })
    }

    fn note(&mut self, output: usize, lane: usize, chosen: &Chosen) {
        let Chosen { input, stream, action, in_place_of, .. } = *chosen;
        let codec = self.ends.streams[input][stream].codec;
        let what = match action {
            Action::Copy => format!("{codec} (copy)"),
            Action::Encode(info) => format!("{codec} -> {}", info.name),
            Action::Present => {
                format!("{codec} -> {}", self.job.outputs[output].format.as_deref().unwrap_or("device"))
            }
        };
        self.made.mapping.push(format!("Stream #{input}:{stream} -> #{output}:{lane} ({what})"));
        if let (Some(asked), Action::Encode(info)) = (in_place_of, action) {
            self.ends
                .journal
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
