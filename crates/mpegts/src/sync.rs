//! Where packets begin: plain streams of 188 bytes, M2TS of 192 (Blu-ray, AVCHD: 4 bytes of time before each) and
//! 204 (16 bytes of Reed-Solomon code after each).

use alloc::vec::Vec;

use crate::packet::{PACKET, SYNC_BYTE};

/// Bytes from one packet to the next.
const STRIDES: [usize; 3] = [PACKET, 192, 204];
/// So many sync bytes in a row are no accident.
const PROOF: usize = 5;

/// Whether `start`, the first bytes of an input, looks like a transport stream: sync bytes at one of the known
/// distances, as many as there are bytes for, at least three of them and up to five.
pub fn probe(start: &[u8]) -> bool {
    (0..STRIDES[2].min(start.len())).any(|at| {
        STRIDES.iter().any(|stride| {
            let syncs = start.iter().skip(at).step_by(*stride).take(PROOF);
            syncs.len() >= 3 && syncs.copied().all(|byte| byte == SYNC_BYTE)
        })
    })
}

/// Cuts bytes into packets, and finds the next one again after bytes that are none.
#[derive(Debug, Default)]
pub(crate) struct Framer {
    bytes: Vec<u8>,
    /// Where the next packet is looked for.
    at: usize,
    /// Bytes from one packet to the next, while that is known.
    stride: Option<usize>,
    /// Bytes before `bytes`.
    gone: u64,
    /// Whether bytes that were read are to be kept for [`Framer::rewind`].
    keep: bool,
    found_any: bool,
    ended: bool,
}

impl Framer {
    /// A framer that can go back to its first byte until [`Framer::rewind`].
    pub(crate) fn rewindable() -> Self {
        Self { keep: true, ..Self::default() }
    }

    /// A framer whose first byte has this place in the input; packets may begin anywhere after it.
    pub(crate) fn at(place: u64) -> Self {
        Self { gone: place, ..Self::default() }
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if !self.keep {
            self.bytes.drain(..self.at);
            self.gone += self.at as u64;
            self.at = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// There are no more bytes: fewer sync bytes have to do as a proof.
    pub(crate) fn finish(&mut self) {
        self.ended = true;
    }

    /// Whether there will be no more bytes.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended
    }

    /// Whether there has been a packet.
    pub(crate) fn found_any(&self) -> bool {
        self.found_any
    }

    /// Where the bytes that were taken end, in bytes from the start of the input.
    pub(crate) fn taken(&self) -> u64 {
        self.gone + self.bytes.len() as u64
    }

    /// Where the next packet is looked for, in bytes from the start of the input.
    pub(crate) fn position(&self) -> u64 {
        self.gone + self.at as u64
    }

    /// Goes back to the first byte; from then on bytes are forgotten once they were read.
    pub(crate) fn rewind(&mut self) {
        (self.at, self.keep) = (0, false);
    }

    /// The next packet: [`PACKET`] bytes of which the first is [`SYNC_BYTE`]. `None` until more bytes come.
    pub(crate) fn next(&mut self) -> Option<&[u8]> {
        // The step is kept where no byte is there yet.
        let first = *self.bytes.get(self.at)?;
        if self.stride.is_none() || first != SYNC_BYTE {
            self.search()?;
        }
        let stride = self.stride?;
        let begin = self.at;
        let packet = self.bytes.get(begin..begin + PACKET)?;
        self.at = (begin + stride).min(self.bytes.len());
        // What follows the packet may not have come yet; it is stepped over when it has.
        if begin + stride > self.bytes.len() && !self.ended {
            self.at = begin;
            return None;
        }
        Some(packet)
    }

    /// Moves to the next place from which sync bytes follow at equal distances.
    fn search(&mut self) -> Option<()> {
        self.stride = None;
        while self.at + PACKET <= self.bytes.len() {
            let rest = &self.bytes[self.at..];
            if rest[0] == SYNC_BYTE {
                let enough = |stride: usize| self.ended || rest.len() > (PROOF - 1) * stride;
                let in_step =
                    |stride: usize| rest.iter().step_by(stride).take(PROOF).all(|byte| *byte == SYNC_BYTE);
                for stride in STRIDES {
                    if in_step(stride) {
                        if !enough(stride) {
                            return None;
                        }
                        self.stride = Some(stride);
                        self.found_any = true;
                        return Some(());
                    }
                }
            }
            self.at += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::NULL_PACKET;
    use proptest::prelude::*;

    fn packets(count: usize, before: usize, after: usize) -> Vec<u8> {
        (0..count).flat_map(|_| [&vec![1; before][..], &NULL_PACKET, &vec![2; after]].concat()).collect()
    }

    fn count(bytes: &[u8], step: usize) -> usize {
        let mut framer = Framer::default();
        let mut found = 0;
        for chunk in bytes.chunks(step) {
            framer.push(chunk);
            found += std::iter::from_fn(|| framer.next().map(<[u8]>::len)).count();
        }
        framer.finish();
        found + std::iter::from_fn(|| framer.next().map(<[u8]>::len)).count()
    }

    #[test]
    fn the_three_distances_are_told_apart() {
        for (before, after) in [(0, 0), (4, 0), (0, 16)] {
            let bytes = packets(20, before, after);
            assert!(probe(&bytes));
            assert_eq!(count(&bytes, 100), 20, "{before} {after}");
        }
        assert!(!probe(&[0; 2_000]));
    }

    #[test]
    fn it_finds_its_step_again_after_a_hole() {
        let mut bytes = packets(20, 0, 0);
        bytes.drain(1_300..1_350);
        // The packet with the hole takes the start of the next one for its own end.
        assert_eq!(count(&bytes, 1_000), 19);
    }

    #[test]
    fn it_keeps_its_step_where_bytes_run_out() {
        let mut framer = Framer::default();
        framer.push(&packets(6, 0, 0));
        while framer.next().is_some() {}
        framer.push(&[&packets(1, 0, 0)[..], &[0; PACKET]].concat());
        assert_eq!(framer.next(), Some(&NULL_PACKET[..]));
    }

    #[test]
    fn a_rewound_framer_gives_the_same_again() {
        let mut framer = Framer::rewindable();
        framer.push(&packets(10, 0, 0));
        while framer.next().is_some() {}
        framer.rewind();
        assert_eq!(std::iter::from_fn(|| framer.next().map(|_| ())).count(), 10);
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes: Vec<u8>, step in 1usize..400) {
            prop_assert!(count(&bytes, step) <= bytes.len() / PACKET);
        }
    }
}
