//! Ogg pages numbered for one listener alone: who comes in the middle gets a stream that begins at its beginning.
//!
//! The pages of all listeners hold the same packets; their headers (RFC 3533 §6) are each one's own: the number of the
//! page, the time of its end (for Opus, RFC 7845 §4, samples at 48 kHz), and the checksum over both.

use brooklet_media::bitstream::opus;
use bytes::{Bytes, BytesMut};

/// Bytes of a page before its table of segments.
const HEAD: usize = 27;
const FLAGS: usize = 5;
const GRANULE: usize = 6;
const SEQUENCE: usize = 18;
const CHECKSUM: usize = 22;
const SEGMENTS: usize = 26;
/// The flag of a page that begins in the middle of a packet.
const CONTINUED: u8 = 1;
/// The time of a page on which no packet ends.
const NO_TIME: i64 = -1;

/// The pages of one listener.
#[derive(Debug, Default)]
pub(super) struct OggPages {
    sequence: u32,
    /// The time at which this listener began, once there was sound.
    zero: Option<i64>,
}

impl OggPages {
    /// The same pages, numbered anew. `is_header` says that they hold no sound. What is no page stays as it is.
    pub(super) fn renumber(&mut self, pages: &Bytes, is_header: bool) -> Bytes {
        let mut out = BytesMut::from(&pages[..]);
        let mut rest = &mut out[..];
        while let Some(length) = page_length(rest) {
            let (page, after) = rest.split_at_mut(length);
            self.renumber_page(page, is_header);
            rest = after;
        }
        out.freeze()
    }

    fn renumber_page(&mut self, page: &mut [u8], is_header: bool) {
        let granule = i64::from_le_bytes(array(page, GRANULE));
        if !is_header && granule != NO_TIME {
            let zero = *self.zero.get_or_insert_with(|| granule.saturating_sub(samples(page)));
            page[GRANULE..GRANULE + 8].copy_from_slice(&granule.saturating_sub(zero).to_le_bytes());
        }
        page[SEQUENCE..SEQUENCE + 4].copy_from_slice(&self.sequence.to_le_bytes());
        self.sequence = self.sequence.wrapping_add(1);
        page[CHECKSUM..CHECKSUM + 4].fill(0);
        let sum = checksum(page);
        page[CHECKSUM..CHECKSUM + 4].copy_from_slice(&sum.to_le_bytes());
    }
}

/// Bytes of the page that begins here; `None` where none does, or not all of it is here.
fn page_length(bytes: &[u8]) -> Option<usize> {
    if !bytes.starts_with(b"OggS\0") {
        return None;
    }
    let segments = usize::from(*bytes.get(SEGMENTS)?);
    let table = bytes.get(HEAD..HEAD + segments)?;
    let length = HEAD + segments + table.iter().map(|size| usize::from(*size)).sum::<usize>();
    (length <= bytes.len()).then_some(length)
}

/// Samples at 48 kHz of the Opus packets that end on a page.
fn samples(page: &[u8]) -> i64 {
    let segments = usize::from(page[SEGMENTS]);
    let (mut at, mut start, mut sum) = (HEAD + segments, HEAD + segments, 0);
    let mut is_whole = page[FLAGS] & CONTINUED == 0;
    for size in &page[HEAD..HEAD + segments] {
        at += usize::from(*size);
        if *size < 255 {
            if is_whole {
                sum += opus::packet_samples(&page[start..at]).map_or(0, i64::from);
            }
            (start, is_whole) = (at, true);
        }
    }
    sum
}

/// The CRC of RFC 3533: polynomial 0x04C11DB7, not reflected, from 0.
fn checksum(page: &[u8]) -> u32 {
    page.iter().fold(0, |sum, byte| sum << 8 ^ TABLE[usize::from((sum >> 24) as u8 ^ byte)])
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut number = 0;
    while number < 256 {
        let (mut sum, mut bit) = ((number as u32) << 24, 0);
        while bit < 8 {
            sum = if sum >> 31 == 1 { sum << 1 ^ 0x04C1_1DB7 } else { sum << 1 };
            bit += 1;
        }
        table[number] = sum;
        number += 1;
    }
    table
};

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of 20 ms packets.
    fn page(sequence: u32, granule: i64, packets: &[&[u8]]) -> Vec<u8> {
        let mut page = b"OggS\0\0".to_vec();
        page.extend(granule.to_le_bytes());
        page.extend(7u32.to_le_bytes());
        page.extend(sequence.to_le_bytes());
        page.extend([0; 4]);
        page.push(packets.len() as u8);
        page.extend(packets.iter().map(|packet| packet.len() as u8));
        page.extend(packets.concat());
        let sum = checksum(&page);
        page[CHECKSUM..CHECKSUM + 4].copy_from_slice(&sum.to_le_bytes());
        page
    }

    /// A checksum that libogg wrote.
    #[test]
    fn checksums_are_those_of_others() {
        // "123456789" under CRC-32 of polynomial 04C11DB7, not reflected, from 0, as catalogues give it for
        // initial value 0 and no final inversion.
        assert_eq!(checksum(b"123456789"), 0x89A1_897F);
    }

    #[test]
    fn who_comes_in_the_middle_begins_at_zero() {
        let packet: &[u8] = &[0xF8, 1, 2]; // CELT, 20 ms, one frame
        let header = page(0, 0, &[b"OpusHead"]);
        let live = [page(100, 96_000, &[packet, packet]), page(101, 96_960, &[packet])].concat();
        let mut pages = OggPages::default();
        let head = pages.renumber(&header.clone().into(), true);
        assert_eq!(head, header);
        let out = pages.renumber(&live.into(), false);
        let expected = [page(1, 1_920, &[packet, packet]), page(2, 2_880, &[packet])].concat();
        assert_eq!(out, expected);
    }

    #[test]
    fn what_is_no_page_stays() {
        let mut pages = OggPages::default();
        for bytes in [&b"OggS"[..], b"OggS\0\0 much too short", b"anything", b""] {
            assert_eq!(pages.renumber(&Bytes::copy_from_slice(bytes), false), bytes);
        }
    }
}
