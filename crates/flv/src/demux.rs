//! An FLV file to packets (annex E.2, E.3).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

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
        match self.damage.take() {
            Some(damage) if self.tags.streams() == 0 => Err(damage),
            _ => {
                self.tags.finish();
                Ok(())
            }
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

    fn take_warnings(&mut self) -> Vec<String> {
        self.tags.take_warnings()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amf0::{self, Value};
    use crate::fixtures::{demux, packets};
    use brooklet_media::DemuxEvent;

    const FILE: &[u8] = b"FLV\x01\x04\0\0\0\x09\0\0\0\0";

    /// A tag of 8-bit PCM with one byte in it, and a trailer.
    fn pcm(millis: i64, trailer: u32) -> Vec<u8> {
        let header = TagHeader::new(TagKind::Audio, 2, millis).to_bytes();
        [&header[..], &[0x04, millis as u8], &trailer.to_be_bytes()].concat()
    }

    fn good(millis: i64) -> Vec<u8> {
        pcm(millis, 13)
    }

    fn times(parts: &[&[u8]]) -> Vec<i64> {
        packets(demux(&parts.concat(), 64).unwrap()).iter().map(|packet| packet.pts).collect()
    }

    #[test]
    fn trailers_may_all_be_wrong() {
        assert_eq!(times(&[FILE, &pcm(0, 0), &pcm(40, 2), &pcm(80, 99)]), [0, 40, 80]);
    }

    #[test]
    fn the_last_tag_may_lack_its_trailer_but_not_its_body() {
        let last = good(40);
        assert_eq!(times(&[FILE, &good(0), &last[..13]]), [0, 40]);
        assert_eq!(times(&[FILE, &good(0), &last[..12]]), [0]);
    }

    #[test]
    fn junk_between_tags_is_stepped_over_and_said() {
        let file = [FILE, &good(0), b"junk that is no tag", &good(40), &good(80)].concat();
        let events = demux(&file, 7).unwrap();
        assert!(events.contains(&DemuxEvent::Discontinuity));
        assert_eq!(packets(events).iter().map(|packet| packet.pts).collect::<Vec<_>>(), [0, 40, 80]);
    }

    #[test]
    fn a_forged_size_costs_its_own_tag() {
        let mut forged = good(40);
        forged[1] = 0xFF;
        assert_eq!(times(&[FILE, &good(0), &forged, &good(80), &good(120)]), [0, 80, 120]);
    }

    #[test]
    fn unknown_and_empty_tags_are_skipped() {
        let unknown = [b"\x0f\0\0\x02\0\0\0\0\0\0\0xx".as_slice(), &13u32.to_be_bytes()].concat();
        let empty = [b"\x08\0\0\0\0\0\0\0\0\0\0".as_slice(), &11u32.to_be_bytes()].concat();
        assert_eq!(times(&[FILE, &unknown, &good(0), &empty, &unknown, &good(40)]), [0, 40]);
    }

    #[test]
    fn encrypted_tags_are_refused_or_skipped() {
        let mut encrypted = good(40);
        encrypted[0] |= 0x20;
        let refused = demux(&[FILE, &encrypted].concat(), 64).unwrap_err().to_string();
        assert!(refused.starts_with("encrypted flv is not supported"), "{refused}");
        assert_eq!(times(&[FILE, &good(0), &encrypted, &good(80)]), [0, 80]);
    }

    #[test]
    fn what_is_no_flv_is_refused_at_once() {
        assert!(matches!(demux(b"RIFF....WAVE", 64), Err(Error::Invalid { at: 0, .. })));
        assert!(matches!(demux(b"FLV\x01", 64), Err(Error::Truncated { .. })));
        assert!(matches!(demux(b"", 64), Err(Error::Truncated { .. })));
        assert_eq!(demux(FILE, 64), Ok(vec![DemuxEvent::HeaderRead]));
    }

    #[test]
    fn damage_is_told_where_nothing_else_could_be_read() {
        let config =
            [b"\x09\0\0\x06\0\0\0\0\0\0\0\x17\0\0\0\0\x07".as_slice(), &17u32.to_be_bytes()].concat();
        let error = demux(&[FILE, &config].concat(), 64).unwrap_err().to_string();
        assert_eq!(error, "flv: a sequence header that ends inside its decoder configuration at byte 13");
        let mut demuxer = FlvDemuxer::new(Source::default());
        demuxer.push([FILE, &config].concat().into());
        demuxer.finish();
        assert!(demuxer.step().is_err());
        assert_eq!(demuxer.step(), Ok(DemuxStep::End), "after an error comes the end");
    }

    #[test]
    fn times_unwrap_past_every_boundary() {
        let far = |millis: i64| [FILE, &good(millis), &good(millis + 40)].concat();
        for start in [(1 << 24) - 20, (1i64 << 31) - 20, (1 << 32) - 3_700_000] {
            assert_eq!(times(&[&far(start)]), [start, start + 40]);
        }
        assert_eq!(times(&[&far((1 << 32) - 20)]), [-20, 20]);
    }

    #[test]
    fn a_script_at_zero_does_not_move_the_clock() {
        let script = [b"\x12\0\0\x04\0\0\0\0\0\0\0\x02\0\x01a".as_slice(), &15u32.to_be_bytes()].concat();
        let late = 3_000_000_000;
        assert_eq!(times(&[FILE, &script, &good(late), &script, &good(late + 40)]), [late, late + 40]);
    }

    #[test]
    fn seeking_follows_the_index() {
        let list = |numbers: [f64; 3]| Value::StrictArray(numbers.map(Value::Number).to_vec());
        let script = |places: [f64; 3]| {
            let index = Value::Object(vec![
                ("times".into(), list([0.0, 1.0, 2.0])),
                ("filepositions".into(), list(places)),
            ]);
            let mut body = Vec::new();
            amf0::write(&"onMetaData".into(), &mut body);
            amf0::write(&Value::Object(vec![("keyframes".into(), index)]), &mut body);
            let header = TagHeader::new(TagKind::Script, body.len(), 0).to_bytes();
            let trailer = (body.len() as u32 + 11).to_be_bytes();
            [&header[..], &body, &trailer].concat()
        };
        let first = FILE.len() + script([0.0; 3]).len();
        let places = [0, 1, 2].map(|tag| (first + tag * 17) as f64);
        let file = [FILE, &script(places), &good(0), &good(1_000), &good(2_000)].concat();

        let mut demuxer = FlvDemuxer::new(Source { seekable: true, length: Some(file.len() as u64) });
        assert!(demuxer.seek(0, 0).is_err(), "nothing is known yet");
        let mut first_after = |pts: i64| {
            if pts >= 0 {
                demuxer.seek(0, pts).unwrap();
            }
            loop {
                match demuxer.step().unwrap() {
                    DemuxStep::Read(at) => demuxer.push(Bytes::copy_from_slice(&file[at as usize..])),
                    DemuxStep::Event(DemuxEvent::Packet(packet)) => return packet.pts,
                    DemuxStep::Event(event) => assert_ne!(event, DemuxEvent::Discontinuity),
                    DemuxStep::End => panic!("no packet"),
                }
            }
        };
        assert_eq!([-1, 2_500, 1_999, 1_000, 999].map(&mut first_after), [0, 2_000, 1_000, 1_000, 0]);
        let mut pipe = FlvDemuxer::new(Source::default());
        pipe.push(Bytes::from(file));
        while !matches!(pipe.step(), Ok(DemuxStep::Event(DemuxEvent::Packet(_)))) {}
        assert!(pipe.seek(0, 1_000).is_err());
    }
}
