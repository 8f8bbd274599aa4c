//! Where access units of H.264 begin (ISO/IEC 14496-10 §7.4.1.2.3).

use brooklet_media::bitstream::bits::BitReader;
use brooklet_media::bitstream::h264::{self, AvcConfig};
use brooklet_media::{CodecId, StreamKind, VideoParams};
use bytes::Bytes;

use super::Format;
use super::nal_stream::{Role, Syntax};

/// payloadType of a recovery point (§D.1.8).
const RECOVERY_POINT: u32 = 6;

#[derive(Default)]
pub(super) struct H264;

impl Syntax for H264 {
    /// The header and the first bits after it, where a parameter set has its number.
    const ENOUGH: usize = 8;

    fn role(unit: &[u8]) -> Role {
        let kind = h264::nal_type(unit);
        match kind {
            h264::NAL_SLICE | 2 | h264::NAL_IDR => {
                // first_mb_in_slice is 0 where its code begins with a 1.
                let first = unit.get(1).is_some_and(|byte| byte & 0x80 != 0);
                if first { Role::FirstSlice } else { Role::Slice }
            }
            h264::NAL_SPS => Role::ParameterSet(exp_golomb(unit, 4)),
            h264::NAL_PPS => Role::ParameterSet(1 << 16 | exp_golomb(unit, 1)),
            h264::NAL_AUD => Role::Delimiter,
            h264::NAL_SEI | 14..=18 => Role::Prefix,
            _ => Role::Other,
        }
    }

    fn is_key(unit: &[u8]) -> bool {
        match h264::nal_type(unit) {
            h264::NAL_IDR => true,
            h264::NAL_SEI => has_recovery_point(unit.get(1..).unwrap_or_default()),
            _ => false,
        }
    }

    fn format(sets: &[Bytes]) -> Option<Format> {
        let of = |kind| sets.iter().filter(|set| h264::nal_type(set) == kind).cloned().collect();
        let config = AvcConfig::new(of(h264::NAL_SPS), of(h264::NAL_PPS))?;
        let video = config.first_sps().map_or(VideoParams::new(0, 0), |sps| sps.video_params());
        Some(Format { codec: CodecId::H264, kind: StreamKind::Video(video), extradata: config.build() })
    }
}

/// The ue(v) code that begins at byte `at`, of 16 bits at most; 0 where there is none.
fn exp_golomb(unit: &[u8], at: usize) -> u32 {
    BitReader::new("h264", unit.get(at..).unwrap_or_default()).ue().map_or(0, |code| code & 0xFFFF)
}

/// Whether there is a recovery point among the messages of an SEI (§7.3.2.3.1): with it, decoding can start at a
/// picture that is not IDR.
fn has_recovery_point(mut messages: &[u8]) -> bool {
    let number = |bytes: &mut &[u8]| {
        let ones = bytes.iter().take_while(|byte| **byte == 0xFF).count();
        let last = *bytes.get(ones)?;
        *bytes = &bytes[ones + 1..];
        Some(ones as u32 * 255 + u32::from(last))
    };
    // A message takes 2 bytes at least, the last byte is rbsp_trailing_bits.
    while messages.len() > 2 {
        let (Some(kind), Some(size)) = (number(&mut messages), number(&mut messages)) else { return false };
        if kind == RECOVERY_POINT {
            return true;
        }
        messages = messages.get(size as usize..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_point_behind_another_message() {
        assert!(H264::is_key(&[6, 5, 3, 1, 2, 3, 6, 1, 0xC4, 0x80]));
        assert!(!H264::is_key(&[6, 5, 3, 6, 6, 6, 1, 1, 0xC4, 0x80]));
    }

    #[test]
    fn roles() {
        assert_eq!(H264::role(&[0x65, 0x88]), Role::FirstSlice);
        assert_eq!(H264::role(&[0x65, 0x41]), Role::Slice);
        assert_eq!(H264::role(&[0x68, 0xEB]), Role::ParameterSet(1 << 16));
        assert_eq!(H264::role(&[0x68, 0x40]), Role::ParameterSet(1 << 16 | 1));
        assert_eq!(H264::role(&[12]), Role::Other);
    }
}
