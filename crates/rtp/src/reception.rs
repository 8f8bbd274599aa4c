//! What a receiver knows of one source: which packets came, and how evenly (RFC 3550 §6.4, A.1, A.3, A.8).

use brooklet_media::{TimeBase, Timestamp};

use crate::packet::Unwrap;
use crate::rtcp::{ReportBlock, SenderInfo};

/// A jump of the sequence numbers that is a restart rather than loss, when a second packet confirms it.
const MAX_DROPOUT: i64 = 3_000;
const MAX_MISORDER: i64 = 100;

/// Counts what comes of one source.
#[derive(Clone, Debug)]
pub struct Reception {
    ssrc: u32,
    clock: TimeBase,
    sequence: Unwrap,
    first: i64,
    highest: i64,
    received: u64,
    /// The sequence number that would confirm a restart.
    suspect: Option<u16>,
    restarts: u64,
    /// Transit of the last packet, and the jitter, in ticks.
    transit: Option<(i64, u32)>,
    jitter: f64,
    /// At the last report: expected and received.
    reported: (i64, u64),
    /// The last sender report and when it came.
    sender: Option<(SenderInfo, Timestamp)>,
}

impl Reception {
    /// Of a source whose first packet is this; `clock` is its payload's.
    pub fn new(ssrc: u32, sequence: u16, clock: TimeBase) -> Self {
        let mut unwrap = Unwrap::default();
        let first = unwrap.sequence(sequence);
        Self {
            ssrc,
            clock,
            sequence: unwrap,
            first,
            highest: first - 1,
            received: 0,
            suspect: None,
            restarts: 0,
            transit: None,
            jitter: 0.0,
            reported: (0, 0),
            sender: None,
        }
    }

    /// Counts a packet that came at `now`. Its sequence number without wraps; `None` where it is so far from the others
    /// that only the next one can tell whether the source began anew.
    pub fn packet(&mut self, sequence: u16, timestamp: u32, now: Timestamp) -> Option<i64> {
        let mut counter = self.sequence;
        let number = counter.sequence(sequence);
        let step = number - self.highest;
        if !(-MAX_MISORDER..=MAX_DROPOUT).contains(&step) {
            if self.suspect != Some(sequence) {
                self.suspect = Some(sequence.wrapping_add(1));
                return None;
            }
            // Two in a row: it began anew.
            let rebased = Self::new(self.ssrc, sequence, self.clock);
            *self = Self { restarts: self.restarts + 1, sender: self.sender, ..rebased };
            return self.packet(sequence, timestamp, now);
        }
        self.suspect = None;
        // The counter follows the newest: an old packet must not drag it back past half a turn.
        if number > self.highest {
            self.sequence = counter;
            self.highest = number;
        }
        self.received += 1;
        self.measure_jitter(timestamp, now);
        Some(number)
    }

    /// Notes a report of the sender that came at `now`.
    pub fn sender_report(&mut self, info: SenderInfo, now: Timestamp) {
        self.sender = Some((info, now));
    }

    /// The last report of the sender, and when it came.
    pub const fn last_sender_report(&self) -> Option<(SenderInfo, Timestamp)> {
        self.sender
    }

    /// Jitter of the arrivals in ticks of the media's clock (§6.4.1).
    pub fn jitter(&self) -> f64 {
        self.jitter
    }

    /// Packets that came, those that came twice included.
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Packets that did not come, less those that came twice.
    pub fn lost(&self) -> i64 {
        self.expected() - i64::try_from(self.received).unwrap_or(i64::MAX)
    }

    /// How often the source began anew.
    pub const fn restarts(&self) -> u64 {
        self.restarts
    }

    /// What to report at `now`; the fraction that was lost is of the time since the last call.
    pub fn report(&mut self, now: Timestamp) -> ReportBlock {
        let (expected, received) = (self.expected(), self.received);
        let due = expected - self.reported.0;
        let lost = due - i64::try_from(received - self.reported.1).unwrap_or(i64::MAX);
        self.reported = (expected, received);
        let fraction = if due <= 0 || lost <= 0 { 0 } else { (lost * 256 / due).min(255) };
        let (last_report, since_report) = self.sender.map_or((0, 0), |(info, at)| {
            let since = now.since(at).as_nanos() * 65_536 / 1_000_000_000;
            ((info.ntp >> 16) as u32, u32::try_from(since).unwrap_or(u32::MAX))
        });
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: fraction as u8,
            lost: self.lost().clamp(-0x80_0000, 0x7F_FFFF) as i32,
            // The cycles are counted from the first packet's own.
            highest: (self.highest - (self.first & !0xFFFF)) as u32,
            jitter: self.jitter as u32,
            last_report,
            since_report,
        }
    }

    fn expected(&self) -> i64 {
        self.highest - self.first + 1
    }

    /// A.8. Packets of one picture share a timestamp and say nothing about the network but by their first.
    fn measure_jitter(&mut self, timestamp: u32, now: Timestamp) {
        let arrival = self.clock.ticks(now);
        match self.transit {
            Some((_, last)) if last == timestamp => return,
            Some((transit, last)) => {
                let transit_now = arrival.wrapping_sub(i64::from(timestamp));
                // The difference modulo the timestamp's 32 bits.
                let difference = (transit_now.wrapping_sub(transit)) as i32;
                let _ = last;
                self.jitter += (f64::from(difference).abs() - self.jitter) / 16.0;
            }
            None => {}
        }
        self.transit = Some((arrival.wrapping_sub(i64::from(timestamp)), timestamp));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn loss_is_counted_as_the_rfc_says() {
        let mut reception = Reception::new(7, 65_530, TimeBase::hz(8_000));
        for number in 0..100u16 {
            if number % 10 != 3 {
                reception.packet(
                    65_530u16.wrapping_add(number),
                    u32::from(number) * 160,
                    at(i64::from(number) * 20),
                );
            }
        }
        let report = reception.report(at(2_000));
        assert_eq!((report.lost, report.fraction_lost), (10, (10 * 256 / 100) as u8));
        assert_eq!(report.highest, 65_530 + 99);
        assert_eq!((reception.report(at(2_000)).fraction_lost, report.jitter), (0, 0));
    }

    #[test]
    fn jitter_settles_at_the_mean_difference() {
        let mut reception = Reception::new(7, 0, TimeBase::hz(8_000));
        for number in 0..1_000u16 {
            // Every other packet is 10 ms late: neighbours differ by 80 ticks.
            let late = i64::from(number % 2) * 10;
            reception.packet(number, u32::from(number) * 160, at(i64::from(number) * 20 + late));
        }
        assert!((reception.jitter() - 80.0).abs() < 1.0, "{}", reception.jitter());
    }

    #[test]
    fn one_forged_number_changes_nothing_and_two_in_a_row_begin_anew() {
        let mut reception = Reception::new(7, 100, TimeBase::hz(8_000));
        assert_eq!(reception.packet(100, 0, at(0)), Some(100));
        assert_eq!(reception.packet(30_000, 0, at(1)), None);
        assert_eq!(reception.packet(101, 160, at(20)), Some(101));
        assert_eq!(reception.packet(30_000, 0, at(21)), None);
        assert_eq!(reception.packet(30_001, 0, at(22)), Some(30_001));
        assert_eq!((reception.restarts(), reception.lost()), (1, 0));
    }

    #[test]
    fn a_report_tells_when_the_senders_came() {
        let mut reception = Reception::new(7, 0, TimeBase::MPEG);
        reception.packet(0, 0, at(0));
        reception
            .sender_report(SenderInfo { ntp: 0x1122_3344_5566_7788, ..SenderInfo::default() }, at(1_000));
        let report = reception.report(at(1_500));
        assert_eq!((report.last_report, report.since_report), (0x3344_5566, 32_768));
    }
}
