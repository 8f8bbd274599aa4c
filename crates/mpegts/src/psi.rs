//! Program specific information: sections and the tables in them (ISO/IEC 13818-1 §2.4.4, ETSI EN 300 468).

mod section;
mod tables;

pub(crate) use section::{Section, SectionAssembler, write_packets};
pub(crate) use tables::{Pat, Pmt, PmtStream, Sdt};

/// The PID of the program association table.
pub(crate) const PAT_PID: u16 = 0;
/// The PID of the service description table (EN 300 468 table 1).
pub(crate) const SDT_PID: u16 = 0x11;
