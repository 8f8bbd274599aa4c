//! The bytes of the input that are in memory: pieces from here and there, as they were handed over.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// What is kept of a source that can be read again: enough for tracks that lie apart.
const CACHE_BYTES: usize = 2 << 20;

/// Pieces smaller than this are joined, so that their number stays small.
const SMALL_PIECE: usize = 4 << 10;

/// Pieces of the input by where they start. They never overlap.
#[derive(Debug)]
pub(crate) struct Window {
    pieces: BTreeMap<u64, Piece>,
    bytes: usize,
    /// Counts up with each use.
    clock: u64,
    /// Whether what was forgotten can be read again.
    seekable: bool,
}

#[derive(Debug)]
struct Piece {
    bytes: Bytes,
    used: u64,
}

/// Bytes from this place on are not here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Missing(pub(crate) u64);

impl Window {
    pub(crate) const fn new(seekable: bool) -> Self {
        Self { pieces: BTreeMap::new(), bytes: 0, clock: 0, seekable }
    }

    /// Adds bytes that were missing at `at`. What is needed for the bytes in `wanted` is not forgotten for them.
    pub(crate) fn add(&mut self, at: u64, mut bytes: Bytes, wanted: &Range<u64>) {
        if let Some((next, _)) = self.pieces.range(at..).next() {
            bytes.truncate(usize::try_from(next - at).unwrap_or(usize::MAX));
        }
        self.bytes += bytes.len();
        self.clock += 1;
        let used = self.clock;
        match self.pieces.range_mut(..at).next_back() {
            Some((start, last)) if start + last.bytes.len() as u64 == at && last.joins(&bytes) => {
                let mut joined = BytesMut::with_capacity(last.bytes.len() + bytes.len());
                joined.extend_from_slice(&last.bytes);
                joined.extend_from_slice(&bytes);
                *last = Piece { bytes: joined.freeze(), used };
            }
            _ => drop(self.pieces.insert(at, Piece { bytes, used })),
        }
        self.evict(wanted);
    }

    /// The bytes of `range`, shared with the piece that holds them, or joined from several.
    pub(crate) fn slice(&mut self, range: Range<u64>) -> Result<Bytes, Missing> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let reach = self.reach(range.start, range.end);
        if reach < range.end {
            return Err(Missing(reach));
        }
        self.clock += 1;
        let mut parts = Vec::new();
        let mut at = range.start;
        while let Some((start, piece)) = self.pieces.range_mut(..=at).next_back().filter(|_| at < range.end) {
            piece.used = self.clock;
            let from = (at - start) as usize;
            let to = piece.bytes.len().min((range.end - start) as usize);
            parts.push(piece.bytes.slice(from..to));
            at = start + to as u64;
        }
        match parts.len() {
            1 => Ok(parts.swap_remove(0)),
            _ => Ok(parts.concat().into()),
        }
    }

    /// As many bytes as there are from `at` on, at most `most`, out of one piece.
    pub(crate) fn peek(&self, at: u64, most: usize) -> Vec<u8> {
        let mut found = Vec::with_capacity(most);
        let mut next = at;
        while let Some((start, piece)) = self.pieces.range(..=next).next_back() {
            let rest = piece.bytes.get((next - start) as usize..).unwrap_or_default();
            let rest = &rest[..rest.len().min(most - found.len())];
            if rest.is_empty() {
                break;
            }
            found.extend_from_slice(rest);
            next += rest.len() as u64;
        }
        found
    }

    /// The place after the last byte that is here without a gap from `at` on, or `end`.
    pub(crate) fn reach(&self, at: u64, end: u64) -> u64 {
        let mut reach = at;
        while reach < end
            && let Some((start, piece)) = self.pieces.range(..=reach).next_back()
            && start + piece.bytes.len() as u64 > reach
        {
            reach = start + piece.bytes.len() as u64;
        }
        reach.min(end)
    }

    /// Bytes in memory.
    pub(crate) const fn len(&self) -> usize {
        self.bytes
    }

    /// Drops what lies before `at`.
    pub(crate) fn forget_before(&mut self, at: u64) {
        while let Some(first) = self.pieces.first_entry()
            && first.key() + first.get().bytes.len() as u64 <= at
        {
            self.bytes -= first.remove().bytes.len();
        }
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
        self.bytes = 0;
    }

    /// Keeps to the bound, where bytes can be read again, by dropping what was not used for longest.
    fn evict(&mut self, wanted: &Range<u64>) {
        while self.seekable && self.bytes > CACHE_BYTES {
            let outside =
                |at: u64, piece: &Piece| at >= wanted.end || at + piece.bytes.len() as u64 <= wanted.start;
            let oldest = self.pieces.iter().filter(|(at, piece)| outside(**at, piece));
            let Some(oldest) = oldest.min_by_key(|(_, piece)| piece.used).map(|(at, _)| *at) else { return };
            if let Some(piece) = self.pieces.remove(&oldest) {
                self.bytes -= piece.bytes.len();
            }
        }
    }
}

impl Piece {
    fn joins(&self, more: &Bytes) -> bool {
        self.bytes.len() < SMALL_PIECE && more.len() < SMALL_PIECE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INPUT: usize = 60_000;

    fn input() -> Vec<u8> {
        (0..INPUT).map(|at| ((at * 31) >> 3) as u8).collect()
    }

    proptest! {
        #[test]
        fn what_was_added_comes_out(
            ranges in prop::collection::vec((0..INPUT, 1usize..9_000), 1..20),
            piece in 1usize..10_000,
            seekable: bool,
        ) {
            let input = input();
            let mut window = Window::new(seekable);
            for (start, length) in ranges {
                let range = start as u64..(start + length).min(INPUT) as u64;
                let mut asked = 0;
                let bytes = loop {
                    match window.slice(range.clone()) {
                        Ok(bytes) => break bytes,
                        Err(Missing(at)) => {
                            let end = (at as usize + piece).min(INPUT);
                            window.add(at, Bytes::copy_from_slice(&input[at as usize..end]), &range);
                        }
                    }
                    asked += 1;
                    prop_assert!(asked <= length / piece + 2);
                };
                prop_assert_eq!(&bytes[..], &input[range.start as usize..range.end as usize]);
                prop_assert_eq!(&window.peek(range.start, length.min(16))[..], &bytes[..bytes.len().min(16)]);
            }
        }
    }

    #[test]
    fn a_slice_of_one_piece_shares_it() {
        let mut window = Window::new(true);
        let piece = Bytes::from(input());
        window.add(0, piece.clone(), &(0..1));
        assert_eq!(window.slice(100..200).unwrap().as_ptr(), piece[100..].as_ptr());
    }

    #[test]
    fn old_pieces_make_way_but_not_those_that_are_wanted() {
        let mut window = Window::new(true);
        let piece = Bytes::from(vec![7; CACHE_BYTES / 4]);
        let at = |number: u64| number * 2 * piece.len() as u64;
        (0..8).for_each(|number| window.add(at(number), piece.clone(), &(0..10)));
        assert!(window.len() <= CACHE_BYTES);
        assert!(window.slice(0..10).is_ok() && window.slice(at(7)..at(7) + 10).is_ok());
        assert_eq!(window.slice(at(2)..at(2) + 10), Err(Missing(at(2))));
    }

    #[test]
    fn a_pipe_forgets_only_what_it_is_told_to() {
        let mut window = Window::new(false);
        let piece = Bytes::from(vec![7; CACHE_BYTES]);
        (0..3).for_each(|number| window.add(number * piece.len() as u64, piece.clone(), &(0..1)));
        assert_eq!(window.len(), 3 * CACHE_BYTES);
        window.forget_before(2 * CACHE_BYTES as u64);
        assert_eq!((window.len(), window.slice(0..1)), (CACHE_BYTES, Err(Missing(0))));
    }
}
