//! Descriptions of sound: `AudioSampleEntry` (ISO/IEC 14496-12 §12.2.3), QuickTime's sound descriptions of version
//! 0 to 2 (QuickTime File Format, "Sound Sample Descriptions"), and the codecs' boxes in them.

use brooklet_media::bitstream::aac::AacConfig;
use brooklet_media::bitstream::opus::{self, OpusHead};
use brooklet_media::{AudioParams, ChannelLayout, CodecId, PcmFormat, Result, StreamKind};
use bytes::{BufMut, BytesMut};

use crate::boxes::{Body, FourCc};
use crate::esds::Esds;
use crate::pcm;
use crate::sample_entry::{Description, parse_btrt, unknown};
use crate::samples::Grouping;

/// FLAC's STREAMINFO: its block type and its length (RFC 9639 §8.2).
const STREAMINFO: u8 = 0;
const STREAMINFO_BYTES: usize = 34;

/// Reads a row of the `stsd` of an audio track. `extends` says whether versions 1 and 2 are QuickTime's, with
/// fields of their own.
pub(crate) fn parse(mut entry: Body, extends: bool) -> Result<Description> {
    let kind = entry.kind;
    let fields = Fields::read(&mut entry, extends)?;
    let codec = codec_of(kind, &fields);
    let mut row = Row { kind, fields, description: Description::new(codec, StreamKind::Other), frame: None };
    row.read_children(entry);
    Ok(row.finish())
}

/// The fixed part of an entry.
pub(crate) struct Fields {
    channels: u32,
    /// Of one sample of one channel.
    pub(crate) bits: u32,
    rate: u32,
    /// Samples of each channel in a packet, and bytes of all channels in it, where a version 1 or 2 says.
    packet: Option<Grouping>,
    /// formatSpecificFlags of a version 2.
    pub(crate) lpcm_flags: Option<u32>,
}

impl Fields {
    fn read(entry: &mut Body, extends: bool) -> Result<Self> {
        entry.skip(8)?; // reserved, data reference
        let version = entry.u16()?;
        entry.skip(6)?; // revision, vendor
        let (channels, bits) = (u32::from(entry.u16()?), u32::from(entry.u16()?));
        entry.skip(4)?; // compression id, packet size
        let mut fields = Self { channels, bits, rate: entry.u32()? >> 16, packet: None, lpcm_flags: None };
        match version {
            1 if extends => {
                let (samples, _) = (entry.u32()?, entry.u32()?);
                let (bytes, _) = (entry.u32()?, entry.u32()?);
                fields.packet = Some(Grouping { samples, bytes });
            }
            2 if extends => {
                entry.skip(4)?; // size of this structure
                let rate = f64::from_bits(entry.u64()?);
                fields.rate = if (1.0..4e9).contains(&rate) { rate as u32 } else { 0 };
                fields.channels = entry.u32()?;
                entry.skip(4)?; // 0x7F000000
                fields.bits = entry.u32()?;
                fields.lpcm_flags = Some(entry.u32()?);
                let (bytes, samples) = (entry.u32()?, entry.u32()?);
                fields.packet = Some(Grouping { samples, bytes });
            }
            _ => {}
        }
        fields.packet = fields.packet.filter(|packet| packet.samples > 0 && packet.bytes > 0);
        Ok(fields)
    }
}

/// A description in the making.
struct Row {
    kind: FourCc,
    fields: Fields,
    description: Description,
    /// Samples of each channel in a packet, where the codec fixes it.
    frame: Option<u32>,
}

impl Row {
    fn read_children(&mut self, entry: Body) {
        for child in entry.children() {
            match &child.kind {
                b"esds" => self.read_esds(child),
                // QuickTime wraps the codec's own boxes once more.
                b"wave" => self.read_wave(child),
                b"dOps" => drop(self.read_dops(child)),
                b"dfLa" => drop(self.read_dfla(child)),
                b"dac3" => drop(self.read_dac3(child)),
                b"dec3" => drop(self.read_dec3(child)),
                b"pcmC" => drop(self.read_pcmc(child)),
                b"enda" => self.read_enda(child),
                b"srat" => drop(self.read_srat(child)),
                b"btrt" => {
                    self.description.params.bit_rate = parse_btrt(child).or(self.description.params.bit_rate)
                }
                b"alac" => self.description.params.extradata = child.bytes,
                _ => {}
            }
        }
    }

    fn read_wave(&mut self, wave: Body) {
        for child in wave.children() {
            match &child.kind {
                b"esds" => self.read_esds(child),
                b"enda" => self.read_enda(child),
                b"dac3" => drop(self.read_dac3(child)),
                b"alac" if child.bytes.len() > 4 => self.description.params.extradata = child.bytes,
                _ => {}
            }
        }
    }

    fn read_esds(&mut self, esds: Body) {
        let Some(esds) = Esds::parse(esds) else { return };
        let params = &mut self.description.params;
        params.codec = esds.codec().unwrap_or(params.codec);
        params.bit_rate = esds.bit_rate;
        match (params.codec, AacConfig::parse(&esds.config)) {
            (CodecId::Aac, Ok(config)) => {
                let coded = config.audio_params();
                self.fields.rate = coded.rate;
                self.frame = coded.frame_samples;
                if let Some(layout) = config.layout() {
                    self.fields.channels = layout.channels() as u32;
                }
            }
            (CodecId::Mp3, _) => self.frame = Some(if self.fields.rate >= 32_000 { 1_152 } else { 576 }),
            _ => {}
        }
        params.extradata = esds.config;
    }

    /// `dOps` (Encapsulation of Opus in ISO Base Media File Format §4.3.2): OpusHead with its numbers turned round.
    fn read_dops(&mut self, mut dops: Body) -> Result<()> {
        dops.skip(1)?; // version
        let (channels, pre_skip, input_rate) = (dops.u8()?, dops.u16()?, dops.u32()?);
        let (gain, family) = (dops.u16()?, dops.u8()?);
        let mut head = BytesMut::from(&OpusHead { channels, pre_skip, input_rate, family }.build()[..16]);
        head.put_u16_le(gain);
        head.put_u8(family);
        head.extend_from_slice(&dops.bytes);
        self.fields.channels = u32::from(channels);
        self.fields.rate = opus::RATE;
        self.description.params.extradata = head.freeze();
        Ok(())
    }

    /// `dfLa` (Encapsulation of FLAC in ISO Base Media File Format §3.3.2): FLAC's metadata blocks.
    fn read_dfla(&mut self, mut dfla: Body) -> Result<()> {
        dfla.version_and_flags()?;
        let (kind, length) = (dfla.u8()? & 0x7F, dfla.u24()? as usize);
        let block = dfla.take(length)?;
        if kind == STREAMINFO && length == STREAMINFO_BYTES {
            // Bits 80 to 99 are the rate, 100 to 102 the channels less one.
            let packed = u32::from_be_bytes([block[10], block[11], block[12], block[13]]);
            self.fields.rate = packed >> 12;
            self.fields.channels = (packed >> 9 & 7) + 1;
            self.description.params.extradata = block;
        }
        Ok(())
    }

    /// `dac3` (ETSI TS 102 366 §F.4).
    fn read_dac3(&mut self, mut dac3: Body) -> Result<()> {
        let bits = dac3.u24()?;
        self.set_ac3_channels(bits >> 11 & 7, bits >> 10 & 1);
        self.frame = Some(1_536);
        Ok(())
    }

    /// `dec3` (ETSI TS 102 366 §F.6): the first independent substream counts.
    fn read_dec3(&mut self, mut dec3: Body) -> Result<()> {
        dec3.skip(2)?; // data rate, number of substreams
        let bits = dec3.u24()?;
        self.set_ac3_channels(bits >> 9 & 7, bits >> 8 & 1);
        Ok(())
    }

    fn set_ac3_channels(&mut self, acmod: u32, lfe: u32) {
        self.fields.channels = [2, 1, 2, 3, 3, 4, 4, 5][acmod as usize & 7] + lfe;
    }

    /// `pcmC` (ISO/IEC 23003-5 §5.3).
    fn read_pcmc(&mut self, mut pcmc: Body) -> Result<()> {
        pcmc.version_and_flags()?;
        let is_little = pcmc.u8()? & 1 != 0;
        self.fields.bits = u32::from(pcmc.u8()?);
        let format = pcm::format(self.kind == *b"fpcm", self.fields.bits, is_little);
        self.description.params.codec = format.map_or(unknown(self.kind), CodecId::Pcm);
        Ok(())
    }

    /// QuickTime's `enda`: whether numbers are little-endian.
    fn read_enda(&mut self, mut enda: Body) {
        if let (CodecId::Pcm(format), Ok(1)) = (self.description.params.codec, enda.u16()) {
            self.description.params.codec = CodecId::Pcm(pcm::little_endian(format));
        }
    }

    /// `srat`: a rate past 16 bits (ISO/IEC 14496-12 §12.2.3).
    fn read_srat(&mut self, mut srat: Body) -> Result<()> {
        srat.version_and_flags()?;
        self.fields.rate = srat.u32()?;
        Ok(())
    }

    fn finish(self) -> Description {
        let Self { fields, mut description, frame, .. } = self;
        let layout = u8::try_from(fields.channels).ok().and_then(ChannelLayout::from_channels);
        let mut audio = AudioParams::new(fields.rate, layout.unwrap_or(ChannelLayout::Stereo));
        audio.frame_samples = frame;
        description.grouping = fields.packet;
        if let CodecId::Pcm(format) = description.params.codec {
            let bytes = format.bytes() * audio.layout.channels();
            audio.format = Some(format.sample_format());
            description.grouping = Some(Grouping { samples: 1, bytes: bytes as u32 });
            description.params.bit_rate = Some(u64::from(audio.rate) * 8 * bytes as u64);
        }
        description.params.kind = StreamKind::Audio(audio);
        description
    }
}

/// The codec that a type stands for, until a box inside knows better.
fn codec_of(kind: FourCc, fields: &Fields) -> CodecId {
    match &kind {
        b"mp4a" => CodecId::Aac,
        b".mp3" | b"mp3 " | b"ms\0U" => CodecId::Mp3,
        b".mp2" | b"ms\0P" => CodecId::Mp2,
        b"Opus" => CodecId::Opus,
        b"fLaC" => CodecId::Flac,
        b"ac-3" | b"sac3" => CodecId::Ac3,
        b"ec-3" => CodecId::Eac3,
        b"alaw" => CodecId::Pcm(PcmFormat::Alaw),
        b"ulaw" => CodecId::Pcm(PcmFormat::Mulaw),
        _ => pcm::format_of(kind, fields).map_or(unknown(kind), CodecId::Pcm),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn an_opus_header_is_turned_round() {
        let mut entry = vec![0u8; 28];
        entry[16..18].copy_from_slice(&[0, 2]);
        entry.extend_from_slice(b"\0\0\0\x13dOps\0\x02\x01\x38\0\0\xBB\x80\0\0\0");
        let row = parse(Body::new(*b"Opus", 0, Bytes::from(entry)), false).unwrap();
        let head = OpusHead::parse(&row.params.extradata).unwrap();
        assert_eq!((head.channels, head.pre_skip, head.input_rate, head.family), (2, 312, 48_000, 0));
        assert_eq!(row.params.extradata.len(), 19);
    }
}
