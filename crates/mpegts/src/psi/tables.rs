//! The tables: which programs there are, what is in each, and what it is called.

use alloc::string::String;
use alloc::vec::Vec;

use super::section::Section;
use crate::descriptor::{self, Descriptors};

const PAT: u8 = 0x00;
const PMT: u8 = 0x02;
const SDT: u8 = 0x42;

/// A program association table: one section of it (§2.4.4.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Pat {
    /// transport_stream_id.
    pub(crate) transport_stream: u16,
    /// Program numbers and the PIDs of their maps.
    pub(crate) programs: Vec<(u16, u16)>,
}

impl Pat {
    /// Reads it; `None` where the section is of another table or not yet in force.
    pub(crate) fn parse(section: &Section<'_>) -> Option<Self> {
        let (entries, _) = section.body.as_chunks::<4>();
        let programs = entries
            .iter()
            .map(|entry| (u16::from_be_bytes([entry[0], entry[1]]), pid(entry[2], entry[3])))
            .filter(|(program, _)| *program != 0) // 0 is the network's
            .collect();
        (section.table_id == PAT && section.current)
            .then_some(Self { transport_stream: section.extension, programs })
    }

    /// Its section's bytes.
    pub(crate) fn build(&self, version: u8) -> Vec<u8> {
        let body: Vec<u8> = self
            .programs
            .iter()
            .flat_map(|(program, pid)| [program.to_be_bytes(), (0xE000 | pid).to_be_bytes()])
            .flatten()
            .collect();
        build(PAT, self.transport_stream, version, &body)
    }
}

/// A program map table (§2.4.4.9).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Pmt {
    /// program_number.
    pub(crate) program: u16,
    /// The PID whose packets carry the program's clock; 0x1FFF for none.
    pub(crate) pcr_pid: u16,
    /// Its elementary streams.
    pub(crate) streams: Vec<PmtStream>,
}

/// An elementary stream in a program map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PmtStream {
    /// stream_type (table 2-34).
    pub(crate) stream_type: u8,
    /// Where it travels.
    pub(crate) pid: u16,
    /// What else is said of it.
    pub(crate) descriptors: Vec<u8>,
}

impl Pmt {
    /// Reads it; `None` where the section is of another table, not yet in force, or ends in the middle.
    pub(crate) fn parse(section: &Section<'_>) -> Option<Self> {
        let (&[pcr_high, pcr_low, info_high, info_low], rest) = section.body.split_first_chunk()?;
        let (_program_info, mut rest) = rest.split_at_checked(length(info_high, info_low))?;
        let mut streams = Vec::new();
        while let Some((&[stream_type, pid_high, pid_low, info_high, info_low], after)) =
            rest.split_first_chunk()
        {
            let (descriptors, after) = after.split_at_checked(length(info_high, info_low))?;
            let descriptors = descriptors.to_vec();
            streams.push(PmtStream { stream_type, pid: pid(pid_high, pid_low), descriptors });
            rest = after;
        }
        (section.table_id == PMT && section.current).then_some(Self {
            program: section.extension,
            pcr_pid: pid(pcr_high, pcr_low),
            streams,
        })
    }

    /// Its section's bytes.
    pub(crate) fn build(&self, version: u8) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend((0xE000 | self.pcr_pid).to_be_bytes());
        body.extend(0xF000u16.to_be_bytes()); // program_info_length
        for stream in &self.streams {
            body.push(stream.stream_type);
            body.extend((0xE000 | stream.pid).to_be_bytes());
            body.extend((0xF000 | stream.descriptors.len() as u16 & 0x0FFF).to_be_bytes());
            body.extend(&stream.descriptors);
        }
        build(PMT, self.program, version, &body)
    }
}

/// A service description table of one service (EN 300 468 §5.2.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sdt {
    /// transport_stream_id.
    pub(crate) transport_stream: u16,
    /// service_id: the program's number.
    pub(crate) service: u16,
    /// service_type: 1 television, 2 radio.
    pub(crate) service_type: u8,
    /// Who provides it.
    pub(crate) provider: String,
    /// What it is called.
    pub(crate) name: String,
}

impl Sdt {
    /// original_network_id of those who have none (ETSI TS 101 162: 0xFF00 to 0xFFFE are private).
    const NETWORK: u16 = 0xFF01;

    /// Reads the first service that has a name; `None` where there is none.
    pub(crate) fn parse(section: &Section<'_>) -> Option<Self> {
        let (_network_and_reserved, mut rest) = section.body.split_first_chunk::<3>()?;
        while let Some((head, after)) = rest.split_first_chunk::<5>() {
            let (descriptors, after) = after.split_at_checked(length(head[3], head[4]))?;
            let named = Descriptors(descriptors).find_map(|(tag, body)| {
                (tag == descriptor::SERVICE).then(|| descriptor::parse_service(body)).flatten()
            });
            if let Some((service_type, provider, name)) = named {
                let service = u16::from_be_bytes([head[0], head[1]]);
                return (section.table_id == SDT && section.current).then_some(Self {
                    transport_stream: section.extension,
                    service,
                    service_type,
                    provider,
                    name,
                });
            }
            rest = after;
        }
        None
    }

    /// Its section's bytes.
    pub(crate) fn build(&self, version: u8) -> Vec<u8> {
        let descriptors = descriptor::service(self.service_type, &self.provider, &self.name);
        let mut body = Vec::new();
        body.extend(Self::NETWORK.to_be_bytes());
        body.push(0xFF);
        body.extend(self.service.to_be_bytes());
        body.push(0xFC); // no event information follows
        body.extend((0x8000 | descriptors.len() as u16).to_be_bytes()); // running, not scrambled
        body.extend(descriptors);
        build(SDT, self.transport_stream, version, &body)
    }
}

fn build(table_id: u8, extension: u16, version: u8, body: &[u8]) -> Vec<u8> {
    Section { table_id, extension, version, current: true, body }.build()
}

const fn pid(high: u8, low: u8) -> u16 {
    (high as u16 & 0x1F) << 8 | low as u16
}

const fn length(high: u8, low: u8) -> usize {
    (high as usize & 0x0F) << 8 | low as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn streams() -> impl Strategy<Value = Vec<PmtStream>> {
        let stream = (any::<u8>(), 0u16..0x2000, prop::collection::vec(any::<u8>(), 0..20));
        prop::collection::vec(stream, 0..20).prop_map(|streams| {
            let of = |(stream_type, pid, descriptors)| PmtStream { stream_type, pid, descriptors };
            streams.into_iter().map(of).collect()
        })
    }

    proptest! {
        #[test]
        fn a_pat_reads_back(
            transport_stream: u16, programs in prop::collection::vec((1u16.., 0u16..0x2000), 0..40), version in 0u8..32,
        ) {
            let pat = Pat { transport_stream, programs };
            let bytes = pat.build(version);
            let section = Section::parse(&bytes).unwrap();
            prop_assert_eq!(section.version, version);
            prop_assert_eq!(Pat::parse(&section), Some(pat));
        }

        #[test]
        fn a_pmt_reads_back(program: u16, pcr_pid in 0u16..0x2000, streams in streams(), version in 0u8..32) {
            let pmt = Pmt { program, pcr_pid, streams };
            let bytes = pmt.build(version);
            prop_assert_eq!(Pmt::parse(&Section::parse(&bytes).unwrap()), Some(pmt));
        }

        #[test]
        fn an_sdt_reads_back(transport_stream: u16, service: u16, provider in "[ -~é]{0,40}", name in "[ -~ł]{0,40}") {
            let sdt = Sdt { transport_stream, service, service_type: 1, provider, name };
            let bytes = sdt.build(0);
            prop_assert_eq!(Sdt::parse(&Section::parse(&bytes).unwrap()), Some(sdt));
        }

        #[test]
        fn any_body_is_read_or_refused(table_id in prop::sample::select(vec![PAT, PMT, SDT]), body: Vec<u8>) {
            let section = Section { table_id, extension: 1, version: 0, current: true, body: &body };
            let _ = (Pat::parse(&section), Pmt::parse(&section), Sdt::parse(&section));
        }
    }
}
