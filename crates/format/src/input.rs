//! Bytes that were pushed and not used yet.

use brooklet_media::{DemuxStep, Source};
use bytes::{Buf, Bytes, BytesMut};

/// A window on the input: what was pushed and not taken, and where it stands.
#[derive(Debug, Default)]
pub(crate) struct Input {
    source: Source,
    held: BytesMut,
    /// Where `held` starts, in bytes from the start of the input.
    at: u64,
    /// Bytes that are to be dropped before any is held.
    skipping: u64,
    ended: bool,
}

impl Input {
    pub(crate) fn new(source: Source) -> Self {
        Self { source, ..Self::default() }
    }

    pub(crate) fn push(&mut self, mut bytes: Bytes) {
        let dropped = self.skipping.min(bytes.len() as u64);
        self.skipping -= dropped;
        self.at += dropped;
        bytes.advance(dropped as usize);
        self.held.extend_from_slice(&bytes);
    }

    pub(crate) const fn finish(&mut self) {
        self.ended = true;
    }

    /// Whether no byte follows those that are held.
    pub(crate) const fn ended(&self) -> bool {
        self.ended
    }

    /// Whether any place can be asked for.
    pub(crate) const fn seekable(&self) -> bool {
        self.source.seekable
    }

    /// The length of the whole input, where it is known.
    pub(crate) const fn length(&self) -> Option<u64> {
        self.source.length
    }

    /// Where [`Input::bytes`] start, from the start of the input.
    pub(crate) const fn at(&self) -> u64 {
        self.at
    }

    /// What is held.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.held
    }

    /// Takes the next `count` bytes, or all where fewer are held.
    pub(crate) fn take(&mut self, count: usize) -> Bytes {
        let count = count.min(self.held.len());
        self.at += count as u64;
        self.held.split_to(count).freeze()
    }

    /// Drops the next `count` bytes, of which any number may still have to come.
    pub(crate) fn skip(&mut self, count: u64) {
        let held = count.min(self.held.len() as u64);
        self.held.advance(held as usize);
        self.at += held;
        let ahead = count - held;
        if self.source.seekable {
            self.at = self.at.saturating_add(ahead);
        } else {
            self.skipping = self.skipping.saturating_add(ahead);
        }
    }

    /// Goes on from another place of a source that can seek.
    pub(crate) fn jump(&mut self, at: u64) {
        self.held.clear();
        self.skipping = 0;
        self.at = at;
        self.ended = false;
    }

    /// Asks for what follows.
    pub(crate) fn read(&self) -> DemuxStep {
        DemuxStep::Read(self.at + self.held.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_skipped_ahead_is_dropped_when_it_comes() {
        let mut input = Input::new(Source::default());
        input.push(Bytes::from_static(&[0, 1, 2]));
        input.skip(5);
        assert_eq!(input.read(), DemuxStep::Read(3));
        input.push(Bytes::from_static(&[3, 4, 5, 6]));
        assert_eq!((input.at(), input.bytes()), (5, &[5, 6][..]));
        assert_eq!((input.take(9).as_ref(), input.at()), (&[5, 6][..], 7));
    }

    #[test]
    fn a_source_that_can_seek_is_not_asked_for_what_is_skipped() {
        let mut input = Input::new(Source { seekable: true, length: None });
        input.skip(1_000);
        assert_eq!(input.read(), DemuxStep::Read(1_000));
    }
}
