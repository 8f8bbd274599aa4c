//! The formats, in ffmpeg's order: by name.

use brooklet_media::{CodecId, PcmFormat};
#[cfg(feature = "mp4")]
use brooklet_mp4::Mp4Brand;

use super::{DemuxerInfo, DemuxerKind, MuxerInfo, MuxerKind};

/// All formats that are read.
pub static DEMUXERS: &[DemuxerInfo] = &[
    #[cfg(feature = "aac")]
    input("aac", "raw ADTS AAC (Advanced Audio Coding)", &["aac", "adts"], DemuxerKind::Adts),
    pcm_input(PcmFormat::Alaw),
    pcm_input(PcmFormat::F32Be),
    pcm_input(PcmFormat::F32Le),
    pcm_input(PcmFormat::F64Be),
    pcm_input(PcmFormat::F64Le),
    #[cfg(feature = "flac")]
    input("flac", "raw FLAC", &["flac"], DemuxerKind::Flac),
    #[cfg(feature = "flv")]
    input("flv", "FLV (Flash Video)", &["flv"], DemuxerKind::Flv),
    input("g722", "raw G.722", &["g722", "722"], DemuxerKind::G722),
    #[cfg(feature = "pictures")]
    input("h264", "raw H.264 video", &["h26l", "h264", "264", "avc"], DemuxerKind::H264),
    #[cfg(feature = "pictures")]
    input("hevc", "raw HEVC video", &["hevc", "h265", "265"], DemuxerKind::Hevc),
    input("lavfi", "generated sources: testsrc2, sine and others", &[], DemuxerKind::Lavfi),
    #[cfg(feature = "pictures")]
    input(
        "mjpeg,mpjpeg,jpeg_pipe,image2pipe",
        "raw MJPEG video, and JPEG pictures in a row",
        &["mjpg", "mjpeg", "jpg", "jpeg"],
        DemuxerKind::Mjpeg,
    ),
    #[cfg(feature = "mp4")]
    input(
        "mov,mp4,m4a,3gp,3g2,mj2",
        "QuickTime / MOV",
        &["mov", "mp4", "m4a", "m4v", "3gp", "3g2", "mj2", "ismv", "isma", "f4v"],
        DemuxerKind::Mp4,
    ),
    #[cfg(feature = "mp3")]
    input("mp3", "MP2/3 (MPEG audio layer 2/3)", &["mp2", "mp3", "m2a", "mpa"], DemuxerKind::MpegAudio),
    #[cfg(feature = "mpegts")]
    input("mpegts", "MPEG-TS (MPEG-2 Transport Stream)", &["ts", "m2t", "m2ts", "mts"], DemuxerKind::MpegTs),
    pcm_input(PcmFormat::Mulaw),
    input("ogg", "Ogg", &["ogg", "oga", "opus", "spx"], DemuxerKind::Ogg),
    input("rawvideo", "raw video", &["yuv", "cif", "qcif", "rgb"], DemuxerKind::RawVideo),
    input("rtp", "RTP input", &[], DemuxerKind::Session),
    pcm_input(PcmFormat::S16Be),
    pcm_input(PcmFormat::S16Le),
    pcm_input(PcmFormat::S24Be),
    pcm_input(PcmFormat::S24Le),
    pcm_input(PcmFormat::S32Be),
    pcm_input(PcmFormat::S32Le),
    input("sdp", "SDP", &["sdp"], DemuxerKind::Session),
    pcm_input(PcmFormat::U8),
    input("wav", "WAV / WAVE (Waveform Audio)", &["wav"], DemuxerKind::Wav),
    #[cfg(feature = "webrtc")]
    input("whep", "WHEP (WebRTC-HTTP egress protocol), from a server", &[], DemuxerKind::Session),
    #[cfg(feature = "pictures")]
    input("yuv4mpegpipe", "YUV4MPEG pipe", &["y4m"], DemuxerKind::Y4m),
];

/// All formats that are written.
pub static MUXERS: &[MuxerInfo] = &[
    #[cfg(feature = "aac")]
    MuxerInfo {
        default_audio: Some(CodecId::Aac),
        ..output("adts", "ADTS AAC (Advanced Audio Coding)", &["aac", "adts"], MuxerKind::Adts)
    },
    pcm_output(PcmFormat::Alaw),
    pcm_output(PcmFormat::F32Be),
    pcm_output(PcmFormat::F32Le),
    pcm_output(PcmFormat::F64Be),
    pcm_output(PcmFormat::F64Le),
    #[cfg(feature = "flac")]
    MuxerInfo {
        default_audio: Some(CodecId::Flac),
        patches: true,
        ..output("flac", "raw FLAC", &["flac"], MuxerKind::Flac)
    },
    #[cfg(feature = "flv")]
    MuxerInfo {
        default_video: Some(CodecId::H264),
        default_audio: Some(CodecId::Aac),
        global_header: true,
        variable_frame_rate: true,
        patches: true,
        ..output("flv", "FLV (Flash Video)", &["flv"], MuxerKind::Flv)
    },
    MuxerInfo {
        default_video: Some(CodecId::RawVideo),
        default_audio: Some(CodecId::Pcm(PcmFormat::S16Le)),
        variable_frame_rate: true,
        ..output("framemd5", "Per-frame MD5 testing", &["framemd5"], MuxerKind::FrameMd5)
    },
    MuxerInfo {
        default_audio: Some(CodecId::G722),
        ..output("g722", "raw G.722", &["g722"], MuxerKind::G722)
    },
    #[cfg(feature = "pictures")]
    MuxerInfo {
        default_video: Some(CodecId::H264),
        ..output("h264", "raw H.264 video", &["h264", "264"], MuxerKind::H264)
    },
    #[cfg(feature = "pictures")]
    MuxerInfo {
        default_video: Some(CodecId::Hevc),
        ..output("hevc", "raw HEVC video", &["hevc", "h265", "265"], MuxerKind::Hevc)
    },
    MuxerInfo {
        default_video: Some(CodecId::Mjpeg),
        ..output("image2pipe", "piped image2 sequence", &[], MuxerKind::ImagePipe)
    },
    #[cfg(feature = "mp4")]
    movie("ipod", "iPod H.264 MP4 (MPEG-4 Part 14)", &["m4a", "m4v", "m4b"], Mp4Brand::Ipod),
    MuxerInfo {
        default_video: Some(CodecId::RawVideo),
        default_audio: Some(CodecId::Pcm(PcmFormat::S16Le)),
        ..output("md5", "MD5 testing", &["md5"], MuxerKind::Md5)
    },
    #[cfg(feature = "mp4")]
    movie("mov", "QuickTime / MOV", &["mov"], Mp4Brand::QuickTime),
    #[cfg(feature = "mp3")]
    MuxerInfo {
        default_audio: Some(CodecId::Mp3),
        patches: true,
        ..output("mp3", "MP3 (MPEG audio layer 3)", &["mp3"], MuxerKind::MpegAudio)
    },
    #[cfg(feature = "mp4")]
    movie("mp4", "MP4 (MPEG-4 Part 14)", &["mp4"], Mp4Brand::Mp4),
    #[cfg(feature = "mpegts")]
    MuxerInfo {
        default_video: Some(CodecId::H264),
        default_audio: Some(CodecId::Aac),
        variable_frame_rate: true,
        ..output(
            "mpegts",
            "MPEG-TS (MPEG-2 Transport Stream)",
            &["ts", "m2t", "m2ts", "mts"],
            MuxerKind::MpegTs,
        )
    },
    pcm_output(PcmFormat::Mulaw),
    MuxerInfo {
        default_video: Some(CodecId::RawVideo),
        default_audio: Some(CodecId::Pcm(PcmFormat::S16Le)),
        variable_frame_rate: true,
        ..output("null", "raw null video", &[], MuxerKind::Null)
    },
    MuxerInfo { default_audio: Some(CodecId::Flac), ..output("oga", "Ogg Audio", &["oga"], MuxerKind::Ogg) },
    MuxerInfo { default_audio: Some(CodecId::Opus), ..output("ogg", "Ogg", &["ogg"], MuxerKind::Ogg) },
    MuxerInfo { default_audio: Some(CodecId::Opus), ..output("opus", "Ogg Opus", &["opus"], MuxerKind::Ogg) },
    MuxerInfo {
        default_video: Some(CodecId::RawVideo),
        ..output("rawvideo", "raw video", &["yuv", "rgb", "raw"], MuxerKind::RawVideo)
    },
    MuxerInfo {
        default_video: Some(CodecId::H264),
        default_audio: Some(CodecId::Pcm(PcmFormat::Mulaw)),
        global_header: true,
        variable_frame_rate: true,
        ..output("rtp", "RTP output", &[], MuxerKind::Session)
    },
    pcm_output(PcmFormat::S16Be),
    pcm_output(PcmFormat::S16Le),
    pcm_output(PcmFormat::S24Be),
    pcm_output(PcmFormat::S24Le),
    pcm_output(PcmFormat::S32Be),
    pcm_output(PcmFormat::S32Le),
    pcm_output(PcmFormat::U8),
    MuxerInfo {
        default_audio: Some(CodecId::Pcm(PcmFormat::S16Le)),
        patches: true,
        ..output("wav", "WAV / WAVE (Waveform Audio)", &["wav"], MuxerKind::Wav)
    },
    #[cfg(feature = "webrtc")]
    MuxerInfo {
        default_video: Some(CodecId::H264),
        default_audio: Some(CodecId::Opus),
        global_header: true,
        variable_frame_rate: true,
        ..output("whep", "WHEP (WebRTC-HTTP egress protocol), for viewers who come", &[], MuxerKind::Session)
    },
    #[cfg(feature = "webrtc")]
    MuxerInfo {
        default_video: Some(CodecId::H264),
        default_audio: Some(CodecId::Opus),
        global_header: true,
        variable_frame_rate: true,
        ..output("whip", "WHIP (WebRTC-HTTP ingestion protocol)", &[], MuxerKind::Session)
    },
    #[cfg(feature = "pictures")]
    MuxerInfo {
        default_video: Some(CodecId::RawVideo),
        ..output("yuv4mpegpipe", "YUV4MPEG pipe", &["y4m"], MuxerKind::Y4m)
    },
];

const fn input(
    names: &'static str,
    description: &'static str,
    extensions: &'static [&'static str],
    kind: DemuxerKind,
) -> DemuxerInfo {
    DemuxerInfo { names, description, extensions, kind }
}

/// A muxer with no place for anything yet, constant frame rate and nothing to patch.
const fn output(
    name: &'static str,
    description: &'static str,
    extensions: &'static [&'static str],
    kind: MuxerKind,
) -> MuxerInfo {
    MuxerInfo {
        name,
        description,
        extensions,
        default_video: None,
        default_audio: None,
        global_header: false,
        variable_frame_rate: false,
        patches: false,
        kind,
    }
}

const fn pcm_input(format: PcmFormat) -> DemuxerInfo {
    let (description, extensions) = pcm_words(format);
    input(format.name(), description, extensions, DemuxerKind::Pcm(format))
}

const fn pcm_output(format: PcmFormat) -> MuxerInfo {
    let (description, extensions) = pcm_words(format);
    let muxer = output(format.name(), description, extensions, MuxerKind::Pcm(format));
    MuxerInfo { default_audio: Some(CodecId::Pcm(format)), ..muxer }
}

/// ffmpeg's description and endings of a raw format; `.pcm` is ours.
const fn pcm_words(format: PcmFormat) -> (&'static str, &'static [&'static str]) {
    match format {
        PcmFormat::U8 => ("PCM unsigned 8-bit", &["ub"]),
        PcmFormat::S16Le => ("PCM signed 16-bit little-endian", &["sw", "pcm"]),
        PcmFormat::S16Be => ("PCM signed 16-bit big-endian", &[]),
        PcmFormat::S24Le => ("PCM signed 24-bit little-endian", &[]),
        PcmFormat::S24Be => ("PCM signed 24-bit big-endian", &[]),
        PcmFormat::S32Le => ("PCM signed 32-bit little-endian", &[]),
        PcmFormat::S32Be => ("PCM signed 32-bit big-endian", &[]),
        PcmFormat::F32Le => ("PCM 32-bit floating-point little-endian", &[]),
        PcmFormat::F32Be => ("PCM 32-bit floating-point big-endian", &[]),
        PcmFormat::F64Le => ("PCM 64-bit floating-point little-endian", &[]),
        PcmFormat::F64Be => ("PCM 64-bit floating-point big-endian", &[]),
        PcmFormat::Alaw => ("PCM A-law", &["al"]),
        PcmFormat::Mulaw => ("PCM mu-law", &["ul"]),
    }
}

/// MP4 and its kin.
#[cfg(feature = "mp4")]
const fn movie(
    name: &'static str,
    description: &'static str,
    extensions: &'static [&'static str],
    brand: Mp4Brand,
) -> MuxerInfo {
    MuxerInfo {
        default_video: Some(CodecId::H264),
        default_audio: Some(CodecId::Aac),
        global_header: true,
        variable_frame_rate: true,
        patches: true,
        ..output(name, description, extensions, MuxerKind::Mp4(brand))
    }
}
