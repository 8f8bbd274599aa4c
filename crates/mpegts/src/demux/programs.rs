//! The programs of a transport stream: which PID holds what, by the tables, and their clocks.

use alloc::borrow::ToOwned;
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

use brooklet_media::Metadata;

use super::stream::{Continuity, EsStream, Step};
use crate::clock::{PCR_HZ, Pcr, Unwrap};
use crate::elementary::Found;
use crate::packet::{NULL_PID, TsPacket};
use crate::psi::{PAT_PID, Pat, Pmt, PmtStream, SDT_PID, Sdt, Section, SectionAssembler};

const MAX_PROGRAMS: usize = 64;
/// More would be a forgery; those over it are left out.
const MAX_STREAMS: usize = 128;
/// The most bytes that all streams may hold together; each may hold its share.
const MAX_HELD: usize = 64 << 20;
/// A clock that goes back by more than this has jumped: 0.1 s in ticks of 27 MHz.
const MAX_BACKWARD: i64 = PCR_HZ / 10;
/// A clock that goes on by more than this has jumped.
const MAX_FORWARD: i64 = 10 * PCR_HZ;
/// Maps that have not come in so much time after the first are not waited for.
const MAX_WAIT_FOR_MAPS: i64 = PCR_HZ;

/// What the programs found, in order.
#[derive(Debug)]
pub(super) enum Item {
    /// In the stream with this index.
    Found(usize, Found),
    /// The time of the program with this index jumped, or packets of it were lost.
    Discontinuity(usize),
}

/// All programs and their streams.
pub(super) struct Programs {
    /// What each PID holds.
    routes: Vec<Route>,
    tables: Vec<Table>,
    programs: Vec<Program>,
    streams: Vec<EsStream>,
    items: VecDeque<Item>,
    found: Vec<Found>,
    service: Option<Sdt>,
    has_pat: bool,
    scrambled: u64,
    /// The first clock that was seen, while the maps are looked for, and how far it has come.
    first_pcr: Option<(u16, Pcr)>,
    waited: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Route {
    Nothing,
    /// Sections: an index into `tables`.
    Table(u16),
    /// PES packets: an index into `streams`.
    Stream(u16),
}

#[derive(Default)]
struct Table {
    sections: SectionAssembler,
    continuity: Continuity,
}

struct Program {
    number: u16,
    map: Option<Pmt>,
    clock: Unwrap,
    last_pcr: Option<Pcr>,
}

impl Default for Programs {
    fn default() -> Self {
        let mut programs = Self {
            routes: vec![Route::Nothing; usize::from(NULL_PID) + 1],
            tables: Vec::new(),
            programs: Vec::new(),
            streams: Vec::new(),
            items: VecDeque::new(),
            found: Vec::new(),
            service: None,
            has_pat: false,
            scrambled: 0,
            first_pcr: None,
            waited: 0,
        };
        programs.add_table(PAT_PID);
        programs.add_table(SDT_PID);
        programs
    }
}

impl Programs {
    /// Takes a packet for its tables only.
    pub(super) fn read_tables(&mut self, packet: &TsPacket<'_>) {
        if let Some(pcr) = packet.adaptation.pcr {
            let (pid, first) = *self.first_pcr.get_or_insert((packet.pid, pcr));
            if pid == packet.pid {
                self.waited = pcr.since(first);
            }
        }
        if let Route::Table(table) = self.route(packet) {
            self.read_table(table, packet);
        }
    }

    /// Takes a packet.
    pub(super) fn read(&mut self, packet: &TsPacket<'_>) {
        if packet.damaged {
            return; // its continuity counter will be missed
        }
        if let Some(pcr) = packet.adaptation.pcr {
            self.read_clock(packet, pcr);
        }
        match self.route(packet) {
            Route::Nothing => {}
            Route::Table(table) => self.read_table(table, packet),
            Route::Stream(stream) => self.read_stream(usize::from(stream), packet),
        }
    }

    /// What was found, in order.
    pub(super) fn pop(&mut self) -> Option<Item> {
        self.items.pop_front()
    }

    /// Gives all that is held: there are no more packets.
    pub(super) fn flush(&mut self) {
        (0..self.streams.len()).for_each(|stream| self.flush_stream(stream));
    }

    /// The input is read again from its start.
    pub(super) fn rewind(&mut self) {
        self.tables.iter_mut().for_each(|table| *table = Table::default());
    }

    /// The same programs, of which nothing has been read but the tables.
    pub(super) fn anew(&self) -> Self {
        let program = |program: &Program| Program {
            number: program.number,
            map: program.map.clone(),
            clock: Unwrap::default(),
            last_pcr: None,
        };
        Self {
            routes: self.routes.clone(),
            tables: self.tables.iter().map(|_| Table::default()).collect(),
            programs: self.programs.iter().map(program).collect(),
            streams: self.streams.iter().filter_map(EsStream::anew).collect(),
            items: VecDeque::new(),
            found: Vec::new(),
            service: self.service.clone(),
            has_pat: self.has_pat,
            scrambled: self.scrambled,
            first_pcr: None,
            waited: 0,
        }
    }

    /// The next time in the program of the stream with this index is somewhere near `time`.
    pub(super) fn expect(&mut self, stream: usize, time: i64) {
        let program = self.streams.get(stream).map_or(0, |stream| stream.program);
        if let Some(program) = self.programs.get_mut(program) {
            program.clock = Unwrap::near(time);
        }
    }

    /// The streams that the maps have named so far, in order.
    pub(super) fn streams(&self) -> &[EsStream] {
        &self.streams
    }

    /// Whether there is a program.
    pub(super) fn has_any(&self) -> bool {
        self.programs.iter().any(|program| program.map.is_some())
    }

    /// Whether each program that is promised has its map, or those that have none are not worth waiting for.
    pub(super) fn tables_are_complete(&self) -> bool {
        let all = self.has_pat && self.programs.iter().all(|program| program.map.is_some());
        self.has_any() && (all || self.waited > MAX_WAIT_FOR_MAPS)
    }

    /// Whether there was nothing but encrypted payload.
    pub(super) fn all_is_scrambled(&self) -> bool {
        self.scrambled > 0 && self.streams.iter().all(|stream| !stream.has_data)
    }

    pub(super) fn metadata(&self) -> Metadata {
        let Some(service) = &self.service else { return Metadata::new() };
        let tags = [("service_name", &service.name), ("service_provider", &service.provider)];
        tags.into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.to_owned(), value.clone()))
            .collect()
    }

    fn route(&self, packet: &TsPacket<'_>) -> Route {
        self.routes.get(usize::from(packet.pid)).copied().unwrap_or(Route::Nothing)
    }

    fn read_stream(&mut self, index: usize, packet: &TsPacket<'_>) {
        let count = self.streams.len().max(1);
        let Some(stream) = self.streams.get_mut(index) else { return };
        let program = stream.program;
        let Some(clock) = self.programs.get_mut(program).map(|program| &mut program.clock) else { return };
        self.scrambled += u64::from(packet.scrambled);
        let limit = MAX_HELD / count;
        let whole = stream.read(packet, clock, limit, &mut self.found);
        self.items.extend(self.found.drain(..).map(|found| Item::Found(index, found)));
        if !whole {
            self.items.push_back(Item::Discontinuity(program));
        }
    }

    /// Follows the clock of the programs that have it on this PID (§2.4.2.2).
    fn read_clock(&mut self, packet: &TsPacket<'_>, pcr: Pcr) {
        for index in 0..self.programs.len() {
            let Some(program) = self.programs.get_mut(index) else { return };
            if program.map.as_ref().is_none_or(|map| map.pcr_pid != packet.pid) {
                continue;
            }
            let step = program.last_pcr.replace(pcr).map_or(0, |last| pcr.since(last));
            if packet.adaptation.discontinuity || !(-MAX_BACKWARD..=MAX_FORWARD).contains(&step) {
                program.clock.expect_jump();
                self.cut(index);
            }
        }
    }

    /// Ends everything that a program has begun: what comes is of another time.
    fn cut(&mut self, program: usize) {
        for stream in 0..self.streams.len() {
            if self.streams.get(stream).is_some_and(|stream| stream.program == program) {
                self.flush_stream(stream);
            }
        }
        self.items.push_back(Item::Discontinuity(program));
    }

    fn flush_stream(&mut self, index: usize) {
        if let Some(stream) = self.streams.get_mut(index) {
            stream.flush(&mut self.found);
            self.items.extend(self.found.drain(..).map(|found| Item::Found(index, found)));
        }
    }

    fn add_table(&mut self, pid: u16) {
        let index = self.tables.len() as u16; // at most one for each PID
        if let Some(route @ Route::Nothing) = self.routes.get_mut(usize::from(pid)) {
            *route = Route::Table(index);
            self.tables.push(Table::default());
        }
    }

    fn read_table(&mut self, index: u16, packet: &TsPacket<'_>) {
        let Some(table) = self.tables.get_mut(usize::from(index)) else { return };
        let step = table.continuity.step(packet);
        let Some(payload) = packet.payload.filter(|_| step != Step::Repeated) else { return };
        if step == Step::Lost {
            table.sections.lose();
        }
        let mut sections = core::mem::take(&mut table.sections);
        sections.push(payload, packet.unit_start, |bytes| {
            if let Some(section) = Section::parse(bytes) {
                self.read_section(packet.pid, &section);
            }
        });
        if let Some(table) = self.tables.get_mut(usize::from(index)) {
            table.sections = sections;
        }
    }

    fn read_section(&mut self, pid: u16, section: &Section<'_>) {
        match pid {
            PAT_PID => {
                if let Some(pat) = Pat::parse(section) {
                    self.read_pat(&pat);
                }
            }
            SDT_PID => self.service = Sdt::parse(section).or(self.service.take()),
            _ => {
                if let Some(map) = Pmt::parse(section) {
                    self.read_map(map);
                }
            }
        }
    }

    fn read_pat(&mut self, pat: &Pat) {
        self.has_pat = true;
        for (number, pid) in pat.programs.iter().copied() {
            let known = self.programs.iter().any(|program| program.number == number);
            if !known && self.programs.len() < MAX_PROGRAMS {
                let clock = Unwrap::default();
                self.programs.push(Program { number, map: None, clock, last_pcr: None });
            }
            self.add_table(pid);
        }
    }

    fn read_map(&mut self, map: Pmt) {
        let Some(index) = self.programs.iter().position(|program| program.number == map.program) else {
            return;
        };
        let Some(program) = self.programs.get_mut(index) else { return };
        if program.map.as_ref() == Some(&map) {
            return;
        }
        if program.map.as_ref().is_some_and(|old| old.pcr_pid != map.pcr_pid) {
            program.last_pcr = None;
        }
        let streams = map.streams.clone();
        program.map = Some(map);
        self.drop_streams_not_in(&streams, index);
        for stream in streams {
            self.add_stream(stream, index);
        }
    }

    /// Ends the streams of a program that its map names no more, or names something else.
    fn drop_streams_not_in(&mut self, mapped: &[PmtStream], program: usize) {
        for pid in 0..=NULL_PID {
            let Some(Route::Stream(stream)) = self.routes.get(usize::from(pid)).copied() else { continue };
            let stream = usize::from(stream);
            let gone = self
                .streams
                .get(stream)
                .is_some_and(|stream| stream.program == program && !mapped.iter().any(|map| stream.is(map)));
            if gone {
                self.flush_stream(stream);
                if let Some(route) = self.routes.get_mut(usize::from(pid)) {
                    *route = Route::Nothing;
                }
            }
        }
    }

    fn add_stream(&mut self, mapped: PmtStream, program: usize) {
        let Some(route @ Route::Nothing) = self.routes.get_mut(usize::from(mapped.pid)) else { return };
        if self.streams.len() < MAX_STREAMS
            && mapped.pid != NULL_PID
            && let Some(stream) = EsStream::new(mapped, program)
        {
            *route = Route::Stream(self.streams.len() as u16); // at most MAX_STREAMS
            self.streams.push(stream);
        }
    }
}
