//! What a stream is: everything that is known of it before its first packet.

use core::fmt;

use bytes::Bytes;

use crate::{ChannelLayout, Color, PixelFormat, Rational, SampleFormat, TimeBase};

/// A codec, under ffmpeg's name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum CodecId {
    /// H.264, ISO/IEC 14496-10. `extradata` is an AVCDecoderConfigurationRecord.
    H264,
    /// HEVC, ISO/IEC 23008-2. `extradata` is an HEVCDecoderConfigurationRecord.
    Hevc,
    /// AV1. `extradata` is an AV1CodecConfigurationRecord.
    Av1,
    /// VP8. `extradata` is a VPCodecConfigurationRecord, or empty.
    Vp8,
    /// VP9. `extradata` is a VPCodecConfigurationRecord, or empty.
    Vp9,
    /// MPEG-2 video.
    Mpeg2Video,
    /// MPEG-4 part 2 video.
    Mpeg4,
    /// Motion JPEG.
    Mjpeg,
    /// Pictures as they are in memory, rows without padding.
    RawVideo,
    /// AAC, ISO/IEC 14496-3. `extradata` is an AudioSpecificConfig.
    Aac,
    /// MPEG-1/2 layer III.
    Mp3,
    /// MPEG-1/2 layer II.
    Mp2,
    /// Opus. `extradata` is an OpusHead (RFC 7845 §5.1).
    Opus,
    /// FLAC. `extradata` is its STREAMINFO.
    Flac,
    /// AC-3.
    Ac3,
    /// Enhanced AC-3.
    Eac3,
    /// Vorbis.
    Vorbis,
    /// ITU-T G.722 at 64 kbit/s.
    G722,
    /// Uncompressed sound.
    Pcm(PcmFormat),
    /// Timed text in MP4 (3GPP TS 26.245).
    MovText,
    /// One that has no name here: its FourCC, stream type or tag number, for error messages and copies.
    Unknown(u32),
}

/// How uncompressed sound is stored in a file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PcmFormat {
    /// Unsigned 8-bit.
    U8,
    /// Signed 16-bit, little-endian.
    S16Le,
    /// Signed 16-bit, big-endian.
    S16Be,
    /// Signed 24-bit, little-endian.
    S24Le,
    /// Signed 24-bit, big-endian.
    S24Be,
    /// Signed 32-bit, little-endian.
    S32Le,
    /// Signed 32-bit, big-endian.
    S32Be,
    /// 32-bit float, little-endian.
    F32Le,
    /// 32-bit float, big-endian.
    F32Be,
    /// 64-bit float, little-endian.
    F64Le,
    /// 64-bit float, big-endian.
    F64Be,
    /// ITU-T G.711 A-law.
    Alaw,
    /// ITU-T G.711 µ-law.
    Mulaw,
}

impl PcmFormat {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 13] = [
        Self::U8,
        Self::S16Le,
        Self::S16Be,
        Self::S24Le,
        Self::S24Be,
        Self::S32Le,
        Self::S32Be,
        Self::F32Le,
        Self::F32Be,
        Self::F64Le,
        Self::F64Be,
        Self::Alaw,
        Self::Mulaw,
    ];

    /// The suffix of ffmpeg's codec name and its raw format's name: `s16le`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::S16Le => "s16le",
            Self::S16Be => "s16be",
            Self::S24Le => "s24le",
            Self::S24Be => "s24be",
            Self::S32Le => "s32le",
            Self::S32Be => "s32be",
            Self::F32Le => "f32le",
            Self::F32Be => "f32be",
            Self::F64Le => "f64le",
            Self::F64Be => "f64be",
            Self::Alaw => "alaw",
            Self::Mulaw => "mulaw",
        }
    }

    /// Bytes of one stored sample of one channel.
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::Alaw | Self::Mulaw => 1,
            Self::S16Le | Self::S16Be => 2,
            Self::S24Le | Self::S24Be => 3,
            Self::S32Le | Self::S32Be | Self::F32Le | Self::F32Be => 4,
            Self::F64Le | Self::F64Be => 8,
        }
    }

    /// What it decodes to without loss.
    pub const fn sample_format(self) -> SampleFormat {
        match self {
            Self::U8 => SampleFormat::U8,
            Self::S16Le | Self::S16Be | Self::Alaw | Self::Mulaw => SampleFormat::S16,
            Self::S24Le | Self::S24Be | Self::S32Le | Self::S32Be => SampleFormat::S32,
            Self::F32Le | Self::F32Be => SampleFormat::F32,
            Self::F64Le | Self::F64Be => SampleFormat::F64,
        }
    }
}

impl CodecId {
    /// ffmpeg's name; `unknown` for one that has none.
    pub const fn name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::Hevc => "hevc",
            Self::Av1 => "av1",
            Self::Vp8 => "vp8",
            Self::Vp9 => "vp9",
            Self::Mpeg2Video => "mpeg2video",
            Self::Mpeg4 => "mpeg4",
            Self::Mjpeg => "mjpeg",
            Self::RawVideo => "rawvideo",
            Self::Aac => "aac",
            Self::Mp3 => "mp3",
            Self::Mp2 => "mp2",
            Self::Opus => "opus",
            Self::Flac => "flac",
            Self::Ac3 => "ac3",
            Self::Eac3 => "eac3",
            Self::Vorbis => "vorbis",
            Self::G722 => "g722",
            Self::Pcm(PcmFormat::U8) => "pcm_u8",
            Self::Pcm(PcmFormat::S16Le) => "pcm_s16le",
            Self::Pcm(PcmFormat::S16Be) => "pcm_s16be",
            Self::Pcm(PcmFormat::S24Le) => "pcm_s24le",
            Self::Pcm(PcmFormat::S24Be) => "pcm_s24be",
            Self::Pcm(PcmFormat::S32Le) => "pcm_s32le",
            Self::Pcm(PcmFormat::S32Be) => "pcm_s32be",
            Self::Pcm(PcmFormat::F32Le) => "pcm_f32le",
            Self::Pcm(PcmFormat::F32Be) => "pcm_f32be",
            Self::Pcm(PcmFormat::F64Le) => "pcm_f64le",
            Self::Pcm(PcmFormat::F64Be) => "pcm_f64be",
            Self::Pcm(PcmFormat::Alaw) => "pcm_alaw",
            Self::Pcm(PcmFormat::Mulaw) => "pcm_mulaw",
            Self::MovText => "mov_text",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl fmt::Display for CodecId {
    /// ffmpeg's name; for an unknown one its FourCC, where it is one, or its number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(tag) => {
                let letters = tag.to_be_bytes();
                match core::str::from_utf8(&letters) {
                    Ok(text) if letters.iter().all(|b| b.is_ascii_graphic() || *b == b' ') => {
                        write!(f, "'{text}'")
                    }
                    _ => write!(f, "{tag:#x}"),
                }
            }
            known => f.write_str(known.name()),
        }
    }
}

/// What kind of stream, without its parameters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MediaKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// Subtitles, data: copied at most.
    Other,
}

impl MediaKind {
    /// `video`, `audio` or `data`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Other => "data",
        }
    }
}

/// Parameters of pictures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VideoParams {
    /// Pixels in a row; 0 where not known yet.
    pub width: u32,
    /// Rows; 0 where not known yet.
    pub height: u32,
    /// What it decodes to, or is stored as.
    pub format: Option<PixelFormat>,
    /// Average pictures in a second.
    pub frame_rate: Option<Rational>,
    /// Width over height of one sample.
    pub sample_aspect: Rational,
    /// What luma and chroma mean.
    pub color: Color,
    /// How many pictures may be decoded before the first of them is shown; 0 without B-frames.
    pub reorder: u8,
}

impl VideoParams {
    /// Square samples, no B-frames, nothing else known.
    pub const fn new(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            format: None,
            frame_rate: None,
            sample_aspect: Rational::ONE,
            color: Color { range: crate::Range::Limited, matrix: crate::Matrix::Unspecified },
            reorder: 0,
        }
    }
}

/// Parameters of sound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AudioParams {
    /// Samples of each channel in a second.
    pub rate: u32,
    /// The channels.
    pub layout: ChannelLayout,
    /// What it decodes to, or is stored as.
    pub format: Option<SampleFormat>,
    /// Samples of each channel in a packet, where that is constant: 1024 for AAC-LC.
    pub frame_samples: Option<u32>,
}

impl AudioParams {
    /// Of no known format and packet length.
    pub const fn new(rate: u32, layout: ChannelLayout) -> Self {
        Self { rate, layout, format: None, frame_samples: None }
    }
}

/// The parameters that depend on the kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StreamKind {
    /// Pictures.
    Video(VideoParams),
    /// Sound.
    Audio(AudioParams),
    /// Anything else.
    Other,
}

/// What one stream is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamParams {
    /// The codec.
    pub codec: CodecId,
    /// Pictures, sound or other, with their parameters.
    pub kind: StreamKind,
    /// The clock of its packets.
    pub time_base: TimeBase,
    /// Out-of-band configuration, as the [`CodecId`] says; empty where there is none.
    pub extradata: Bytes,
    /// Average bit/s, where the container says.
    pub bit_rate: Option<u64>,
    /// First pts in ticks of `time_base`, where the container says.
    pub start: Option<i64>,
    /// Length in ticks of `time_base`, where the container says.
    pub duration: Option<i64>,
    /// ISO 639-2 language.
    pub language: Option<[u8; 3]>,
    /// Whether the container marks it as one to choose.
    pub default: bool,
}

impl StreamParams {
    /// A video stream of which nothing else is known.
    pub fn video(codec: CodecId, time_base: TimeBase, video: VideoParams) -> Self {
        Self::new(codec, time_base, StreamKind::Video(video))
    }

    /// An audio stream of which nothing else is known.
    pub fn audio(codec: CodecId, time_base: TimeBase, audio: AudioParams) -> Self {
        Self::new(codec, time_base, StreamKind::Audio(audio))
    }

    /// A stream of `kind` of which nothing else is known.
    pub fn new(codec: CodecId, time_base: TimeBase, kind: StreamKind) -> Self {
        Self {
            codec,
            kind,
            time_base,
            extradata: Bytes::new(),
            bit_rate: None,
            start: None,
            duration: None,
            language: None,
            default: false,
        }
    }

    /// The kind alone.
    pub const fn media(&self) -> MediaKind {
        match self.kind {
            StreamKind::Video(_) => MediaKind::Video,
            StreamKind::Audio(_) => MediaKind::Audio,
            StreamKind::Other => MediaKind::Other,
        }
    }

    /// The parameters of pictures, where it is video.
    pub const fn as_video(&self) -> Option<&VideoParams> {
        match &self.kind {
            StreamKind::Video(video) => Some(video),
            _ => None,
        }
    }

    /// The parameters of sound, where it is audio.
    pub const fn as_audio(&self) -> Option<&AudioParams> {
        match &self.kind {
            StreamKind::Audio(audio) => Some(audio),
            _ => None,
        }
    }
}
