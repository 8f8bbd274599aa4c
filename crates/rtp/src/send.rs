//! One source that sends: numbers, timestamps and sender reports.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use core::time::Duration;

use brooklet_media::{TimeBase, Timestamp};
use bytes::Bytes;

use crate::payload::Payload;
use crate::rtcp::{Rtcp, SenderInfo};
use crate::{RtpPacket, packet};

/// The least time between reports (RFC 3550 §6.2).
const INTERVAL: Duration = Duration::from_secs(5);
/// Seconds from 1900, where NTP begins, to 1970, where Unix does.
const NTP_EPOCH: u64 = 2_208_988_800;

/// Numbers what one source sends, and reports on it.
#[derive(Clone, Debug)]
pub struct RtpSender {
    ssrc: u32,
    payload_type: u8,
    clock: TimeBase,
    sequence: u16,
    /// What is added to timestamps, so that they begin anywhere.
    offset: u32,
    cname: String,
    sent: SenderInfo,
    /// The last packet's timestamp, not wrapped, and when it was due.
    last: Option<(i64, Timestamp)>,
    next_report: Option<Timestamp>,
}

impl RtpSender {
    /// A source of payloads of one type, whose clock this is. SSRC, first sequence number and first timestamp come of
    /// `random`, as RFC 3550 §5.1 asks; `cname` names it for good.
    pub fn new(payload_type: u8, clock: TimeBase, random: u128, cname: &str) -> Self {
        Self {
            ssrc: random as u32,
            payload_type,
            clock,
            sequence: (random >> 32) as u16,
            offset: (random >> 64) as u32,
            cname: cname.into(),
            sent: SenderInfo::default(),
            last: None,
            next_report: None,
        }
    }

    /// Who it is.
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The next packet, which is sent at `now`.
    pub fn packet(&mut self, payload: &Payload, now: Timestamp) -> RtpPacket {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        self.sent.packets = self.sent.packets.wrapping_add(1);
        self.sent.bytes = self.sent.bytes.wrapping_add(payload.data.len() as u32);
        self.last = Some((payload.timestamp, now));
        RtpPacket {
            payload_type: self.payload_type,
            marker: payload.marker,
            sequence,
            timestamp: self.wrap(payload.timestamp),
            ssrc: self.ssrc,
            payload: payload.data.clone(),
        }
    }

    /// A report, where one is due at `now`: with the first packet, and every 5 s from then on. `unix` is the wall clock then,
    /// since 1970.
    pub fn report(&mut self, now: Timestamp, unix: Duration) -> Option<Bytes> {
        if self.last.is_none() || self.next_report.is_some_and(|due| now < due) {
            return None;
        }
        self.next_report = Some(now + INTERVAL);
        Some(Rtcp::write(&[self.sender_report(now, unix), self.description()]))
    }

    /// The goodbye (§6.6).
    pub fn bye(&self, now: Timestamp, unix: Duration) -> Bytes {
        Rtcp::write(&[self.sender_report(now, unix), self.description(), Rtcp::Bye(vec![self.ssrc])])
    }

    fn sender_report(&self, now: Timestamp, unix: Duration) -> Rtcp {
        let (timestamp, at) = self.last.unwrap_or_default();
        let since = now.as_nanos().saturating_sub(at.as_nanos());
        let timestamp = timestamp.saturating_add(self.clock.ticks(Timestamp::from_nanos(since)));
        let info = SenderInfo { ntp: ntp(unix), timestamp: self.wrap(timestamp), ..self.sent };
        Rtcp::SenderReport { ssrc: self.ssrc, info, reports: Vec::new() }
    }

    fn description(&self) -> Rtcp {
        Rtcp::Cname(vec![(self.ssrc, self.cname.clone())])
    }

    fn wrap(&self, timestamp: i64) -> u32 {
        (timestamp as u32).wrapping_add(self.offset)
    }
}

/// Bytes that headers take of a datagram: IPv4, UDP, RTP.
pub const OVERHEAD: usize = 20 + 8 + packet::HEADER;

/// Wall clock as RTCP has it: seconds since 1900 and their fraction in 32 bits.
pub fn ntp(unix: Duration) -> u64 {
    let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
    unix.as_secs().wrapping_add(NTP_EPOCH) << 32 | fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(timestamp: i64) -> Payload {
        Payload { data: Bytes::from_static(&[0; 160]), timestamp, end: timestamp + 160, marker: false }
    }

    #[test]
    fn an_hour_wraps_its_numbers_and_reports_every_five_seconds() {
        let random = 0xFFFF_FF00 << 64 | 0xFFF0 << 32 | 7;
        let mut sender = RtpSender::new(0, TimeBase::hz(8_000), random, "a@b");
        let mut reports = 0;
        for number in 0..180_000i64 {
            let now = Timestamp::from_millis(20 * number);
            let packet = sender.packet(&payload(160 * number), now);
            assert_eq!(packet.sequence, 0xFFF0u16.wrapping_add(number as u16));
            assert_eq!(packet.timestamp, 0xFFFF_FF00u32.wrapping_add(160 * number as u32));
            reports += u64::from(sender.report(now, Duration::from_secs(1_700_000_000)).is_some());
        }
        assert_eq!(reports, 720);
        let bye = Rtcp::parse(&sender.bye(Timestamp::from_millis(3_600_000), Duration::ZERO)).unwrap();
        let Rtcp::SenderReport { info, .. } = &bye[0] else { panic!() };
        assert_eq!((info.packets, info.bytes), (180_000, 180_000 * 160));
        // 20 ms after the last packet.
        assert_eq!(info.timestamp, 0xFFFF_FF00u32.wrapping_add(160 * 180_000));
        assert_eq!(bye[2], Rtcp::Bye(vec![7]));
    }
}
