//! Publishers: programs that send a clip to a server at its own pace, each packet as it is.

use std::path::Path;
use std::process::Command;

use crate::codecs::Codecs;
use crate::peers;
use crate::program::{Running, brooklet};

/// A program that publishes by RTMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publisher {
    /// Our own program, copying.
    Brooklet,
    /// ffmpeg 5.1, copying.
    Ffmpeg,
    /// ffmpeg 9.0, copying.
    Ffmpeg9,
    /// GStreamer's `rtmp2sink` behind its `flvmux`.
    Gstreamer,
}

impl Publisher {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Brooklet, Self::Ffmpeg, Self::Ffmpeg9, Self::Gstreamer];

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Brooklet => "brooklet",
            Self::Ffmpeg => "ffmpeg 5.1",
            Self::Ffmpeg9 => "ffmpeg 9.0",
            Self::Gstreamer => "rtmp2sink",
        }
    }

    /// Why it can't send these codecs, where it can't.
    pub fn cannot(self, codecs: &Codecs) -> Option<&'static str> {
        match self {
            Self::Ffmpeg if codecs.is_enhanced() => Some("ffmpeg 5.1 writes no Enhanced RTMP"),
            Self::Gstreamer if codecs.is_enhanced() => {
                Some("GStreamer 1.22's flvmux writes no Enhanced RTMP")
            }
            _ => None,
        }
    }

    /// Begins to send an FLV file in these codecs; `None` where it is not installed.
    pub fn publish(self, clip: &Path, codecs: &Codecs, url: &str) -> Option<Running> {
        let mut command = match self {
            Self::Brooklet => brooklet(),
            Self::Ffmpeg => peers::ffmpeg()?,
            Self::Ffmpeg9 => peers::ffmpeg9()?,
            Self::Gstreamer => peers::gst_launch()?,
        };
        if self == Self::Gstreamer {
            command.arg("-q").args(pipeline(clip, codecs, url).split_whitespace());
        } else {
            copy(&mut command, clip, url);
        }
        Some(Running::start(&mut command))
    }
}

fn copy(command: &mut Command, clip: &Path, url: &str) {
    command.args(["-nostdin", "-v", "error", "-re", "-i"]).arg(clip);
    command.args(["-map", "0", "-c", "copy", "-f", "flv", url]);
}

fn pipeline(clip: &Path, codecs: &Codecs, url: &str) -> String {
    // Without parsers, which would write headers of their own.
    let video = codecs.video.map_or("", |_| "d.video ! queue ! m.video");
    let audio = codecs.audio.map_or("", |_| "d.audio ! queue ! m.audio");
    format!(
        "filesrc location={} ! flvdemux name=d {video} {audio} \
         flvmux name=m streamable=true ! rtmp2sink sync=true location={url}",
        clip.display()
    )
}
