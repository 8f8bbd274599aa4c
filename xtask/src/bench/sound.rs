//! Encoders of sound against those that everybody has, on one clip: CPU time, size and noise.

use std::path::Path;
use std::process::{Command, Stdio};

use super::cases::words;
use super::measure::{Usage, measure};
use super::noise::noise_to_mask;
use super::{TURNS, clip, prepare};
use crate::shell::Outcome;

pub(super) const NAME: &str = "sound";

const RATE: u32 = 48_000;
/// A minute in stereo.
const INPUT: &str = "music.wav";

/// What it is, the peer, our options, the words of the peer's own program, and the endings of the files.
struct Pair {
    what: &'static str,
    peer: &'static str,
    ours: &'static str,
    theirs: &'static str,
    ends: (&'static str, &'static str),
}

const PAIRS: &[Pair] = &[
    Pair {
        what: "MP3 128 kbit/s",
        peer: "lame",
        ours: "-b:a 128k",
        theirs: "--quiet -b 128 IN OUT",
        ends: ("mp3", "mp3"),
    },
    Pair {
        what: "MP3 192 kbit/s",
        peer: "lame",
        ours: "-b:a 192k",
        theirs: "--quiet -b 192 IN OUT",
        ends: ("mp3", "mp3"),
    },
    Pair {
        what: "MP3 24 kHz, 64 kbit/s",
        peer: "lame",
        ours: "-ar 24000 -b:a 64k",
        theirs: "--quiet --resample 24 -b 64 IN OUT",
        ends: ("mp3", "mp3"),
    },
    Pair {
        what: "Opus 64 kbit/s",
        peer: "opusenc",
        ours: "-b:a 64k",
        theirs: "--quiet --bitrate 64 IN OUT",
        ends: ("opus", "opus"),
    },
    Pair {
        what: "Opus 128 kbit/s",
        peer: "opusenc",
        ours: "-b:a 128k",
        theirs: "--quiet --bitrate 128 IN OUT",
        ends: ("opus", "opus"),
    },
    Pair {
        what: "FLAC",
        peer: "flac",
        ours: "",
        theirs: "--silent --force -5 IN -o OUT",
        ends: ("flac", "flac"),
    },
];

pub(super) fn run(program: &Path, folder: &Path) -> Outcome {
    let how = match clip("bigbuckbunny.mp4") {
        Some(clip) => format!("-stream_loop -1 -i {}", clip.display()),
        None => "-f lavfi -i aevalsrc=0.2*sin(2*PI*(200+50*t)*t)+0.1*sin(2*PI*3000*t):d=60".into(),
    };
    let how = format!("{how} -vn -t 60 -ac 2 -ar {RATE} -c:a pcm_s16le");
    prepare(&(INPUT, words(&how)), folder)?;
    let original = left(INPUT, folder)?;
    println!(
        "\n| what | ours, CPU s | peer | peer's, CPU s | ratio | ours, kbit/s | peer's | ours, noise to mask dB | peer's |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for pair in PAIRS {
        let (ours_file, theirs_file) = (format!("ours.{}", pair.ends.0), format!("theirs.{}", pair.ends.1));
        let ours_words = words(&format!("-v error -nostdin -y -i {INPUT} {} {ours_file}", pair.ours));
        let theirs_words = words(&pair.theirs.replace("IN", INPUT).replace("OUT", &theirs_file));
        let (mut ours, mut theirs) = (Usage::WORST, Usage::WORST);
        for _ in 0..TURNS {
            ours = ours.least(measure(program, &ours_words, folder)?);
            theirs = theirs.least(measure(Path::new(pair.peer), &theirs_words, folder)?);
        }
        let (ours_noise, theirs_noise) =
            (noise(&original, &ours_file, folder)?, noise(&original, &theirs_file, folder)?);
        println!(
            "| {} | {:.2} | {} | {:.2} | {:.2} | {:.0} | {:.0} | {:.1} | {:.1} |",
            pair.what,
            ours.cpu,
            pair.peer,
            theirs.cpu,
            ours.cpu / theirs.cpu.max(0.01),
            rate(&ours_file, folder)?,
            rate(&theirs_file, folder)?,
            ours_noise,
            theirs_noise,
        );
    }
    Ok(())
}

/// kbit/s of a file of a minute.
fn rate(name: &str, folder: &Path) -> Outcome<f64> {
    let metadata = std::fs::metadata(folder.join(name)).map_err(|error| format!("{name}: {error}"))?;
    Ok(metadata.len() as f64 * 8.0 / 60.0 / 1_000.0)
}

fn noise(original: &[f32], name: &str, folder: &Path) -> Outcome<f64> {
    Ok(noise_to_mask(original, &left(name, folder)?, RATE))
}

/// The left channel of a file as ffmpeg decodes it, whose first sample is the original's first.
fn left(name: &str, folder: &Path) -> Outcome<Vec<f32>> {
    let mut command = Command::new("ffmpeg");
    command.args([
        "-v",
        "error",
        "-nostdin",
        "-i",
        name,
        "-ac",
        "2",
        "-ar",
        &RATE.to_string(),
        "-f",
        "f32le",
        "-",
    ]);
    let output = command.current_dir(folder).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("ffmpeg: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(output
        .stdout
        .chunks_exact(8)
        .map(|pair| f32::from_le_bytes([pair[0], pair[1], pair[2], pair[3]]))
        .collect())
}
