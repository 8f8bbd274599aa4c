//! Players: what each receives from a URL.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::codecs::Codecs;
use crate::peers;
use crate::probe::{self, Packet, nanoseconds};
use crate::program::{Run, Running, brooklet};

/// A program that plays RTMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Player {
    /// ffmpeg 5.1, copying.
    Ffmpeg,
    /// ffmpeg 9.0, copying.
    Ffmpeg9,
    /// rtmpdump.
    Rtmpdump,
    /// mpv, dumping.
    Mpv,
    /// GStreamer's `rtmp2src`, dumping, demultiplexing and decoding.
    Gstreamer,
    /// PyAV, which brings an ffmpeg of its own, copying.
    Pyav,
    /// Our own program, copying.
    Brooklet,
}

impl Player {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Ffmpeg, Self::Ffmpeg9, Self::Rtmpdump, Self::Mpv, Self::Gstreamer, Self::Pyav, Self::Brooklet];

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ffmpeg => "ffmpeg 5.1",
            Self::Ffmpeg9 => "ffmpeg 9.0",
            Self::Rtmpdump => "rtmpdump",
            Self::Mpv => "mpv",
            Self::Gstreamer => "rtmp2src",
            Self::Pyav => "PyAV",
            Self::Brooklet => "brooklet",
        }
    }

    /// Why it can't receive these codecs, where it can't. Who only dumps what comes need not know them.
    pub fn cannot(self, codecs: &Codecs) -> Option<&'static str> {
        let limit = self == Self::Ffmpeg && codecs.is_enhanced();
        limit.then_some("ffmpeg 5.1 reads no Enhanced RTMP")
    }

    /// Begins to play H.264 and AAC; `None` where it is not installed.
    pub fn play(self, url: &str) -> Option<Playing> {
        self.start(url, true)
    }

    /// Begins to receive any codecs, decoding nothing; `None` where it is not installed.
    pub fn receive(self, url: &str) -> Option<Playing> {
        self.start(url, false)
    }

    fn start(self, url: &str, decode: bool) -> Option<Playing> {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder for a player: {error}"));
        let path = folder.path().join("received.flv");
        let mut command = self.command(url, &path, decode)?;
        Some(Playing { player: self, running: Running::start(&mut command), path, folder })
    }

    fn command(self, url: &str, path: &Path, decode: bool) -> Option<Command> {
        let mut command = match self {
            Self::Ffmpeg => peers::ffmpeg()?,
            Self::Ffmpeg9 => peers::ffmpeg9()?,
            Self::Rtmpdump => peers::rtmpdump()?,
            Self::Mpv => peers::mpv()?,
            Self::Gstreamer => peers::gst_launch()?,
            Self::Pyav => peers::python()?,
            Self::Brooklet => brooklet(),
        };
        match self {
            Self::Ffmpeg | Self::Ffmpeg9 => {
                let copy = ["-map", "0", "-c", "copy", "-f", "flv"];
                command.args(["-nostdin", "-v", "warning", "-i", url]).args(copy).arg(path)
            }
            Self::Brooklet => {
                let copy = ["-map", "0", "-c", "copy", "-f", "flv"];
                command.args(["-nostdin", "-v", "error", "-i", url]).args(copy).arg(path)
            }
            Self::Pyav => command.args(["-c", include_str!("players/receive.py"), url]).arg(path),
            Self::Rtmpdump => command.args(["--live", "-r", url, "-o"]).arg(path),
            Self::Mpv => {
                let dump = format!("--stream-dump={}", path.display());
                command.args(["--no-config", "--really-quiet", &dump, url])
            }
            Self::Gstreamer => {
                command.args(["-q", "-e"]).args(pipeline(url, path, decode).split_whitespace())
            }
        };
        Some(command)
    }
}

fn pipeline(url: &str, path: &Path, decode: bool) -> String {
    if !decode {
        return format!("rtmp2src location={url} ! filesink async=false location={}", path.display());
    }
    let decoded = "! fakesink sync=false async=false";
    format!(
        "rtmp2src location={url} ! tee name=t ! queue ! filesink async=false location={} \
         t. ! queue ! flvdemux name=d d.video ! queue ! h264parse ! avdec_h264 {decoded} \
         d.audio ! queue ! aacparse ! avdec_aac {decoded}",
        path.display()
    )
}

/// A player that plays.
#[derive(Debug)]
pub struct Playing {
    player: Player,
    running: Running,
    path: PathBuf,
    folder: TempDir,
}

impl Playing {
    /// Waits until the stream ends for it.
    #[track_caller]
    pub fn finish(self, deadline: Duration) -> Received {
        let Self { player, running, path, folder } = self;
        let run = running.finish(deadline);
        Received { player, run, path, _folder: folder }
    }

    /// The same; one that goes on for longer is ended.
    pub fn finish_or_end(self, deadline: Duration) -> Dump {
        let Self { running, path, folder, .. } = self;
        Dump { ended: running.finish_within(deadline), path, _folder: folder }
    }

    /// Leaves, as with Ctrl-C.
    #[track_caller]
    pub fn leave(self, deadline: Duration) -> Received {
        self.running.signal("INT");
        self.finish(deadline)
    }

    /// Sends the player a signal by name.
    pub fn signal(&self, name: &str) {
        self.running.signal(name);
    }

    /// Bytes written so far.
    pub fn received(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |file| file.len())
    }
}

/// What a player received, however it ended.
#[derive(Debug)]
pub struct Dump {
    /// How it ended, or what it said before it was ended.
    pub ended: Result<Run, String>,
    /// An FLV file, where anything came.
    pub path: PathBuf,
    _folder: TempDir,
}

/// What a player received.
#[derive(Debug)]
pub struct Received {
    /// Whose it is.
    pub player: Player,
    /// How the player ended.
    pub run: Run,
    /// An FLV file.
    pub path: PathBuf,
    _folder: TempDir,
}

impl Received {
    /// The packets of a stream, `v:0` or `a:0`.
    #[track_caller]
    pub fn track(&self, stream: &str) -> Track {
        Track::of(&self.path, stream)
    }

    /// Each packet of the clip has arrived as it was: once, in order, untouched, and at its time.
    #[track_caller]
    pub fn expect_copy(&self, clip: &Path) {
        for stream in ["v:0", "a:0"] {
            let (ours, theirs) = (self.track(stream), Track::of(clip, stream));
            let hashes = |track: &Track| -> Vec<String> {
                track.packets.iter().map(|packet| packet.hash.clone()).collect()
            };
            let counts = (ours.packets.len(), theirs.packets.len());
            assert_eq!(counts.0, counts.1, "{self:?}: packets of {stream}, received and sent");
            assert!(hashes(&ours) == hashes(&theirs), "{self:?}: other packets, or in another order");
        }
        self.expect_times(clip);
    }

    /// As many packets as the clip has, beginning with a key frame, each at the clip's time: one shift for all of
    /// both streams, and a millisecond of rounding.
    #[track_caller]
    pub fn expect_times(&self, clip: &Path) {
        let mut shifts = Vec::new();
        for stream in ["v:0", "a:0"] {
            let (ours, theirs) = (self.track(stream), Track::of(clip, stream));
            assert_eq!(ours.packets.len(), theirs.packets.len(), "{self:?}: packets of {stream}");
            assert!(
                ours.packets.first().is_some_and(|first| first.key),
                "{self:?}: {stream} begins in the middle"
            );
            let (mut ours, mut theirs) = (ours.pts(), theirs.pts());
            ours.sort_unstable();
            theirs.sort_unstable();
            shifts.extend(ours.iter().zip(&theirs).map(|(ours, theirs)| ours - theirs));
        }
        let (least, most) = (shifts.iter().min().copied(), shifts.iter().max().copied());
        let spread = most.zip(least).map_or(i64::MAX, |(most, least)| most - least);
        assert!(spread <= 2_000_000, "{self:?}: times differ by {least:?} to {most:?} ns from the clip's");
    }
}

/// The packets of one stream of a file.
#[derive(Clone, Debug)]
pub struct Track {
    /// The length of a tick, of a second.
    pub time_base: probe::TimeBase,
    /// In order of arrival.
    pub packets: Vec<Packet>,
}

impl Track {
    /// Reads `v:0` or `a:0` of a file.
    #[track_caller]
    pub fn of(path: &Path, stream: &str) -> Self {
        let (time_base, packets) = probe::packets(path, stream).unwrap_or(((1, 1), Vec::new()));
        Self { time_base, packets }
    }

    /// The pts of each packet, nanoseconds.
    pub fn pts(&self) -> Vec<i64> {
        self.packets.iter().map(|packet| nanoseconds(packet.pts, self.time_base)).collect()
    }
}
