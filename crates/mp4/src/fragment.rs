//! Movie fragments (ISO/IEC 14496-12 §8.8): samples that are described just before they come.

use brooklet_media::Result;
use bytes::Bytes;

use crate::boxes::Body;
use crate::samples::Sample;

/// Samples of uncompressed sound that go into one packet.
const GROUP_TICKS: i64 = 1_024;

pub(crate) mod tfhd_flag {
    pub(crate) const BASE_DATA_OFFSET: u32 = 0x1;
    pub(crate) const DESCRIPTION: u32 = 0x2;
    pub(crate) const DURATION: u32 = 0x8;
    pub(crate) const SIZE: u32 = 0x10;
    pub(crate) const FLAGS: u32 = 0x20;
    pub(crate) const BASE_IS_MOOF: u32 = 0x2_0000;
}

pub(crate) mod trun_flag {
    pub(crate) const DATA_OFFSET: u32 = 0x1;
    pub(crate) const FIRST_FLAGS: u32 = 0x4;
    pub(crate) const DURATION: u32 = 0x100;
    pub(crate) const SIZE: u32 = 0x200;
    pub(crate) const FLAGS: u32 = 0x400;
    pub(crate) const COMPOSITION: u32 = 0x800;
}

/// sample_is_non_sync_sample, or sample_depends_on others (§8.8.3.1).
const NOT_SYNC: u32 = 0x0001_0000 | 0x0100_0000;

/// What holds for samples that say nothing themselves (`trex`, then `tfhd`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) description: u32,
    pub(crate) duration: u32,
    pub(crate) size: u32,
    pub(crate) flags: u32,
}

impl Defaults {
    /// Reads a `trex`: the track's id and its defaults.
    pub(crate) fn parse(mut trex: Body) -> Result<(u32, Self)> {
        trex.version_and_flags()?;
        let track = trex.u32()?;
        let (description, duration) = (trex.u32()?, trex.u32()?);
        Ok((track, Self { description, duration, size: trex.u32()?, flags: trex.u32()? }))
    }
}

/// The samples of one track in a fragment.
#[derive(Clone, Debug)]
pub(crate) struct TrackFragment {
    pub(crate) track: u32,
    /// The dts of the first sample, in ticks of the track, where the fragment says.
    pub(crate) dts: Option<u64>,
    pub(crate) runs: Vec<Run>,
}

/// Reads a `moof` whose header stands at `start`. A `traf` that is damaged is left out with all that follow it.
pub(crate) fn parse_moof(
    moof: Body,
    start: u64,
    defaults: impl Fn(u32) -> Defaults,
) -> impl Iterator<Item = TrackFragment> {
    let mut data_end = start;
    moof.children().filter(|child| child.kind == *b"traf").map_while(move |traf| {
        let fragment = parse_traf(&traf, start, data_end, &defaults).ok()?;
        data_end = fragment.runs.last().map_or(data_end, |run| run.offset.saturating_add(run.bytes()));
        Some(fragment)
    })
}

fn parse_traf(
    traf: &Body,
    moof: u64,
    data_end: u64,
    defaults: impl Fn(u32) -> Defaults,
) -> Result<TrackFragment> {
    let mut tfhd = traf.child(b"tfhd").ok_or_else(|| traf.invalid("it has no tfhd"))?;
    let (_, flags) = tfhd.version_and_flags()?;
    let track = tfhd.u32()?;
    let base = match flags {
        _ if flags & tfhd_flag::BASE_DATA_OFFSET != 0 => tfhd.u64()?,
        _ if flags & tfhd_flag::BASE_IS_MOOF != 0 => moof,
        _ => data_end,
    };
    let mut defaults = defaults(track);
    let fields = [
        (tfhd_flag::DESCRIPTION, &mut defaults.description),
        (tfhd_flag::DURATION, &mut defaults.duration),
        (tfhd_flag::SIZE, &mut defaults.size),
        (tfhd_flag::FLAGS, &mut defaults.flags),
    ];
    for (flag, field) in fields {
        if flags & flag != 0 {
            *field = tfhd.u32()?;
        }
    }
    let dts = traf.child(b"tfdt").and_then(|mut tfdt| {
        let wide = tfdt.version_and_flags().ok()?.0 == 1;
        tfdt.u64_if(wide).ok()
    });
    let mut runs = Vec::<Run>::new();
    for trun in traf.clone().children().filter(|child| child.kind == *b"trun") {
        let follows = runs.last().map_or(base, |run| run.offset.saturating_add(run.bytes()));
        runs.push(Run::parse(trun, base, follows, defaults)?);
    }
    Ok(TrackFragment { track, dts, runs })
}

/// A `trun`: samples that lie one after another. It yields them one by one and holds no more than the box did.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// Where the next sample lies in the input.
    pub(crate) offset: u64,
    /// The media dts of the next sample.
    pub(crate) dts: i64,
    /// Samples up to this dts came before, in another fragment.
    pub(crate) known_until: Option<i64>,
    rows: Bytes,
    flags: u32,
    /// Samples that are left.
    left: u32,
    first_flags: Option<u32>,
    defaults: Defaults,
}

/// One row of a `trun`, with the defaults filled in.
#[derive(Clone, Copy)]
struct Row {
    duration: u32,
    size: u32,
    flags: u32,
    composition: i32,
}

impl Run {
    fn parse(mut trun: Body, base: u64, follows: u64, defaults: Defaults) -> Result<Self> {
        let (_, flags) = trun.version_and_flags()?;
        let count = trun.u32()?;
        let offset = match flags & trun_flag::DATA_OFFSET {
            0 => follows,
            _ => base.saturating_add_signed(i64::from(trun.u32()? as i32)),
        };
        let first_flags = if flags & trun_flag::FIRST_FLAGS == 0 { None } else { Some(trun.u32()?) };
        let row_bytes = row_bytes(flags);
        let (rows, left) = match row_bytes {
            // Without rows the count is only a claim: samples without bytes would make it endless.
            0 if defaults.size == 0 => (Bytes::new(), 0),
            0 => (Bytes::new(), count),
            _ => {
                let rows = trun.rows(count, row_bytes);
                let there = rows.len() / row_bytes;
                // A copy: what the run keeps in memory is then no more than its rows.
                (Bytes::copy_from_slice(&rows), there as u32)
            }
        };
        Ok(Self { offset, dts: 0, known_until: None, rows, flags, left, first_flags, defaults })
    }

    /// Samples that have not been taken.
    pub(crate) const fn len(&self) -> u32 {
        self.left
    }

    /// Bytes of memory that it takes.
    pub(crate) const fn cost(&self) -> usize {
        size_of::<Self>() + self.rows.len()
    }

    /// Whether a sample after the first can be a sync sample.
    const fn may_hold_syncs(&self) -> bool {
        self.flags & trun_flag::FLAGS != 0 || self.defaults.flags & NOT_SYNC == 0
    }

    /// The samples that may be sync samples, one by one.
    pub(crate) fn likely_syncs(mut self, is_audio: bool) -> impl Iterator<Item = Sample> {
        if !is_audio && !self.may_hold_syncs() {
            self.left = self.left.min(1);
        }
        std::iter::from_fn(move || self.next_sample())
    }

    /// Bytes of all samples that are left.
    pub(crate) fn bytes(&self) -> u64 {
        if self.flags & trun_flag::SIZE == 0 {
            return u64::from(self.left) * u64::from(self.defaults.size);
        }
        self.all_rows().map(|row| u64::from(row.size)).sum()
    }

    /// Ticks of all samples that are left.
    pub(crate) fn ticks(&self) -> i64 {
        if self.flags & trun_flag::DURATION == 0 {
            return i64::from(self.left).saturating_mul(i64::from(self.defaults.duration));
        }
        self.all_rows().map(|row| i64::from(row.duration)).sum()
    }

    /// Ticks of the first sample.
    pub(crate) fn first_duration(&self) -> Option<i64> {
        self.peek_row().map(|row| i64::from(row.duration))
    }

    /// Ticks of the last sample.
    pub(crate) fn last_duration(&self) -> i64 {
        let last = self.rows.len().checked_sub(row_bytes(self.flags)).and_then(|at| self.rows.get(at..));
        i64::from(self.read_row(last.unwrap_or_default()).duration)
    }

    /// By how much the most negative composition offset is below 0.
    pub(crate) fn dts_shift(&self) -> i64 {
        if self.flags & trun_flag::COMPOSITION == 0 {
            return 0;
        }
        self.all_rows().map(|row| -i64::from(row.composition)).max().unwrap_or(0).max(0)
    }

    /// The next sample, in media time; of uncompressed sound (`grouped`) as many as go into one packet.
    pub(crate) fn next(&mut self, grouped: bool) -> Option<Sample> {
        let mut sample = self.next_sample()?;
        while grouped && sample.duration < GROUP_TICKS && self.peek_row().is_some_and(|row| row.duration == 1)
        {
            let more = self.next_sample()?;
            sample.size = sample.size.saturating_add(more.size);
            sample.duration += more.duration;
        }
        Some(sample)
    }

    fn next_sample(&mut self) -> Option<Sample> {
        let row = self.peek_row()?;
        let sample = Sample {
            offset: self.offset,
            size: row.size,
            dts: self.dts,
            pts: self.dts.saturating_add(i64::from(row.composition)),
            duration: i64::from(row.duration),
            sync: row.flags & NOT_SYNC == 0,
            description: self.defaults.description,
        };
        self.rows = self.rows.slice(row_bytes(self.flags).min(self.rows.len())..);
        (self.left, self.first_flags) = (self.left - 1, None);
        self.offset = self.offset.saturating_add(u64::from(row.size));
        self.dts = self.dts.saturating_add(i64::from(row.duration));
        Some(sample)
    }

    fn peek_row(&self) -> Option<Row> {
        let row = (self.left > 0).then(|| self.read_row(&self.rows))?;
        Some(Row { flags: self.first_flags.unwrap_or(row.flags), ..row })
    }

    fn all_rows(&self) -> impl Iterator<Item = Row> {
        self.rows.chunks_exact(row_bytes(self.flags).max(1)).map(|row| self.read_row(row))
    }

    fn read_row(&self, row: &[u8]) -> Row {
        let mut rest = row;
        let mut field = |flag: u32, default: u32| match rest.split_first_chunk() {
            Some((field, after)) if self.flags & flag != 0 => {
                rest = after;
                u32::from_be_bytes(*field)
            }
            _ => default,
        };
        Row {
            duration: field(trun_flag::DURATION, self.defaults.duration),
            size: field(trun_flag::SIZE, self.defaults.size),
            flags: field(trun_flag::FLAGS, self.defaults.flags),
            composition: field(trun_flag::COMPOSITION, 0) as i32,
        }
    }
}

/// Bytes of a row of a `trun` with these flags.
const fn row_bytes(flags: u32) -> usize {
    let fields = flags & (trun_flag::DURATION | trun_flag::SIZE | trun_flag::FLAGS | trun_flag::COMPOSITION);
    fields.count_ones() as usize * 4
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: Defaults = Defaults { description: 1, duration: 10, size: 100, flags: 0x0101_0000 };

    fn boxed(kind: &[u8; 4], words: &[u32]) -> Vec<u8> {
        let body: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        [&(body.len() as u32 + 8).to_be_bytes(), &kind[..], &body].concat()
    }

    fn traf(children: &[Vec<u8>]) -> Vec<u8> {
        let body = children.concat();
        [&(body.len() as u32 + 8).to_be_bytes(), &b"traf"[..], &body].concat()
    }

    fn parse(moof: Vec<u8>) -> Vec<TrackFragment> {
        parse_moof(Body::new(*b"moof", 8, moof.into()), 1_000, |_| DEFAULTS).collect()
    }

    #[test]
    fn every_combination_of_fields() {
        for flags in 0..16u32 {
            let (per_sample, row) = (flags << 8, [7u32, 70, 0x0200_0000, -3i32 as u32]);
            let row: Vec<u32> =
                (0..4).filter(|field| flags >> field & 1 == 1).map(|field| row[field]).collect();
            let trun = boxed(b"trun", &[&[per_sample, 3], &row[..], &row[..], &row[..]].concat());
            let mut fragments = parse(traf(&[boxed(b"tfhd", &[0x2_0000, 5]), trun]));
            let run = &mut fragments[0].runs[0];
            let has = |field: u32| flags >> field & 1 == 1;
            let (duration, size) = (if has(0) { 7 } else { 10 }, if has(1) { 70 } else { 100 });
            assert_eq!(
                (run.len(), run.ticks(), run.bytes()),
                (3, 3 * duration, 3 * u64::from(size)),
                "{flags:x}"
            );
            assert_eq!(run.dts_shift(), if has(3) { 3 } else { 0 });
            let samples: Vec<_> = std::iter::from_fn(|| run.next(false)).collect();
            assert_eq!(samples.len(), 3);
            let last = samples[2];
            assert_eq!((last.dts, last.duration, last.size), (2 * duration, duration, size));
            assert_eq!((last.pts - last.dts, last.sync), (if has(3) { -3 } else { 0 }, has(2)));
            assert_eq!(last.offset, 1_000 + 2 * u64::from(size));
        }
    }

    #[test]
    fn the_first_sample_has_flags_of_its_own() {
        let trun = boxed(b"trun", &[0x4, 2, 0x0200_0000]);
        let mut fragments = parse(traf(&[boxed(b"tfhd", &[0x2_0000, 5]), trun]));
        let run = &mut fragments[0].runs[0];
        let syncs: Vec<_> = std::iter::from_fn(|| run.next(false)).map(|sample| sample.sync).collect();
        assert_eq!(syncs, [true, false]);
    }

    #[test]
    fn bases_of_data() {
        let trun = |offset: Option<u32>| match offset {
            Some(offset) => boxed(b"trun", &[0x1, 2, offset]),
            None => boxed(b"trun", &[0, 2]),
        };
        // An explicit base; then the moof's start; then, without either, after what came before.
        let explicit = traf(&[boxed(b"tfhd", &[0x1, 1, 0, 5_000]), trun(Some(50)), trun(None)]);
        let of_moof = traf(&[boxed(b"tfhd", &[0x2_0000, 2]), trun(Some(-8i32 as u32))]);
        let follows = traf(&[boxed(b"tfhd", &[0, 3]), trun(None)]);
        let fragments = parse([explicit, of_moof, follows].concat());
        let offsets: Vec<Vec<u64>> =
            fragments.iter().map(|fragment| fragment.runs.iter().map(|run| run.offset).collect()).collect();
        assert_eq!(offsets, [vec![5_050, 5_250], vec![992], vec![1_192]]);
    }

    #[test]
    fn samples_without_rows_and_bytes_are_none() {
        let trun = boxed(b"trun", &[0, u32::MAX]);
        let fragments = parse(traf(&[boxed(b"tfhd", &[0x2_0010, 1, 0]), trun]));
        assert_eq!(fragments[0].runs[0].len(), 0);
    }

    #[test]
    fn single_samples_of_sound_come_in_groups() {
        let trun = boxed(b"trun", &[0, 3_000]);
        let mut fragments = parse(traf(&[boxed(b"tfhd", &[0x2_0018, 1, 1, 4]), trun]));
        let run = &mut fragments[0].runs[0];
        let groups: Vec<_> =
            std::iter::from_fn(|| run.next(true)).map(|s| (s.dts, s.duration, s.size)).collect();
        assert_eq!(groups, [(0, 1_024, 4_096), (1_024, 1_024, 4_096), (2_048, 952, 3_808)]);
    }
}
