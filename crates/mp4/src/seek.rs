//! Seeking: at once among the samples of the `moov`; among fragments by reading on until the place is known.

use brooklet_media::MediaKind;

use crate::demux::Mp4Demuxer;
use crate::index::Mark;
use crate::lane::{Lane, Resume};

/// A seek among fragments, under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seeking {
    pub(crate) lane: usize,
    /// Ticks of that lane.
    pub(crate) pts: i64,
    /// The `moof` with the sync sample, once it is known.
    pub(crate) found: Option<u64>,
}

impl Mp4Demuxer {
    /// Goes on from the sync sample at or before `pts` of a lane, the others from the same time.
    pub(crate) fn seek_samples(&mut self, number: usize, pts: i64) {
        let Some(lane) = self.lanes.get_mut(number) else { return };
        let (start, clock) = (lane.seek_samples(pts).unwrap_or(pts), lane.track.time_base);
        for (_, other) in self.lanes.iter_mut().enumerate().filter(|(other, _)| *other != number) {
            other.seek_samples(clock.rescale(start, other.track.time_base));
        }
        if self.scan.is_fragmented() {
            self.scan.go_to(None);
        }
    }

    /// Starts a seek among fragments.
    pub(crate) fn seek_fragments(&mut self, lane: usize, pts: i64) {
        self.seeking = Some(Seeking { lane, pts, found: None });
        self.lanes.iter_mut().for_each(Lane::forget_samples);
        self.go_back_to_fragment();
    }

    /// Once enough fragments are known, goes back to those from which to read on.
    pub(crate) fn go_back_to_fragment(&mut self) {
        let Some(Seeking { lane, pts, found: None }) = self.seeking else { return };
        let Some(index) = self.indexes.get(lane) else { return };
        if !index.reaches_past(pts) && !self.scan.is_done() {
            return;
        }
        match index.find(pts) {
            Some(mark) => self.restart_at(lane, pts, mark),
            None => self.seeking = None,
        }
    }

    /// Goes back so far that when `mark` comes, the other lanes have what is shown at the same time.
    fn restart_at(&mut self, number: usize, pts: i64, mark: Mark) {
        let Some(clock) = self.lanes.get(number).map(|lane| lane.track.time_base) else { return };
        let sync = mark.sync.unwrap_or(pts);
        let others = self.lanes.iter().zip(&self.indexes);
        let marks = others.filter_map(|(lane, index)| index.find(clock.rescale(sync, lane.track.time_base)));
        let start = marks.map(|mark| mark.at).min().map_or(mark.at, |start| start.min(mark.at));
        for (lane, index) in self.lanes.iter_mut().zip(&self.indexes) {
            lane.restart_fragments(index.after(start).map(|mark| mark.dts));
        }
        self.scan.go_to(Some(start));
        self.seeking = Some(Seeking { lane: number, pts, found: Some(mark.at) });
    }

    /// The fragment with the sync sample has been read: everything before it is skipped.
    pub(crate) fn resume_after_seek(&mut self, seeking: Seeking) {
        self.seeking = None;
        let Some((lane, index)) = self.lanes.get(seeking.lane).zip(self.indexes.get(seeking.lane)) else {
            return;
        };
        let clock = lane.track.time_base;
        let in_time = lane.last_waiting_sync(seeking.pts);
        if let (None, Some(before)) = (in_time, seeking.found.and_then(|moof| index.before(moof))) {
            // The index at the end of the file may hold dts where it should hold pts, and promise too much.
            return self.restart_at(seeking.lane, seeking.pts, before);
        }
        let Some(start) = in_time.or(lane.waiting_syncs(0).next()) else { return };
        for lane in &mut self.lanes {
            let start = clock.rescale(start, lane.track.time_base);
            lane.resume(match lane.track.kind {
                MediaKind::Video => lane.last_waiting_sync(start).map_or(Resume::AnySync, Resume::AtSync),
                _ => Resume::During(start),
            });
        }
    }
}
