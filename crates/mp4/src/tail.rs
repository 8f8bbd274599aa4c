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
