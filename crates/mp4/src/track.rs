//! One `trak`: what its stream is, where its samples are, and when they are shown.

use brooklet_media::{MediaKind, Rational, Result, StreamKind, StreamParams, TimeBase};
use bytes::Bytes;

use crate::boxes::Body;
use crate::edit::{Timeline, parse_elst};
use crate::language;
use crate::sample_entry::{Description, parse_stsd};
use crate::samples::SampleTable;

/// A track, as its header describes it.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) id: u32,
    pub(crate) kind: MediaKind,
    pub(crate) time_base: TimeBase,
    /// One for each row of its `stsd`, never empty.
    pub(crate) descriptions: Vec<Description>,
    pub(crate) table: SampleTable,
    pub(crate) timeline: Timeline,
    /// Ticks that are shown, as far as the header says.
    pub(crate) length: Option<i64>,
    /// Ticks of the samples in the `moov`, as its header says.
    media_length: Option<i64>,
    /// Tracks that name its chapters.
    pub(crate) chapters: Vec<u32>,
    /// By how many degrees its pictures are to be turned clockwise when they are shown: 90, 180 or 270; 0 where there is nothing
    /// to be done, or more than turning.
    pub(crate) turn: u32,
    /// Whether its packets are left out.
    pub(crate) silent: bool,
}

impl Track {
    /// Reads a `trak` of a file that counts in `movie`.
    ///
    /// # Errors
    ///
    /// Where a box that it can't be without is missing or damaged; encryption.
    pub(crate) fn parse(trak: &Body, movie: TimeBase, is_quicktime: bool) -> Result<Self> {
        let need = |path: &[&[u8; 4]]| {
            trak.descend(path).ok_or_else(|| {
                trak.invalid(format!("it has no {}", crate::boxes::show(*path[path.len() - 1])))
            })
        };
        let mut tkhd = need(&[b"tkhd"])?;
        let (version, flags) = tkhd.version_and_flags()?;
        tkhd.skip(if version == 1 { 16 } else { 8 })?;
        let id = tkhd.u32()?;
        let turn = turn(&mut tkhd, version).unwrap_or(0);
        let media = parse_mdhd(need(&[b"mdia", b"mdhd"])?)?;
        let mut hdlr = need(&[b"mdia", b"hdlr"])?;
        hdlr.skip(8)?;
        let kind = match &hdlr.four_cc()? {
            b"vide" => MediaKind::Video,
            b"soun" => MediaKind::Audio,
            _ => MediaKind::Other,
        };
        let stbl = need(&[b"mdia", b"minf", b"stbl"])?;
        let mut descriptions = parse_stsd(need(&[b"mdia", b"minf", b"stbl", b"stsd"])?, kind, is_quicktime)?;
        let grouping = descriptions.first().and_then(|first| first.grouping);
        let table = SampleTable::parse(&stbl, kind == MediaKind::Audio, grouping);
        let edits = match trak.descend(&[b"edts", b"elst"]) {
            Some(elst) => parse_elst(elst, movie, media.time_base).unwrap_or_default(),
            None => Vec::new(),
        };
        let timeline = Timeline::new(&edits, &table, kind, media.time_base.den());
        let length = match (media.length, timeline.length.filter(|length| *length > 0)) {
            (Some(media), Some(edited)) => Some(media.min(edited)),
            (media, _) => media,
        };
        for description in &mut descriptions {
            let params = &mut description.params;
            params.time_base = media.time_base;
            params.language = media.language;
            params.default = flags & 1 != 0;
            // One that does not fit into its field is told by the clock.
            if let StreamKind::Audio(audio) = &mut params.kind {
                audio.rate = if audio.rate == 0 { media.time_base.den() } else { audio.rate };
            }
        }
        let chapters = trak.descend(&[b"tref", b"chap"]).map_or(Vec::new(), |chap| ids(&chap.bytes));
        Ok(Self {
            id,
            kind,
            time_base: media.time_base,
            descriptions,
            table,
            timeline,
            length,
            media_length: media.length,
            chapters,
            turn,
            silent: false,
        })
    }

    /// The description in row `number` of the `stsd`, from 1; the first where there is none such.
    pub(crate) fn description(&self, number: u32) -> Option<&Description> {
        let index = (number as usize).saturating_sub(1);
        self.descriptions.get(index).or(self.descriptions.first())
    }

    /// What the stream is, from row `number` of the `stsd` and what the tables tell of all its samples.
    pub(crate) fn params(&self, number: u32, start: Option<i64>) -> Option<StreamParams> {
        let mut params = self.description(number)?.params.clone();
        params.start = start;
        params.duration = self.length;
        let (samples, ticks) = self.table.samples_and_ticks();
        if let StreamKind::Video(video) = &mut params.kind
            && samples > 0
        {
            video.frame_rate = frame_rate(samples, ticks, self.time_base).or(video.frame_rate);
        }
        params.bit_rate = self.bit_rate().or(params.bit_rate);
        Some(params)
    }

    /// Bits of all samples over the length of the media; `None` where the samples are in fragments.
    fn bit_rate(&self) -> Option<u64> {
        let length = u128::try_from(self.media_length?).ok().filter(|length| *length > 0)?;
        let bits = u128::from(self.table.bytes()) * 8 * u128::from(self.time_base.den());
        u64::try_from(bits / length).ok().filter(|rate| *rate > 0)
    }
}

/// How many samples a second, on average.
pub(crate) fn frame_rate(samples: u64, ticks: i64, clock: TimeBase) -> Option<Rational> {
    let (mut num, mut den) = (samples.checked_mul(u64::from(clock.den()))?, u64::try_from(ticks).ok()?);
    let (mut a, mut b) = (num, den);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (num, den) = (num / a.max(1), den / a.max(1));
    while num > u64::from(u32::MAX >> 1) || den > u64::from(u32::MAX >> 1) {
        (num, den) = (num / 2, den / 2);
    }
    Rational::new(num as u32, den as u32).filter(|rate| rate.num() > 0)
}

/// What an `mdhd` says.
struct MediaHeader {
    time_base: TimeBase,
    length: Option<i64>,
    language: Option<[u8; 3]>,
}

/// The turn in the matrix of a `tkhd`, which is read up to its track's id (ISO/IEC 14496-12 §8.3.2): (a, b, c, d) of a, b, u, c, d, v,
/// x, y, w turns by what its signs say.
fn turn(tkhd: &mut Body, version: u8) -> Result<u32> {
    tkhd.skip(if version == 1 { 12 } else { 8 } + 16)?;
    let mut matrix = [0; 5];
    for number in &mut matrix {
        *number = (tkhd.u32()? as i32).signum();
    }
    let [a, b, _, c, d] = matrix;
    Ok(match (a, b, c, d) {
        (0, 1, -1, 0) => 90,
        (-1, 0, 0, -1) => 180,
        (0, -1, 1, 0) => 270,
        _ => 0,
    })
}

fn parse_mdhd(mut mdhd: Body) -> Result<MediaHeader> {
    let wide = mdhd.version_and_flags()?.0 == 1;
    mdhd.skip(if wide { 16 } else { 8 })?;
    let rate = mdhd.u32()?;
    let time_base = TimeBase::new(1, rate).ok_or_else(|| mdhd.invalid("its time scale is 0"))?;
    let length = i64::try_from(mdhd.u64_if(wide)?).ok();
    let unknown = if wide { i64::MAX } else { i64::from(u32::MAX) };
    let length = length.filter(|length| (1..unknown).contains(length));
    Ok(MediaHeader { time_base, length, language: language::from_code(mdhd.u16()?) })
}

fn ids(table: &Bytes) -> Vec<u32> {
    table.chunks_exact(4).filter_map(|id| Some(u32::from_be_bytes(*id.first_chunk()?))).collect()
}
