//! What the checker measured.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::Check;
use crate::packet::PACKET;

/// What a [`Check`] measured. [`fmt::Display`] prints all of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// Packets of 188 bytes.
    pub packets: u64,
    /// How many of them were null packets.
    pub null_packets: u64,
    /// From the first clock reference to the last.
    pub duration: Duration,
    /// Average bit/s between them.
    pub bit_rate: u64,
    /// Clock references.
    pub pcr_count: u64,
    /// The longest time between two of them.
    pub pcr_interval: Duration,
    /// How often the clock passed 2^33 and began again.
    pub pcr_wraps: u64,
    /// The longest time between two program association tables.
    pub pat_interval: Duration,
    /// The longest time between two program maps.
    pub pmt_interval: Duration,
    /// The longest time between two service descriptions.
    pub sdt_interval: Duration,
    /// Provider and name of the service.
    pub service: Option<(String, String)>,
    /// The elementary streams in the order of their PIDs.
    pub streams: Vec<StreamReport>,
    violations: Vec<String>,
    violation_count: u64,
}

/// What was measured of one elementary stream.
#[derive(Clone, PartialEq, Debug)]
pub struct StreamReport {
    /// Its PID.
    pub pid: u16,
    /// Its stream_type in the program map.
    pub stream_type: u8,
    /// Transport packets.
    pub packets: u64,
    /// PES packets.
    pub units: u64,
    /// PES packets with an IDR or other random access picture.
    pub key_units: u64,
    /// The least and the most time in milliseconds from the arrival of a unit's last byte to its dts; negative where
    /// it came too late.
    pub ahead_ms: Option<(f64, f64)>,
}

impl Report {
    pub(super) fn new(check: Check) -> Self {
        let Check { timeline, violations, .. } = check;
        let (ticks, packets) = timeline.span();
        let bits = u128::from(packets) * 8 * PACKET as u128;
        let streams = check.streams.values().map(|stream| StreamReport {
            pid: stream.pid,
            stream_type: stream.stream_type,
            packets: stream.packets,
            units: stream.units,
            key_units: stream.key_units,
            ahead_ms: stream.ahead.map(|(least, most)| (super::millis(least), super::millis(most))),
        });
        Self {
            packets: check.packets,
            null_packets: check.nulls,
            duration: duration(ticks),
            bit_rate: if ticks > 0 { (bits * 27_000_000 / ticks as u128) as u64 } else { 0 },
            pcr_count: timeline.references,
            pcr_interval: duration(timeline.max_interval),
            pcr_wraps: timeline.wraps,
            pat_interval: duration(timeline.pat.longest),
            pmt_interval: duration(timeline.pmt.longest),
            sdt_interval: duration(timeline.sdt.longest),
            service: check.service.map(|service| (service.provider, service.name)),
            streams: streams.collect(),
            violations: violations.texts,
            violation_count: violations.count,
        }
    }

    /// What is wrong, a sentence each, with the number of the packet (from 0): the first 1000.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |duration: &Duration| duration.as_secs_f64() * 1e3;
        let nulls = 100.0 * self.null_packets as f64 / self.packets.max(1) as f64;
        writeln!(
            f,
            "{} packets, {nulls:.1} % null, {:.3} s, {} bit/s",
            self.packets,
            self.duration.as_secs_f64(),
            self.bit_rate
        )?;
        match &self.service {
            Some((provider, name)) => writeln!(f, "service '{name}' by '{provider}'")?,
            None => writeln!(f, "no service")?,
        }
        writeln!(
            f,
            "longest intervals: PCR {:.1} ms, PAT {:.1} ms, PMT {:.1} ms, SDT {:.1} ms; {} PCRs, {} wraps",
            ms(&self.pcr_interval),
            ms(&self.pat_interval),
            ms(&self.pmt_interval),
            ms(&self.sdt_interval),
            self.pcr_count,
            self.pcr_wraps
        )?;
        for stream in &self.streams {
            let StreamReport { pid, stream_type, packets, units, key_units, ahead_ms } = stream;
            write!(
                f,
                "PID {pid:#x}: type {stream_type:#04x}, {packets} packets, {units} units, {key_units} key"
            )?;
            match ahead_ms {
                Some((least, most)) => writeln!(f, ", {least:.1} to {most:.1} ms ahead of dts")?,
                None => writeln!(f)?,
            }
        }
        match self.violation_count {
            0 => writeln!(f, "no violations"),
            count => {
                writeln!(f, "{count} violations:")?;
                self.violations.iter().try_for_each(|text| writeln!(f, "  {text}"))
            }
        }
    }
}

fn duration(ticks: i64) -> Duration {
    let ticks = u64::try_from(ticks).unwrap_or(0);
    Duration::from_nanos((u128::from(ticks) * 1_000 / 27).try_into().unwrap_or(u64::MAX))
}
