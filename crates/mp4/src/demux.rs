//! The demuxer: asks for boxes, then for samples, in the order in which they are to be read.

use std::collections::VecDeque;

use brooklet_media::bitstream::nal;
use brooklet_media::{
    DemuxEvent, DemuxStep, Demuxer, Error, MediaKind, Metadata, Packet, Result, Source, TimeBase, Trim,
};
use bytes::Bytes;

use crate::boxes::{Body, NAME};
use crate::fragment::{Defaults, parse_moof};
use crate::index::{FragmentIndex, Mark};
use crate::input::{Fetch, Input};
use crate::lane::Lane;
use crate::metadata;
use crate::moov::Movie;
use crate::order::{Candidate, MAX_APART, next_lane};
use crate::playhead::Entry;
use crate::scan::{Found, Scan};
use crate::seek::Seeking;
use crate::tail::{self, Tail};

/// The largest sample that is read, bytes.
const MAX_SAMPLE: u64 = 64 << 20;

/// Fragments that wait while one is looked for in which a track goes on.
const MAX_WAITING: usize = 4_096;

/// Bytes of memory for the tables of fragments.
const MAX_FRAGMENTS: u64 = 64 << 20;

/// Samples that may lie outside of the input, or have no bytes, before the rest is given up.
const MAX_LOST: u32 = 1_000_000;

/// Reads MP4 and QuickTime files. See the crate's first page for an example.
#[derive(Debug)]
pub struct Mp4Demuxer {
    input: Input,
    pub(crate) scan: Scan,
    /// One for each track, in the order of streams.
    pub(crate) lanes: Vec<Lane>,
    /// Of fragments, by track id.
    defaults: Vec<(u32, Defaults)>,
    /// One for each lane.
    pub(crate) indexes: Vec<FragmentIndex>,
    /// Whether a brand says so, or there is no brand: the oldest files have none.
    is_quicktime: bool,
    metadata: Metadata,
    events: VecDeque<DemuxEvent>,
    warnings: Vec<String>,
    stage: Stage,
    /// The index at the end, while it is read.
    tail: Tail,
    pub(crate) seeking: Option<Seeking>,
    /// The dts with which the last fragment starts, in microseconds.
    last_fragment: i64,
    /// Bytes of samples given since the start or the last seek.
    given: u64,
    /// Samples that were not to be had.
    lost: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Before [`DemuxEvent::HeaderRead`].
    Header,
    Samples,
    /// After the last sample, or an error.
    End,
}

impl Mp4Demuxer {
    /// A demuxer at the start of an input of which this is known.
    ///
    /// In a source that can't seek, a `moov` after the media makes it hold up to 64 MiB of media in memory.
    pub fn new(source: Source) -> Self {
        Self {
            input: Input::new(source),
            scan: Scan::new(),
            lanes: Vec::new(),
            defaults: Vec::new(),
            indexes: Vec::new(),
            is_quicktime: true,
            metadata: Metadata::new(),
            events: VecDeque::new(),
            warnings: Vec::new(),
            stage: Stage::Header,
            tail: Tail::Done,
            seeking: None,
            last_fragment: i64::MIN,
            given: 0,
            lost: 0,
        }
    }

    /// Takes one small step; `None` where the next may be taken at once.
    fn advance(&mut self) -> Result<Option<DemuxStep>> {
        match self.stage {
            Stage::End => return Ok(Some(DemuxStep::End)),
            Stage::Header => return self.read_header(),
            Stage::Samples => {}
        }
        let next = match self.seeking {
            None => next_lane(&mut self.lanes, self.input.is_seekable()),
            Some(_) => None,
        };
        match next {
            _ if !self.scan.is_done() && self.must_scan(next) => self.scan_on(),
            Some(candidate) => self.give(candidate.lane),
            None => {
                self.stage = Stage::End;
                Ok(None)
            }
        }
    }

    /// Reads on until all streams are known.
    fn read_header(&mut self) -> Result<Option<DemuxStep>> {
        let defaults = defaults_of(&self.defaults);
        match self.tail.step(&mut self.input, defaults) {
            tail::Step::Nothing if self.lanes.iter().any(|lane| lane.track.table.count() > 0) => {
                self.announce();
                Ok(None)
            }
            tail::Step::Nothing => self.scan_on(),
            tail::Step::Ask(at) => Ok(Some(DemuxStep::Read(at))),
            tail::Step::Next => Ok(None),
            tail::Step::Found(points, last) => {
                for (lane, index) in self.lanes.iter_mut().zip(&mut self.indexes) {
                    let id = lane.track.id;
                    let of_track = points.iter().filter(|point| point.track == id);
                    of_track.for_each(|point| index.add(lane.mark(point.moof, point.pts)));
                    lane.set_end(last.iter().filter(|fragment| fragment.track == id));
                }
                Ok(None)
            }
        }
    }

    /// Whether the next box has to be read before the next sample can be chosen.
    fn must_scan(&mut self, next: Option<Candidate>) -> bool {
        match next {
            None => true,
            Some(next) if self.input.is_seekable() => self.must_look_ahead(next, -MAX_APART),
            Some(next) => next.offset >= self.scan.media_end(),
        }
    }

    /// Whether the fragments so far tell of every stream, or those to come are too far on.
    fn knows_enough(&mut self) -> bool {
        let seekable = self.input.is_seekable();
        let next = next_lane(&mut self.lanes, seekable);
        !seekable || next.is_some_and(|next| !self.must_look_ahead(next, MAX_APART))
    }

    /// Whether a track of which no sample waits is to be looked for in fragments that start up to `ahead` µs
    /// after the next sample.
    fn must_look_ahead(&mut self, next: Candidate, ahead: i64) -> bool {
        let until = next.dts.saturating_add(ahead);
        let is_behind =
            |lane: &mut Lane| !lane.track.silent && lane.next_fragment_at() < until && lane.peek().is_none();
        let one_is_behind = self.lanes.iter_mut().any(is_behind);
        let waiting: usize = self.lanes.iter().map(Lane::waiting).sum();
        one_is_behind && waiting < MAX_WAITING && self.last_fragment < until
    }

    /// Reads the next box at the top level.
    fn scan_on(&mut self) -> Result<Option<DemuxStep>> {
        match self.scan.next(&mut self.input)? {
            Found::Ask(at) => return Ok(Some(DemuxStep::Read(at))),
            Found::Nothing => {}
            Found::Ftyp(ftyp) => {
                self.is_quicktime = ftyp.bytes.chunks_exact(4).any(|brand| brand == b"qt  ");
                self.metadata = metadata::brands(ftyp);
            }
            Found::Moov(moov) => {
                let movie = Movie::parse(&moov, self.is_quicktime)?;
                self.metadata.extend(movie.metadata);
                self.defaults = movie.defaults;
                self.lanes = movie.tracks.into_iter().map(Lane::new).collect();
                self.indexes = vec![FragmentIndex::default(); self.lanes.len()];
                let has_samples = self.lanes.iter().any(|lane| lane.track.table.count() > 0);
                self.scan.moov_is_read(movie.fragmented || !has_samples, self.input.is_seekable());
                if self.scan.is_fragmented() {
                    self.tail = Tail::Mfro;
                }
            }
            Found::Moof(moof, at) => {
                self.add_fragment(moof, at)?;
                if self.stage == Stage::Header && self.knows_enough() {
                    self.announce();
                }
            }
            Found::End if self.stage == Stage::Header => self.announce(),
            Found::End => self.seeking = self.seeking.filter(|seeking| seeking.found.is_none()),
        }
        self.go_back_to_fragment();
        Ok(None)
    }

    /// Says what streams there are.
    fn announce(&mut self) {
        for (number, lane) in self.lanes.iter().enumerate() {
            let turn = lane.track.turn;
            if turn != 0 && lane.track.kind == MediaKind::Video {
                let what =
                    format!("pictures of stream {number} are to be shown turned by {turn} degrees clockwise");
                self.warnings.push(format!("{what}; they are taken as they are stored"));
            }
        }
        let streams = self.lanes.iter_mut().filter_map(Lane::params);
        self.events.extend(streams.map(DemuxEvent::StreamAdded));
        self.events.push_back(DemuxEvent::HeaderRead);
        self.stage = Stage::Samples;
    }

    /// Hands the samples of a `moof` to their lanes.
    fn add_fragment(&mut self, moof: Body, at: u64) -> Result<()> {
        self.last_fragment = i64::MAX;
        for fragment in parse_moof(moof, at, defaults_of(&self.defaults)) {
            let lanes = self.lanes.iter_mut().zip(&mut self.indexes);
            let Some((lane, index)) = lanes.into_iter().find(|(lane, _)| lane.track.id == fragment.track)
            else {
                continue;
            };
            let dts = lane.fragment_dts;
            let already = lane.waiting();
            lane.append(fragment);
            let clock = lane.track.time_base;
            if let Some(first) = lane.waiting_dts(already) {
                self.last_fragment = self.last_fragment.min(clock.rescale(first, TimeBase::MICROS));
            }
            index.add(Mark { at, sync: lane.waiting_syncs(already).next(), dts });
        }
        match self.seeking {
            Some(Seeking { found: None, .. }) => self.lanes.iter_mut().for_each(Lane::forget_samples),
            Some(seeking) if seeking.found == Some(at) => self.resume_after_seek(seeking),
            _ => {}
        }
        let waiting: usize = self.lanes.iter().map(Lane::cost).sum();
        Error::check_limit(
            NAME,
            "memory for fragments that wait for their media",
            waiting as u64,
            MAX_FRAGMENTS,
        )
    }

    /// Gives the next packet of a lane.
    fn give(&mut self, number: usize) -> Result<Option<DemuxStep>> {
        let Some(lane) = self.lanes.get_mut(number) else { return Ok(None) };
        let Some(entry) = lane.peek() else { return Ok(None) };
        let sample = entry.sample;
        if sample.description != lane.description {
            lane.description = sample.description;
            if let Some(params) = lane.track.params(sample.description, None) {
                self.events.push_back(DemuxEvent::Params { stream: number, params });
            }
        }
        self.input.forget_before(sample.offset);
        let range = sample.offset..sample.offset.saturating_add(u64::from(sample.size));
        if self.input.may_have(&range) {
            Error::check_limit(NAME, "sample size", u64::from(sample.size), MAX_SAMPLE)?;
        }
        match self.input.fetch(range) {
            Fetch::Ask(at) => return Ok(Some(DemuxStep::Read(at))),
            Fetch::Here(data) if !data.is_empty() => {
                let packet = packet(lane, number, &entry, data)?;
                // An edit decodes again what stands before its start.
                if lane.last_dts.replace(packet.dts).is_some_and(|last| packet.dts < last) {
                    self.events.push_back(DemuxEvent::Discontinuity);
                }
                self.given = self.given.saturating_add(u64::from(sample.size));
                self.check_overlap()?;
                self.events.push_back(DemuxEvent::Packet(packet));
            }
            Fetch::Here(_) | Fetch::Gone => {
                self.lost += 1;
                if self.lost > MAX_LOST {
                    self.stage = Stage::End;
                }
            }
        }
        if let Some(lane) = self.lanes.get_mut(number) {
            lane.take();
        }
        Ok(None)
    }

    /// Samples may lie over one another, and edits may show them again; but not without end.
    fn check_overlap(&self) -> Result<()> {
        let Some(length) = self.input.end() else { return Ok(()) };
        let times: usize = self.lanes.iter().map(|lane| lane.track.timeline.segments.len().max(1)).sum();
        if self.given > length.saturating_mul(times as u64) {
            return Err(Error::invalid(NAME, length, "its samples add up to more than the input"));
        }
        Ok(())
    }
}

impl Demuxer for Mp4Demuxer {
    fn step(&mut self) -> Result<DemuxStep> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(DemuxStep::Event(event));
            }
            match self.advance() {
                Ok(None) => {}
                Ok(Some(step)) => return Ok(step),
                Err(error) => {
                    self.stage = Stage::End;
                    return Err(error);
                }
            }
        }
    }

    fn push(&mut self, bytes: Bytes) {
        self.input.push(bytes);
    }

    fn finish(&mut self) {
        self.input.finish();
    }

    fn seek(&mut self, stream: usize, pts: i64) -> Result<()> {
        if !self.input.is_seekable() {
            return Err(Error::unsupported("seeking in an mp4 from a source that can't", "a file"));
        }
        let Some(lane) = self.lanes.get(stream).filter(|_| self.stage != Stage::Header) else {
            return Err(Error::Usage(format!("there is no stream {stream} to seek in")));
        };
        let among_samples = lane.track.table.count() > 0 && lane.covers(pts);
        // What was said of streams stays said.
        self.events.retain(|event| !matches!(event, DemuxEvent::Packet(_) | DemuxEvent::Discontinuity));
        self.input.clear();
        self.lanes.iter_mut().for_each(|lane| lane.last_dts = None);
        (self.stage, self.given, self.lost, self.seeking) = (Stage::Samples, 0, 0, None);
        if among_samples || !self.scan.is_fragmented() {
            self.seek_samples(stream, pts);
        } else {
            self.seek_fragments(stream, pts);
        }
        Ok(())
    }

    fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }
}

/// The defaults of the track with an id; none where the `moov` has none.
fn defaults_of(table: &[(u32, Defaults)]) -> impl Fn(u32) -> Defaults {
    |id| table.iter().find(|(track, _)| *track == id).map_or(Defaults::default(), |found| found.1)
}

fn packet(lane: &Lane, stream: usize, entry: &Entry, data: Bytes) -> Result<Packet> {
    let sample = entry.sample;
    let length_size = lane.track.description(sample.description).map_or(4, |row| row.length_size);
    let start = lane.track.time_base.rescale(entry.trim, lane.audio_clock());
    Ok(Packet {
        stream,
        pts: sample.pts,
        // The last offsets of a table may be garbage, and are not counted on.
        dts: sample.dts.min(sample.pts),
        duration: sample.duration,
        key: sample.sync,
        discard: entry.discard,
        trim: Trim { start: u32::try_from(start).unwrap_or(u32::MAX), end: 0 },
        data: nal::widen_lengths(data, length_size)?,
    })
}
