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
        let mut timeline = Self { length: Some(0), edited: true, ..Self::default() };
        let (mut clock, mut found, mut first_shown, mut budget) = (0i64, false, i64::MAX, MAX_SEARCH);
        for edit in edits {
            if let Some(from) = edit.media_time {
                let until = edit.duration.map_or(i64::MAX, |duration| from.saturating_add(duration));
                let is_audio = kind == MediaKind::Audio;
                let segment = Segment { first: 0, from, until, shift: clock, trims: is_audio && !found };
                let lead = if is_audio { i64::from(rate) } else { 0 };
                if let Some((segment, shown)) = segment.place(table, lead, &mut budget) {
                    timeline.segments.push(segment);
                    first_shown = first_shown.min(shown);
                }
                if !found {
                    timeline.fragment_shift = clock.saturating_sub(from);
                }
                found = true;
            } else if !found {
                timeline.start = timeline.start.saturating_add(edit.duration.unwrap_or(0));
            }
            clock = clock.saturating_add(edit.duration.unwrap_or(0));
            timeline.length = edit.duration.and(timeline.length).map(|_| clock);
        }
        let late = first_shown.saturating_sub(timeline.start);
        if kind == MediaKind::Video && late > 0 && first_shown != i64::MAX {
            timeline
                .segments
                .iter_mut()
                .for_each(|segment| segment.shift = segment.shift.saturating_sub(late));
        }
        timeline
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

    /// Finds where decoding starts (`lead` ticks early, for decoders that need a run-up) and the first shown
    /// sample, which stands at the clock that `shift` holds so far. Gives the first presented pts too. `None`
    /// where no sample is in it.
    fn place(mut self, table: &SampleTable, lead: i64, budget: &mut u32) -> Option<(Self, i64)> {
        self.first = table.decode_from(self.from.saturating_sub(lead));
        let mut cursor = Cursor::new(table, self.first);
        let mut first_shown = None;
        while let Some(sample) = cursor.current(table).filter(|_| *budget > 0) {
            *budget -= 1;
            let time = sample.dts.saturating_add(table.dts_shift());
            let earliest_to_come = time.saturating_add(table.least_offset());
            if first_shown.is_some_and(|first| earliest_to_come >= first) || earliest_to_come >= self.until {
                break;
            }
            if self.shows(&sample) {
                if first_shown.is_none() {
                    let zero = if sample.pts < self.from { self.from } else { time };
                    self.shift = self.shift.saturating_sub(zero);
                }
                first_shown = Some(first_shown.map_or(sample.pts, |first: i64| first.min(sample.pts)));
            }
            cursor.advance(table);
        }
        first_shown.map(|first| (self, first.saturating_add(self.shift)))
    }
}
