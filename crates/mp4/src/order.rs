//! Which track's sample comes next: ffmpeg's order, so that files are read as they lie.

use brooklet_media::TimeBase;

use crate::lane::Lane;

/// Tracks that are further apart than this, in microseconds, are brought together, wherever their samples lie.
pub(crate) const MAX_APART: i64 = 1_000_000;

/// A lane and its next sample's place and time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) lane: usize,
    pub(crate) offset: u64,
    /// Microseconds.
    pub(crate) dts: i64,
}

/// The lane to read from: the one whose sample lies first in the input; in a source that can seek, the one that
/// is behind in time by more than a second.
pub(crate) fn next_lane(lanes: &mut [Lane], seekable: bool) -> Option<Candidate> {
    let mut best: Option<Candidate> = None;
    for (number, lane) in lanes.iter_mut().enumerate() {
        let Some(entry) = lane.peek() else { continue };
        let dts = lane.track.time_base.rescale(entry.sample.dts, TimeBase::MICROS);
        let candidate = Candidate { lane: number, offset: entry.sample.offset, dts };
        let is_better = best.is_none_or(|best| {
            if seekable && dts.abs_diff(best.dts) > MAX_APART as u64 {
                dts < best.dts
            } else {
                candidate.offset < best.offset
            }
        });
        if is_better {
            best = Some(candidate);
        }
    }
    best
}
