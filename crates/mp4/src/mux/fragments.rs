//! A file in fragments (ISO/IEC 14496-12 §8.8): each is described just before it comes, so the file is whole at every fragment's end,
//! goes through a pipe, and costs no memory but a fragment's.

mod moof;

use std::time::Duration;

use brooklet_media::{Error, MediaKind, Result, TimeBase};
use bytes::{BufMut, BytesMut};

use self::moof::{Traf, put_moof};
use super::moov::{Trak, moov, movie_clock};
use super::put::{put_box, put_full_box};
use super::timeline::Edits;
use super::track::{Sample, Track};
use super::{File, FragmentRule};
use crate::boxes::NAME;

/// A fragment ends with what follows this many bytes or this much time, whatever the rule says: it waits in memory.
const MAX_BYTES: u64 = 16 << 20;
const MAX_LENGTH: Duration = Duration::from_secs(10);
/// And so does one of so many packets of a track.
const MAX_PACKETS: usize = 1 << 16;
/// How long the first fragment waits for tracks that have not begun.
const MAX_WAIT: Duration = Duration::from_secs(1);
/// How long a fragment without pictures is where no length is said.
const SOUND_LENGTH: Duration = Duration::from_secs(1);

/// Such a file in the making.
pub(super) struct Fragments {
    rule: FragmentRule,
    /// What stands before everything; empty once it is written.
    ftyp: BytesMut,
    lanes: Vec<Lane>,
    /// Bytes of media in the fragment that is being made.
    bytes: u64,
    /// The track whose key pictures fragments begin with; known once the header is written.
    leader: Option<usize>,
    /// Number of the next, from 1.
    sequence: u32,
    /// For the index at the end.
    points: Vec<AccessPoint>,
}

/// One track's part.
#[derive(Default)]
struct Lane {
    /// Of the fragment that is being made.
    samples: Vec<Sample>,
    /// Where the last sample before it ends, ticks of the track.
    end: i64,
    /// What is added to times of the track; known once the header is written.
    shift: i64,
}

/// A key sample at the start of a fragment.
struct AccessPoint {
    /// Its pts, in ticks of the track's media.
    time: i64,
    moof_at: u64,
    /// Which `traf` of the fragment, from 1.
    traf: u8,
}

impl Fragments {
    pub(super) fn new(rule: FragmentRule) -> Self {
        Self {
            rule,
            ftyp: BytesMut::new(),
            lanes: Vec::new(),
            bytes: 0,
            leader: None,
            sequence: 1,
            points: Vec::new(),
        }
    }

    /// Keeps the head back until it is known where tracks begin.
    pub(super) fn start(&mut self, ftyp: BytesMut, tracks: usize) {
        self.ftyp = ftyp;
        self.lanes.resize_with(tracks, Lane::default);
    }

    pub(super) fn write(&mut self, file: &mut File, number: usize, sample: Sample) -> Result<()> {
        let (Some(track), Some(lane)) = (file.tracks.get(number), self.lanes.get(number)) else {
            return Ok(());
        };
        if sample.row > 1 {
            return Err(Error::unsupported(
                format!("{NAME}: other parameters of stream {number} within fragments"),
                "a change in a file that is not fragmented",
            ));
        }
        // Samples without a length of their own can't leave a gap within a fragment.
        let gap = track.is_pcm() && !lane.samples.is_empty() && sample.dts != lane.end;
        if gap || self.is_full(&file.tracks, number, &sample) {
            self.flush(file, Some((number, sample.dts)))?;
        }
        let Some(lane) = self.lanes.get_mut(number) else { return Ok(()) };
        // What is not to be heard is said by the length of the last sample.
        let lasts =
            sample.length.saturating_mul(i64::from(sample.count)).saturating_sub(sample.padding).max(0);
        lane.end = sample.dts.saturating_add(lasts);
        self.bytes += sample.data.len() as u64;
        if sample.count > 0 {
            lane.samples.push(sample);
        }
        if !self.ftyp.is_empty() && file.tracks.iter().all(Track::is_placed) {
            self.put_header(file)?;
        }
        Ok(())
    }

    /// Writes the last fragment and, where it can be found again, the index.
    pub(super) fn finish(&mut self, file: &mut File) -> Result<()> {
        self.flush(file, None)?;
        if self.rule.index && !self.points.is_empty() {
            let index = self.index(self.leader(&file.tracks));
            file.out.append(index, false);
        }
        Ok(())
    }

    /// Whether a fragment ends before this sample.
    fn is_full(&self, tracks: &[Track], number: usize, sample: &Sample) -> bool {
        let (Some(track), Some(lane)) = (tracks.get(number), self.lanes.get(number)) else { return false };
        let Some(first) = lane.samples.first() else { return self.bytes >= MAX_BYTES };
        let lasts_for = |length: Duration| {
            let ticks =
                TimeBase::NANOS.rescale(i64::try_from(length.as_nanos()).unwrap_or(i64::MAX), track.clock);
            sample.dts.saturating_sub(first.dts) >= ticks
        };
        if self.bytes >= MAX_BYTES || lane.samples.len() >= MAX_PACKETS || lasts_for(MAX_LENGTH) {
            return true;
        }
        // The header says where every track begins, so the first fragment waits for all of them, and longer for those that have begun.
        let is_awaited = |track: &Track| {
            if track.has_begun() { !track.is_placed() } else { !lasts_for(MAX_WAIT) }
        };
        let waits = !self.ftyp.is_empty() && tracks.iter().any(is_awaited);
        if waits || number != self.leader(tracks) {
            return false;
        }
        let is_video = track.params.media() == MediaKind::Video;
        let at_key_frame = self.rule.at_key_frames && is_video && sample.key;
        let usual = (!is_video && !self.rule.each_frame).then_some(SOUND_LENGTH);
        let is_long = self.rule.length.or(usual).is_some_and(lasts_for);
        self.rule.each_frame || at_key_frame || is_long
    }

    /// The first track with pictures that has begun, else the first that has.
    fn leader(&self, tracks: &[Track]) -> usize {
        let first = |wanted: &dyn Fn(&Track) -> bool| {
            tracks.iter().position(|track| track.has_begun() && wanted(track))
        };
        let is_video = |track: &Track| track.params.media() == MediaKind::Video;
        self.leader.or_else(|| first(&is_video)).or_else(|| first(&|_| true)).unwrap_or(0)
    }

    /// Writes the fragment that is being made. `next` is the track and the dts of the sample that ends it.
    fn flush(&mut self, file: &mut File, next: Option<(usize, i64)>) -> Result<()> {
        if !self.ftyp.is_empty() {
            self.put_header(file)?;
        }
        let mut trafs = Vec::new();
        for (number, (track, lane)) in file.tracks.iter().zip(&mut self.lanes).enumerate() {
            if !lane.samples.is_empty() {
                let end = next.filter(|(ending, _)| *ending == number).map_or(lane.end, |(_, dts)| dts);
                let samples = std::mem::take(&mut lane.samples);
                trafs.push((number, Traf { id: track.id, shift: lane.shift, end, samples }));
            }
        }
        if trafs.is_empty() {
            return Ok(());
        }
        let leading = trafs.iter().position(|(number, _)| Some(*number) == self.leader);
        let key = match leading.and_then(|at| Some((at, &trafs[at].1, trafs[at].1.samples.first()?))) {
            Some((at, traf, first)) if first.key => {
                if self.rule.index {
                    let time = first.dts.saturating_add(traf.shift).saturating_add(i64::from(first.offset));
                    self.points.push(AccessPoint { time, moof_at: file.out.written(), traf: at as u8 + 1 });
                }
                true
            }
            _ => false,
        };
        let trafs: Vec<_> = trafs.into_iter().map(|(_, traf)| traf).collect();
        let mut fragment = BytesMut::with_capacity(self.bytes as usize + 4096);
        put_moof(&mut fragment, self.sequence, &trafs);
        put_box(&mut fragment, b"mdat", |out| {
            trafs.iter().flat_map(|traf| &traf.samples).for_each(|sample| out.put_slice(&sample.data));
        });
        file.out.append(fragment.freeze(), key);
        self.sequence = self.sequence.wrapping_add(1);
        self.bytes = 0;
        Ok(())
    }

    fn put_header(&mut self, file: &mut File) -> Result<()> {
        // What a track is has to be said before the first of it has come.
        file.tracks.iter_mut().try_for_each(|track| track.describe(&[]))?;
        let clock = movie_clock(&file.tracks);
        let mut traks = Vec::new();
        for (track, lane) in file.tracks.iter().zip(&mut self.lanes) {
            let (edits, shift) = Edits::of_fragments(track, clock);
            lane.shift = shift;
            traks.push(Trak { track, edits, tables: None });
        }
        self.leader = Some(self.leader(&file.tracks));
        let mut header = std::mem::take(&mut self.ftyp);
        header.put_slice(&moov(&file.options, &file.metadata, &traks, clock, 0)?);
        file.out.append(header.freeze(), true);
        Ok(())
    }

    /// `mfra` (§8.8.9): where the fragments are that the leading track can be shown from.
    fn index(&self, leader: usize) -> bytes::Bytes {
        let mut out = BytesMut::new();
        put_box(&mut out, b"mfra", |out| {
            put_full_box(out, b"tfra", 1, 0, |out| {
                out.put_u32(leader as u32 + 1);
                out.put_u32(0); // the numbers below have a byte each
                out.put_u32(self.points.len() as u32);
                for point in &self.points {
                    out.put_i64(point.time);
                    out.put_u64(point.moof_at);
                    out.put_slice(&[point.traf, 1, 1]); // traf, trun and sample
                }
            });
            put_full_box(out, b"mfro", 0, 0, |out| out.put_u32(0));
        });
        let (end, size) = (out.len(), out.len() as u32);
        out[end - 4..].copy_from_slice(&size.to_be_bytes());
        out.freeze()
    }
}
