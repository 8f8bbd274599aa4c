//! What a codec is opened with.

use std::time::Duration;

use brooklet_media::{
    ChannelLayout, Color, Error, FramePool, PixelFormat, Rational, Result, SampleFormat, TimeBase,
};

/// How to decode.
#[derive(Clone, Debug, Default)]
pub struct DecoderOptions {
    /// A decoder by name or alias (`-c:v h264`); `None` for the one of the stream's codec.
    pub name: Option<String>,
    /// Where frames get their memory.
    pub pool: FramePool,
}

/// What to encode, and with which encoder.
#[derive(Clone, Debug)]
pub struct EncoderConfig {
    /// The encoder by name, codec name or alias: `h264`, `libx264`, `aac`, `pcm_s16le`.
    pub name: String,
    /// The shape of the frames that will come, and what to make of them.
    pub media: EncodeMedia,
}

/// The part of [`EncoderConfig`] that depends on the kind of stream.
#[derive(Clone, Debug)]
pub enum EncodeMedia {
    /// Pictures.
    Video(VideoEncode),
    /// Sound.
    Audio(AudioEncode),
}

/// Pictures to encode.
#[derive(Clone, Debug)]
pub struct VideoEncode {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The format of the frames; one that the encoder takes.
    pub format: PixelFormat,
    /// Pictures in a second: what rate control counts by, and what the stream says of itself.
    pub frame_rate: Rational,
    /// The clock of the packets. Frames on other clocks are put on this one.
    pub time_base: TimeBase,
    /// What luma and chroma mean; written into the stream.
    pub color: Color,
    /// Width over height of one sample; written into the stream.
    pub sample_aspect: Rational,
    /// Average bit/s to aim at; `None` for constant quality ([`VideoEncode::quality`]).
    pub bit_rate: Option<u64>,
    /// Quantiser of constant quality, 0 (best) to 51, for AV1 to 63 (`-qp`, `-crf`); 23, for AV1 25 where neither this
    /// nor a bit rate is given. Wins over a bit rate.
    pub quality: Option<f32>,
    /// The most pictures from one key frame to the next (`-g`). `None` for 250, or 2 s live.
    pub gop: Option<u32>,
    /// x264's name of a trade of speed for quality: `ultrafast` … `veryslow`; for AV1 also `0` (slowest) to `13`.
    pub preset: Option<String>,
    /// `baseline`, `main` or `high`.
    pub profile: Option<String>,
    /// `level_idc`, ten times the level: 31 for 3.1. `None` for the lowest that holds the stream.
    pub level: Option<u8>,
    /// Whether someone is waiting: key frames at a fixed distance only.
    pub live: bool,
}

impl VideoEncode {
    /// Pictures at constant quality, with square samples of unspecified colour, on a clock that ticks once a
    /// picture.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for a frame rate of 0.
    pub fn new(width: u32, height: u32, format: PixelFormat, frame_rate: Rational) -> Result<Self> {
        let time_base = frame_rate.time_base().ok_or_else(|| Error::Usage("video of 0 frames/s".into()))?;
        Ok(Self {
            width,
            height,
            format,
            frame_rate,
            time_base,
            color: Color::default(),
            sample_aspect: Rational::ONE,
            bit_rate: None,
            quality: None,
            gop: None,
            preset: None,
            profile: None,
            level: None,
            live: false,
        })
    }
}

/// Sound to encode. Packets come on a clock that ticks once a sample.
#[derive(Clone, Debug)]
pub struct AudioEncode {
    /// Samples of each channel in a second.
    pub rate: u32,
    /// The channels.
    pub layout: ChannelLayout,
    /// The format of the frames; one that the encoder takes.
    pub format: SampleFormat,
    /// Average bit/s to aim at; `None` for the encoder's own default.
    pub bit_rate: Option<u64>,
    /// `-compression_level`: how hard to try, of FLAC 0 (fastest) to 12, of Opus to 10; others know no such thing.
    pub complexity: Option<u8>,
    /// What Opus alone knows.
    pub opus: OpusEncode,
}

/// How to encode Opus.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpusEncode {
    /// `-application`.
    pub application: OpusApplication,
    /// `-frame_duration`: the length of a packet, 2.5, 5, 10, 20, 40, 60, 80, 100 or 120 ms.
    pub frame_duration: Duration,
    /// `-fec 1`: each packet carries a coarse copy of the one before, where `packet_loss` makes it worth while and
    /// the packet is one of speech.
    pub fec: bool,
    /// `-packet_loss`: of a hundred packets, so many are expected to be lost.
    pub packet_loss: u8,
    /// `-dtx 1`: hardly anything is sent in pauses of speech.
    pub dtx: bool,
    /// `-vbr off`: all packets are of one length.
    pub constant_rate: bool,
}

/// What sound is tuned for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OpusApplication {
    /// `audio`: nearest to the original.
    #[default]
    Audio,
    /// `voip`: most intelligible speech.
    Voip,
    /// `lowdelay`: 2.5 ms of delay in place of 6.5, without the mode for speech.
    LowDelay,
}

impl std::str::FromStr for OpusApplication {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "audio" => Ok(Self::Audio),
            "voip" => Ok(Self::Voip),
            "lowdelay" => Ok(Self::LowDelay),
            other => Err(Error::unsupported(format!("application '{other}'"), "audio, voip, lowdelay")),
        }
    }
}

impl Default for OpusEncode {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl OpusEncode {
    /// ffmpeg's defaults for libopus: `audio`, 20 ms, variable rate.
    pub const DEFAULT: Self = Self {
        application: OpusApplication::Audio,
        frame_duration: Duration::from_millis(20),
        fec: false,
        packet_loss: 0,
        dtx: false,
        constant_rate: false,
    };
}

impl AudioEncode {
    /// Sound at the encoder's default bit rate.
    pub const fn new(rate: u32, layout: ChannelLayout, format: SampleFormat) -> Self {
        Self { rate, layout, format, bit_rate: None, complexity: None, opus: OpusEncode::DEFAULT }
    }
}

impl EncoderConfig {
    /// Pictures for the encoder `name`.
    pub fn video(name: impl Into<String>, video: VideoEncode) -> Self {
        Self { name: name.into(), media: EncodeMedia::Video(video) }
    }

    /// Sound for the encoder `name`.
    pub fn audio(name: impl Into<String>, audio: AudioEncode) -> Self {
        Self { name: name.into(), media: EncodeMedia::Audio(audio) }
    }
}
