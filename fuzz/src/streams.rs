//! Streams of every codec that a container may hold, and access units that look right to it.

use brooklet_media::bitstream::aac::AacConfig;
use brooklet_media::bitstream::h264::AvcConfig;
use brooklet_media::bitstream::hevc::HvcConfig;
use brooklet_media::bitstream::nal;
use brooklet_media::bitstream::opus::OpusHead;
use brooklet_media::{
    AudioParams, ChannelLayout, CodecId, MediaKind, PcmFormat, Rational, StreamKind, StreamParams, TimeBase,
    VideoParams,
};
use bytes::Bytes;

/// x264, 1280x720 at 30 fps, High.
const AVC_SETS: [&[u8]; 2] = [
    &[
        0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x6c, 0x80, 0x00, 0x00, 0x03, 0x00,
        0x80, 0x00, 0x00, 0x1e, 0x07, 0x8c, 0x18, 0xcb,
    ],
    &[0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0],
];

/// x265, 1920x1080, Main.
const HEVC_SETS: [&[u8]; 3] = [
    &[0x40, 0x01, 0x0c],
    &[
        0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00,
        0x78, 0xa0, 0x03, 0xc0, 0x80, 0x10, 0xe5, 0x96, 0x56, 0x69, 0x24, 0xca, 0xe0, 0x10, 0x00, 0x00, 0x03,
        0x00, 0x10, 0x00, 0x00, 0x03, 0x01, 0xe0, 0x80,
    ],
    &[0x44, 0x01, 0xc1],
];

/// FLAC, blocks of 1024 samples, 48 kHz, mono, 16 bits.
const STREAMINFO: &[u8; 34] =
    b"\x04\0\x04\0\0\0\0\0\x08\x15\x0b\xb8\x00\xf0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// The start of a frame of 417 bytes: MP3, 44.1 kHz stereo at 128 kbit/s.
const MP3_FRAME: (&[u8], usize) = (b"\xff\xfb\x90\x64", 417);

/// The start of a frame of 384 bytes: AC-3, 48 kHz mono at 96 kbit/s.
const AC3_FRAME: (&[u8], usize) = (b"\x0b\x77\x48\x0d\x0c\x40\x2f\x84", 384);

/// The start of a frame of 384 bytes: E-AC-3, 48 kHz mono.
const EAC3_FRAME: (&[u8], usize) = (b"\x0b\x77\x00\xbf\x32\x87\xc0\x00", 384);

/// A stream of `codec`, with the extradata that it needs.
pub fn params(codec: CodecId, time_base: TimeBase) -> StreamParams {
    let kind = match media(codec) {
        MediaKind::Video => {
            let frame_rate = Some(Rational::whole(25));
            StreamKind::Video(VideoParams { frame_rate, ..VideoParams::new(320, 180) })
        }
        MediaKind::Audio => StreamKind::Audio(audio(codec)),
        MediaKind::Other => StreamKind::Other,
    };
    StreamParams { extradata: extradata(codec), ..StreamParams::new(codec, time_base, kind) }
}

/// Whether a codec is of pictures or of sound.
pub const fn media(codec: CodecId) -> MediaKind {
    use CodecId::{
        Aac, Ac3, Av1, Eac3, Flac, H264, Hevc, Mjpeg, Mp2, Mp3, Mpeg2Video, Mpeg4, Opus, Pcm, RawVideo,
        Vorbis, Vp8, Vp9,
    };
    match codec {
        H264 | Hevc | Av1 | Vp8 | Vp9 | Mpeg2Video | Mpeg4 | Mjpeg | RawVideo => MediaKind::Video,
        Aac | Mp3 | Mp2 | Opus | Flac | Ac3 | Eac3 | Vorbis | Pcm(_) => MediaKind::Audio,
        _ => MediaKind::Other,
    }
}

/// Whether a codec may show its pictures in another order than it decodes them.
pub const fn reorders(codec: CodecId) -> bool {
    matches!(codec, CodecId::H264 | CodecId::Hevc)
}

/// An access unit in which `payload` stands, with as much around it as a container looks at.
pub fn access_unit(codec: CodecId, key: bool, payload: &[u8]) -> Bytes {
    match codec {
        CodecId::H264 => {
            slices(payload, |first| [if key { 0x65 } else { 0x41 }, if first { 0x88 } else { 0x44 }])
        }
        CodecId::Hevc => {
            slices(payload, |first| [if key { 19 << 1 } else { 1 << 1 }, 1, if first { 0x80 } else { 0 }])
        }
        CodecId::Mp3 => framed(MP3_FRAME, payload),
        CodecId::Ac3 => framed(AC3_FRAME, payload),
        CodecId::Eac3 => framed(EAC3_FRAME, payload),
        CodecId::Opus => [b"\xfc", payload].concat().into(),
        // Whole samples of two channels, of whatever size.
        CodecId::Pcm(_) => [payload, &[0; 48][payload.len() % 48..]].concat().into(),
        _ => [b"unit", payload].concat().into(),
    }
}

fn audio(codec: CodecId) -> AudioParams {
    let (rate, layout) = match codec {
        CodecId::Mp3 => (44_100, ChannelLayout::Stereo),
        CodecId::Pcm(PcmFormat::Alaw | PcmFormat::Mulaw) => (8_000, ChannelLayout::Mono),
        CodecId::Pcm(_) => (22_050, ChannelLayout::Stereo),
        CodecId::Flac | CodecId::Ac3 | CodecId::Eac3 => (48_000, ChannelLayout::Mono),
        _ => (48_000, ChannelLayout::Stereo),
    };
    AudioParams::new(rate, layout)
}

fn extradata(codec: CodecId) -> Bytes {
    match codec {
        CodecId::H264 => AvcConfig::from_units(AVC_SETS).map(|config| config.build()).unwrap_or_default(),
        CodecId::Hevc => HvcConfig::from_units(HEVC_SETS).map(|config| config.build()).unwrap_or_default(),
        CodecId::Av1 => Bytes::from_static(&[0x81, 0, 0x0c, 0, 10, 1, 0]),
        CodecId::Vp9 => Bytes::from_static(&[0, 11, 0x82, 2, 2, 2, 0, 0]),
        CodecId::Aac => AacConfig::lc(48_000, 2).map(|config| config.build()).unwrap_or_default(),
        CodecId::Opus => OpusHead { channels: 2, pre_skip: 0, input_rate: 48_000, family: 0 }.build(),
        CodecId::Flac => Bytes::from_static(STREAMINFO),
        _ => Bytes::new(),
    }
}

/// One slice, or two where there is enough of the payload.
fn slices<const N: usize>(payload: &[u8], header: impl Fn(bool) -> [u8; N]) -> Bytes {
    let (first, second) = payload.split_at(payload.len().min(300));
    let slice = |header: [u8; N], payload: &[u8]| escaped(&[&header[..], payload].concat());
    let mut units = vec![slice(header(true), first)];
    if !second.is_empty() {
        units.push(slice(header(false), second));
    }
    nal::to_length_prefixed(units.iter().map(Vec::as_slice))
}

/// A unit in which no start code stands, and which does not end in 0 (ISO/IEC 14496-10 §7.4.1).
fn escaped(unit: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(unit.len() + 1);
    for byte in unit.iter().copied().chain([0x80]) {
        if byte <= 3 && out.ends_with(&[0, 0]) {
            out.push(3);
        }
        out.push(byte);
    }
    out
}

fn framed((head, size): (&[u8], usize), payload: &[u8]) -> Bytes {
    let mut frame = [head, payload].concat();
    frame.resize(size, 0x55);
    frame.into()
}
