//! A stream to a sink of the sound server.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, MutexGuard};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use brooklet_media::ChannelLayout;
use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{
    ChannelVolume, Command, CorkStreamParams, CreatePlaybackStreamReply, LatencyParams, PlaybackLatency,
    PlaybackStreamParams, PulseError, SetStreamVolumeParams, Volume,
};

use super::connection::{Connection, Listener, Trouble, Wire};
use super::{list, spec};
use crate::backend::Taken;
use crate::list::DeviceKind;
use crate::speaker::SpeakerOptions;
use crate::speaker::feed::Feed;
use crate::speaker::line::{Line, Over, State};
use crate::{Error, Result};

/// How often the server is asked where it is.
const REPORT: Duration = Duration::from_millis(100);
/// The most that waits within the server; the rest of the latency waits here, where it can be forgotten.
const MOST_AHEAD: Duration = Duration::from_millis(250);

/// A stream that plays what a [`Line`] holds.
#[derive(Debug)]
pub(crate) struct Playback {
    name: String,
    line: Arc<Line>,
    connection: Connection,
    stream: Stream,
    /// Has the clock look now.
    nudge: Sender<()>,
}

/// Ends a stream, and its connection, from any thread.
#[derive(Clone, Debug)]
pub(crate) struct HangUp(Arc<Wire>);

impl HangUp {
    pub(super) fn new(wire: &Arc<Wire>) -> Self {
        Self(wire.clone())
    }

    pub(crate) fn hang_up(&self) {
        self.0.hang_up();
    }
}

/// The stream's numbers at the server.
#[derive(Clone, Copy, Debug)]
struct Stream {
    channel: u32,
    index: u32,
    channels: u8,
}

impl Playback {
    /// Opens a stream for what the server takes of `options`: packed, 64-bit floats as 32-bit ones.
    pub(crate) fn open(name: &str, options: &SpeakerOptions) -> Result<(Self, Arc<Line>, Taken)> {
        let format = spec::nearest(options.format);
        let wanted = spec::sample_spec(format, options.rate, options.layout).ok_or_else(|| Error::Media {
            device: name.into(),
            source: brooklet_media::Error::unsupported(
                format!("sound of {} Hz, {}", options.rate, options.layout),
                "1 to 768000 Hz, 1 to 32 channels",
            ),
        })?;
        let ahead = (options.latency / 2).min(MOST_AHEAD);
        let feed = Feed::new(format, options.rate, options.layout.channels(), options.latency, ahead);
        let frame_bytes = feed.frame_bytes();
        let line = Arc::new(Line::new(feed, options.rate));
        let (connection, reader) = Connection::open()?;
        let (nudge, nudges) = mpsc::channel();
        let feeder =
            Feeder { line: line.clone(), wire: connection.wire().clone(), frame_bytes, nudge: nudge.clone() };
        connection.listen(reader, feeder)?;
        let target = spec::bytes(wanted, ahead);
        let request = PlaybackStreamParams {
            sample_spec: wanted,
            channel_map: spec::channel_map(options.layout),
            sink_name: options.device.as_deref().filter(|name| *name != "default").map(spec::text),
            buffer_attr: BufferAttr {
                target_length: target,
                // It starts with the first sound: what waits long enough to start with waits in the feed.
                pre_buffering: frame_bytes as u32,
                minimum_request_length: spec::bytes(wanted, ahead / 4),
                ..BufferAttr::default()
            },
            props: spec::props(&options.title),
            flags: StreamFlags {
                adjust_latency: true,
                no_remap_channels: matches!(options.layout, ChannelLayout::Unknown(_)),
                ..StreamFlags::default()
            },
            ..PlaybackStreamParams::default()
        };
        let reply: CreatePlaybackStreamReply =
            connection.wire().ask(&Command::CreatePlaybackStream(request)).map_err(|why| match why {
                Trouble::Refused(PulseError::NoEntity) => {
                    list::no_device(connection.wire(), DeviceKind::Speaker, name)
                }
                other => other.about(name, "cannot open"),
            })?;
        let stream = Stream { channel: reply.channel, index: reply.stream_index, channels: wanted.channels };
        line.lock().wanted += reply.requested_bytes as usize / frame_bytes;
        let playback = Self { name: name.into(), line: line.clone(), connection, stream, nudge };
        playback.watch(options.latency, nudges)?;
        Ok((playback, line, Taken { format, rate: options.rate, layout: options.layout }))
    }

    /// Hands the server what it has asked for.
    pub(crate) fn pump(&self, state: &mut State) {
        pump(self.connection.wire(), self.stream.channel, state, &self.line);
    }

    /// Blocks until what the server was given has been heard.
    pub(crate) fn drain(&self) -> Result<()> {
        // How long that takes, only the sound knows.
        let drained = self.connection.wire().tell(&Command::DrainPlaybackStream(self.stream.channel), None);
        drained.map_err(|why| why.about(&self.name, "cannot play to the end"))
    }

    pub(crate) fn pause(&self, paused: bool) -> Result<()> {
        let cork = CorkStreamParams { channel: self.stream.channel, cork: paused };
        let done = self.connection.wire().order(&Command::CorkPlaybackStream(cork));
        done.map_err(|why| why.about(&self.name, "cannot pause"))?;
        // Where it has ended, there is nothing to look at.
        let _ = self.nudge.send(());
        Ok(())
    }

    /// Forgets what the server was given. To be called with nobody pumping.
    pub(crate) fn flush(&self) -> Result<()> {
        let done = self.connection.wire().order(&Command::FlushPlaybackStream(self.stream.channel));
        done.map_err(|why| why.about(&self.name, "cannot flush"))
    }

    /// The stream's own volume, 1 for as it is.
    pub(crate) fn set_volume(&self, volume: f32) -> Result<()> {
        let mut all = ChannelVolume::empty();
        (0..self.stream.channels).for_each(|_| all.push(Volume::from_linear(volume.max(0.0))));
        let set = SetStreamVolumeParams { index: self.stream.index, volume: all };
        let done = self.connection.wire().order(&Command::SetSinkInputVolume(set));
        done.map_err(|why| why.about(&self.name, "cannot set the volume"))
    }

    /// The way to end it at once.
    pub(crate) fn hang_up(&self) -> HangUp {
        HangUp::new(self.connection.wire())
    }

    /// Starts the thread that asks where the server is, and lets go what waits too long to start.
    fn watch(&self, patience: Duration, nudges: Receiver<()>) -> Result<()> {
        let (line, wire, channel) = (self.line.clone(), self.connection.wire().clone(), self.stream.channel);
        let watch = move || {
            while line.lock().over.is_none() {
                let mut state = line.lock();
                state.lose_patience(patience);
                pump(&wire, channel, &mut state, &line);
                // Where the server has no answer for this stream, the clock goes on by itself.
                if let Err(Trouble::Gone) = ask_where(&wire, channel, &line, state) {
                    return;
                }
                if nudges.recv_timeout(REPORT) == Err(RecvTimeoutError::Disconnected) {
                    return;
                }
            }
        };
        let started = thread::Builder::new().name("speaker's clock".into()).spawn(watch);
        let device = self.name.clone();
        started.map(drop).map_err(|source| Error::Device { device, what: "cannot start a thread", source })
    }
}

/// Hands the server what it has asked for.
fn pump(wire: &Wire, channel: u32, state: &mut State, line: &Line) {
    let mut sound = Vec::new();
    state.pull(&mut sound);
    if !sound.is_empty() {
        // Where it is gone, the thread that reads tells.
        let _ = wire.send_sound(channel, &sound, state.feed.frame_bytes());
        line.wake();
    }
}

/// Asks how much of what it was given the server has played, and notes it.
fn ask_where(wire: &Wire, channel: u32, line: &Line, state: MutexGuard<'_, State>) -> Result<(), Trouble> {
    // Sent under the lock, so that it is known what the server had been given by then.
    let (given, epoch, frame_bytes) = (state.feed.given(), state.epoch, state.feed.frame_bytes());
    let (asked, now) = (Instant::now(), SystemTime::now());
    let question = wire.send(&Command::GetPlaybackLatency(LatencyParams { channel, now }));
    drop(state);
    let report: PlaybackLatency = wire.answer(question?)?;
    let answered = Instant::now();
    // The server's word on when it looked, as far as that can be.
    let looked = asked + report.remote_time.duration_since(now).unwrap_or_default();
    let queued = report.write_offset.saturating_sub(report.read_offset).max(0) as u64 / frame_bytes as u64;
    let mut state = line.lock();
    if state.epoch == epoch {
        let within = state.frames(Duration::from_micros(report.sink_usec)) + queued;
        let moving = report.playing && !state.paused;
        state.position.report(given.saturating_sub(within), looked.min(answered), moving);
    }
    Ok(())
}

/// Answers the server's requests.
struct Feeder {
    line: Arc<Line>,
    wire: Arc<Wire>,
    frame_bytes: usize,
    nudge: Sender<()>,
}

impl Listener for Feeder {
    fn event(&mut self, event: Command) {
        match event {
            Command::Request(request) => {
                let mut state = self.line.lock();
                state.wanted = state.wanted.saturating_add(request.length as usize / self.frame_bytes);
                pump(&self.wire, request.channel, &mut state, &self.line);
            }
            Command::Underflow(_) => self.line.lock().feed.note_underrun(),
            // Its clock has begun to move, or is another one.
            Command::Started(_) | Command::PlaybackStreamMoved(_) => drop(self.nudge.send(())),
            Command::PlaybackStreamKilled(_) => self.line.end(Over::Gone),
            _ => {}
        }
    }

    fn sound(&mut self, _: &[u8]) {}

    fn gone(&mut self) {
        self.line.end(Over::Gone);
    }
}
