//! Rows of an `stsd`: what the samples of a track are (ISO/IEC 14496-12 §8.5.2, §12.1.3, §12.2.3).

use brooklet_media::bitstream::opus::OpusHead;
use brooklet_media::bitstream::vpx::VpConfig;
use brooklet_media::{
    AudioParams, CodecId, Error, PcmFormat, Rational, Result, StreamKind, StreamParams, VideoParams,
};
use bytes::{BufMut, Bytes, BytesMut};

use super::Mp4Brand;
use super::esds::put_esds;
use super::put::{put_box, put_full_box};
use crate::boxes::{FourCc, NAME};

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
    Ok(())
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
    let (Ok(width), Ok(height)) = (u16::try_from(video.width), u16::try_from(video.height)) else {
        let what = format!("{NAME}: pictures of {}x{}", video.width, video.height);
        return Err(Error::unsupported(what, "up to 65535 by 65535"));
    };
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
        out.put_u16(width);
        out.put_u16(height);
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
        _ => 16,
    };
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
        out.put_u32(u16::try_from(audio.rate).map_or(0, u32::from) << 16);
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
        b"fLaC" if params.extradata.is_empty() => return Err(lacks("its STREAMINFO")),
        b"fLaC" => put_full_box(&mut out, b"dfLa", 0, 0, |out| {
            out.put_u32(0x80 << 24 | params.extradata.len() as u32);
            out.put_slice(&params.extradata);
        }),
        b"ac-3" => put_dac3(&mut out, packet).ok_or_else(|| lacks("a header in its first packet"))?,
        b"ipcm" | b"fpcm" => put_pcmc(&mut out, params.codec, audio),
        _ => {}
    }
    Ok(out)
}

/// `dOps` (Encapsulation of Opus in ISO Base Media File Format §4.3.2): OpusHead with its numbers turned round.
fn put_dops(out: &mut BytesMut, head: &[u8]) -> Option<()> {
    let parsed = OpusHead::parse(head)?;
    put_box(out, b"dOps", |out| {
        out.put_u8(0); // version
        out.put_u8(parsed.channels);
        out.put_u16(parsed.pre_skip);
        out.put_u32(parsed.input_rate);
        out.put_u16(u16::from_le_bytes([head[16], head[17]])); // gain
        out.put_u8(parsed.family);
        out.put_slice(&head[OPUS_HEAD.min(head.len())..]);
    });
    Some(())
}

/// `dac3` (ETSI TS 102 366 §F.4), from the start of a frame (§4.3, §4.4).
fn put_dac3(out: &mut BytesMut, frame: &[u8]) -> Option<()> {
    let [0x0B, 0x77, _, _, code, mode, acmod, rest, ..] = *frame else { return None };
    let (fscod, frmsizecod) = (u32::from(code >> 6), u32::from(code & 0x3F));
    let (bsid, bsmod) = (u32::from(mode >> 3), u32::from(mode & 7));
    if bsid > 10 {
        return None;
    }
    let coding = u32::from(acmod >> 5);
    let mix_levels =
        u32::from(coding & 1 == 1 && coding != 1) + u32::from(coding & 4 == 4) + u32::from(coding == 2);
    let tail = u32::from(acmod) << 8 | u32::from(rest);
    let lfe = tail >> (12 - 2 * mix_levels) & 1;
    let bits = fscod << 22 | bsid << 17 | bsmod << 14 | coding << 11 | lfe << 10 | (frmsizecod >> 1) << 5;
    put_box(out, b"dac3", |out| out.put_slice(&bits.to_be_bytes()[1..]));
    Some(())
}

/// `pcmC` (ISO/IEC 23003-5 §5.3), and `chnl` (ISO/IEC 14496-12 §12.2.4), which goes with it.
fn put_pcmc(out: &mut BytesMut, codec: CodecId, audio: &AudioParams) {
    let CodecId::Pcm(format) = codec else { return };
    put_full_box(out, b"pcmC", 0, 0, |out| {
        out.put_u8(u8::from(is_little_endian(codec)));
        out.put_u8(format.bytes() as u8 * 8);
    });
    // ChannelConfiguration of ISO/IEC 23091-3; what it has no number for is called by its count.
    let channels = audio.layout.channels();
    let configuration = match channels {
        1..=6 => channels as u8,
        8 => 12,
        _ => return,
    };
    put_full_box(out, b"chnl", 0, 0, |out| {
        out.put_u8(1); // speakers
        out.put_u8(configuration);
        out.put_u64(0); // none is left out
    });
}

/// The fields of a sound description of version 1 (QuickTime File Format, "Sound Sample Description (Version 1)").
fn put_packet_sizes(out: &mut BytesMut, params: &StreamParams, audio: &AudioParams) {
    let channels = audio.layout.channels();
    let [samples, bytes_per_packet, bytes_per_frame, bytes_per_sample] = match params.codec {
        CodecId::Pcm(format) => [1, format.bytes(), format.bytes() * channels, format.bytes().min(2)],
        _ => [audio.frame_samples.unwrap_or(0) as usize, 0, 0, 2],
    };
    for field in [samples, bytes_per_packet, bytes_per_frame, bytes_per_sample] {
        out.put_u32(field as u32);
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
