//! H.264 and HEVC byte streams into access units.
//!
//! A PES packet usually holds one access unit, but need not: the units are found by what the codecs say of where
//! one begins. So a unit is known to be whole when the first bytes of the next one come.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Range;

use brooklet_media::bitstream::nal;
use brooklet_media::{StreamKind, TimeBase, Trim};
use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Elementary, Format, Found, MAX_PICTURE, Unit};
use crate::pes::Times;

/// An access unit of more NAL units is a forgery, and is dropped.
const MAX_UNITS: usize = 16_384;
/// So many bytes are searched at once, so that as few access units come at once: 64 KiB.
const MAX_UNSEARCHED: usize = 64 << 10;

/// What a NAL unit is to an access unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// The first slice of a picture: begins an access unit where there is a picture already.
    FirstSlice,
    /// Another slice of the picture.
    Slice,
    /// A parameter set, known by this number among all that it may replace. Stands before the picture.
    ParameterSet(u32),
    /// An access unit delimiter: stands before everything.
    Delimiter,
    /// Something that stands before the picture it is for.
    Prefix,
    /// Anything else: belongs to what it follows.
    Other,
}

/// What differs between the codecs.
pub(super) trait Syntax: Default + Send {
    /// So many bytes of a NAL unit are enough for [`Syntax::role`].
    const ENOUGH: usize;

    /// The role of a NAL unit, by its first bytes.
    fn role(unit: &[u8]) -> Role;

    /// Whether decoding can start at the picture that this NAL unit, given whole, belongs to.
    fn is_key(unit: &[u8]) -> bool;

    /// What the stream is, by its parameter sets; `None` while some are missing.
    fn format(sets: &[Bytes]) -> Option<Format>;
}

/// An H.264 or HEVC stream.
#[derive(Default)]
pub(super) struct NalStream<S> {
    /// From the first byte of the current access unit on.
    bytes: BytesMut,
    /// Where PES packets began in `bytes`, with their times.
    marks: VecDeque<(usize, Times)>,
    /// The NAL units that were found in the current access unit, the last of them still open to its right.
    units: Vec<(Role, Range<usize>)>,
    /// Up to here `bytes` were searched.
    searched: usize,
    /// Whether the current access unit has a slice.
    has_picture: bool,
    /// Whether the PES packet has just begun: its first bytes tell whether the last access unit is whole.
    just_started: bool,
    sets: ParameterSets,
    times: PictureTimes,
    syntax: core::marker::PhantomData<S>,
}

impl<S: Syntax> Elementary for NalStream<S> {
    fn start(&mut self, times: Option<Times>) {
        if let Some(times) = times {
            self.marks.push_back((self.bytes.len(), times));
        }
        self.just_started = true;
    }

    fn append(&mut self, bytes: &[u8], found: &mut Vec<Found>) {
        self.bytes.extend_from_slice(bytes);
        if core::mem::take(&mut self.just_started) || self.bytes.len() - self.searched > MAX_UNSEARCHED {
            self.search(false, found);
        }
    }

    fn complete(&mut self, found: &mut Vec<Found>) {
        // What stands before the picture, its parameter sets, need not wait for the next.
        self.search(false, found);
    }

    fn damage(&mut self, found: &mut Vec<Found>) {
        // The last access unit is not whole, those before it are.
        self.search(false, found);
        self.forget();
    }

    fn flush(&mut self, found: &mut Vec<Found>) {
        self.search(true, found);
        self.close_last_unit(self.bytes.len());
        self.give_access_unit(found);
        self.forget();
    }

    fn held(&self) -> usize {
        self.bytes.len()
    }

    fn limit(&self) -> usize {
        MAX_PICTURE
    }
}

impl<S: Syntax> NalStream<S> {
    /// Finds the NAL units in what was not searched yet, and gives each access unit that ends before one of them.
    /// Where no more bytes come (`last`), short units at the end count too.
    fn search(&mut self, last: bool, found: &mut Vec<Found>) {
        while let Some((begin, after)) = nal::find_start_code(&self.bytes, self.searched) {
            let unit = &self.bytes[after..];
            if unit.is_empty() || unit.len() < S::ENOUGH && !last {
                self.searched = begin;
                return;
            }
            if self.units.len() >= MAX_UNITS {
                return self.forget();
            }
            let role = S::role(unit);
            self.close_last_unit(begin);
            let begins_next =
                matches!(role, Role::FirstSlice | Role::ParameterSet(_) | Role::Delimiter | Role::Prefix);
            let mut after = after;
            if self.has_picture && begins_next {
                self.give_access_unit(found);
                self.cut(begin);
                after -= begin;
            }
            if matches!(role, Role::FirstSlice | Role::Slice) && !self.has_picture {
                self.has_picture = true;
                self.take_parameter_sets(found);
            }
            self.units.push((role, after..after));
            self.searched = after;
        }
        // A start code may have begun in the last bytes.
        self.searched = self.searched.max(self.bytes.len().saturating_sub(3));
    }

    fn close_last_unit(&mut self, end: usize) {
        if let Some((_, unit)) = self.units.last_mut()
            && unit.end == unit.start
        {
            let bytes = self.bytes.get(unit.start..end).unwrap_or_default();
            unit.end = unit.start + bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        }
    }

    /// Puts the parameter sets of the current access unit in force: its picture begins.
    fn take_parameter_sets(&mut self, found: &mut Vec<Found>) {
        for (role, range) in &self.units {
            if let Role::ParameterSet(number) = role {
                self.sets.take(*number, &self.bytes[range.clone()]);
            }
        }
        if let Some(format) = self.sets.changed_format(S::format) {
            self.times.nominal = frame_duration(&format);
            found.push(Found::Format(format));
        }
    }

    /// Gives the current access unit, all of whose NAL units are closed, if it has a picture and a time.
    fn give_access_unit(&mut self, found: &mut Vec<Found>) {
        let begin = self.units.first().map_or(0, |(_, unit)| unit.start.saturating_sub(3));
        let mark = if self.has_picture { self.take_mark(begin) } else { None };
        if self.has_picture
            && let Some(Times { pts, dts }) = self.times.next(mark)
        {
            let units = || self.units.iter().map(|(role, range)| (role, &self.bytes[range.clone()]));
            let coded =
                || units().filter(|(role, _)| !matches!(role, Role::ParameterSet(_) | Role::Delimiter));
            let mut data = BytesMut::with_capacity(coded().map(|(_, unit)| 4 + unit.len()).sum());
            for (_, unit) in coded() {
                data.put_u32(unit.len() as u32); // bounded by what a stream may hold
                data.put_slice(unit);
            }
            let key = units().any(|(_, unit)| S::is_key(unit));
            let (duration, data) = (self.times.nominal.unwrap_or(0), data.freeze());
            found.push(Found::Unit(Unit { pts, dts, duration, key, trim: Trim::default(), data }));
        }
        self.units.clear();
        self.has_picture = false;
    }

    /// The times of the PES packet that the access unit from `begin` on is the first to begin in.
    fn take_mark(&mut self, begin: usize) -> Option<Times> {
        let mut times = None;
        while let Some((_, mark)) = self.marks.pop_front_if(|(at, _)| *at <= begin) {
            times = Some(mark);
        }
        times
    }

    /// Forgets everything before `begin`.
    fn cut(&mut self, begin: usize) {
        self.bytes.advance(begin);
        self.searched = self.searched.saturating_sub(begin);
        for (at, _) in &mut self.marks {
            *at = at.saturating_sub(begin);
        }
    }

    /// Forgets everything but the parameter sets and the clock.
    fn forget(&mut self) {
        self.bytes.clear();
        self.marks.clear();
        self.units.clear();
        (self.searched, self.has_picture, self.just_started) = (0, false, false);
    }
}

/// The parameter sets in force.
#[derive(Default)]
struct ParameterSets {
    sets: Vec<(u32, Bytes)>,
    changed: bool,
    format: Option<Format>,
}

impl ParameterSets {
    /// More than any stream has: 32 SPS and 256 PPS of H.264.
    const MOST: usize = 288;

    /// Adds a set, or puts it in the place of the one with the same number.
    fn take(&mut self, number: u32, set: &[u8]) {
        let full = self.sets.len() >= Self::MOST;
        match self.sets.iter_mut().find(|(known, _)| *known == number) {
            Some((_, known)) if known == set => return,
            Some((_, known)) => *known = Bytes::copy_from_slice(set),
            None if full => return,
            None => self.sets.push((number, Bytes::copy_from_slice(set))),
        }
        self.changed = true;
    }

    /// The format where it has changed since the last call.
    fn changed_format(&mut self, format: impl Fn(&[Bytes]) -> Option<Format>) -> Option<Format> {
        if !core::mem::take(&mut self.changed) {
            return None;
        }
        self.sets.sort_by_key(|(number, _)| *number);
        let sets: Vec<_> = self.sets.iter().map(|(_, set)| set.clone()).collect();
        let format = format(&sets)?;
        (self.format.as_ref() != Some(&format)).then(|| self.format.insert(format).clone())
    }
}

/// Gives times to pictures whose PES packet has none.
#[derive(Default)]
struct PictureTimes {
    last: Option<Times>,
    /// What the stream says a picture lasts, ticks of 90 kHz.
    nominal: Option<i64>,
    /// How long the last picture lasted.
    observed: i64,
}

impl PictureTimes {
    /// The times of the next picture: its own, else one picture after the last; `None` before any is known.
    fn next(&mut self, own: Option<Times>) -> Option<Times> {
        let times = match (own, self.last) {
            (Some(Times { pts, dts }), _) => Times { pts: pts.max(dts), dts },
            (None, Some(last)) => {
                let step = self.nominal.unwrap_or(self.observed);
                Times { pts: last.pts.saturating_add(step), dts: last.dts.saturating_add(step) }
            }
            (None, None) => return None,
        };
        if let Some(last) = self.last {
            self.observed = times.dts.saturating_sub(last.dts).max(0);
        }
        self.last = Some(times);
        Some(times)
    }
}

/// How long a picture lasts by the stream's own words, ticks of 90 kHz.
fn frame_duration(format: &Format) -> Option<i64> {
    match format.kind {
        StreamKind::Video(video) => {
            video.frame_rate?.time_base().map(|picture| picture.rescale_floor(1, TimeBase::MPEG))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::h264::H264;
    use super::*;

    const SPS: &[u8] = &[
        0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x6c, 0x80, 0x00, 0x00, 0x03, 0x00,
        0x80, 0x00, 0x00, 0x1e, 0x07, 0x8c, 0x18, 0xcb,
    ];
    const PPS: &[u8] = &[0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0];

    fn annexb(units: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        units.iter().for_each(|unit| nal::write_annexb(unit, &mut out));
        out
    }

    fn times(at: i64) -> Option<Times> {
        Some(Times { pts: at, dts: at })
    }

    fn units(found: &[Found]) -> Vec<(i64, bool, &[u8])> {
        found
            .iter()
            .filter_map(|found| match found {
                Found::Unit(unit) => Some((unit.dts, unit.key, &unit.data[..])),
                Found::Format(_) => None,
            })
            .collect()
    }

    #[test]
    fn a_unit_is_given_when_the_next_begins() {
        let (mut stream, mut found) = (NalStream::<H264>::default(), Vec::new());
        stream.start(times(0));
        stream.append(&annexb(&[&[9, 0xF0], SPS, PPS, &[0x65, 0x88, 1], &[0x65, 0x41, 2]]), &mut found);
        assert_eq!(units(&found), []);
        stream.start(times(3_000));
        stream.append(&annexb(&[&[9, 0xF0], &[0x41, 0x9A, 3]]), &mut found);
        assert!(matches!(&found[0], Found::Format(format) if format.extradata.len() > SPS.len()));
        assert_eq!(units(&found), [(0, true, &[0, 0, 0, 3, 0x65, 0x88, 1, 0, 0, 0, 3, 0x65, 0x41, 2][..])]);
        stream.flush(&mut found);
        assert_eq!(units(&found)[1..], [(3_000, false, &[0, 0, 0, 3, 0x41, 0x9A, 3][..])]);
    }

    #[test]
    fn units_that_share_a_packet_or_span_two_get_times() {
        let mut bytes = annexb(&[SPS, PPS, &[0x65, 0x88, 1], &[0x41, 0x9A, 2], &[0x41, 0x9A, 3]]);
        let tail = bytes.split_off(bytes.len() - 1);
        let (mut stream, mut found) = (NalStream::<H264>::default(), Vec::new());
        stream.start(times(90_000));
        stream.append(&bytes, &mut found);
        stream.start(times(99_000));
        stream.append(&tail, &mut found);
        stream.append(&annexb(&[&[0x41, 0x9A, 4]]), &mut found);
        stream.flush(&mut found);
        // 30 fps by the SPS; the unit that only ends in the second packet does not take its time.
        let dts: Vec<_> = units(&found).iter().map(|unit| unit.0).collect();
        assert_eq!(dts, [90_000, 93_000, 96_000, 99_000]);
        assert_eq!(units(&found)[2].2, [0, 0, 0, 3, 0x41, 0x9A, 3]);
    }

    #[test]
    fn a_damaged_unit_is_dropped_and_its_neighbours_are_not() {
        let (mut stream, mut found) = (NalStream::<H264>::default(), Vec::new());
        for (at, damaged) in [(0, false), (3_000, true), (6_000, false)] {
            stream.start(times(at));
            stream.append(&annexb(&[&[9, 0xF0], &[0x41, 0x9A, 3]]), &mut found);
            if damaged {
                stream.damage(&mut found);
            }
        }
        stream.flush(&mut found);
        assert_eq!(units(&found).iter().map(|unit| unit.0).collect::<Vec<_>>(), [0, 6_000]);
    }
}
