//! What is sent when: the packets of all PIDs, tables, clock references and null packets into one row.

use alloc::vec::Vec;

use brooklet_media::{Piece, Result};

use super::output::{Output, PACKETS_IN_PIECE};
use super::tables::Tables;
use super::track::Track;
use super::{TsMuxerOptions, ticks_of};
use crate::clock::{PCR_HZ, PCR_PER_TICK, Pcr};
use crate::packet::{Adaptation, NULL_PACKET, PACKET, PacketHead};

/// The longest periods that are allowed, in ticks of 27 MHz: 100 ms, 40 ms.
const MAX_PROGRAM_PERIOD: i64 = PCR_HZ / 10;
const MAX_CLOCK_PERIOD: i64 = PCR_HZ / 25;
/// Shorter ones would leave no room for media: 1 ms.
const MIN_PERIOD: i64 = PCR_HZ / 1_000;
/// At a constant rate, a pause is filled with no more null packets than this: 32 MB.
const MAX_FILL: i64 = 32_000_000 / PACKET as i64;

/// The row of packets. All its times are media times, those of the packets' dts, in ticks of 27 MHz.
pub(super) struct Multiplex {
    tables: Tables,
    lanes: Vec<Lane>,
    clock_lane: usize,
    pace: Pace,
    /// When the next packet is sent.
    now: i64,
    /// What the clock that is sent is ahead of `now`, while anything has been sent.
    ahead: i64,
    delay: i64,
    started: bool,
    /// Whether the next clock reference has to say that it does not follow on the last.
    jumped: bool,
    program: Due,
    service: Due,
    clock: Due,
    output: Output,
}

/// One access unit that is to be sent.
pub(super) struct Unit<'a> {
    /// The index of its stream.
    pub(super) lane: usize,
    /// Its PES packet.
    pub(super) pes: &'a [u8],
    /// Whether decoding can start at it.
    pub(super) random_access: bool,
    /// Whether the program tables have to stand before it.
    pub(super) wants_tables: bool,
    /// Until when its packets may be spread.
    pub(super) end: i64,
}

struct Lane {
    pid: u16,
    /// The counter of the next packet with payload.
    continuity: u8,
}

/// What comes again and again.
#[derive(Clone, Copy)]
struct Due {
    period: i64,
    next: i64,
}

/// How time passes from packet to packet.
#[derive(Clone, Copy)]
enum Pace {
    /// As the media says.
    Free,
    /// By the bytes that were sent.
    Constant { bits_per_second: u64, start: i64, packets: u64 },
}

impl Multiplex {
    pub(super) fn new(options: &TsMuxerOptions, tables: Tables, pids: Vec<u16>, clock_lane: usize) -> Self {
        let period = |duration, most: i64| Due {
            period: (ticks_of(duration) * PCR_PER_TICK).clamp(MIN_PERIOD, most),
            next: 0,
        };
        Self {
            tables,
            lanes: pids.into_iter().map(|pid| Lane { pid, continuity: 0 }).collect(),
            clock_lane,
            pace: match options.muxrate {
                Some(bits_per_second) => {
                    Pace::Constant { bits_per_second: bits_per_second.max(1), start: 0, packets: 0 }
                }
                None => Pace::Free,
            },
            now: 0,
            ahead: 0,
            delay: ticks_of(options.mux_delay) * PCR_PER_TICK,
            started: false,
            jumped: false,
            program: period(options.pat_period, MAX_PROGRAM_PERIOD),
            service: period(options.sdt_period, PCR_HZ),
            clock: period(options.pcr_period, MAX_CLOCK_PERIOD),
            output: Output::default(),
        }
    }

    /// Makes ready for a unit that is due then. Times in the stream are `shift` later than media times. A pause of more
    /// than `max_gap` is not filled: the clock jumps.
    pub(super) fn prepare(&mut self, due: i64, shift: i64, max_gap: i64) {
        let max_gap = match self.pace {
            Pace::Free => max_gap,
            Pace::Constant { .. } => max_gap.min(self.slot().saturating_mul(MAX_FILL)),
        };
        if !self.started || due - self.now > max_gap {
            self.jumped = self.started;
            self.started = true;
            self.ahead = shift - self.delay;
            self.jump(due);
        }
    }

    /// Lets time pass until `due`, sending what comes due meanwhile; `false` where it stopped before, with a piece to be
    /// taken, which it does not do `at_once`. At a constant rate time takes packets: null packets where nothing is due.
    pub(super) fn pass(&mut self, due: i64, at_once: bool) -> bool {
        self.pass_what_is_due(due);
        while self.now < due {
            if !at_once && self.output.held() > 0 {
                return false;
            }
            let packets = if self.is_quiet_until(due) { self.output.fill(self.now) } else { 0 };
            if packets > 0 {
                self.count_packets(packets);
            } else {
                self.output.packets(self.now).extend_from_slice(&NULL_PACKET);
                self.count_packets(1);
            }
            self.pass_what_is_due(due);
        }
        true
    }

    /// Sends a unit.
    pub(super) fn send(&mut self, unit: &Unit<'_>) {
        if unit.wants_tables {
            self.output.begin_piece(true);
            self.write_program_tables();
        }
        let begin = self.now;
        let mut rest = unit.pes;
        let mut sent = 0;
        let total = self.packets_for(unit);
        if unit.lane != self.clock_lane && self.clock.next <= self.now {
            self.output.begin_piece(false);
            self.write_clock();
        }
        while !rest.is_empty() {
            self.pass_what_is_due(spread(begin, unit.end, sent, total));
            let next = spread(begin, unit.end, sent + 1, total);
            let comes_due = self.clock.next < next.max(self.now + self.slot()) || self.clock.next <= self.now;
            let carries_clock =
                unit.lane == self.clock_lane && (comes_due || sent == 0 && self.clock_has_moved());
            let head = PacketHead {
                unit_start: sent == 0,
                adaptation: Adaptation {
                    random_access: unit.random_access && sent == 0,
                    ..self.clock_field(carries_clock)
                },
                ..PacketHead::default()
            };
            rest = &rest[self.write_media(unit.lane, head, rest)..];
            sent += 1;
        }
        self.pass_what_is_due(unit.end);
        self.output.cut();
    }

    /// The program map has changed.
    pub(super) fn change_map(&mut self, tracks: &[Track]) -> Result<()> {
        self.tables.change_map(tracks)?;
        self.program.next = self.now;
        Ok(())
    }

    /// Sends the tables if nothing was sent at all.
    pub(super) fn finish(&mut self) {
        if !self.started {
            self.started = true;
            self.write_program_tables();
        }
        self.output.cut();
    }

    /// What the clock that is sent says now, in ticks of 27 MHz that do not wrap.
    pub(super) fn clock(&self) -> i64 {
        self.now + self.ahead
    }

    pub(super) fn poll_piece(&mut self) -> Option<Piece> {
        self.output.poll()
    }

    /// How many pieces were made and not taken.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.output.held()
    }

    /// Begins anew at `now`, with tables.
    fn jump(&mut self, now: i64) {
        self.now = now;
        self.pace = match self.pace {
            Pace::Free => Pace::Free,
            Pace::Constant { bits_per_second, .. } => {
                Pace::Constant { bits_per_second, start: now, packets: 0 }
            }
        };
        (self.program.next, self.service.next, self.clock.next) = (now, now, now);
        self.output.begin_piece(true);
        self.write_program_tables();
        self.write_service_table();
    }

    /// Whether a whole piece of null packets can go out before `due` and before anything else has to.
    fn is_quiet_until(&self, due: i64) -> bool {
        let piece = PACKETS_IN_PIECE as i64 * (self.slot() + 1);
        due.min(self.next_due()) > self.now.saturating_add(piece)
    }

    /// When the next table or clock reference is due.
    fn next_due(&self) -> i64 {
        self.program.next.min(self.service.next).min(self.clock.next)
    }

    /// Sends the tables and clock references that are due before `time`, each at its moment. At a constant rate the
    /// moment is now: what would be due before the next packet ends is sent first.
    fn pass_what_is_due(&mut self, time: i64) {
        loop {
            let limit = match self.pace {
                Pace::Free => time,
                Pace::Constant { .. } => self.now + self.slot(),
            };
            let next = self.next_due();
            if next >= limit {
                break;
            }
            if matches!(self.pace, Pace::Free) {
                self.now = self.now.max(next);
            }
            if self.clock.next == next {
                self.output.begin_piece(false);
                self.write_clock();
            } else if self.program.next == next {
                self.write_program_tables();
            } else {
                self.write_service_table();
            }
        }
        if matches!(self.pace, Pace::Free) {
            self.now = self.now.max(time);
        }
    }

    fn write_program_tables(&mut self) {
        self.program.next = self.now + self.program.period;
        let out = self.output.packets(self.now);
        let before = out.len();
        self.tables.write_program(out);
        let packets = (out.len() - before) / PACKET;
        self.count_packets(packets);
    }

    fn write_service_table(&mut self) {
        self.service.next = self.now + self.service.period;
        let out = self.output.packets(self.now);
        let before = out.len();
        self.tables.write_service(out);
        let packets = (out.len() - before) / PACKET;
        self.count_packets(packets);
    }

    /// Sends the clock alone. Such a packet has no payload, and the continuity counter does not move.
    fn write_clock(&mut self) {
        let adaptation = self.clock_field(true);
        let Some(lane) = self.lanes.get(self.clock_lane) else { return };
        let continuity = lane.continuity.wrapping_sub(1) & 0x0F;
        let head = PacketHead { pid: lane.pid, unit_start: false, continuity, adaptation };
        head.write(&[], self.output.packets(self.now));
        self.count_packets(1);
    }

    /// Sends one packet of media and returns how many bytes of `payload` it took.
    fn write_media(&mut self, lane: usize, head: PacketHead, payload: &[u8]) -> usize {
        let Some(lane) = self.lanes.get_mut(lane) else { return payload.len() };
        if head.adaptation.pcr.is_some() {
            self.output.cut();
        }
        let head = PacketHead { pid: lane.pid, continuity: lane.continuity, ..head };
        let taken = head.write(payload, self.output.packets(self.now));
        lane.continuity = lane.continuity.wrapping_add(1) & 0x0F;
        self.count_packets(1);
        taken
    }

    /// The adaptation field of a packet that carries the clock or not.
    fn clock_field(&mut self, carries_clock: bool) -> Adaptation {
        if !carries_clock {
            return Adaptation::default();
        }
        self.clock.next = self.now + self.clock.period;
        let discontinuity = core::mem::take(&mut self.jumped);
        Adaptation { discontinuity, pcr: Some(Pcr::wrapping(self.clock())), ..Adaptation::default() }
    }

    /// Whether the last clock reference said another time than now.
    fn clock_has_moved(&self) -> bool {
        self.clock.next - self.clock.period < self.now
    }

    /// At a constant rate, the time that packets take passes.
    fn count_packets(&mut self, count: usize) {
        if let Pace::Constant { bits_per_second, start, packets } = &mut self.pace {
            *packets += count as u64;
            let bits = i128::from(*packets) * (8 * PACKET as i128);
            self.now = *start + (bits * i128::from(PCR_HZ) / i128::from(*bits_per_second)) as i64;
        }
    }

    /// The time that a packet takes at a constant rate.
    fn slot(&self) -> i64 {
        match self.pace {
            Pace::Free => 0,
            Pace::Constant { bits_per_second, .. } => {
                let bits_per_second = i64::try_from(bits_per_second).unwrap_or(i64::MAX);
                (8 * PACKET as i64 * PCR_HZ / bits_per_second).max(1)
            }
        }
    }

    /// How many packets a unit takes, give or take those that lose room to clock references.
    fn packets_for(&self, unit: &Unit<'_>) -> i64 {
        (unit.pes.len() / (PACKET - 4) + 1) as i64
    }
}

/// When the packet with the number `index` of `total` is due, if they are spread evenly.
fn spread(begin: i64, end: i64, index: i64, total: i64) -> i64 {
    begin + (end - begin).max(0) * index.min(total) / total.max(1)
}
