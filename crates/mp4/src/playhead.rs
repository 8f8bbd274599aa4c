//! Walks the samples of a track in the order and at the times of its edits.

use crate::edit::Timeline;
use crate::samples::{Cursor, Sample, SampleTable};

/// A sample with its place in the presentation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    /// Its times are those of the presentation.
    pub(crate) sample: Sample,
    /// Decoded but not shown.
    pub(crate) discard: bool,
    /// Ticks of sound to drop from its start.
    pub(crate) trim: i64,
}

/// Where in a track's timeline the reading stands.
#[derive(Clone, Debug)]
pub(crate) struct Playhead {
    segment: usize,
    /// `None` until the segment is entered.
    cursor: Option<Cursor>,
    /// Whether a sync sample after the end of the segment has been given: pictures that are shown before it may
    /// follow it.
    past_end: bool,
}

impl Playhead {
    /// At the start.
    pub(crate) const fn new() -> Self {
        Self { segment: 0, cursor: None, past_end: false }
    }

    /// After everything.
    pub(crate) const fn at_end() -> Self {
        Self { segment: usize::MAX, cursor: None, past_end: false }
    }

    /// At what must be decoded first to show `pts`.
    pub(crate) fn seek(table: &SampleTable, timeline: &Timeline, pts: i64) -> Self {
        let Some((number, segment)) = timeline.segment_at(pts) else { return Self::new() };
        let sample = table.decode_from(pts.saturating_sub(segment.shift)).max(segment.first);
        Self { segment: number, cursor: Some(Cursor::new(table, sample)), past_end: false }
    }

    /// The next sample to decode; `None` after the last.
    pub(crate) fn next(&mut self, table: &SampleTable, timeline: &Timeline) -> Option<Entry> {
        loop {
            let segment = timeline.segments.get(self.segment)?;
            let cursor = self.cursor.get_or_insert_with(|| Cursor::new(table, segment.first));
            let Some(sample) = cursor.current(table) else {
                self.leave_segment();
                continue;
            };
            cursor.advance(table);
            let discard = !segment.shows(&sample);
            let trim = segment.trimmed(&sample);
            if segment.ends_with(&sample) && sample.sync {
                // A second one is waited for only where pictures are reordered.
                if self.past_end || !table.reorders() {
                    self.leave_segment();
                } else {
                    self.past_end = true;
                }
            }
            let (dts, pts) =
                (sample.dts.saturating_add(segment.shift), sample.pts.saturating_add(segment.shift));
            return Some(Entry { sample: Sample { dts, pts, ..sample }, discard, trim });
        }
    }

    fn leave_segment(&mut self) {
        *self = Self { segment: self.segment + 1, cursor: None, past_end: false };
    }
}
