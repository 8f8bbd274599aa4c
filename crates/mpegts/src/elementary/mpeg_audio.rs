//! MPEG-1/2 audio, layers II and III.

use brooklet_media::bitstream::mpeg_audio::MpegAudioHeader;
use brooklet_media::{AudioParams, ChannelLayout, CodecId, StreamKind};
use bytes::Bytes;

use super::Format;
use super::framed::{FrameHead, FrameSyntax};

/// What does not change from frame to frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Config {
    layer: u8,
    rate: u32,
    channels: u8,
    samples: u32,
}

#[derive(Default)]
pub(super) struct MpegAudio;

impl FrameSyntax for MpegAudio {
    type Config = Config;
    const HEADER: usize = 4;

    fn head(bytes: &[u8]) -> Option<FrameHead<Config>> {
        let MpegAudioHeader { layer, rate, channels, frame_bytes, samples, .. } =
            MpegAudioHeader::parse(bytes)?;
        let config = Config { layer, rate, channels, samples };
        Some(FrameHead { bytes: frame_bytes, header: 0, samples, rate, dependent: false, config })
    }

    fn format(config: &Config) -> Format {
        let codec = if config.layer == 2 { CodecId::Mp2 } else { CodecId::Mp3 };
        let layout = if config.channels == 1 { ChannelLayout::Mono } else { ChannelLayout::Stereo };
        let audio =
            AudioParams { frame_samples: Some(config.samples), ..AudioParams::new(config.rate, layout) };
        Format { codec, kind: StreamKind::Audio(audio), extradata: Bytes::new() }
    }
}
