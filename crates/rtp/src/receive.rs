//! One source that is received: which packets are its, in what order, and what to report on them.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use core::time::Duration;

use brooklet_media::Timestamp;
use bytes::Bytes;

use crate::packet::Unwrap;
use crate::payload::PayloadFormat;
use crate::reception::Reception;
use crate::rtcp::Rtcp;
use crate::{Result, RtpPacket};

/// The least time between reports (RFC 3550 §6.2), and before the first.
const INTERVAL: Duration = Duration::from_secs(5);
const FIRST: Duration = Duration::from_millis(2_500);
/// A source that sent nothing for so long gives way to another.
const SILENCE: Duration = Duration::from_millis(500);

/// Receives one source of one medium.
///
/// The first source that sends is the one; packets of others are counted and dropped, until it has said goodbye or nothing for
/// half a second. Then another takes its place with its second packet in a row, so that a forged one changes nothing. However
/// many sources there are, two are remembered.
#[derive(Debug)]
pub struct RtpReceiver {
    ssrc: u32,
    cname: String,
    /// What its payload types may mean; empty where only the static ones mean anything.
    formats: Vec<PayloadFormat>,
    source: Option<Source>,
    /// Another source, and the sequence number that would confirm it.
    candidate: Option<(u32, u16)>,
    ended: bool,
    strays: u64,
    next_report: Option<Timestamp>,
}

#[derive(Debug)]
struct Source {
    format: PayloadFormat,
    ssrc: u32,
    reception: Reception,
    timestamps: Unwrap,
    last: Timestamp,
}

/// A packet of the source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received {
    /// Its number, without wraps.
    pub sequence: i64,
    /// Its timestamp, without wraps.
    pub timestamp: i64,
    /// The packet.
    pub packet: RtpPacket,
    /// Whether numbers begin anew with it: those before it say nothing about it.
    pub anew: bool,
}

impl RtpReceiver {
    /// Waits for a source whose payload types mean this. `random` makes the SSRC under which we report.
    pub fn new(formats: Vec<PayloadFormat>, random: u32, cname: &str) -> Self {
        Self {
            ssrc: random,
            cname: cname.into(),
            formats,
            source: None,
            candidate: None,
            ended: false,
            strays: 0,
            next_report: None,
        }
    }

    /// Takes a datagram of the RTP port that came at `now`. `None` where it is not of the source, or needs another to be believed.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Invalid`] for what is no RTP.
    pub fn packet(&mut self, datagram: &Bytes, now: Timestamp) -> Result<Option<Received>> {
        let packet = RtpPacket::parse(datagram)?;
        let Some(anew) = self.admit(&packet, now) else {
            self.strays += 1;
            return Ok(None);
        };
        let Some(source) = &mut self.source else { return Ok(None) };
        if packet.payload_type != source.format.payload_type {
            self.strays += 1;
            return Ok(None);
        }
        source.last = now;
        self.ended = false;
        let restarts = source.reception.restarts();
        let Some(sequence) = source.reception.packet(packet.sequence, packet.timestamp, now) else {
            return Ok(None);
        };
        let timestamp = source.timestamps.timestamp(packet.timestamp);
        let anew = anew || source.reception.restarts() != restarts;
        Ok(Some(Received { sequence, timestamp, packet, anew }))
    }

    /// Takes a datagram of the RTCP port that came at `now`.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Invalid`] for what is no RTCP.
    pub fn control(&mut self, datagram: &[u8], now: Timestamp) -> Result<()> {
        for packet in Rtcp::parse(datagram)? {
            let Some(source) = &mut self.source else { return Ok(()) };
            match packet {
                Rtcp::SenderReport { ssrc, info, .. } if ssrc == source.ssrc => {
                    source.reception.sender_report(info, now);
                }
                Rtcp::Bye(gone) if gone.contains(&source.ssrc) => self.ended = true,
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the source has said goodbye, and nothing since.
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// What the source's payloads are, from its first packet on.
    pub fn format(&self) -> Option<&PayloadFormat> {
        self.source.as_ref().map(|source| &source.format)
    }

    /// What is known of the source, from its first packet on.
    pub fn reception(&self) -> Option<&Reception> {
        self.source.as_ref().map(|source| &source.reception)
    }

    /// Packets of other sources and other payload types.
    pub const fn strays(&self) -> u64 {
        self.strays
    }

    /// A report for the source, where one is due at `now`: every 5 s.
    pub fn report(&mut self, now: Timestamp) -> Option<Bytes> {
        self.source.as_ref()?;
        let due = *self.next_report.get_or_insert(now + FIRST);
        if now < due {
            return None;
        }
        self.next_report = Some(now + INTERVAL);
        Some(Rtcp::write(&self.compound(now)))
    }

    /// The goodbye (§6.6); `None` where there was nobody to say it to.
    pub fn bye(&mut self, now: Timestamp) -> Option<Bytes> {
        self.source.as_ref()?;
        let mut compound = self.compound(now);
        compound.push(Rtcp::Bye(vec![self.ssrc]));
        Some(Rtcp::write(&compound))
    }

    fn compound(&mut self, now: Timestamp) -> Vec<Rtcp> {
        let reports = self.source.iter_mut().map(|source| source.reception.report(now)).collect();
        let names = vec![(self.ssrc, self.cname.clone())];
        vec![Rtcp::ReceiverReport { ssrc: self.ssrc, reports }, Rtcp::Cname(names)]
    }

    /// Whether a packet is of the source, and whether that begins with it.
    fn admit(&mut self, packet: &RtpPacket, now: Timestamp) -> Option<bool> {
        match &self.source {
            Some(source) if source.ssrc == packet.ssrc => return Some(false),
            Some(source) if !self.ended && now.since(source.last) < SILENCE => return None,
            Some(_) => {
                let confirmed = self.candidate == Some((packet.ssrc, packet.sequence));
                self.candidate = Some((packet.ssrc, packet.sequence.wrapping_add(1)));
                if !confirmed {
                    return None;
                }
            }
            None => {}
        }
        let format = self.meaning(packet.payload_type)?;
        let reception = Reception::new(packet.ssrc, packet.sequence, format.clock());
        let (ssrc, timestamps) = (packet.ssrc, Unwrap::default());
        self.source = Some(Source { format, ssrc, reception, timestamps, last: now });
        self.candidate = None;
        Some(true)
    }

    fn meaning(&self, payload_type: u8) -> Option<PayloadFormat> {
        if let Some(source) = &self.source {
            return (source.format.payload_type == payload_type).then(|| source.format.clone());
        }
        if self.formats.is_empty() {
            return PayloadFormat::of_static(payload_type);
        }
        self.formats.iter().find(|format| format.payload_type == payload_type).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::TimeBase;

    use crate::payload::Payload;
    use crate::send::RtpSender;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn sender(random: u128) -> RtpSender {
        RtpSender::new(0, TimeBase::hz(8_000), random, "a@b")
    }

    fn packet(sender: &mut RtpSender, number: i64) -> Bytes {
        let data = Bytes::from_static(&[0; 160]);
        let payload = Payload { data, timestamp: 160 * number, end: 160 * (number + 1), marker: false };
        sender.packet(&payload, at(20 * number)).write()
    }

    #[test]
    fn a_flood_of_forged_sources_changes_nothing() {
        let (mut receiver, mut true_one) = (RtpReceiver::new(Vec::new(), 1, "c@d"), sender(7));
        for number in 0..1_000i64 {
            let now = at(20 * number);
            for forged in 0..20u128 {
                let mut forged = sender((number as u128) << 8 | forged | 1 << 20);
                if number > 0 {
                    assert_eq!(receiver.packet(&packet(&mut forged, number), now), Ok(None));
                }
            }
            let received = receiver.packet(&packet(&mut true_one, number), now).unwrap().unwrap();
            assert_eq!((received.sequence, received.anew), (number, number == 0));
        }
        assert_eq!((receiver.strays(), receiver.reception().unwrap().lost()), (19_980, 0));
    }

    #[test]
    fn another_source_follows_after_silence_or_a_goodbye() {
        let (mut receiver, mut first, mut second) =
            (RtpReceiver::new(Vec::new(), 1, "c@d"), sender(7), sender(8));
        assert!(receiver.packet(&packet(&mut first, 0), at(0)).unwrap().is_some());
        assert!(receiver.packet(&packet(&mut second, 0), at(10)).unwrap().is_none());
        assert!(receiver.packet(&packet(&mut second, 1), at(600)).unwrap().is_none());
        assert!(receiver.packet(&packet(&mut second, 2), at(620)).unwrap().unwrap().anew);
        receiver.control(&second.bye(at(630), Duration::ZERO), at(630)).unwrap();
        assert!(receiver.has_ended());
        assert!(receiver.packet(&packet(&mut first, 1), at(640)).unwrap().is_none());
        assert!(receiver.packet(&packet(&mut first, 2), at(650)).unwrap().is_some());
        assert!(!receiver.has_ended());
    }

    #[test]
    fn reports_come_every_five_seconds_and_a_sender_reads_them() {
        let (mut receiver, mut sender) = (RtpReceiver::new(Vec::new(), 1, "c@d"), sender(7));
        let mut reports = Vec::new();
        for number in 0..1_000i64 {
            let datagram = packet(&mut sender, number);
            if number % 4 != 3 {
                receiver.packet(&datagram, at(20 * number)).unwrap();
            }
            reports.extend(receiver.report(at(20 * number)));
        }
        assert_eq!(reports.len(), 4);
        let last = Rtcp::parse(&reports[3]).unwrap();
        let Rtcp::ReceiverReport { ssrc: 1, reports } = &last[0] else { panic!("{last:?}") };
        assert!(reports[0].ssrc == 7 && (63..=64).contains(&reports[0].fraction_lost), "{reports:?}");
    }

    #[test]
    fn a_payload_type_that_means_nothing_is_a_stray() {
        let mut receiver = RtpReceiver::new(vec![PayloadFormat::from_map(97, "L16/8000").unwrap()], 1, "c@d");
        assert_eq!(receiver.packet(&packet(&mut sender(7), 0), at(0)), Ok(None));
        assert_eq!((receiver.strays(), receiver.format()), (1, None));
    }
}
