//! Where access units of HEVC begin (ISO/IEC 23008-2 §7.4.2.4.4).

use brooklet_media::bitstream::bits::BitReader;
use brooklet_media::bitstream::hevc::{self, HvcConfig};
use brooklet_media::{CodecId, StreamKind, VideoParams};
use bytes::Bytes;

use super::Format;
use super::nal_stream::{Role, Syntax};

/// nal_unit_type of an SEI that stands before its picture.
const PREFIX_SEI: u8 = 39;

#[derive(Default)]
pub(super) struct Hevc;

impl Syntax for Hevc {
    /// The two bytes of header and the first bits after it.
    const ENOUGH: usize = 4;

    fn role(unit: &[u8]) -> Role {
        match hevc::nal_type(unit) {
            0..=31 => {
                // first_slice_segment_in_pic_flag
                let first = unit.get(2).is_some_and(|byte| byte & 0x80 != 0);
                if first { Role::FirstSlice } else { Role::Slice }
            }
            hevc::NAL_VPS => Role::ParameterSet(u32::from(unit.get(2).map_or(0, |byte| byte >> 4))),
            // Its number stands behind the profiles: the last one counts.
            hevc::NAL_SPS => Role::ParameterSet(1 << 16),
            hevc::NAL_PPS => {
                let number = BitReader::new("hevc", unit.get(2..).unwrap_or_default()).ue().unwrap_or(0);
                Role::ParameterSet(2 << 16 | number & 0xFFFF)
            }
            hevc::NAL_AUD => Role::Delimiter,
            PREFIX_SEI | 41..=44 | 48..=55 => Role::Prefix,
            _ => Role::Other,
        }
    }

    fn is_key(unit: &[u8]) -> bool {
        hevc::is_random_access(unit)
    }

    fn format(sets: &[Bytes]) -> Option<Format> {
        let config = HvcConfig::from_units(sets.iter().map(|set| &set[..]))?;
        let video = config.first_sps().map_or(VideoParams::new(0, 0), |sps| sps.video_params());
        Some(Format { codec: CodecId::Hevc, kind: StreamKind::Video(video), extradata: config.build() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles() {
        assert_eq!(Hevc::role(&[0x26, 1, 0xAF]), Role::FirstSlice); // IDR
        assert_eq!(Hevc::role(&[0x02, 1, 0x40]), Role::Slice);
        assert_eq!(Hevc::role(&[0x46, 1, 0x50]), Role::Delimiter);
        assert_eq!(Hevc::role(&[0x4E, 1, 5]), Role::Prefix);
        assert_eq!(Hevc::role(&[0x44, 1, 0xC1]), Role::ParameterSet(2 << 16));
        assert!(Hevc::is_key(&[0x2A, 1, 0xAF])); // CRA
    }
}
