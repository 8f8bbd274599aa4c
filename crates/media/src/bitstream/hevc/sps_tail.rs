//! The rest of a sequence parameter set (ISO/IEC 23008-2 §7.3.2.2): all of it is there only to be stepped over
//! on the way to the VUI, which says shape, colour and rate.

use super::{HevcSps, NAME};
use crate::bitstream::bits::BitReader;
use crate::bitstream::h264::{SAMPLE_ASPECTS, matrix_from_code};
use crate::{Error, Range, Rational, Result};

/// Reads on from sps_max_latency_increase_plus1 of the last layer.
pub(super) fn read(bits: &mut BitReader<'_>, sps: &mut HevcSps) -> Result<()> {
    for _ in 0..6 {
        bits.ue()?; // log2_min_luma_coding_block_size_minus3 … max_transform_hierarchy_depth_intra
    }
    if bits.flag()? && bits.flag()? {
        skip_scaling_lists(bits)?;
    }
    bits.skip(2)?; // amp_enabled_flag, sample_adaptive_offset_enabled_flag
    if bits.flag()? {
        bits.skip(8)?; // bit depths of PCM
        bits.ue()?;
        bits.ue()?;
        bits.skip(1)?; // pcm_loop_filter_disabled_flag
    }
    skip_ref_pic_sets(bits)?;
    if bits.flag()? {
        let count = bits.ue()?;
        Error::check_limit(NAME, "the number of long-term reference pictures", count.into(), 32)?;
        bits.skip(count as usize * (usize::from(sps.log2_max_poc_lsb) + 1))?;
    }
    bits.skip(2)?; // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
    if bits.flag()? { read_vui(bits, sps) } else { Ok(()) }
}

/// Annex E.2.1.
fn read_vui(bits: &mut BitReader<'_>, sps: &mut HevcSps) -> Result<()> {
    if bits.flag()? {
        let (num, den) = match bits.bits(8)? {
            255 => (bits.bits(16)?, bits.bits(16)?),
            index => SAMPLE_ASPECTS.get(index as usize).copied().unwrap_or((1, 1)),
        };
        sps.sample_aspect =
            Rational::new(num, den).filter(|aspect| aspect.num() > 0).unwrap_or(Rational::ONE);
    }
    if bits.flag()? {
        bits.skip(1)?; // overscan_appropriate_flag
    }
    if bits.flag()? {
        bits.skip(3)?; // video_format
        sps.color.range = if bits.flag()? { Range::Full } else { Range::Limited };
        if bits.flag()? {
            bits.skip(16)?; // colour_primaries, transfer_characteristics
            sps.color.matrix = matrix_from_code(bits.bits(8)?);
        }
    }
    if bits.flag()? {
        bits.ue()?; // chroma_sample_loc_type_top_field
        bits.ue()?; // chroma_sample_loc_type_bottom_field
    }
    bits.skip(3)?; // neutral_chroma_indication_flag, field_seq_flag, frame_field_info_present_flag
    if bits.flag()? {
        for _ in 0..4 {
            bits.ue()?; // default display window
        }
    }
    if bits.flag()? {
        let (units_in_tick, time_scale) = (bits.bits(32)?, bits.bits(32)?);
        sps.frame_rate = Rational::new(time_scale, units_in_tick).filter(|rate| rate.num() > 0);
    }
    Ok(())
}

/// scaling_list_data (§7.3.4).
fn skip_scaling_lists(bits: &mut BitReader<'_>) -> Result<()> {
    for size in 0..4u32 {
        for _ in (0..6).step_by(if size == 3 { 3 } else { 1 }) {
            if !bits.flag()? {
                bits.ue()?; // scaling_list_pred_matrix_id_delta
                continue;
            }
            let coefficients = 64.min(1 << (4 + 2 * size)) + u32::from(size > 1);
            for _ in 0..coefficients {
                bits.se()?;
            }
        }
    }
    Ok(())
}

/// All st_ref_pic_set (§7.3.7).
fn skip_ref_pic_sets(bits: &mut BitReader<'_>) -> Result<()> {
    let count = bits.ue()?;
    Error::check_limit(NAME, "the number of reference picture sets", count.into(), 64)?;
    let mut pictures = 0;
    for index in 0..count {
        if index > 0 && bits.flag()? {
            // Told by its difference to the set before.
            bits.skip(1)?; // delta_rps_sign
            bits.ue()?; // abs_delta_rps_minus1
            let mut kept = 0;
            for _ in 0..=pictures {
                let used = bits.flag()?;
                kept += u32::from(used || bits.flag()?);
            }
            pictures = kept;
            continue;
        }
        let (before, after) = (bits.ue()?, bits.ue()?);
        Error::check_limit(NAME, "the number of reference pictures", before.max(after).into(), 16)?;
        pictures = before + after;
        for _ in 0..pictures {
            bits.ue()?; // delta_poc_minus1
            bits.skip(1)?; // used_by_curr_pic_flag
        }
    }
    Ok(())
}
