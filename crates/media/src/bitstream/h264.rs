//! H.264 parameter sets (ISO/IEC 14496-10 §7.3.2.1) and their out-of-band record (ISO/IEC 14496-15 §5.3.3.1).

use alloc::format;
use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use super::bits::BitReader;
use super::nal;
use crate::{Color, Error, Matrix, PixelFormat, Range, Rational, Result, VideoFrame, VideoParams};

const NAME: &str = "h264";

/// nal_unit_type: a slice of a picture that is not IDR.
pub const NAL_SLICE: u8 = 1;
/// nal_unit_type: a slice of an IDR picture.
pub const NAL_IDR: u8 = 5;
/// nal_unit_type: supplemental enhancement information.
pub const NAL_SEI: u8 = 6;
/// nal_unit_type: sequence parameter set.
pub const NAL_SPS: u8 = 7;
/// nal_unit_type: picture parameter set.
pub const NAL_PPS: u8 = 8;
/// nal_unit_type: access unit delimiter.
pub const NAL_AUD: u8 = 9;
/// nal_unit_type: filler data.
pub const NAL_FILLER: u8 = 12;

/// The nal_unit_type of a unit; 0 for an empty one.
pub fn nal_type(unit: &[u8]) -> u8 {
    unit.first().map_or(0, |header| header & 0x1F)
}

/// AVCDecoderConfigurationRecord: the parameter sets of a stream, and how long its lengths are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AvcConfig {
    /// profile_idc, profile_compatibility and level_idc of the first sequence parameter set.
    pub profile: [u8; 3],
    /// Bytes in the length before each unit: 1, 2 or 4.
    pub length_size: usize,
    /// Sequence parameter sets, without start codes.
    pub sps: Vec<Bytes>,
    /// Picture parameter sets, without start codes.
    pub pps: Vec<Bytes>,
}

impl AvcConfig {
    /// The record of a stream with these parameter sets and lengths of 4 bytes; `None` without any SPS or PPS, or
    /// with an SPS too short to name its profile.
    pub fn new(sps: Vec<Bytes>, pps: Vec<Bytes>) -> Option<Self> {
        let profile = sps.first()?.get(1..4)?.try_into().ok()?;
        (!pps.is_empty()).then_some(Self { profile, length_size: 4, sps, pps })
    }

    /// Collects the parameter sets among `units`, each kind without repeats.
    pub fn from_units<'a>(units: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let (mut sps, mut pps) = (Vec::<Bytes>::new(), Vec::<Bytes>::new());
        for unit in units {
            let sets = match nal_type(unit) {
                NAL_SPS => &mut sps,
                NAL_PPS => &mut pps,
                _ => continue,
            };
            if !sets.iter().any(|known| known == unit) {
                sets.push(Bytes::copy_from_slice(unit));
            }
        }
        Self::new(sps, pps)
    }

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for another version, [`Error::Truncated`] where a set passes the end.
    pub fn parse(record: &[u8]) -> Result<Self> {
        let truncated = || Error::Truncated {
            format: NAME,
            what: "inside its decoder configuration".into(),
            at: record.len() as u64,
        };
        let (head, mut rest) = record.split_at_checked(5).ok_or_else(truncated)?;
        if head[0] != 1 {
            return Err(Error::invalid(NAME, 0, format!("decoder configuration of version {}", head[0])));
        }
        let mut take_sets = |mask: u8| {
            let (count, mut after) = rest.split_first().ok_or_else(truncated)?;
            let mut sets = Vec::new();
            for _ in 0..count & mask {
                let (length, tail) = after.split_first_chunk().ok_or_else(truncated)?;
                let (set, tail) =
                    tail.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or_else(truncated)?;
                sets.push(Bytes::copy_from_slice(set));
                after = tail;
            }
            rest = after;
            Ok(sets)
        };
        let (sps, pps) = (take_sets(0x1F)?, take_sets(0xFF)?);
        Ok(Self { profile: [head[1], head[2], head[3]], length_size: usize::from(head[4] & 3) + 1, sps, pps })
    }

    /// Writes the record, with the High profiles' extension where the profile has one.
    pub fn build(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_u8(1);
        out.put_slice(&self.profile);
        out.put_u8(0xFC | (self.length_size as u8).wrapping_sub(1) & 3);
        // Counts have 5 and 8 bits, lengths 16: more than any stream may have, so what does not fit is left out.
        let put_sets = |out: &mut BytesMut, sets: &[Bytes], marker: u8, most: usize| {
            let sets: Vec<_> = sets.iter().filter(|set| set.len() <= 0xFFFF).take(most).collect();
            out.put_u8(marker | sets.len() as u8);
            for set in sets {
                out.put_u16(set.len() as u16);
                out.put_slice(set);
            }
        };
        put_sets(&mut out, &self.sps, 0xE0, 0x1F);
        put_sets(&mut out, &self.pps, 0, 0xFF);
        if has_chroma_format(self.profile[0])
            && let Some(sps) = self.first_sps()
        {
            out.put_u8(0xFC | sps.chroma_format);
            out.put_u8(0xF8 | (sps.bit_depth - 8));
            out.put_u8(0xF8 | (sps.bit_depth_chroma - 8));
            out.put_u8(0);
        }
        out.freeze()
    }

    /// The first sequence parameter set that can be read.
    pub fn first_sps(&self) -> Option<Sps> {
        self.sps.iter().find_map(|unit| Sps::parse(unit).ok())
    }

    /// Appends all parameter sets in Annex B form.
    pub fn write_annexb(&self, out: &mut Vec<u8>) {
        self.sps.iter().chain(&self.pps).for_each(|set| nal::write_annexb(set, out));
    }
}

/// What a sequence parameter set says of its stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sps {
    /// profile_idc: 66 Baseline, 77 Main, 100 High.
    pub profile_idc: u8,
    /// constraint_set0_flag in the highest bit, and so on down.
    pub constraints: u8,
    /// Ten times the level.
    pub level_idc: u8,
    /// seq_parameter_set_id, 0 to 31.
    pub id: u8,
    /// chroma_format_idc: 0 gray, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format: u8,
    /// separate_colour_plane_flag.
    pub separate_planes: bool,
    /// Bits of a luma sample, 8 to 14.
    pub bit_depth: u8,
    /// Bits of a chroma sample, 8 to 14.
    pub bit_depth_chroma: u8,
    /// log2 of MaxFrameNum, 4 to 16.
    pub log2_max_frame_num: u8,
    /// pic_order_cnt_type.
    pub poc: PocType,
    /// max_num_ref_frames.
    pub max_ref_frames: u8,
    /// Whether every picture is a whole frame.
    pub frame_mbs_only: bool,
    /// Coded width in macroblocks of 16x16 pixels, before cropping.
    pub mbs_wide: u32,
    /// Coded height of a frame in macroblocks, before cropping.
    pub mbs_high: u32,
    /// Width in pixels after cropping.
    pub width: u32,
    /// Height in pixels after cropping.
    pub height: u32,
    /// Width over height of one sample.
    pub sample_aspect: Rational,
    /// Range and matrix.
    pub color: Color,
    /// Pictures in a second, where VUI timing says so.
    pub frame_rate: Option<Rational>,
    /// max_num_reorder_frames, where the VUI says.
    pub reorder: Option<u8>,
}

/// How picture order counts are coded (§8.2.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PocType {
    /// Their low bits are sent: this many.
    Lsb(u8),
    /// They follow a cycle.
    Cycle {
        /// delta_pic_order_always_zero_flag.
        always_zero: bool,
        /// offset_for_non_ref_pic.
        non_ref: i32,
        /// offset_for_top_to_bottom_field.
        top_to_bottom: i32,
        /// offset_for_ref_frame.
        refs: Vec<i32>,
    },
    /// They are in decoding order.
    DecodingOrder,
}

impl Sps {
    /// Reads a unit whose nal_unit_type is [`NAL_SPS`].
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] or [`Error::Truncated`] for a damaged one, [`Error::Limit`] for a forged size.
    pub fn parse(unit: &[u8]) -> Result<Self> {
        let rbsp = nal::unescape(unit);
        let mut bits = BitReader::new(NAME, &rbsp);
        let invalid = |what: &str| Error::invalid(NAME, 0, format!("sequence parameter set: {what}"));
        bits.skip(8)?;
        let [profile_idc, constraints, level_idc] =
            [bits.bits(8)? as u8, bits.bits(8)? as u8, bits.bits(8)? as u8];
        let id = bits.ue()?;
        if id > 31 {
            return Err(invalid("its id is over 31"));
        }
        let (mut chroma_format, mut separate_planes, mut depth, mut depth_chroma) = (1, false, 8, 8);
        if has_chroma_format(profile_idc) {
            chroma_format = bits.ue()?;
            if chroma_format > 3 {
                return Err(invalid("its chroma format is over 3"));
            }
            separate_planes = chroma_format == 3 && bits.flag()?;
            (depth, depth_chroma) = (bits.ue()?.saturating_add(8), bits.ue()?.saturating_add(8));
            if depth > 14 || depth_chroma > 14 {
                return Err(invalid("its samples have over 14 bits"));
            }
            bits.skip(1)?; // qpprime_y_zero_transform_bypass_flag
            if bits.flag()? {
                for list in 0..if chroma_format == 3 { 12 } else { 8 } {
                    if bits.flag()? {
                        skip_scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                    }
                }
            }
        }
        let log2_max_frame_num = bits.ue()?.saturating_add(4);
        if log2_max_frame_num > 16 {
            return Err(invalid("its frame numbers have over 16 bits"));
        }
        let poc = Self::parse_poc(&mut bits)?;
        let max_ref_frames = bits.ue()?;
        if max_ref_frames > 16 {
            return Err(invalid("it has over 16 reference frames"));
        }
        bits.skip(1)?; // gaps_in_frame_num_value_allowed_flag
        let (mbs_wide, map_units_high) = (bits.ue()?.saturating_add(1), bits.ue()?.saturating_add(1));
        Error::check_limit(NAME, "picture width in macroblocks", mbs_wide.into(), 1_024)?;
        Error::check_limit(NAME, "picture height in macroblocks", map_units_high.into(), 1_024)?;
        let frame_mbs_only = bits.flag()?;
        let field_factor = if frame_mbs_only { 1 } else { 2 };
        if !frame_mbs_only {
            bits.skip(1)?; // mb_adaptive_frame_field_flag
        }
        bits.skip(1)?; // direct_8x8_inference_flag
        let mbs_high = map_units_high * field_factor;
        let (mut width, mut height) = (mbs_wide * 16, mbs_high * 16);
        VideoFrame::check_size(width, height)?;
        if bits.flag()? {
            let (unit_x, unit_y) = match chroma_format {
                1 => (2, 2 * field_factor),
                2 => (2, field_factor),
                _ => (1, field_factor),
            };
            let mut cropped = |unit: u32| -> Result<u32> {
                let sides = u64::from(bits.ue()?) + u64::from(bits.ue()?);
                u32::try_from(sides * u64::from(unit)).map_err(|_| invalid("it crops everything"))
            };
            let (crop_x, crop_y) = (cropped(unit_x)?, cropped(unit_y)?);
            width = width.checked_sub(crop_x).ok_or_else(|| invalid("it crops everything"))?;
            height = height.checked_sub(crop_y).ok_or_else(|| invalid("it crops everything"))?;
        }
        VideoFrame::check_size(width, height)?;
        let mut sps = Self {
            profile_idc,
            constraints,
            level_idc,
            id: id as u8,
            chroma_format: chroma_format as u8,
            separate_planes,
            bit_depth: depth as u8,
            bit_depth_chroma: depth_chroma as u8,
            log2_max_frame_num: log2_max_frame_num as u8,
            poc,
            max_ref_frames: max_ref_frames as u8,
            frame_mbs_only,
            mbs_wide,
            mbs_high,
            width,
            height,
            sample_aspect: Rational::ONE,
            color: Color::default(),
            frame_rate: None,
            reorder: None,
        };
        // A damaged VUI costs only what it would have said.
        if bits.flag().unwrap_or(false) {
            let _ = sps.parse_vui(&mut bits);
        }
        Ok(sps)
    }

    /// What a decoder would make of the stream.
    pub fn video_params(&self) -> VideoParams {
        VideoParams {
            format: self.pixel_format(),
            frame_rate: self.frame_rate,
            sample_aspect: self.sample_aspect,
            color: self.color,
            reorder: self.max_reorder(),
            ..VideoParams::new(self.width, self.height)
        }
    }

    /// The format that its pictures decode to; `None` for one that has no name here. Monochrome ones decode to
    /// 4:2:0 with grey chroma, as ffmpeg's do.
    pub const fn pixel_format(&self) -> Option<PixelFormat> {
        match (self.chroma_format, self.bit_depth, self.bit_depth_chroma) {
            (0, 8, _) => Some(PixelFormat::Yuv420p),
            (0, 10, _) => Some(PixelFormat::Yuv420p10),
            (1, 8, 8) => Some(PixelFormat::Yuv420p),
            (2, 8, 8) => Some(PixelFormat::Yuv422p),
            (3, 8, 8) => Some(PixelFormat::Yuv444p),
            (1, 10, 10) => Some(PixelFormat::Yuv420p10),
            (2, 10, 10) => Some(PixelFormat::Yuv422p10),
            _ => None,
        }
    }

    /// How many pictures may be decoded before the first of them is shown: what the VUI says, else what the
    /// profile and the order of pictures allow.
    pub fn max_reorder(&self) -> u8 {
        let no_b_frames = self.profile_idc == 66 || self.poc == PocType::DecodingOrder;
        self.reorder.unwrap_or(if no_b_frames {
            0
        } else {
            self.max_dpb_frames().min(self.max_ref_frames.max(1))
        })
    }

    /// MaxDpbFrames of the level and size (§A.3.1, table A-1).
    pub fn max_dpb_frames(&self) -> u8 {
        let max_dpb_mbs: u32 = match self.level_idc {
            0..=10 => 396,
            11 if self.constraints & 0x10 != 0 => 396,
            11 => 900,
            12 | 13 | 20 => 2_376,
            21 => 4_752,
            22 | 30 => 8_100,
            31 => 18_000,
            32 => 20_480,
            40 | 41 => 32_768,
            42 => 34_816,
            50 => 110_400,
            51 | 52 => 184_320,
            _ => 696_320,
        };
        (max_dpb_mbs / (self.mbs_wide * self.mbs_high).max(1)).clamp(1, 16) as u8
    }

    fn parse_poc(bits: &mut BitReader<'_>) -> Result<PocType> {
        match bits.ue()? {
            0 => match bits.ue()? {
                log2 @ 0..=12 => Ok(PocType::Lsb(log2 as u8 + 4)),
                _ => Err(Error::invalid(NAME, 0, "picture order counts have over 16 bits")),
            },
            1 => {
                let always_zero = bits.flag()?;
                let (non_ref, top_to_bottom) = (bits.se()?, bits.se()?);
                let count = bits.ue()?;
                Error::check_limit(NAME, "reference frames in a picture order cycle", count.into(), 255)?;
                let refs = (0..count).map(|_| bits.se()).collect::<Result<_>>()?;
                Ok(PocType::Cycle { always_zero, non_ref, top_to_bottom, refs })
            }
            2 => Ok(PocType::DecodingOrder),
            other => Err(Error::invalid(NAME, 0, format!("picture order count type {other}"))),
        }
    }

    /// Annex E.1.1.
    fn parse_vui(&mut self, bits: &mut BitReader<'_>) -> Result<()> {
        if bits.flag()? {
            let ratio = match bits.bits(8)? {
                255 => (bits.bits(16)?, bits.bits(16)?),
                index => SAMPLE_ASPECTS.get(index as usize).copied().unwrap_or((1, 1)),
            };
            if ratio.0 > 0 {
                self.sample_aspect = Rational::new(ratio.0, ratio.1).unwrap_or(Rational::ONE);
            }
        }
        if bits.flag()? {
            bits.skip(1)?; // overscan_appropriate_flag
        }
        if bits.flag()? {
            bits.skip(3)?; // video_format
            self.color.range = if bits.flag()? { Range::Full } else { Range::Limited };
            if bits.flag()? {
                bits.skip(16)?; // colour_primaries, transfer_characteristics
                self.color.matrix = matrix_from_code(bits.bits(8)?);
            }
        }
        if bits.flag()? {
            bits.ue()?; // chroma_sample_loc_type_top_field
            bits.ue()?; // chroma_sample_loc_type_bottom_field
        }
        if bits.flag()? {
            let (units_in_tick, time_scale) = (bits.bits(32)?, bits.bits(32)?);
            bits.skip(1)?; // fixed_frame_rate_flag
            // A tick is a field: two of them make a frame.
            if time_scale > 0 {
                self.frame_rate =
                    units_in_tick.checked_mul(2).and_then(|ticks| Rational::new(time_scale, ticks));
            }
        }
        let (nal_hrd, vcl_hrd) = (skip_hrd(bits)?, skip_hrd(bits)?);
        if nal_hrd || vcl_hrd {
            bits.skip(1)?; // low_delay_hrd_flag
        }
        bits.skip(1)?; // pic_struct_present_flag
        if bits.flag()? {
            bits.skip(1)?; // motion_vectors_over_pic_boundaries_flag
            for _ in 0..4 {
                bits.ue()?; // max_bytes_per_pic_denom … log2_max_mv_length_vertical
            }
            let reorder = bits.ue()?;
            self.reorder = (reorder <= 16).then_some(reorder as u8);
        }
        Ok(())
    }
}

/// Table E-1, the same in HEVC.
pub(super) const SAMPLE_ASPECTS: [(u32, u32); 17] = [
    (0, 1),
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

/// matrix_coefficients (ISO/IEC 23091-2 §8.3) to ours.
pub fn matrix_from_code(code: u32) -> Matrix {
    match code {
        1 => Matrix::Bt709,
        5 | 6 => Matrix::Bt601,
        9 | 10 => Matrix::Bt2020,
        _ => Matrix::Unspecified,
    }
}

/// Whether a profile's SPS says chroma_format_idc and the bit depths.
const fn has_chroma_format(profile_idc: u8) -> bool {
    matches!(profile_idc, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135)
}

fn skip_scaling_list(bits: &mut BitReader<'_>, size: usize) -> Result<()> {
    let (mut last, mut next) = (8i32, 8i32);
    for _ in 0..size {
        if next != 0 {
            next = last.wrapping_add(bits.se()?).rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
    Ok(())
}

/// Steps over hrd_parameters (§E.1.2) and says whether they were there.
fn skip_hrd(bits: &mut BitReader<'_>) -> Result<bool> {
    let present = bits.flag()?;
    if present {
        let count = bits.ue()?;
        bits.skip(8)?; // bit_rate_scale, cpb_size_scale
        for _ in 0..=count.min(31) {
            bits.ue()?;
            bits.ue()?;
            bits.skip(1)?;
        }
        bits.skip(20)?; // four lengths of 5 bits
    }
    Ok(present)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// x264, 1280x720, High, level 3.1, 30 fps, two reorder frames.
    const SPS_720P: &[u8] = &[
        0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x6c, 0x80, 0x00, 0x00, 0x03, 0x00,
        0x80, 0x00, 0x00, 0x1e, 0x07, 0x8c, 0x18, 0xcb,
    ];

    #[test]
    fn a_720p_sps() {
        let sps = Sps::parse(SPS_720P).unwrap();
        assert_eq!((sps.profile_idc, sps.level_idc, sps.width, sps.height), (100, 31, 1280, 720));
        assert_eq!((sps.frame_rate, sps.max_reorder()), (Rational::new(30, 1), 2));
        assert_eq!(sps.pixel_format(), Some(PixelFormat::Yuv420p));
    }

    #[test]
    fn a_record_reads_back_equal() {
        let (sps, pps) =
            (Bytes::from_static(SPS_720P), Bytes::from_static(&[0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0]));
        let config = AvcConfig::new(vec![sps], vec![pps]).unwrap();
        let record = config.build();
        assert_eq!(record[..6], [1, 0x64, 0, 0x1f, 0xff, 0xe1]);
        assert_eq!(record[record.len() - 4..], [0xfd, 0xf8, 0xf8, 0]);
        assert_eq!(AvcConfig::parse(&record), Ok(config));
    }

    #[test]
    fn every_damaged_sps_is_read_or_refused() {
        for bit in 0..SPS_720P.len() * 8 {
            let mut damaged = SPS_720P.to_vec();
            damaged[bit / 8] ^= 0x80 >> (bit % 8);
            let _ = Sps::parse(&damaged);
            let _ = Sps::parse(&damaged[..bit / 8]);
        }
    }
}
