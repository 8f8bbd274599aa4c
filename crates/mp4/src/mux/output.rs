//! Pieces that wait to be taken, and how many bytes there were.

use std::collections::VecDeque;

use brooklet_media::{Piece, Place, Timestamp};
use bytes::Bytes;

/// A muxer's output queue. It holds what one call makes: the caller drains it after each.
#[derive(Default)]
pub(super) struct Output {
    pieces: VecDeque<Piece>,
    written: u64,
    at: Timestamp,
}

impl Output {
    /// What comes now is due then.
    pub(super) fn set_time(&mut self, at: Timestamp) {
        self.at = at;
    }

    /// Bytes that were appended, in all.
    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    pub(super) fn append(&mut self, bytes: Bytes, key: bool) {
        self.written += bytes.len() as u64;
        self.push(bytes, key, Place::Append);
    }

    /// As if so many bytes had been written.
    #[cfg(test)]
    pub(super) fn skip(&mut self, bytes: u64) {
        self.written += bytes;
    }

    pub(super) fn patch(&mut self, at: u64, bytes: Bytes) {
        self.push(bytes, false, Place::Patch(at));
    }

    pub(super) fn insert(&mut self, at: u64, bytes: Bytes) {
        self.push(bytes, false, Place::Insert(at));
    }

    pub(super) fn poll(&mut self) -> Option<Piece> {
        self.pieces.pop_front()
    }

    fn push(&mut self, bytes: Bytes, key: bool, place: Place) {
        self.pieces.push_back(Piece { bytes, at: self.at, key, place });
    }
}
