//! AC-3 and Enhanced AC-3: as much of a syncframe as says how long it is (ETSI TS 102 366 §4.3, §E.1.2).

use brooklet_media::bitstream::bits::BitReader;
use brooklet_media::{AudioParams, ChannelLayout, CodecId, StreamKind};
use bytes::Bytes;

use super::Format;
use super::framed::{FrameHead, FrameSyntax};

/// Table 4.13: kbit/s by half of frmsizecod.
const KILOBITS: [u32; 19] =
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];
/// fscod.
const RATES: [u32; 3] = [48_000, 44_100, 32_000];
/// Channels by acmod, without the LFE (table 4.3).
const CHANNELS: [u8; 8] = [2, 1, 2, 3, 3, 4, 4, 5];
/// Samples in an audio block.
const BLOCK: u32 = 256;

/// What does not change from frame to frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Config {
    enhanced: bool,
    rate: u32,
    channels: u8,
}

#[derive(Default)]
pub(super) struct Ac3Frames;

impl FrameSyntax for Ac3Frames {
    type Config = Config;
    const HEADER: usize = 8;

    fn head(bytes: &[u8]) -> Option<FrameHead<Config>> {
        let head: &[u8; 8] = bytes.first_chunk()?;
        if head[..2] != [0x0B, 0x77] {
            return None;
        }
        // bsid stands in the same place in both.
        match head[5] >> 3 {
            0..=10 => read_ac3(head),
            11..=16 => read_eac3(head),
            _ => None,
        }
    }

    fn format(config: &Config) -> Format {
        let codec = if config.enhanced { CodecId::Eac3 } else { CodecId::Ac3 };
        let layout = ChannelLayout::from_channels(config.channels).unwrap_or(ChannelLayout::Stereo);
        let kind = StreamKind::Audio(AudioParams::new(config.rate, layout));
        Format { codec, kind, extradata: Bytes::new() }
    }
}

fn read_ac3(head: &[u8; 8]) -> Option<FrameHead<Config>> {
    let rate = *RATES.get(usize::from(head[4] >> 6))?;
    let size_code = usize::from(head[4] & 0x3F);
    let kilobits = *KILOBITS.get(size_code / 2)?;
    // Words of 16 bits in 1536 samples; at 44.1 kHz every other size has one more.
    let padding = if rate == 44_100 { size_code as u32 % 2 } else { 0 };
    let words = kilobits * 96_000 / rate + padding;
    let mut bits = BitReader::new("ac3", &head[5..]);
    bits.skip(8).ok()?; // bsid, bsmod
    let mode = bits.bits(3).ok()? as usize;
    let skipped = match mode {
        2 => 2,                                                                          // dsurmod
        _ => 2 * (usize::from(mode & 1 != 0 && mode != 1) + usize::from(mode & 4 != 0)), // cmixlev, surmixlev
    };
    bits.skip(skipped).ok()?;
    let channels = CHANNELS[mode] + u8::from(bits.flag().ok()?);
    Some(FrameHead {
        bytes: words as usize * 2,
        header: 0,
        samples: 6 * BLOCK,
        rate,
        dependent: false,
        config: Config { enhanced: false, rate, channels },
    })
}

fn read_eac3(head: &[u8; 8]) -> Option<FrameHead<Config>> {
    let mut bits = BitReader::new("eac3", &head[2..]);
    let stream_type = bits.bits(2).ok()?;
    bits.skip(3).ok()?; // substreamid
    let words = bits.bits(11).ok()? + 1;
    let (rate, blocks) = match bits.bits(2).ok()? as usize {
        3 => (RATES.get(bits.bits(2).ok()? as usize)? / 2, 6),
        code => (RATES[code], [1, 2, 3, 6][bits.bits(2).ok()? as usize]),
    };
    let mode = bits.bits(3).ok()? as usize;
    let channels = CHANNELS[mode] + u8::from(bits.flag().ok()?);
    Some(FrameHead {
        bytes: words as usize * 2,
        header: 0,
        samples: blocks * BLOCK,
        rate,
        dependent: stream_type == 1,
        config: Config { enhanced: true, rate, channels },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_both() {
        // 192 kbit/s at 48 kHz, stereo; the same at 44.1 kHz mono, longer form; E-AC-3 of 256 words, 5.1.
        let of = |head: [u8; 8]| {
            Ac3Frames::head(&head)
                .map(|head| (head.bytes, head.samples, head.config.rate, head.config.channels))
        };
        assert_eq!(of([0x0B, 0x77, 0, 0, 0x14, 0x40, 0x40, 0]), Some((768, 1_536, 48_000, 2)));
        assert_eq!(of([0x0B, 0x77, 0, 0, 0x55, 0x40, 0x20, 0]), Some((836, 1_536, 44_100, 1)));
        assert_eq!(of([0x0B, 0x77, 0x00, 0xFF, 0x3F, 0x80, 0, 0]), Some((512, 1_536, 48_000, 6)));
        assert_eq!(of([0x0B, 0x77, 0, 0, 0xD4, 0x40, 0x40, 0]), None);
    }
}
