//! Edit lists (ISO/IEC 14496-12 §8.6.6): which stretches of a track are shown, and when.
//!
//! Times come out as ffmpeg gives them: what an edit starts with is shown at the end of the edits before it, what
//! must be decoded first stands before that and is marked, and the first picture is shown where the track starts.

use brooklet_media::{MediaKind, Result, TimeBase};

use crate::boxes::Body;
use crate::samples::{Cursor, Sample, SampleTable};

/// The most edits that are followed.
const MAX_EDITS: usize = 1_024;

/// The most samples that are looked at, in all edits together, to find where they start.
const MAX_SEARCH: u32 = 4_000_000;

/// One row of an `elst`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Edit {
    /// Ticks of the track's own clock; `None` where it reaches to the end of the media.
    pub(crate) duration: Option<i64>,
    /// The first pts that is shown; `None` for an empty edit, which delays what follows.
    pub(crate) media_time: Option<i64>,
}

/// Reads the edits of an `elst`, whose durations count on the clock of the whole file.
pub(crate) fn parse_elst(mut elst: Body, movie: TimeBase, media: TimeBase) -> Result<Vec<Edit>> {
    let wide = elst.version_and_flags()?.0 == 1;
    let count = elst.u32()?;
    let mut edits = Vec::new();
    for _ in 0..count.min(MAX_EDITS as u32) {
        let Ok(duration) = elst.u64_if(wide) else { break };
        let Ok(media_time) = elst.u64_if(wide) else { break };
        elst.skip(4)?; // media_rate
        let duration = i64::try_from(duration).unwrap_or(i64::MAX);
        let media_time = if wide { media_time as i64 } else { i64::from(media_time as u32 as i32) };
        edits.push(Edit {
            duration: (duration > 0).then(|| movie.rescale(duration, media)),
            media_time: (media_time >= 0).then_some(media_time),
        });
    }
    Ok(edits)
}

/// A stretch of the media and its place in the presentation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Segment {
    /// The sample that decoding starts from.
    pub(crate) first: u64,
    /// Shown is what has a media pts from here…
    pub(crate) from: i64,
    /// …up to here.
    pub(crate) until: i64,
    /// Presentation time minus media time, in ticks.
    pub(crate) shift: i64,
    /// Whether sound that begins before `from` and reaches over it is shown, to be trimmed.
    pub(crate) trims: bool,
}

/// All that is shown of a track's samples.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Timeline {
    pub(crate) segments: Vec<Segment>,
    /// When the track starts, in ticks: the empty edits at its head.
    pub(crate) start: i64,
    /// How long all edits are, in ticks, where they say.
    pub(crate) length: Option<i64>,
    /// Whether there are edits at all.
    pub(crate) edited: bool,
    /// Presentation time minus media time for samples in fragments, which only the first edit moves.
    pub(crate) fragment_shift: i64,
}

impl Timeline {
    /// The timeline of a track of `rate` ticks a second with these edits; of all samples where there are none.
    pub(crate) fn new(edits: &[Edit], table: &SampleTable, kind: MediaKind, rate: u32) -> Self {
        if edits.is_empty() {
            let all = Segment { first: 0, from: i64::MIN, until: i64::MAX, shift: 0, trims: false };
            return Self { segments: vec![all], ..Self::default() };
        }
        let mut draft = Draft::new(table, kind, rate);
        edits.iter().for_each(|edit| draft.add(*edit));
        draft.finish()
    }

    /// The last segment that has begun at `pts`, else the first: its number and itself.
    pub(crate) fn segment_at(&self, pts: i64) -> Option<(usize, &Segment)> {
        let begun = |segment: &Segment| segment.from.saturating_add(segment.shift) <= pts;
        let numbered = || self.segments.iter().enumerate();
        numbered().rev().find(|(_, segment)| begun(segment)).or_else(|| numbered().next())
    }
}

impl Segment {
    /// Whether a sample is shown, at least in part, rather than decoded only.
    pub(crate) fn shows(&self, sample: &Sample) -> bool {
        let inside = self.from <= sample.pts && sample.pts < self.until;
        inside
            || (sample.pts < self.from && self.trimmed(sample) > 0 && self.trimmed(sample) < sample.duration)
    }

    /// How many ticks of a sample of sound stand before the start.
    pub(crate) fn trimmed(&self, sample: &Sample) -> i64 {
        if self.trims { self.from.saturating_sub(sample.pts).clamp(0, sample.duration) } else { 0 }
    }

    /// Whether nothing after this sample is shown, so far as that one can tell.
    pub(crate) fn ends_with(&self, sample: &Sample) -> bool {
        sample.pts.saturating_add(sample.duration) >= self.until
    }
}

/// A timeline in the making.
struct Draft<'a> {
    table: &'a SampleTable,
    kind: MediaKind,
    /// How many ticks early decoding starts, for decoders that need a run-up.
    lead: i64,
    timeline: Timeline,
    /// When the next edit starts.
    clock: i64,
    /// Whether there was an edit that is not empty.
    found: bool,
    /// The first presented pts.
    first_shown: Option<i64>,
    /// Samples that may yet be looked at.
    budget: u32,
}

impl<'a> Draft<'a> {
    fn new(table: &'a SampleTable, kind: MediaKind, rate: u32) -> Self {
        let lead = if kind == MediaKind::Audio { i64::from(rate) } else { 0 };
        let timeline = Timeline { length: Some(0), edited: true, ..Timeline::default() };
        Self { table, kind, lead, timeline, clock: 0, found: false, first_shown: None, budget: MAX_SEARCH }
    }

    fn add(&mut self, edit: Edit) {
        let duration = edit.duration.unwrap_or(0);
        match edit.media_time {
            Some(from) => {
                if !self.found {
                    self.timeline.fragment_shift = self.clock.saturating_sub(from);
                }
                let until = edit.duration.map_or(i64::MAX, |duration| from.saturating_add(duration));
                self.place(from, until);
                self.found = true;
            }
            None if !self.found => self.timeline.start = self.timeline.start.saturating_add(duration),
            None => {}
        }
        self.clock = self.clock.saturating_add(duration);
        self.timeline.length = edit.duration.and(self.timeline.length).map(|_| self.clock);
    }

    /// Adds what is shown from `from` to `until`, if there is any: finds the sample that decoding starts from,
    /// and the first that is shown, which is put at the clock.
    fn place(&mut self, from: i64, until: i64) {
        let first = self.table.decode_from(from.saturating_sub(self.lead));
        let trims = self.kind == MediaKind::Audio && !self.found;
        let mut segment = Segment { first, from, until, shift: 0, trims };
        let mut is_placed = false;
        let mut cursor = Cursor::new(self.table, first);
        while let Some(sample) = cursor.current(self.table).filter(|_| self.budget > 0) {
            self.budget -= 1;
            let time = sample.dts.saturating_add(self.table.dts_shift());
            let earliest_to_come = time.saturating_add(self.table.least_offset());
            let is_settled =
                |shown: i64| shown >= 0 && earliest_to_come.saturating_add(segment.shift) >= shown;
            if earliest_to_come >= until || (is_placed && self.first_shown.is_some_and(is_settled)) {
                break;
            }
            if segment.shows(&sample) {
                if !is_placed {
                    let zero = if sample.pts < from { from } else { time };
                    segment.shift = self.clock.saturating_sub(zero);
                    is_placed = true;
                }
                let shown = sample.pts.saturating_add(segment.shift);
                // As in ffmpeg, what is shown before 0 does not count once something later is.
                let before = self.first_shown.filter(|first| *first >= 0);
                self.first_shown = Some(before.map_or(shown, |first| first.min(shown)));
            }
            cursor.advance(self.table);
        }
        self.timeline.segments.extend(is_placed.then_some(segment));
    }

    /// Moves everything back where reordering would make the first picture late.
    fn finish(self) -> Timeline {
        let mut timeline = self.timeline;
        let late = self.first_shown.map_or(0, |first| first.saturating_sub(timeline.start));
        if self.kind == MediaKind::Video && late > 0 {
            let segments = timeline.segments.iter_mut();
            segments.for_each(|segment| segment.shift = segment.shift.saturating_sub(late));
        }
        timeline
    }
}
