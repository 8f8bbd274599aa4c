//! Transport packets into pieces.

use alloc::collections::VecDeque;

use brooklet_media::{Piece, Place, TimeBase};
use bytes::{Bytes, BytesMut};

use crate::packet::{NULL_PACKET, PACKET};

/// What one datagram holds: 1316 bytes.
pub(super) const PACKETS_IN_PIECE: usize = 7;
/// Memory is taken in such parts, each shared by many pieces.
const CHUNK: usize = 64 * 1024;
/// A datagram of null packets, shared by all.
static NULLS: [u8; PACKETS_IN_PIECE * PACKET] = {
    let mut nulls = [0; PACKETS_IN_PIECE * PACKET];
    let mut at = 0;
    while at < nulls.len() {
        nulls[at] = NULL_PACKET[at % PACKET];
        at += 1;
    }
    nulls
};
const PCR_TICKS: Option<TimeBase> = TimeBase::new(1, 27_000_000);

/// Gathers packets into pieces.
#[derive(Default)]
pub(super) struct Output {
    bytes: BytesMut,
    /// When the first packet in `bytes` is due, in ticks of 27 MHz.
    at: i64,
    /// Whether a reader can start at it.
    key: bool,
    pieces: VecDeque<Piece>,
}

impl Output {
    /// Where to write the next packets, due `at`.
    pub(super) fn packets(&mut self, at: i64) -> &mut BytesMut {
        if self.bytes.len() >= PACKETS_IN_PIECE * PACKET {
            self.cut();
        }
        if self.bytes.is_empty() {
            self.at = at;
        }
        if self.bytes.capacity() - self.bytes.len() < PACKETS_IN_PIECE * PACKET {
            self.bytes.reserve(CHUNK);
        }
        &mut self.bytes
    }

    /// A piece of null packets only, due `at`, where nothing is being gathered; how many there are in it.
    pub(super) fn fill(&mut self, at: i64) -> usize {
        if self.bytes.len() >= PACKETS_IN_PIECE * PACKET {
            self.cut();
        }
        if !self.bytes.is_empty() {
            return 0;
        }
        self.push(Bytes::from_static(&NULLS), at);
        PACKETS_IN_PIECE
    }

    /// How many pieces are ready.
    pub(super) fn held(&self) -> usize {
        self.pieces.len()
    }

    /// What is written next begins a new piece; `key` where a reader can start there.
    pub(super) fn begin_piece(&mut self, key: bool) {
        self.cut();
        self.key = key;
    }

    /// Ends the piece that is being gathered, if there is one. What is longer than a piece becomes several.
    pub(super) fn cut(&mut self) {
        while !self.bytes.is_empty() {
            let length = self.bytes.len().min(PACKETS_IN_PIECE * PACKET);
            let bytes = self.bytes.split_to(length).freeze();
            self.push(bytes, self.at);
        }
    }

    pub(super) fn poll(&mut self) -> Option<Piece> {
        self.pieces.pop_front()
    }

    fn push(&mut self, bytes: Bytes, at: i64) {
        let at = PCR_TICKS.unwrap_or(TimeBase::NANOS).at(at);
        let key = core::mem::take(&mut self.key);
        self.pieces.push_back(Piece { bytes, at, key, place: Place::Append });
    }
}
