//! NAL units in their two wrappings: start codes (ISO/IEC 14496-10 Annex B) and lengths (14496-15).

use alloc::format;
use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use crate::{Error, Result};

/// What stands before each unit that we write in Annex B form.
pub const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// The units of an Annex B byte stream, without start codes and trailing zeros. Bytes before the first start
/// code are left out; empty units too.
pub fn annexb_units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut next = find_start_code(stream, 0).map(|(_, after)| after);
    core::iter::from_fn(move || {
        loop {
            let start = next?;
            let (end, after) = match find_start_code(stream, start) {
                Some((at, after)) => (at, Some(after)),
                None => (stream.len(), None),
            };
            next = after;
            let unit = stream.get(start..end)?;
            let unit = &unit[..unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)];
            if !unit.is_empty() {
                return Some(unit);
            }
        }
    })
}

/// The first start code at or after `from`: where its zeros begin (two or three of them), and where it ends.
pub fn find_start_code(stream: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    // The last of the three bytes decides how far to jump: over 1 means none of the three starts a code.
    while at + 2 < stream.len() {
        match stream[at + 2] {
            0 => at += 1,
            1 if stream[at] == 0 && stream[at + 1] == 0 => {
                let begin = if at > from && stream[at - 1] == 0 { at - 1 } else { at };
                return Some((begin, at + 3));
            }
            _ => at += 3,
        }
    }
    None
}

/// The units of a length-prefixed access unit, `length_size` (1 to 4) bytes to a length. A length past the end
/// yields what is there and ends.
pub fn length_prefixed_units(unit: &[u8], length_size: usize) -> impl Iterator<Item = &[u8]> {
    let mut rest = unit;
    core::iter::from_fn(move || {
        loop {
            let (prefix, after) = rest.split_at_checked(length_size)?;
            let length = prefix.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
            let (nal, later) = after.split_at(length.min(after.len()));
            rest = later;
            if !nal.is_empty() {
                return Some(nal);
            }
        }
    })
}

/// Length-prefixes `units` with 4 bytes each: the form in which H.264 and HEVC travel in a [`crate::Packet`].
pub fn to_length_prefixed<'a>(units: impl IntoIterator<Item = &'a [u8]>) -> Bytes {
    let mut out = BytesMut::new();
    for unit in units {
        // A unit lies in memory that a limit was checked for, so its length fits.
        out.put_u32(unit.len() as u32);
        out.put_slice(unit);
    }
    out.freeze()
}

/// Appends one unit with a start code.
pub fn write_annexb(unit: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&START_CODE);
    out.extend_from_slice(unit);
}

/// A packet whose lengths have 1 to 3 bytes, rewritten to 4; one of 4 is handed back as it is.
///
/// # Errors
///
/// [`Error::Invalid`] where `length_size` is not 1 to 4.
pub fn widen_lengths(unit: Bytes, length_size: usize) -> Result<Bytes> {
    match length_size {
        4 => Ok(unit),
        1..=3 => Ok(to_length_prefixed(length_prefixed_units(&unit, length_size))),
        _ => Err(Error::invalid("h264", 4, format!("lengths of {length_size} bytes"))),
    }
}

/// A unit without its emulation prevention bytes (00 00 03 → 00 00): the RBSP.
pub fn unescape(unit: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(unit.len());
    let mut zeros = 0;
    for &byte in unit {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn start_codes_of_both_lengths_and_trailing_zeros() {
        let stream = [9, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 0, 0, 1, 0x65, 0, 0];
        let units: Vec<_> = annexb_units(&stream).collect();
        assert_eq!(units, [&[0x67, 1][..], &[0x68, 2], &[0x65]]);
    }

    #[test]
    fn a_length_past_the_end_yields_what_is_there() {
        assert_eq!(
            length_prefixed_units(&[0, 2, 1, 2, 0, 9, 3], 2).collect::<Vec<_>>(),
            [&[1u8, 2][..], &[3]]
        );
    }

    #[test]
    fn escapes_are_removed() {
        assert_eq!(unescape(&[1, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3]), [1, 0, 0, 1, 0, 0, 0, 0]);
    }

    proptest! {
        #[test]
        fn both_wrappings_hold_the_same_units(units in prop::collection::vec(prop::collection::vec(1u8.., 1..50), 0..8)) {
            let prefixed = to_length_prefixed(units.iter().map(Vec::as_slice));
            let read: Vec<_> = length_prefixed_units(&prefixed, 4).map(<[u8]>::to_vec).collect();
            prop_assert_eq!(&read, &units);
            let mut stream = Vec::new();
            units.iter().for_each(|unit| write_annexb(unit, &mut stream));
            let read: Vec<_> = annexb_units(&stream).map(<[u8]>::to_vec).collect();
            prop_assert_eq!(read, units);
        }
    }
}
