//! Transport streams into packets.

mod header;
mod programs;
mod search;
mod stream;
mod tail;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use brooklet_media::{DemuxEvent, DemuxStep, Demuxer, Error, Metadata, Result, Source};
use bytes::Bytes;

use crate::packet::TsPacket;
use crate::sync::Framer;
use header::Header;
use programs::Programs;
use search::{Place, Search};
use tail::Tail;

/// ffmpeg's name of the format.
pub(crate) const NAME: &str = "mpegts";

/// So many bytes are looked through for the tables, and for what each stream is: ffmpeg's `-probesize`.
const MAX_PROBE: u64 = 5 << 20;

/// Reads a transport stream: packets of 188, 192 or 204 bytes, all programs in it.
///
/// Every stream counts in ticks of 90 kHz, [`brooklet_media::TimeBase::MPEG`], as ffprobe shows them: not wrapped at
/// 33 bits, and negative for a stream that begins within a minute of the wrap. [`DemuxEvent::HeaderRead`] comes when
/// the parameter sets or frame headers of all streams were seen, or after 5 MiB or a few seconds of stream; packets
/// that came before it follow it.
///
/// A source that can seek is looked at near its end first, for the durations of its streams; and it can be gone
/// through by time, unless its clock starts again in the middle (see [`Demuxer::seek`]).
pub struct TsDemuxer {
    source: Source,
    framer: Framer,
    stage: Stage,
    programs: Programs,
    header: Header,
    events: VecDeque<DemuxEvent>,
}

enum Stage {
    /// Looking for the tables: only they are read, so that media that comes before them is not lost.
    Tables,
    /// Looking at the end of a file.
    Tail(Box<Tail>),
    /// Reading media.
    Media,
    /// Looking for a place in a file.
    Search(Box<Search>),
    /// All bytes were read, or an error was told.
    Ended,
}

impl TsDemuxer {
    /// A demuxer at the first byte of `source`.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            framer: Framer::rewindable(),
            stage: Stage::Tables,
            programs: Programs::default(),
            header: Header::default(),
            events: VecDeque::new(),
        }
    }

    /// Reads packets until there is an event; `false` where more bytes are needed for one.
    fn advance(&mut self) -> Result<bool> {
        match &mut self.stage {
            Stage::Tables => self.read_tables(),
            Stage::Tail(tail) => {
                let ends = tail.advance();
                Ok(ends.map(|ends| self.begin_media(ends)).is_some())
            }
            Stage::Search(search) => {
                let place = search.advance();
                Ok(place.map(|place| self.go_on_from(place)).is_some())
            }
            Stage::Media => self.read_media(),
            Stage::Ended => Ok(true),
        }
    }

    fn read_tables(&mut self) -> Result<bool> {
        let mut complete = false;
        while !complete && let Some(bytes) = self.framer.next() {
            if let Some(packet) = TsPacket::parse(bytes) {
                self.programs.read_tables(&packet);
                complete = self.programs.tables_are_complete();
            }
        }
        if !complete && !self.framer.is_ended() && self.framer.taken() < MAX_PROBE {
            return Ok(false);
        }
        if !self.programs.has_any() {
            return Err(self.no_tables());
        }
        self.framer.rewind();
        self.programs.rewind();
        self.stage = match self.length() {
            Some(length) if !self.framer.is_ended() => {
                Stage::Tail(Box::new(Tail::new(&self.programs, length)))
            }
            _ => Stage::Media,
        };
        Ok(true)
    }

    /// The length of a source that can seek.
    fn length(&self) -> Option<u64> {
        self.source.length.filter(|_| self.source.seekable)
    }

    /// Goes back from the end of the file, with what was found there.
    fn begin_media(&mut self, ends: Vec<Option<i64>>) {
        self.header.set_ends(ends);
        self.stage = Stage::Media;
    }

    /// Goes on from a place that a search has found.
    fn go_on_from(&mut self, place: Place) {
        self.programs = self.programs.anew();
        if let Some(entry) = place.entry {
            self.programs.expect(entry.index, entry.dts);
        }
        self.framer = Framer::at(place.from);
        self.header.go_on_from(place.entry);
        self.events.clear();
        self.stage = Stage::Media;
    }

    fn read_media(&mut self) -> Result<bool> {
        while self.events.is_empty() {
            let Some(bytes) = self.framer.next() else {
                if self.framer.is_ended() {
                    self.programs.flush();
                    self.pass_on(true)?;
                    self.stage = Stage::Ended;
                }
                return Ok(matches!(self.stage, Stage::Ended));
            };
            if let Some(packet) = TsPacket::parse(bytes) {
                self.programs.read(&packet);
                self.pass_on(false)?;
            }
        }
        Ok(true)
    }

    /// What the programs found becomes events, once enough is known of all streams or it is the `last` chance.
    fn pass_on(&mut self, last: bool) -> Result<()> {
        self.header.take(&mut self.programs, &mut self.events);
        if self.header.is_pending() {
            let waited = last || self.framer.position() > MAX_PROBE;
            if waited || self.header.is_ready(&self.programs) {
                if self.programs.all_is_scrambled() {
                    return Err(Error::unsupported("a scrambled transport stream", "streams in the clear"));
                }
                self.header.open(&self.programs, &mut self.events);
            }
        }
        Ok(())
    }

    /// Where the next bytes are wanted from.
    fn place(&self) -> u64 {
        match &self.stage {
            Stage::Tail(tail) => tail.place(),
            Stage::Search(search) => search.place(),
            Stage::Tables | Stage::Media | Stage::Ended => self.framer.taken(),
        }
    }

    fn no_tables(&self) -> Error {
        let what = if self.framer.found_any() {
            "no program map was found"
        } else {
            "no packets were found: bytes 0x47 at distances of 188, 192 or 204"
        };
        Error::invalid(NAME, self.framer.position(), what)
    }
}

impl Demuxer for TsDemuxer {
    fn step(&mut self) -> Result<DemuxStep> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(DemuxStep::Event(event));
            }
            if matches!(self.stage, Stage::Ended) {
                return Ok(DemuxStep::End);
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return Ok(DemuxStep::Read(self.place())),
                Err(error) => {
                    self.stage = Stage::Ended;
                    return Err(error);
                }
            }
        }
    }

    fn push(&mut self, bytes: Bytes) {
        match &mut self.stage {
            Stage::Tail(tail) => tail.push(&bytes),
            Stage::Search(search) => search.push(&bytes),
            Stage::Tables | Stage::Media | Stage::Ended => self.framer.push(&bytes),
        }
    }

    fn finish(&mut self) {
        match &mut self.stage {
            Stage::Tail(tail) => tail.finish(),
            Stage::Search(search) => search.finish(),
            Stage::Tables | Stage::Media | Stage::Ended => self.framer.finish(),
        }
    }

    /// Searches a source that can seek by the times of `stream`. Refused for a place past its end by the clock, too:
    /// where files were put together, reading on may still come there.
    fn seek(&mut self, stream: usize, pts: i64) -> Result<()> {
        let guide = self.header.guide(stream, pts).filter(|_| !self.header.is_pending());
        let search = self
            .length()
            .zip(guide)
            .and_then(|(length, guide)| Search::new(&self.programs, guide, pts, length));
        let Some(search) = search else {
            let what = "seeking in a transport stream whose end is not known, or to a place past it";
            return Err(Error::unsupported(what, "reading on from where it is"));
        };
        self.events.clear();
        self.stage = Stage::Search(Box::new(search));
        Ok(())
    }

    /// `service_name` and `service_provider`, where the stream has a service description table.
    fn metadata(&self) -> Metadata {
        self.programs.metadata()
    }
}
