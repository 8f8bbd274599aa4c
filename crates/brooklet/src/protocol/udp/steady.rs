//! Bare samples in datagrams of one length: each is due when its last sample is.

use brooklet_media::{Piece, TimeBase, Timestamp};
use bytes::{Bytes, BytesMut};

/// Cuts bytes of a constant rate into datagrams, each with its time.
///
/// The pieces of a muxer say when their first byte is due, and are longer than a datagram, or shorter: the place of a byte says
/// it better. So 320 bytes of 8 kHz in 16 bits leave every 20 ms, to the nanosecond, for as long as it lasts.
#[derive(Debug)]
pub(super) struct Steady {
    /// Bytes a second.
    rate: u64,
    size: usize,
    waiting: BytesMut,
    /// Bytes that have been cut off.
    cut: u64,
}

impl Steady {
    pub(super) fn new(bytes_per_second: u64, size: usize) -> Self {
        Self { rate: bytes_per_second.max(1), size, waiting: BytesMut::new(), cut: 0 }
    }

    /// The datagrams that a piece completes, and when each is due.
    pub(super) fn cut(&mut self, piece: &Piece) -> Vec<(Bytes, Timestamp)> {
        self.waiting.extend_from_slice(&piece.bytes);
        let mut datagrams = Vec::new();
        while self.waiting.len() >= self.size {
            let datagram = self.waiting.split_to(self.size).freeze();
            datagrams.push(self.timed(datagram));
        }
        datagrams
    }

    /// What is left at the end.
    pub(super) fn rest(&mut self) -> Option<(Bytes, Timestamp)> {
        let rest = self.waiting.split().freeze();
        (!rest.is_empty()).then(|| self.timed(rest))
    }

    fn timed(&mut self, datagram: Bytes) -> (Bytes, Timestamp) {
        self.cut += datagram.len() as u64;
        let nanos = u128::from(self.cut) * u128::from(TimeBase::NANOS.den()) / u128::from(self.rate);
        (datagram, Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::Place;

    #[test]
    fn an_hour_of_twenty_milliseconds_is_180_000_datagrams_on_the_beat() {
        let mut steady = Steady::new(16_000, 320);
        let mut due = Vec::new();
        // Pieces of 1024 samples, as the demuxer of raw sound makes them, and what is left of the hour.
        let total = 16_000u64 * 3_600 + 100;
        let mut left = total;
        while left > 0 {
            let bytes = Bytes::from(vec![0; left.min(2_048) as usize]);
            left -= bytes.len() as u64;
            let piece = Piece { bytes, at: Timestamp::ZERO, key: true, place: Place::Append };
            due.extend(steady.cut(&piece).into_iter().map(|(datagram, at)| (datagram.len(), at)));
        }
        assert_eq!(due.len(), 180_000);
        for (number, (size, at)) in due.iter().enumerate() {
            assert_eq!((*size, *at), (320, Timestamp::from_millis(20 * (number as i64 + 1))));
        }
        let (tail, at) = steady.rest().unwrap();
        assert_eq!((tail.len(), at), (100, Timestamp::from_nanos(3_600_006_250_000)));
        assert!(steady.rest().is_none());
    }
}
