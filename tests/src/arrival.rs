//! What of a clip has arrived: each track packet by packet, by ffmpeg 9.0's word.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::compare::{FrameSums, frame_sums};
use crate::peers;
use crate::program::finish;

/// How far times may be from the clip's after one shift for all tracks, milliseconds: each peer may round once.
const ROUNDING: i64 = 2;

/// One track at the far end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// `video` or `audio`.
    pub kind: &'static str,
    /// Packets that came.
    pub received: usize,
    /// Packets that were sent.
    pub sent: usize,
    /// What is wrong with it.
    pub fault: Option<Fault>,
}

/// What is wrong with a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// What came is whole but for its end.
    NoEnd,
    /// What came is whole but for its beginning.
    NoBeginning,
    /// Other packets, or in another order.
    Altered,
    /// The configuration of the codec is another, and so is what is decoded.
    Header,
    /// The times are not the clip's.
    Moved,
}

impl fmt::Display for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.received, self.sent)?;
        f.write_str(match self.fault {
            None | Some(Fault::NoEnd) => "",
            Some(Fault::NoBeginning) => " late",
            Some(Fault::Altered) => " altered",
            Some(Fault::Header) => " with another header",
            Some(Fault::Moved) => " moved",
        })
    }
}

/// Compares what came with the clip: an arrival for each track of the clip. `None` without ffmpeg 9.0.
#[track_caller]
pub fn arrivals(received: &Path, clip: &Path) -> Option<Vec<Arrival>> {
    let (came, sent) = (tracks(received)?, tracks(clip)?);
    assert!(!sent.is_empty(), "{}: no tracks", clip.display());
    let of = |kind: &str| came.iter().find(|came| came.kind == kind);
    let shift = sent.iter().find_map(|sent| {
        let earliest = of(sent.kind)?.sums.pts.iter().min()?;
        Some(earliest - sent.sums.pts.iter().min()?)
    });
    let arrival = |sent: &Track| Arrival {
        kind: sent.kind,
        received: of(sent.kind).map_or(0, |came| came.sums.md5.len()),
        sent: sent.sums.md5.len(),
        fault: of(sent.kind).map_or(Some(Fault::NoEnd), |came| came.fault(sent, shift.unwrap_or(0))),
    };
    Some(sent.iter().map(arrival).collect())
}

/// A track of a file.
#[derive(Debug)]
struct Track {
    path: PathBuf,
    index: usize,
    kind: &'static str,
    /// The size and hash of the codec's configuration; empty where it has none.
    header: String,
    sums: FrameSums,
}

impl Track {
    fn fault(&self, sent: &Self, shift: i64) -> Option<Fault> {
        let (came, whole) = (&self.sums.md5, &sent.sums.md5);
        if came != whole {
            let cut = came.len() < whole.len();
            return Some(match cut {
                true if whole.starts_with(came) => Fault::NoEnd,
                true if whole.ends_with(came) => Fault::NoBeginning,
                _ => Fault::Altered,
            });
        }
        // One configuration can be written in several ways: then what is decoded tells.
        if self.header != sent.header && self.decoded() != sent.decoded() {
            return Some(Fault::Header);
        }
        let off = |(came, sent): (&i64, &i64)| (came - sent - shift).abs() > ROUNDING;
        self.sums.pts.iter().zip(&sent.sums.pts).any(off).then_some(Fault::Moved)
    }

    /// The MD5 of each frame that ffmpeg 9.0 decodes.
    #[track_caller]
    fn decoded(&self) -> Vec<String> {
        let how = ["-map".to_owned(), format!("0:{}", self.index)];
        let text = framehash(&self.path, &how.each_ref().map(String::as_str)).unwrap_or_default();
        frame_sums(&text, 0).md5
    }
}

/// The tracks of an FLV file: none where it is missing or holds nothing.
#[track_caller]
fn tracks(path: &Path) -> Option<Vec<Track>> {
    // Copied as they are, also before the first key frame.
    let text = framehash(path, &["-map", "0", "-c", "copy", "-copyinkf"])?;
    let value = |prefix: String| text.lines().find_map(|line| Some(line.strip_prefix(&prefix)?.trim()));
    let mut tracks = Vec::new();
    while let Some(kind) = value(format!("#media_type {}: ", tracks.len())) {
        let index = tracks.len();
        tracks.push(Track {
            path: path.to_owned(),
            index,
            kind: if kind == "video" { "video" } else { "audio" },
            header: value(format!("#extradata {index},")).unwrap_or_default().to_owned(),
            sums: frame_sums(&text, index),
        });
    }
    Some(tracks)
}

/// What ffmpeg 9.0 says of the packets or frames of a file; nothing where it is missing or holds nothing.
#[track_caller]
fn framehash(path: &Path, how: &[&str]) -> Option<String> {
    let mut ffmpeg = peers::ffmpeg9()?;
    ffmpeg.args(["-nostdin", "-v", "error", "-i"]).arg(path).args(how);
    ffmpeg.args(["-f", "framehash", "-hash", "md5", "-"]);
    Some(finish(&mut ffmpeg, Duration::from_secs(60)).text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_told_from_the_others() {
        let sent = track(&[0, 40, 80], &["a", "b", "c"]);
        let fault = |pts: &[i64], md5: &[&str]| track(pts, md5).fault(&sent, 1_000);
        assert_eq!(fault(&[1_000, 1_041, 1_078], &["a", "b", "c"]), None);
        assert_eq!(fault(&[1_000, 1_043, 1_080], &["a", "b", "c"]), Some(Fault::Moved));
        assert_eq!(fault(&[1_000, 1_040], &["a", "b"]), Some(Fault::NoEnd));
        assert_eq!(fault(&[1_040, 1_080], &["b", "c"]), Some(Fault::NoBeginning));
        assert_eq!(fault(&[1_000, 1_080], &["a", "c"]), Some(Fault::Altered));
        assert_eq!(fault(&[1_000, 1_040, 1_080], &["a", "c", "b"]), Some(Fault::Altered));
        assert_eq!(fault(&[1_000, 1_040, 1_080, 1_120], &["a", "b", "c", "c"]), Some(Fault::Altered));
    }

    fn track(pts: &[i64], md5: &[&str]) -> Track {
        let md5 = md5.iter().map(ToString::to_string).collect();
        let sums = FrameSums { time_base: (1, 1_000), pts: pts.to_vec(), md5 };
        Track { path: PathBuf::new(), index: 0, kind: "video", header: String::new(), sums }
    }
}
