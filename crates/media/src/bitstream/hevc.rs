//! HEVC parameter sets (ISO/IEC 23008-2 §7.3.2) and their out-of-band record (ISO/IEC 14496-15 §8.3.3.1).

use alloc::format;
use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use super::bits::BitReader;
use super::nal;
use crate::{Color, Error, PixelFormat, Rational, Result, VideoFrame, VideoParams};

mod sps_tail;

const NAME: &str = "hevc";

/// nal_unit_type: video parameter set.
pub const NAL_VPS: u8 = 32;
/// nal_unit_type: sequence parameter set.
pub const NAL_SPS: u8 = 33;
/// nal_unit_type: picture parameter set.
pub const NAL_PPS: u8 = 34;
/// nal_unit_type: access unit delimiter.
pub const NAL_AUD: u8 = 35;

/// The nal_unit_type of a unit; 63 for an empty one.
pub fn nal_type(unit: &[u8]) -> u8 {
    unit.first().map_or(63, |header| header >> 1 & 0x3F)
}

/// Whether a unit is a slice of an intra random access point: BLA, IDR or CRA.
pub fn is_random_access(unit: &[u8]) -> bool {
    (16..=23).contains(&nal_type(unit))
}

/// HEVCDecoderConfigurationRecord: the parameter sets, and how long lengths are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HvcConfig {
    /// Bytes in the length before each unit: 1, 2 or 4.
    pub length_size: usize,
    /// VPS, SPS, PPS and whatever else was in the record, without start codes.
    pub sets: Vec<Bytes>,
}

impl HvcConfig {
    /// Collects the parameter sets among `units`, without repeats; `None` unless there is an SPS and a PPS.
    pub fn from_units<'a>(units: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut sets = Vec::<Bytes>::new();
        for unit in units {
            if (NAL_VPS..=NAL_PPS).contains(&nal_type(unit)) && !sets.iter().any(|known| known == unit) {
                sets.push(Bytes::copy_from_slice(unit));
            }
        }
        sets.sort_by_key(|set| nal_type(set));
        let has = |wanted| sets.iter().any(|set| nal_type(set) == wanted);
        (has(NAL_SPS) && has(NAL_PPS)).then_some(Self { length_size: 4, sets })
    }

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] where a set passes the end.
    pub fn parse(record: &[u8]) -> Result<Self> {
        let truncated = || Error::Truncated {
            format: NAME,
            what: "inside its decoder configuration".into(),
            at: record.len() as u64,
        };
        let (head, mut rest) = record.split_at_checked(23).ok_or_else(truncated)?;
        let mut sets = Vec::new();
        for _ in 0..head[22] {
            let (array, after) = rest.split_first_chunk::<3>().ok_or_else(truncated)?;
            rest = after;
            for _ in 0..u16::from_be_bytes([array[1], array[2]]) {
                let (length, after) = rest.split_first_chunk().ok_or_else(truncated)?;
                let length = usize::from(u16::from_be_bytes(*length));
                let (set, after) = after.split_at_checked(length).ok_or_else(truncated)?;
                sets.push(Bytes::copy_from_slice(set));
                rest = after;
            }
        }
        Ok(Self { length_size: usize::from(head[21] & 3) + 1, sets })
    }

    /// Writes the record; what its head says is taken from the first SPS.
    pub fn build(&self) -> Bytes {
        let rbsp = self.sets.iter().find(|set| nal_type(set) == NAL_SPS).map(|set| nal::unescape(set));
        let sps = self.first_sps();
        // profile_tier_level's first 12 bytes stand after the unit's 2 header bytes and 8 bits of ids.
        let tier = rbsp.as_deref().and_then(|rbsp| rbsp.get(3..15)).unwrap_or(&[0; 12]);
        let (chroma, depth, depth_chroma) =
            sps.map_or((1, 8, 8), |sps| (sps.chroma_format, sps.bit_depth, sps.bit_depth_chroma));
        let mut out = BytesMut::new();
        out.put_u8(1);
        out.put_slice(tier);
        out.put_u16(0xF000); // min_spatial_segmentation_idc
        out.put_u8(0xFC); // parallelismType
        out.put_u8(0xFC | chroma);
        out.put_u8(0xF8 | (depth - 8) & 7);
        out.put_u8(0xF8 | (depth_chroma - 8) & 7);
        out.put_u16(0); // avgFrameRate
        out.put_u8(1 << 3 | 1 << 2 | (self.length_size as u8).wrapping_sub(1) & 3); // one temporal layer, nested
        let kinds: Vec<u8> = {
            let mut kinds: Vec<_> = self.sets.iter().map(|set| nal_type(set)).collect();
            kinds.sort_unstable();
            kinds.dedup();
            kinds
        };
        out.put_u8(kinds.len().min(255) as u8);
        for kind in kinds.into_iter().take(255) {
            let sets: Vec<_> = self
                .sets
                .iter()
                .filter(|set| nal_type(set) == kind && set.len() <= 0xFFFF)
                .take(0xFFFF)
                .collect();
            out.put_u8(0x80 | kind);
            out.put_u16(sets.len() as u16);
            for set in sets {
                out.put_u16(set.len() as u16);
                out.put_slice(set);
            }
        }
        out.freeze()
    }

    /// The first sequence parameter set that can be read.
    pub fn first_sps(&self) -> Option<HevcSps> {
        self.sets.iter().filter(|set| nal_type(set) == NAL_SPS).find_map(|set| HevcSps::parse(set).ok())
    }

    /// Appends all parameter sets in Annex B form.
    pub fn write_annexb(&self, out: &mut Vec<u8>) {
        self.sets.iter().for_each(|set| nal::write_annexb(set, out));
    }
}

/// The start of a sequence parameter set: as far as a container needs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HevcSps {
    /// sps_seq_parameter_set_id.
    pub id: u32,
    /// chroma_format_idc, 0 to 3.
    pub chroma_format: u8,
    /// separate_colour_plane_flag.
    pub separate_planes: bool,
    /// Bits of a luma sample, 8 to 16.
    pub bit_depth: u8,
    /// Bits of a chroma sample, 8 to 16.
    pub bit_depth_chroma: u8,
    /// Width in pixels after cropping.
    pub width: u32,
    /// Height in pixels after cropping.
    pub height: u32,
    /// log2 of MaxPicOrderCntLsb, 4 to 16.
    pub log2_max_poc_lsb: u8,
    /// sps_max_num_reorder_pics of the highest layer.
    pub reorder: u8,
    /// Width over height of one sample.
    pub sample_aspect: Rational,
    /// Range and matrix.
    pub color: Color,
    /// Pictures in a second, where VUI timing says so.
    pub frame_rate: Option<Rational>,
}

impl HevcSps {
    /// Reads a unit whose nal_unit_type is [`NAL_SPS`] (§7.3.2.2).
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] or [`Error::Truncated`] for a damaged one, [`Error::Limit`] for a forged size.
    pub fn parse(unit: &[u8]) -> Result<Self> {
        let rbsp = nal::unescape(unit);
        let mut bits = BitReader::new(NAME, &rbsp);
        let invalid = |what: &str| Error::invalid(NAME, 0, format!("sequence parameter set: {what}"));
        bits.skip(16 + 4)?;
        let sub_layers = bits.bits(3)?;
        bits.skip(1)?;
        skip_profile_tier_level(&mut bits, sub_layers)?;
        let id = bits.ue()?;
        let chroma_format = bits.ue()?;
        if chroma_format > 3 {
            return Err(invalid("its chroma format is over 3"));
        }
        let separate_planes = chroma_format == 3 && bits.flag()?;
        let (mut width, mut height) = (bits.ue()?, bits.ue()?);
        if bits.flag()? {
            let unit_x = if matches!(chroma_format, 1 | 2) { 2 } else { 1 };
            let unit_y = if chroma_format == 1 { 2 } else { 1 };
            let [left, right, top, bottom] = [bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?].map(u64::from);
            let cut = |side: u32, crop: u64| {
                u64::from(side).checked_sub(crop).and_then(|left| u32::try_from(left).ok())
            };
            width = cut(width, (left + right) * unit_x).ok_or_else(|| invalid("it crops everything"))?;
            height = cut(height, (top + bottom) * unit_y).ok_or_else(|| invalid("it crops everything"))?;
        }
        VideoFrame::check_size(width, height)?;
        let (bit_depth, bit_depth_chroma) = (bits.ue()?.saturating_add(8), bits.ue()?.saturating_add(8));
        if bit_depth > 16 || bit_depth_chroma > 16 {
            return Err(invalid("its samples have over 16 bits"));
        }
        let log2_max_poc_lsb = bits.ue()?.saturating_add(4);
        if log2_max_poc_lsb > 16 {
            return Err(invalid("its picture order counts have over 16 bits"));
        }
        let all_layers = bits.flag()?;
        let mut reorder = 0;
        for _ in 0..if all_layers { sub_layers + 1 } else { 1 } {
            bits.ue()?; // sps_max_dec_pic_buffering_minus1
            reorder = bits.ue()?;
            bits.ue()?; // sps_max_latency_increase_plus1
        }
        let mut sps = Self {
            id,
            chroma_format: chroma_format as u8,
            separate_planes,
            bit_depth: bit_depth as u8,
            bit_depth_chroma: bit_depth_chroma as u8,
            width,
            height,
            log2_max_poc_lsb: log2_max_poc_lsb as u8,
            reorder: reorder.min(16) as u8,
            sample_aspect: Rational::ONE,
            color: Color::default(),
            frame_rate: None,
        };
        // Damage to the rest costs only what it would have said.
        let _ = sps_tail::read(&mut bits, &mut sps);
        Ok(sps)
    }

    /// The format of its pictures; `None` for one that has no name here.
    pub const fn pixel_format(&self) -> Option<PixelFormat> {
        match (self.chroma_format, self.bit_depth, self.bit_depth_chroma) {
            (0, 8, _) => Some(PixelFormat::Gray8),
            (1, 8, 8) => Some(PixelFormat::Yuv420p),
            (2, 8, 8) => Some(PixelFormat::Yuv422p),
            (3, 8, 8) => Some(PixelFormat::Yuv444p),
            (1, 10, 10) => Some(PixelFormat::Yuv420p10),
            (2, 10, 10) => Some(PixelFormat::Yuv422p10),
            _ => None,
        }
    }

    /// What is known of the pictures.
    pub fn video_params(&self) -> VideoParams {
        VideoParams {
            format: self.pixel_format(),
            frame_rate: self.frame_rate,
            sample_aspect: self.sample_aspect,
            color: self.color,
            reorder: self.reorder,
            ..VideoParams::new(self.width, self.height)
        }
    }
}

/// §7.3.3, with profile_present_flag set.
fn skip_profile_tier_level(bits: &mut BitReader<'_>, sub_layers: u32) -> Result<()> {
    bits.skip(88 + 8)?;
    let mut present = Vec::new();
    for _ in 0..sub_layers {
        present.push((bits.flag()?, bits.flag()?));
    }
    if sub_layers > 0 {
        bits.skip(2 * (8 - sub_layers as usize))?;
    }
    for (profile, level) in present {
        bits.skip(if profile { 88 } else { 0 } + if level { 8 } else { 0 })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// x265, 1920x1080, Main.
    const SPS_1080P: &[u8] = &[
        0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00,
        0x78, 0xa0, 0x03, 0xc0, 0x80, 0x10, 0xe5, 0x96, 0x56, 0x69, 0x24, 0xca, 0xe0, 0x10, 0x00, 0x00, 0x03,
        0x00, 0x10, 0x00, 0x00, 0x03, 0x01, 0xe0, 0x80,
    ];

    #[test]
    fn a_1080p_sps() {
        let sps = HevcSps::parse(SPS_1080P).unwrap();
        assert_eq!((sps.width, sps.height, sps.bit_depth, sps.chroma_format), (1920, 1080, 8, 1));
        assert_eq!((sps.frame_rate, sps.pixel_format()), (Rational::new(30, 1), Some(PixelFormat::Yuv420p)));
    }

    #[test]
    fn a_record_reads_back_equal() {
        let units: [&[u8]; 3] = [&[0x40, 1, 12], SPS_1080P, &[0x44, 1, 0xc1]];
        let config = HvcConfig::from_units(units).unwrap();
        let record = config.build();
        assert_eq!(record[..13], [1, 1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 0x78]);
        assert_eq!(HvcConfig::parse(&record), Ok(config));
    }

    #[test]
    fn sets_in_any_order_are_written_once() {
        let sets: [&[u8]; 3] = [SPS_1080P, &[0x40, 1, 12], &[0x42, 1]];
        let config = HvcConfig { length_size: 4, sets: sets.map(Bytes::copy_from_slice).to_vec() };
        let again = HvcConfig::parse(&config.build()).unwrap();
        assert_eq!(again.sets, [sets[1], sets[0], sets[2]]);
    }

    #[test]
    fn every_damaged_sps_is_read_or_refused() {
        for bit in 0..SPS_1080P.len() * 8 {
            let mut damaged = SPS_1080P.to_vec();
            damaged[bit / 8] ^= 0x80 >> (bit % 8);
            let _ = HevcSps::parse(&damaged);
            let _ = HevcSps::parse(&damaged[..bit / 8]);
        }
    }
}
