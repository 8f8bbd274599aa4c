//! What follows the head of an answer (RFC 9112 §6, §7.1).

use bytes::{Buf, Bytes, BytesMut};

use super::head::Head;

/// Bytes of a line between chunks that are read at most.
const LINE: usize = 4_096;

/// Takes the body out of the bytes of a connection.
#[derive(Debug)]
pub enum Body {
    /// So many bytes are left.
    Length(u64),
    /// In chunks.
    Chunked(Chunk),
    /// Until the connection ends.
    Rest,
}

/// Where we are among chunks.
#[derive(Debug)]
pub enum Chunk {
    /// Before a line that says how long the next is.
    Size,
    /// So many bytes are left of one.
    Data(u64),
    /// Before the end of the line behind it.
    After,
    /// Among the lines behind the last.
    Trailer,
    /// Behind all of them.
    Done,
}

impl Body {
    /// As the head says.
    pub fn of(head: &Head) -> Self {
        let is_chunked = |value: &str| value.to_ascii_lowercase().ends_with("chunked");
        if matches!(head.status, 204 | 304) || head.status < 200 {
            return Self::Length(0);
        }
        if head.header("transfer-encoding").is_some_and(is_chunked) {
            return Self::Chunked(Chunk::Size);
        }
        head.number("content-length").map_or(Self::Rest, Self::Length)
    }

    /// The next bytes of the body among those that came; `None` where more must come.
    ///
    /// # Errors
    ///
    /// What is wrong, in words, where the chunks are none.
    pub fn take(&mut self, came: &mut BytesMut) -> Result<Option<Bytes>, String> {
        match self {
            Self::Rest => Ok(some(came.split())),
            Self::Length(left) => Ok(take_some(left, came)),
            Self::Chunked(chunk) => loop {
                match chunk {
                    Chunk::Data(0) => *chunk = Chunk::After,
                    Chunk::Data(left) => return Ok(take_some(left, came)),
                    Chunk::Done => return Ok(None),
                    Chunk::Size | Chunk::After | Chunk::Trailer => {
                        let Some(line) = take_line(came)? else { return Ok(None) };
                        *chunk = match chunk {
                            Chunk::Size => match chunk_size(&line)? {
                                0 => Chunk::Trailer,
                                size => Chunk::Data(size),
                            },
                            Chunk::After if line.is_empty() => Chunk::Size,
                            Chunk::After => {
                                return Err(
                                    "its answer is in chunks that do not end where they should".into()
                                );
                            }
                            _ if line.is_empty() => Chunk::Done,
                            _ => Chunk::Trailer,
                        };
                    }
                }
            },
        }
    }

    /// Whether all of it was taken.
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunk::Done))
    }

    /// Whether the end of the connection is its proper end.
    pub const fn ends_with_connection(&self) -> bool {
        matches!(self, Self::Rest) || self.is_done()
    }
}

fn some(bytes: BytesMut) -> Option<Bytes> {
    Some(bytes.freeze()).filter(|bytes| !bytes.is_empty())
}

fn take_some(left: &mut u64, came: &mut BytesMut) -> Option<Bytes> {
    let count = came.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
    *left -= count as u64;
    some(came.split_to(count))
}

/// The next line without its end; `None` where it is not all there.
fn take_line(came: &mut BytesMut) -> Result<Option<BytesMut>, String> {
    let Some(end) = came.iter().position(|byte| *byte == b'\n') else {
        return if came.len() > LINE { Err(too_long()) } else { Ok(None) };
    };
    if end > LINE {
        return Err(too_long());
    }
    let mut line = came.split_to(end);
    came.advance(1);
    if line.last() == Some(&b'\r') {
        line.truncate(end - 1);
    }
    Ok(Some(line))
}

fn too_long() -> String {
    "its answer is in chunks whose lines do not end".into()
}

fn chunk_size(line: &[u8]) -> Result<u64, String> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let size = std::str::from_utf8(digits).ok().map(str::trim);
    let size = size.filter(|size| size.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let size = size.and_then(|size| u64::from_str_radix(size, 16).ok());
    size.ok_or_else(|| "its answer is in chunks without a size".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(body: &mut Body, bytes: &[u8], step: usize) -> Result<Vec<u8>, String> {
        let (mut came, mut out) = (BytesMut::new(), Vec::new());
        for part in bytes.chunks(step) {
            came.extend_from_slice(part);
            while let Some(bytes) = body.take(&mut came)? {
                out.extend_from_slice(&bytes);
            }
        }
        Ok(out)
    }

    #[test]
    fn chunks_with_what_else_may_stand_between() {
        let bytes = b"3;name=\"x\"\r\nabc\r\n0A\r\n0123456789\r\n0\r\nExpires: never\r\n\r\n";
        for step in [1, 2, 7, 100] {
            let mut body = Body::Chunked(Chunk::Size);
            assert_eq!(read(&mut body, bytes, step).as_deref(), Ok(&b"abc0123456789"[..]));
            assert!(body.is_done());
        }
        // Too long also where its end is there.
        let long = [&[b'0'; 5_000][..], b"\r\n\r\n"].concat();
        for bad in [
            &b"x\r\nabc"[..],
            b"-1\r\n",
            b"3\r\nabcd\r\n",
            b"\r\n",
            b"fffffffffffffffff\r\n",
            &[b'1'; 5_000],
            &long,
        ] {
            for step in [100, 10_000] {
                let mut body = Body::Chunked(Chunk::Size);
                assert!(read(&mut body, bad, step).is_err(), "{bad:?}");
            }
        }
    }

    #[test]
    fn a_length_takes_no_more_than_its_own() {
        let mut body = Body::Length(4);
        assert_eq!(read(&mut body, b"abcdef", 3).as_deref(), Ok(&b"abcd"[..]));
        assert!(
            body.is_done() && !Body::Length(1).ends_with_connection() && Body::Rest.ends_with_connection()
        );
    }

    proptest! {
        #[test]
        fn what_is_cut_into_chunks_comes_together(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..10),
            step in 1usize..50,
        ) {
            let mut bytes = Vec::new();
            for chunk in &chunks {
                bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
                bytes.extend(chunk);
                bytes.extend(b"\r\n");
            }
            bytes.extend(b"0\r\n\r\n");
            let mut body = Body::Chunked(Chunk::Size);
            prop_assert_eq!(read(&mut body, &bytes, step), Ok(chunks.concat()));
            prop_assert!(body.is_done());
        }

        #[test]
        fn anything_may_come(bytes in prop::collection::vec(any::<u8>(), 0..300), step in 1usize..50) {
            let _ = read(&mut Body::Chunked(Chunk::Size), &bytes, step);
        }
    }
}
