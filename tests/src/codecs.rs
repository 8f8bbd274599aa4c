//! What live streams are coded in, and a clip of each.

use std::path::PathBuf;

use crate::{clips, peers};

/// The codecs of a live stream: a video track, an audio track, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codecs {
    /// For people.
    pub name: &'static str,
    /// The video codec, by ffmpeg's name.
    pub video: Option<&'static str>,
    /// The audio codec, by ffmpeg's name.
    pub audio: Option<&'static str>,
    /// How ffmpeg 9.0 makes them.
    how: &'static str,
}

impl Codecs {
    /// All of them: what FLV always had first, then what Enhanced RTMP added.
    pub const ALL: [Self; 9] = [
        Self::new("H.264 + AAC", Some("h264"), Some("aac"), "-c:v libx264 -preset veryfast -bf 0"),
        Self::new("H.264 (B) + MP3", Some("h264"), Some("mp3"), "-c:v libx264 -preset veryfast -bf 2"),
        Self::new("H.264", Some("h264"), None, "-c:v libx264 -preset veryfast -bf 0"),
        Self::new("AAC", None, Some("aac"), ""),
        Self::new(
            "HEVC + AAC",
            Some("hevc"),
            Some("aac"),
            "-c:v libx265 -preset ultrafast -x265-params log-level=error",
        ),
        Self::new("AV1 + Opus", Some("av1"), Some("opus"), "-c:v libsvtav1 -preset 11"),
        Self::new("VP9 + Opus", Some("vp9"), Some("opus"), "-c:v libvpx-vp9 -deadline realtime -cpu-used 8"),
        Self::new("H.264 + FLAC", Some("h264"), Some("flac"), "-c:v libx264 -preset veryfast -bf 0"),
        Self::new("H.264 + AC-3", Some("h264"), Some("ac3"), "-c:v libx264 -preset veryfast -bf 0"),
    ];

    const fn new(
        name: &'static str,
        video: Option<&'static str>,
        audio: Option<&'static str>,
        how: &'static str,
    ) -> Self {
        Self { name, video, audio, how }
    }

    /// Whether it takes Enhanced RTMP to say what the codecs are.
    pub fn is_enhanced(&self) -> bool {
        self.has_enhanced_video() || !matches!(self.audio, None | Some("aac" | "mp3"))
    }

    /// The same of the video alone.
    pub fn has_enhanced_video(&self) -> bool {
        !matches!(self.video, None | Some("h264"))
    }

    /// Three seconds, 25 pictures and one key frame in each: an FLV file, made once. `None` without ffmpeg 9.0.
    pub fn clip(&self) -> Option<PathBuf> {
        let video = "-f lavfi -i testsrc2=size=320x240:rate=25:duration=3";
        // FLV knows MP3 at 44.1 kHz and its parts only.
        let rate = if self.audio == Some("mp3") { 44_100 } else { 48_000 };
        let audio = format!("-f lavfi -i sine=frequency=440:sample_rate={rate}:duration=3");
        let mut line = String::from("-nostdin");
        if self.video.is_some() {
            line += &format!(" {video}");
        }
        if self.audio.is_some() {
            line += &format!(" {audio}");
        }
        if self.video.is_some() {
            line += &format!(" {} -g 25 -pix_fmt yuv420p", self.how);
        }
        match self.audio {
            Some("mp3") => line += " -c:a libmp3lame -b:a 96k",
            Some("opus") => line += " -c:a libopus -b:a 96k",
            Some(codec) => line += &format!(" -c:a {codec} -b:a 96k"),
            None => {}
        }
        let parts: Vec<&str> = [self.video, self.audio].into_iter().flatten().collect();
        clips::generated_by(peers::ffmpeg9, &format!("{}.flv", parts.join("-")), &line)
    }
}
