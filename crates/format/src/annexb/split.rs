//! Units out of a run of bytes, as it comes.

use brooklet_media::bitstream::nal::find_start_code;
use brooklet_media::{Error, Result};
use bytes::Bytes;

use crate::input::Input;

/// The longest unit that is held: more than a picture of the highest level may take (§A.3.1).
const MAX_UNIT: u64 = 64 << 20;

/// What [`UnitFinder::next`] found.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// A unit without its start code and trailing zeros, never empty.
    Unit(Bytes),
    /// More bytes are needed.
    More,
    /// There are no more units.
    End,
}

/// Walks from start code to start code. Each byte is looked at once.
#[derive(Debug, Default)]
pub(super) struct UnitFinder {
    /// Whether the input stands behind a start code.
    inside: bool,
    /// Bytes that were held and have no start code in them.
    scanned: usize,
}

impl UnitFinder {
    /// # Errors
    ///
    /// [`Error::Limit`] for a unit that does not end.
    pub(super) fn next(&mut self, format: &'static str, input: &mut Input) -> Result<Found> {
        loop {
            let held = input.bytes();
            match find_start_code(held, self.scanned) {
                Some((begin, after)) => {
                    let unit = input.take(begin);
                    input.skip((after - begin) as u64);
                    self.scanned = 0;
                    let was_inside = std::mem::replace(&mut self.inside, true);
                    if let Some(unit) = trimmed(unit).filter(|_| was_inside) {
                        return Ok(Found::Unit(unit));
                    }
                }
                None if input.ended() => {
                    let unit = input.take(usize::MAX);
                    return Ok(trimmed(unit).filter(|_| self.inside).map_or(Found::End, Found::Unit));
                }
                None => {
                    // The last three bytes may belong to a start code that goes on.
                    self.scanned = held.len().saturating_sub(3);
                    if !self.inside {
                        input.skip(self.scanned as u64);
                        self.scanned = 0;
                    }
                    Error::check_limit(format, "the length of a NAL unit", self.scanned as u64, MAX_UNIT)?;
                    return Ok(Found::More);
                }
            }
        }
    }
}

/// Without trailing zeros; `None` where nothing is left.
fn trimmed(unit: Bytes) -> Option<Bytes> {
    let length = unit.iter().rposition(|byte| *byte != 0)? + 1;
    Some(unit.slice(..length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::bitstream::nal;
    use proptest::prelude::*;

    fn units(stream: &[u8], step: usize) -> Vec<Bytes> {
        let (mut input, mut finder) = (Input::default(), UnitFinder::default());
        let (mut units, mut chunks) = (Vec::new(), stream.chunks(step));
        loop {
            match finder.next("h264", &mut input).unwrap() {
                Found::Unit(unit) => units.push(unit),
                Found::End => return units,
                Found::More => match chunks.next() {
                    Some(chunk) => input.push(Bytes::copy_from_slice(chunk)),
                    None => input.finish(),
                },
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_split_as_they_do_in_one_run(
            stream in prop::collection::vec(prop::sample::select(vec![0u8, 0, 0, 1, 1, 7]), 0..300),
            step in 1usize..50,
        ) {
            let whole: Vec<Bytes> = nal::annexb_units(&stream).map(Bytes::copy_from_slice).collect();
            prop_assert_eq!(units(&stream, step), whole);
        }
    }
}
