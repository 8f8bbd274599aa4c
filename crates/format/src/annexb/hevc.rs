//! HEVC units to access units (ISO/IEC 23008-2 §7.4.2.4.4), and their picture order counts (§8.3.1).

use std::collections::BTreeMap;

use brooklet_media::bitstream::bits::BitReader;
use brooklet_media::bitstream::hevc::{
    HevcSps, HvcConfig, NAL_AUD, NAL_PPS, NAL_SPS, NAL_VPS, is_random_access, nal_type,
};
use brooklet_media::bitstream::nal;
use brooklet_media::{CodecId, Result};
use bytes::{Bytes, BytesMut};

use super::demux::{Assembler, Shape};
use super::h264::put_unit;
use super::order::Picture;

const NAME: &str = "hevc";

/// nal_unit_type: the last that is a slice.
const NAL_LAST_SLICE: u8 = 31;
/// nal_unit_type: BLA and IDR, which begin an order wherever they stand.
const NAL_BEGINNINGS: std::ops::RangeInclusive<u8> = 16..=20;
/// nal_unit_type: IDR, whose order count is 0 without being sent.
const NAL_IDR: std::ops::RangeInclusive<u8> = 19..=20;
/// nal_unit_type: leading pictures, RADL and RASL.
const NAL_LEADING: std::ops::RangeInclusive<u8> = 6..=9;
/// nal_unit_type: end of sequence, end of bitstream.
const NAL_ENDS: std::ops::RangeInclusive<u8> = 36..=37;
/// nal_unit_type: SEI that stands before a picture.
const NAL_PREFIX_SEI: u8 = 39;
/// nal_unit_type: SEI that stands after one.
const NAL_SUFFIX_SEI: u8 = 40;
/// More of a slice than is read of its header.
const MAX_HEADER: usize = 64;

/// Gathers units of the base layer into pictures. Parameter sets, delimiters and filler are taken out; slices
/// whose parameter sets have not come are left out.
#[derive(Debug, Default)]
pub(super) struct Hevc {
    sps: BTreeMap<u32, HevcSps>,
    pps: BTreeMap<u32, Pps>,
    /// Parameter sets by nal_unit_type and id.
    units: BTreeMap<(u8, u32), Bytes>,
    /// The sequence parameter set of the last picture, unless other sets came since.
    told: Option<u32>,
    /// PicOrderCntVal of the last picture that order counts follow on.
    count: i32,
    /// Whether a picture came since the last sequence ended.
    in_sequence: bool,
    /// Units that belong to the picture to come.
    prefix: BytesMut,
    current: Option<(BytesMut, Picture)>,
}

/// What slice headers need of a picture parameter set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Pps {
    id: u32,
    sps: u32,
    output_flag: bool,
    extra_bits: u32,
}

/// The start of a slice segment header, of the first segment of a picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Slice {
    sps: u32,
    /// slice_pic_order_cnt_lsb, 0 for IDR.
    lsb: u32,
}

impl Assembler for Hevc {
    fn take(&mut self, unit: Bytes) -> Option<Picture> {
        let layer = unit.get(..2).map_or(u16::MAX, |head| u16::from_be_bytes([head[0], head[1]]) >> 3 & 0x3F);
        if layer != 0 {
            return None;
        }
        match nal_type(&unit) {
            ..=NAL_LAST_SLICE => return self.take_slice(&unit),
            kind @ NAL_VPS..=NAL_PPS => {
                let picture = self.close();
                if unit.len() <= usize::from(u16::MAX) {
                    self.take_set(kind, unit);
                }
                return picture;
            }
            NAL_AUD => return self.close(),
            kind if NAL_ENDS.contains(&kind) => {
                self.in_sequence = false;
                return self.close();
            }
            NAL_PREFIX_SEI => {
                let picture = self.close();
                put_unit(&mut self.prefix, &unit);
                return picture;
            }
            NAL_SUFFIX_SEI => {
                if let Some((data, _)) = &mut self.current {
                    put_unit(data, &unit);
                }
            }
            _ => {}
        }
        None
    }

    fn finish(&mut self) -> Option<Picture> {
        self.close()
    }
}

impl Hevc {
    fn take_slice(&mut self, unit: &[u8]) -> Option<Picture> {
        let first_segment = unit.get(2).is_some_and(|byte| byte & 0x80 != 0);
        if !first_segment {
            if let Some((data, _)) = &mut self.current {
                put_unit(data, unit);
            }
            return None;
        }
        let before = self.close();
        let Some(slice) = Slice::parse(unit, &self.sps, &self.pps) else { return before };
        let Some(sps) = self.sps.get(&slice.sps).copied() else { return before };
        let key = is_random_access(unit);
        let starts = NAL_BEGINNINGS.contains(&nal_type(unit)) || (key && !self.in_sequence);
        let count = self.order_count(unit, slice, &sps, starts);
        self.in_sequence = true;
        let shape = if self.told == Some(slice.sps) { None } else { self.describe(slice.sps) };
        let mut data = self.prefix.split();
        put_unit(&mut data, unit);
        let picture = Picture { data: Bytes::new(), key, count, starts, shape: shape.map(Box::new) };
        self.current = Some((data, picture));
        before
    }

    fn take_set(&mut self, kind: u8, unit: Bytes) {
        let id = match kind {
            NAL_SPS => HevcSps::parse(&unit).ok().map(|sps| {
                self.sps.insert(sps.id, sps);
                sps.id
            }),
            NAL_PPS => Pps::parse(&unit).ok().map(|pps| {
                self.pps.insert(pps.id, pps);
                pps.id
            }),
            _ => unit.get(2).map(|byte| u32::from(byte >> 4)), // vps_video_parameter_set_id
        };
        let Some(id) = id else { return };
        if self.units.insert((kind, id), unit.clone()) != Some(unit) {
            self.told = None;
        }
    }

    fn close(&mut self) -> Option<Picture> {
        self.current.take().map(|(data, picture)| Picture { data: data.freeze(), ..picture })
    }

    /// §8.3.1. Sums wrap: damaged streams get some order, the same every time.
    fn order_count(&mut self, unit: &[u8], slice: Slice, sps: &HevcSps, starts: bool) -> i32 {
        let (max, lsb) = (1i32 << sps.log2_max_poc_lsb, slice.lsb as i32);
        let before = self.count & (max - 1);
        let msb = self.count.wrapping_sub(before);
        let count = if starts {
            lsb
        } else if lsb < before && before - lsb >= max / 2 {
            msb.wrapping_add(max).wrapping_add(lsb)
        } else if lsb > before && lsb - before > max / 2 {
            msb.wrapping_sub(max).wrapping_add(lsb)
        } else {
            msb.wrapping_add(lsb)
        };
        let lowest_layer = unit.get(1).is_some_and(|byte| byte & 7 == 1);
        let kind = nal_type(unit);
        let sublayer_non_reference = kind <= 14 && kind.is_multiple_of(2);
        if lowest_layer && !NAL_LEADING.contains(&kind) && !sublayer_non_reference {
            self.count = count;
        }
        count
    }

    /// What the stream is with this sequence parameter set and all others.
    fn describe(&mut self, active: u32) -> Option<Shape> {
        let sps = self.sps.get(&active)?;
        let config = HvcConfig::from_units(self.units.values().map(|unit| &unit[..]))?;
        self.told = Some(active);
        Some(Shape {
            codec: CodecId::Hevc,
            extradata: config.build(),
            video: sps.video_params(),
            exact: true,
        })
    }
}

impl Pps {
    /// Reads a unit whose nal_unit_type is [`NAL_PPS`] as far as slice headers need it (§7.3.2.3.1).
    fn parse(unit: &[u8]) -> Result<Self> {
        let rbsp = nal::unescape(&unit[..unit.len().min(MAX_HEADER)]);
        let mut bits = BitReader::new(NAME, &rbsp);
        bits.skip(16)?;
        let (id, sps) = (bits.ue()?.min(63), bits.ue()?);
        bits.skip(1)?; // dependent_slice_segments_enabled_flag
        Ok(Self { id, sps, output_flag: bits.flag()?, extra_bits: bits.bits(3)? })
    }
}

impl Slice {
    /// Reads the header of a picture's first segment (§7.3.6.1); `None` where its parameter sets are not known or
    /// it is damaged.
    fn parse(unit: &[u8], sps: &BTreeMap<u32, HevcSps>, pps: &BTreeMap<u32, Pps>) -> Option<Self> {
        let rbsp = nal::unescape(&unit[..unit.len().min(MAX_HEADER)]);
        let mut bits = BitReader::new(NAME, &rbsp);
        bits.skip(17).ok()?;
        if is_random_access(unit) {
            bits.skip(1).ok()?; // no_output_of_prior_pics_flag
        }
        let pps = pps.get(&bits.ue().ok()?)?;
        let sps = sps.get(&pps.sps)?;
        bits.skip(pps.extra_bits as usize).ok()?;
        bits.ue().ok()?; // slice_type
        let skipped = usize::from(pps.output_flag) + if sps.separate_planes { 2 } else { 0 };
        bits.skip(skipped).ok()?;
        let idr = NAL_IDR.contains(&nal_type(unit));
        let lsb = if idr { 0 } else { bits.bits(sps.log2_max_poc_lsb.into()).ok()? };
        Some(Self { sps: pps.sps, lsb })
    }
}
