//! What a job is to do, in the terms of ffmpeg's command line: plain data, checked when the job starts.

use std::path::PathBuf;
use std::time::Duration;

pub use brooklet_codec::{OpusApplication, OpusEncode};
use brooklet_media::{ChannelLayout, Metadata, PixelFormat, Rational, SampleFormat};

use crate::protocol::{HttpOptions, RtmpOptions, TlsOptions};
pub use crate::stage::gap::Gap;
use crate::voice::Buffering;

/// One `-i`, with the options before it. `Default` plus a URL is a plain `-i url`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InputSpec {
    /// A path, `-`, `pipe:0`, or a URL with a scheme that the registry knows.
    pub url: String,
    /// `-f`: the container, where it is not to be found by looking.
    pub format: Option<String>,
    /// `-c:v` before `-i`: the decoder of pictures, or the codec of a raw format.
    pub video_codec: Option<String>,
    /// `-c:a` before `-i`: the decoder of sound, or the codec of a raw format.
    pub audio_codec: Option<String>,
    /// `-ss`: where to start, from the input's own start.
    pub start: Option<Duration>,
    /// `-t`: how much to read.
    pub duration: Option<Duration>,
    /// `-to`: where to stop, from the input's own start.
    pub end: Option<Duration>,
    /// `-re`: no faster than its timestamps.
    pub realtime: bool,
    /// `-use_wallclock_as_timestamps`: packets have the time at which they were read, not their own.
    pub wallclock: bool,
    /// `-stream_loop`: how often to begin again; -1 for ever.
    pub loops: i32,
    /// `-itsoffset`: nanoseconds added to every timestamp.
    pub offset_nanos: i64,
    /// `-s`, `-video_size`: of raw pictures, pixels.
    pub video_size: Option<(u32, u32)>,
    /// `-pix_fmt`: of raw pictures.
    pub pixel_format: Option<PixelFormat>,
    /// `-r`, `-framerate`: of raw pictures and of Annex B; of other inputs, in place of their timestamps.
    pub frame_rate: Option<Rational>,
    /// `-ar`: of raw sound, and of what a device gives, Hz.
    pub sample_rate: Option<u32>,
    /// `-ac`, `-channel_layout`: of raw sound, and of what a device gives.
    pub layout: Option<ChannelLayout>,
    /// `-sample_fmt`: of what a device gives.
    pub sample_format: Option<SampleFormat>,
    /// What a device that captures is to be like.
    pub device: CaptureSpec,
    /// `-timeout`, `-rw_timeout`: the longest wait for a connection or for bytes; none is for ever.
    pub timeout: Option<Duration>,
    /// `-reconnect` and its limits.
    pub reconnect: Reconnect,
    /// `-tls_verify`, `-ca_file` and their kin.
    pub tls: TlsOptions,
    /// `-rtmp_app` and its kin.
    pub rtmp: RtmpOptions,
    /// `-buffer`, `-catch_up`: of `rtp://` and of bare samples over `udp://`, sound is played as it comes: delayed, concealed and
    /// resampled to this machine's pace. Without it, it is read as it is.
    pub buffer: Option<Buffering>,
    /// `-user_agent`, `-headers` and their kin.
    pub http: HttpOptions,
    /// `-an`, `-vn` before `-i`: kinds of stream to leave out.
    pub no_audio: bool,
    /// See `no_audio`.
    pub no_video: bool,
}

/// One output URL, with the options before it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutputSpec {
    /// A path, `-`, `pipe:1`, or a URL with a scheme that the registry knows.
    pub url: String,
    /// `-f`: the container, where the name does not say.
    pub format: Option<String>,
    /// `-map`: which streams; none is ffmpeg's choice of one video and one audio stream.
    pub maps: Vec<Map>,
    /// What to do with pictures.
    pub video: VideoSpec,
    /// What to do with sound.
    pub audio: AudioSpec,
    /// `-metadata`; one without a value takes away what the input has.
    pub metadata: Metadata,
    /// `-map_metadata -1`: the tags of the input are left out.
    pub no_input_metadata: bool,
    /// `-ss`: what comes before this is decoded and dropped.
    pub start: Option<Duration>,
    /// `-t`: length of the output.
    pub duration: Option<Duration>,
    /// `-to`: end of the output.
    pub end: Option<Duration>,
    /// `-shortest`: ends with the first stream that ends.
    pub shortest: bool,
    /// `-listen`: wait for viewers rather than connect.
    pub listen: Listen,
    /// `-timeout`: the longest wait for a viewer, a connection, or room to write; none is for ever.
    pub timeout: Option<Duration>,
    /// `-reconnect` and its limits.
    pub reconnect: Reconnect,
    /// `-max_delay`: how far an RTMP server may fall behind before it skips to a key frame. Without it what is live, or
    /// read with `-re`, has 5 s, and all else waits for the server.
    pub max_delay: Option<Duration>,
    /// `-tls_verify`, `-ca_file` and their kin.
    pub tls: TlsOptions,
    /// `-rtmp_app` and its kin.
    pub rtmp: RtmpOptions,
    /// `-ice_name`, `-burst` and their kin.
    pub http: HttpOptions,
    /// `-gap`: what is heard where the source of sound that is encoded falls silent. Without it a broadcast over HTTP or to
    /// Icecast has silence, and all else waits.
    pub gap: Option<Gap>,
    /// `-buffer_duration`, `-window_title` and their kin: of an output that is a device.
    pub device: DeviceSpec,
    /// `-sdp_file`: where to describe what all outputs with this file send by `rtp://`.
    pub sdp_file: Option<PathBuf>,
    /// `-muxrate`: bit/s of an MPEG-TS of constant rate.
    pub muxrate: Option<u64>,
    /// `-flvflags`, without their `+`.
    pub flv_flags: Vec<String>,
    /// `-movflags`, without their `+`.
    pub mov_flags: Vec<String>,
    /// `-frag_duration` of MP4: how long a fragment is.
    pub frag_duration: Option<Duration>,
    /// `-copyts`: timestamps as they are in the input.
    pub copy_timestamps: bool,
    /// `-y`: replace a file that exists. Otherwise it is an error.
    pub overwrite: bool,
    /// `-re` in effect for some input, or a live source: encoders take their low-delay settings.
    pub live: Option<bool>,
}

/// What a microphone or a camera is to be like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptureSpec {
    /// `-fragment_size`: how many bytes of sound are captured before they are handed on; 20 ms where nothing is said.
    pub fragment_size: Option<u32>,
    /// `-stream_name`: what mixers show.
    pub title: Option<String>,
    /// `-input_format`: what a camera is to give: `mjpeg`, `yuyv422`, `nv12`, `h264`; the first of them that it has
    /// where nothing is said.
    pub input_format: Option<String>,
}

/// What a speaker or a window is to be like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceSpec {
    /// `-buffer_duration`: from sound's being written to its being heard; 200 ms where nothing is said.
    pub latency: Option<Duration>,
    /// `-window_title`, `-name`: what mixers and window managers show.
    pub title: Option<String>,
    /// `-window_size`, pixels: the pictures' own where nothing is said.
    pub size: Option<(u32, u32)>,
    /// `-window_x`, `-window_y`, pixels: where the window stands.
    pub position: Option<(i32, i32)>,
    /// `-window_fullscreen`.
    pub fullscreen: bool,
    /// `-window_borderless`.
    pub borderless: bool,
}

/// Whether, and how, to connect again where a live peer goes away in the middle. The first connection is never tried
/// twice: what is wrong with it is told at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconnect {
    /// `-reconnect 1`: where the connection breaks, or nothing comes for as long as `-rw_timeout` says.
    pub enabled: bool,
    /// `-reconnect_at_eof 1`: of an input, also where the server says that the stream is over.
    pub at_end: bool,
    /// `-reconnect_delay_max`: the longest wait before a try. The first wait is half a second, and each is twice the
    /// one before.
    pub delay_max: Duration,
    /// `-reconnect_max_retries`: how many tries in a row may fail; none is without limit.
    pub max_retries: Option<u32>,
}

impl Default for Reconnect {
    /// Not at all; when switched on, up to 30 s between tries, without limit.
    fn default() -> Self {
        Self { enabled: false, at_end: false, delay_max: Duration::from_secs(30), max_retries: None }
    }
}

/// How an output waits for viewers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listen {
    /// It connects.
    #[default]
    No,
    /// `-listen 1`: for one viewer; the job starts when it comes and ends when it leaves.
    One,
    /// The job runs by itself; viewers come, join at a key frame, and go.
    Many,
}

/// Which codec an output stream has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CodecChoice {
    /// What the format usually holds.
    #[default]
    Default,
    /// `copy`: no decoding.
    Copy,
    /// An encoder or codec by name.
    Named(String),
}

/// What to do with pictures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VideoSpec {
    /// `-vn`.
    pub disabled: bool,
    /// `-c:v`.
    pub codec: CodecChoice,
    /// `-b:v`, bit/s.
    pub bit_rate: Option<u64>,
    /// `-g`: the most pictures from one key frame to the next.
    pub gop: Option<u32>,
    /// `-preset`: x264's names; for AV1 numbers too.
    pub preset: Option<String>,
    /// `-qp`, or `-crf`: constant quality, 0 (best) to 51, for AV1 to 63.
    pub quality: Option<f32>,
    /// `-profile:v`.
    pub profile: Option<String>,
    /// `-level`, ten times the level: 31 for 3.1.
    pub level: Option<u8>,
    /// `-bf`: the most B-frames in a row.
    pub b_frames: Option<u32>,
    /// `-s`, pixels.
    pub size: Option<(u32, u32)>,
    /// `-pix_fmt`.
    pub pixel_format: Option<PixelFormat>,
    /// `-r`.
    pub frame_rate: Option<Rational>,
    /// `-fps_mode`.
    pub fps_mode: FpsMode,
    /// `-vf`.
    pub filters: Option<String>,
    /// `-frames:v`.
    pub frames: Option<u64>,
    /// `-force_key_frames` as times; `expr:gte(t,n_forced*N)` as an interval.
    pub force_key_frames: Vec<Duration>,
    /// See `force_key_frames`.
    pub key_frame_interval: Option<Duration>,
}

/// What to do with sound.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AudioSpec {
    /// `-an`.
    pub disabled: bool,
    /// `-c:a`.
    pub codec: CodecChoice,
    /// `-b:a`, bit/s.
    pub bit_rate: Option<u64>,
    /// `-ar`, Hz.
    pub sample_rate: Option<u32>,
    /// `-ac`, `-channel_layout`.
    pub layout: Option<ChannelLayout>,
    /// `-sample_fmt`.
    pub sample_format: Option<SampleFormat>,
    /// `-af`.
    pub filters: Option<String>,
    /// `-frames:a`: packets.
    pub frames: Option<u64>,
    /// `-compression_level`: how hard the encoder tries, where it can choose.
    pub complexity: Option<u8>,
    /// What Opus alone knows: `-application`, `-frame_duration`, `-fec` and the like.
    pub opus: OpusEncode,
}

/// `-fps_mode`, `-vsync`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FpsMode {
    /// Constant where `-r` says so or the format has no timestamps, else variable.
    #[default]
    Auto,
    /// Every frame with its timestamp.
    Passthrough,
    /// Frames are duplicated and dropped to keep the rate.
    Constant,
    /// Frames with the same timestamp are dropped.
    Variable,
}

/// `-map [-]input[:specifier][?]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Map {
    /// Number of the input.
    pub input: usize,
    /// Which of its streams.
    pub streams: Specifier,
    /// `?`: no error where there are none.
    pub optional: bool,
    /// `-`: streams to leave out of what was mapped so far.
    pub negative: bool,
}

/// A stream specifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Specifier {
    /// All.
    All,
    /// `v`, `v:1`: all video streams, or the one with this number among them.
    Video(Option<usize>),
    /// `a`, `a:1`: the same of sound.
    Audio(Option<usize>),
    /// `s`, `d`: subtitles and data.
    Other(Option<usize>),
    /// By number in the input.
    Index(usize),
}
