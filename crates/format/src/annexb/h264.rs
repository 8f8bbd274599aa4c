//! H.264 units to access units (ISO/IEC 14496-10 §7.4.1.2).

use std::collections::BTreeMap;

use brooklet_media::bitstream::bits::BitReader;
use brooklet_media::bitstream::h264::{
    AvcConfig, NAL_AUD, NAL_IDR, NAL_PPS, NAL_SEI, NAL_SLICE, NAL_SPS, PocType, Sps, nal_type,
};
use brooklet_media::bitstream::nal;
use brooklet_media::{CodecId, Result};
use bytes::{BufMut, Bytes, BytesMut};

use super::demux::{Assembler, Shape};
use super::order::Picture;
use super::poc::PocState;
use super::slice::{Pps, Sets, Slice};

/// nal_unit_type: data partition A, which has a slice header; B and C follow it.
const NAL_PARTITION_A: u8 = 2;
/// nal_unit_type: the end of a sequence, the end of the stream.
const NAL_ENDS: std::ops::RangeInclusive<u8> = 10..=11;
/// nal_unit_type: a slice of an auxiliary picture.
const NAL_AUXILIARY: u8 = 19;
/// payloadType of a recovery point message (§D.1.8).
const RECOVERY_POINT: u32 = 6;

/// Gathers units into pictures. Both fields of a frame make one packet. Parameter sets, delimiters and filler
/// are taken out; slices whose parameter sets have not come are left out.
#[derive(Debug, Default)]
pub(super) struct H264 {
    sets: Sets,
    sps_units: BTreeMap<u32, Bytes>,
    pps_units: BTreeMap<u32, Bytes>,
    /// The sequence parameter set of the last picture, unless other sets came since.
    told: Option<u32>,
    poc: PocState,
    /// Units that belong to the picture to come.
    prefix: BytesMut,
    recovery_point: bool,
    current: Option<Current>,
}

/// A picture whose slices are coming.
#[derive(Debug)]
struct Current {
    /// Of the first slice of the frame or of its second field.
    slice: Slice,
    data: BytesMut,
    picture: Picture,
    /// Whether a unit came that only stands before a picture.
    closed: bool,
    paired: bool,
}

impl Assembler for H264 {
    fn take(&mut self, unit: Bytes) -> Option<Picture> {
        match nal_type(&unit) {
            NAL_SLICE | NAL_IDR | NAL_PARTITION_A => return self.take_slice(&unit),
            NAL_SEI => {
                self.close();
                self.recovery_point |= has_recovery_point(&unit);
                put_unit(&mut self.prefix, &unit);
            }
            NAL_SPS => {
                self.close();
                if let Ok(sps) = Sps::parse(&unit)
                    && unit.len() <= usize::from(u16::MAX)
                {
                    let id = u32::from(sps.id);
                    if self.sps_units.insert(id, unit.clone()) != Some(unit) {
                        self.told = None;
                    }
                    self.sets.sps.insert(id, sps);
                }
            }
            NAL_PPS => {
                self.close();
                if let Ok(pps) = Pps::parse(&unit)
                    && pps.id <= 255
                    && unit.len() <= usize::from(u16::MAX)
                {
                    if self.pps_units.insert(pps.id, unit.clone()) != Some(unit) {
                        self.told = None;
                    }
                    self.sets.pps.insert(pps.id, pps);
                }
            }
            NAL_AUD => self.close(),
            kind if NAL_ENDS.contains(&kind) => self.close(),
            3 | 4 | NAL_AUXILIARY => {
                if let Some(current) = &mut self.current {
                    put_unit(&mut current.data, &unit);
                }
            }
            _ => {}
        }
        None
    }

    fn finish(&mut self) -> Option<Picture> {
        self.current.take().map(Current::into_picture)
    }
}

impl H264 {
    /// Takes a slice; yields the picture before, where the slice begins another.
    fn take_slice(&mut self, unit: &Bytes) -> Option<Picture> {
        let slice = Slice::parse(unit, &self.sets)?;
        if let Some(current) = &mut self.current
            && !current.closed
            && !current.slice.ends_before(&slice)
        {
            put_unit(&mut current.data, unit);
            return None;
        }
        let sps = self.sets.sps.get(&slice.sps)?;
        let count = self.poc.count(&slice, sps);
        if let Some(current) = &mut self.current
            && !current.paired
            && current.slice.pairs_with(&slice)
        {
            current.take_field(slice, count, self.prefix.split(), unit);
            return None;
        }
        let starts = slice.idr.is_some() || slice.resets;
        let key = slice.idr.is_some() || std::mem::take(&mut self.recovery_point);
        let shape = if self.told == Some(slice.sps) { None } else { self.describe(slice.sps) };
        let mut data = self.prefix.split();
        put_unit(&mut data, unit);
        let picture = Picture { data: Bytes::new(), key, count, starts, shape: shape.map(Box::new) };
        let next = Current { slice, data, picture, closed: false, paired: false };
        self.current.replace(next).map(Current::into_picture)
    }

    /// What stands before a picture came: the one that is gathered has all its slices.
    fn close(&mut self) {
        if let Some(current) = &mut self.current {
            current.closed = true;
        }
    }

    /// What the stream is with this sequence parameter set and all picture parameter sets.
    fn describe(&mut self, active: u32) -> Option<Shape> {
        let sps = self.sets.sps.get(&active)?;
        let others = self.sps_units.iter().filter(|(id, _)| **id != active).map(|(_, unit)| unit);
        let sps_units = self.sps_units.get(&active).into_iter().chain(others).cloned().collect();
        let config = AvcConfig::new(sps_units, self.pps_units.values().cloned().collect())?;
        self.told = Some(active);
        let never_reordered = sps.profile_idc == 66 || sps.poc == PocType::DecodingOrder;
        Some(Shape {
            codec: CodecId::H264,
            extradata: config.build(),
            video: sps.video_params(),
            exact: sps.reorder.is_some() || never_reordered,
        })
    }
}

impl Current {
    fn take_field(&mut self, slice: Slice, count: i32, prefix: BytesMut, unit: &[u8]) {
        self.data.extend_from_slice(&prefix);
        put_unit(&mut self.data, unit);
        self.picture.count = if slice.resets { 0 } else { self.picture.count.min(count) };
        self.picture.starts |= slice.resets;
        (self.slice, self.closed, self.paired) = (slice, false, true);
    }

    fn into_picture(self) -> Picture {
        Picture { data: self.data.freeze(), ..self.picture }
    }
}

/// Appends a unit with its length.
pub(super) fn put_unit(data: &mut BytesMut, unit: &[u8]) {
    data.put_u32(unit.len() as u32); // under the limit of the finder
    data.put_slice(unit);
}

/// Whether an SEI unit holds a recovery point message (§7.3.2.3).
fn has_recovery_point(unit: &[u8]) -> bool {
    let rbsp = nal::unescape(unit);
    let mut bits = BitReader::new("h264", rbsp.get(1..).unwrap_or_default());
    // A message takes at least two bytes; what is left at the end is rbsp_trailing_bits.
    while bits.remaining() > 16 {
        let Ok((kind, bytes)) =
            read_extended(&mut bits).and_then(|kind| Ok((kind, read_extended(&mut bits)?)))
        else {
            return false;
        };
        if kind == RECOVERY_POINT {
            return true;
        }
        if bits.skip(bytes as usize * 8).is_err() {
            return false;
        }
    }
    false
}

/// A number in bytes: 255 as long as more follows.
fn read_extended(bits: &mut BitReader<'_>) -> Result<u32> {
    let mut value = 0u32;
    loop {
        let byte = bits.bits(8)?;
        value = value.saturating_add(byte);
        if byte < 255 {
            return Ok(value);
        }
    }
}
