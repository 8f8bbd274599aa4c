//! An opened input: packets from a protocol, or from its bytes through a demuxer, on the job's clock.
//!
//! | file | holds |
//! |---|---|
//! | `demuxed` | bytes and their demuxer |
//! | `device` | devices, and where their clock meets the job's |
//! | `probe` | which format bytes have |
//! | `timeline` | the way of times onto the job's clock |

mod demuxed;
mod device;
mod probe;
mod stamped;
mod timeline;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use brooklet_format::DemuxerInfo;
use brooklet_media::{DemuxEvent, MediaKind, Metadata, Packet, StreamParams, Timestamp};

use crate::job::{InputSpec, Journal};
use crate::protocol::{self, ByteSource, Origin, PacketSource, SourceOptions};
use crate::{Error, Result, Stopper, Url};
use demuxed::{Demuxed, Nothing};
pub(crate) use device::CaptureStart;
pub use device::{INPUT_DEVICES, InputDevice};
pub use probe::{Probed, probe};
use stamped::Stamped;
use timeline::Timeline;

/// What is read ahead to learn which streams there are and where each starts, where the header does not say.
const AHEAD_PACKETS: usize = 2_048;
/// The same in bytes of coded media; ffmpeg's `-probesize`.
const AHEAD_BYTES: usize = 5_000_000;
/// The same in time; ffmpeg's `-analyzeduration`.
const AHEAD_TIME: Duration = Duration::from_secs(5);

/// What an input gives.
#[derive(Debug)]
pub(crate) enum InputEvent {
    /// A packet, its times moved to the job's clock.
    Packet(Packet),
    /// A stream has other parameters from its next packet on.
    Params(usize, StreamParams),
}

/// What an input's container, or what stands for one, is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    /// ffmpeg's names, joined by commas.
    pub(crate) names: &'static str,
    /// In words.
    pub(crate) description: &'static str,
}

/// Whether an input waits until it is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Urgency {
    /// It does, as a file.
    None,
    /// Time passes at the other end.
    Live,
    /// It is a device of this machine: of its pictures the newest are wanted, and none that are late.
    Captured,
}

impl Urgency {
    /// Whether it does not wait.
    pub(crate) fn is_live(self) -> bool {
        self != Self::None
    }
}

/// An input that has been opened, and whose streams are known.
pub(crate) struct Input {
    url: String,
    spec: InputSpec,
    stopper: Stopper,
    journal: Arc<Journal>,
    format: Format,
    source: Box<dyn PacketSource>,
    /// For devices: the job's zero on their clock, which the first packet sets.
    captured: Option<CaptureStart>,
    streams: Vec<StreamParams>,
    pending: VecDeque<DemuxEvent>,
    timeline: Timeline,
    /// Where its own clock starts.
    start: Timestamp,
    loops_left: i32,
}

impl Input {
    /// Opens a URL and reads until its streams are known. With `keep_time`, its timestamps stay as they are; without, a
    /// device's are led to zero with those of the others that share `captured`.
    pub(crate) fn open(
        spec: &InputSpec,
        stopper: &Stopper,
        journal: &Arc<Journal>,
        keep_time: bool,
        captured: &CaptureStart,
    ) -> Result<Self> {
        let (format, source) = open(spec, stopper, journal)?;
        let captured = (source.is_captured() && !keep_time).then(|| captured.clone());
        let mut input = Self {
            url: spec.url.clone(),
            spec: spec.clone(),
            stopper: stopper.clone(),
            journal: journal.clone(),
            format,
            source,
            captured,
            streams: Vec::new(),
            pending: VecDeque::new(),
            timeline: Timeline::new(0, false),
            start: Timestamp::ZERO,
            loops_left: spec.loops,
        };
        input.read_ahead()?;
        if !input.streams.iter().any(|stream| stream.media() != MediaKind::Other) {
            let what = "no pictures and no sound in it";
            return Err(Error::media(&input.url, brooklet_media::Error::Usage(what.into())));
        }
        input.start = input.find_start();
        input.start_timeline(keep_time)?;
        Ok(input)
    }

    /// The streams that are known so far, by number.
    pub(crate) fn streams(&self) -> &[StreamParams] {
        &self.streams
    }

    /// ffmpeg's names of the format.
    pub(crate) const fn format(&self) -> Format {
        self.format
    }

    /// Title and the like.
    pub(crate) fn metadata(&self) -> Metadata {
        self.source.metadata()
    }

    /// What is being played, where that has changed since the last call.
    pub(crate) fn take_title(&mut self) -> Option<String> {
        self.source.take_title()
    }

    /// Where its own clock starts.
    pub(crate) const fn start(&self) -> Timestamp {
        self.start
    }

    /// Whether time passes at the other end.
    pub(crate) fn is_live(&self) -> bool {
        self.source.is_live()
    }

    /// Whether it waits until it is read.
    pub(crate) fn urgency(&self) -> Urgency {
        match (self.source.is_captured(), self.source.is_live()) {
            (true, _) => Urgency::Captured,
            (false, true) => Urgency::Live,
            (false, false) => Urgency::None,
        }
    }

    /// Length in bytes, where it is known.
    pub(crate) fn size(&self) -> Option<u64> {
        self.source.size()
    }

    /// From its start to the end of the last of its streams, where the container says.
    pub(crate) fn duration(&self) -> Option<Duration> {
        let length = |stream: &StreamParams| {
            let length = stream.time_base.at(stream.duration?).since(Timestamp::ZERO);
            let wait =
                stream.start.map_or(Duration::ZERO, |start| stream.time_base.at(start).since(self.start));
            Some(length + wait)
        };
        self.streams.iter().filter_map(length).max()
    }

    /// What comes next; blocks until there is something. `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<InputEvent>> {
        loop {
            let event = match self.pending.pop_front() {
                Some(event) => Some(event),
                None => self.advance()?,
            };
            match event {
                Some(DemuxEvent::Packet(mut packet)) => {
                    if !self.place(&packet) {
                        continue;
                    }
                    self.timeline.apply(&mut packet);
                    return Ok(Some(InputEvent::Packet(packet)));
                }
                Some(DemuxEvent::Params { stream, params }) => {
                    return Ok(Some(InputEvent::Params(stream, params)));
                }
                Some(DemuxEvent::StreamAdded(params)) => self.add_stream(params),
                // The timeline sees a jump for itself; a break without one is the decoders' to conceal.
                Some(DemuxEvent::Discontinuity | DemuxEvent::HeaderRead) => {}
                None if self.loops_left != 0 => self.begin_again()?,
                None => return Ok(None),
            }
        }
    }

    /// Sets the timeline of a device, where its first packet has not. False for what was captured before the job's zero.
    fn place(&mut self, packet: &Packet) -> bool {
        let (Some(captured), Some(stream)) = (&self.captured, self.streams.get(packet.stream)) else {
            return true;
        };
        let at = stream.time_base.at(packet.pts);
        let zero = captured.zero(at);
        if at < zero {
            return false;
        }
        // Its clock runs on while it is unplugged: what comes then is where it belongs, and no jump.
        let offset = self.spec.offset_nanos - (zero + self.spec.start.unwrap_or_default()).as_nanos();
        self.timeline = Timeline::new(offset, false);
        self.streams.iter().for_each(|stream| self.timeline.add_stream(stream));
        self.captured = None;
        true
    }

    /// What the source gives next, and to the journal what it left out.
    fn advance(&mut self) -> Result<Option<DemuxEvent>> {
        let event = self.source.next();
        for line in self.source.take_warnings() {
            self.journal.warn(format!("{}: {line}", self.url));
        }
        event
    }

    /// Reads until the streams are known and each has shown where it starts, or the bounds are reached.
    fn read_ahead(&mut self) -> Result<()> {
        let mut ahead = Ahead::default();
        while !ahead.is_enough(&self.streams) {
            let event = match self.advance() {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(()),
                // What was read before the damage is still good.
                Err(Error::Media { .. }) if ahead.packets > 0 => return Ok(()),
                Err(error) => return Err(error),
            };
            match event {
                DemuxEvent::StreamAdded(params) => self.streams.push(params),
                DemuxEvent::HeaderRead => ahead.complete = true,
                event => {
                    if let DemuxEvent::Packet(packet) = &event {
                        ahead.saw(packet, &self.streams);
                    }
                    self.pending.push_back(event);
                }
            }
        }
        Ok(())
    }

    /// The earliest first moment of any stream: what ffmpeg calls `start_time`.
    fn find_start(&self) -> Timestamp {
        let first = |(number, stream): (usize, &StreamParams)| {
            let said = stream.start.map(|start| stream.time_base.at(start));
            said.or_else(|| {
                let of_stream = self.pending.iter().filter_map(|event| match event {
                    DemuxEvent::Packet(packet) if packet.stream == number && !packet.discard => Some(packet),
                    _ => None,
                });
                let rate = stream.as_audio().map_or(1, |audio| audio.rate);
                let heard = |packet: &Packet| {
                    stream.time_base.at(packet.pts)
                        + brooklet_media::TimeBase::hz(rate)
                            .at(packet.trim.start.into())
                            .since(Timestamp::ZERO)
                };
                // Pictures come in decoding order, so the first shown is among the first few.
                of_stream.take(16).map(heard).min()
            })
        };
        let streams =
            self.streams.iter().enumerate().filter(|(_, stream)| stream.media() != MediaKind::Other);
        streams.filter_map(first).min().unwrap_or_default()
    }

    /// Sets where the job's zero is on the input's clock, and goes there.
    fn start_timeline(&mut self, keep_time: bool) -> Result<()> {
        let skip = self.spec.start.unwrap_or_default();
        let zero = if keep_time { Timestamp::ZERO } else { self.start + skip };
        // A file with an index says when its packets are due; only a stream can jump.
        let indexed = self.format.names.split(',').any(|name| name == "mp4");
        let may_jump = !keep_time && !indexed;
        self.timeline = Timeline::new(self.spec.offset_nanos - zero.as_nanos(), may_jump);
        self.streams.iter().for_each(|stream| self.timeline.add_stream(stream));
        if !skip.is_zero() {
            self.seek(self.start + skip);
        }
        Ok(())
    }

    /// Goes to the last key frame at or before `at`, where the format can; otherwise what comes before is decoded
    /// and dropped, which only takes longer.
    fn seek(&mut self, at: Timestamp) {
        let guide = self.streams.iter().position(|stream| stream.media() == MediaKind::Video).unwrap_or(0);
        let Some(stream) = self.streams.get(guide) else { return };
        if self.source.seek(guide, stream.time_base.ticks(at)).is_ok() {
            self.pending.clear();
        }
    }

    /// Goes to the last key frame at or before a moment of the job's clock; what comes next may be earlier. False where
    /// the source can't: then it goes on as it was.
    pub(crate) fn seek_to(&mut self, at: Timestamp) -> bool {
        let guide = self.streams.iter().position(|stream| stream.media() == MediaKind::Video).unwrap_or(0);
        let Some(ticks) = self.timeline.source_ticks(guide, at) else { return false };
        let first = self.streams[guide].time_base.ticks(self.start);
        let sought = self.source.seek(guide, ticks.max(first)).is_ok();
        if sought {
            self.pending.clear();
            self.timeline.resume();
        }
        sought
    }

    fn begin_again(&mut self) -> Result<()> {
        if self.loops_left > 0 {
            self.loops_left -= 1;
        }
        (_, self.source) = open(&self.spec, &self.stopper, &self.journal)?;
        self.timeline.begin_again(self.start);
        // The same streams again: their numbers are known.
        let mut known = self.streams.len();
        while known > 0 {
            match self.advance()? {
                Some(DemuxEvent::StreamAdded(_)) => known -= 1,
                Some(event) => self.pending.push_back(event),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    fn add_stream(&mut self, params: StreamParams) {
        self.timeline.add_stream(&params);
        self.streams.push(params);
    }
}

/// How far an input has been read ahead.
#[derive(Default)]
struct Ahead {
    /// All streams that the header promises are known.
    complete: bool,
    /// Streams that have shown a packet, by number.
    seen: Vec<bool>,
    packets: usize,
    bytes: usize,
    first: Option<Timestamp>,
    span: Duration,
}

impl Ahead {
    fn saw(&mut self, packet: &Packet, streams: &[StreamParams]) {
        self.packets += 1;
        self.bytes += packet.data.len();
        let Some(stream) = streams.get(packet.stream) else { return };
        self.seen.resize(streams.len(), false);
        self.seen[packet.stream] = true;
        let at = stream.time_base.at(packet.dts);
        self.span = self.span.max(at.since(*self.first.get_or_insert(at)));
    }

    fn is_enough(&self, streams: &[StreamParams]) -> bool {
        let settled = |(number, stream): (usize, &StreamParams)| {
            // A container that says where a stream starts spares the look.
            stream.media() == MediaKind::Other
                || stream.start.is_some()
                || self.seen.get(number).copied().unwrap_or(false)
        };
        let all_settled = !streams.is_empty() && streams.iter().enumerate().all(settled);
        self.complete && all_settled
            || self.bytes > AHEAD_BYTES
            || self.packets > AHEAD_PACKETS
            || self.span > AHEAD_TIME
    }
}

type Opened = (Format, Box<dyn PacketSource>);

/// Opens a URL, and finds its format where its protocol has none.
fn open(spec: &InputSpec, stopper: &Stopper, journal: &Arc<Journal>) -> Result<Opened> {
    let mut options = SourceOptions {
        timeout: spec.timeout,
        reconnect: spec.reconnect,
        tls: spec.tls.clone(),
        rtmp: spec.rtmp.clone(),
        buffer: spec.buffer,
        http: spec.http.clone(),
        format: None,
        journal: journal.clone(),
        stopper: stopper.clone(),
    };
    // A device has no bytes, and its url is its name.
    if let Some(device) = spec.format.as_deref().and_then(InputDevice::find) {
        let format = Format { names: device.name, description: device.description };
        return Ok((format, device.open(spec, &options)?));
    }
    let url = Url::parse(&spec.url);
    let failed = |source| Error::media(&spec.url, source);
    let named = spec.format.as_deref().map(brooklet_format::demuxer).transpose().map_err(failed)?;
    options.format = named.map(|format| format.names);
    // A generated source has no bytes, and its name is a text of its own.
    if named.is_some_and(|format| format.is_generated()) {
        return demuxed(spec, named, Box::new(Nothing));
    }
    let scheme = protocol::scheme(&url)?;
    let described = match named {
        Some(format) => format.has_name("sdp"),
        None => url.rest.to_ascii_lowercase().ends_with(".sdp"),
    };
    if !cfg!(feature = "rtp") && (described || spec.buffer.is_some()) {
        let what = if described { "RTP, which that describes" } else { "-buffer, which comes with RTP" };
        return Err(Error::Usage(format!("{}: this smaller program has no {what}", spec.url)));
    }
    // Samples in datagrams have no packets of their own: what plays them must see the datagrams.
    if let (Some(format), true, "udp") = (named, spec.buffer.is_some(), url.scheme.as_str()) {
        let pcm = demuxed::raw_sound(spec, format).ok_or_else(|| {
            Error::Usage(format!(
                "{}: -buffer plays rtp:// and bare samples (-f s16le) over udp://",
                spec.url
            ))
        })?;
        return Ok((format.into(), crate::voice::open_raw(&url, pcm, spec, &options)?));
    }
    if described && let Origin::Bytes(mut source) = scheme.open_source(&url, &options)? {
        let text = read_text(source.as_mut())?;
        let format = brooklet_format::demuxer("sdp").map_err(failed)?;
        return Ok((format.into(), crate::rtp::open_described(&url, &text, &options)?));
    }
    match scheme.open_source(&url, &options)? {
        Origin::Bytes(source) => demuxed(spec, named, source),
        Origin::Packets(source) => {
            let usual = brooklet_format::demuxer(scheme.default_format().unwrap_or("flv"));
            Ok((named.map_or(usual, Ok).map_err(failed)?.into(), source))
        }
    }
}

/// A description, whole; what is longer than any is cut off, and will be refused.
fn read_text(source: &mut dyn protocol::ByteSource) -> Result<String> {
    const MOST: usize = 128 << 10;
    let mut text = Vec::new();
    loop {
        let bytes = source.read()?;
        if bytes.is_empty() || text.len() > MOST {
            return Ok(String::from_utf8_lossy(&text).into_owned());
        }
        text.extend_from_slice(&bytes);
    }
}

fn demuxed(
    spec: &InputSpec,
    named: Option<&'static DemuxerInfo>,
    source: Box<dyn ByteSource>,
) -> Result<Opened> {
    let (format, source) = Demuxed::open(spec, named, source)?;
    let source = if spec.wallclock { Box::new(Stamped::new(source)) } else { source };
    Ok((format.into(), source))
}

impl From<&'static DemuxerInfo> for Format {
    fn from(info: &'static DemuxerInfo) -> Self {
        Self { names: info.names, description: info.description }
    }
}
