//! Transport packets of 188 bytes: the header and the adaptation field (ISO/IEC 13818-1 §2.4.3).

use bytes::BytesMut;

use crate::clock::Pcr;

/// Bytes of a transport packet.
pub(crate) const PACKET: usize = 188;
/// The first byte of every transport packet.
pub(crate) const SYNC_BYTE: u8 = 0x47;
/// The PID of packets that only fill (table 2-3).
pub(crate) const NULL_PID: u16 = 0x1FFF;
/// The most bytes of payload in a packet.
pub(crate) const MAX_PAYLOAD: usize = PACKET - HEADER;

const HEADER: usize = 4;
/// The length byte of an adaptation field, and its flags.
const FLAGS: usize = 2;
const PCR_BYTES: usize = 6;

/// One transport packet, read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TsPacket<'a> {
    /// transport_error_indicator: a demodulator saw that this packet is damaged.
    pub(crate) damaged: bool,
    /// payload_unit_start_indicator: a PES packet begins with the payload, or a section begins in it.
    pub(crate) unit_start: bool,
    /// Packet identifier, 13 bits.
    pub(crate) pid: u16,
    /// Whether transport_scrambling_control says that the payload is encrypted.
    pub(crate) scrambled: bool,
    /// continuity_counter, 0 to 15: counts the packets of this PID that have payload.
    pub(crate) continuity: u8,
    /// What the adaptation field says; nothing where there is none.
    pub(crate) adaptation: Adaptation,
    /// The payload; `None` where adaptation_field_control says that there is none.
    pub(crate) payload: Option<&'a [u8]>,
}

/// What an adaptation field says (§2.4.3.4), as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Adaptation {
    /// discontinuity_indicator: the clock or the continuity counter starts anew here.
    pub(crate) discontinuity: bool,
    /// random_access_indicator: decoding can start here.
    pub(crate) random_access: bool,
    /// The program clock reference.
    pub(crate) pcr: Option<Pcr>,
}

impl<'a> TsPacket<'a> {
    /// Reads a packet; `None` where it does not begin with [`SYNC_BYTE`], is shorter than [`PACKET`], or has an
    /// adaptation field that does not fit.
    pub(crate) fn parse(packet: &'a [u8]) -> Option<Self> {
        let packet: &[u8; PACKET] = packet.first_chunk()?;
        let [sync, flags, pid_low, control, ..] = *packet;
        if sync != SYNC_BYTE {
            return None;
        }
        let mut rest = &packet[HEADER..];
        let mut adaptation = Adaptation::default();
        if control & 0x20 != 0 {
            let (field, after) = rest[1..].split_at_checked(usize::from(rest[0]))?;
            adaptation = Adaptation::parse(field);
            rest = after;
        }
        Some(Self {
            damaged: flags & 0x80 != 0,
            unit_start: flags & 0x40 != 0,
            pid: u16::from(flags & 0x1F) << 8 | u16::from(pid_low),
            scrambled: control & 0xC0 != 0,
            continuity: control & 0x0F,
            adaptation,
            payload: (control & 0x10 != 0).then_some(rest),
        })
    }
}

impl Adaptation {
    fn parse(field: &[u8]) -> Self {
        let Some((flags, rest)) = field.split_first() else { return Self::default() };
        Self {
            discontinuity: flags & 0x80 != 0,
            random_access: flags & 0x40 != 0,
            pcr: (flags & 0x10 != 0).then(|| rest.first_chunk().map(Pcr::from_field)).flatten(),
        }
    }

    const fn flags(&self) -> u8 {
        (self.discontinuity as u8) << 7 | (self.random_access as u8) << 6 | (self.pcr.is_some() as u8) << 4
    }

    /// Bytes of the field, its length byte included; 0 where it says nothing and so can be left out.
    const fn size(&self) -> usize {
        match (self.flags(), self.pcr) {
            (0, _) => 0,
            (_, None) => FLAGS,
            (_, Some(_)) => FLAGS + PCR_BYTES,
        }
    }
}

/// What the header of a packet to be written says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct PacketHead {
    /// Packet identifier, 13 bits.
    pub(crate) pid: u16,
    /// payload_unit_start_indicator.
    pub(crate) unit_start: bool,
    /// continuity_counter, 0 to 15.
    pub(crate) continuity: u8,
    /// The adaptation field.
    pub(crate) adaptation: Adaptation,
}

impl PacketHead {
    /// How many bytes of payload such a packet has room for.
    pub(crate) const fn room(&self) -> usize {
        MAX_PAYLOAD - self.adaptation.size()
    }

    /// Appends a packet with as much of `payload` as it has room for, stuffed where that is less, and returns how
    /// many bytes it took. Without payload it is a packet of adaptation field only.
    pub(crate) fn write(&self, payload: &[u8], out: &mut BytesMut) -> usize {
        let taken = payload.len().min(self.room());
        let mut packet = [0xFF; PACKET];
        let body = PACKET - taken;
        self.put_head(&mut packet[..body], taken > 0);
        packet[body..].copy_from_slice(&payload[..taken]);
        out.extend_from_slice(&packet);
        taken
    }

    /// Fills `head`, all that stands before the payload; what the adaptation field does not need is stuffing.
    fn put_head(&self, head: &mut [u8], has_payload: bool) {
        let field = head.len() - HEADER;
        head[0] = SYNC_BYTE;
        head[1] = (self.unit_start as u8) << 6 | (self.pid >> 8) as u8 & 0x1F;
        head[2] = self.pid as u8;
        head[3] = ((field > 0) as u8) << 5 | (has_payload as u8) << 4 | self.continuity & 0x0F;
        if field > 0 {
            head[HEADER] = (field - 1) as u8;
        }
        if field > 1 {
            head[HEADER + 1] = self.adaptation.flags();
        }
        if let Some(pcr) = self.adaptation.pcr
            && let Some(place) = head.get_mut(HEADER + FLAGS..HEADER + FLAGS + PCR_BYTES)
        {
            place.copy_from_slice(&pcr.to_field());
        }
    }
}

/// A packet that only fills.
pub(crate) const NULL_PACKET: [u8; PACKET] = {
    let mut packet = [0xFF; PACKET];
    packet[0] = SYNC_BYTE;
    packet[1] = (NULL_PID >> 8) as u8;
    packet[2] = NULL_PID as u8;
    packet[3] = 0x10;
    packet
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_null_packet_reads_as_one() {
        let packet = TsPacket::parse(&NULL_PACKET).unwrap();
        assert_eq!((packet.pid, packet.payload.map(<[u8]>::len)), (NULL_PID, Some(MAX_PAYLOAD)));
    }

    #[test]
    fn an_adaptation_field_past_the_end_is_refused() {
        let mut packet = NULL_PACKET;
        (packet[3], packet[4]) = (0x30, 184);
        assert_eq!(TsPacket::parse(&packet), None);
        packet[4] = 183;
        assert_eq!(TsPacket::parse(&packet).and_then(|packet| packet.payload), Some(&[][..]));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            pid in 0u16..0x2000, unit_start: bool, continuity in 0u8..16, flags: (bool, bool),
            pcr in prop::option::of(0u64..Pcr::WRAP), payload in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let adaptation = Adaptation {
                discontinuity: flags.0, random_access: flags.1, pcr: pcr.map(Pcr::new),
            };
            let head = PacketHead { pid, unit_start, continuity, adaptation };
            let mut out = BytesMut::new();
            let taken = head.write(&payload, &mut out);
            prop_assert_eq!(out.len(), PACKET);
            let read = TsPacket::parse(&out).unwrap();
            prop_assert_eq!((read.pid, read.unit_start, read.continuity), (pid, unit_start, continuity));
            prop_assert_eq!(read.adaptation, adaptation);
            prop_assert_eq!(read.payload.unwrap_or_default(), &payload[..taken]);
            prop_assert_eq!(taken, payload.len().min(head.room()));
        }
    }
}
