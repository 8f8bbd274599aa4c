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
    /// The dts of the first packet.
    pub(super) first_dts: i64,
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
            first_dts: 0,
        })
    }

    /// The stream is something else from the next packet on.
    pub(super) fn change(&mut self, params: &StreamParams) -> Result<()> {
        entry::check(self.brand, params)?;
        if params.media() != self.params.media() {
            let (old, new) = (self.params.media().name(), params.media().name());
            return Err(Error::unsupported(format!("{NAME}: a change from {old} to {new}"), "the same kind"));
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
                self.rows.push(row);
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
    pub(super) const fn is_placed(&self) -> bool {
        self.shown.is_some()
    }

    /// What of it is to be shown or heard: where all so far is only to be decoded, what is to come; `None` before the first packet.
    pub(super) fn shown(&self) -> Option<Shown> {
        self.shown.or(self.last.map(|last| Shown { from: last.end, until: last.end }))
    }

    /// Whether its samples are single samples of sound, all of one length.
    pub(super) fn is_pcm(&self) -> bool {
        matches!(self.params.codec, CodecId::Pcm(_))
    }

    /// The sample that a packet is.
    pub(super) fn sample(&mut self, packet: &Packet) -> Result<Sample> {
        self.describe(&packet.data)?;
        let (dts, offset) = self.times(packet)?;
        let mut sample = Sample {
            dts,
            offset,
            length: self.length(packet, dts),
            count: 1,
            size: packet.data.len() as u32,
            key: packet.key,
            row: self.row,
            data: packet.data.clone(),
        };
        if let Some(bytes) = self.pcm_bytes() {
            (sample.key, sample.offset) = (true, 0);
            sample.count = (packet.data.len() / bytes) as u32;
            sample.size = bytes as u32;
            sample.length = 1;
            sample.data = packet.data.slice(..sample.count as usize * bytes);
        }
        Error::check_limit(NAME, "bytes of a packet", packet.data.len() as u64, u64::from(u32::MAX >> 1))?;
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

    /// Bytes of a sample of all channels, where sound is not compressed.
    fn pcm_bytes(&self) -> Option<usize> {
        match (self.params.codec, self.params.as_audio()) {
            (CodecId::Pcm(format), Some(audio)) => Some(format.bytes() * audio.layout.channels()),
            _ => None,
        }
    }

    fn note(&mut self, packet: &Packet, sample: &Sample) {
        if self.last.is_none() {
            self.first_dts = sample.dts;
        }
        let lasts = sample.length.saturating_mul(i64::from(sample.count));
        self.last = Some(Last { dts: sample.dts, end: sample.dts.saturating_add(lasts) });
        if packet.discard {
            return;
        }
        let pts = sample.dts.saturating_add(i64::from(sample.offset));
        let from = pts.saturating_add(i64::from(packet.trim.start).min(lasts));
        let until = pts.saturating_add(lasts - i64::from(packet.trim.end).min(lasts));
        // What is shown before the first key picture can't be decoded without what was before that.
        let shown = self.shown.get_or_insert(Shown { from, until });
        shown.until = shown.until.max(until);
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
