//! What options write into, and what becomes of it when the URL comes.

use std::path::PathBuf;
use std::time::Duration;

use brooklet::hub::HubOptions;
use brooklet::job::{CodecChoice, InputSpec, Listen, Map, OutputSpec, Specifier};
use brooklet::protocol::TlsOptions;
use brooklet::rtmp::RtmpServerOptions;
use brooklet_media::Rational;

use super::error::UsageError;
use super::given::Given;
use super::values::{self, Bare};
use crate::log::Level;

/// Options of the whole run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Globals {
    /// What to do about files that exist.
    pub(crate) overwrite: Overwrite,
    /// How much to say.
    pub(crate) level: Level,
    /// Whether to leave out the line with the version.
    pub(crate) hide_banner: bool,
    /// Whether to show the status line; none leaves it to whether stderr is a terminal.
    pub(crate) stats: Option<bool>,
    /// How often to show it.
    pub(crate) stats_period: Duration,
    /// Where programs read progress.
    pub(crate) progress: Option<String>,
    /// Whether keys may be read from stdin.
    pub(crate) stdin: bool,
    /// Whether timestamps stay as they are in the inputs.
    pub(crate) copy_timestamps: bool,
    /// Where to describe what is sent by RTP.
    pub(crate) sdp_file: Option<PathBuf>,
}

impl Default for Globals {
    fn default() -> Self {
        Self {
            overwrite: Overwrite::Ask,
            level: Level::Info,
            hide_banner: false,
            stats: None,
            stats_period: Duration::from_millis(500),
            progress: None,
            stdin: true,
            copy_timestamps: false,
            sdp_file: None,
        }
    }
}

/// What to do about an output file that exists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Overwrite {
    /// Ask on a terminal, else refuse.
    Ask,
    /// `-y`.
    Always,
    /// `-n`.
    Never,
}

/// An input in the making.
#[derive(Default)]
pub(crate) struct InputDraft {
    /// As far as it is known.
    pub(crate) spec: InputSpec,
    /// `-timeout`, whose unit depends on the URL.
    pub(crate) timeout: Option<Given>,
    /// Lines for the user.
    pub(crate) notes: Vec<String>,
}

impl InputDraft {
    /// The input, now that its URL is known.
    pub(super) fn finish(mut self, url: String, notes: &mut Vec<String>) -> Result<InputSpec, UsageError> {
        if let (Some(start), Some(end)) = (self.spec.start, self.spec.end)
            && end <= start
        {
            let why = format!("it ends before it starts: -ss {}, -to {}", seconds(start), seconds(end));
            return Err(UsageError::Refused { option: "to".into(), why });
        }
        if self.spec.duration.is_some() && self.spec.end.take().is_some() {
            self.notes.push("-t and -to of one input say the same thing twice: -t is taken".into());
        }
        if let Some(timeout) = &self.timeout {
            self.spec.timeout = read_timeout(timeout, &url)?;
        }
        self.spec.url = url;
        notes.append(&mut self.notes);
        Ok(self.spec)
    }
}

/// An output in the making.
#[derive(Default)]
pub(crate) struct OutputDraft {
    /// As far as it is known.
    pub(crate) spec: OutputSpec,
    /// `-timeout`, whose unit depends on the URL.
    pub(crate) timeout: Option<Given>,
    /// `-maxrate`, which stands for `-b:v` where there is none.
    pub(crate) max_rate: Option<u64>,
    /// `-pix_fmt` of a format that nothing here has, and what is wrong with it where it must be kept.
    pub(crate) foreign_format: Option<(String, UsageError)>,
    /// `-sn`, `-dn`.
    pub(crate) drop_other: bool,
    /// Lines for the user.
    pub(crate) notes: Vec<String>,
}

impl OutputDraft {
    /// The output, now that its URL is known.
    pub(super) fn finish(mut self, url: String, notes: &mut Vec<String>) -> Result<OutputSpec, UsageError> {
        if self.spec.duration.is_some() && self.spec.end.take().is_some() {
            self.notes.push("-t and -to of one output say the same thing twice: -t is taken".into());
        }
        if let Some(timeout) = &self.timeout {
            self.spec.timeout = read_timeout(timeout, &url)?;
            if is_rtmp(&url) && self.spec.listen == Listen::No && timeout.flag.name == "timeout" {
                self.notes.push("-timeout without -listen 1 is how long the server may take".into());
            }
        }
        if let (Some(rate), None) = (self.max_rate, self.spec.video.bit_rate) {
            self.spec.video.bit_rate = Some(rate);
            self.spec.video.quality = None;
            self.notes.push("-maxrate is taken for -b:v: the encoder keeps an average, not a ceiling".into());
        }
        if let Some((format, error)) = self.foreign_format.take() {
            match &self.spec.video.codec {
                CodecChoice::Named(codec) if codec != "rawvideo" => self
                    .notes
                    .push(format!("{codec} takes no {format}; it takes what is nearest to what comes")),
                _ => return Err(error),
            }
        }
        if self.drop_other {
            self.leave_out_other_streams();
        }
        self.spec.url = url;
        notes.append(&mut self.notes);
        Ok(self.spec)
    }

    /// Takes subtitles and data out of what `-map` chose; without `-map` they are not chosen.
    fn leave_out_other_streams(&mut self) {
        let mut inputs: Vec<usize> = self.spec.maps.iter().map(|map| map.input).collect();
        inputs.sort_unstable();
        inputs.dedup();
        let streams = Specifier::Other(None);
        let leave_out = |input| Map { input, streams, optional: true, negative: true };
        self.spec.maps.extend(inputs.into_iter().map(leave_out));
    }
}

/// Options of `brooklet probe`.
#[derive(Default)]
pub(crate) struct ProbeOptions {
    /// `-json`.
    pub(crate) json: bool,
}

/// Options of `brooklet demo`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DemoOptions {
    /// Pixels.
    pub(crate) size: (u32, u32),
    /// Pictures in a second.
    pub(crate) rate: Rational,
    /// Where it waits for viewers.
    pub(crate) rtmp: String,
    /// Where it sends datagrams.
    pub(crate) udp: String,
    /// Where it shows itself to browsers, where that was said.
    #[cfg(feature = "webrtc")]
    pub(crate) http: Option<String>,
    /// How long; none is until it is stopped.
    pub(crate) duration: Option<Duration>,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self {
            size: (640, 360),
            rate: Rational::whole(30),
            rtmp: "rtmp://127.0.0.1:1935/live/app".into(),
            udp: "udp://127.0.0.1:48550?pkt_size=1316".into(),
            #[cfg(feature = "webrtc")]
            http: None,
            duration: None,
        }
    }
}

/// Options of `brooklet serve`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServeOptions {
    /// Where it listens: host and port.
    pub(crate) rtmp: String,
    /// Where it listens within TLS as well.
    pub(crate) rtmps: Option<String>,
    /// Where it shows its streams over HTTP, and within TLS.
    pub(crate) http: Option<String>,
    pub(crate) https: Option<String>,
    /// The certificate for what is within TLS, and its key.
    pub(crate) tls: TlsOptions,
    /// How it treats those who come.
    pub(crate) server: RtmpServerOptions,
    /// How it treats their streams.
    pub(crate) hub: HubOptions,
    /// How it treats those who come by WebRTC.
    #[cfg(feature = "webrtc")]
    pub(crate) camera: CameraOptions,
}

/// How those are treated who come by WebRTC.
#[cfg(feature = "webrtc")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CameraOptions {
    /// Who may come.
    pub(crate) webrtc: brooklet_server::webrtc::WebRtcOptions,
    /// What they get.
    pub(crate) gateway: brooklet::webrtc::GatewayOptions,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            rtmp: "127.0.0.1:1935".into(),
            rtmps: None,
            http: None,
            https: None,
            tls: TlsOptions::default(),
            server: RtmpServerOptions::default(),
            hub: HubOptions::default(),
            #[cfg(feature = "webrtc")]
            camera: CameraOptions::default(),
        }
    }
}

/// `-timeout` is in microseconds, but for RTMP in seconds, as in ffmpeg; `-rw_timeout` is always in microseconds.
fn read_timeout(given: &Given, url: &str) -> Result<Option<Duration>, UsageError> {
    let bare = if is_rtmp(url) && given.flag.name == "timeout" { Bare::Seconds } else { Bare::Micros };
    let expected = match bare {
        Bare::Seconds => "a timeout (seconds, or 5s, 500ms; -1 is for ever)",
        _ => "a timeout (microseconds, or 5s, 500ms; 0 is for ever)",
    };
    given.read(values::timeout(&given.value, bare), expected)
}

fn is_rtmp(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| scheme.starts_with("rtmp"))
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}
