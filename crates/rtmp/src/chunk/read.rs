//! Chunks to messages.

use alloc::format;
use alloc::vec::Vec;

use bytes::BytesMut;

use super::{ChunkLimits, DEFAULT_CHUNK_SIZE, EXTENDED, MAX_CHUNK_SIZE};
use crate::error::{Error, Place, Result};
use crate::message::{Message, MessageType};

/// Longest header: three bytes for the chunk stream, eleven for the message.
const LONGEST_HEADER: usize = 14;

/// A message announces its length; no more than this is allocated before its bytes have come.
const ALLOCATED_AHEAD: usize = 64 * 1024;

/// Puts messages together from chunks, which may be interleaved.
///
/// Set chunk size and abort are carried out here and not passed on. After an error there is no way to find the
/// next header: the connection is to be closed.
#[derive(Debug)]
pub struct ChunkReader {
    limits: ChunkLimits,
    chunk_size: u32,
    streams: Vec<ChunkStream>,
    state: State,
    header: [u8; LONGEST_HEADER],
    held: usize,
    /// Bytes that were taken for a repeated timestamp and are none.
    replay: Vec<u8>,
    at: u64,
    unfinished: usize,
}

#[derive(Debug)]
struct ChunkStream {
    id: u32,
    /// The time that the last header gave: absolute in type 0, since the message before in types 1 and 2.
    time_field: u32,
    /// Whether it was an extended one.
    extended: bool,
    /// Of the message being read, or of the last one.
    timestamp: u32,
    length: u32,
    kind: MessageType,
    stream: u32,
    /// Whether a message is being read.
    open: bool,
    body: BytesMut,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Header,
    /// Takes the extended timestamp of a chunk of type 0, 1 or 2.
    Extended {
        index: usize,
        absolute: bool,
    },
    /// Compares what follows a chunk of type 3 with the extended timestamp, which not everyone repeats there.
    Repeated {
        index: usize,
    },
    Body {
        index: usize,
        left: usize,
    },
}

impl ChunkReader {
    /// A reader that begins, as the specification has it, with chunks of 128 bytes.
    pub fn new(limits: ChunkLimits) -> Self {
        Self {
            limits,
            chunk_size: DEFAULT_CHUNK_SIZE,
            streams: Vec::new(),
            state: State::Header,
            header: [0; LONGEST_HEADER],
            held: 0,
            replay: Vec::new(),
            at: 0,
            unfinished: 0,
        }
    }

    /// Other limits from here on.
    pub const fn set_limits(&mut self, limits: ChunkLimits) {
        self.limits = limits;
    }

    /// Counts on from here: so many bytes of the connection came before what is read next.
    pub const fn set_position(&mut self, at: u64) {
        self.at = at;
    }

    /// Bytes read so far.
    pub const fn position(&self) -> u64 {
        self.at
    }

    /// Takes bytes from `input` until a message is whole; `None`: all were taken, and more are needed.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for headers that make no sense, [`Error::Limit`] for what is past the limits.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Message>> {
        loop {
            let message = if self.replay.is_empty() {
                if input.is_empty() && !self.is_due() {
                    return Ok(None);
                }
                self.step(input)?
            } else {
                let replay = core::mem::take(&mut self.replay);
                let mut rest = &replay[..];
                let message = self.step(&mut rest)?;
                self.replay.extend_from_slice(rest);
                message
            };
            if let Some(message) = message
                && !self.carry_out(&message)?
            {
                return Ok(Some(message));
            }
        }
    }

    /// What it holds between two messages: chunk streams, and bytes.
    #[cfg(test)]
    pub(crate) fn footprint(&self) -> Vec<usize> {
        let bodies = self.streams.iter().map(|stream| stream.body.capacity()).sum();
        vec![self.streams.capacity(), bodies, self.unfinished, self.replay.capacity()]
    }

    /// Whether the next step needs no input: a message without a body.
    const fn is_due(&self) -> bool {
        matches!(self.state, State::Body { left: 0, .. })
    }

    /// One state further, or as far as the input goes.
    fn step(&mut self, input: &mut &[u8]) -> Result<Option<Message>> {
        match self.state {
            State::Header => self.read_header(input)?,
            State::Extended { index, absolute } => self.read_extended(index, absolute, input)?,
            State::Repeated { index } => self.compare_extended(index, input)?,
            State::Body { index, left } => return self.read_body(index, left, input),
        }
        Ok(None)
    }

    fn read_header(&mut self, input: &mut &[u8]) -> Result<()> {
        while self.held < self.header_length() {
            if !self.hold(input) {
                return Ok(());
            }
        }
        self.held = 0;
        let format = self.header[0] >> 6;
        let (id, fields) = self.basic_header();
        let index = self.stream_index(id, format)?;
        let stream = &mut self.streams[index];
        if format == 3 {
            if stream.extended {
                self.state = State::Repeated { index };
                return Ok(());
            }
            return self.begin_chunk(index, false);
        }
        if stream.open {
            return Err(self.invalid("a message begins inside an unfinished one", index));
        }
        let fields = &self.header[fields..];
        stream.time_field = u24(fields);
        stream.extended = stream.time_field == EXTENDED;
        if format < 2 {
            stream.length = u24(&fields[3..]);
            stream.kind = MessageType(fields[6]);
        }
        if format == 0 {
            stream.stream = u32::from_le_bytes([fields[7], fields[8], fields[9], fields[10]]);
        }
        if stream.extended {
            self.state = State::Extended { index, absolute: format == 0 };
            return Ok(());
        }
        self.begin_chunk(index, format == 0)
    }

    /// Moves one byte from the input to those that are held; `false`: there is none.
    fn hold(&mut self, input: &mut &[u8]) -> bool {
        let Some((&byte, rest)) = input.split_first() else { return false };
        self.header[self.held] = byte;
        self.held += 1;
        self.at += 1;
        *input = rest;
        true
    }

    /// How long the header is, as far as its first byte tells.
    fn header_length(&self) -> usize {
        if self.held == 0 {
            return 1;
        }
        let basic = match self.header[0] & 0x3F {
            0 => 2,
            1 => 3,
            _ => 1,
        };
        basic + [11, 7, 3, 0][usize::from(self.header[0] >> 6)]
    }

    /// The chunk stream id, and where the rest of the header begins (5.3.1.1).
    fn basic_header(&self) -> (u32, usize) {
        let [first, second, third, ..] = self.header.map(u32::from);
        match first & 0x3F {
            0 => (second + 64, 2),
            1 => (third * 256 + second + 64, 3),
            id => (id, 1),
        }
    }

    fn stream_index(&mut self, id: u32, format: u8) -> Result<usize> {
        if let Some(index) = self.streams.iter().position(|stream| stream.id == id) {
            return Ok(index);
        }
        let place = Place { at: self.at, chunk_stream: Some(id), message: None };
        // librtmp begins chunk streams with type 1, which says all but the message stream.
        if format > 1 {
            let what = format!(
                "a chunk stream begins with a chunk of type {format}, which repeats what was never said"
            );
            return Err(Error::invalid(what, place));
        }
        if self.streams.len() >= self.limits.chunk_streams {
            let (value, limit) = (self.streams.len() as u64 + 1, self.limits.chunk_streams as u64);
            return Err(Error::Limit { what: "number of chunk streams", value, limit, place });
        }
        self.streams.push(ChunkStream::new(id));
        Ok(self.streams.len() - 1)
    }

    fn read_extended(&mut self, index: usize, absolute: bool, input: &mut &[u8]) -> Result<()> {
        while self.held < 4 {
            if !self.hold(input) {
                return Ok(());
            }
        }
        self.held = 0;
        let [a, b, c, d, ..] = self.header;
        self.streams[index].time_field = u32::from_be_bytes([a, b, c, d]);
        self.begin_chunk(index, absolute)
    }

    /// Skips the extended timestamp of a chunk of type 3, if it is there: some peers repeat what the header said,
    /// some the absolute time, some nothing. Decides byte by byte, so as not to wait for bytes that may never come.
    fn compare_extended(&mut self, index: usize, input: &mut &[u8]) -> Result<()> {
        let stream = &self.streams[index];
        let candidates = [stream.time_field, stream.timestamp].map(u32::to_be_bytes);
        while self.held < 4 {
            if !self.hold(input) {
                return Ok(());
            }
            let held = &self.header[..self.held];
            if !candidates.iter().any(|time| time.starts_with(held)) {
                self.at -= held.len() as u64;
                self.replay.extend_from_slice(held);
                break;
            }
        }
        self.held = 0;
        self.begin_chunk(index, false)
    }

    /// The header is read: its chunk goes on with a message, or begins one.
    ///
    /// A type 3 that begins one repeats the last step. After a type 0, the specification (5.3.1.2.4) takes its
    /// absolute time for the step, and so does ffmpeg.
    fn begin_chunk(&mut self, index: usize, absolute: bool) -> Result<()> {
        let stream = &mut self.streams[index];
        if !stream.open {
            let since = if absolute { 0 } else { stream.timestamp };
            stream.timestamp = since.wrapping_add(stream.time_field);
            stream.open = true;
            stream.body = BytesMut::with_capacity(ALLOCATED_AHEAD.min(stream.length as usize));
            let (value, limit) = (u64::from(stream.length), u64::from(self.limits.message));
            if value > limit {
                return Err(Error::Limit { what: "message length", value, limit, place: self.place(index) });
            }
        }
        let stream = &self.streams[index];
        let left = (self.chunk_size as usize).min(stream.length as usize - stream.body.len());
        self.state = State::Body { index, left };
        Ok(())
    }

    fn read_body(&mut self, index: usize, left: usize, input: &mut &[u8]) -> Result<Option<Message>> {
        let (taken, rest) = input.split_at(left.min(input.len()));
        *input = rest;
        self.at += taken.len() as u64;
        let stream = &mut self.streams[index];
        stream.body.extend_from_slice(taken);
        self.unfinished += taken.len();
        let left = left - taken.len();
        self.state = if left > 0 { State::Body { index, left } } else { State::Header };
        if stream.body.len() == stream.length as usize {
            return Ok(Some(self.complete(index)));
        }
        if self.unfinished > self.limits.unfinished {
            let (value, limit) = (self.unfinished as u64, self.limits.unfinished as u64);
            let place = self.place(index);
            return Err(Error::Limit { what: "length of unfinished messages", value, limit, place });
        }
        Ok(None)
    }

    fn complete(&mut self, index: usize) -> Message {
        let stream = &mut self.streams[index];
        stream.open = false;
        self.unfinished -= stream.body.len();
        Message {
            chunk_stream: stream.id,
            kind: stream.kind,
            stream: stream.stream,
            timestamp: stream.timestamp,
            body: core::mem::take(&mut stream.body).freeze(),
        }
    }

    /// Takes the messages that are for the chunk stream itself; `false`: it is for someone else.
    fn carry_out(&mut self, message: &Message) -> Result<bool> {
        let place =
            Place { at: self.at, chunk_stream: Some(message.chunk_stream), message: Some(message.kind) };
        let number = message.body.first_chunk().copied().map(u32::from_be_bytes);
        match (message.kind, number) {
            (MessageType::SET_CHUNK_SIZE, Some(size)) if size > 0 && size >> 31 == 0 => {
                self.chunk_size = size.min(MAX_CHUNK_SIZE);
            }
            (MessageType::SET_CHUNK_SIZE, Some(size)) => {
                return Err(Error::invalid(format!("a chunk size of {size} bytes"), place));
            }
            (MessageType::ABORT, Some(id)) => self.abort(id),
            (MessageType::SET_CHUNK_SIZE | MessageType::ABORT, None) => {
                return Err(Error::invalid("a control message is too short", place));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn abort(&mut self, id: u32) {
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.id == id) {
            self.unfinished -= stream.body.len();
            stream.open = false;
            stream.body = BytesMut::new();
        }
    }

    fn invalid(&self, what: &str, index: usize) -> Error {
        Error::invalid(what, self.place(index))
    }

    fn place(&self, index: usize) -> Place {
        let stream = &self.streams[index];
        Place { at: self.at, chunk_stream: Some(stream.id), message: Some(stream.kind) }
    }
}

impl ChunkStream {
    fn new(id: u32) -> Self {
        Self {
            id,
            time_field: 0,
            extended: false,
            timestamp: 0,
            length: 0,
            kind: MessageType(0),
            stream: 0,
            open: false,
            body: BytesMut::new(),
        }
    }
}

fn u24(bytes: &[u8]) -> u32 {
    bytes.iter().take(3).fold(0, |value, &byte| value << 8 | u32::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forged_lengths_allocate_next_to_nothing() {
        let mut reader = ChunkReader::new(ChunkLimits::default());
        for id in 2..64 {
            let mut header = &[id, 0, 0, 0, 0xFF, 0xFF, 0xFF, 9, 1, 0, 0, 0][..];
            assert_eq!(reader.read(&mut header), Ok(None));
            let mut body = &[0; 128][..];
            assert_eq!(reader.read(&mut body), Ok(None));
        }
        let held: usize = reader.streams.iter().map(|stream| stream.body.capacity()).sum();
        assert!(held <= 64 * ALLOCATED_AHEAD, "{held}");
    }
}
