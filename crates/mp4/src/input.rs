//! What is asked of the source, and what it gave.

use std::ops::Range;

use brooklet_media::Source;
use bytes::Bytes;

use crate::window::{Missing, Window};

/// No input is longer: an offset past this is forged.
const FARTHEST: u64 = i64::MAX as u64;

/// The input of a demuxer: a window on it, and the next question.
#[derive(Debug)]
pub(crate) struct Input {
    seekable: bool,
    /// Where it ends; `u64::MAX` while that is not known.
    end: u64,
    window: Window,
    /// Where the bytes that come next belong, if any were asked for.
    asked: Option<u64>,
    wanted: Range<u64>,
    /// The end of what has come.
    received: u64,
    /// In a source that can't seek: nothing before this place is needed any more.
    kept_from: u64,
}

/// What became of a wish for bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Fetch {
    Here(Bytes),
    /// The source must be read on from this place first.
    Ask(u64),
    /// They will not come: past the end, or passed already.
    Gone,
}

impl Input {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            seekable: source.seekable,
            end: source.length.unwrap_or(u64::MAX),
            window: Window::new(source.seekable),
            asked: None,
            wanted: 0..0,
            received: 0,
            kept_from: 0,
        }
    }

    pub(crate) const fn is_seekable(&self) -> bool {
        self.seekable
    }

    /// Where it ends, where that is known.
    pub(crate) const fn end(&self) -> Option<u64> {
        if self.end == u64::MAX { None } else { Some(self.end) }
    }

    /// Where it ends, or how far it has been read.
    pub(crate) fn reach(&self) -> u64 {
        self.end().unwrap_or(self.received)
    }

    /// Takes bytes from the place that was asked for.
    pub(crate) fn push(&mut self, bytes: Bytes) {
        let Some(at) = self.asked.take() else { return };
        if bytes.is_empty() {
            self.end = self.end.min(at);
            return;
        }
        self.received = self.received.max(at.saturating_add(bytes.len() as u64));
        self.window.add(at, bytes, &self.wanted);
        self.window.forget_before(self.kept_from);
    }

    /// There is nothing at the place that was asked for.
    pub(crate) fn finish(&mut self) {
        let at = self.asked.take().unwrap_or(if self.seekable { self.end } else { self.received });
        self.end = self.end.min(at);
    }

    /// Forgets all bytes, to read on from elsewhere.
    pub(crate) fn clear(&mut self) {
        self.window.clear();
        self.asked = None;
    }

    /// Bytes in memory.
    pub(crate) const fn held(&self) -> usize {
        self.window.len()
    }

    /// In a source that can't seek, says that what lies before `at` will not be asked for again.
    pub(crate) fn forget_before(&mut self, at: u64) {
        if !self.seekable && at > self.kept_from {
            self.kept_from = at;
            self.window.forget_before(at);
        }
    }

    /// Whether the bytes of `range` are to be had, so far as that is known.
    pub(crate) fn may_have(&self, range: &Range<u64>) -> bool {
        range.end <= self.end && (self.seekable || range.start >= self.kept_from)
    }

    /// The bytes of `range`.
    pub(crate) fn fetch(&mut self, range: Range<u64>) -> Fetch {
        if !self.may_have(&range) {
            return Fetch::Gone;
        }
        match self.window.slice(range.clone()) {
            Ok(bytes) => Fetch::Here(bytes),
            Err(Missing(at)) => {
                self.wanted = range;
                self.ask(at)
            }
        }
    }

    /// Up to `most` bytes from `at` on, at least `least`; fewer only at the end of the input.
    pub(crate) fn peek(&mut self, at: u64, least: usize, most: usize) -> Fetch {
        let here = self.window.peek(at, most);
        let reach = at.saturating_add(here.len() as u64);
        if here.len() >= least || reach >= self.end {
            return Fetch::Here(here.into());
        }
        self.wanted = at..at.saturating_add(most as u64);
        self.ask(reach)
    }

    fn ask(&mut self, at: u64) -> Fetch {
        let at = if self.seekable { at } else { self.received };
        if at >= self.end.min(FARTHEST) {
            return Fetch::Gone;
        }
        self.asked = Some(at);
        Fetch::Ask(at)
    }
}
