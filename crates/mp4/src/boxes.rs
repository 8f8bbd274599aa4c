//! Boxes: how they are headed, and the fields inside them (ISO/IEC 14496-12 §4.2).

use brooklet_media::{Error, Result};
use bytes::Bytes;

/// The name of the format in errors.
pub(crate) const NAME: &str = "mp4";

/// A box's type: four bytes, mostly letters.
pub(crate) type FourCc = [u8; 4];

/// A type as people read it; bytes that are not letters show as `.`.
pub(crate) fn show(kind: FourCc) -> String {
    kind.iter().map(|byte| if (0x20..0x7F).contains(byte) { char::from(*byte) } else { '.' }).collect()
}

/// What stands before a box.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) kind: FourCc,
    /// Bytes of the header itself: 8, or 16 with a 64-bit size.
    pub(crate) bytes: u64,
    /// Bytes of the box, header included; `None` for one that reaches to the end of what holds it.
    pub(crate) size: Option<u64>,
}

impl Header {
    /// The most bytes that a header has.
    pub(crate) const MAX_BYTES: usize = 16;

    /// Reads the header of the box at `at` bytes from the start of the input; `Ok(None)` where it is not whole.
    pub(crate) fn parse(bytes: &[u8], at: u64) -> Result<Option<Self>> {
        let Some((head, rest)) = bytes.split_first_chunk::<8>() else { return Ok(None) };
        let kind = [head[4], head[5], head[6], head[7]];
        let header = match u32::from_be_bytes([head[0], head[1], head[2], head[3]]) {
            0 => Self { kind, bytes: 8, size: None },
            1 => {
                let Some(size) = rest.first_chunk() else { return Ok(None) };
                Self { kind, bytes: 16, size: Some(u64::from_be_bytes(*size)) }
            }
            size => Self { kind, bytes: 8, size: Some(u64::from(size)) },
        };
        match header.size {
            Some(size) if size < header.bytes => {
                let what = format!("a box '{}' of {size} bytes, fewer than its header", show(kind));
                Err(Error::invalid(NAME, at, what))
            }
            _ => Ok(Some(header)),
        }
    }
}

/// The inside of a box, read from its front. It shares the bytes of the box that holds it.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) kind: FourCc,
    /// Where the next field stands, in bytes from the start of the input.
    pub(crate) at: u64,
    pub(crate) bytes: Bytes,
}

impl Body {
    pub(crate) const fn new(kind: FourCc, at: u64, bytes: Bytes) -> Self {
        Self { kind, at, bytes }
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u24(&mut self) -> Result<u32> {
        self.array().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A 64-bit field in version 1 of a box, 32 bits in version 0.
    pub(crate) fn u64_if(&mut self, wide: bool) -> Result<u64> {
        if wide { self.u64() } else { self.u32().map(u64::from) }
    }

    pub(crate) fn four_cc(&mut self) -> Result<FourCc> {
        self.array()
    }

    /// Version and flags of a full box.
    pub(crate) fn version_and_flags(&mut self) -> Result<(u8, u32)> {
        Ok((self.u8()?, self.u24()?))
    }

    pub(crate) fn skip(&mut self, count: usize) -> Result<()> {
        self.take(count).map(drop)
    }

    /// The next `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Result<Bytes> {
        if count > self.bytes.len() {
            return Err(self.ended());
        }
        self.at += count as u64;
        Ok(self.bytes.split_to(count))
    }

    /// The rows of a table that claims `count` of them, as many as are really there.
    pub(crate) fn rows(&mut self, count: u32, row_bytes: usize) -> Bytes {
        let there = self.bytes.len() / row_bytes;
        let count = usize::try_from(count).map_or(there, |count| count.min(there));
        self.bytes.slice(..count * row_bytes)
    }

    /// The boxes inside. One that passes the end is cut there, as other readers do.
    pub(crate) fn children(mut self) -> impl Iterator<Item = Body> {
        std::iter::from_fn(move || {
            let header = Header::parse(&self.bytes, self.at).ok()??;
            let here = self.bytes.len() as u64;
            let size = header.size.unwrap_or(here).min(here);
            let mut child = self.take(usize::try_from(size).ok()?).ok()?;
            let at = self.at - size + header.bytes;
            Some(Body::new(header.kind, at, child.split_off(child.len().min(header.bytes as usize))))
        })
    }

    /// The first box of this kind inside.
    pub(crate) fn child(&self, kind: &FourCc) -> Option<Body> {
        self.clone().children().find(|child| child.kind == *kind)
    }

    /// The first box at the end of this path.
    pub(crate) fn descend(&self, path: &[&FourCc]) -> Option<Body> {
        path.iter().try_fold(self.clone(), |body, kind| body.child(kind))
    }

    /// The error of a box that lacks or forges something.
    pub(crate) fn invalid(&self, what: impl AsRef<str>) -> Error {
        Error::invalid(NAME, self.at, format!("box '{}': {}", show(self.kind), what.as_ref()))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let field = *self.bytes.first_chunk().ok_or_else(|| self.ended())?;
        self.skip(N)?;
        Ok(field)
    }

    fn ended(&self) -> Error {
        self.invalid("it ends inside a field")
    }
}

/// The big-endian number in row `index` of a table of 32-bit numbers.
pub(crate) fn u32_at(table: &[u8], index: usize) -> Option<u32> {
    let start = index.checked_mul(4)?;
    Some(u32::from_be_bytes(*table.get(start..)?.first_chunk()?))
}

/// The big-endian number in row `index` of a table of 64-bit numbers.
pub(crate) fn u64_at(table: &[u8], index: usize) -> Option<u64> {
    let start = index.checked_mul(8)?;
    Some(u64::from_be_bytes(*table.get(start..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_three_kinds() {
        let plain = Header::parse(b"\0\0\0\x09freeX", 0).unwrap().unwrap();
        assert_eq!((plain.kind, plain.bytes, plain.size), (*b"free", 8, Some(9)));
        let wide = Header::parse(b"\0\0\0\x01mdat\0\0\0\x01\0\0\0\0", 0).unwrap().unwrap();
        assert_eq!((wide.bytes, wide.size), (16, Some(1 << 32)));
        assert_eq!(Header::parse(b"\0\0\0\0mdat", 0).unwrap().unwrap().size, None);
    }

    #[test]
    fn half_a_header_waits_and_a_forged_size_is_refused() {
        assert_eq!(Header::parse(b"\0\0\0\x01mdat\0\0", 0), Ok(None));
        assert_eq!(Header::parse(b"\0\0\0", 0), Ok(None));
        let error = Header::parse(b"\0\0\0\x07mdat", 40).unwrap_err();
        assert_eq!(error.to_string(), "mp4: a box 'mdat' of 7 bytes, fewer than its header at byte 40");
    }

    #[test]
    fn a_child_that_passes_its_parent_is_cut() {
        let body = Body::new(*b"moov", 8, Bytes::from_static(b"\0\0\0\x09aaaa1\0\0\0\xFFbbbb23"));
        let children: Vec<_> = body.children().map(|child| (child.kind, child.at, child.bytes)).collect();
        assert_eq!(children[0], (*b"aaaa", 16, Bytes::from_static(b"1")));
        assert_eq!(children[1], (*b"bbbb", 25, Bytes::from_static(b"23")));
    }

    #[test]
    fn a_table_holds_no_more_rows_than_bytes() {
        let mut body = Body::new(*b"stts", 0, Bytes::from_static(&[0; 20]));
        assert_eq!(body.rows(u32::MAX, 8).len(), 16);
        assert_eq!(body.rows(1, 8).len(), 8);
    }
}
