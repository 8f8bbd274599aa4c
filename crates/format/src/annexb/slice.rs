//! The H.264 headers that tell one picture from the next: picture parameter sets (ISO/IEC 14496-10 §7.3.2.2) and
//! slice headers (§7.3.3) as far as picture order needs them.

use std::collections::BTreeMap;

use brooklet_media::Result;
use brooklet_media::bitstream::bits::BitReader;
use brooklet_media::bitstream::h264::{NAL_IDR, PocType, Sps, nal_type};
use brooklet_media::bitstream::nal;

const NAME: &str = "h264";

/// More of a slice than its header ever takes.
const MAX_HEADER: usize = 1_024;

/// What slice headers need of a picture parameter set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pps {
    pub(super) id: u32,
    pub(super) sps: u32,
    /// bottom_field_pic_order_in_frame_present_flag.
    bottom_order: bool,
    /// num_ref_idx_l0_default_active_minus1 and l1's.
    last_refs: [u32; 2],
    weighted: bool,
    weighted_bi: bool,
    redundant: bool,
}

impl Pps {
    /// Reads a unit whose nal_unit_type is 8.
    ///
    /// # Errors
    ///
    /// As [`BitReader`] where it is damaged.
    pub(super) fn parse(unit: &[u8]) -> Result<Self> {
        let rbsp = nal::unescape(unit);
        let mut bits = BitReader::new(NAME, &rbsp);
        bits.skip(8)?;
        let (id, sps) = (bits.ue()?, bits.ue()?);
        bits.skip(1)?; // entropy_coding_mode_flag
        let bottom_order = bits.flag()?;
        let last_group = bits.ue()?;
        if last_group > 0 {
            skip_slice_groups(&mut bits, last_group)?;
        }
        let last_refs = [bits.ue()?, bits.ue()?];
        let (weighted, weighted_bi) = (bits.flag()?, bits.bits(2)? == 1);
        for _ in 0..3 {
            bits.se()?; // pic_init_qp, pic_init_qs, chroma_qp_index_offset
        }
        bits.skip(2)?; // deblocking_filter_control_present_flag, constrained_intra_pred_flag
        let redundant = bits.flag()?;
        Ok(Self { id, sps, bottom_order, last_refs, weighted, weighted_bi, redundant })
    }
}

/// The parameter sets that slices refer to.
#[derive(Debug, Default)]
pub(super) struct Sets {
    pub(super) sps: BTreeMap<u32, Sps>,
    pub(super) pps: BTreeMap<u32, Pps>,
}

/// A field's place in its frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Parity {
    Top,
    Bottom,
}

/// What a slice says of its picture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Slice {
    pub(super) first_mb: u32,
    pub(super) pps: u32,
    pub(super) sps: u32,
    pub(super) frame_num: u32,
    /// `None` for a frame.
    pub(super) field: Option<Parity>,
    /// idr_pic_id of an IDR picture.
    pub(super) idr: Option<u32>,
    /// Whether others may refer to it: nal_ref_idc is not 0.
    pub(super) reference: bool,
    pub(super) poc_lsb: u32,
    /// delta_pic_order_cnt_bottom.
    pub(super) delta_bottom: i32,
    /// delta_pic_order_cnt.
    pub(super) delta: [i32; 2],
    /// Whether it repeats macroblocks of the primary picture.
    pub(super) redundant: bool,
    /// memory_management_control_operation 5: order counts start anew, as after an IDR picture.
    pub(super) resets: bool,
}

impl Slice {
    /// Reads a unit whose nal_unit_type is 1, 2 or 5; `None` where its parameter sets are not known or it is
    /// damaged.
    pub(super) fn parse(unit: &[u8], sets: &Sets) -> Option<Self> {
        Self::read(unit, sets).ok().flatten()
    }

    /// Whether `next` belongs to another picture than this (§7.4.1.2.4).
    pub(super) fn ends_before(&self, next: &Self) -> bool {
        if next.redundant {
            return false;
        }
        let idr = |slice: &Self| slice.idr;
        self.frame_num != next.frame_num
            || (self.pps, self.sps) != (next.pps, next.sps) && next.first_mb == 0
            || self.field != next.field
            || self.reference != next.reference
            || idr(self) != idr(next)
            || (self.poc_lsb, self.delta_bottom, self.delta) != (next.poc_lsb, next.delta_bottom, next.delta)
            // No macroblock is sent twice: not in the standard's list, but some streams differ in nothing else.
            || self.first_mb == 0 && next.first_mb == 0
    }

    /// Whether `next` is the other field of this one's frame.
    pub(super) fn pairs_with(&self, next: &Self) -> bool {
        let opposite = matches!(
            (self.field, next.field),
            (Some(Parity::Top), Some(Parity::Bottom)) | (Some(Parity::Bottom), Some(Parity::Top))
        );
        opposite
            && self.frame_num == next.frame_num
            && self.sps == next.sps
            && next.idr.is_none()
            && (self.reference || !next.reference)
            && !self.resets
    }

    fn read(unit: &[u8], sets: &Sets) -> Result<Option<Self>> {
        let rbsp = nal::unescape(&unit[..unit.len().min(MAX_HEADER)]);
        let mut bits = BitReader::new(NAME, &rbsp);
        bits.skip(1)?;
        let reference = bits.bits(2)? != 0;
        bits.skip(5)?;
        let is_idr = nal_type(unit) == NAL_IDR;
        let (first_mb, kind, pps) = (bits.ue()?, bits.ue()? % 5, bits.ue()?);
        let Some(pps) = sets.pps.get(&pps) else { return Ok(None) };
        let Some(sps) = sets.sps.get(&pps.sps) else { return Ok(None) };
        if sps.separate_planes {
            bits.skip(2)?; // colour_plane_id
        }
        let frame_num = bits.bits(sps.log2_max_frame_num.into())?;
        let field = match !sps.frame_mbs_only && bits.flag()? {
            false => None,
            true if bits.flag()? => Some(Parity::Bottom),
            true => Some(Parity::Top),
        };
        let idr = if is_idr { Some(bits.ue()?) } else { None };
        let (mut poc_lsb, mut delta_bottom, mut delta) = (0, 0, [0; 2]);
        match sps.poc {
            PocType::Lsb(log2) => {
                poc_lsb = bits.bits(log2.into())?;
                if pps.bottom_order && field.is_none() {
                    delta_bottom = bits.se()?;
                }
            }
            PocType::Cycle { always_zero: false, .. } => {
                delta[0] = bits.se()?;
                if pps.bottom_order && field.is_none() {
                    delta[1] = bits.se()?;
                }
            }
            PocType::Cycle { .. } | PocType::DecodingOrder => {}
        }
        let redundant = pps.redundant && bits.ue()? > 0;
        // What follows is read for one thing only, so damage there costs no more than that.
        let resets = reference && !is_idr && read_resets(&mut bits, kind, pps, sps).unwrap_or(false);
        let (pps, sps) = (pps.id, pps.sps);
        Ok(Some(Self {
            first_mb,
            pps,
            sps,
            frame_num,
            field,
            idr,
            reference,
            poc_lsb,
            delta_bottom,
            delta,
            redundant,
            resets,
        }))
    }
}

/// Reads on from redundant_pic_cnt to dec_ref_pic_marking of a reference picture that is not IDR.
fn read_resets(bits: &mut BitReader<'_>, kind: u32, pps: &Pps, sps: &Sps) -> Result<bool> {
    const P: u32 = 0;
    const B: u32 = 1;
    const SP: u32 = 3;
    if kind == B {
        bits.skip(1)?; // direct_spatial_mv_pred_flag
    }
    let lists = match kind {
        P | SP => 1,
        B => 2,
        _ => 0,
    };
    let mut last_refs = pps.last_refs;
    if lists > 0 && bits.flag()? {
        for last in last_refs.iter_mut().take(lists) {
            *last = bits.ue()?;
        }
    }
    for _ in 0..lists {
        if bits.flag()? {
            while bits.ue()? != 3 {
                bits.ue()?; // abs_diff_pic_num_minus1 or long_term_pic_num
            }
        }
    }
    if pps.weighted && matches!(kind, P | SP) || pps.weighted_bi && kind == B {
        skip_weights(bits, &last_refs[..lists], sps.chroma_format != 0 && !sps.separate_planes)?;
    }
    let mut resets = false;
    if bits.flag()? {
        loop {
            match bits.ue()? {
                0 => break,
                5 => resets = true,
                3 => drop((bits.ue()?, bits.ue()?)),
                _ => drop(bits.ue()?),
            }
        }
    }
    Ok(resets)
}

/// pred_weight_table (§7.3.3.2).
fn skip_weights(bits: &mut BitReader<'_>, last_refs: &[u32], chroma: bool) -> Result<()> {
    bits.ue()?; // luma_log2_weight_denom
    if chroma {
        bits.ue()?; // chroma_log2_weight_denom
    }
    for last in last_refs {
        for _ in 0..=*last {
            if bits.flag()? {
                (0..2).try_for_each(|_| bits.se().map(drop))?;
            }
            if chroma && bits.flag()? {
                (0..4).try_for_each(|_| bits.se().map(drop))?;
            }
        }
    }
    Ok(())
}

/// The slice group map of a picture parameter set, of `last` + 1 groups.
fn skip_slice_groups(bits: &mut BitReader<'_>, last: u32) -> Result<()> {
    match bits.ue()? {
        0 => (0..=last).try_for_each(|_| bits.ue().map(drop)),
        2 => (0..last).try_for_each(|_| bits.ue().and_then(|_| bits.ue()).map(drop)),
        3..=5 => bits.skip(1).and_then(|()| bits.ue()).map(drop),
        6 => {
            let last_unit = bits.ue()? as usize;
            let id_bits = (u32::BITS - last.leading_zeros()) as usize;
            bits.skip((last_unit + 1).saturating_mul(id_bits))
        }
        _ => Ok(()),
    }
}
