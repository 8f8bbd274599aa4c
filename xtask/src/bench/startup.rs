//! How long a program takes that has next to nothing to do.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::cases::words;
use crate::shell::Outcome;

/// The name that `cargo xtask bench` takes.
pub(super) const NAME: &str = "startup";
/// Runs of each; the shortest counts.
const RUNS: usize = 20;

/// Prints a table of wall-clock times.
pub(super) fn run(program: &Path, folder: &Path) -> Outcome {
    println!("| start-up | ours, ms | ffmpeg, ms | ratio |");
    println!("|---|---|---|---|");
    let frame = "-v error -nostdin -y -f lavfi -i testsrc2=size=64x64:rate=1 -frames:v 1 -f rawvideo one.yuv";
    for (what, line) in [("`-version`", "-version"), ("one generated frame to raw video", frame)] {
        let (mut ours, mut theirs) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..RUNS {
            ours = ours.min(milliseconds(program, line, folder)?);
            theirs = theirs.min(milliseconds(Path::new("ffmpeg"), line, folder)?);
        }
        println!("| {what} | {ours:.1} | {theirs:.1} | {:.2} |", ours / theirs);
    }
    println!();
    Ok(())
}

fn milliseconds(program: &Path, line: &str, folder: &Path) -> Outcome<f64> {
    let mut command = Command::new(program);
    command.args(words(line)).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let status = command.status().map_err(|error| format!("{}: {error}", program.display()))?;
    let took = started.elapsed();
    if status.success() {
        Ok(took.as_secs_f64() * 1_000.0)
    } else {
        Err(format!("{} {line}: {status}", program.display()))
    }
}
