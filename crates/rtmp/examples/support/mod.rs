//! What the examples share: the time, a socket, FLV files. None of it is in the crate, which knows bytes alone.
#![allow(dead_code)] // Each example uses its part.

use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, BufReader, BufWriter, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use brooklet_flv::{Tag, TagKind};
use brooklet_media::Timestamp;
use bytes::Bytes;

/// Whatever can go wrong.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The time since it was made.
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.0.elapsed()
    }
}

/// Numbers that are hard to guess, from the standard library's hasher.
pub(crate) fn random() -> [u8; 1528] {
    let mut random = [0; 1528];
    for chunk in random.chunks_mut(8) {
        chunk.copy_from_slice(&RandomState::new().build_hasher().finish().to_ne_bytes());
    }
    random
}

/// What came of waiting for bytes.
pub(crate) enum Received {
    Bytes(usize),
    Nothing,
    Closed,
}

/// Waits for bytes until `until`, but at most a second.
pub(crate) fn receive(
    socket: &mut TcpStream,
    buffer: &mut [u8],
    clock: &Clock,
    until: Timestamp,
) -> Result<Received> {
    let wait = until.since(clock.now()).clamp(Duration::from_millis(1), Duration::from_secs(1));
    socket.set_read_timeout(Some(wait))?;
    match socket.read(buffer) {
        Ok(0) => Ok(Received::Closed),
        Ok(length) => Ok(Received::Bytes(length)),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            Ok(Received::Nothing)
        }
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(Received::Closed),
        Err(error) => Err(error.into()),
    }
}

/// Writes segments in as few calls as may be, and forgets them.
pub(crate) fn transmit(socket: &mut TcpStream, segments: &mut Vec<Bytes>) -> io::Result<()> {
    let mut slices: Vec<IoSlice> = segments.iter().map(|segment| IoSlice::new(segment)).collect();
    let mut rest = &mut slices[..];
    while !rest.is_empty() {
        let written = socket.write_vectored(rest)?;
        IoSlice::advance_slices(&mut rest, written);
    }
    segments.clear();
    Ok(())
}

/// When tags are due: the first frame at once, the others as far from it as their times are.
pub(crate) struct Pace {
    start: Timestamp,
    first: Option<i64>,
}

impl Pace {
    pub(crate) fn from(start: Timestamp) -> Self {
        Self { start, first: None }
    }

    pub(crate) fn due(&mut self, tag: &Tag) -> Timestamp {
        if self.first.is_none() && (tag.kind == TagKind::Script || tag.is_sequence_header()) {
            return self.start;
        }
        let first = *self.first.get_or_insert(tag.timestamp);
        Timestamp::from_nanos(
            self.start.as_nanos() + Timestamp::from_millis(tag.timestamp - first).as_nanos(),
        )
    }
}

/// Closes the sending side, then waits for the other, but at most a second: to close with bytes unread is to reset
/// the connection, and the peer may lose what it has not read yet.
pub(crate) fn close(mut socket: TcpStream) -> Result<()> {
    // The peer may have been faster.
    let _ = socket.shutdown(Shutdown::Write);
    let (clock, mut buffer) = (Clock::new(), [0; 4096]);
    let until = clock.now() + Duration::from_secs(1);
    while clock.now() < until {
        if !matches!(receive(&mut socket, &mut buffer, &clock, until)?, Received::Bytes(_)) {
            break;
        }
    }
    Ok(())
}

/// Tags from an FLV file.
pub(crate) struct FlvFile {
    file: BufReader<File>,
    last: i64,
}

impl FlvFile {
    pub(crate) fn open(path: &str) -> Result<Self> {
        let mut file = BufReader::new(File::open(path)?);
        let mut header = [0; 13];
        file.read_exact(&mut header)?;
        if &header[..3] == b"FLV" { Ok(Self { file, last: 0 }) } else { Err("not an FLV file".into()) }
    }

    pub(crate) fn next_tag(&mut self) -> Result<Option<Tag>> {
        let mut header = [0; Tag::HEADER];
        match self.file.read_exact(&mut header) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let kind = TagKind::from_wire(header[0]).ok_or("an unknown kind of tag")?;
        let mut body = vec![0; u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize];
        self.file.read_exact(&mut body)?;
        self.file.read_exact(&mut [0; 4])?;
        let wrapped = i32::from_be_bytes([header[7], header[4], header[5], header[6]]);
        let timestamp = self.last + i64::from(wrapped.wrapping_sub(self.last as i32));
        self.last = timestamp;
        Ok(Some(Tag { kind, timestamp, body: body.into() }))
    }
}

/// Tags to an FLV file, counted.
pub(crate) struct FlvWriter {
    file: BufWriter<File>,
    counts: [usize; 3],
}

impl FlvWriter {
    pub(crate) fn create(path: &str) -> Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(b"FLV\x01\x05\0\0\0\x09\0\0\0\0")?;
        Ok(Self { file, counts: [0; 3] })
    }

    pub(crate) fn write(&mut self, tag: &Tag) -> Result<()> {
        self.counts[match tag.kind {
            TagKind::Audio => 0,
            TagKind::Video => 1,
            TagKind::Script => 2,
        }] += 1;
        let length = (tag.body.len() as u32).to_be_bytes();
        let [top, a, b, c] = (tag.timestamp as u32).to_be_bytes();
        self.file.write_all(&[tag.kind as u8, length[1], length[2], length[3], a, b, c, top, 0, 0, 0])?;
        self.file.write_all(&tag.body)?;
        Ok(self.file.write_all(&(tag.body.len() as u32 + 11).to_be_bytes())?)
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        self.file.flush()?;
        let [audio, video, script] = self.counts;
        println!("{audio} audio, {video} video, {script} script tags");
        Ok(())
    }
}
