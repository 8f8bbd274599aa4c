//! What an encoder made of its bits: speed alone says nothing.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::shell::Outcome;

/// Frames in a second of the raw pictures that are encoded.
pub(super) const RATE: u32 = 25;

/// The pictures that both encoders got, and what they wrote.
pub(super) struct Encoded {
    pub(super) raw: &'static str,
    pub(super) size: (u32, u32),
    pub(super) ours: &'static str,
    pub(super) theirs: &'static str,
}

/// How near and how large.
pub(super) struct Quality {
    /// Mean over luma and chroma, decibels, by ffmpeg's filter `psnr`.
    pub(super) psnr: f64,
    /// Of the file, kbit/s.
    pub(super) rate: f64,
}

impl Encoded {
    /// Both sides, ours first.
    pub(super) fn qualities(&self, folder: &Path) -> Outcome<[Quality; 2]> {
        Ok([self.quality(self.ours, folder)?, self.quality(self.theirs, folder)?])
    }

    fn quality(&self, coded: &str, folder: &Path) -> Outcome<Quality> {
        let length = |name: &str| {
            let metadata =
                std::fs::metadata(folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
            Ok::<_, String>(metadata.len() as f64)
        };
        let (width, height) = self.size;
        let frames = length(self.raw)? / f64::from(width * height * 3 / 2);
        let rate = length(coded)? * 8.0 / 1_000.0 / (frames / f64::from(RATE));
        Ok(Quality { psnr: self.psnr(coded, folder)?, rate })
    }

    fn psnr(&self, coded: &str, folder: &Path) -> Outcome<f64> {
        let (width, height) = self.size;
        let size = format!("{width}x{height}");
        // Pictures are paired by number: a raw stream has no times of its own.
        let graph = "[0]settb=1/25,setpts=N[a];[1]settb=1/25,setpts=N[b];[a][b]psnr";
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-hide_banner", "-i", coded]);
        command.args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", &size, "-i", self.raw]);
        command.args(["-lavfi", graph, "-f", "null", "-"]);
        let output = command.current_dir(folder).stdin(Stdio::null()).output();
        let output = output.map_err(|error| format!("ffmpeg: {error}"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        let number = said.rsplit_once("average:").and_then(|(_, rest)| rest.split_whitespace().next());
        number
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| format!("ffmpeg measured no PSNR of {coded}:\n{said}"))
    }
}
