//! A track being read: its samples one after another, first those of the `moov`, then those of fragments.

use std::collections::VecDeque;

use brooklet_media::{MediaKind, StreamKind, StreamParams, TimeBase};

use crate::fragment::{Run, TrackFragment};
use crate::index::Mark;
use crate::playhead::{Entry, Playhead};
use crate::samples::Sample;
use crate::track::{Track, frame_rate};

/// The most samples that are looked through for a sync sample, or skipped.
const MAX_SEARCH: usize = 1 << 20;

/// A track and how far it has been read.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) track: Track,
    /// The row of the `stsd` that the stream was last described by.
    pub(crate) description: u32,
    /// Dts of the next fragment in media time, where it does not say.
    pub(crate) fragment_dts: i64,
    /// Dts of the last sample that was given.
    pub(crate) last_dts: Option<i64>,
    playhead: Playhead,
    runs: VecDeque<Run>,
    /// Bytes of memory that the runs took when they came.
    cost: usize,
    next: Option<Entry>,
    /// What has been seen of fragments.
    seen: Seen,
    /// What to skip after a seek, and how much of it has been.
    resume: Option<Resume>,
    skipped: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Samples and ticks, without the first: it may be stretched to make up for a late start.
    frames: u64,
    ticks: i64,
    last_dts: Option<i64>,
    /// By how much the most negative composition offset is below 0.
    dts_shift: i64,
}

/// Where to go on after a seek, in presentation time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Resume {
    /// With the sync sample that is shown then.
    AtSync(i64),
    /// With the first sync sample that there is.
    AnySync,
    /// With what is still heard or seen then.
    During(i64),
}

impl Lane {
    pub(crate) fn new(track: Track) -> Self {
        Self {
            fragment_dts: track.table.samples_and_ticks().1,
            description: 0,
            last_dts: None,
            playhead: Playhead::new(),
            runs: VecDeque::new(),
            cost: 0,
            next: None,
            seen: Seen { dts_shift: track.table.dts_shift(), ..Seen::default() },
            resume: None,
            skipped: 0,
            track,
        }
    }

    /// The next sample, without taking it.
    pub(crate) fn peek(&mut self) -> Option<Entry> {
        while self.next.is_none() && !self.track.silent {
            let entry = self.read_next()?;
            if self.is_past_resume(&entry) {
                self.next = Some(entry);
            }
        }
        self.next
    }

    /// Takes the sample that [`Lane::peek`] shows.
    pub(crate) fn take(&mut self) -> Option<Entry> {
        self.peek()?;
        self.next.take()
    }

    /// The dts, in microseconds, with which it goes on in the next fragment, unless that says something else.
    pub(crate) fn next_fragment_at(&self) -> i64 {
        let dts = self.fragment_dts.saturating_add(self.track.timeline.fragment_shift);
        self.track.time_base.rescale(dts, TimeBase::MICROS)
    }

    /// Runs of samples in fragments that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.runs.len()
    }

    /// Bytes of memory that those runs take, at most.
    pub(crate) const fn cost(&self) -> usize {
        self.cost
    }

    /// Adds the samples of a fragment.
    pub(crate) fn append(&mut self, fragment: TrackFragment) {
        self.fragment_dts = fragment.dts.and_then(|dts| i64::try_from(dts).ok()).unwrap_or(self.fragment_dts);
        for mut run in fragment.runs.into_iter().filter(|run| run.len() > 0) {
            let ticks = run.ticks();
            let first = if self.seen.last_dts.is_none() { run.first_duration() } else { None };
            run.dts = self.fragment_dts;
            run.known_until = self.seen.last_dts;
            self.fragment_dts = self.fragment_dts.saturating_add(ticks);
            self.seen = Seen {
                frames: self.seen.frames + u64::from(run.len()) - u64::from(first.is_some()),
                ticks: self.seen.ticks.saturating_add(ticks - first.unwrap_or(0)),
                last_dts: Some(self.fragment_dts.saturating_sub(run.last_duration())),
                dts_shift: self.seen.dts_shift.max(run.dts_shift()),
            };
            if !self.track.silent {
                self.cost += run.cost();
                self.runs.push_back(run);
            }
        }
    }

    /// A place in the index of fragments with a sync sample at a pts of the media.
    pub(crate) fn mark(&self, at: u64, pts: u64) -> Mark {
        let pts = i64::try_from(pts).unwrap_or(i64::MAX);
        Mark { at, sync: Some(pts.saturating_add(self.track.timeline.fragment_shift)), dts: pts }
    }

    /// Takes the end of the last fragment for that of the track.
    pub(crate) fn set_end<'a>(&mut self, last: impl Iterator<Item = &'a TrackFragment>) {
        let ends = last.filter_map(|fragment| {
            let ticks = fragment.runs.iter().map(Run::ticks).fold(0, i64::saturating_add);
            i64::try_from(fragment.dts?).ok()?.checked_add(ticks)
        });
        // Sound loses what an edit takes from its start; pictures come out late by as much.
        let is_audio = self.track.kind == MediaKind::Audio;
        let shift = if is_audio { self.track.timeline.fragment_shift } else { 0 };
        self.track.length = ends.max().map(|end| end.saturating_add(shift)).or(self.track.length);
    }

    /// What the stream is, by what its header and the samples so far tell; `None` only for a track without any
    /// description, which [`Track::parse`] does not let pass.
    pub(crate) fn params(&mut self) -> Option<StreamParams> {
        let first = self.peek();
        self.description = first.map_or(1, |entry| entry.sample.description);
        let edited = self.track.timeline.edited;
        let start = match first {
            Some(entry) if !edited => Some(entry.sample.pts),
            Some(entry) if self.track.table.count() == 0 => Some(entry.sample.pts.saturating_add(entry.trim)),
            Some(_) => Some(self.track.timeline.start),
            None => None,
        };
        let mut params = self.track.params(self.description, start)?;
        if let StreamKind::Video(video) = &mut params.kind
            && self.track.table.count() == 0
        {
            let seen = frame_rate(self.seen.frames, self.seen.ticks, self.track.time_base);
            video.frame_rate = seen.or(video.frame_rate);
        }
        Some(params)
    }

    /// Goes to what must be decoded to show `pts`, among the samples of the `moov`; gives the pts that it starts
    /// with. `None` where the samples end before.
    pub(crate) fn seek_samples(&mut self, pts: i64) -> Option<i64> {
        let Track { table, timeline, .. } = &self.track;
        let playhead = Playhead::seek(table, timeline, pts);
        let first = playhead.clone().next(table, timeline);
        (self.playhead, self.next, self.resume) = (playhead, None, None);
        self.clear_runs();
        (self.fragment_dts, self.seen.last_dts) = (self.track.table.samples_and_ticks().1, None);
        first.map(|entry| entry.sample.pts)
    }

    /// Whether the samples of the `moov` reach past `pts`.
    pub(crate) fn covers(&self, pts: i64) -> bool {
        let end = self.track.table.samples_and_ticks().1.saturating_add(self.track.timeline.fragment_shift);
        self.track.table.count() > 0 && pts < end
    }

    /// Leaves out all samples that are known so far.
    pub(crate) fn forget_samples(&mut self) {
        self.clear_runs();
        (self.next, self.resume) = (None, None);
        self.playhead = Playhead::at_end();
    }

    /// Gets ready for a fragment that came before, and its dts, where it does not say.
    pub(crate) fn restart_fragments(&mut self, fragment_dts: Option<i64>) {
        self.forget_samples();
        self.fragment_dts = fragment_dts.unwrap_or(self.fragment_dts);
        self.seen.last_dts = None;
    }

    /// Skips what comes before the place to go on from.
    pub(crate) fn resume(&mut self, resume: Resume) {
        (self.resume, self.skipped) = (Some(resume), 0);
        self.next = None;
    }

    /// The presentation pts of the sync samples in fragments that wait, after the first `skip` runs, in order.
    pub(crate) fn waiting_syncs(&self, skip: usize) -> impl Iterator<Item = i64> {
        let is_audio = self.track.kind == MediaKind::Audio;
        let samples = self.runs.iter().skip(skip).cloned().flat_map(move |run| run.likely_syncs(is_audio));
        samples
            .take(MAX_SEARCH)
            .map(|sample| self.present(sample, None).sample)
            .filter(|sample| sample.sync)
            .map(|sample| sample.pts)
    }

    /// The last of [`Lane::waiting_syncs`] at or before `pts`.
    pub(crate) fn last_waiting_sync(&self, pts: i64) -> Option<i64> {
        self.waiting_syncs(0).take_while(|sync| *sync <= pts).last()
    }

    /// The presentation dts of the first sample in fragments that wait, after the first `skip` runs.
    pub(crate) fn waiting_dts(&self, skip: usize) -> Option<i64> {
        self.runs.get(skip).map(|run| run.dts.saturating_add(self.track.timeline.fragment_shift))
    }

    /// The sound's rate, for trims.
    pub(crate) fn audio_clock(&self) -> TimeBase {
        let described = self.track.description(self.description).and_then(|row| row.params.as_audio());
        described.map_or(self.track.time_base, |audio| TimeBase::hz(audio.rate))
    }

    fn clear_runs(&mut self) {
        self.runs.clear();
        self.cost = 0;
    }

    fn read_next(&mut self) -> Option<Entry> {
        if let Some(entry) = self.playhead.next(&self.track.table, &self.track.timeline) {
            return Some(entry);
        }
        let grouped = self.track.description(self.description).is_some_and(|row| row.grouping.is_some());
        loop {
            let run = self.runs.front_mut()?;
            let known_until = run.known_until;
            match run.next(grouped) {
                Some(sample) => return Some(self.present(sample, known_until)),
                None => drop(self.runs.pop_front()),
            }
            if self.runs.is_empty() {
                self.cost = 0;
            }
        }
    }

    /// A fragment's sample at its place in the presentation.
    fn present(&self, sample: Sample, known_until: Option<i64>) -> Entry {
        let Track { timeline, kind, .. } = &self.track;
        let dts = sample.dts.saturating_add(timeline.fragment_shift);
        let pts = sample.pts.saturating_add(timeline.fragment_shift).saturating_add(self.seen.dts_shift);
        let is_audio = *kind == MediaKind::Audio;
        let before = if timeline.edited { timeline.start.saturating_sub(pts) } else { 0 };
        Entry {
            discard: known_until.is_some_and(|known| sample.dts <= known) || (!is_audio && before > 0),
            trim: if is_audio { before.clamp(0, sample.duration) } else { 0 },
            sample: Sample { dts, pts, sync: is_audio || sample.sync, ..sample },
        }
    }

    fn is_past_resume(&mut self, entry: &Entry) -> bool {
        let Sample { pts, duration, sync, .. } = entry.sample;
        let past = match self.resume {
            None => true,
            Some(Resume::AtSync(at)) => sync && pts >= at,
            Some(Resume::AnySync) => sync,
            Some(Resume::During(at)) => pts.saturating_add(duration.max(1)) > at,
        };
        self.skipped += 1;
        if past || self.skipped > MAX_SEARCH {
            self.resume = None;
        }
        self.resume.is_none()
    }
}
