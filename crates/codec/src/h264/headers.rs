//! As much of parameter sets and slice headers as it takes to know which picture a slice belongs to.

use std::sync::Arc;

use brooklet_media::bitstream::bits::BitReader;
use brooklet_media::bitstream::h264::{PocType, Sps};
use brooklet_media::bitstream::nal;
use brooklet_media::{Error, Result};

use super::NAME;

/// The most bytes that the pictures of one stream may take: a forged size is refused before the library sees it.
///
/// Of 8-bit 4:2:0, it is enough for 3840x2160 with all the reference pictures of level 5.1, and for 1920x1080
/// with 16 of them; 7680x4320 is refused.
const MAX_PICTURE_BYTES: u64 = 384 << 20;

/// Bytes of a slice that surely hold the part of its header that [`SliceHead`] is of: four codes of at most 9
/// bytes with their escapes, and 20 bits.
const HEAD_BYTES: usize = 48;

/// The parameter sets that slices refer to.
#[derive(Default)]
pub(super) struct ParameterSets {
    sps: [Option<Arc<Sps>>; 32],
    /// For each picture parameter set, the sequence parameter set that it refers to.
    sps_of_pps: Vec<Option<u8>>,
}

impl ParameterSets {
    /// Takes a sequence parameter set.
    ///
    /// # Errors
    ///
    /// Where it is damaged, or its pictures would take too much memory; the one before it then stands.
    pub(super) fn take_sps(&mut self, unit: &[u8]) -> Result<()> {
        let sps = Sps::parse(unit)?;
        Error::check_limit(
            NAME,
            "memory for decoded pictures in bytes",
            picture_bytes(&sps),
            MAX_PICTURE_BYTES,
        )?;
        let id = usize::from(sps.id);
        if let Some(place) = self.sps.get_mut(id) {
            *place = Some(Arc::new(sps));
        }
        Ok(())
    }

    /// Takes a picture parameter set.
    ///
    /// # Errors
    ///
    /// Where it is damaged.
    pub(super) fn take_pps(&mut self, unit: &[u8]) -> Result<()> {
        let rbsp = nal::unescape(unit.get(..HEAD_BYTES).unwrap_or(unit));
        let mut bits = BitReader::new(NAME, &rbsp);
        bits.skip(8)?;
        let (id, sps) = (bits.ue()?, bits.ue()?);
        if id > 255 || sps > 31 {
            return Err(Error::invalid(NAME, 0, "picture parameter set: an id is out of range"));
        }
        self.sps_of_pps.resize(256, None);
        if let Some(place) = self.sps_of_pps.get_mut(id as usize) {
            *place = Some(sps as u8);
        }
        Ok(())
    }

    /// The first fields of a slice's header (§7.3.3).
    ///
    /// # Errors
    ///
    /// Where it is damaged, or refers to a parameter set that is not there.
    pub(super) fn slice_head(&self, unit: &[u8]) -> Result<SliceHead> {
        let rbsp = nal::unescape(unit.get(..HEAD_BYTES).unwrap_or(unit));
        let mut bits = BitReader::new(NAME, &rbsp);
        bits.skip(8)?;
        let (first_mb, kind, pps) = (bits.ue()?, bits.ue()?, bits.ue()?);
        let sps = self.sps_of_pps.get(pps as usize).copied().flatten();
        let sps = sps.and_then(|id| self.sps.get(usize::from(id)).and_then(Option::as_ref));
        let sps = sps.ok_or_else(|| Error::invalid(NAME, 0, "a slice without its parameter sets"))?;
        if sps.separate_planes {
            bits.skip(2)?; // colour_plane_id
        }
        let frame_num = bits.bits(sps.log2_max_frame_num.into())?;
        let field = match !sps.frame_mbs_only && bits.flag()? {
            true if bits.flag()? => Some(Parity::Bottom),
            true => Some(Parity::Top),
            false => None,
        };
        Ok(SliceHead {
            first_mb,
            bidirectional: kind % 5 == 1,
            intra: kind % 5 == 2,
            frame_num,
            field,
            sps: Arc::clone(sps),
        })
    }
}

/// What the header of a slice says first.
#[derive(Clone)]
pub(super) struct SliceHead {
    /// first_mb_in_slice; 0 where a picture begins.
    pub(super) first_mb: u32,
    /// Whether it is a B slice.
    pub(super) bidirectional: bool,
    /// Whether it is an I slice.
    pub(super) intra: bool,
    pub(super) frame_num: u32,
    /// Which field it is of, where its picture is one field of a frame.
    pub(super) field: Option<Parity>,
    pub(super) sps: Arc<Sps>,
}

/// One of the two fields of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Parity {
    Top,
    Bottom,
}

/// How many pictures can be waiting to be shown: what the VUI says; else none where the profile or the picture
/// order forbids it; else as many as the level lets a decoder hold.
pub(super) fn reorder_depth(sps: &Sps) -> usize {
    let intra_only = sps.profile_idc == 44
        || matches!(sps.profile_idc, 100 | 110 | 122 | 244) && sps.constraints & 0x10 != 0;
    let in_order = sps.profile_idc == 66 || sps.poc == PocType::DecodingOrder || intra_only;
    let most = if in_order { 0 } else { sps.max_dpb_frames() };
    sps.reorder.unwrap_or(most).into()
}

/// recovery_frame_cnt of a recovery_point message (§D.1.8) among those of a supplemental enhancement information
/// unit: after how many reference pictures those that are decoded from here on are whole.
pub(super) fn recovery_point(unit: &[u8]) -> Option<u32> {
    let rbsp = nal::unescape(unit);
    let mut rest = rbsp.get(1..)?;
    // Each message: its type and its size as runs of 255 and a last byte, then its bytes.
    let number = |rest: &mut &[u8]| {
        let run = rest.iter().take_while(|byte| **byte == 0xFF).count();
        let last = usize::from(*rest.get(run)?);
        *rest = &rest[run + 1..];
        Some(run * 255 + last)
    };
    loop {
        let (kind, size) = (number(&mut rest)?, number(&mut rest)?);
        let (message, later) = rest.split_at_checked(size)?;
        if kind == 6 {
            return BitReader::new(NAME, message).ue().ok();
        }
        rest = later;
    }
}

/// A generous estimate of the memory for decoding a stream: reference pictures with their motion, pictures
/// waiting to be shown, and the one being decoded.
fn picture_bytes(sps: &Sps) -> u64 {
    let pixels = u64::from(sps.mbs_wide * sps.mbs_high) * 256;
    let sample_bytes = if sps.bit_depth > 8 { 2 } else { 1 };
    // In eighths of a byte to a pixel: samples of a picture, motion of a reference, state while decoding.
    let samples = sample_bytes * if sps.chroma_format > 1 { 16 } else { 12 };
    let (motion, state) = (9, 48);
    let references = u64::from(sps.max_ref_frames);
    let waiting = reorder_depth(sps) as u64 + 3;
    pixels * (references * (samples + motion) + waiting * samples + state) / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// x264, 1280x720, High, level 3.1, two reorder frames, and a picture parameter set.
    const SPS: &[u8] = &[
        0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x6c, 0x80, 0x00, 0x00, 0x03, 0x00,
        0x80, 0x00, 0x00, 0x1e, 0x07, 0x8c, 0x18, 0xcb,
    ];
    const PPS: &[u8] = &[0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0];

    #[test]
    fn a_slice_finds_its_parameter_sets() {
        let mut sets = ParameterSets::default();
        let slice = [0x65, 0x88, 0x84, 0x00, 0x33];
        assert!(sets.slice_head(&slice).is_err());
        sets.take_sps(SPS).unwrap();
        sets.take_pps(PPS).unwrap();
        let head = sets.slice_head(&slice).unwrap();
        assert_eq!((head.first_mb, head.intra, head.frame_num, head.field), (0, true, 0, None));
        assert_eq!(head.sps.width, 1280);
    }

    #[test]
    fn a_forged_size_is_refused() {
        // Baseline, level 6.2, 8192x8192 with 16 reference pictures:
        // ue(0) ue(0) ue(2) ue(16) 0 ue(511) ue(511) 1 1 0 0, then the stop bit.
        let bits = "1 1 011 000010001 0 0000000001000000000 0000000001000000000 1 1 0 0 1".replace(' ', "");
        let mut unit = vec![0x67, 66, 0, 62];
        for byte in bits.as_bytes().chunks(8) {
            let value = byte.iter().fold(0, |value, bit| value << 1 | (bit - b'0'));
            unit.push(value << (8 - byte.len()));
        }
        assert_eq!(Sps::parse(&unit).map(|sps| (sps.width, sps.max_ref_frames)), Ok((8192, 16)));
        let refused = ParameterSets::default().take_sps(&unit).unwrap_err();
        assert!(refused.to_string().contains("memory for decoded pictures"), "{refused}");
    }

    #[test]
    fn a_recovery_point_is_found_among_messages() {
        assert_eq!(recovery_point(&[6, 1, 2, 0xAA, 0xBB, 6, 1, 0xC4, 0x80]), Some(0));
        assert_eq!(recovery_point(&[6, 6, 2, 0x0F, 0x40, 0x80]), Some(29));
        assert_eq!(recovery_point(&[6, 5, 3, 6, 1, 0xC4, 0x80]), None);
        assert_eq!(recovery_point(&[6, 0xFF, 0xFF]), None);
    }
}
