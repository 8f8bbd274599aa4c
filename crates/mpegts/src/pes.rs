//! PES packets: what an elementary stream is cut into, with its times (ISO/IEC 13818-1 §2.4.3.6).

use alloc::vec::Vec;

use crate::clock::WRAP;

/// stream_id of the first MPEG audio stream (table 2-22).
pub(crate) const AUDIO: u8 = 0xC0;
/// stream_id of the first video stream.
pub(crate) const VIDEO: u8 = 0xE0;
/// stream_id of private_stream_1: AC-3, Opus, subtitles.
pub(crate) const PRIVATE_1: u8 = 0xBD;

/// Start code prefix, stream_id and PES_packet_length.
const FIXED: usize = 6;
/// Two bytes of flags and PES_header_data_length.
const OPTIONAL: usize = 3;
const TIME: usize = 5;

/// The times in a PES header, 33 bits each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Times {
    /// Presentation time stamp, ticks of 90 kHz.
    pub(crate) pts: i64,
    /// Decoding time stamp, ticks of 90 kHz; equal to the pts where the header has none.
    pub(crate) dts: i64,
}

/// A PES header, read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PesHeader {
    /// What kind of stream.
    pub(crate) stream_id: u8,
    /// When the first access unit that begins in this PES packet is due.
    pub(crate) times: Option<Times>,
    /// Bytes of the header.
    pub(crate) size: usize,
    /// Bytes that follow it; `None` where the next PES packet ends this one (allowed for video only).
    pub(crate) payload: Option<usize>,
}

/// What comes of reading a PES header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PesStart {
    /// A header.
    Header(PesHeader),
    /// It goes on after these bytes.
    Incomplete,
    /// There is none.
    Invalid,
}

impl PesHeader {
    /// Bytes of the longest header.
    pub(crate) const MAX: usize = FIXED + OPTIONAL + 255;

    /// Reads a header from the first bytes of a PES packet.
    pub(crate) fn parse(bytes: &[u8]) -> PesStart {
        if !bytes.starts_with(&[0, 0, 1][..bytes.len().min(3)]) {
            return PesStart::Invalid;
        }
        let Some((&[_, _, _, stream_id, high, low], rest)) = bytes.split_first_chunk::<FIXED>() else {
            return PesStart::Incomplete;
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (times, size) = if has_optional_header(stream_id) {
            let Some((&[marker, flags, extra], rest)) = rest.split_first_chunk::<OPTIONAL>() else {
                return PesStart::Incomplete;
            };
            if marker & 0xC0 != 0x80 {
                return PesStart::Invalid;
            }
            let Some(fields) = rest.get(..usize::from(extra)) else { return PesStart::Incomplete };
            (read_times(flags, fields), FIXED + OPTIONAL + usize::from(extra))
        } else {
            (None, FIXED)
        };
        let payload = match length {
            0 => None,
            _ => match (FIXED + length).checked_sub(size) {
                None => return PesStart::Invalid,
                known => known,
            },
        };
        PesStart::Header(Self { stream_id, times, size, payload })
    }

    /// Appends the header of a PES packet that holds an access unit; its length is set afterwards.
    pub(crate) fn write(stream_id: u8, times: Times, out: &mut Vec<u8>) {
        let has_dts = times.dts != times.pts;
        out.extend([0, 0, 1, stream_id, 0, 0]);
        // data_alignment_indicator: the payload begins with the access unit.
        out.extend([0x84, if has_dts { 0xC0 } else { 0x80 }, if has_dts { 2 * TIME } else { TIME } as u8]);
        out.extend(time_field(if has_dts { 0b0011 } else { 0b0010 }, times.pts));
        if has_dts {
            out.extend(time_field(0b0001, times.dts));
        }
    }

    /// Sets the length of the PES packet that is all of `pes`; it stays open where it is more than 16 bits hold.
    pub(crate) fn set_length(pes: &mut [u8]) {
        let length = u16::try_from(pes.len().saturating_sub(FIXED)).unwrap_or(0);
        if let Some(place) = pes.get_mut(4..FIXED) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }
}

/// Whether flags and times follow the length (§2.4.3.7): not for maps, padding, private_stream_2, ECM, EMM,
/// DSM-CC, H.222.1 type E and the directory.
const fn has_optional_header(stream_id: u8) -> bool {
    !matches!(stream_id, 0xBC | 0xBE | 0xBF | 0xF0 | 0xF1 | 0xF2 | 0xF8 | 0xFF)
}

fn read_times(flags: u8, fields: &[u8]) -> Option<Times> {
    let (pts, rest) = fields.split_first_chunk()?;
    let pts = (flags & 0x80 != 0).then(|| read_time(pts)).flatten()?;
    let dts = (flags & 0x40 != 0).then(|| rest.first_chunk().and_then(read_time)).flatten();
    Some(Times { pts, dts: dts.unwrap_or(pts) })
}

/// 33 bits in three groups, each followed by a marker bit; `None` where a marker is missing.
fn read_time(field: &[u8; TIME]) -> Option<i64> {
    let [a, b, c, d, e] = field.map(i64::from);
    let marked = a & c & e & 1 == 1;
    marked.then_some((a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1)
}

fn time_field(prefix: u8, time: i64) -> [u8; TIME] {
    let time = time.rem_euclid(WRAP) as u64;
    [
        prefix << 4 | (time >> 29) as u8 & 0x0E | 1,
        (time >> 22) as u8,
        (time >> 14) as u8 | 1,
        (time >> 7) as u8,
        (time << 1) as u8 | 1,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_header_of_ffmpeg() {
        let bytes = [
            0, 0, 1, 0xE0, 0, 0, 0x80, 0xC0, 0x0A, 0x31, 0x00, 0x09, 0x10, 0xA1, 0x11, 0x00, 0x07, 0xD8, 0x61,
        ];
        let PesStart::Header(header) = PesHeader::parse(&bytes) else { panic!("no header") };
        assert_eq!((header.stream_id, header.size, header.payload), (VIDEO, 19, None));
        assert_eq!(header.times, Some(Times { pts: 133_200, dts: 126_000 }));
        for short in 0..bytes.len() {
            assert_eq!(PesHeader::parse(&bytes[..short]), PesStart::Incomplete);
        }
    }

    #[test]
    fn a_length_shorter_than_the_header_is_refused() {
        assert_eq!(PesHeader::parse(&[0, 0, 1, AUDIO, 0, 2, 0x80, 0, 0]), PesStart::Invalid);
        assert_eq!(PesHeader::parse(&[0, 0, 2]), PesStart::Invalid);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(pts in 0..WRAP, dts in 0..WRAP, payload in 0usize..70_000) {
            let mut out = Vec::new();
            PesHeader::write(AUDIO, Times { pts, dts }, &mut out);
            let size = out.len();
            out.resize(size + payload, 0);
            PesHeader::set_length(&mut out);
            let PesStart::Header(header) = PesHeader::parse(&out) else { panic!("no header") };
            prop_assert_eq!(header.times, Some(Times { pts, dts }));
            prop_assert_eq!(header.size, size);
            let fits = out.len() - FIXED <= 0xFFFF;
            prop_assert_eq!(header.payload, fits.then_some(payload));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = PesHeader::parse(&bytes);
        }
    }
}
