//! Seeking: a file is halved by the times in it down to a small part, and read back from there to a key frame.
//!
//! Only the times of one stream are looked at, the guide. They are taken to go on through the file, past a wrap of the
//! clock too; where they jump, another place than the right one may be found, as with every player.

use alloc::boxed::Box;

use bytes::Bytes;

use super::programs::{Item, Programs};
use crate::clock::{HZ, WRAP};
use crate::elementary::Found;
use crate::packet::TsPacket;
use crate::pes::{PesHeader, PesStart};
use crate::sync::Framer;

/// A part of the file that is so small is not halved: as much is read at once anyhow.
const SMALL: u64 = 128 << 10;
/// So much before the place is searched for a key frame at first; each time there is none, four times as much.
const FIRST_LOOK: u64 = 1 << 20;
/// A time may be so far before the first one of its stream and is still no wrap: 60 s.
const BEFORE_START: i64 = 60 * HZ;

/// The stream by whose times a place is searched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guide {
    /// Its index among those of the programs.
    pub(super) index: usize,
    /// Its first dts, ticks of 90 kHz that do not wrap.
    pub(super) first: i64,
}

/// Where to go on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Read from this byte on.
    pub(super) from: u64,
    /// What is to be left out from there on; nothing where it is the start of the file.
    pub(super) entry: Option<Entry>,
}

/// The key frame to begin with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    /// The stream that it is in, by index.
    pub(super) index: usize,
    pub(super) pts: i64,
    pub(super) dts: i64,
}

/// A search under way.
pub(super) struct Search {
    guide: Guide,
    pid: u16,
    target: i64,
    length: u64,
    /// As they were before the search; what it reads leaves no trace in them.
    programs: Programs,
    /// What lies before this byte is due at or before the target.
    low: u64,
    /// What begins at this byte or after it is due after the target.
    high: u64,
    framer: Framer,
    stage: Stage,
}

enum Stage {
    /// Looking for the first time of the guide from this byte on.
    Halving(u64),
    /// Looking for the last key frame from this byte on.
    Reading(u64, Box<Programs>, Option<Entry>),
}

impl Search {
    /// For what is due at `target`, ticks of 90 kHz that do not wrap, in a file of `length` bytes. `None` where the
    /// guide is no stream of the programs.
    pub(super) fn new(programs: &Programs, guide: Guide, target: i64, length: u64) -> Option<Self> {
        let pid = programs.streams().get(guide.index)?.pid();
        let mut search = Self {
            guide,
            pid,
            target,
            length,
            programs: programs.anew(),
            low: 0,
            high: length,
            framer: Framer::default(),
            stage: Stage::Halving(0),
        };
        search.halve();
        Some(search)
    }

    /// Where the next bytes are wanted from.
    pub(super) fn place(&self) -> u64 {
        self.framer.taken()
    }

    /// Takes the bytes from there on.
    pub(super) fn push(&mut self, bytes: &Bytes) {
        self.framer.push(bytes);
    }

    /// There are none.
    pub(super) fn finish(&mut self) {
        self.framer.finish();
    }

    /// Reads what has come; the place once it is known.
    pub(super) fn advance(&mut self) -> Option<Place> {
        match self.stage {
            Stage::Halving(from) => {
                self.look_for_time(from);
                None
            }
            Stage::Reading(..) => self.look_for_key(),
        }
    }

    /// Chooses the next byte from which to look for a time.
    fn halve(&mut self) {
        if self.high.saturating_sub(self.low) <= SMALL {
            return self.read_back(FIRST_LOOK);
        }
        let middle = self.low + (self.high - self.low) / 2;
        self.framer = Framer::at(middle);
        self.stage = Stage::Halving(middle);
    }

    fn look_for_time(&mut self, from: u64) {
        while self.framer.position() < self.high {
            let Some(bytes) = self.framer.next() else {
                if self.framer.is_ended() {
                    break;
                }
                return;
            };
            let packet = TsPacket::parse(bytes).filter(|packet| packet.pid == self.pid);
            if let Some(dts) = packet.as_ref().and_then(dts_in) {
                let start = self.guide.first.saturating_sub(BEFORE_START);
                let dts = start.saturating_add(dts.saturating_sub(start).rem_euclid(WRAP));
                if dts <= self.target {
                    self.low = from;
                } else {
                    self.high = from;
                }
                return self.halve();
            }
        }
        self.high = from;
        self.halve();
    }

    /// Reads so many bytes before the place that was found, and those after it.
    fn read_back(&mut self, span: u64) {
        let from = self.high.saturating_sub(span);
        self.framer = Framer::at(from);
        let mut programs = self.programs.anew();
        programs.expect(self.guide.index, self.target);
        self.stage = Stage::Reading(from, Box::new(programs), None);
    }

    fn look_for_key(&mut self) -> Option<Place> {
        let Stage::Reading(from, programs, key) = &mut self.stage else { return None };
        let mut past = false;
        while !past {
            if let Some(bytes) = self.framer.next() {
                if let Some(packet) = TsPacket::parse(bytes) {
                    programs.read(&packet);
                }
            } else if self.framer.is_ended() || self.framer.taken() >= self.length {
                programs.flush();
                past = true;
            } else {
                return None;
            }
            while let Some(item) = programs.pop() {
                let Item::Found(index, Found::Unit(unit)) = item else { continue };
                if index != self.guide.index {
                    continue;
                }
                past |= unit.dts > self.target;
                if unit.key && unit.pts <= self.target {
                    *key = Some(Entry { index, pts: unit.pts, dts: unit.dts });
                }
            }
        }
        let (from, key) = (*from, *key);
        if key.is_none() && from > 0 {
            self.read_back((self.high - from).saturating_mul(4));
            return None;
        }
        Some(Place { from, entry: key })
    }
}

/// The dts of the PES packet that begins in this packet, 33 bits.
fn dts_in(packet: &TsPacket<'_>) -> Option<i64> {
    let payload = packet.payload.filter(|_| packet.unit_start && !packet.damaged && !packet.scrambled)?;
    match PesHeader::parse(payload) {
        PesStart::Header(header) => header.times.map(|times| times.dts),
        PesStart::Incomplete | PesStart::Invalid => None,
    }
}
