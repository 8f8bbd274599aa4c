//! The tables: what there is, what stands for what, what there is not.

#[cfg(feature = "pcm")]
use brooklet_media::PcmFormat;

use super::*;

/// All decoders, by the name of their codec.
pub static DECODERS: &[DecoderInfo] = &[
    #[cfg(feature = "h264")]
    DecoderInfo {
        name: "h264",
        codec: CodecId::H264,
        description: "H.264 / AVC / MPEG-4 AVC / MPEG-4 part 10",
    },
    #[cfg(feature = "av1")]
    DecoderInfo { name: "av1", codec: CodecId::Av1, description: "Alliance for Open Media AV1" },
    #[cfg(feature = "vp9")]
    DecoderInfo { name: "vp9", codec: CodecId::Vp9, description: "Google VP9" },
    #[cfg(feature = "mjpeg")]
    DecoderInfo { name: "mjpeg", codec: CodecId::Mjpeg, description: "MJPEG (Motion JPEG)" },
    #[cfg(feature = "rawvideo")]
    DecoderInfo { name: "rawvideo", codec: CodecId::RawVideo, description: "raw video" },
    #[cfg(feature = "aac")]
    DecoderInfo { name: "aac", codec: CodecId::Aac, description: "AAC (Advanced Audio Coding)" },
    #[cfg(feature = "mp3")]
    DecoderInfo { name: "mp3", codec: CodecId::Mp3, description: "MP3 (MPEG audio layer 3)" },
    #[cfg(feature = "mp3")]
    DecoderInfo { name: "mp2", codec: CodecId::Mp2, description: "MP2 (MPEG audio layer 2)" },
    #[cfg(feature = "opus")]
    DecoderInfo { name: "opus", codec: CodecId::Opus, description: "Opus" },
    #[cfg(feature = "g722")]
    DecoderInfo { name: "g722", codec: CodecId::G722, description: "G.722 ADPCM" },
    #[cfg(feature = "flac")]
    DecoderInfo { name: "flac", codec: CodecId::Flac, description: "FLAC (Free Lossless Audio Codec)" },
    #[cfg(feature = "vorbis")]
    DecoderInfo { name: "vorbis", codec: CodecId::Vorbis, description: "Vorbis" },
    #[cfg(feature = "pcm")]
    pcm_decoder(PcmFormat::U8),
    #[cfg(feature = "pcm")]
    pcm_decoder(PcmFormat::S16Le),
    #[cfg(feature = "pcm")]
    pcm_decoder(PcmFormat::S16Be),
    #[cfg(feature = "pcm")]
    pcm_decoder(PcmFormat::S24Le),
    #[cfg(feature = "pcm")]
    pcm_decoder(PcmFormat::S24Be),
    #[cfg(feature = "pcm")]
    pcm_decoder(PcmFormat::S32Le),
    #[cfg(feature = "pcm")]
    pcm_decoder(PcmFormat::S32Be),
    #[cfg(feature = "pcm")]
    pcm_decoder(PcmFormat::F32Le),
    #[cfg(feature = "pcm")]
    pcm_decoder(PcmFormat::F32Be),
    #[cfg(feature = "pcm")]
    pcm_decoder(PcmFormat::F64Le),
    #[cfg(feature = "pcm")]
    pcm_decoder(PcmFormat::F64Be),
    #[cfg(feature = "pcm")]
    pcm_decoder(PcmFormat::Alaw),
    #[cfg(feature = "pcm")]
    pcm_decoder(PcmFormat::Mulaw),
];

/// All encoders, by the name of their codec.
pub static ENCODERS: &[EncoderInfo] = &[
    #[cfg(feature = "h264")]
    EncoderInfo {
        name: "h264",
        codec: CodecId::H264,
        description: "H.264 / AVC / MPEG-4 AVC / MPEG-4 part 10",
        input: EncoderInput::Video { formats: &[PixelFormat::Yuv420p], multiple_of: 2 },
    },
    #[cfg(feature = "av1")]
    EncoderInfo {
        name: "av1",
        codec: CodecId::Av1,
        description: "Alliance for Open Media AV1",
        input: EncoderInput::Video { formats: &[PixelFormat::Yuv420p], multiple_of: 1 },
    },
    #[cfg(feature = "rawvideo")]
    EncoderInfo {
        name: "rawvideo",
        codec: CodecId::RawVideo,
        description: "raw video",
        input: EncoderInput::Video { formats: &PixelFormat::ALL, multiple_of: 1 },
    },
    #[cfg(feature = "aac")]
    EncoderInfo {
        name: "aac",
        codec: CodecId::Aac,
        description: "AAC (Advanced Audio Coding)",
        input: EncoderInput::Audio {
            formats: &[SampleFormat::F32p],
            rates: crate::aac::RATES,
            layouts: crate::aac::LAYOUTS,
            frame_samples: Some(brooklet_media::bitstream::aac::FRAME_SAMPLES),
        },
    },
    #[cfg(feature = "mp3")]
    EncoderInfo {
        name: "mp3",
        codec: CodecId::Mp3,
        description: "MP3 (MPEG audio layer 3)",
        input: EncoderInput::Audio {
            formats: &[SampleFormat::F32p],
            rates: crate::mp3::RATES,
            layouts: crate::mp3::LAYOUTS,
            frame_samples: None,
        },
    },
    #[cfg(feature = "opus")]
    EncoderInfo {
        name: "opus",
        codec: CodecId::Opus,
        description: "Opus",
        input: EncoderInput::Audio {
            formats: &[SampleFormat::F32],
            rates: crate::opus::RATES,
            layouts: crate::opus::LAYOUTS,
            frame_samples: None,
        },
    },
    #[cfg(feature = "g722")]
    EncoderInfo {
        name: "g722",
        codec: CodecId::G722,
        description: "G.722 ADPCM",
        input: EncoderInput::Audio {
            formats: &[SampleFormat::S16],
            rates: crate::g722::RATES,
            layouts: crate::g722::LAYOUTS,
            frame_samples: None,
        },
    },
    #[cfg(feature = "flac")]
    EncoderInfo {
        name: "flac",
        codec: CodecId::Flac,
        description: "FLAC (Free Lossless Audio Codec)",
        input: EncoderInput::Audio {
            formats: crate::flac::FORMATS,
            rates: &[],
            layouts: crate::flac::LAYOUTS,
            frame_samples: None,
        },
    },
    #[cfg(feature = "pcm")]
    pcm_encoder(PcmFormat::U8, &[SampleFormat::U8]),
    #[cfg(feature = "pcm")]
    pcm_encoder(PcmFormat::S16Le, &[SampleFormat::S16]),
    #[cfg(feature = "pcm")]
    pcm_encoder(PcmFormat::S16Be, &[SampleFormat::S16]),
    #[cfg(feature = "pcm")]
    pcm_encoder(PcmFormat::S24Le, &[SampleFormat::S32]),
    #[cfg(feature = "pcm")]
    pcm_encoder(PcmFormat::S24Be, &[SampleFormat::S32]),
    #[cfg(feature = "pcm")]
    pcm_encoder(PcmFormat::S32Le, &[SampleFormat::S32]),
    #[cfg(feature = "pcm")]
    pcm_encoder(PcmFormat::S32Be, &[SampleFormat::S32]),
    #[cfg(feature = "pcm")]
    pcm_encoder(PcmFormat::F32Le, &[SampleFormat::F32]),
    #[cfg(feature = "pcm")]
    pcm_encoder(PcmFormat::F32Be, &[SampleFormat::F32]),
    #[cfg(feature = "pcm")]
    pcm_encoder(PcmFormat::F64Le, &[SampleFormat::F64]),
    #[cfg(feature = "pcm")]
    pcm_encoder(PcmFormat::F64Be, &[SampleFormat::F64]),
    #[cfg(feature = "pcm")]
    pcm_encoder(PcmFormat::Alaw, &[SampleFormat::S16]),
    #[cfg(feature = "pcm")]
    pcm_encoder(PcmFormat::Mulaw, &[SampleFormat::S16]),
];

/// Names of ffmpeg's for encoders and decoders of what we have, and what we use in their place.
pub(super) static ALIASES: &[(&str, &str)] = &[
    ("libx264", "h264"),
    ("libx264rgb", "h264"),
    ("libopenh264", "h264"),
    ("h264_amf", "h264"),
    ("h264_cuvid", "h264"),
    ("h264_mediacodec", "h264"),
    ("h264_mf", "h264"),
    ("h264_nvenc", "h264"),
    ("h264_omx", "h264"),
    ("h264_qsv", "h264"),
    ("h264_v4l2m2m", "h264"),
    ("h264_vaapi", "h264"),
    ("h264_videotoolbox", "h264"),
    ("libaom-av1", "av1"),
    ("libdav1d", "av1"),
    ("librav1e", "av1"),
    ("libsvtav1", "av1"),
    ("av1_amf", "av1"),
    ("av1_cuvid", "av1"),
    ("av1_mediacodec", "av1"),
    ("av1_nvenc", "av1"),
    ("av1_qsv", "av1"),
    ("av1_vaapi", "av1"),
    ("libfdk_aac", "aac"),
    ("aac_at", "aac"),
    ("aac_fixed", "aac"),
    ("aac_mf", "aac"),
    ("libfaac", "aac"),
    ("libvo_aacenc", "aac"),
    ("libmp3lame", "mp3"),
    ("libshine", "mp3"),
    ("mp3_mf", "mp3"),
    ("libopus", "opus"),
    ("adpcm_g722", "g722"),
    ("mp3float", "mp3"),
    ("mp2float", "mp2"),
];

/// Names of ffmpeg's for what we do not have, and their codecs.
pub(super) static NOT_BUILT: &[(&str, &str)] = &[
    #[cfg(not(feature = "av1"))]
    ("av1", "av1"),
    ("hevc", "hevc"),
    ("libx265", "hevc"),
    ("hevc_nvenc", "hevc"),
    ("hevc_vaapi", "hevc"),
    ("hevc_videotoolbox", "hevc"),
    ("vp8", "vp8"),
    ("libvpx", "vp8"),
    ("vp9", "vp9"),
    ("libvpx-vp9", "vp9"),
    ("mpeg2video", "mpeg2video"),
    ("mpeg4", "mpeg4"),
    ("libxvid", "mpeg4"),
    ("mjpeg", "mjpeg"),
    ("png", "png"),
    ("gif", "gif"),
    ("flv", "flv1"),
    #[cfg(not(feature = "mp3"))]
    ("mp3", "mp3"),
    ("mp2", "mp2"),
    #[cfg(not(feature = "opus"))]
    ("opus", "opus"),
    ("libvorbis", "vorbis"),
    #[cfg(not(feature = "g722"))]
    ("g722", "g722"),
    #[cfg(not(feature = "flac"))]
    ("flac", "flac"),
    ("ac3", "ac3"),
    ("eac3", "eac3"),
];

#[cfg(feature = "pcm")]
const fn pcm_decoder(format: PcmFormat) -> DecoderInfo {
    let codec = CodecId::Pcm(format);
    DecoderInfo { name: codec.name(), codec, description: pcm_description(format) }
}

#[cfg(feature = "pcm")]
const fn pcm_encoder(format: PcmFormat, formats: &'static [SampleFormat]) -> EncoderInfo {
    let codec = CodecId::Pcm(format);
    EncoderInfo {
        name: codec.name(),
        codec,
        description: pcm_description(format),
        input: EncoderInput::Audio { formats, rates: &[], layouts: &[], frame_samples: None },
    }
}

#[cfg(feature = "pcm")]
const fn pcm_description(format: PcmFormat) -> &'static str {
    match format {
        PcmFormat::U8 => "PCM unsigned 8-bit",
        PcmFormat::S16Le => "PCM signed 16-bit little-endian",
        PcmFormat::S16Be => "PCM signed 16-bit big-endian",
        PcmFormat::S24Le => "PCM signed 24-bit little-endian",
        PcmFormat::S24Be => "PCM signed 24-bit big-endian",
        PcmFormat::S32Le => "PCM signed 32-bit little-endian",
        PcmFormat::S32Be => "PCM signed 32-bit big-endian",
        PcmFormat::F32Le => "PCM 32-bit floating point little-endian",
        PcmFormat::F32Be => "PCM 32-bit floating point big-endian",
        PcmFormat::F64Le => "PCM 64-bit floating point little-endian",
        PcmFormat::F64Be => "PCM 64-bit floating point big-endian",
        PcmFormat::Alaw => "PCM A-law / G.711 A-law",
        PcmFormat::Mulaw => "PCM mu-law / G.711 mu-law",
    }
}
