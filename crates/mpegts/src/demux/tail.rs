//! Where the streams of a file end: the last times near its last byte, which is where ffmpeg looks too.

use alloc::vec::Vec;

use bytes::Bytes;

use super::programs::{Item, Programs};
use crate::clock::HZ;
use crate::elementary::Found;
use crate::packet::TsPacket;
use crate::sync::Framer;

/// So many bytes are read at first.
const FIRST: u64 = 250_000;
/// The most bytes that are read where a stream has nothing in fewer.
const MOST: u64 = 4_000_000;
/// A time that is so far before those of its stream is no reordered picture: time jumped back.
const MAX_BACKWARD: i64 = 10 * HZ;

/// Reads the end of a file.
pub(super) struct Tail {
    length: u64,
    /// How many of the last bytes are being read.
    span: u64,
    framer: Framer,
    programs: Programs,
    lasts: Vec<Option<Last>>,
}

/// What is shown or heard last in a stream.
#[derive(Clone, Copy)]
struct Last {
    pts: i64,
    /// How long by its own word; 0 where it has none.
    duration: i64,
    /// How long after the one before it.
    step: i64,
}

impl Last {
    fn end(&self) -> i64 {
        self.pts.saturating_add(if self.duration > 0 { self.duration } else { self.step })
    }
}

impl Tail {
    /// The end of a file of `length` bytes that has these programs.
    pub(super) fn new(programs: &Programs, length: u64) -> Self {
        let span = FIRST.min(length);
        let programs = programs.anew();
        Self { length, span, framer: Framer::at(length - span), programs, lasts: Vec::new() }
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

    /// Reads what has come; where that was the last, when each stream ends, by its index: ticks of 90 kHz, of which
    /// only the low 33 bits mean something. `None` for one in which nothing was found.
    pub(super) fn advance(&mut self) -> Option<Vec<Option<i64>>> {
        while let Some(bytes) = self.framer.next() {
            if let Some(packet) = TsPacket::parse(bytes) {
                self.programs.read(&packet);
                self.note();
            }
        }
        if !self.framer.is_ended() && self.framer.taken() < self.length {
            return None;
        }
        self.programs.flush();
        self.note();
        if self.is_complete() || self.span >= MOST.min(self.length) {
            return Some(self.lasts.iter().map(|last| last.map(|last| last.end())).collect());
        }
        self.span = (4 * self.span).min(self.length);
        self.framer = Framer::at(self.length - self.span);
        self.programs = self.programs.anew();
        self.lasts.clear();
        None
    }

    fn note(&mut self) {
        while let Some(item) = self.programs.pop() {
            if let Item::Found(index, Found::Unit(unit)) = item {
                self.lasts.resize(self.programs.streams().len().max(index + 1), None);
                let (pts, duration) = (unit.pts, unit.duration);
                let known = self.lasts[index].filter(|known| known.pts.saturating_sub(pts) < MAX_BACKWARD);
                self.lasts[index] = Some(match known {
                    None => Last { pts, duration, step: 0 },
                    Some(known) if known.pts < pts => Last { pts, duration, step: pts - known.pts },
                    // A picture that is shown between the last two.
                    Some(known) => Last { step: known.step.min(known.pts - pts).max(0), ..known },
                });
            }
        }
    }

    fn is_complete(&self) -> bool {
        let streams = self.programs.streams().iter().enumerate();
        streams
            .filter(|(_, stream)| !stream.is_opaque())
            .all(|(index, _)| self.lasts.get(index).is_some_and(Option::is_some))
    }
}
