//! An opened output: the streams that meet in its mixer, and the thread that writes what comes out.

pub(crate) mod device;
pub(crate) mod mixer;
mod mux;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use brooklet_format::{MovOptions, MuxOptions, MuxerInfo};
use brooklet_media::{CodecId, Interleaver, MediaKind, Metadata, Packet, PacketSink, StreamParams};

use crate::job::{Counters, Gap, Journal, Listen, OutputSpec};
use crate::protocol::{self, LivePacketSink, SinkOptions, Target};
use crate::radio::NowPlaying;
use crate::rtp::SdpFile;
use crate::{Error, Result, Stopper, Url};
use device::DeviceSink;
pub use device::{OUTPUT_DEVICES, OutputDevice};
use mixer::{Mixer, Next};
use mux::MuxSink;

/// How far a peer may fall behind what is live.
const MAX_DELAY: Duration = Duration::from_secs(5);

/// How long other streams may be while one is not known yet.
const PATIENCE: Duration = Duration::from_secs(10);

/// What an output is, before it is opened.
pub(crate) struct OutputFormat {
    pub(crate) url: Url,
    pub(crate) holds: Holds,
    /// The file that describes what it sends, and which of its media it is.
    pub(crate) sdp: Option<(Arc<SdpFile>, usize)>,
}

/// What is made of the frames of an output.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Holds {
    /// Packets in a container.
    Packets(&'static MuxerInfo),
    /// Nothing: they end at a device.
    Frames(&'static OutputDevice),
}

/// An output that has been opened.
pub(crate) enum Opened {
    /// Packets are written to it.
    Packets(Box<Output>),
    /// Frames are handed to it.
    Frames(Box<dyn DeviceSink>),
}

/// An output of packets that has been opened.
pub(crate) struct Output {
    url: String,
    sink: Sink,
    live: bool,
}

enum Sink {
    Mux(MuxSink),
    Packets(Box<dyn LivePacketSink>),
}

/// The way of one stream into one output.
pub(crate) struct Exit {
    pub(crate) mixer: Arc<Mixer>,
    pub(crate) lane: usize,
    /// `-frames`: packets that may still pass.
    pub(crate) packets_left: Option<u64>,
    announced: bool,
}

impl OutputFormat {
    /// The format of an output: what was asked for, what its protocol or its name says.
    pub(crate) fn find(spec: &OutputSpec) -> Result<Self> {
        // What a device has in place of a URL is its name or a title, and may look like anything.
        if let Some(device) = spec.format.as_deref().and_then(OutputDevice::find) {
            let holds = Holds::Frames(device);
            return Ok(Self { url: Url::parse(&format!("file:{}", spec.url)), holds, sdp: None });
        }
        let url = Url::parse(&spec.url);
        let failed = |source| Error::media(&spec.url, source);
        let usual = protocol::scheme(&url)?.default_format();
        let info = match (&spec.format, usual) {
            (Some(name), _) => brooklet_format::muxer(name).map_err(failed)?,
            (None, Some(usual)) => brooklet_format::muxer(usual).map_err(failed)?,
            (None, None) => brooklet_format::guess_muxer(&url.rest).map_err(failed)?,
        };
        Ok(Self { url, holds: Holds::Packets(info), sdp: None })
    }

    /// ffmpeg's name of the format.
    pub(crate) fn name(&self) -> &'static str {
        self.holds.name()
    }

    /// Whether someone will wait at the other end, as far as the protocol says.
    pub(crate) fn is_live(&self) -> bool {
        !matches!(self.url.scheme.as_str(), "file" | "pipe")
    }

    /// What is heard where the source of its sound falls silent.
    pub(crate) fn gap(&self, spec: &OutputSpec) -> Gap {
        let is_broadcast = match self.url.scheme.as_str() {
            "http" | "https" => spec.listen != Listen::No,
            scheme => scheme.starts_with("icecast"),
        };
        spec.gap.unwrap_or(if is_broadcast { Gap::Silence } else { Gap::Hold })
    }

    /// Opens it, where it holds packets; a device is opened with its first frame. As for the rest, see
    /// [`OutputFormat::open_packets`]. `ended` ends a device at once.
    pub(crate) fn open(
        &self,
        spec: &OutputSpec,
        realtime: bool,
        stopper: &Stopper,
        ended: &Stopper,
        journal: &Arc<Journal>,
        playing: &NowPlaying,
    ) -> Result<Opened> {
        Ok(match self.holds {
            Holds::Packets(info) => Opened::Packets(Box::new(self.open_packets(
                info,
                spec,
                realtime,
                [stopper, ended],
                journal,
                playing,
            )?)),
            Holds::Frames(device) => Opened::Frames(device.open(spec, ended)),
        })
    }

    /// Opens it; this is where `-listen 1` waits. `realtime` says whether packets come no faster than time passes: then
    /// a peer that is too slow loses some, and holds nobody up.
    fn open_packets(
        &self,
        info: &'static MuxerInfo,
        spec: &OutputSpec,
        realtime: bool,
        [stopper, ended]: [&Stopper; 2],
        journal: &Arc<Journal>,
        playing: &NowPlaying,
    ) -> Result<Output> {
        let options = SinkOptions {
            timeout: spec.timeout,
            listen: spec.listen,
            reconnect: spec.reconnect,
            max_delay: spec.max_delay.or(realtime.then_some(MAX_DELAY)),
            is_realtime: realtime,
            journal: journal.clone(),
            overwrite: spec.overwrite,
            tls: spec.tls.clone(),
            rtmp: spec.rtmp.clone(),
            sdp: self.sdp.clone(),
            http: spec.http.clone(),
            format: info.name,
            playing: playing.clone(),
            ending: ended.clone(),
            stopper: stopper.clone(),
        };
        let url = spec.url.clone();
        // Nothing is written, so nothing need be there.
        let target = if info.is_null() {
            Target::Bytes(Box::new(Nowhere))
        } else {
            protocol::scheme(&self.url)?.open_sink(&self.url, &options)?
        };
        let (sink, live) = match target {
            Target::Packets(sink) => (Sink::Packets(sink), true),
            Target::Bytes(bytes) => {
                let live = bytes.is_live();
                let options = MuxOptions { seekable: bytes.can_seek(), ..mux_options(spec, live) };
                if info.wants_seeking() && !options.seekable && !options.mov.is_fragmented() {
                    journal.warn(format!(
                        "{url}: {} is written in fragments, for its index can't be put there in the end (-movflags frag_keyframe \
                         says that this is wanted)",
                        info.name
                    ));
                }
                let muxer = brooklet_format::open_muxer(info, &options);
                let muxer = muxer.map_err(|source| Error::media(&url, source))?;
                (
                    Sink::Mux(MuxSink {
                        url: url.clone(),
                        muxer,
                        bytes,
                        bare: info.is_bare_sound(),
                        written: Arc::new(AtomicU64::new(0)),
                    }),
                    live,
                )
            }
        };
        Ok(Output { url, sink, live: spec.live.unwrap_or(live) })
    }
}

impl Output {
    /// Whether someone is waiting at the other end.
    pub(crate) const fn is_live(&self) -> bool {
        self.live
    }

    /// Writes all that comes out of the mixer. `realtime` says whether the inputs come no faster than time passes.
    pub(crate) fn run(
        mut self,
        mixer: &Mixer,
        metadata: &Metadata,
        counters: &Counters,
        journal: &Journal,
    ) -> Result<()> {
        let outcome = self.write_all(mixer, metadata, counters, journal);
        mixer.close();
        match outcome {
            // The reader of a pipe, the one viewer: when it has had enough, this output is done.
            Err(error) if error.is_closed_pipe() => Ok(()),
            Err(Error::Left { .. }) if self.is_listening() => Ok(()),
            other => other,
        }
    }

    fn write_all(
        &mut self,
        mixer: &Mixer,
        metadata: &Metadata,
        counters: &Counters,
        journal: &Journal,
    ) -> Result<()> {
        let Some(lanes) = mixer.wait_for_streams(PATIENCE) else { return Ok(()) };
        // Streams that never came have no number in the output.
        let mut numbers = Vec::with_capacity(lanes.len());
        let mut streams = Vec::new();
        for lane in lanes {
            numbers.push(lane.is_some().then_some(streams.len()));
            streams.extend(lane);
        }
        if streams.is_empty() {
            return Err(Error::Usage(format!("{}: nothing to write: no stream gave a packet", self.url)));
        }
        if streams.len() < numbers.len() {
            journal.warn(format!("{}: a stream gave no packet and is left out", self.url));
        }
        counters.begun(&streams);
        self.sink().start(&streams, metadata)?;
        loop {
            match mixer.next() {
                Next::Packet(mut packet) => {
                    let Some(number) = numbers.get(packet.stream).copied().flatten() else { continue };
                    packet.stream = number;
                    self.sink().write(&packet)?;
                    counters.wrote(&streams[number], &packet, self.bytes());
                    counters.set_skipped(self.skipped());
                    if self.takes_key_frame_wish() {
                        mixer.wish_key_frame();
                    }
                }
                Next::Params(lane, params) => {
                    if let Some(number) = numbers.get(lane).copied().flatten() {
                        self.sink().change_params(number, &params)?;
                        streams[number] = params;
                    }
                }
                Next::End => break,
            }
        }
        self.sink().finish()?;
        counters.finished(self.bytes());
        Ok(())
    }

    fn sink(&mut self) -> &mut dyn PacketSink<Error> {
        match &mut self.sink {
            Sink::Mux(sink) => sink,
            Sink::Packets(sink) => sink.as_mut(),
        }
    }

    fn bytes(&self) -> u64 {
        match &self.sink {
            Sink::Mux(sink) => sink.written.load(Ordering::Relaxed),
            Sink::Packets(sink) => sink.bytes(),
        }
    }

    fn skipped(&self) -> u64 {
        match &self.sink {
            Sink::Mux(_) => 0,
            Sink::Packets(sink) => sink.skipped(),
        }
    }

    fn takes_key_frame_wish(&mut self) -> bool {
        match &mut self.sink {
            Sink::Mux(_) => false,
            Sink::Packets(sink) => sink.takes_key_frame_wish(),
        }
    }

    fn is_listening(&self) -> bool {
        matches!(&self.sink, Sink::Packets(sink) if sink.is_listening())
    }
}

impl Exit {
    /// The way into `lane` of a mixer.
    pub(crate) fn new(mixer: &Arc<Mixer>, lane: usize, packets_left: Option<u64>) -> Self {
        Self { mixer: mixer.clone(), lane, packets_left, announced: false }
    }

    /// Tells the output what the stream is, once.
    pub(crate) fn announce(&mut self, params: &StreamParams) {
        if !self.announced {
            self.announced = true;
            self.mixer.params(self.lane, params.clone());
        }
    }

    /// Tells the output that the stream has other parameters from the next packet on.
    pub(crate) fn change(&self, params: &StreamParams) {
        self.mixer.params(self.lane, params.clone());
    }

    /// Sends a packet; blocks while the output is busy. False, and the end of the stream, when it wants no more.
    pub(crate) fn push(&mut self, packet: Packet) -> bool {
        let wanted = self.packets_left != Some(0) && self.mixer.push(self.lane, packet);
        if let (true, Some(left)) = (wanted, &mut self.packets_left) {
            *left -= 1;
        }
        match (wanted, self.packets_left) {
            // As many as were asked for: the output has them, and of the others what goes with them.
            (true, Some(0)) => self.mixer.end_all(self.lane),
            (true, _) => return true,
            (false, _) => self.mixer.end(self.lane),
        }
        false
    }

    /// Whether who reads the output has asked for a key frame since the last call.
    pub(crate) fn takes_key_frame_wish(&self) -> bool {
        self.mixer.take_key_frame_wish()
    }

    /// The stream has failed: the output ends at once.
    pub(crate) fn close(&self) {
        self.mixer.close();
    }

    /// The stream has ended.
    pub(crate) fn end(&self) {
        self.mixer.end(self.lane);
    }
}

/// The mixer of an output whose streams come from these inputs, some of them no faster than time passes.
pub(crate) fn mixer_for(spec: &OutputSpec, inputs: &[usize], is_timed: impl Fn(usize) -> bool) -> Arc<Mixer> {
    let live = inputs.iter().any(|input| is_timed(*input));
    let interleaver = if live { Interleaver::live() } else { Interleaver::file() };
    Arc::new(Mixer::new(inputs, |input| live && !is_timed(input), interleaver, spec.shortest))
}

impl Holds {
    /// ffmpeg's name of the format.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Packets(info) => info.name,
            Self::Frames(device) => device.name,
        }
    }

    /// Whether it has a place for this kind of stream where nothing more is said.
    pub(crate) fn takes(self, kind: MediaKind) -> bool {
        match self {
            Self::Packets(info) => default_codec(info, kind).is_some(),
            Self::Frames(device) => device.kind == kind,
        }
    }

    /// Whether it has a place for this kind of stream as it comes, whoever coded it.
    pub(crate) fn takes_copy(self, kind: MediaKind) -> bool {
        match self {
            Self::Packets(info) => usual_codec(info, kind).is_some(),
            Self::Frames(device) => device.kind == kind,
        }
    }

    /// Whether it is a session of WebRTC.
    pub(crate) fn is_webrtc(self) -> bool {
        matches!(self, Self::Packets(info) if info.is_webrtc())
    }

    /// Whether each picture has a time of its own.
    pub(crate) const fn has_variable_rate(self) -> bool {
        match self {
            Self::Packets(info) => info.variable_frame_rate,
            Self::Frames(_) => true,
        }
    }
}

/// What a stream of this kind is encoded to where nothing is said, by the name of the codec.
pub(crate) fn default_codec(info: &MuxerInfo, kind: MediaKind) -> Option<&'static str> {
    Some(brooklet_codec::default_encoder(usual_codec(info, kind)?)?.name)
}

fn usual_codec(info: &MuxerInfo, kind: MediaKind) -> Option<CodecId> {
    match kind {
        MediaKind::Video => info.default_video,
        MediaKind::Audio => info.default_audio,
        MediaKind::Other => None,
    }
}

fn mux_options(spec: &OutputSpec, live: bool) -> MuxOptions {
    let tag = |name: &str| {
        let said = spec.metadata.iter().find(|(key, value)| key == name && !value.is_empty());
        said.map(|(_, value)| value.clone())
    };
    let has = |name: &str| spec.mov_flags.iter().any(|flag| flag == name);
    MuxOptions {
        live,
        mov: MovOptions {
            faststart: has("faststart"),
            frag_keyframe: has("frag_keyframe"),
            frag_every_frame: has("frag_every_frame"),
            empty_moov: ["empty_moov", "delay_moov", "cmaf", "dash", "hybrid_fragmented"]
                .into_iter()
                .any(has),
            frag_duration: spec.frag_duration,
            skip_trailer: has("skip_trailer"),
        },
        muxrate: spec.muxrate,
        service_name: tag("service_name"),
        service_provider: tag("service_provider"),
        no_duration_filesize: spec.flv_flags.iter().any(|flag| flag == "no_duration_filesize"),
        ..MuxOptions::default()
    }
}

/// Where the bytes of `-f null` go.
struct Nowhere;

impl protocol::ByteSink for Nowhere {
    fn is_live(&self) -> bool {
        false
    }

    fn write(&mut self, _: &brooklet_media::Piece) -> Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}
