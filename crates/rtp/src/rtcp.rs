//! RTCP packets (RFC 3550 §6): reports, descriptions of sources, goodbyes.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use crate::{Error, Result};

const SENDER: u8 = 200;
const RECEIVER: u8 = 201;
const DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
/// The item of a description that names its source for good (§6.5.1).
const CNAME: u8 = 1;
/// Reports in one packet; its count has five bits.
const MAX_REPORTS: usize = 31;

/// One packet of a compound.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Rtcp {
    /// From one who sends (§6.4.1).
    SenderReport {
        /// Who.
        ssrc: u32,
        /// How its clocks stand.
        info: SenderInfo,
        /// What it receives itself.
        reports: Vec<ReportBlock>,
    },
    /// From one who only receives (§6.4.2).
    ReceiverReport {
        /// Who.
        ssrc: u32,
        /// What it receives.
        reports: Vec<ReportBlock>,
    },
    /// The names of sources that last (§6.5).
    Cname(Vec<(u32, String)>),
    /// These sources send no more (§6.6).
    Bye(Vec<u32>),
    /// Another kind, which is passed over.
    Other(u8),
}

/// How a sender's clocks stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SenderInfo {
    /// Wall clock: seconds since 1900 in the upper, their fraction in the lower 32 bits.
    pub ntp: u64,
    /// The same moment on the clock of the media.
    pub timestamp: u32,
    /// Packets sent so far.
    pub packets: u32,
    /// Bytes of payload sent so far.
    pub bytes: u32,
}

/// What one receiver has of one source (§6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: u32,
    /// Parts of 256 that were lost since the last report.
    pub fraction_lost: u8,
    /// Packets lost so far; below zero where some came twice. 24 bits.
    pub lost: i32,
    /// The highest sequence number, with the number of its wraps above it.
    pub highest: u32,
    /// In ticks of the media's clock.
    pub jitter: u32,
    /// The middle of the last sender report's `ntp`, 0 where there was none.
    pub last_report: u32,
    /// How long ago that came, in 1/65536 s.
    pub since_report: u32,
}

impl Rtcp {
    /// Reads all packets of a compound. What is of a kind that is not known comes as [`Rtcp::Other`].
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for what is no RTCP of version 2, or ends within what its headers say.
    pub fn parse(datagram: &[u8]) -> Result<Vec<Self>> {
        let mut packets = Vec::new();
        let mut at = 0;
        while at < datagram.len() {
            let bad = |what| Error::invalid("rtcp", at, what);
            let header = datagram.get(at..at + 4).ok_or_else(|| bad("the header is cut short"))?;
            if header[0] >> 6 != 2 {
                return Err(bad("not version 2"));
            }
            let length = 4 * usize::from(u16::from_be_bytes([header[2], header[3]]));
            let body = datagram.get(at + 4..at + 4 + length).ok_or_else(|| bad("the packet is cut short"))?;
            let count = usize::from(header[0] & 0x1F);
            packets
                .push(Self::parse_one(header[1], count, body).ok_or_else(|| bad("its parts are cut short"))?);
            at += 4 + length;
        }
        Ok(packets)
    }

    fn parse_one(kind: u8, count: usize, body: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_be_bytes(*body.get(at..)?.first_chunk()?));
        let reports = |from: usize| {
            (0..count).map(|n| ReportBlock::parse(body.get(from + 24 * n..)?)).collect::<Option<Vec<_>>>()
        };
        Some(match kind {
            SENDER => {
                let ntp = u64::from(word(4)?) << 32 | u64::from(word(8)?);
                let info = SenderInfo { ntp, timestamp: word(12)?, packets: word(16)?, bytes: word(20)? };
                Self::SenderReport { ssrc: word(0)?, info, reports: reports(24)? }
            }
            RECEIVER => Self::ReceiverReport { ssrc: word(0)?, reports: reports(4)? },
            GOODBYE => Self::Bye((0..count).map(|n| word(4 * n)).collect::<Option<_>>()?),
            DESCRIPTION => Self::Cname(names(count, body)?),
            other => Self::Other(other),
        })
    }

    /// Writes a compound of these, in this order; a report should come first (§6.1).
    pub fn write(packets: &[Self]) -> Bytes {
        let mut out = BytesMut::new();
        packets.iter().for_each(|packet| packet.append(&mut out));
        out.freeze()
    }

    fn append(&self, out: &mut BytesMut) {
        let mut body = BytesMut::new();
        let (kind, count) = match self {
            Self::SenderReport { ssrc, info, reports } => {
                body.put_u32(*ssrc);
                body.put_u64(info.ntp);
                body.put_u32(info.timestamp);
                body.put_u32(info.packets);
                body.put_u32(info.bytes);
                (SENDER, append_reports(reports, &mut body))
            }
            Self::ReceiverReport { ssrc, reports } => {
                body.put_u32(*ssrc);
                (RECEIVER, append_reports(reports, &mut body))
            }
            Self::Cname(names) => {
                for (ssrc, name) in names.iter().take(MAX_REPORTS) {
                    let name = &name.as_bytes()[..name.len().min(255)];
                    body.put_u32(*ssrc);
                    body.put_slice(&[CNAME, name.len() as u8]);
                    body.put_slice(name);
                    // A null item ends the chunk, at a multiple of four.
                    body.put_bytes(0, 4 - body.len() % 4);
                }
                (DESCRIPTION, names.len().min(MAX_REPORTS))
            }
            Self::Bye(sources) => {
                sources.iter().take(MAX_REPORTS).for_each(|ssrc| body.put_u32(*ssrc));
                (GOODBYE, sources.len().min(MAX_REPORTS))
            }
            Self::Other(_) => return,
        };
        out.put_slice(&[2 << 6 | count as u8, kind]);
        // 31 descriptions of 264 bytes are far below 65,535 words.
        out.put_u16((body.len() / 4) as u16);
        out.put_slice(&body);
    }
}

fn append_reports(reports: &[ReportBlock], body: &mut BytesMut) -> usize {
    let reports = &reports[..reports.len().min(MAX_REPORTS)];
    for report in reports {
        body.put_u32(report.ssrc);
        let lost = report.lost.clamp(-0x80_0000, 0x7F_FFFF);
        body.put_u32(u32::from(report.fraction_lost) << 24 | lost as u32 & 0xFF_FFFF);
        body.put_u32(report.highest);
        body.put_u32(report.jitter);
        body.put_u32(report.last_report);
        body.put_u32(report.since_report);
    }
    reports.len()
}

impl ReportBlock {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
        let loss = word(4)?;
        Some(Self {
            ssrc: word(0)?,
            fraction_lost: (loss >> 24) as u8,
            lost: (loss << 8) as i32 >> 8,
            highest: word(8)?,
            jitter: word(12)?,
            last_report: word(16)?,
            since_report: word(20)?,
        })
    }
}

/// The CNAMEs of a description of `count` sources; other items are passed over.
fn names(count: usize, body: &[u8]) -> Option<Vec<(u32, String)>> {
    let (mut names, mut at) = (Vec::new(), 0);
    for _ in 0..count {
        let ssrc = u32::from_be_bytes(*body.get(at..)?.first_chunk()?);
        at += 4;
        loop {
            let kind = *body.get(at)?;
            if kind == 0 {
                at = (at / 4 + 1) * 4;
                break;
            }
            let length = usize::from(*body.get(at + 1)?);
            let text = body.get(at + 2..at + 2 + length)?;
            if kind == CNAME {
                names.push((ssrc, String::from_utf8_lossy(text).into_owned()));
            }
            at += 2 + length;
        }
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn report() -> impl Strategy<Value = ReportBlock> {
        (any::<[u32; 5]>(), any::<u8>(), -0x80_0000i32..0x80_0000).prop_map(|(words, fraction_lost, lost)| {
            let [ssrc, highest, jitter, last_report, since_report] = words;
            ReportBlock { ssrc, fraction_lost, lost, highest, jitter, last_report, since_report }
        })
    }

    proptest! {
        #[test]
        fn compounds_read_back(
            ssrc: u32, ntp: u64, words: [u32; 3],
            reports in prop::collection::vec(report(), 0..4),
            name in "[a-z@.]{0,40}",
        ) {
            let [timestamp, packets, bytes] = words;
            let info = SenderInfo { ntp, timestamp, packets, bytes };
            let compound = [
                Rtcp::SenderReport { ssrc, info, reports: reports.clone() },
                Rtcp::ReceiverReport { ssrc, reports },
                Rtcp::Cname(vec![(ssrc, name.clone()), (1, name)]),
                Rtcp::Bye(vec![ssrc, 7]),
            ];
            let written = Rtcp::write(&compound);
            prop_assert_eq!(written.len() % 4, 0);
            prop_assert_eq!(Rtcp::parse(&written).unwrap(), compound);
        }

        #[test]
        fn damage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 200u8..204) {
            let mut bytes = bytes;
            let _ = Rtcp::parse(&bytes);
            if bytes.len() >= 4 {
                let words = bytes.len() / 4 - 1;
                let count = 0x80 | bytes[0] & 0x1F;
                bytes[..4].copy_from_slice(&[count, kind, 0, words as u8]);
                bytes.truncate(4 + 4 * words);
                let _ = Rtcp::parse(&bytes);
            }
        }
    }

    #[test]
    fn kinds_that_are_not_known_are_passed_over() {
        let feedback = [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
        assert_eq!(Rtcp::parse(&feedback), Ok(vec![Rtcp::Other(206)]));
    }
}
