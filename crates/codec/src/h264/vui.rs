//! Adds video usability information (Annex E) to a sequence parameter set that has none.

use brooklet_media::bitstream::nal;
use brooklet_media::{Matrix, Range, Rational};
use bytes::Bytes;

use crate::VideoEncode;

/// The set with all that `video` says of its pictures, and that they come in order, which spares players the
/// wait for pictures that might come before. `None` where the set is not one that ends without a VUI.
pub(super) fn with_vui(sps: &[u8], video: &VideoEncode, references: u32) -> Option<Bytes> {
    let mut bits = Bits::of_rbsp(&nal::unescape(sps))?;
    // The last bit before the stop bit is vui_parameters_present_flag.
    if bits.0.pop()? {
        return None;
    }
    bits.flag(true);
    write_vui(&mut bits, video, references);
    bits.flag(true); // rbsp_stop_one_bit
    Some(escape(&bits.bytes()))
}

/// §E.1.1.
fn write_vui(bits: &mut Bits, video: &VideoEncode, references: u32) {
    bits.flag(true); // aspect_ratio_info_present_flag
    if video.sample_aspect == Rational::ONE || video.sample_aspect.num() == 0 {
        bits.put(1, 8); // aspect_ratio_idc: square
    } else {
        bits.put(255, 8); // aspect_ratio_idc: Extended_SAR
        let (width, height) = sixteen_bits(video.sample_aspect);
        bits.put(width, 16);
        bits.put(height, 16);
    }
    bits.flag(false); // overscan_info_present_flag
    let matrix = match video.color.matrix {
        Matrix::Unspecified => None,
        Matrix::Bt709 => Some(1),
        Matrix::Bt601 => Some(6),
        Matrix::Bt2020 => Some(9),
    };
    let full_range = video.color.range == Range::Full;
    bits.flag(full_range || matrix.is_some()); // video_signal_type_present_flag
    if full_range || matrix.is_some() {
        bits.put(5, 3); // video_format: unspecified
        bits.flag(full_range);
        bits.flag(matrix.is_some()); // colour_description_present_flag
        if let Some(matrix) = matrix {
            bits.put(2, 8); // colour_primaries: unspecified
            bits.put(2, 8); // transfer_characteristics: unspecified
            bits.put(matrix, 8);
        }
    }
    bits.flag(false); // chroma_loc_info_present_flag
    // A tick is a field, of which a frame has two.
    let time_scale = video.frame_rate.num().checked_mul(2).filter(|scale| *scale > 0);
    bits.flag(time_scale.is_some()); // timing_info_present_flag
    if let Some(time_scale) = time_scale {
        bits.put(video.frame_rate.den(), 32);
        bits.put(time_scale, 32);
        bits.flag(!video.live); // fixed_frame_rate_flag
    }
    bits.flag(false); // nal_hrd_parameters_present_flag
    bits.flag(false); // vcl_hrd_parameters_present_flag
    bits.flag(false); // pic_struct_present_flag
    bits.flag(true); // bitstream_restriction_flag
    bits.flag(true); // motion_vectors_over_pic_boundaries_flag
    bits.ue(0); // max_bytes_per_pic_denom: no limit
    bits.ue(0); // max_bits_per_mb_denom: no limit
    bits.ue(16); // log2_max_mv_length_horizontal
    bits.ue(16); // log2_max_mv_length_vertical
    bits.ue(0); // max_num_reorder_frames
    bits.ue(references); // max_dec_frame_buffering
}

/// The nearest fraction whose parts have 16 bits.
fn sixteen_bits(ratio: Rational) -> (u32, u32) {
    let shift = 16u32.saturating_sub(ratio.num().max(ratio.den()).leading_zeros());
    (ratio.num() >> shift, (ratio.den() >> shift).max(1))
}

/// Bits, first to last. Parameter sets are short, so one to a place is no waste.
struct Bits(Vec<bool>);

impl Bits {
    /// The bits of an RBSP before its stop bit.
    fn of_rbsp(rbsp: &[u8]) -> Option<Self> {
        let mut bits: Vec<bool> =
            rbsp.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
        let stop = bits.iter().rposition(|bit| *bit)?;
        bits.truncate(stop);
        Some(Self(bits))
    }

    fn flag(&mut self, flag: bool) {
        self.0.push(flag);
    }

    fn put(&mut self, value: u32, count: u32) {
        self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
    }

    /// An unsigned Exp-Golomb code.
    fn ue(&mut self, value: u32) {
        let code = value.saturating_add(1);
        let length = u32::BITS - code.leading_zeros();
        self.put(0, length - 1);
        self.put(code, length);
    }

    fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            bits.iter().enumerate().fold(0, |byte, (at, bit)| byte | u8::from(*bit) << (7 - at))
        };
        self.0.chunks(8).map(byte).collect()
    }
}

/// A unit with emulation prevention: 03 after two zeros and before 00 to 03 (§7.4.1).
fn escape(unit: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(unit.len() + 4);
    let mut zeros = 0;
    for &byte in unit {
        if zeros == 2 && byte <= 3 {
            out.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::bitstream::h264::Sps;
    use brooklet_media::{Color, PixelFormat, TimeBase};

    /// Baseline, level 3.0, 640x360, no VUI: ue(0) 0000 … as `rusty_h264` writes it.
    fn bare_sps() -> Vec<u8> {
        let mut bits = Bits(Vec::new());
        for (value, count) in [(0x67, 8), (66, 8), (0x40, 8), (30, 8)] {
            bits.put(value, count);
        }
        for value in [0, 0, 0, 4, 1] {
            bits.ue(value);
        }
        bits.flag(false);
        bits.ue(39);
        bits.ue(22);
        for flag in [true, true, true] {
            bits.flag(flag);
        }
        for crop in [0, 0, 0, 4] {
            bits.ue(crop);
        }
        bits.flag(false);
        bits.flag(true);
        escape(&bits.bytes()).to_vec()
    }

    #[test]
    fn what_is_added_reads_back() {
        let mut video =
            VideoEncode::new(640, 360, PixelFormat::Yuv420p, Rational::new(30_000, 1_001).unwrap()).unwrap();
        video.color = Color { range: Range::Full, matrix: Matrix::Bt709 };
        video.sample_aspect = Rational::new(4, 3).unwrap();
        video.time_base = TimeBase::MPEG;
        let before = Sps::parse(&bare_sps()).unwrap();
        assert_eq!((before.width, before.height, before.reorder), (640, 360, None));
        let after = Sps::parse(&with_vui(&bare_sps(), &video, 1).unwrap()).unwrap();
        let expected = Sps {
            sample_aspect: video.sample_aspect,
            color: video.color,
            frame_rate: Some(video.frame_rate),
            reorder: Some(0),
            ..before
        };
        assert_eq!(after, expected);
    }

    #[test]
    fn a_set_that_has_one_is_left_alone() {
        let video = VideoEncode::new(640, 360, PixelFormat::Yuv420p, Rational::whole(25)).unwrap();
        let once = with_vui(&bare_sps(), &video, 1).unwrap();
        // Its last bit before the stop bit is of max_dec_frame_buffering = 1: 010.
        assert!(Sps::parse(&once).is_ok_and(|sps| sps.frame_rate == Some(Rational::whole(25))));
        assert_eq!(with_vui(&[0x67], &video, 1), None);
    }

    #[test]
    fn large_ratios_are_brought_into_16_bits() {
        assert_eq!(sixteen_bits(Rational::new(4, 3).unwrap()), (4, 3));
        let (width, height) = sixteen_bits(Rational::new(400_000, 300_001).unwrap());
        assert!(
            width < 65_536 && height < 65_536 && (f64::from(width) / f64::from(height) - 1.3333).abs() < 1e-3
        );
    }
}
