//! What a stream is, from its sequence header or, where its codec has none, from its first frame.

use brooklet_media::bitstream::aac::AacConfig;
use brooklet_media::bitstream::av1::Av1Config;
use brooklet_media::bitstream::h264::AvcConfig;
use brooklet_media::bitstream::hevc::HvcConfig;
use brooklet_media::bitstream::mpeg_audio::MpegAudioHeader;
use brooklet_media::bitstream::opus::{OpusHead, RATE};
use brooklet_media::bitstream::vpx::VpConfig;
use brooklet_media::{
    AudioParams, ChannelLayout, CodecId, Error, PcmFormat, Result, StreamKind, StreamParams, TimeBase,
    VideoParams,
};
use bytes::Bytes;

use crate::TagKind;
use crate::body::Body;
use crate::coding::Coding;
use crate::metadata::OnMetaData;

const NAME: &str = "flv";

/// Bytes of FLAC's STREAMINFO (RFC 9639 §8.2).
const STREAMINFO: usize = 34;

/// A stream, and how its packets are to be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Description {
    pub(crate) params: StreamParams,
    /// Bytes of the lengths in H.264 and HEVC access units; 4 is what packets have.
    pub(crate) length_size: usize,
}

/// Whether frames of `codec` are of no use before a sequence header.
pub(crate) const fn needs_config(codec: CodecId) -> bool {
    matches!(codec, CodecId::H264 | CodecId::Hevc | CodecId::Aac | CodecId::Flac)
}

/// From a sequence header.
pub(crate) fn from_config(
    kind: TagKind,
    body: &Body,
    config: Bytes,
    said: &OnMetaData,
) -> Result<Description> {
    let codec = body.coding.codec(kind, body.sound);
    let mut length_size = 4;
    let (stream, extradata) = match codec {
        CodecId::H264 => {
            let avc = AvcConfig::parse(&config)?;
            length_size = avc.length_size;
            let video = avc.first_sps().map(|sps| sps.video_params());
            (StreamKind::Video(video.unwrap_or_else(|| said.video())), with_four_byte_lengths(config, 4))
        }
        CodecId::Hevc => {
            let hvc = HvcConfig::parse(&config)?;
            length_size = hvc.length_size;
            let video = hvc.first_sps().map(|sps| sps.video_params());
            (StreamKind::Video(video.unwrap_or_else(|| said.video())), with_four_byte_lengths(config, 21))
        }
        CodecId::Av1 => {
            // A record that can't be read is not ours to judge: what decodes it may need none.
            let video = Av1Config::parse(&config).map(|av1| av1.video_params(said.video()));
            (StreamKind::Video(video.unwrap_or_else(|_| said.video())), config)
        }
        // The record stands in a box with version and flags in MP4, and ffmpeg writes these here too.
        CodecId::Vp8 | CodecId::Vp9 => {
            let in_box = config.len() >= 12 && config.starts_with(&[1, 0, 0, 0]);
            let record = if in_box { config.slice(4..) } else { config };
            (StreamKind::Video(vpx(&record, said.video())), record)
        }
        CodecId::Aac => (StreamKind::Audio(AacConfig::parse(&config)?.audio_params()), config),
        CodecId::Opus => {
            let head = OpusHead::parse(&config)
                .ok_or_else(|| Error::invalid(NAME, 0, "an Opus sequence header that is no OpusHead"))?;
            (StreamKind::Audio(opus(head.channels)), config)
        }
        CodecId::Flac => {
            // Enhanced RTMP says: a whole FLAC header. ffmpeg writes STREAMINFO alone.
            let start = if config.starts_with(b"fLaC") { 8 } else { 0 };
            let info = config
                .get(start..start + STREAMINFO)
                .ok_or_else(|| Error::invalid(NAME, 0, "a FLAC sequence header without STREAMINFO"))?;
            (StreamKind::Audio(flac(info)?), config.slice(start..start + STREAMINFO))
        }
        _ if kind == TagKind::Video => (StreamKind::Video(said.video()), config),
        _ => (StreamKind::Audio(said.audio(AudioParams::new(RATE, ChannelLayout::Stereo))), config),
    };
    Ok(Description { params: said.stream(codec, stream, extradata), length_size })
}

/// From a frame; `None` where it does not tell.
pub(crate) fn from_frame(kind: TagKind, body: &Body, frame: &[u8], said: &OnMetaData) -> Option<Description> {
    let codec = body.coding.codec(kind, body.sound);
    let mut extradata = Bytes::new();
    let stream = match codec {
        _ if kind == TagKind::Video => StreamKind::Video(said.video()),
        CodecId::Mp3 => {
            let header = MpegAudioHeader::parse(frame)?;
            StreamKind::Audio(AudioParams {
                frame_samples: Some(header.samples),
                ..AudioParams::new(header.rate, layout(header.channels))
            })
        }
        CodecId::Ac3 | CodecId::Eac3 => StreamKind::Audio(crate::ac3::parse(frame)?),
        CodecId::Opus => {
            let head = OpusHead { channels: 2, pre_skip: 0, input_rate: RATE, family: 0 };
            extradata = head.build();
            StreamKind::Audio(opus(head.channels))
        }
        CodecId::Pcm(format) => StreamKind::Audio(AudioParams {
            format: Some(format.sample_format()),
            ..claimed(body.coding, body.sound)
        }),
        _ => StreamKind::Audio(said.audio(claimed(body.coding, body.sound))),
    };
    let mut params = said.stream(codec, stream, extradata);
    if let (CodecId::Pcm(format), Some(audio)) = (codec, params.as_audio()) {
        params.bit_rate = Some(pcm_bit_rate(format, audio));
    }
    Some(Description { params, length_size: 4 })
}

impl OnMetaData {
    fn stream(&self, codec: CodecId, mut kind: StreamKind, extradata: Bytes) -> StreamParams {
        let bit_rate = match &mut kind {
            StreamKind::Video(video) => {
                video.frame_rate = video.frame_rate.or(self.frame_rate);
                self.video_bit_rate
            }
            _ => self.audio_bit_rate,
        };
        StreamParams {
            extradata,
            bit_rate,
            duration: self.duration,
            ..StreamParams::new(codec, TimeBase::MILLIS, kind)
        }
    }

    fn video(&self) -> VideoParams {
        VideoParams::new(self.width, self.height)
    }

    fn audio(&self, fallback: AudioParams) -> AudioParams {
        let layout = self.channels.and_then(ChannelLayout::from_channels);
        AudioParams::new(self.audio_rate.unwrap_or(fallback.rate), layout.unwrap_or(fallback.layout))
    }
}

/// Packets always have lengths of 4 bytes, so their record must say so too.
fn with_four_byte_lengths(record: Bytes, at: usize) -> Bytes {
    match record.get(at) {
        Some(byte) if byte & 3 != 3 => {
            let mut record = record.to_vec();
            record[at] |= 3;
            record.into()
        }
        _ => record,
    }
}

fn vpx(record: &[u8], said: VideoParams) -> VideoParams {
    VpConfig::parse(record).map_or(said, |config| VideoParams {
        format: config.pixel_format(),
        color: config.color(),
        ..said
    })
}

fn claimed(coding: Coding, sound: u8) -> AudioParams {
    let (rate, channels) = coding.claimed(sound);
    AudioParams::new(rate, layout(channels))
}

fn opus(channels: u8) -> AudioParams {
    AudioParams::new(RATE, layout(channels))
}

fn layout(channels: u8) -> ChannelLayout {
    ChannelLayout::from_channels(channels).unwrap_or(ChannelLayout::Mono)
}

/// RFC 9639 §8.2.
fn flac(info: &[u8]) -> Result<AudioParams> {
    let word = |at: usize| u32::from_be_bytes([info[at], info[at + 1], info[at + 2], info[at + 3]]);
    let (block_sizes, rate_and_channels) = (word(0), word(10));
    let rate = rate_and_channels >> 12;
    if rate == 0 {
        return Err(Error::invalid(NAME, 0, "a FLAC sequence header with a rate of 0 Hz"));
    }
    let (smallest, largest) = (block_sizes >> 16, block_sizes & 0xFFFF);
    Ok(AudioParams {
        frame_samples: (smallest == largest).then_some(largest),
        ..AudioParams::new(rate, layout((rate_and_channels >> 9 & 7) as u8 + 1))
    })
}

fn pcm_bit_rate(format: PcmFormat, audio: &AudioParams) -> u64 {
    format.bytes() as u64 * 8 * u64::from(audio.rate) * audio.layout.channels() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::AVC_CONFIG;

    fn described(kind: TagKind, head: &[u8], config: &[u8]) -> Result<Description> {
        let body = Body::parse(kind, head, None).unwrap();
        from_config(kind, &body, Bytes::copy_from_slice(config), &OnMetaData::default())
    }

    #[test]
    fn a_record_of_short_lengths_is_rewritten_to_say_four() {
        let mut record = AVC_CONFIG.to_vec();
        record[4] = 0xFD;
        let short = described(TagKind::Video, b"\x17\0\0\0\0", &record).unwrap();
        assert_eq!((short.length_size, &short.params.extradata[..]), (2, AVC_CONFIG));
        let video = *short.params.as_video().unwrap();
        assert_eq!((video.width, video.height, video.reorder), (320, 180, 2));
    }

    #[test]
    fn vp9_comes_with_and_without_its_box() {
        let record = [0, 11, 0x82, 2, 2, 2, 0, 0];
        for config in [&[&[1, 0, 0, 0], &record[..]].concat(), &record[..]] {
            assert_eq!(described(TagKind::Video, b"\x90vp09", config).unwrap().params.extradata[..], record);
        }
    }

    #[test]
    fn flac_comes_with_and_without_its_signature() {
        let mut info = [0u8; STREAMINFO];
        info[..4].copy_from_slice(&[0x10, 0, 0x10, 0]);
        info[10..14].copy_from_slice(&(44_100u32 << 12 | 1 << 9).to_be_bytes());
        for config in [&[b"fLaC\x80\0\0\x22", &info[..]].concat(), &info[..]] {
            let params = described(TagKind::Audio, b"\x90fLaC", config).unwrap().params;
            let audio = *params.as_audio().unwrap();
            assert_eq!((audio.rate, audio.layout), (44_100, ChannelLayout::Stereo));
            assert_eq!((audio.frame_samples, &params.extradata[..]), (Some(4_096), &info[..]));
        }
    }

    #[test]
    fn a_configuration_that_is_none_is_refused() {
        assert!(described(TagKind::Video, b"\x17\0\0\0\0", b"\0\0\0\x01\x67").is_err());
        assert!(described(TagKind::Video, b"\x90hvc1", b"short").is_err());
        assert!(described(TagKind::Audio, b"\xaf\0", b"\xff").is_err());
        assert!(described(TagKind::Audio, b"\x90Opus", b"OpusTags").is_err());
        assert!(described(TagKind::Audio, b"\x90fLaC", b"fLaC").is_err());
    }

    #[test]
    fn old_codecs_are_named_and_passed_on() {
        let body = Body::parse(TagKind::Video, b"\x22data", None).unwrap();
        let params = from_frame(TagKind::Video, &body, b"data", &OnMetaData::default()).unwrap().params;
        assert_eq!(params.codec.to_string(), "'FLV1'");
        let body = Body::parse(TagKind::Audio, b"\xb2data", None).unwrap();
        let params = from_frame(TagKind::Audio, &body, b"data", &OnMetaData::default()).unwrap().params;
        assert_eq!((params.codec.to_string().as_str(), params.as_audio().unwrap().rate), ("'SPEX'", 16_000));
    }
}
