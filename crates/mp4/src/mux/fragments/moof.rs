//! What stands before a fragment's media (ISO/IEC 14496-12 §8.8.4 to §8.8.12), written.

use bytes::{BufMut, BytesMut};

use crate::fragment::{tfhd_flag, trun_flag};
use crate::mux::put::{put_box, put_full_box};
use crate::mux::track::Sample;

/// Bytes of the header of the `mdat` that follows.
const MDAT_HEADER: usize = 8;

/// Sample flags (§8.8.3.1): depends on no other, or depends on others and is none to start at.
const KEY: u32 = 0x0200_0000;
const NOT_KEY: u32 = 0x0101_0000;

/// One track's part of a fragment; never without a sample.
pub(super) struct Traf {
    pub(super) id: u32,
    /// What is added to times.
    pub(super) shift: i64,
    /// When the last sample ends.
    pub(super) end: i64,
    pub(super) samples: Vec<Sample>,
}

/// Writes the `moof` of these tracks, whose samples follow one track after another in an `mdat`.
pub(super) fn put_moof(out: &mut BytesMut, sequence: u32, trafs: &[Traf]) {
    let start = out.len();
    let mut places = Vec::new();
    put_box(out, b"moof", |out| {
        put_full_box(out, b"mfhd", 0, 0, |out| out.put_u32(sequence));
        for traf in trafs {
            put_box(out, b"traf", |out| places.push(put_traf(out, traf)));
        }
    });
    // Where media lie is known once all this is written.
    let mut at = out.len() - start + MDAT_HEADER;
    for (place, traf) in places.into_iter().zip(trafs) {
        out[place..place + 4].copy_from_slice(&(at as u32).to_be_bytes());
        at += traf.samples.iter().map(|sample| sample.data.len()).sum::<usize>();
    }
}

/// What all samples of a `traf` have alike, and so is said once.
struct Alike {
    length: Option<u32>,
    size: Option<u32>,
    flags: Option<u32>,
    /// All but the first.
    other_flags: Option<u32>,
    /// Whether each is shown when it is decoded.
    in_order: bool,
}

/// Writes what is inside a `traf`; tells where its data offset is to be written.
fn put_traf(out: &mut BytesMut, traf: &Traf) -> usize {
    let lengths = lengths(traf);
    let alike = Alike::of(&traf.samples, &lengths);
    put_tfhd(out, traf.id, &alike);
    put_full_box(out, b"tfdt", 1, 0, |out| {
        let first = traf.samples.first().map_or(0, |sample| sample.dts);
        out.put_i64(first.saturating_add(traf.shift).max(0));
    });
    put_trun(out, &traf.samples, &lengths, &alike)
}

/// How long each packet's samples last: until the next is due.
fn lengths(traf: &Traf) -> Vec<u32> {
    let nexts = traf.samples.iter().skip(1).map(|next| next.dts).chain([traf.end]);
    let until = |from: i64, next: i64| u32::try_from(next.saturating_sub(from).max(0)).unwrap_or(u32::MAX);
    if traf.samples.iter().any(|sample| sample.count != 1) {
        // Single samples of sound, without a gap.
        return vec![1; traf.samples.len()];
    }
    traf.samples.iter().zip(nexts).map(|(sample, next)| until(sample.dts, next)).collect()
}

const fn flags(sample: &Sample) -> u32 {
    if sample.key { KEY } else { NOT_KEY }
}

impl Alike {
    fn of(samples: &[Sample], lengths: &[u32]) -> Self {
        let all_flags = || samples.iter().map(flags);
        Self {
            length: same(lengths.iter().copied()),
            size: same(samples.iter().map(|sample| sample.size)),
            flags: same(all_flags()),
            other_flags: same(all_flags().skip(1)),
            in_order: samples.iter().all(|sample| sample.offset == 0),
        }
    }
}

/// The number that all of them are.
fn same(mut numbers: impl Iterator<Item = u32>) -> Option<u32> {
    let first = numbers.next()?;
    numbers.all(|number| number == first).then_some(first)
}

fn put_tfhd(out: &mut BytesMut, id: u32, alike: &Alike) {
    let fields = [
        (tfhd_flag::DURATION, alike.length),
        (tfhd_flag::SIZE, alike.size),
        (tfhd_flag::FLAGS, alike.flags.or(alike.other_flags)),
    ];
    let said = fields.iter().filter(|(_, field)| field.is_some());
    let bits = said.fold(tfhd_flag::BASE_IS_MOOF, |bits, (flag, _)| bits | flag);
    put_full_box(out, b"tfhd", 0, bits, |out| {
        out.put_u32(id);
        fields.into_iter().filter_map(|(_, field)| field).for_each(|field| out.put_u32(field));
    });
}

fn put_trun(out: &mut BytesMut, samples: &[Sample], lengths: &[u32], alike: &Alike) -> usize {
    let first_alone = alike.flags.is_none() && alike.other_flags.is_some();
    let bits = [
        (trun_flag::DATA_OFFSET, true),
        (trun_flag::FIRST_FLAGS, first_alone),
        (trun_flag::DURATION, alike.length.is_none()),
        (trun_flag::SIZE, alike.size.is_none()),
        (trun_flag::FLAGS, alike.flags.is_none() && !first_alone),
        (trun_flag::COMPOSITION, !alike.in_order),
    ];
    let bits = bits.into_iter().filter(|(_, is_said)| *is_said).fold(0, |bits, (flag, _)| bits | flag);
    let mut place = 0;
    put_full_box(out, b"trun", 0, bits, |out| {
        out.put_u32(samples.iter().map(|sample| sample.count).sum());
        place = out.len();
        out.put_u32(0);
        if let Some(first) = samples.first().filter(|_| first_alone) {
            out.put_u32(flags(first));
        }
        for (sample, length) in samples.iter().zip(lengths) {
            let fields = [
                (trun_flag::DURATION, *length),
                (trun_flag::SIZE, sample.size),
                (trun_flag::FLAGS, flags(sample)),
                (trun_flag::COMPOSITION, sample.offset),
            ];
            // What is not alike is said of each; samples of uncompressed sound are all alike.
            let said = fields.into_iter().filter(|(flag, _)| bits & flag != 0);
            said.for_each(|(_, field)| out.put_u32(field));
        }
    });
    place
}
