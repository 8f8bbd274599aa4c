//! One stream on its way into a file: its clock, what it is, and its packets as samples.

use brooklet_media::bitstream::opus;
use brooklet_media::{AudioParams, CodecId, Error, Packet, Result, StreamKind, StreamParams, TimeBase};
use bytes::Bytes;

use super::Mp4Brand;
use super::entry;
use crate::boxes::NAME;

/// The slowest clock of pictures, Hz: what came on one that ticks once for each picture can be cut and joined on this.
const MIN_VIDEO_HZ: u32 = 10_000;
/// The fastest, so that the 32 bits of a duration hold more than an hour.
const MAX_HZ: u32 = 1_000_000;
/// The most descriptions of a track.
const MAX_ROWS: u64 = 256;
/// The most bytes of a packet: places within a fragment have 31 bits.
const MAX_PACKET: u64 = 1 << 30;
/// Times further from 0 than this, in ticks, are refused: sums of two stay within 64 bits.
const MAX_TIME: i64 = 1 << 60;

/// A stream.
pub(super) struct Track {
    /// Its number in the file, from 1.
    pub(super) id: u32,
    /// What it is from the next packet on.
    pub(super) params: StreamParams,
    /// What its samples are counted in.
    pub(super) clock: TimeBase,
    /// What its samples are: the rows of its `stsd`.
    pub(super) rows: Vec<Bytes>,
    /// The row of the next packet, from 1; 0 where it is still to be written.
    row: u32,
    brand: Mp4Brand,
    last: Option<Last>,
    /// What of it is to be shown or heard; `None` before the first packet that is.
    shown: Option<Shown>,
    /// Whether there are packets before that, to be decoded only.
    runs_up: bool,
    /// The dts of the first packet.
    pub(super) first_dts: i64,
    /// Whether a player takes it where nobody chooses.
    pub(super) enabled: bool,
    /// What its first samples are, which says how large it is shown.
    pub(super) shape: StreamKind,
}

/// The packet before.
#[derive(Clone, Copy)]
struct Last {
    dts: i64,
    end: i64,
}

/// From when to when there is something, in ticks of the track.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Shown {
    pub(super) from: i64,
    pub(super) until: i64,
}

/// What a packet becomes: one sample, or, of uncompressed sound, as many as it has.
pub(super) struct Sample {
    /// Ticks of the track, not moved yet.
    pub(super) dts: i64,
    /// pts minus dts.
    pub(super) offset: u32,
    /// How long each lasts where no other follows that says so.
    pub(super) length: i64,
    pub(super) count: u32,
    /// Bytes of each.
    pub(super) size: u32,
    pub(super) key: bool,
    /// Ticks at its end that are not to be heard.
    pub(super) padding: i64,
    /// What it is: a row of the track, from 1.
    pub(super) row: u32,
    pub(super) data: Bytes,
}

impl Track {
    pub(super) fn new(id: u32, brand: Mp4Brand, params: &StreamParams) -> Result<Self> {
        entry::check(brand, params)?;
        Ok(Self {
            id,
            clock: clock(params),
            params: params.clone(),
            rows: Vec::new(),
            row: 0,
            brand,
            last: None,
            shown: None,
            runs_up: false,
            first_dts: 0,
            enabled: true,
            shape: params.kind,
        })
    }

    /// The stream is something else from the next packet on.
    pub(super) fn change(&mut self, params: &StreamParams) -> Result<()> {
        entry::check(self.brand, params)?;
        if params.media() != self.params.media() {
            let (old, new) = (self.params.media().name(), params.media().name());
            return Err(Error::unsupported(format!("{NAME}: a change from {old} to {new}"), "the same kind"));
        }
        let shape = |params: &StreamParams| (pcm_bytes(params), params.as_audio().map(|audio| audio.rate));
        if self.has_begun()
            && (self.is_pcm() || pcm_bytes(params).is_some())
            && shape(&self.params) != shape(params)
        {
            let what = format!("{NAME}: another rate, width or number of channels of uncompressed sound");
            return Err(Error::unsupported(what, "one for the whole file"));
        }
        self.params = params.clone();
        self.row = 0;
        Ok(())
    }

    /// Sees to it that there is a row for what comes next, which begins with `packet`.
    pub(super) fn describe(&mut self, packet: &[u8]) -> Result<()> {
        if self.row == 0 {
            let row = entry::row(self.brand, &self.params, packet)?;
            let known = self.rows.iter().position(|known| *known == row);
            let index = known.unwrap_or(self.rows.len());
            if known.is_none() {
                Error::check_limit(NAME, "descriptions of a track", self.rows.len() as u64 + 1, MAX_ROWS)?;
                self.rows.push(row);
            }
            if !self.has_begun() {
                self.shape = self.params.kind;
            }
            self.row = index as u32 + 1;
        }
        Ok(())
    }

    /// Whether packets came.
    pub(super) const fn has_begun(&self) -> bool {
        self.last.is_some()
    }

    /// Whether it is known where it begins to be shown or heard.
    pub(super) fn is_placed(&self) -> bool {
        let is_last = |shown: Shown| !self.runs_up || self.last.is_some_and(|last| last.dts >= shown.from);
        self.shown.is_some_and(is_last)
    }

    /// What of it is to be shown or heard: where all so far is only to be decoded, what is to come; `None` before the first packet.
    pub(super) fn shown(&self) -> Option<Shown> {
        self.shown.or(self.last.map(|last| Shown { from: last.end.max(0), until: last.end.max(0) }))
    }

    /// Whether its samples are single samples of sound, all of one length.
    pub(super) fn is_pcm(&self) -> bool {
        matches!(self.params.codec, CodecId::Pcm(_))
    }

    /// The sample that a packet is.
    pub(super) fn sample(&mut self, packet: &Packet) -> Result<Sample> {
        Error::check_limit(NAME, "bytes of a packet", packet.data.len() as u64, MAX_PACKET)?;
        self.describe(&packet.data)?;
        let (dts, offset) = self.times(packet)?;
        let mut sample = Sample {
            dts,
            offset,
            length: self.length(packet, dts),
            count: 1,
            size: packet.data.len() as u32,
            key: packet.key,
            padding: i64::from(packet.trim.end),
            row: self.row,
            data: packet.data.clone(),
        };
        if let Some(bytes) = pcm_bytes(&self.params) {
            (sample.key, sample.offset) = (true, 0);
            sample.count = (packet.data.len() / bytes) as u32;
            sample.size = bytes as u32;
            sample.length = 1;
            sample.data = packet.data.slice(..sample.count as usize * bytes);
        }
        self.note(packet, &sample);
        Ok(sample)
    }

    /// dts, and pts minus dts. Sound that came on a coarser clock is put where the sound before it ends, as long as
    /// that is what the clock may have meant.
    fn times(&self, packet: &Packet) -> Result<(i64, u32)> {
        let ticks = |time| self.params.time_base.rescale(time, self.clock);
        let (mut dts, pts) = (ticks(packet.dts), ticks(packet.pts));
        if [dts, pts].into_iter().any(|time| !(-MAX_TIME..MAX_TIME).contains(&time)) {
            return Err(Error::Usage(format!("{NAME}: the times pts {pts} and dts {dts} are out of reach")));
        }
        let offset = pts.saturating_sub(dts);
        if let (Some(last), Some(_)) = (self.last, self.params.as_audio()) {
            let coarse = ticks(1).saturating_add(1);
            if self.params.time_base != self.clock && (dts - last.end).abs() <= coarse {
                dts = last.end;
            }
            // Of samples that are all of one length none can begin within another.
            if self.is_pcm() {
                dts = dts.max(last.end);
            }
        }
        if let Some(last) = self.last.filter(|last| dts < last.dts) {
            let (number, clock) = (self.id - 1, self.clock);
            return Err(Error::Usage(format!(
                "{NAME}: stream {number} goes back in time from dts {} to {dts} (of {clock} s)",
                last.dts
            )));
        }
        let offset = u32::try_from(offset).ok().filter(|offset| *offset <= i32::MAX as u32);
        let offset = offset.ok_or_else(|| {
            Error::Usage(format!("{NAME}: pts {pts} has no place beside dts {dts} (of {} s)", self.clock))
        })?;
        Ok((dts, offset))
    }

    /// How long a packet lasts in ticks, with what is trimmed from it; where that is not known, as long as the one before.
    fn length(&self, packet: &Packet, dts: i64) -> i64 {
        match self.said_length(packet) {
            0 => self.last.map_or(1, |last| dts.saturating_sub(last.dts)).max(1),
            said => said,
        }
    }

    fn said_length(&self, packet: &Packet) -> i64 {
        let said = self.params.time_base.rescale(packet.duration, self.clock).clamp(0, MAX_TIME);
        let Some(audio) = self.params.as_audio() else { return said };
        let said = if packet.duration > 0 { said + i64::from(packet.trim.end) } else { 0 };
        if self.params.codec == CodecId::Opus {
            return opus::packet_samples(&packet.data).map_or(said, i64::from);
        }
        match audio.frame_samples {
            Some(samples) if self.params.time_base != self.clock || said == 0 => i64::from(samples),
            _ => said,
        }
    }

    fn note(&mut self, packet: &Packet, sample: &Sample) {
        if self.last.is_none() {
            self.first_dts = sample.dts;
        }
        let lasts = sample.length.saturating_mul(i64::from(sample.count));
        self.last = Some(Last { dts: sample.dts, end: sample.dts.saturating_add(lasts) });
        let cut = i64::from(packet.trim.start) + i64::from(packet.trim.end);
        let pts = sample.dts.saturating_add(i64::from(sample.offset));
        // The presentation begins at 0: what stands before is to be decoded at most. Sound is cut where 0 is, of pictures the first is
        // shown that begins there or later.
        let is_video = self.params.as_video().is_some();
        if packet.discard || (lasts > 0 && cut >= lasts) || (is_video && pts < 0) {
            self.runs_up = true;
            return;
        }
        let from = pts.saturating_add(i64::from(packet.trim.start).min(lasts)).max(0);
        let until = pts.saturating_add(lasts - i64::from(packet.trim.end).min(lasts)).max(0);
        let shown = self.shown.get_or_insert(Shown { from, until });
        // What is shown before the first key picture can't be decoded, unless that follows on others.
        if self.runs_up && is_video {
            shown.from = shown.from.min(from);
        }
        shown.until = shown.until.max(until);
    }
}

/// Bytes of a sample of all channels, where sound is not compressed.
fn pcm_bytes(params: &StreamParams) -> Option<usize> {
    match (params.codec, params.as_audio()) {
        (CodecId::Pcm(format), Some(audio)) => Some(format.bytes() * audio.layout.channels()),
        _ => None,
    }
}

/// The clock that a stream's samples are counted in: sound in its own samples, pictures in what they came in or, where that
/// is slow, a multiple of it, as ffmpeg does.
fn clock(params: &StreamParams) -> TimeBase {
    if params.codec == CodecId::Opus {
        return TimeBase::hz(opus::RATE);
    }
    if let StreamKind::Audio(AudioParams { rate, .. }) = params.kind {
        return TimeBase::hz(rate.min(MAX_HZ));
    }
    let mut rate = params.time_base.den();
    while rate < MIN_VIDEO_HZ {
        rate *= 2;
    }
    TimeBase::hz(rate.min(MAX_HZ))
}
