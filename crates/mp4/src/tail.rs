//! The random access index at the end of a fragmented file (`mfra`, ISO/IEC 14496-12 §8.8.9): where fragments are,
//! and, by the last of them, how long the file is.

use brooklet_media::Result;

use crate::boxes::{Body, Header};
use crate::fragment::{Defaults, TrackFragment, parse_moof};
use crate::input::{Fetch, Input};

/// Bytes of an `mfro`, which ends an `mfra` and with it the file.
const MFRO_BYTES: u64 = 16;

/// The largest `mfra`, and the largest `moof` at its last place, that is read.
const MAX_BYTES: u64 = 8 << 20;

/// A sync sample that the index names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct AccessPoint {
    pub(crate) track: u32,
    /// Media pts in ticks of the track.
    pub(crate) pts: u64,
    /// Where its `moof` stands.
    pub(crate) moof: u64,
}

/// Reads the index, step by step.
#[derive(Debug)]
pub(crate) enum Tail {
    /// The box that says where the index starts.
    Mfro,
    /// The index, which starts here.
    Mfra(u64),
    /// The last fragment.
    LastMoof(Vec<AccessPoint>),
    Done,
}

/// What a step came to.
#[derive(Debug)]
pub(crate) enum Step {
    Ask(u64),
    Next,
    /// The sync samples in the order of the file, and the last fragment.
    Found(Vec<AccessPoint>, Vec<TrackFragment>),
    /// There is no index, or none to rely on.
    Nothing,
}

impl Tail {
    /// Takes a step.
    pub(crate) fn step(&mut self, input: &mut Input, defaults: impl Fn(u32) -> Defaults) -> Step {
        let Some(end) = input.end().filter(|_| input.is_seekable()) else { return self.stop() };
        let range = match self {
            Self::Mfro => end.saturating_sub(MFRO_BYTES)..end,
            Self::Mfra(start) => *start..end,
            Self::LastMoof(points) => {
                let start = points.iter().map(|point| point.moof).max().unwrap_or(end);
                match moof_size(input, start) {
                    Ok(size) => start..start.saturating_add(size),
                    Err(Some(at)) => return Step::Ask(at),
                    Err(None) => return self.stop(),
                }
            }
            Self::Done => return Step::Nothing,
        };
        let start = range.start;
        let bytes = match input.fetch(range) {
            Fetch::Here(bytes) => bytes,
            Fetch::Ask(at) => return Step::Ask(at),
            Fetch::Gone => return self.stop(),
        };
        let body = Body::new(*b"file", start, bytes);
        match self {
            Self::Mfro => match body.child(b"mfro").map(index_size) {
                Some(Ok(size)) if (MFRO_BYTES..=MAX_BYTES.min(end)).contains(&size) => {
                    *self = Self::Mfra(end - size);
                    Step::Next
                }
                _ => self.stop(),
            },
            Self::Mfra(_) => {
                let tables = body.child(b"mfra").into_iter().flat_map(Body::children);
                let tables = tables.filter(|child| child.kind == *b"tfra");
                let points: Vec<_> = tables.filter_map(|tfra| parse_tfra(tfra).ok()).flatten().collect();
                if points.is_empty() {
                    return self.stop();
                }
                *self = Self::LastMoof(points);
                Step::Next
            }
            Self::LastMoof(points) => {
                let mut points = std::mem::take(points);
                points.sort_by_key(|point| point.moof);
                *self = Self::Done;
                let last = body.child(b"moof").map(|moof| parse_moof(moof, start, defaults).collect());
                Step::Found(points, last.unwrap_or_default())
            }
            Self::Done => Step::Nothing,
        }
    }

    fn stop(&mut self) -> Step {
        *self = Self::Done;
        Step::Nothing
    }
}

fn index_size(mut mfro: Body) -> Result<u64> {
    mfro.version_and_flags()?;
    mfro.u32().map(u64::from)
}

fn parse_tfra(mut tfra: Body) -> Result<Vec<AccessPoint>> {
    let wide = tfra.version_and_flags()?.0 == 1;
    let track = tfra.u32()?;
    let lengths = tfra.u32()?;
    // Numbers of the traf, the trun and the sample, which are of no use here.
    let numbers = (0..3).map(|field| (lengths >> (2 * field) & 3) as usize + 1).sum();
    let mut points = Vec::new();
    for _ in 0..tfra.u32()? {
        let (Ok(pts), Ok(moof)) = (tfra.u64_if(wide), tfra.u64_if(wide)) else { break };
        points.push(AccessPoint { track, pts, moof });
        if tfra.skip(numbers).is_err() {
            break;
        }
    }
    Ok(points)
}

/// The size of the `moof` at `at`; else where to read first, if anywhere.
fn moof_size(input: &mut Input, at: u64) -> Result<u64, Option<u64>> {
    let head = match input.peek(at, 8, Header::MAX_BYTES) {
        Fetch::Here(head) => head,
        Fetch::Ask(at) => return Err(Some(at)),
        Fetch::Gone => return Err(None),
    };
    match Header::parse(&head, at) {
        Ok(Some(Header { kind, size: Some(size), .. })) if kind == *b"moof" && size <= MAX_BYTES => Ok(size),
        _ => Err(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::Source;

    fn boxed(kind: &[u8; 4], words: &[u32]) -> Vec<u8> {
        let body: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        [&(body.len() as u32 + 8).to_be_bytes(), &kind[..], &body].concat()
    }

    fn wrapped(kind: &[u8; 4], children: &[Vec<u8>]) -> Vec<u8> {
        let body = children.concat();
        [&(body.len() as u32 + 8).to_be_bytes(), &kind[..], &body].concat()
    }

    fn run(file: &[u8]) -> Option<(Vec<AccessPoint>, Vec<TrackFragment>)> {
        let mut input = Input::new(Source { seekable: true, length: Some(file.len() as u64) });
        let mut tail = Tail::Mfro;
        for _ in 0..20 {
            match tail.step(&mut input, |_| Defaults { duration: 10, size: 4, ..Defaults::default() }) {
                Step::Ask(at) => input.push(file[at as usize..].to_vec().into()),
                Step::Next => {}
                Step::Found(points, last) => return Some((points, last)),
                Step::Nothing => return None,
            }
        }
        panic!("it does not end");
    }

    #[test]
    fn the_index_leads_to_the_last_fragment() {
        let tfdt = boxed(b"tfdt", &[0, 500]);
        let traf = wrapped(b"traf", &[boxed(b"tfhd", &[0x2_0000, 1]), tfdt, boxed(b"trun", &[0, 3])]);
        let moof = wrapped(b"moof", &[traf]);
        // One entry of version 0, whose three numbers have a byte each: time, offset, 1 1 1.
        let mut tfra =
            boxed(b"tfra", &[0, 1, 0, 2, 0, 0, 0x0101_0100, 0x0001_F400, 0x0000_0801, 0x0101_0000]);
        tfra.truncate(tfra.len() - 2);
        let length = tfra.len() as u32;
        tfra[..4].copy_from_slice(&length.to_be_bytes());
        let mfro = boxed(b"mfro", &[0, tfra.len() as u32 + 8 + 16]);
        let file = [boxed(b"free", &[]), moof, wrapped(b"mfra", &[tfra, mfro])].concat();
        let (points, last) = run(&file).unwrap();
        assert_eq!(points.len(), 2);
        assert_eq!(points[1], AccessPoint { track: 1, pts: 0x1F4, moof: 8 });
        assert_eq!((last[0].dts, last[0].runs[0].ticks()), (Some(500), 30));
    }

    #[test]
    fn files_without_an_index_have_none() {
        assert!(run(&boxed(b"free", &[1, 2, 3, 4, 5])).is_none());
        assert!(run(&boxed(b"mfro", &[0, 16])).is_none());
        assert!(run(&boxed(b"mfro", &[0, u32::MAX])).is_none());
        assert!(run(b"").is_none());
    }
}
