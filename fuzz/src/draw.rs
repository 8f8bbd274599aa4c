//! Packets for muxers, out of a fuzzer's bytes.

use arbitrary::{Result, Unstructured};
use brooklet_media::{
    ChannelLayout, CodecId, MediaKind, Packet, PcmFormat, Rational, StreamKind, StreamParams, TimeBase, Trim,
};
use bytes::Bytes;

use crate::streams;

/// The most packets of one input.
pub const MAX_PACKETS: usize = 64;

/// Where streams begin, in seconds: about every number of bits at which some clock is full.
const STARTS: [i64; 10] = [
    0,
    -1,
    1,
    (1 << 24) / 1_000 - 2,
    (1 << 31) / 1_000 - 2,
    (1 << 32) / 1_000 - 3_700,
    (1 << 32) / 1_000 - 2,
    (1 << 33) / 90_000 - 2,
    (1 << 33) / 90_000 + 100,
    -40_000,
];

/// Packets as a good demuxer gives them: one rising clock, access units that look right. One stream for each of
/// `codecs`, all of one time base.
///
/// # Errors
///
/// Where there are too few bytes for a start.
pub fn good_packets(
    draw: &mut Unstructured<'_>,
    codecs: &[CodecId],
    time_base: TimeBase,
) -> Result<Vec<Packet>> {
    let start = TimeBase::hz(1).rescale(*draw.choose(&STARTS)?, time_base);
    let ticks = |millis: i64| TimeBase::MILLIS.rescale(millis, time_base);
    let (mut now, mut begun) = (start, vec![false; codecs.len()]);
    let mut packets = Vec::new();
    while !draw.is_empty() && packets.len() < MAX_PACKETS {
        let stream = draw.choose_index(codecs.len())?;
        let Some((codec, begun)) = codecs.get(stream).zip(begun.get_mut(stream)) else { break };
        let is_sound = streams::media(*codec) == MediaKind::Audio;
        let most = if draw.ratio(1, 8)? { 3_000 } else { 60 };
        now += ticks(draw.int_in_range(0..=most)?);
        let later = if streams::reorders(*codec) { ticks(draw.int_in_range(0..=1_000)?) } else { 0 };
        // A stream begins with a picture to start from.
        let key = draw.arbitrary()? || is_sound || !*begun;
        *begun = true;
        let data = streams::access_unit(*codec, key, payload(draw)?);
        packets.push(Packet { dts: now, key, ..Packet::new(stream, now + later, data) });
    }
    Ok(packets)
}

/// A stream of any codec, sound or not, with any extradata.
///
/// # Errors
///
/// Where there are too few bytes.
pub fn any_params(draw: &mut Unstructured<'_>) -> Result<StreamParams> {
    let codec = any_codec(draw)?;
    let time_base = TimeBase::new(draw.arbitrary()?, draw.arbitrary()?).unwrap_or(TimeBase::MILLIS);
    let mut params = streams::params(codec, time_base);
    if draw.ratio(1, 4)? {
        params.extradata = Bytes::copy_from_slice(payload(draw)?);
    }
    if draw.ratio(1, 4)? {
        let other = streams::params(any_codec(draw)?, time_base);
        params.kind = other.kind;
    }
    if let StreamKind::Audio(audio) = &mut params.kind
        && draw.ratio(1, 4)?
    {
        audio.rate = draw.arbitrary()?;
        audio.frame_samples = draw.arbitrary()?;
        audio.layout = ChannelLayout::from_channels(draw.arbitrary()?).unwrap_or(audio.layout);
    }
    if let StreamKind::Video(video) = &mut params.kind
        && draw.ratio(1, 4)?
    {
        (video.width, video.height) = (draw.arbitrary()?, draw.arbitrary()?);
        video.frame_rate = Rational::new(draw.arbitrary()?, draw.arbitrary()?);
    }
    (params.language, params.bit_rate) = (draw.arbitrary()?, draw.arbitrary()?);
    Ok(params)
}

/// A packet with any times, of a stream that there may not be.
///
/// # Errors
///
/// Where there are too few bytes.
pub fn any_packet(draw: &mut Unstructured<'_>) -> Result<Packet> {
    let near = draw.ratio(3, 4)?;
    let mut time = || if near { draw.int_in_range(-5_000..=300_000) } else { draw.arbitrary() };
    let (pts, dts, duration) = (time()?, time()?, time()?);
    let (key, discard, trim) = (draw.arbitrary()?, draw.arbitrary()?, draw.arbitrary::<(u32, u32)>()?);
    let looks_right = draw.arbitrary()?;
    let (codec, payload) = (any_codec(draw)?, payload(draw)?);
    let data =
        if looks_right { streams::access_unit(codec, key, payload) } else { Bytes::copy_from_slice(payload) };
    let trim = Trim { start: trim.0, end: trim.1 };
    Ok(Packet { stream: draw.int_in_range(0..=3)?, pts, dts, duration, key, discard, trim, data })
}

/// Any codec that has a name, and one that has none.
///
/// # Errors
///
/// Where there are too few bytes.
pub fn any_codec(draw: &mut Unstructured<'_>) -> Result<CodecId> {
    let codecs = [
        CodecId::H264,
        CodecId::Hevc,
        CodecId::Av1,
        CodecId::Vp8,
        CodecId::Vp9,
        CodecId::Mpeg2Video,
        CodecId::Mpeg4,
        CodecId::Mjpeg,
        CodecId::RawVideo,
        CodecId::Aac,
        CodecId::Mp3,
        CodecId::Mp2,
        CodecId::Opus,
        CodecId::Flac,
        CodecId::Ac3,
        CodecId::Eac3,
        CodecId::Vorbis,
        CodecId::Pcm(*draw.choose(&PcmFormat::ALL)?),
        CodecId::MovText,
        CodecId::Unknown(0x1234_5678),
    ];
    draw.choose(&codecs).copied()
}

/// Some bytes, mostly few.
fn payload<'a>(draw: &mut Unstructured<'a>) -> Result<&'a [u8]> {
    let most = if draw.ratio(1, 8)? { 6_000 } else { 80 };
    let length = draw.int_in_range(0..=most)?;
    draw.bytes(length.min(draw.len()))
}
