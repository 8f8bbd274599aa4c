//! The start of AC-3 and Enhanced AC-3 frames (ETSI TS 102 366 §4.3, §4.4, annex E.1.2).

use brooklet_media::bitstream::bits::BitReader;
use brooklet_media::{AudioParams, ChannelLayout};

/// Rates of fscod.
const RATES: [u32; 3] = [48_000, 44_100, 32_000];

/// Full-range channels of acmod.
const CHANNELS: [u8; 8] = [2, 1, 2, 3, 3, 4, 4, 5];

/// What a frame says of its stream; `None` where it is none.
pub(crate) fn parse(frame: &[u8]) -> Option<AudioParams> {
    let mut bits = BitReader::new("ac3", frame);
    if bits.bits(16).ok()? != 0x0B77 {
        return None;
    }
    // bsid stands at one place in both, and tells them apart.
    let enhanced = frame.get(5)? >> 3 > 10;
    let (rate, acmod, samples, lfe);
    if enhanced {
        bits.skip(2 + 3 + 11).ok()?; // strmtyp, substreamid, frmsiz
        let code = bits.bits(2).ok()? as usize;
        let code2 = bits.bits(2).ok()? as usize; // fscod2 or numblkscod
        (rate, samples) = match RATES.get(code) {
            Some(rate) => (*rate, [256, 512, 768, 1_536][code2]),
            None => (*RATES.get(code2)? / 2, 1_536),
        };
        acmod = bits.bits(3).ok()? as usize;
        lfe = bits.flag().ok()?;
    } else {
        bits.skip(16).ok()?; // crc1
        rate = *RATES.get(bits.bits(2).ok()? as usize)?;
        bits.skip(6 + 5 + 3).ok()?; // frmsizecod, bsid, bsmod
        acmod = bits.bits(3).ok()? as usize;
        let three_front = acmod & 1 == 1 && acmod != 1;
        let surround = acmod & 4 == 4;
        let mix_levels = usize::from(three_front) + usize::from(surround) + usize::from(acmod == 2);
        bits.skip(2 * mix_levels).ok()?;
        lfe = bits.flag().ok()?;
        samples = 1_536;
    }
    let layout = ChannelLayout::from_channels(CHANNELS[acmod] + u8::from(lfe))?;
    Some(AudioParams { frame_samples: Some(samples), ..AudioParams::new(rate, layout) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mono_frames_of_both_kinds() {
        let ac3 = parse(&[0x0B, 0x77, 0x48, 0x0D, 0x0C, 0x40, 0x2F, 0x84]).unwrap();
        assert_eq!((ac3.rate, ac3.layout, ac3.frame_samples), (48_000, ChannelLayout::Mono, Some(1_536)));
        let eac3 = parse(&[0x0B, 0x77, 0x00, 0xBF, 0x32, 0x87, 0xC0]).unwrap();
        assert_eq!(eac3, ac3);
    }

    #[test]
    fn five_channels_and_a_low_one_make_six() {
        // acmod 7, two mix levels, lfeon.
        let frame = parse(&[0x0B, 0x77, 0, 0, 0x14, 0x40, 0b1110_0001, 0]).unwrap();
        assert_eq!(frame.layout, ChannelLayout::FiveOne);
    }

    #[test]
    fn what_is_no_frame_is_not_described() {
        assert_eq!(parse(&[0x0B, 0x77, 0, 0, 0xFF, 0x40, 0, 0]), None);
        assert_eq!(parse(&[0x0B, 0x77, 0, 0]), None);
        assert_eq!(parse(b"something else"), None);
    }
}
