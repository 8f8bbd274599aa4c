//! A conformance checker: what a transport stream promises to receivers, measured.
//!
//! It reads packets of 188 bytes and knows one program, as most streams have. Time is that of the stream: between two
//! clock references, packets count as evenly spread (ISO/IEC 13818-1 §2.4.2.2). The limits are those of ETSI TR 101
//! 290 §5.2 where they are not stricter here: tables every 100 ms, the clock every 40 ms.
//!
//! ```
//! use brooklet_mpegts::check::Check;
//!
//! let mut check = Check::new();
//! check.push(&[0; 188]);
//! let report = check.report();
//! assert_eq!(report.violations()[0], "packet 0: 0x00 in place of the sync byte 0x47");
//! println!("{report}");
//! ```

mod report;
mod stream;
mod timeline;

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::clock::{PCR_HZ, Pcr};
use crate::packet::{NULL_PID, PACKET, SYNC_BYTE, TsPacket};
use crate::psi::{PAT_PID, Pat, Pmt, SDT_PID, Sdt, Section, SectionAssembler};
pub use report::{Report, StreamReport};
use stream::StreamCheck;
use timeline::{Event, Timeline};

/// The longest time between two PATs or two PMTs, in ticks of 27 MHz: 100 ms.
const MAX_TABLE_INTERVAL: i64 = PCR_HZ / 10;
/// The longest time between two SDTs: 2 s (EN 300 468 §5.1.4).
const MAX_SDT_INTERVAL: i64 = 2 * PCR_HZ;
/// The longest time between two clock references: 40 ms (TR 101 290 §5.2.2).
const MAX_PCR_INTERVAL: i64 = PCR_HZ / 25;
/// How far a clock reference may be from what the rate says: 500 ns (§2.4.2.2), in ticks of 27 MHz, rounded up.
const MAX_PCR_ERROR: i64 = 14;

/// Measures a transport stream.
#[derive(Clone, Debug, Default)]
pub struct Check {
    muxrate: Option<u64>,
    /// Bytes of a packet whose end has not come.
    partial: Vec<u8>,
    packets: u64,
    nulls: u64,
    continuity: BTreeMap<u16, Continuity>,
    tables: BTreeMap<u16, SectionAssembler>,
    map: Option<Pmt>,
    map_pid: Option<u16>,
    service: Option<Sdt>,
    timeline: Timeline,
    streams: BTreeMap<u16, StreamCheck>,
    violations: Violations,
}

/// What one PID's continuity counter has been.
#[derive(Clone, Copy, Debug)]
struct Continuity {
    last: u8,
    repeated: bool,
}

/// Sentences about what is wrong: the first ones, and how many there are.
#[derive(Clone, Debug, Default)]
struct Violations {
    texts: Vec<String>,
    count: u64,
}

impl Check {
    /// A checker at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Holds the stream to a constant rate, in bit/s: each clock reference has to be right by its position to 500 ns.
    #[must_use]
    pub fn with_muxrate(self, bits_per_second: u64) -> Self {
        Self { muxrate: Some(bits_per_second), ..self }
    }

    /// Takes the next bytes, any number of them.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (more, after) = rest.split_at(rest.len().min(PACKET - self.partial.len()));
            self.partial.extend_from_slice(more);
            rest = after;
            if self.partial.len() == PACKET {
                let packet = core::mem::take(&mut self.partial);
                self.read(&packet);
                self.packets += 1;
            }
        }
    }

    /// What was measured so far.
    pub fn report(&self) -> Report {
        self.clone().finish()
    }

    fn finish(mut self) -> Report {
        if !self.partial.is_empty() {
            let text = format!("the stream ends with {} bytes of a packet", self.partial.len());
            self.violations.add(self.packets, text);
        }
        self.end_time();
        for (missing, what) in [
            (self.timeline.pat.is_empty(), "program association table"),
            (self.timeline.pmt.is_empty(), "program map table"),
            (self.timeline.sdt.is_empty(), "service description table"),
            (!self.timeline.has_clock(), "program clock reference"),
            (self.service.as_ref().is_none_or(|service| service.name.is_empty()), "service name"),
        ] {
            if missing {
                self.violations.add(self.packets, format!("the stream has no {what}"));
            }
        }
        Report::new(self)
    }

    /// The stream ends here, or its clock begins anew.
    fn end_time(&mut self) {
        self.streams
            .values_mut()
            .for_each(|stream| stream.end_time(&mut self.timeline, &mut self.violations));
        self.timeline.finish();
        self.judge_events();
    }

    fn read(&mut self, bytes: &[u8]) {
        let Some(packet) = TsPacket::parse(bytes) else {
            let first = bytes.first().copied().unwrap_or_default();
            let text = if first == SYNC_BYTE {
                "an adaptation field is longer than its packet".to_owned()
            } else {
                format!("{first:#04x} in place of the sync byte {SYNC_BYTE:#x}")
            };
            return self.violations.add(self.packets, text);
        };
        if packet.damaged {
            self.violations.add(self.packets, format!("PID {:#x} has its error indicator set", packet.pid));
        }
        if packet.pid == NULL_PID {
            self.nulls += 1;
            return;
        }
        self.check_continuity(&packet);
        if let Some(pcr) = packet.adaptation.pcr
            && self.map.as_ref().is_some_and(|map| map.pcr_pid == packet.pid)
        {
            self.check_clock(pcr, packet.adaptation.discontinuity);
        }
        match packet.pid {
            PAT_PID | SDT_PID => self.read_table(&packet),
            pid if Some(pid) == self.map_pid => self.read_table(&packet),
            pid => {
                if let Some(stream) = self.streams.get_mut(&pid) {
                    stream.read(self.packets, &packet, &mut self.timeline, &mut self.violations);
                }
            }
        }
    }

    fn check_continuity(&mut self, packet: &TsPacket<'_>) {
        let now = packet.continuity;
        let Some(state) = self.continuity.get_mut(&packet.pid) else {
            self.continuity.insert(packet.pid, Continuity { last: now, repeated: false });
            return;
        };
        let expected = match packet.payload {
            Some(_) => state.last.wrapping_add(1) & 0x0F,
            None => state.last,
        };
        let repeats = packet.payload.is_some() && now == state.last && !state.repeated;
        let right = now == expected || repeats || packet.adaptation.discontinuity;
        *state = Continuity { last: now, repeated: repeats };
        if !right {
            let text = format!("PID {:#x} counts {now} where {expected} follows", packet.pid);
            self.violations.add(self.packets, text);
        }
    }

    fn check_clock(&mut self, pcr: Pcr, discontinuity: bool) {
        if discontinuity {
            self.end_time();
            self.timeline.restart();
        }
        let step = self.timeline.tick(self.packets, pcr);
        self.judge_events();
        let Some(step) = step else { return };
        if step <= 0 {
            self.violations.add(self.packets, format!("the clock goes back by {} ms", millis(-step)));
        } else if step > MAX_PCR_INTERVAL {
            self.violations.add(self.packets, format!("no clock reference for {} ms", millis(step)));
        }
        if let Some(rate) = self.muxrate {
            let error = self.timeline.error_against(rate);
            if error.abs() > MAX_PCR_ERROR {
                let nanos = error * 1_000 / 27;
                self.violations
                    .add(self.packets, format!("the clock is {nanos} ns from what {rate} bit/s make it"));
            }
        }
    }

    /// Judges what has got its time by the last clock reference.
    fn judge_events(&mut self) {
        for (packet, at, event) in self.timeline.take_timed() {
            let (what, interval, limit) = match event {
                Event::Pat => ("PAT", self.timeline.pat.note(at), MAX_TABLE_INTERVAL),
                Event::Pmt => ("PMT", self.timeline.pmt.note(at), MAX_TABLE_INTERVAL),
                Event::Sdt => ("SDT", self.timeline.sdt.note(at), MAX_SDT_INTERVAL),
                Event::UnitEnds { pid, dts } => {
                    let ahead = dts.since(Pcr::wrapping(at));
                    if let Some(stream) = self.streams.get_mut(&pid) {
                        stream.note_ahead(ahead);
                    }
                    if ahead < 0 {
                        let text = format!("PID {pid:#x} comes {} ms after its dts", millis(-ahead));
                        self.violations.add(packet, text);
                    }
                    continue;
                }
            };
            if interval.is_some_and(|interval| interval > limit) {
                let text = format!("no {what} for {} ms", millis(interval.unwrap_or_default()));
                self.violations.add(packet, text);
            }
        }
    }

    fn read_table(&mut self, packet: &TsPacket<'_>) {
        let Some(payload) = packet.payload else { return };
        let mut assembler = self.tables.remove(&packet.pid).unwrap_or_default();
        assembler.push(payload, packet.unit_start, |bytes| match Section::parse(bytes) {
            Some(section) => self.read_section(packet.pid, &section),
            None => {
                let text = format!("PID {:#x} has a section with a wrong CRC or length", packet.pid);
                self.violations.add(self.packets, text);
            }
        });
        self.tables.insert(packet.pid, assembler);
    }

    fn read_section(&mut self, pid: u16, section: &Section<'_>) {
        let packet = self.packets;
        if pid == PAT_PID
            && let Some(pat) = Pat::parse(section)
        {
            self.timeline.happens(packet, Event::Pat);
            self.map_pid = pat.programs.first().map(|(_, pid)| *pid);
        } else if pid == SDT_PID
            && let Some(sdt) = Sdt::parse(section)
        {
            self.timeline.happens(packet, Event::Sdt);
            self.service = Some(sdt);
        } else if let Some(map) = Pmt::parse(section) {
            self.timeline.happens(packet, Event::Pmt);
            for stream in &map.streams {
                self.streams
                    .entry(stream.pid)
                    .or_insert_with(|| StreamCheck::new(stream.pid, stream.stream_type));
            }
            self.map = Some(map);
        }
    }
}

impl Violations {
    /// More are counted, not kept.
    const KEPT: usize = 1_000;

    fn add(&mut self, packet: u64, text: String) {
        self.count += 1;
        if self.texts.len() < Self::KEPT {
            self.texts.push(format!("packet {packet}: {text}"));
        }
    }
}

/// Ticks of 27 MHz in milliseconds, for people.
fn millis(ticks: i64) -> f64 {
    // To the microsecond, which fits a whole number: `core` has no `round`.
    ((ticks + 13 * ticks.signum()) / 27) as f64 / 1_000.0
}
