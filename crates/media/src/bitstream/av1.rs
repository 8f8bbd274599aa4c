//! AV1: open bitstream units (AV1 Bitstream & Decoding Process Specification §5.3), the sequence header (§5.5) and the
//! AV1CodecConfigurationRecord (AV1 Codec ISO Media File Format Binding §2.3).

use alloc::format;

use bytes::{BufMut, Bytes, BytesMut};

use super::bits::BitReader;
use super::h264::matrix_from_code;
use crate::{Color, Error, PixelFormat, Range, Rational, Result, VideoFrame, VideoParams};

const NAME: &str = "av1";

/// obu_type: sequence header.
pub const OBU_SEQUENCE_HEADER: u8 = 1;
/// obu_type: temporal delimiter, which containers leave out.
pub const OBU_TEMPORAL_DELIMITER: u8 = 2;
/// obu_type: frame header.
pub const OBU_FRAME_HEADER: u8 = 3;
/// obu_type: tile group.
pub const OBU_TILE_GROUP: u8 = 4;
/// obu_type: frame header and tile group in one.
pub const OBU_FRAME: u8 = 6;
/// obu_type: the frame header once more.
pub const OBU_REDUNDANT_FRAME_HEADER: u8 = 7;

/// Bytes of the record before its units.
const RECORD: usize = 4;

/// One open bitstream unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Obu<'a> {
    /// obu_type.
    pub kind: u8,
    /// All of it, header and size included.
    pub bytes: &'a [u8],
    /// What is in it.
    pub payload: &'a [u8],
}

/// The units of a temporal unit, up to the first that is damaged or passes the end.
pub fn obus(unit: &[u8]) -> impl Iterator<Item = Obu<'_>> {
    let mut rest = unit;
    core::iter::from_fn(move || {
        let (obu, after) = split_obu(rest)?;
        rest = after;
        Some(obu)
    })
}

/// §5.3.1, §5.3.2.
fn split_obu(bytes: &[u8]) -> Option<(Obu<'_>, &[u8])> {
    let header = *bytes.first()?;
    let (forbidden, has_extension, has_size) = (header & 0x80 != 0, header & 4 != 0, header & 2 != 0);
    if forbidden {
        return None;
    }
    let start = 1 + usize::from(has_extension);
    let (start, length) = match has_size {
        true => {
            let (size, taken) = leb128(bytes.get(start..)?)?;
            (start + taken, usize::try_from(size).ok()?)
        }
        // Only the last unit may leave its size out.
        false => (start, bytes.len().checked_sub(start)?),
    };
    let end = start.checked_add(length)?;
    let payload = bytes.get(start..end)?;
    Some((Obu { kind: header >> 3 & 15, bytes: &bytes[..end], payload }, &bytes[end..]))
}

/// §4.10.5: a number, and in how many bytes it stands.
fn leb128(bytes: &[u8]) -> Option<(u32, usize)> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((u32::try_from(value).ok()?, index + 1));
        }
    }
    None
}

/// What a sequence header says, as far as containers and decoders need it before decoding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SequenceHeader {
    /// seq_profile: 0 main, 1 high, 2 professional.
    pub profile: u8,
    /// seq_level_idx of the first operating point.
    pub level: u8,
    /// seq_tier of the first operating point.
    pub tier: bool,
    /// The most pixels in a row of any picture.
    pub max_width: u32,
    /// The most rows of any picture.
    pub max_height: u32,
    /// Bits of a sample: 8, 10 or 12.
    pub bit_depth: u8,
    /// Without chroma.
    pub monochrome: bool,
    /// Whether chroma is half as wide, and half as high.
    pub subsampling: (bool, bool),
    /// chroma_sample_position.
    pub chroma_position: u8,
    /// What luma and chroma mean.
    pub color: Color,
    /// Pictures in a second, where they come evenly.
    pub frame_rate: Option<Rational>,
}

impl SequenceHeader {
    /// Reads the payload of a sequence header.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] where it ends early, [`Error::Invalid`] for a profile that does not exist, and as
    /// [`VideoFrame::check_size`] for a size that nobody would take.
    pub fn parse(payload: &[u8]) -> Result<Self> {
        let mut bits = BitReader::new(NAME, payload);
        let profile = bits.bits(3)? as u8;
        if profile > 2 {
            return Err(Error::invalid(NAME, 0, format!("profile {profile} in a sequence header")));
        }
        bits.skip(1)?; // still_picture
        let reduced = bits.flag()?;
        let points = match reduced {
            true => OperatingPoints { level: bits.bits(5)? as u8, tier: false, frame_rate: None },
            false => OperatingPoints::read(&mut bits)?,
        };
        let (width_bits, height_bits) = (bits.bits(4)? + 1, bits.bits(4)? + 1);
        let (max_width, max_height) = (bits.bits(width_bits)? + 1, bits.bits(height_bits)? + 1);
        VideoFrame::check_size(max_width, max_height)?;
        skip_tools(&mut bits, reduced)?;
        let ColorConfig { bit_depth, monochrome, color, subsampling, chroma_position } =
            ColorConfig::read(&mut bits, profile)?;
        let OperatingPoints { level, tier, frame_rate } = points;
        Ok(Self {
            profile,
            level,
            tier,
            max_width,
            max_height,
            bit_depth,
            monochrome,
            subsampling,
            chroma_position,
            color,
            frame_rate,
        })
    }

    /// What its pictures decode to; `None` where there is no such format here.
    pub const fn pixel_format(&self) -> Option<PixelFormat> {
        pixel_format(self.bit_depth, self.monochrome, self.subsampling)
    }

    /// The same as parameters of a stream.
    pub fn video_params(&self) -> VideoParams {
        VideoParams {
            format: self.pixel_format(),
            frame_rate: self.frame_rate,
            color: self.color,
            ..VideoParams::new(self.max_width, self.max_height)
        }
    }
}

/// AV1CodecConfigurationRecord.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Av1Config {
    /// What its pictures decode to; `None` where there is no such format here.
    pub format: Option<PixelFormat>,
    /// Its units: the sequence header (which some writers leave out), and metadata perhaps.
    pub units: Bytes,
}

impl Av1Config {
    /// Reads a record.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for bytes that are none.
    pub fn parse(record: &[u8]) -> Result<Self> {
        // Marker and version; profile and level; the flags that build() writes.
        match record.split_at_checked(RECORD) {
            Some(([0x81, _, flags, _], units)) => {
                let set = |place: u8| flags >> place & 1 == 1;
                let bit_depth = match (set(6), set(5)) {
                    (false, _) => 8,
                    (true, false) => 10,
                    (true, true) => 12,
                };
                let format = pixel_format(bit_depth, set(4), (set(3), set(2)));
                Ok(Self { format, units: Bytes::copy_from_slice(units) })
            }
            _ => {
                Err(Error::invalid(NAME, 0, "a decoder configuration that is no AV1CodecConfigurationRecord"))
            }
        }
    }

    /// The record of a temporal unit that begins a sequence; `None` where no sequence header is in it.
    pub fn record_of(unit: &[u8]) -> Option<Bytes> {
        let units = obus(unit).find(|obu| obu.kind == OBU_SEQUENCE_HEADER)?;
        let header = SequenceHeader::parse(units.payload).ok()?;
        let flag = |set: bool, place: u8| u8::from(set) << place;
        let mut out = BytesMut::with_capacity(RECORD + units.bytes.len());
        out.put_u8(0x81);
        out.put_u8(header.profile << 5 | header.level);
        out.put_u8(
            flag(header.tier, 7)
                | flag(header.bit_depth > 8, 6)
                | flag(header.bit_depth > 10, 5)
                | flag(header.monochrome, 4)
                | flag(header.subsampling.0, 3)
                | flag(header.subsampling.1, 2)
                | header.chroma_position,
        );
        out.put_u8(0); // no initial presentation delay
        out.put_slice(units.bytes);
        Some(out.freeze())
    }

    /// The sequence header; `None` where there is none, or a damaged one.
    pub fn sequence_header(&self) -> Option<SequenceHeader> {
        let header = obus(&self.units).find(|obu| obu.kind == OBU_SEQUENCE_HEADER)?;
        SequenceHeader::parse(header.payload).ok()
    }

    /// What it says of the stream; `other` for what it does not say.
    pub fn video_params(&self, other: VideoParams) -> VideoParams {
        match self.sequence_header().map(|header| header.video_params()) {
            Some(coded) => VideoParams {
                frame_rate: coded.frame_rate.or(other.frame_rate),
                sample_aspect: other.sample_aspect,
                ..coded
            },
            None => VideoParams { format: self.format, ..other },
        }
    }
}

const fn pixel_format(bit_depth: u8, monochrome: bool, subsampling: (bool, bool)) -> Option<PixelFormat> {
    match (bit_depth, monochrome, subsampling) {
        (8, true, _) => Some(PixelFormat::Gray8),
        (8, false, (true, true)) => Some(PixelFormat::Yuv420p),
        (8, false, (true, false)) => Some(PixelFormat::Yuv422p),
        (8, false, _) => Some(PixelFormat::Yuv444p),
        (10, false, (true, true)) => Some(PixelFormat::Yuv420p10),
        (10, false, (true, false)) => Some(PixelFormat::Yuv422p10),
        _ => None,
    }
}

/// What stands of the operating points in a header that is not reduced.
struct OperatingPoints {
    level: u8,
    tier: bool,
    frame_rate: Option<Rational>,
}

impl OperatingPoints {
    fn read(bits: &mut BitReader<'_>) -> Result<Self> {
        let mut frame_rate = None;
        let mut delay_bits = None;
        if bits.flag()? {
            let (units, scale, even) = (bits.bits(32)?, bits.bits(32)?, bits.flag()?);
            if even {
                let ticks = bits.ue()?.saturating_add(1);
                frame_rate = units.checked_mul(ticks).and_then(|period| Rational::new(scale, period));
            }
            if bits.flag()? {
                delay_bits = Some(bits.bits(5)? as usize + 1);
                bits.skip(32 + 5 + 5)?; // decoding tick; lengths of removal and presentation times
            }
        }
        let delays = bits.flag()?;
        let count = bits.bits(5)? + 1;
        let mut first = None;
        for _ in 0..count {
            bits.skip(12)?; // operating_point_idc
            let level = bits.bits(5)? as u8;
            let tier = level > 7 && bits.flag()?;
            if let Some(length) = delay_bits
                && bits.flag()?
            {
                bits.skip(2 * length + 1)?;
            }
            if delays && bits.flag()? {
                bits.skip(4)?;
            }
            first.get_or_insert((level, tier));
        }
        let (level, tier) = first.unwrap_or((0, false));
        Ok(Self { level, tier, frame_rate: frame_rate.filter(|rate| rate.num() > 0) })
    }
}

/// From frame_id_numbers_present_flag to enable_restoration.
fn skip_tools(bits: &mut BitReader<'_>, reduced: bool) -> Result<()> {
    if !reduced && bits.flag()? {
        bits.skip(4 + 3)?; // lengths of frame ids
    }
    bits.skip(3)?; // superblock size, filter_intra, intra_edge_filter
    if !reduced {
        bits.skip(4)?; // interintra, masked compound, warped motion, dual filter
        let order_hint = bits.flag()?;
        if order_hint {
            bits.skip(2)?; // jnt_comp, ref_frame_mvs
        }
        let screen_content = bits.flag()? || bits.flag()?;
        if screen_content && !bits.flag()? {
            bits.skip(1)?; // seq_force_integer_mv
        }
        if order_hint {
            bits.skip(3)?;
        }
    }
    bits.skip(3) // superres, cdef, restoration
}

/// §5.5.2.
struct ColorConfig {
    bit_depth: u8,
    monochrome: bool,
    color: Color,
    subsampling: (bool, bool),
    chroma_position: u8,
}

impl ColorConfig {
    fn read(bits: &mut BitReader<'_>, profile: u8) -> Result<Self> {
        let deep = bits.flag()?;
        let bit_depth = match deep {
            true if profile == 2 && bits.flag()? => 12,
            true => 10,
            false => 8,
        };
        let monochrome = profile != 1 && bits.flag()?;
        let codes = match bits.flag()? {
            true => (bits.bits(8)?, bits.bits(8)?, bits.bits(8)?),
            false => (2, 2, 2),
        };
        // sRGB: 4:4:4 of full range without a word.
        let srgb = !monochrome && codes == (1, 13, 0);
        let full = srgb || bits.flag()?;
        let subsampling = match profile {
            _ if monochrome => (true, true),
            _ if srgb => (false, false),
            0 => (true, true),
            1 => (false, false),
            _ if bit_depth == 12 => {
                let wide = bits.flag()?;
                (wide, wide && bits.flag()?)
            }
            _ => (true, false),
        };
        let placed = !monochrome && subsampling == (true, true);
        Ok(Self {
            bit_depth,
            monochrome,
            color: Color {
                range: if full { Range::Full } else { Range::Limited },
                matrix: matrix_from_code(codes.2),
            },
            subsampling,
            chroma_position: if placed { bits.bits(2)? as u8 } else { 0 },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Records by libaom and SVT-AV1 (176x144), libaom (64x48: 10 bits of full range in BT.709, 4:4:4, monochrome).
    const AOM: &str = "81000c000a0b00000003bd7c79b5f20080";
    const SVT: &str = "81000c000a0b020000051debe3c02f8004";
    const DEEP: &str = "81004c000a0d00000002aff79b5f2a02020308";
    const FULL_CHROMA: &str = "812000000a0a20000002aff79b5f2040";
    const GREY: &str = "81001c000a0a00000002aff79b5f2540";

    fn bytes(hex: &str) -> Vec<u8> {
        let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(digit).collect()
    }

    #[test]
    fn records_of_other_encoders_are_understood_and_made_the_same() {
        for (record, width, format) in [
            (AOM, 176, Some(PixelFormat::Yuv420p)),
            (SVT, 176, Some(PixelFormat::Yuv420p)),
            (DEEP, 64, Some(PixelFormat::Yuv420p10)),
            (FULL_CHROMA, 64, Some(PixelFormat::Yuv444p)),
            (GREY, 64, Some(PixelFormat::Gray8)),
        ] {
            let record = bytes(record);
            let config = Av1Config::parse(&record).unwrap();
            let header = config.sequence_header().unwrap();
            assert_eq!((header.max_width, header.max_height), (width, width * 9 / 11 / 48 * 48));
            assert_eq!((header.pixel_format(), config.format), (format, format));
            let unit = [&[0x12, 0], &config.units[..], &[0x32, 1, 0]].concat();
            assert_eq!(Av1Config::record_of(&unit).unwrap(), record);
        }
    }

    #[test]
    fn colour_is_read() {
        let config = Av1Config::parse(&bytes(DEEP)).unwrap();
        let color = config.video_params(VideoParams::new(0, 0)).color;
        assert_eq!((color.matrix, color.range), (crate::Matrix::Bt709, Range::Full));
    }

    #[test]
    fn a_record_without_units_still_tells_the_format() {
        let config = Av1Config::parse(&[0x81, 0x1F, 0x4C, 0]).unwrap();
        let video = config.video_params(VideoParams::new(640, 360));
        assert_eq!((video.width, video.format), (640, Some(PixelFormat::Yuv420p10)));
        assert!(Av1Config::parse(b"OpusHead").is_err());
        assert!(Av1Config::parse(&[0x81, 0]).is_err());
    }

    #[test]
    fn sizes_pass_over_seven_bits() {
        assert_eq!(leb128(&[0x7F]), Some((127, 1)));
        assert_eq!(leb128(&[0xE5, 0x8E, 0x26]), Some((624_485, 3)));
        assert_eq!(leb128(&[0x80; 9]), None);
        assert_eq!(leb128(&[0xFF, 0xFF, 0xFF, 0xFF, 0x7F]), None, "over 32 bits");
    }

    #[test]
    fn units_end_where_their_sizes_say() {
        let unit = [0x12, 0, 0x0A, 2, 7, 8, 0x36, 9, 1, 0x30, 5, 6];
        let kinds: Vec<_> = obus(&unit[..6]).map(|obu| (obu.kind, obu.payload)).collect();
        assert_eq!(kinds, [(2, &[][..]), (1, &[7, 8][..])]);
        let last: Vec<_> = obus(&unit[9..]).map(|obu| (obu.kind, obu.payload)).collect();
        assert_eq!(last, [(6, &[5, 6][..])], "one without a size takes the rest");
        assert_eq!(obus(&[0x32, 9, 1]).count(), 0, "past the end");
        assert_eq!(obus(&[0x92, 0]).count(), 0, "forbidden bit");
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(unit in prop::collection::vec(any::<u8>(), 0..200)) {
            let walked: usize = obus(&unit).map(|obu| obu.bytes.len()).sum();
            prop_assert!(walked <= unit.len());
            let _ = Av1Config::record_of(&unit);
            let _ = SequenceHeader::parse(&unit);
            let _ = Av1Config::parse(&[&[0x81], &unit[..]].concat()).map(|config| config.sequence_header());
        }

        #[test]
        fn a_damaged_header_is_read_or_refused(flips in prop::collection::vec(any::<prop::sample::Index>(), 1..4)) {
            let mut record = bytes(DEEP);
            for flip in flips {
                let bit = flip.index(record.len() * 8);
                record[bit / 8] ^= 1 << (bit % 8);
            }
            let Ok(config) = Av1Config::parse(&record) else { return Ok(()) };
            if let Some(header) = config.sequence_header() {
                prop_assert!(VideoFrame::check_size(header.max_width, header.max_height).is_ok());
            }
        }
    }
}
