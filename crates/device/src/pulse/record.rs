//! A stream from a source of the sound server.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use brooklet_media::{ChannelLayout, Timestamp};
use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{
    Command, CreateRecordStreamReply, LatencyParams, PulseError, RecordLatency, RecordStreamParams,
};

use super::connection::{Connection, Listener, Trouble, Wire};
use super::playback::HangUp;
use super::{list, spec};
use crate::backend::Taken;
use crate::clock::capture_time;
use crate::list::DeviceKind;
use crate::microphone::MicrophoneOptions;
use crate::microphone::backlog::{Backlog, Fragment, Over};
use crate::{Error, Result};

/// How often the server is asked when what it sends was captured.
const REPORT: Duration = Duration::from_millis(250);
/// Sound that waits for its reader.
const BACKLOG: Duration = Duration::from_secs(1);

/// A stream that records into a [`Backlog`].
#[derive(Debug)]
pub(crate) struct Recording {
    connection: Connection,
    /// The clock's thread ends with it.
    _clock: Sender<()>,
}

impl Recording {
    /// Opens a stream, and starts it.
    pub(crate) fn open(name: &str, options: &MicrophoneOptions) -> Result<(Self, Arc<Backlog>, Taken)> {
        let wanted =
            spec::sample_spec(options.format, options.rate, options.layout).ok_or_else(|| Error::Media {
                device: name.into(),
                source: brooklet_media::Error::unsupported(
                    format!("recording {} at {} Hz, {}", options.format, options.rate, options.layout),
                    "u8, s16, s32 and flt at 1 to 768000 Hz, 1 to 32 channels",
                ),
            })?;
        let frame_bytes = options.format.bytes() * options.layout.channels();
        let backlog = Arc::new(Backlog::new(spec::bytes(wanted, BACKLOG) as usize, frame_bytes));
        let (connection, reader) = Connection::open()?;
        let report = Arc::new(Mutex::new(None));
        let listener = Receiving {
            backlog: backlog.clone(),
            report: report.clone(),
            rate: options.rate,
            frame_bytes,
            captured: 0,
            early: Vec::new(),
        };
        connection.listen(reader, listener)?;
        let device = options.device.as_deref().filter(|name| *name != "default");
        let request = RecordStreamParams {
            sample_spec: wanted,
            channel_map: spec::channel_map(options.layout),
            source_name: device.map(spec::text),
            buffer_attr: BufferAttr {
                fragment_size: spec::bytes(wanted, options.fragment),
                ..BufferAttr::default()
            },
            props: spec::props(&options.title),
            flags: StreamFlags {
                adjust_latency: true,
                no_remap_channels: matches!(options.layout, ChannelLayout::Unknown(_)),
                // Whoever asks for one device does not want another when that is unplugged.
                no_move: device.is_some(),
                ..StreamFlags::default()
            },
            ..RecordStreamParams::default()
        };
        let reply: CreateRecordStreamReply =
            connection.wire().ask(&Command::CreateRecordStream(request)).map_err(|why| match why {
                Trouble::Refused(PulseError::NoEntity) => {
                    list::no_device(connection.wire(), DeviceKind::Microphone, name)
                }
                other => other.about(name, "cannot open"),
            })?;
        let (clock, ended) = mpsc::channel();
        let clock_of =
            Clock { wire: connection.wire().clone(), channel: reply.channel, report, ended, frame_bytes };
        let started = thread::Builder::new().name("microphone's clock".into()).spawn(move || clock_of.run());
        started.map_err(|source| Error::Device {
            device: name.into(),
            what: "cannot start a thread",
            source,
        })?;
        let taken = Taken { format: options.format, rate: options.rate, layout: options.layout };
        Ok((Self { connection, _clock: clock }, backlog, taken))
    }

    /// The way to end it at once.
    pub(crate) fn hang_up(&self) -> HangUp {
        HangUp::new(self.connection.wire())
    }
}

/// The server's word on its clock: all frames before `frames` had been in the air at `at`.
#[derive(Clone, Copy, Debug)]
struct Report {
    frames: i64,
    at: Timestamp,
}

/// Takes what the server sends.
struct Receiving {
    backlog: Arc<Backlog>,
    report: Arc<Mutex<Option<Report>>>,
    rate: u32,
    frame_bytes: usize,
    captured: u64,
    /// What came before the server's first word on its clock: the number of its first frame, and the bytes.
    early: Vec<(u64, Vec<u8>)>,
}

/// So many messages wait for the server's first word on its clock.
const EARLY: usize = 100;

impl Listener for Receiving {
    fn event(&mut self, event: Command) {
        if let Command::RecordStreamKilled(_) = event {
            self.backlog.end(Over::Gone);
        }
    }

    fn sound(&mut self, bytes: &[u8]) {
        let first = self.captured;
        self.captured += (bytes.len() / self.frame_bytes) as u64;
        self.early.push((first, bytes.to_vec()));
        let report = *self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let report = match report {
            Some(report) => report,
            None if self.early.len() < EARLY => return,
            // It has none: what comes was in the air until now, as far as can be told.
            None => Report { frames: self.captured as i64, at: capture_time() },
        };
        for (first, bytes) in self.early.drain(..) {
            let before = (report.frames - first as i64) * 1_000_000_000 / i64::from(self.rate);
            let at = Timestamp::from_nanos(report.at.as_nanos() - before);
            self.backlog.add(Fragment { first, at, bytes });
        }
    }

    fn gone(&mut self) {
        self.backlog.end(Over::Gone);
    }
}

/// Asks the server when what it sends was captured.
struct Clock {
    wire: Arc<Wire>,
    channel: u32,
    report: Arc<Mutex<Option<Report>>>,
    ended: Receiver<()>,
    frame_bytes: usize,
}

impl Clock {
    fn run(self) {
        loop {
            match self.ask() {
                Ok(report) => *self.report.lock().unwrap_or_else(PoisonError::into_inner) = Some(report),
                Err(Trouble::Gone) => return,
                // It tells nothing of this stream: the last word holds.
                Err(_) => {}
            }
            if self.ended.recv_timeout(REPORT) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    fn ask(&self) -> Result<Report, Trouble> {
        let (asked, now) = same_moment();
        let question =
            self.wire.send(&Command::GetRecordLatency(LatencyParams { channel: self.channel, now }))?;
        let report: RecordLatency = self.wire.answer(question)?;
        let answered = capture_time();
        // The server's word on when it looked, as far as that can be.
        let looked = (asked + report.remote_time.duration_since(now).unwrap_or_default()).min(answered);
        // What a source has not handed on yet is older than that; what a monitor records is not heard yet.
        let at = looked - Duration::from_micros(report.source_usec) + Duration::from_micros(report.sink_usec);
        Ok(Report { frames: report.write_offset / self.frame_bytes as i64, at })
    }
}

/// The moment now on both clocks, read without being interrupted for long in between, as far as that can be had.
fn same_moment() -> (Timestamp, SystemTime) {
    let read = || {
        let (before, now, after) = (capture_time(), SystemTime::now(), capture_time());
        (after.since(before), before, now)
    };
    let nearest = (0..4).map(|_| read()).min_by_key(|(apart, ..)| *apart);
    nearest.map_or_else(|| (capture_time(), SystemTime::now()), |(_, moment, now)| (moment, now))
}
