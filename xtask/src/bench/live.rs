//! A live transcode: what it holds in memory, and how much of a core it takes.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::cases::{live_clip, words};
use super::measure::{Usage, measure};
use super::prepare;
use crate::shell::Outcome;

/// The name that `cargo xtask bench` takes.
pub(super) const NAME: &str = "live";
const PORT: u16 = 19_467;

/// Ten seconds of 640x360 at 30 frames per second to an RTMP server, by each program; prints a table.
pub(super) fn run(program: &Path, folder: &Path) -> Outcome {
    prepare(&live_clip(), folder)?;
    let input = "-v error -nostdin -re -i live.mp4";
    let sound = "-c:a aac -b:a 96k";
    let url = format!("rtmp://127.0.0.1:{PORT}/live/app");
    let ours = format!("{input} -c:v h264 -b:v 800k -g 60 {sound} -f flv {url}");
    let theirs = format!(
        "{input} -c:v libx264 -preset veryfast -tune zerolatency -threads 1 -b:v 800k -g 60 {sound} -f flv {url}"
    );
    println!("\n| live 640x360 at 30 fps, H.264 and AAC to RTMP | CPU, % of a core | resident MB |");
    println!("|---|---|---|");
    print_row("ours", &publish(program, &ours, &url, folder)?);
    print_row(
        "ffmpeg (x264 veryfast, zerolatency, one thread)",
        &publish(Path::new("ffmpeg"), &theirs, &url, folder)?,
    );
    Ok(())
}

fn print_row(who: &str, usage: &Usage) {
    println!("| {who} | {:.0} | {:.1} |", 100.0 * usage.cpu / usage.seconds, usage.megabytes);
}

/// Publishes to an ffmpeg that listens, and that is not measured.
fn publish(program: &Path, line: &str, url: &str, folder: &Path) -> Outcome<Usage> {
    let mut listener = listen(url)?;
    // It binds its port before it says a word; it has no other way to tell.
    thread::sleep(Duration::from_secs(1));
    let usage = measure(program, &words(line), folder);
    if usage.is_err() {
        // It has ended by itself where the publisher came as far as to connect.
        drop(listener.kill());
    }
    listener.wait().map_err(|error| format!("ffmpeg: {error}"))?;
    usage
}

fn listen(url: &str) -> Outcome<Child> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-f", "flv", "-listen", "1", "-i", url, "-c", "copy"]);
    command.args(["-f", "null", "-"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map_err(|error| format!("ffmpeg: {error}"))
}
