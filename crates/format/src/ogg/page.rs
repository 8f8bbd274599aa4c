//! Pages: what Ogg is cut into (RFC 3533 §6).

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Bytes before the lacing values.
pub(super) const HEAD: usize = 27;
/// The most bytes of a page.
pub(super) const MAX_PAGE: usize = HEAD + 255 + 255 * 255;

/// The first packet goes on from the page before.
pub(super) const CONTINUED: u8 = 1;
/// The first page of a stream.
pub(super) const FIRST: u8 = 2;
/// The last page of a stream.
pub(super) const LAST: u8 = 4;

/// The granule position of a page on which no packet ends.
pub(super) const NO_GRANULE: i64 = -1;

/// One page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Page {
    pub(super) flags: u8,
    pub(super) granule: i64,
    pub(super) serial: u32,
    pub(super) sequence: u32,
    /// A packet ends with the first lacing value below 255.
    pub(super) lacing: Vec<u8>,
    pub(super) body: Bytes,
}

/// What stands at the start of some bytes.
#[derive(Debug)]
pub(super) enum Found {
    Page(Page, usize),
    /// More bytes are needed to tell.
    More,
    /// No page; so many bytes can be skipped.
    Garbage(usize),
}

impl Page {
    /// Looks for a page at the start of `bytes`; its checksum must be right.
    pub(super) fn find(bytes: &[u8]) -> Found {
        if bytes.len() < 4 {
            return if b"OggS".starts_with(bytes) { Found::More } else { Found::Garbage(1) };
        }
        if !bytes.starts_with(b"OggS") {
            let next = bytes.windows(4).position(|part| part == b"OggS");
            return Found::Garbage(next.unwrap_or(bytes.len() - 3));
        }
        let Some(head) = bytes.first_chunk::<HEAD>() else { return Found::More };
        if head[4] != 0 {
            return Found::Garbage(4);
        }
        let Some(lacing) = bytes.get(HEAD..HEAD + usize::from(head[26])) else { return Found::More };
        let start = HEAD + lacing.len();
        let length = start + lacing.iter().map(|value| usize::from(*value)).sum::<usize>();
        let Some(page) = bytes.get(..length) else { return Found::More };
        let mut rest = &page[6..];
        let (granule, serial, sequence, sum) =
            (rest.get_i64_le(), rest.get_u32_le(), rest.get_u32_le(), rest.get_u32_le());
        if checksum(page) != sum {
            return Found::Garbage(4);
        }
        let body = Bytes::copy_from_slice(&page[start..]);
        let page = Self { flags: head[5], granule, serial, sequence, lacing: lacing.to_vec(), body };
        Found::Page(page, length)
    }

    /// The bytes of the page.
    pub(super) fn build(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(HEAD + self.lacing.len() + self.body.len());
        out.put_slice(b"OggS\0");
        out.put_u8(self.flags);
        out.put_i64_le(self.granule);
        out.put_u32_le(self.serial);
        out.put_u32_le(self.sequence);
        out.put_u32_le(0);
        out.put_u8(self.lacing.len() as u8);
        out.put_slice(&self.lacing);
        out.put_slice(&self.body);
        let sum = checksum(&out);
        out[22..26].copy_from_slice(&sum.to_le_bytes());
        out.freeze()
    }
}

/// The lacing values of a packet.
pub(super) fn lacing_of(length: usize) -> impl Iterator<Item = u8> {
    std::iter::repeat_n(255, length / 255).chain([(length % 255) as u8])
}

/// CRC-32 of a page, its own field taken for 0: polynomial 0x04C11DB7, most significant bit first.
fn checksum(page: &[u8]) -> u32 {
    let step = |sum: u32, byte: u8| sum << 8 ^ TABLE[usize::from((sum >> 24) as u8 ^ byte)];
    page.iter()
        .enumerate()
        .fold(0, |sum, (at, byte)| step(sum, if (22..26).contains(&at) { 0 } else { *byte }))
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 0x8000_0000 != 0 { sum << 1 ^ 0x04C1_1DB7 } else { sum << 1 };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_reads_back_and_a_damaged_one_is_none() {
        let body = Bytes::from(vec![7; 300]);
        let lacing: Vec<u8> = lacing_of(300).collect();
        let page = Page { flags: FIRST, granule: 960, serial: 5, sequence: 1, lacing, body };
        let mut bytes = page.build().to_vec();
        assert!(
            matches!(Page::find(&bytes), Found::Page(found, length) if found == page && length == bytes.len())
        );
        assert!(matches!(Page::find(&bytes[..100]), Found::More));
        bytes[50] ^= 1;
        assert!(matches!(Page::find(&bytes), Found::Garbage(4)));
        assert!(matches!(Page::find(b"junkOggS"), Found::Garbage(4)));
    }

    #[test]
    fn a_packet_of_whole_segments_ends_with_none() {
        assert_eq!(lacing_of(510).collect::<Vec<_>>(), [255, 255, 0]);
    }
}
