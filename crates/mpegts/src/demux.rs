//! Transport streams into packets.

mod header;
mod programs;
mod stream;

use std::collections::VecDeque;

use brooklet_media::{DemuxEvent, DemuxStep, Demuxer, Error, Metadata, Result, Source};
use bytes::Bytes;

use crate::packet::TsPacket;
use crate::sync::Framer;
use header::Header;
use programs::Programs;

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
pub struct TsDemuxer {
    framer: Framer,
    stage: Stage,
    programs: Programs,
    header: Header,
    events: VecDeque<DemuxEvent>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Looking for the tables: only they are read, so that media that comes before them is not lost.
    Tables,
    /// Reading media.
    Media,
    /// All bytes were read, or an error was told.
    Ended,
}

impl TsDemuxer {
    /// A demuxer at the first byte of `source`. It reads forwards, whether the source could seek or not.
    pub fn new(source: Source) -> Self {
        let Source { .. } = source;
        Self {
            framer: Framer::rewindable(),
            stage: Stage::Tables,
            programs: Programs::default(),
            header: Header::default(),
            events: VecDeque::new(),
        }
    }

    /// Reads packets until there is an event; `false` where more bytes are needed for one.
    fn advance(&mut self) -> Result<bool> {
        match self.stage {
            Stage::Tables => self.read_tables(),
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
        self.stage = Stage::Media;
        Ok(true)
    }

    fn read_media(&mut self) -> Result<bool> {
        while self.events.is_empty() {
            let Some(bytes) = self.framer.next() else {
                if self.framer.is_ended() {
                    self.programs.flush();
                    self.pass_on(true)?;
                    self.stage = Stage::Ended;
                }
                return Ok(self.stage == Stage::Ended);
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
            if self.stage == Stage::Ended {
                return Ok(DemuxStep::End);
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return Ok(DemuxStep::Read(self.framer.taken())),
                Err(error) => {
                    self.stage = Stage::Ended;
                    return Err(error);
                }
            }
        }
    }

    fn push(&mut self, bytes: Bytes) {
        self.framer.push(&bytes);
    }

    fn finish(&mut self) {
        self.framer.finish();
    }

    /// `service_name` and `service_provider`, where the stream has a service description table.
    fn metadata(&self) -> Metadata {
        self.programs.metadata()
    }
}
