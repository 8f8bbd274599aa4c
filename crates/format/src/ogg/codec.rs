//! What each codec puts into Ogg: its header packets, and how long its packets last.

use brooklet_media::bitstream::flac::{FlacFrameHeader, StreamInfo};
use brooklet_media::bitstream::opus::{self, OpusHead, packet_samples};
use brooklet_media::{
    AudioParams, ChannelLayout, CodecId, Error, Metadata, Result, SampleFormat, StreamParams, TimeBase,
};
use bytes::{BufMut, Bytes, BytesMut};

use super::NAME;
use super::vorbis::{self, Blocks};
use crate::comments;

/// A codec within Ogg, as far as its headers have said.
#[derive(Clone, Debug)]
pub(super) enum Codec {
    Opus { pre_skip: u32 },
    Flac,
    Vorbis { blocks: Option<Blocks>, last: Option<u32>, headers: Vec<Bytes> },
}

impl Codec {
    /// What a stream's first packet says it is; `None` for codecs that are not read here.
    pub(super) fn first(packet: &[u8]) -> Option<(Self, StreamParams)> {
        if let Some(head) = OpusHead::parse(packet) {
            let layout = ChannelLayout::from_channels(head.channels)?;
            let audio =
                AudioParams { format: Some(SampleFormat::F32), ..AudioParams::new(opus::RATE, layout) };
            let mut params = StreamParams::audio(CodecId::Opus, TimeBase::hz(opus::RATE), audio);
            params.extradata = Bytes::copy_from_slice(packet);
            return Some((Self::Opus { pre_skip: head.pre_skip.into() }, params));
        }
        if let Some(rest) = packet.strip_prefix(b"\x7FFLAC") {
            let info = StreamInfo::parse(rest.get(4..).filter(|block| block.starts_with(b"fLaC"))?)?;
            return Some((Self::Flac, flac_params(&info)?));
        }
        let (channels, rate) = vorbis::identification(packet)?;
        let audio = AudioParams::new(rate, ChannelLayout::from_channels(channels)?);
        let audio = AudioParams { format: Some(SampleFormat::F32p), ..audio };
        let params = StreamParams::audio(CodecId::Vorbis, TimeBase::hz(rate), audio);
        let headers = vec![Bytes::copy_from_slice(packet)];
        Some((Self::Vorbis { blocks: None, last: None, headers }, params))
    }

    /// Takes a packet that may be a header; false where it is one of sound.
    pub(super) fn take_header(
        &mut self,
        packet: &Bytes,
        params: &mut StreamParams,
        tags: &mut Metadata,
    ) -> bool {
        match self {
            Self::Opus { .. } => {
                let Some(rest) = packet.strip_prefix(b"OpusTags") else { return false };
                *tags = comments::parse(rest);
                true
            }
            Self::Flac => {
                let is_sound = !self.is_header(packet) || packet.is_empty();
                if let Some(4) = packet.first().map(|kind| kind & 0x7F) {
                    *tags = comments::parse(packet.get(4..).unwrap_or_default());
                }
                !is_sound
            }
            Self::Vorbis { blocks, headers, .. } => {
                if packet.first().is_none_or(|kind| kind & 1 == 0) {
                    return false;
                }
                if let Some(rest) = packet.strip_prefix(b"\x03vorbis") {
                    *tags = comments::parse(rest);
                }
                if headers.len() < 3 {
                    headers.push(packet.clone());
                }
                if let [first, tags, setup] = &headers[..]
                    && blocks.is_none()
                {
                    *blocks = Blocks::parse(first, setup);
                    params.extradata = vorbis::laced(first, tags, setup);
                }
                true
            }
        }
    }

    /// Whether a packet of these first bytes is a header.
    pub(super) fn is_header(&self, start: &[u8]) -> bool {
        match self {
            Self::Opus { .. } => start.starts_with(b"OpusTags"),
            Self::Flac => start.first().is_some_and(|byte| *byte != 0xFF),
            Self::Vorbis { .. } => start.first().is_some_and(|kind| kind & 1 == 1),
        }
    }

    /// Whether all headers are there without which nothing can be decoded.
    pub(super) fn is_ready(&self) -> bool {
        !matches!(self, Self::Vorbis { blocks: None, .. })
    }

    /// Samples that a packet decodes to.
    pub(super) fn samples(&mut self, packet: &[u8]) -> u32 {
        match self {
            Self::Opus { .. } => packet_samples(packet).unwrap_or(0),
            Self::Flac => FlacFrameHeader::parse(packet).map_or(0, |header| header.samples),
            Self::Vorbis { blocks, last, .. } => {
                let Some(block) = blocks.as_ref().and_then(|blocks| blocks.block(packet)) else { return 0 };
                // Half of the last block overlaps with half of this; the first gives nothing.
                last.replace(block).map_or(0, |last| (last + block) / 4)
            }
        }
    }

    /// Forgets what came before a gap.
    pub(super) fn lose(&mut self) {
        if let Self::Vorbis { last, .. } = self {
            *last = None;
        }
    }

    /// Samples to drop from the start, on the stream's clock.
    pub(super) fn pre_skip(&self) -> u32 {
        if let Self::Opus { pre_skip } = self { *pre_skip } else { 0 }
    }

    /// The codec and the header packets of a stream to be written, the first alone on its page.
    pub(super) fn headers_for(params: &StreamParams, metadata: &Metadata) -> Result<(Self, Vec<Vec<u8>>)> {
        let tags = comments::build(metadata);
        match params.codec {
            CodecId::Opus => {
                let audio = params.as_audio().copied();
                let head = match OpusHead::parse(&params.extradata) {
                    Some(_) => params.extradata.to_vec(),
                    None => {
                        let channels = audio.map_or(2, |audio| audio.layout.channels() as u8);
                        let head = OpusHead { channels, pre_skip: 0, input_rate: opus::RATE, family: 0 };
                        head.build().to_vec()
                    }
                };
                let pre_skip = OpusHead::parse(&head).map_or(0, |head| head.pre_skip.into());
                Ok((Self::Opus { pre_skip }, vec![head, [b"OpusTags", &tags[..]].concat()]))
            }
            CodecId::Flac => {
                let info = StreamInfo::parse(&params.extradata)
                    .ok_or_else(|| Error::invalid(NAME, 0, "FLAC without a STREAMINFO"))?;
                // What is not known before the end can't be patched here.
                let info = StreamInfo { samples: 0, md5: [0; 16], ..info };
                let mut first = BytesMut::new();
                first.put_slice(b"\x7FFLAC\x01\0\0\x01fLaC\0\0\0\x22");
                first.put_slice(&info.build());
                let tags = [&[0x84][..], &(tags.len() as u32).to_be_bytes()[1..], &tags].concat();
                Ok((Self::Flac, vec![first.to_vec(), tags]))
            }
            CodecId::Vorbis => {
                let [first, _, setup] = vorbis::unlaced(&params.extradata)
                    .ok_or_else(|| Error::invalid(NAME, 0, "Vorbis without its three headers"))?;
                let blocks = Blocks::parse(&first, &setup);
                let codec = Self::Vorbis { blocks, last: None, headers: Vec::new() };
                let tags = [b"\x03vorbis", &tags[..], &[1]].concat();
                Ok((codec, vec![first.to_vec(), tags, setup.to_vec()]))
            }
            other => Err(Error::unsupported(format!("{other} in {NAME}"), SUPPORTED)),
        }
    }
}

/// The codecs that are read and written.
pub(super) const SUPPORTED: &str = "opus, flac, vorbis";

/// The parameters of a FLAC stream.
pub(crate) fn flac_params(info: &StreamInfo) -> Option<StreamParams> {
    let format = if info.bits <= 16 { SampleFormat::S16p } else { SampleFormat::S32p };
    let layout = ChannelLayout::from_channels(info.channels)?;
    let audio = AudioParams { format: Some(format), ..AudioParams::new(info.rate, layout) };
    let mut params = StreamParams::audio(CodecId::Flac, TimeBase::hz(info.rate), audio);
    params.extradata = info.build();
    Some(params)
}
