//! One listener's bytes.

use std::collections::VecDeque;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;

use super::icy::{IcyWriter, METAINT};
use super::ogg::OggPages;
use crate::hub::{Burst, Entrance, Sound, Subscription, Taken};

/// Units that are taken at once: what has been taken can't be skipped any more, and is held for this listener alone.
const BATCH: usize = 1;

/// What a listener asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListenOptions {
    /// How much of the recent past to begin with, where that is less than the station's own.
    pub burst: Option<Burst>,
    /// Whether titles stand between the bytes, every [`Listener::METAINT`] of them.
    pub icy: bool,
}

/// One who listens to a [`crate::radio::Station`]: bytes as they go over the wire, from the beginning of a frame on, headers first.
///
/// It holds what has been taken and not been handed on yet, a quarter of a second of sound. One that is too slow skips, always to the
/// beginning of a frame, and delays nobody.
pub struct Listener {
    subscription: Subscription<Sound>,
    /// What has been taken. It has no memory while it is empty, which is nearly always: there may be thousands of these.
    ready: VecDeque<Bytes>,
    icy: Option<IcyWriter>,
    /// Where each listener's pages are its own.
    pages: Option<OggPages>,
}

impl Listener {
    /// Bytes of sound between titles.
    pub const METAINT: usize = METAINT;

    pub(super) fn new(format: &str, entrance: &Entrance<Sound>, options: &ListenOptions) -> Self {
        let all = Burst { bytes: u64::MAX, time: Duration::MAX };
        Self {
            subscription: entrance.enter(options.burst.unwrap_or(all)),
            ready: VecDeque::new(),
            icy: options.icy.then(|| IcyWriter::new(METAINT)),
            pages: matches!(format, "ogg" | "opus" | "oga").then(OggPages::default),
        }
    }

    /// The next bytes; waits where there are none. `None` when the broadcast is over and all of it was handed out.
    pub fn poll_next(&mut self, context: &Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                if self.ready.is_empty() {
                    self.ready = VecDeque::new();
                }
                self.subscription.count_sent(bytes.len() as u64);
                return Poll::Ready(Some(bytes));
            }
            let mut units = Vec::new();
            match self.subscription.poll_take(context, BATCH, &mut units) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Taken::End) => return Poll::Ready(None),
                Poll::Ready(Taken::Units) => self.prepare(units),
            }
        }
    }

    /// Units of a quarter of a second that it skipped because it was too slow.
    pub const fn skipped(&self) -> u64 {
        self.subscription.skipped()
    }

    fn prepare(&mut self, units: Vec<Sound>) {
        let Self { ready, icy, pages, .. } = self;
        for unit in units {
            let bytes = pages.as_mut().map(|pages| pages.renumber(&unit.bytes, unit.is_header));
            let bytes = bytes.unwrap_or(unit.bytes);
            match icy {
                None => ready.push_back(bytes),
                Some(icy) => icy.write(bytes, &unit.title, |bytes| ready.push_back(bytes)),
            }
        }
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("skipped", &self.skipped()).finish_non_exhaustive()
    }
}
