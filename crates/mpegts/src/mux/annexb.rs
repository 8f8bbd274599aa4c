//! H.264 and HEVC access units as a transport stream has them: start codes, a delimiter first, parameter sets in band
//! wherever decoding can start (ISO/IEC 13818-1 §2.14.1, §2.17.1).

use alloc::vec::Vec;

use brooklet_media::bitstream::h264::{self, AvcConfig};
use brooklet_media::bitstream::hevc::{self, HvcConfig};
use brooklet_media::bitstream::nal;
use brooklet_media::{CodecId, Error, Result, StreamParams};
use bytes::Bytes;

use crate::demux::NAME;

/// Any kind of slices may follow (primary_pic_type 7; pic_type 2).
const H264_DELIMITER: &[u8] = &[h264::NAL_AUD, 0xF0];
const HEVC_DELIMITER: &[u8] = &[hevc::NAL_AUD << 1, 1, 0x50];

/// Converts access units of one stream.
pub(super) struct AnnexB {
    is_hevc: bool,
    /// The parameter sets that travelled out of band.
    sets: Vec<Bytes>,
}

impl AnnexB {
    /// For a stream with these parameters. Without extradata, the parameter sets have to be in the access units.
    pub(super) fn new(params: &StreamParams) -> Result<Self> {
        let is_hevc = params.codec == CodecId::Hevc;
        let record = &params.extradata;
        let sets = match (record.is_empty(), is_hevc) {
            (true, _) => Vec::new(),
            (false, true) => HvcConfig::parse(record)?.sets,
            (false, false) => {
                let config = AvcConfig::parse(record)?;
                [config.sps, config.pps].concat()
            }
        };
        Ok(Self { is_hevc, sets })
    }

    /// Appends an access unit that is length-prefixed.
    pub(super) fn write(&self, unit: &[u8], key: bool, out: &mut Vec<u8>) -> Result<()> {
        let units = || nal::length_prefixed_units(unit, 4);
        check_lengths(unit)?;
        let (mut delimited, mut sps, mut pps) = (false, false, false);
        for (index, unit) in units().enumerate() {
            delimited |= index == 0 && self.is_delimiter(unit);
            sps |= self.is_sps(unit);
            pps |= self.is_pps(unit);
        }
        let mut units = units();
        let delimiter = if delimited { units.next() } else { None };
        let default = if self.is_hevc { HEVC_DELIMITER } else { H264_DELIMITER };
        nal::write_annexb(delimiter.unwrap_or(default), out);
        // Those in the access unit are the newer ones, unless they are not complete.
        let adds_sets = key && !(sps && pps);
        if adds_sets {
            self.sets.iter().for_each(|set| nal::write_annexb(set, out));
        }
        for unit in units {
            let doubled = adds_sets
                && (self.is_sps(unit) || self.is_pps(unit))
                && self.sets.iter().any(|set| set == unit);
            // A delimiter anywhere else would begin another access unit.
            if !doubled && !self.is_delimiter(unit) {
                nal::write_annexb(unit, out);
            }
        }
        Ok(())
    }

    fn is_delimiter(&self, unit: &[u8]) -> bool {
        if self.is_hevc {
            hevc::nal_type(unit) == hevc::NAL_AUD
        } else {
            h264::nal_type(unit) == h264::NAL_AUD
        }
    }

    fn is_sps(&self, unit: &[u8]) -> bool {
        if self.is_hevc {
            hevc::nal_type(unit) == hevc::NAL_SPS
        } else {
            h264::nal_type(unit) == h264::NAL_SPS
        }
    }

    fn is_pps(&self, unit: &[u8]) -> bool {
        if self.is_hevc {
            hevc::nal_type(unit) == hevc::NAL_PPS
        } else {
            h264::nal_type(unit) == h264::NAL_PPS
        }
    }
}

/// Whether the lengths of an access unit add up to its size.
fn check_lengths(unit: &[u8]) -> Result<()> {
    let mut rest = unit;
    while !rest.is_empty() {
        let after = rest
            .split_first_chunk()
            .and_then(|(length, after)| after.get(usize::try_from(u32::from_be_bytes(*length)).ok()?..));
        let at = (unit.len() - rest.len()) as u64;
        rest = after.ok_or_else(|| Error::invalid(NAME, at, "a NAL unit passes the end of its packet"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::{TimeBase, VideoParams};

    const SPS: &[u8] = &[0x67, 0x42, 0xC0, 0x1E, 1];
    const PPS: &[u8] = &[0x68, 0xCE, 2];
    const IDR: &[u8] = &[0x65, 0x88, 3];
    const AUD: &[u8] = &[9, 0x10];

    fn h264() -> AnnexB {
        let config = AvcConfig::from_units([SPS, PPS]).unwrap();
        let extradata = config.build();
        let params = StreamParams::video(CodecId::H264, TimeBase::MPEG, VideoParams::new(0, 0));
        AnnexB::new(&StreamParams { extradata, ..params }).unwrap()
    }

    fn written(units: &[&[u8]], key: bool) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        h264().write(&nal::to_length_prefixed(units.iter().copied()), key, &mut out).unwrap();
        nal::annexb_units(&out).map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn a_key_unit_gets_what_it_lacks_and_nothing_twice() {
        let whole = [&[9, 0xF0][..], SPS, PPS, IDR];
        assert_eq!(written(&[IDR], true), whole);
        assert_eq!(written(&[SPS, IDR], true), whole);
        assert_eq!(written(&[AUD, IDR], true), [AUD, SPS, PPS, IDR]);
        assert_eq!(written(&[AUD, SPS, PPS, IDR], true), [AUD, SPS, PPS, IDR]);
    }

    #[test]
    fn another_unit_gets_a_delimiter_only() {
        let slice = &[0x41, 0x9A, 4][..];
        assert_eq!(written(&[slice], false), [&[9, 0xF0][..], slice]);
    }

    #[test]
    fn lengths_past_the_end_are_refused() {
        assert!(h264().write(&[0, 0, 0, 9, 0x65, 1], true, &mut Vec::new()).is_err());
        assert!(h264().write(&[0, 0, 0, 1, 0x65, 1], true, &mut Vec::new()).is_err());
    }
}
