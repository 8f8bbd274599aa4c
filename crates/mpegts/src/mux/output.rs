//! Transport packets into pieces.

use std::collections::VecDeque;

use brooklet_media::{Piece, Place, TimeBase};
use bytes::BytesMut;

use crate::packet::PACKET;

/// What one datagram holds: 1316 bytes.
const PACKETS_IN_PIECE: usize = 7;
/// Memory is taken in such parts, each shared by many pieces.
const CHUNK: usize = 64 * 1024;
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
            let at = PCR_TICKS.unwrap_or(TimeBase::NANOS).at(self.at);
            let key = std::mem::take(&mut self.key);
            self.pieces.push_back(Piece { bytes, at, key, place: Place::Append });
        }
    }

    pub(super) fn poll(&mut self) -> Option<Piece> {
        self.pieces.pop_front()
    }
}
