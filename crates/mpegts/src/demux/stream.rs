//! One elementary stream: continuity, PES packets out of transport packets, and on to the codec's own reader.

use alloc::boxed::Box;
use alloc::vec::Vec;

use brooklet_media::CodecId;

use crate::clock::{Unwrap, ticks_since};
use crate::descriptor;
use crate::elementary::{self, Elementary, Found};
use crate::packet::TsPacket;
use crate::pes::{PesHeader, PesStart, Times};
use crate::psi::PmtStream;

/// An elementary stream of a program.
pub(super) struct EsStream {
    /// What the program map said of it at first.
    mapped: PmtStream,
    /// Its program, by index.
    pub(super) program: usize,
    /// What the program map says that it is.
    pub(super) codec: CodecId,
    /// Its language.
    pub(super) language: Option<[u8; 3]>,
    /// Whether any payload has come in the clear.
    pub(super) has_data: bool,
    reader: Box<dyn Elementary>,
    continuity: Continuity,
    state: State,
    /// The bytes of a PES header that goes on in the next packet.
    header: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// For the next PES packet.
    Waiting,
    /// For the rest of its header.
    Header,
    /// For its payload: so many bytes, or until the next PES packet begins.
    Payload(Option<usize>),
}

impl EsStream {
    /// A stream of the program with this index; `None` where it does not travel in PES packets.
    pub(super) fn new(mapped: PmtStream, program: usize) -> Option<Self> {
        let (codec, reader) = elementary::reader(&mapped)?;
        Some(Self {
            program,
            codec,
            language: descriptor::language_in(&mapped.descriptors),
            has_data: false,
            reader,
            continuity: Continuity::default(),
            state: State::Waiting,
            header: Vec::new(),
            mapped,
        })
    }

    /// The same stream, of which nothing has been read.
    pub(super) fn anew(&self) -> Option<Self> {
        let stream = Self::new(self.mapped.clone(), self.program)?;
        Some(Self { has_data: self.has_data, ..stream })
    }

    /// Its packet identifier.
    pub(super) fn pid(&self) -> u16 {
        self.mapped.pid
    }

    /// Whether its own bytes will not say more of it than the map does.
    pub(super) fn is_opaque(&self) -> bool {
        matches!(self.codec, CodecId::Unknown(_))
    }

    /// Whether a program map still means this stream, if with other descriptors.
    pub(super) fn is(&self, mapped: &PmtStream) -> bool {
        let same = |a: &PmtStream| (a.pid, a.stream_type, descriptor::registration_in(&a.descriptors));
        same(&self.mapped) == same(mapped)
    }

    /// Takes a packet of its PID; `false` where packets before it were lost, or it makes the stream hold more than
    /// `limit` bytes.
    pub(super) fn read(
        &mut self,
        packet: &TsPacket<'_>,
        clock: &mut Unwrap,
        limit: usize,
        found: &mut Vec<Found>,
    ) -> bool {
        let step = self.continuity.step(packet);
        let Some(payload) = packet.payload.filter(|_| step != Step::Repeated) else { return true };
        let lost = step == Step::Lost;
        if lost {
            self.damage(found);
        }
        if packet.scrambled {
            self.damage(found);
            return !lost;
        }
        self.has_data = true;
        if packet.unit_start {
            self.end_pes(found);
            self.state = State::Header;
        }
        match self.state {
            State::Waiting => {}
            State::Header => self.read_header(payload, clock, found),
            State::Payload(_) => self.read_payload(payload, found),
        }
        let too_much = self.reader.held() > self.reader.limit().min(limit);
        if too_much {
            self.damage(found);
        }
        !lost && !too_much
    }

    /// Gives everything that is held: nothing that comes will go on from it.
    pub(super) fn flush(&mut self, found: &mut Vec<Found>) {
        self.end_pes(found);
        self.reader.flush(found);
        self.continuity = Continuity::default();
    }

    fn end_pes(&mut self, found: &mut Vec<Found>) {
        // One whose length promised more is taken as it is: the packets that came are all there.
        if matches!(self.state, State::Payload(_)) {
            self.reader.complete(found);
        }
        self.header.clear();
        self.state = State::Waiting;
    }

    fn damage(&mut self, found: &mut Vec<Found>) {
        self.reader.damage(found);
        self.header.clear();
        self.state = State::Waiting;
    }

    fn read_header(&mut self, payload: &[u8], clock: &mut Unwrap, found: &mut Vec<Found>) {
        if self.header.is_empty() {
            self.begin_pes(payload, clock, found);
        } else {
            self.header.extend_from_slice(payload);
            let header = core::mem::take(&mut self.header);
            self.begin_pes(&header, clock, found);
        }
    }

    /// Takes the first bytes of a PES packet.
    fn begin_pes(&mut self, bytes: &[u8], clock: &mut Unwrap, found: &mut Vec<Found>) {
        match PesHeader::parse(bytes) {
            PesStart::Header(header) => {
                self.reader.start(header.times.map(|times| unwrap(times, clock)));
                self.state = State::Payload(header.payload);
                self.read_payload(bytes.get(header.size..).unwrap_or_default(), found);
            }
            PesStart::Incomplete if bytes.len() < PesHeader::MAX => self.header.extend_from_slice(bytes),
            PesStart::Incomplete | PesStart::Invalid => self.damage(found),
        }
    }

    fn read_payload(&mut self, bytes: &[u8], found: &mut Vec<Found>) {
        let State::Payload(left) = &mut self.state else { return };
        let Some(left) = left else { return self.reader.append(bytes, found) };
        let taken = bytes.len().min(*left);
        *left -= taken;
        let complete = *left == 0;
        self.reader.append(&bytes[..taken], found);
        if complete {
            self.end_pes(found);
        }
    }
}

fn unwrap(times: Times, clock: &mut Unwrap) -> Times {
    let dts = clock.time(times.dts);
    Times { pts: dts.saturating_add(ticks_since(times.pts, times.dts)), dts }
}

/// Follows the continuity counter of one PID (ISO/IEC 13818-1 §2.4.3.3).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Continuity {
    last: Option<u8>,
    repeated: bool,
}

/// What the continuity counter says of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// It follows on the last one.
    Next,
    /// It is the last one, sent again.
    Repeated,
    /// Packets between are missing.
    Lost,
}

impl Continuity {
    pub(super) fn step(&mut self, packet: &TsPacket<'_>) -> Step {
        if packet.adaptation.discontinuity {
            self.last = None;
        }
        if packet.payload.is_none() {
            return Step::Next;
        }
        let step = match self.last {
            Some(last) if packet.continuity == last && !self.repeated => Step::Repeated,
            Some(last) if packet.continuity != last.wrapping_add(1) & 0x0F => Step::Lost,
            _ => Step::Next,
        };
        (self.last, self.repeated) = (Some(packet.continuity), step == Step::Repeated);
        step
    }
}
