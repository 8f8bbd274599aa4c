//! An FLV file to packets (annex E.2, E.3).

use brooklet_media::{DemuxStep, Demuxer, Error, Metadata, Result, Source};
use bytes::{Buf, Bytes, BytesMut};

use crate::tag::TagHeader;
use crate::{Clock, FILE_HEADER, Tag, TagKind, TagReader};

const NAME: &str = "flv";

/// Bytes of PreviousTagSize.
const TRAILER: usize = 4;

/// The largest body that is believed while looking for the next tag in damaged bytes.
const MAX_SOUGHT: usize = 1 << 20;

/// Reads an FLV file, or stream.
///
/// What is damaged is stepped over: where no tag is, the next one whose PreviousTagSize fits is looked for, and a
/// [`brooklet_media::DemuxEvent::Discontinuity`] says that something is missing. A last tag that is cut off is left out. Seeking
/// takes an index of key frames in `onMetaData`.
#[derive(Debug)]
pub struct FlvDemuxer {
    source: Source,
    buffer: BytesMut,
    /// Where the buffer begins in the input.
    base: u64,
    /// The input has no more bytes.
    ended: bool,
    state: State,
    tags: TagReader,
    clock: Clock,
    /// What could not be read, in case that nothing can.
    damage: Option<Error>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    FileHeader,
    /// A tag begins here.
    Tag,
    /// A tag begins so many bytes from here, or later.
    Lost(usize),
    End,
}

/// What became of a look at the buffer.
enum Progress {
    /// Look again.
    Made,
    /// More bytes are needed.
    Starved,
}

use Progress::{Made, Starved};

impl FlvDemuxer {
    /// At the start of `source`.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            buffer: BytesMut::new(),
            base: 0,
            ended: false,
            state: State::FileHeader,
            tags: TagReader::new(),
            clock: Clock::default(),
            damage: None,
        }
    }

    fn advance(&mut self) -> Result<Progress> {
        match self.state {
            State::FileHeader => self.read_file_header(),
            State::Tag => self.read_tag(),
            State::Lost(from) => Ok(self.find_tag(from)),
            State::End => Ok(Starved),
        }
    }

    fn read_file_header(&mut self) -> Result<Progress> {
        let Some(header) = self.buffer.first_chunk::<FILE_HEADER>() else {
            return if self.ended { Err(self.no_file_header()) } else { Ok(Starved) };
        };
        // DataOffset is not believed: it is always 9, and where it were not, the first tag would be looked for.
        let [b'F', b'L', b'V', _, flags, ..] = *header else { return Err(self.no_file_header()) };
        if self.buffer.len() < FILE_HEADER + TRAILER && !self.ended {
            return Ok(Starved);
        }
        self.tags.promise(flags & 1 != 0, flags & 4 != 0);
        self.skip(FILE_HEADER + TRAILER);
        self.state = State::Tag;
        Ok(Made)
    }

    fn no_file_header(&self) -> Error {
        if b"FLV".starts_with(&self.buffer[..self.buffer.len().min(3)]) {
            let what = "inside its file header".into();
            return Error::Truncated { format: NAME, what, at: self.base + self.buffer.len() as u64 };
        }
        Error::invalid(NAME, 0, "it does not begin with 'FLV'")
    }

    fn read_tag(&mut self) -> Result<Progress> {
        let Some(bytes) = self.buffer.first_chunk() else { return Ok(Starved) };
        let Some(header) = TagHeader::parse(bytes) else { return Ok(self.lose()) };
        let end = Tag::HEADER + header.size;
        // A last tag may lack its trailer, but nothing of its body.
        if self.buffer.len() < end + TRAILER && !(self.ended && self.buffer.len() >= end) {
            return Ok(if self.ended { self.lose() } else { Starved });
        }
        let kind = TagKind::from_wire(header.kind);
        if !self.trailer_fits(0, end) {
            // Many writers get the trailer wrong, so what follows decides. What we don't know must fit.
            let next = end + TRAILER;
            if self.buffer.len() < next + Tag::HEADER && !self.ended {
                return Ok(Starved);
            }
            if kind.is_none() || !(self.buffer.len() <= next || self.plausible(next).is_some()) {
                return Ok(self.lose());
            }
        }
        if header.filtered && kind.is_some_and(|kind| kind != TagKind::Script) && self.tags.streams() == 0 {
            return Err(Error::unsupported("encrypted flv", "flv without filters"));
        }
        let place = self.base;
        let body = self.take(Tag::HEADER, end);
        if let (Some(kind), false) = (kind, header.filtered) {
            let mut tag = Tag { kind, timestamp: self.clock.peek(header.timestamp), body };
            // The times of scripts and sequence headers are often 0 wherever they stand.
            if kind != TagKind::Script && !tag.is_sequence_header() {
                tag.timestamp = self.clock.unwrap(header.timestamp);
            }
            if let Err(error) = self.tags.push(tag) {
                self.damage.get_or_insert(placed(error, place));
            }
        }
        Ok(Made)
    }

    /// No tag is where one should be: looks for one from the next byte on.
    fn lose(&mut self) -> Progress {
        self.state = State::Lost(1);
        Made
    }

    fn find_tag(&mut self, from: usize) -> Progress {
        let mut at = from;
        while at + Tag::HEADER <= self.buffer.len() {
            if let Some(header) = self.plausible(at).filter(|header| (1..=MAX_SOUGHT).contains(&header.size))
            {
                let end = at + Tag::HEADER + header.size;
                if end + TRAILER > self.buffer.len() && !self.ended {
                    self.skip(at);
                    self.state = State::Lost(0);
                    return Starved;
                }
                if self.trailer_fits(at, end) {
                    self.skip(at);
                    self.state = State::Tag;
                    self.tags.lost();
                    return Made;
                }
            }
            at += 1;
        }
        self.skip(at.min(self.buffer.len()));
        self.state = State::Lost(0);
        Starved
    }

    /// The header at `at`, where it may be one of a tag that we know.
    fn plausible(&self, at: usize) -> Option<TagHeader> {
        let header = TagHeader::parse(self.buffer.get(at..)?.first_chunk()?)?;
        (TagKind::from_wire(header.kind).is_some() && header.stream == 0 && !header.filtered)
            .then_some(header)
    }

    /// Whether the tag from `start` to `end` is followed by its own length.
    fn trailer_fits(&self, start: usize, end: usize) -> bool {
        let trailer = self.buffer.get(end..).and_then(|rest| rest.first_chunk());
        trailer.is_some_and(|trailer| u32::from_be_bytes(*trailer) as usize == end - start)
    }

    /// Takes what lies from `start` to `end` and drops what is before it and the trailer after it.
    fn take(&mut self, start: usize, end: usize) -> Bytes {
        self.skip(start);
        let body = self.buffer.split_to(end - start).freeze();
        self.base += body.len() as u64;
        self.skip(TRAILER);
        body
    }

    fn skip(&mut self, count: usize) {
        let count = count.min(self.buffer.len());
        self.buffer.advance(count);
        self.base += count as u64;
    }

    /// Nothing more can be read.
    fn end(&mut self) -> Result<()> {
        self.state = State::End;
        self.tags.finish();
        match self.damage.take() {
            Some(damage) if self.tags.streams() == 0 => Err(damage),
            _ => Ok(()),
        }
    }
}

impl Demuxer for FlvDemuxer {
    fn step(&mut self) -> Result<DemuxStep> {
        loop {
            if let Some(event) = self.tags.poll() {
                return Ok(DemuxStep::Event(event));
            }
            if self.state == State::End {
                return Ok(DemuxStep::End);
            }
            match self.advance() {
                Ok(Made) => {}
                Ok(Starved) if self.ended => self.end()?,
                Ok(Starved) => return Ok(DemuxStep::Read(self.base + self.buffer.len() as u64)),
                Err(error) => {
                    self.state = State::End;
                    return Err(error);
                }
            }
        }
    }

    fn push(&mut self, bytes: Bytes) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::from(bytes);
        } else {
            self.buffer.extend_from_slice(&bytes);
        }
    }

    fn finish(&mut self) {
        self.ended = true;
    }

    fn seek(&mut self, stream: usize, pts: i64) -> Result<()> {
        let index = self.tags.key_frames();
        let before = index.partition_point(|(time, _)| *time <= pts).saturating_sub(1);
        let in_file = |(_, place): &&(i64, u64)| self.source.length.is_none_or(|length| *place < length);
        let target = index.get(before).filter(in_file).copied();
        let (true, Some((time, place))) = (self.source.seekable && stream < self.tags.streams(), target)
        else {
            return Err(Error::unsupported(
                "seeking in flv without an index of key frames",
                "reading on from where it is",
            ));
        };
        self.buffer.clear();
        (self.base, self.ended, self.state) = (place, false, State::Tag);
        self.clock = Clock::near(time);
        self.tags.reset();
        Ok(())
    }

    fn metadata(&self) -> Metadata {
        self.tags.metadata()
    }
}

/// What went wrong inside a tag, at the place of the tag.
fn placed(error: Error, tag: u64) -> Error {
    match error {
        Error::Invalid { format, what, at } => Error::Invalid { format, what, at: tag + at },
        Error::Truncated { what, .. } => {
            Error::invalid(NAME, tag, format!("a sequence header that ends {what}"))
        }
        other => other,
    }
}
