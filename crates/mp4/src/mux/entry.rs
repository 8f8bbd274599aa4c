//! Rows of an `stsd`: what the samples of a track are (ISO/IEC 14496-12 §8.5.2, §12.1.3, §12.2.3).

use brooklet_media::bitstream::flac::StreamInfo;
use brooklet_media::bitstream::opus::OpusHead;
use brooklet_media::bitstream::vpx::VpConfig;
use brooklet_media::{
    AudioParams, ChannelLayout, CodecId, Error, PcmFormat, Rational, Result, StreamKind, StreamParams,
    VideoParams,
};
use bytes::{BufMut, Bytes, BytesMut};

use super::Mp4Brand;
use super::esds::put_esds;
use super::put::{put_box, put_full_box};
use crate::boxes::{FourCc, NAME};
use crate::pcm::lpcm;

/// The highest rate of sound, Hz.
const MAX_RATE: u32 = 1_000_000;
/// Bytes of OpusHead before the channel mapping of families other than 0.
const OPUS_HEAD: usize = 19;

/// Refuses what a file of this brand has no place for.
pub(super) fn check(brand: Mp4Brand, params: &StreamParams) -> Result<()> {
    let (holds, supported) = match brand {
        Mp4Brand::QuickTime => (holds_quicktime(params.codec), QUICKTIME),
        Mp4Brand::Mp4 | Mp4Brand::Ipod => (holds_mp4(params.codec), MP4),
    };
    if !holds || matches!(params.kind, StreamKind::Other) {
        let what = format!("{} in {}", params.codec, brand.name());
        return Err(Error::unsupported(what, supported));
    }
    match &params.kind {
        StreamKind::Video(video) if video.width.max(video.height) > u32::from(u16::MAX) => {
            let what = format!("{NAME}: pictures of {}x{}", video.width, video.height);
            Err(Error::unsupported(what, "up to 65535 by 65535"))
        }
        StreamKind::Audio(audio) if audio.rate > MAX_RATE => {
            Err(Error::unsupported(format!("{NAME}: sound of {} Hz", audio.rate), "up to 1 MHz"))
        }
        _ => Ok(()),
    }
}

const MP4: &str = "h264, hevc, av1, vp9, vp8, mpeg4, mpeg2video, mjpeg; aac, mp3, mp2, opus, flac, ac3, and pcm of 16 bits or more";
const QUICKTIME: &str = "h264, hevc, mpeg4, mpeg2video, mjpeg; aac, mp3, ac3, pcm";

fn holds_mp4(codec: CodecId) -> bool {
    use CodecId::{Aac, Ac3, Av1, Flac, H264, Hevc, Mjpeg, Mp2, Mp3, Mpeg2Video, Mpeg4, Opus, Vp8, Vp9};
    match codec {
        H264 | Hevc | Av1 | Vp8 | Vp9 | Mpeg4 | Mpeg2Video | Mjpeg => true,
        Aac | Mp3 | Mp2 | Opus | Flac | Ac3 => true,
        CodecId::Pcm(format) => !matches!(format, PcmFormat::U8 | PcmFormat::Alaw | PcmFormat::Mulaw),
        _ => false,
    }
}

fn holds_quicktime(codec: CodecId) -> bool {
    use CodecId::{Aac, Ac3, H264, Hevc, Mjpeg, Mp3, Mpeg2Video, Mpeg4, Pcm};
    matches!(codec, H264 | Hevc | Mpeg4 | Mpeg2Video | Mjpeg | Aac | Mp3 | Ac3 | Pcm(_))
}

/// The row of a stream whose next packet is `packet`.
///
/// # Errors
///
/// Where the stream lacks the configuration that its codec needs.
pub(super) fn row(brand: Mp4Brand, params: &StreamParams, packet: &[u8]) -> Result<Bytes> {
    let mut out = BytesMut::new();
    match &params.kind {
        StreamKind::Video(video) => put_video(&mut out, brand, params, video)?,
        StreamKind::Audio(audio) => put_audio(&mut out, brand, params, audio, packet)?,
        StreamKind::Other => {}
    }
    Ok(out.freeze())
}

fn put_video(out: &mut BytesMut, brand: Mp4Brand, params: &StreamParams, video: &VideoParams) -> Result<()> {
    let kind = match params.codec {
        CodecId::H264 => b"avc1",
        CodecId::Hevc => b"hvc1",
        CodecId::Av1 => b"av01",
        CodecId::Vp8 => b"vp08",
        CodecId::Vp9 => b"vp09",
        CodecId::Mjpeg if brand == Mp4Brand::QuickTime => b"jpeg",
        _ => b"mp4v",
    };
    let configuration = video_configuration(kind, params, video)?;
    put_box(out, kind, |out| {
        put_head(out);
        out.put_bytes(0, 16);
        out.put_u16(video.width as u16);
        out.put_u16(video.height as u16);
        out.put_u32(72 << 16); // dots per inch
        out.put_u32(72 << 16);
        out.put_u32(0);
        out.put_u16(1); // pictures in a sample
        out.put_bytes(0, 32); // the compressor's name
        out.put_u16(24); // depth
        out.put_i16(-1); // no colour table
        out.put_slice(&configuration);
        if video.sample_aspect != Rational::ONE {
            put_box(out, b"pasp", |out| {
                out.put_u32(video.sample_aspect.num());
                out.put_u32(video.sample_aspect.den());
            });
        }
    });
    Ok(())
}

/// The box that a decoder is configured by.
fn video_configuration(kind: &FourCc, params: &StreamParams, video: &VideoParams) -> Result<BytesMut> {
    let mut out = BytesMut::new();
    let record = &params.extradata;
    let mut put_record = |kind: &FourCc| -> Result<()> {
        if record.is_empty() {
            return Err(Error::Usage(format!("{NAME}: {} comes without its parameter sets", params.codec)));
        }
        put_box(&mut out, kind, |out| out.put_slice(record));
        Ok(())
    };
    match kind {
        b"avc1" => put_record(b"avcC")?,
        b"hvc1" => put_record(b"hvcC")?,
        b"av01" => put_record(b"av1C")?,
        b"vp08" | b"vp09" => {
            let config = VpConfig::of(video.format).build();
            let record = if record.is_empty() { &config[..] } else { &record[..] };
            put_full_box(&mut out, b"vpcC", 1, 0, |out| out.put_slice(record));
        }
        b"mp4v" => put_esds(&mut out, params),
        _ => {}
    }
    Ok(out)
}

fn put_audio(
    out: &mut BytesMut,
    brand: Mp4Brand,
    params: &StreamParams,
    audio: &AudioParams,
    packet: &[u8],
) -> Result<()> {
    let is_quicktime = brand == Mp4Brand::QuickTime;
    let kind = match params.codec {
        CodecId::Mp3 if is_quicktime => b".mp3",
        CodecId::Opus => b"Opus",
        CodecId::Flac => b"fLaC",
        CodecId::Ac3 => b"ac-3",
        CodecId::Pcm(format) if is_quicktime => quicktime_pcm(format),
        CodecId::Pcm(PcmFormat::F32Le | PcmFormat::F32Be | PcmFormat::F64Le | PcmFormat::F64Be) => b"fpcm",
        CodecId::Pcm(_) => b"ipcm",
        _ => b"mp4a",
    };
    let configuration = audio_configuration(kind, params, audio, packet)?;
    let bits = match params.codec {
        CodecId::Pcm(PcmFormat::Alaw | PcmFormat::Mulaw) => 16,
        CodecId::Pcm(format) => format.bytes() as u16 * 8,
        CodecId::Flac => StreamInfo::parse(&params.extradata).map_or(16, |info| u16::from(info.bits)),
        _ => 16,
    };
    if let (CodecId::Pcm(format), true, None) = (params.codec, is_quicktime, rate_field(audio.rate, true)) {
        put_lpcm(out, format, audio);
        return Ok(());
    }
    // QuickTime's version 0 is for plain samples of 8 or 16 bits alone.
    let plain = [b"raw ", b"sowt", b"twos"].contains(&kind);
    let extends = is_quicktime && !plain;
    put_box(out, kind, |out| {
        put_head(out);
        out.put_u16(u16::from(extends)); // version
        out.put_bytes(0, 6); // revision, vendor
        out.put_u16(audio.layout.channels() as u16);
        out.put_u16(if extends { 16 } else { bits });
        out.put_i16(if extends && !is_pcm(params.codec) { -2 } else { 0 }); // compression id
        out.put_u16(0);
        out.put_u32(rate_field(audio.rate, is_pcm(params.codec)).unwrap_or(0) << 16);
        if extends {
            put_packet_sizes(out, params, audio);
            put_box(out, b"wave", |out| {
                put_box(out, b"frma", |out| out.put_slice(kind));
                if kind == b"mp4a" {
                    put_box(out, b"mp4a", |out| out.put_u32(0));
                }
                if is_little_endian(params.codec) {
                    put_box(out, b"enda", |out| out.put_u16(1));
                }
                out.put_slice(&configuration);
                put_box(out, &[0; 4], |_| {});
            });
        } else {
            out.put_slice(&configuration);
        }
    });
    Ok(())
}

/// The rate as 16 bits hold it. Of coded sound, which tells its own, the highest part of it that they hold; of samples that say
/// nothing of themselves there is none where it does not fit: the track's clock tells it.
fn rate_field(rate: u32, is_pcm: bool) -> Option<u32> {
    let halves = |rate: &u32| rate.is_multiple_of(2).then_some(*rate / 2);
    let fits = |rate: &u32| *rate <= u32::from(u16::MAX);
    match is_pcm {
        true => Some(rate).filter(fits),
        false => std::iter::successors(Some(rate), halves).find(fits).or(Some(u32::from(u16::MAX))),
    }
}

/// A sound description of version 2 (QuickTime File Format, "Sound Sample Description (Version 2)").
fn put_lpcm(out: &mut BytesMut, format: PcmFormat, audio: &AudioParams) {
    let (bytes, channels) = (format.bytes(), audio.layout.channels());
    let is_float =
        matches!(format, PcmFormat::F32Le | PcmFormat::F32Be | PcmFormat::F64Le | PcmFormat::F64Be);
    let is_big = !is_little_endian(CodecId::Pcm(format));
    let flags = [
        (lpcm::IS_FLOAT, is_float),
        (lpcm::IS_BIG_ENDIAN, is_big),
        (lpcm::IS_SIGNED, format != PcmFormat::U8),
    ];
    let flags =
        flags.into_iter().filter(|(_, is)| *is).fold(lpcm::IS_PACKED, |flags, (flag, _)| flags | flag);
    put_box(out, b"lpcm", |out| {
        put_head(out);
        out.put_u16(2); // version
        out.put_bytes(0, 6); // revision, vendor
        out.put_slice(&[0, 3, 0, 16, 0xFF, 0xFE, 0, 0, 0, 1, 0, 0]); // always
        out.put_u32(72); // bytes of this structure
        out.put_f64(f64::from(audio.rate));
        out.put_u32(channels as u32);
        out.put_u32(0x7F00_0000);
        out.put_u32(bytes as u32 * 8);
        out.put_u32(flags);
        out.put_u32((bytes * channels) as u32);
        out.put_u32(1); // samples in a packet
    });
}

/// What all entries begin with: the number of the data reference.
fn put_head(out: &mut BytesMut) {
    out.put_bytes(0, 6);
    out.put_u16(1);
}

/// The box that a decoder is configured by.
fn audio_configuration(
    kind: &FourCc,
    params: &StreamParams,
    audio: &AudioParams,
    packet: &[u8],
) -> Result<BytesMut> {
    let mut out = BytesMut::new();
    let lacks = |what: &str| Error::Usage(format!("{NAME}: {} comes without {what}", params.codec));
    match kind {
        b"mp4a" if params.codec == CodecId::Aac && params.extradata.is_empty() => {
            return Err(lacks("its AudioSpecificConfig"));
        }
        b"mp4a" => put_esds(&mut out, params),
        b"Opus" => put_dops(&mut out, &params.extradata).ok_or_else(|| lacks("its header"))?,
        // Encapsulation of FLAC in ISO Base Media File Format §3.3.2: the one block, marked as the last.
        b"fLaC" if params.extradata.len() != StreamInfo::BYTES => return Err(lacks("its STREAMINFO")),
        b"fLaC" => put_full_box(&mut out, b"dfLa", 0, 0, |out| {
            out.put_u32(0x80 << 24 | params.extradata.len() as u32);
            out.put_slice(&params.extradata);
        }),
        b"ac-3" => put_dac3(&mut out, packet, audio).ok_or_else(|| lacks("a header in its first packet"))?,
        b"ipcm" | b"fpcm" => put_pcmc(&mut out, params.codec, audio),
        _ => {}
    }
    Ok(out)
}

/// `dOps` (Encapsulation of Opus in ISO Base Media File Format §4.3.2): OpusHead with its numbers turned round.
fn put_dops(out: &mut BytesMut, head: &[u8]) -> Option<()> {
    let parsed = OpusHead::parse(head)?;
    // Of more channels than family 0 has, what each is coded in.
    let mapping = if parsed.family == 0 { 0 } else { 2 + usize::from(parsed.channels) };
    let mapping = head.get(OPUS_HEAD..OPUS_HEAD + mapping)?;
    put_box(out, b"dOps", |out| {
        out.put_u8(0); // version
        out.put_u8(parsed.channels);
        out.put_u16(parsed.pre_skip);
        out.put_u32(parsed.input_rate);
        out.put_u16(u16::from_le_bytes([head[16], head[17]])); // gain
        out.put_u8(parsed.family);
        out.put_slice(mapping);
    });
    Some(())
}

/// `dac3` (ETSI TS 102 366 §F.4), from the start of a frame (§4.3, §4.4); of a track that has none yet from what else is known.
fn put_dac3(out: &mut BytesMut, frame: &[u8], audio: &AudioParams) -> Option<()> {
    let bits = match *frame {
        [] => dac3_of(audio),
        [0x0B, 0x77, _, _, code, mode, acmod, rest, ..] if mode >> 3 <= 10 => {
            let coding = u32::from(acmod >> 5);
            // Levels at which centre and surround are mixed into stereo, where there are such.
            let (center, surround) = (coding & 1 == 1 && coding != 1, coding & 4 == 4);
            let levels = u32::from(center) + u32::from(surround) + u32::from(coding == 2);
            let lfe = (u32::from(acmod) << 8 | u32::from(rest)) >> (12 - 2 * levels) & 1;
            let (fscod, frmsizecod) = (u32::from(code >> 6), u32::from(code & 0x3F));
            let (bsid, bsmod) = (u32::from(mode >> 3), u32::from(mode & 7));
            fscod << 22 | bsid << 17 | bsmod << 14 | coding << 11 | lfe << 10 | (frmsizecod >> 1) << 5
        }
        _ => return None,
    };
    put_box(out, b"dac3", |out| out.put_slice(&bits.to_be_bytes()[1..]));
    Some(())
}

/// Of version 8, at 384 kbit/s.
fn dac3_of(audio: &AudioParams) -> u32 {
    let fscod = [48_000, 44_100, 32_000].iter().position(|rate| *rate == audio.rate).unwrap_or(0) as u32;
    let (acmod, lfe) = match audio.layout.channels() {
        1 => (1, 0),
        2 => (2, 0),
        3 => (3, 0),
        4 => (5, 0),
        5 => (7, 0),
        _ => (7, 1),
    };
    fscod << 22 | 8 << 17 | acmod << 11 | lfe << 10 | 14 << 5
}

/// `pcmC` (ISO/IEC 23003-5 §5.3), and `chnl` (ISO/IEC 14496-12 §12.2.4), which goes with it.
fn put_pcmc(out: &mut BytesMut, codec: CodecId, audio: &AudioParams) {
    let CodecId::Pcm(format) = codec else { return };
    put_full_box(out, b"pcmC", 0, 0, |out| {
        out.put_u8(u8::from(is_little_endian(codec)));
        out.put_u8(format.bytes() as u8 * 8);
    });
    // Positions of ISO/IEC 23091-3 (OutputChannelPosition): its layouts have other orders than samples have here.
    let positions: &[u8] = match audio.layout {
        ChannelLayout::Mono => &[2],
        ChannelLayout::Stereo => &[0, 1],
        ChannelLayout::Surround => &[0, 1, 2],
        ChannelLayout::FourZero => &[0, 1, 2, 10],
        ChannelLayout::FiveZero => &[0, 1, 2, 4, 5],
        ChannelLayout::FiveOne => &[0, 1, 2, 3, 4, 5],
        ChannelLayout::SevenOne => &[0, 1, 2, 3, 8, 9, 4, 5],
        ChannelLayout::Unknown(_) => return,
    };
    put_full_box(out, b"chnl", 0, 0, |out| {
        out.put_u8(1); // speakers
        out.put_u8(0); // one by one
        out.put_slice(positions);
    });
}

/// The fields of a sound description of version 1 (QuickTime File Format, "Sound Sample Description (Version 1)").
fn put_packet_sizes(out: &mut BytesMut, params: &StreamParams, audio: &AudioParams) {
    let channels = audio.layout.channels();
    let [samples, bytes_per_packet, bytes_per_frame, bytes_per_sample] = match params.codec {
        CodecId::Pcm(PcmFormat::U8) => [1, 1, channels, 1],
        CodecId::Pcm(format) => [1, format.bytes(), format.bytes() * channels, 2],
        codec => [audio.frame_samples.map_or(usual_samples(codec), |samples| samples as usize), 0, 0, 2],
    };
    for field in [samples, bytes_per_packet, bytes_per_frame, bytes_per_sample] {
        out.put_u32(field as u32);
    }
}

/// Samples of a packet where nothing is said.
const fn usual_samples(codec: CodecId) -> usize {
    match codec {
        CodecId::Ac3 => 1_536,
        CodecId::Mp3 => 1_152,
        _ => 1_024,
    }
}

/// QuickTime's name (QuickTime File Format, "Sound Media").
const fn quicktime_pcm(format: PcmFormat) -> &'static FourCc {
    match format {
        PcmFormat::U8 => b"raw ",
        PcmFormat::S16Le => b"sowt",
        PcmFormat::S16Be => b"twos",
        PcmFormat::S24Le | PcmFormat::S24Be => b"in24",
        PcmFormat::S32Le | PcmFormat::S32Be => b"in32",
        PcmFormat::F32Le | PcmFormat::F32Be => b"fl32",
        PcmFormat::F64Le | PcmFormat::F64Be => b"fl64",
        PcmFormat::Alaw => b"alaw",
        PcmFormat::Mulaw => b"ulaw",
    }
}

const fn is_pcm(codec: CodecId) -> bool {
    matches!(codec, CodecId::Pcm(_))
}

const fn is_little_endian(codec: CodecId) -> bool {
    use PcmFormat::{F32Le, F64Le, S16Le, S24Le, S32Le};
    matches!(codec, CodecId::Pcm(S16Le | S24Le | S32Le | F32Le | F64Le))
}
