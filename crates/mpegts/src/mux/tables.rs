//! The tables of the one program: what it consists of, and what it is called.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use brooklet_media::{Error, Metadata, Result};
use bytes::BytesMut;

use super::TsMuxerOptions;
use super::track::Track;
use crate::demux::NAME;
use crate::psi::{PAT_PID, Pat, Pmt, SDT_PID, Sdt, write_packets};

/// The program's number.
const PROGRAM: u16 = 1;
/// service_type: digital television and radio.
const TELEVISION: u8 = 1;
const RADIO: u8 = 2;
/// The longest section of a program map (ISO/IEC 13818-1 §2.4.4.9).
const MAX_MAP: u64 = 1_024;

/// Sections ready to be sent, each with the continuity counter of its PID.
pub(super) struct Tables {
    pat: Sections,
    map: Sections,
    sdt: Sections,
    map_version: u8,
    clock: usize,
}

struct Sections {
    pid: u16,
    bytes: Vec<u8>,
    continuity: u8,
}

impl Tables {
    /// The tables of a program with these tracks, the clock on the one with the index `clock`.
    pub(super) fn new(
        options: &TsMuxerOptions,
        metadata: &Metadata,
        tracks: &[Track],
        clock: usize,
    ) -> Result<Self> {
        let tag = |key: &str| metadata.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
        let or_tag = |option: &Option<String>, key: &str, default: &str| {
            option.clone().or_else(|| tag(key)).unwrap_or_else(|| default.to_owned())
        };
        let transport_stream = options.transport_stream_id;
        let sdt = Sdt {
            transport_stream,
            service: PROGRAM,
            service_type: if tracks.iter().any(Track::is_video) { TELEVISION } else { RADIO },
            provider: or_tag(&options.service_provider, "service_provider", "Brooklet"),
            name: or_tag(&options.service_name, "service_name", "Service01"),
        };
        let pat = Pat { transport_stream, programs: vec![(PROGRAM, options.pmt_pid)] };
        let sections = |pid, bytes| Sections { pid, bytes, continuity: 0 };
        Ok(Self {
            pat: sections(PAT_PID, pat.build(0)),
            map: sections(options.pmt_pid, map(tracks, clock, 0)?),
            sdt: sections(SDT_PID, sdt.build(0)),
            map_version: 0,
            clock,
        })
    }

    /// The tracks have changed: the program map gets a new version.
    pub(super) fn change_map(&mut self, tracks: &[Track]) -> Result<()> {
        let version = self.map_version.wrapping_add(1) & 0x1F;
        self.map.bytes = map(tracks, self.clock, version)?;
        self.map_version = version;
        Ok(())
    }

    /// Appends the packets of the program tables.
    pub(super) fn write_program(&mut self, out: &mut BytesMut) {
        self.pat.write(out);
        self.map.write(out);
    }

    /// Appends the packets of the service description.
    pub(super) fn write_service(&mut self, out: &mut BytesMut) {
        self.sdt.write(out);
    }
}

impl Sections {
    fn write(&mut self, out: &mut BytesMut) {
        write_packets(&self.bytes, self.pid, &mut self.continuity, out);
    }
}

fn map(tracks: &[Track], clock: usize, version: u8) -> Result<Vec<u8>> {
    let map = Pmt {
        program: PROGRAM,
        pcr_pid: tracks.get(clock).map_or(0x1FFF, Track::pid),
        streams: tracks.iter().map(Track::mapped).collect(),
    };
    let needed: usize = map.streams.iter().map(|stream| 5 + stream.descriptors.len()).sum();
    Error::check_limit(NAME, "length of the program map", needed as u64 + 16, MAX_MAP)?;
    Ok(map.build(version))
}
