//! Messages to chunks.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use super::{DEFAULT_CHUNK_SIZE, EXTENDED, MAX_CHUNK_SIZE};
use crate::message::{self, Message, MessageType};

/// Headers are cut from blocks of this many bytes. A server has one for each of its viewers.
const ARENA: usize = 512;

/// A body of up to this many bytes is copied behind its header: cheaper than a segment of its own.
const COPIED_BODY: usize = 256;

/// Where time steps further than this many milliseconds, something was skipped: the header is a full one.
const LARGEST_STEP: u32 = 1000;

/// Cuts messages into chunks.
///
/// What comes out is a list of segments for vectored writes: headers are this writer's own, bodies are shared with
/// whoever else sends the same message. A message begins with a full header (type 0) where it is the first of its
/// chunk stream, where time goes back, and after a gap of more than a second; else with a short one (type 1 or 2).
/// Type 3 is used only inside messages: between them, peers disagree on what it means.
#[derive(Debug)]
pub struct ChunkWriter {
    chunk_size: u32,
    last: Vec<Header>,
    arena: BytesMut,
}

/// What the last header of a chunk stream said.
#[derive(Clone, Copy, Debug)]
struct Header {
    chunk_stream: u32,
    timestamp: u32,
    length: u32,
    kind: MessageType,
    stream: u32,
}

impl ChunkWriter {
    /// A writer that begins, as the specification has it, with chunks of 128 bytes.
    pub fn new() -> Self {
        Self { chunk_size: DEFAULT_CHUNK_SIZE, last: Vec::new(), arena: BytesMut::new() }
    }

    /// Tells the reader of a new chunk size, 1 to 16,777,215 bytes, and uses it from the next message on.
    pub fn set_chunk_size(&mut self, size: u32, out: &mut VecDeque<Bytes>) {
        let size = size.clamp(1, MAX_CHUNK_SIZE);
        self.write(&message::set_chunk_size(size), out);
        self.chunk_size = size;
    }

    /// Appends the segments of a message. A body of more than 16,777,215 bytes is cut there.
    pub fn write(&mut self, message: &Message, out: &mut VecDeque<Bytes>) {
        let length = message.body.len().min(MAX_CHUNK_SIZE as usize);
        let header = Header {
            chunk_stream: message.chunk_stream,
            timestamp: message.timestamp,
            length: length as u32,
            kind: message.kind,
            stream: message.stream,
        };
        let extended = self.first_header(header);
        let size = self.chunk_size as usize;
        if length <= size.min(COPIED_BODY) {
            self.arena.reserve(length);
            self.arena.put_slice(&message.body[..length]);
            out.push_back(self.arena.split().freeze());
            return;
        }
        out.push_back(self.arena.split().freeze());
        out.push_back(message.body.slice(..length.min(size)));
        if length > size {
            let between = self.next_header(header.chunk_stream, extended);
            for start in (size..length).step_by(size) {
                out.push_back(between.clone());
                out.push_back(message.body.slice(start..length.min(start + size)));
            }
        }
    }

    /// What it holds between two messages: chunk streams, and whether more than one block for headers.
    #[cfg(test)]
    pub(crate) fn footprint(&self) -> Vec<usize> {
        vec![self.last.capacity(), usize::from(self.arena.capacity() > ARENA)]
    }

    /// Puts the header of a message into the arena; the timestamp comes back if it is an extended one.
    fn first_header(&mut self, header: Header) -> Option<u32> {
        if self.arena.capacity() < 18 {
            self.arena.reserve(ARENA);
        }
        let last = match self.last.iter_mut().find(|last| last.chunk_stream == header.chunk_stream) {
            Some(last) => Some(core::mem::replace(last, header)),
            None => {
                self.last.push(header);
                None
            }
        };
        // A wrap counts as going back, too: some readers add up steps without ever wrapping.
        let step = last
            .filter(|last| last.stream == header.stream)
            .and_then(|last| Some((last, header.timestamp.checked_sub(last.timestamp)?)))
            .filter(|(_, step)| *step <= LARGEST_STEP);
        let (format, time) = match step {
            None => (0, header.timestamp),
            Some((last, step)) if last.length == header.length && last.kind == header.kind => (2, step),
            Some((_, step)) => (1, step),
        };
        self.basic_header(format, header.chunk_stream);
        self.arena.put_uint(u64::from(time.min(EXTENDED)), 3);
        if format < 2 {
            self.arena.put_uint(u64::from(header.length), 3);
            self.arena.put_u8(header.kind.0);
        }
        if format == 0 {
            self.arena.put_u32_le(header.stream);
        }
        let extended = (time >= EXTENDED).then_some(time);
        if let Some(time) = extended {
            self.arena.put_u32(time);
        }
        extended
    }

    /// The header of all further chunks of a message.
    fn next_header(&mut self, chunk_stream: u32, extended: Option<u32>) -> Bytes {
        self.arena.reserve(7);
        self.basic_header(3, chunk_stream);
        if let Some(time) = extended {
            self.arena.put_u32(time);
        }
        self.arena.split().freeze()
    }

    /// One, two or three bytes (5.3.1.1). Ids that do not exist become those next to them.
    fn basic_header(&mut self, format: u8, chunk_stream: u32) {
        let format = format << 6;
        match chunk_stream.clamp(2, 65_599) {
            id @ ..64 => self.arena.put_u8(format | id as u8),
            id @ 64..320 => self.arena.put_slice(&[format, (id - 64) as u8]),
            id => {
                self.arena.put_u8(format | 1);
                self.arena.put_u16_le((id - 64) as u16);
            }
        }
    }
}

impl Default for ChunkWriter {
    fn default() -> Self {
        Self::new()
    }
}
