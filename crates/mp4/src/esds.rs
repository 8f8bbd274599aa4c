//! Elementary stream descriptors: `esds` (ISO/IEC 14496-1 §7.2.6, 14496-14 §5.6).

use brooklet_media::CodecId;
use bytes::Bytes;

use crate::boxes::Body;

pub(crate) mod tag {
    pub(crate) const ES_DESCRIPTOR: u8 = 3;
    pub(crate) const DECODER_CONFIG: u8 = 4;
    pub(crate) const DECODER_SPECIFIC_INFO: u8 = 5;
    pub(crate) const SL_CONFIG: u8 = 6;
}

/// What an `esds` says of its stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Esds {
    object_type: u8,
    /// Average bit/s, where it says.
    pub(crate) bit_rate: Option<u64>,
    /// DecoderSpecificInfo; empty where there is none.
    pub(crate) config: Bytes,
}

impl Esds {
    /// Reads the box; `None` where it is damaged.
    pub(crate) fn parse(mut esds: Body) -> Option<Self> {
        esds.version_and_flags().ok()?;
        let mut descriptor = read_descriptor(&mut esds, tag::ES_DESCRIPTOR)?;
        descriptor.u16().ok()?; // ES_ID
        let flags = descriptor.u8().ok()?;
        if flags & 0x80 != 0 {
            descriptor.u16().ok()?; // dependsOn_ES_ID
        }
        if flags & 0x40 != 0 {
            let length = descriptor.u8().ok()?;
            descriptor.skip(usize::from(length)).ok()?; // URL
        }
        if flags & 0x20 != 0 {
            descriptor.u16().ok()?; // OCR_ES_ID
        }
        let mut decoder = read_descriptor(&mut descriptor, tag::DECODER_CONFIG)?;
        let object_type = decoder.u8().ok()?;
        decoder.skip(1 + 3 + 4).ok()?; // stream type, buffer size, greatest bit rate
        let bit_rate = Some(u64::from(decoder.u32().ok()?)).filter(|rate| *rate > 0);
        let config = read_descriptor(&mut decoder, tag::DECODER_SPECIFIC_INFO);
        Some(Self { object_type, bit_rate, config: config.map(|config| config.bytes).unwrap_or_default() })
    }

    /// The codec that the object type stands for (mp4ra.org, "Object Types").
    pub(crate) const fn codec(&self) -> Option<CodecId> {
        Some(match self.object_type {
            0x20 => CodecId::Mpeg4,
            0x21 => CodecId::H264,
            0x23 => CodecId::Hevc,
            0x40 | 0x66..=0x68 => CodecId::Aac,
            0x60..=0x65 => CodecId::Mpeg2Video,
            0x69 | 0x6B => CodecId::Mp3,
            0x6C => CodecId::Mjpeg,
            0xA5 => CodecId::Ac3,
            0xA6 => CodecId::Eac3,
            0xAD => CodecId::Opus,
            0xDD => CodecId::Vorbis,
            _ => return None,
        })
    }
}

/// The body of the next descriptor, which must have this tag. One that passes the end is cut there.
fn read_descriptor(body: &mut Body, wanted: u8) -> Option<Body> {
    let found = body.u8().ok()?;
    let mut length = 0usize;
    for _ in 0..4 {
        let byte = body.u8().ok()?;
        length = length << 7 | usize::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            break;
        }
    }
    let (kind, at) = (body.kind, body.at);
    let bytes = body.take(length.min(body.bytes.len())).ok()?;
    (found == wanted).then(|| Body::new(kind, at, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AAC: &[u8] = &[
        0, 0, 0, 0, 3, 0x80, 0x80, 0x80, 0x22, 0, 1, 0, 4, 0x80, 0x80, 0x80, 0x14, 0x40, 0x15, 0, 0, 0, 0, 0,
        0xFA, 0, 0, 0, 0xFA, 0, 5, 0x80, 0x80, 0x80, 2, 0x11, 0x90, 6, 1, 2,
    ];

    #[test]
    fn lengths_of_four_bytes() {
        let esds = Esds::parse(Body::new(*b"esds", 0, Bytes::from_static(AAC))).unwrap();
        assert_eq!(
            (esds.codec(), esds.bit_rate, &esds.config[..]),
            (Some(CodecId::Aac), Some(64_000), &[0x11, 0x90][..])
        );
    }

    #[test]
    fn one_that_ends_early_is_none() {
        for end in 0..29 {
            assert_eq!(Esds::parse(Body::new(*b"esds", 0, Bytes::from_static(&AAC[..end]))), None, "{end}");
        }
    }
}
