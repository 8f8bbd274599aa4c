//! Which streams there are: announced when what they are is known, with the packets that came meanwhile after them.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use brooklet_media::{
    CodecId, DemuxEvent, MediaKind, Packet, StreamKind, StreamParams, TimeBase, VideoParams,
};
use bytes::Bytes;

use super::programs::{Item, Programs};
use super::search::{Entry, Guide};
use super::stream::EsStream;
use crate::clock::{HZ, WRAP};
use crate::elementary::{Format, Found, Unit};

/// A stream from which nothing has come at all in so much time of the others is not waited for.
const WAIT_FOR_FIRST: i64 = 2 * HZ;
/// A stream whose parameter sets have not come in so much time is not waited for: ffmpeg's bound for this format.
const WAIT_FOR_FORMAT: i64 = 7 * HZ;
/// So many packets are held until all streams are known; in 5 MiB of a stream in use there are far fewer.
const MAX_HELD: usize = 32_768;
/// Sound and pictures do not pause for longer without a jump.
const MAX_STEP: i64 = 10 * HZ;
/// A file whose end is less than this before its start, by its clock, has been put together of several.
const MAX_BACKWARD: i64 = 60 * HZ;

/// Numbers the streams, and turns what is found in them into events.
#[derive(Default)]
pub(super) struct Header {
    lanes: Vec<Lane>,
    /// What was found before the header was complete.
    held: VecDeque<Item>,
    opened: bool,
    announced: usize,
    /// Whether no packet has come since the last discontinuity, or at all.
    after_discontinuity: bool,
    /// After a seek: packets before this key frame are left out until it comes.
    entry: Option<Entry>,
}

/// What is known of one stream of the programs, by its index there.
#[derive(Default)]
struct Lane {
    /// What it is, as last announced or to be announced.
    format: Option<Format>,
    /// Its number, once announced.
    number: Option<usize>,
    /// Where it ends, ticks of 90 kHz of which only the low 33 bits mean something.
    end: Option<i64>,
    first_pts: Option<i64>,
    first_dts: Option<i64>,
    last_dts: Option<i64>,
    video_or_audio: bool,
}

impl Header {
    /// Takes what the programs found: as events, or to hold it while the header is pending.
    pub(super) fn take(&mut self, programs: &mut Programs, events: &mut VecDeque<DemuxEvent>) {
        while let Some(item) = programs.pop() {
            if self.opened {
                self.pass_on(item, programs, events);
            } else {
                self.hold(item);
            }
        }
    }

    /// Where each stream ends, by its index among those of the programs.
    pub(super) fn set_ends(&mut self, ends: Vec<Option<i64>>) {
        for (index, end) in ends.into_iter().enumerate() {
            self.lane(index).end = end;
        }
    }

    /// What a search needs to know to find `pts` in the stream with this number; `None` where the stream does not
    /// reach so far by what is known of it.
    pub(super) fn guide(&self, number: usize, pts: i64) -> Option<Guide> {
        let index = self.lanes.iter().position(|lane| lane.number == Some(number))?;
        let lane = self.lanes.get(index)?;
        let end = lane.first_pts?.saturating_add(lane.duration()?);
        Some(Guide { index, first: lane.first_dts? }).filter(|_| pts < end)
    }

    /// The next packets come from another place: the first that is given is this key frame, and none of the other
    /// streams' that are shown before it.
    pub(super) fn go_on_from(&mut self, entry: Option<Entry>) {
        self.lanes.iter_mut().for_each(|lane| lane.last_dts = None);
        self.after_discontinuity = true;
        self.entry = entry;
    }

    /// Whether the streams have not been announced yet.
    pub(super) fn is_pending(&self) -> bool {
        !self.opened
    }

    /// Whether enough is known of all streams, or enough time has passed.
    pub(super) fn is_ready(&self, programs: &Programs) -> bool {
        let lane_span = |lane: &Lane| lane.last_dts.zip(lane.first_dts).map(|(last, first)| last - first);
        let span = || self.lanes.iter().filter_map(lane_span).max().unwrap_or(0);
        let full = self.held.len() > MAX_HELD;
        full || programs.streams().iter().enumerate().all(|(index, stream)| {
            let known =
                self.lanes.get(index).is_some_and(|lane| lane.format.is_some() && lane.start_is_known());
            known
                || stream.is_opaque()
                || span() > if stream.has_data { WAIT_FOR_FORMAT } else { WAIT_FOR_FIRST }
        })
    }

    /// Announces the streams and gives the packets that were held.
    pub(super) fn open(&mut self, programs: &Programs, events: &mut VecDeque<DemuxEvent>) {
        self.opened = true;
        self.after_discontinuity = true;
        for (index, stream) in programs.streams().iter().enumerate() {
            let format = self.lane(index).format.clone().or_else(|| format_unseen(stream));
            if let Some(format) = format {
                self.announce(index, stream, format, events);
            }
        }
        events.push_back(DemuxEvent::HeaderRead);
        self.lanes.iter_mut().for_each(|lane| lane.last_dts = None);
        for item in core::mem::take(&mut self.held) {
            self.pass_on(item, programs, events);
        }
    }

    fn hold(&mut self, item: Item) {
        match item {
            Item::Found(index, Found::Format(format)) if self.lane(index).format.is_none() => {
                self.lane(index).format = Some(format);
            }
            Item::Found(index, Found::Unit(unit)) => {
                let lane = self.lane(index);
                let (pts, dts) = (unit.pts, unit.dts);
                lane.first_pts = Some(lane.first_pts.map_or(pts, |first| first.min(pts)));
                lane.first_dts.get_or_insert(dts);
                lane.last_dts = Some(dts);
                self.held.push_back(Item::Found(index, Found::Unit(unit)));
            }
            item => self.held.push_back(item),
        }
    }

    fn pass_on(&mut self, item: Item, programs: &Programs, events: &mut VecDeque<DemuxEvent>) {
        match item {
            Item::Found(index, Found::Unit(unit)) => self.pass_on_unit(index, unit, programs, events),
            Item::Found(index, Found::Format(format)) => {
                let Some(stream) = programs.streams().get(index) else { return };
                let lane = self.lane(index);
                match lane.number {
                    Some(_) if lane.format.as_ref() == Some(&format) => {}
                    Some(number) => {
                        lane.format = Some(format.clone());
                        let params = params(stream, format);
                        events.push_back(DemuxEvent::Params { stream: number, params });
                    }
                    None => self.announce(index, stream, format, events),
                }
            }
            Item::Discontinuity(program) => self.discontinue(program, programs, events),
        }
    }

    fn pass_on_unit(
        &mut self,
        index: usize,
        unit: Unit,
        programs: &Programs,
        events: &mut VecDeque<DemuxEvent>,
    ) {
        let lane = self.lane(index);
        // What comes before the first parameter sets of a stream can't be decoded.
        let Some(number) = lane.number else { return };
        match self.entry {
            Some(entry) if entry.index == index && unit.dts < entry.dts => return,
            Some(entry) if entry.index == index => self.entry = None,
            Some(entry) if unit.pts < entry.pts => return,
            _ => {}
        }
        let lane = self.lane(index);
        let step = lane.last_dts.map_or(0, |last| unit.dts.saturating_sub(last));
        let jumped = step < 0 || step > MAX_STEP && lane.video_or_audio;
        if jumped && let Some(stream) = programs.streams().get(index) {
            self.discontinue(stream.program, programs, events);
        }
        self.lane(index).last_dts = Some(unit.dts);
        self.after_discontinuity = false;
        let Unit { pts, dts, duration, key, trim, data } = unit;
        let packet = Packet { stream: number, pts, dts, duration, key, discard: false, trim, data };
        events.push_back(DemuxEvent::Packet(packet));
    }

    fn discontinue(&mut self, program: usize, programs: &Programs, events: &mut VecDeque<DemuxEvent>) {
        for (lane, stream) in self.lanes.iter_mut().zip(programs.streams()) {
            if stream.program == program {
                lane.last_dts = None;
            }
        }
        if !core::mem::replace(&mut self.after_discontinuity, true) {
            events.push_back(DemuxEvent::Discontinuity);
        }
    }

    fn announce(
        &mut self,
        index: usize,
        stream: &EsStream,
        format: Format,
        events: &mut VecDeque<DemuxEvent>,
    ) {
        let number = self.announced;
        let lane = self.lane(index);
        (lane.number, lane.format) = (Some(number), Some(format.clone()));
        let (start, duration) = (lane.first_pts, lane.duration());
        let params = StreamParams { start, duration, ..params(stream, format) };
        lane.video_or_audio = params.media() != MediaKind::Other;
        events.push_back(DemuxEvent::StreamAdded(params));
        self.announced += 1;
    }

    fn lane(&mut self, index: usize) -> &mut Lane {
        if self.lanes.len() <= index {
            self.lanes.resize_with(index + 1, Lane::default);
        }
        &mut self.lanes[index]
    }
}

impl Lane {
    /// Whether no picture or sound can come that is shown before the first so far. Where the end is not known, the
    /// start is nothing to wait for.
    fn start_is_known(&self) -> bool {
        self.end.is_none() || self.first_pts.zip(self.last_dts).is_some_and(|(first, last)| first <= last)
    }

    /// From its first picture or sound to its end, ticks of 90 kHz, past a wrap of the clock between them.
    fn duration(&self) -> Option<i64> {
        let duration = self.end?.saturating_sub(self.first_pts?).rem_euclid(WRAP);
        // An end a little before the start is not one that comes a day later: time has jumped back.
        (duration < WRAP - MAX_BACKWARD).then_some(duration)
    }
}

/// What is known of a stream whose own bytes have not said it: nothing that sound could be taken for.
fn format_unseen(stream: &EsStream) -> Option<Format> {
    let kind = match stream.codec {
        CodecId::H264 | CodecId::Hevc | CodecId::Mpeg2Video => StreamKind::Video(VideoParams::new(0, 0)),
        CodecId::Unknown(_) => StreamKind::Other,
        _ => return None,
    };
    Some(Format { codec: stream.codec, kind, extradata: Bytes::new() })
}

fn params(stream: &EsStream, format: Format) -> StreamParams {
    StreamParams {
        extradata: format.extradata,
        language: stream.language,
        ..StreamParams::new(format.codec, TimeBase::MPEG, format.kind)
    }
}
