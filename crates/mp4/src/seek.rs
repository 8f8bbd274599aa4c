//! Seeking: at once among the samples of the `moov`; among fragments by reading on until the place is known.

use brooklet_media::MediaKind;

use crate::demux::Mp4Demuxer;
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
        let (Some(index), Some(clock)) =
            (self.indexes.get(lane), self.lanes.get(lane).map(|lane| lane.track.time_base))
        else {
            return;
        };
        if !index.reaches_past(pts) && !self.scan.is_done() {
            return;
        }
        let Some(mark) = index.find(pts) else {
            self.seeking = None;
            return;
        };
        let sync = mark.sync.unwrap_or(pts);
        let others = self.lanes.iter().zip(&self.indexes);
        let starts =
            others.filter_map(|(lane, index)| index.find(clock.rescale(sync, lane.track.time_base))).map(|mark| mark.at);
        let start = starts.min().map_or(mark.at, |start| start.min(mark.at));
        for (lane, index) in self.lanes.iter_mut().zip(&self.indexes) {
            lane.restart_fragments(index.after(start).map(|mark| mark.dts));
        }
        self.scan.go_to(Some(start));
        self.seeking = Some(Seeking { lane, pts, found: Some(mark.at) });
    }

    /// The fragment with the sync sample has been read: everything before it is skipped.
    pub(crate) fn resume_after_seek(&mut self, seeking: Seeking) {
        self.seeking = None;
        let Some(lane) = self.lanes.get_mut(seeking.lane) else { return };
        let clock = lane.track.time_base;
        let in_time = lane.waiting_syncs(0).take_while(|sync| *sync <= seeking.pts).last();
        let Some(sync) = in_time.or_else(|| lane.waiting_syncs(0).next()) else { return };
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            lane.resume(match lane.track.kind {
                _ if number == seeking.lane => Resume::AtSync(sync),
                MediaKind::Video => Resume::AnySync,
                _ => Resume::During(clock.rescale(sync, lane.track.time_base)),
            });
        }
    }
}
