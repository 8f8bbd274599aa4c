//! Playing in a window: how much of a core it takes, beside ffplay and mpv.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::cases::{Input, words};
use super::measure::{Usage, measure};
use super::prepare;
use crate::shell::{Outcome, succeeds};

/// The name that `cargo xtask bench` takes.
pub(super) const NAME: &str = "play";
/// Turns of each; the least CPU time of them counts.
const TURNS: usize = 3;

/// An X server that ends with this.
struct Screen(Child);

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Ten seconds at 30 pictures in a second without sound, in a window of their own size on Xvfb; prints a table.
pub(super) fn run(program: &Path, folder: &Path) -> Outcome {
    let (_screen, display) = screen()?;
    println!("\n| play 10 s at 30 fps, H.264 | CPU, % of a core | ours to it | resident MB |");
    println!("|---|---|---|---|");
    for (name, file, size) in [("360p", "play360p.mp4", "640x360"), ("1080p", "play1080p.mp4", "1920x1080")] {
        let clip = clip(file, size);
        prepare(&clip, folder)?;
        let ours = format!("play -v error -autoexit {}", clip.0);
        // Neither may ask a graphics card, which is not there and whose part the processor would play.
        let ffplay = format!("-v error -autoexit {}", clip.0);
        let mpv = format!("--no-config --really-quiet --vo=x11 --hwdec=no {}", clip.0);
        let players = [
            ("brooklet", Some(program), ours),
            ("ffplay (SDL, software)", found("ffplay"), ffplay),
            ("mpv (x11)", found("mpv"), mpv),
        ];
        let mut first = None;
        for (who, player, line) in players {
            let Some(player) = player else { continue };
            let usage = least(player, &line, &display, folder)?;
            let part = 100.0 * usage.cpu / usage.seconds;
            let own = *first.get_or_insert(part);
            println!("| {name}, {who} | {part:.1} | {:.2} | {:.0} |", own / part, usage.megabytes);
        }
    }
    Ok(())
}

fn least(player: &Path, line: &str, display: &str, folder: &Path) -> Outcome<Usage> {
    let mut command = vec![format!("DISPLAY={display}"), "SDL_RENDER_DRIVER=software".into()];
    command.push(player.display().to_string());
    command.extend(words(line));
    let mut usage = Usage::WORST;
    for _ in 0..TURNS {
        usage = usage.least(measure(Path::new("env"), &command, folder)?);
    }
    Ok(usage)
}

fn clip(file: &'static str, size: &str) -> Input {
    let line = format!(
        "-f lavfi -i testsrc2=size={size}:rate=30 -t 10 -c:v libx264 -preset medium -crf 20 -g 60 -pix_fmt yuv420p"
    );
    (file, words(&line))
}

fn screen() -> Outcome<(Screen, String)> {
    let mut command = Command::new("Xvfb");
    command.args(["-displayfd", "1", "-screen", "0", "2560x1440x24", "-nolisten", "tcp", "-noreset"]);
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut server = spawned.map_err(|error| format!("Xvfb: {error}: cargo xtask peers"))?;
    let mut number = String::new();
    let said = server.stdout.take().map(|output| BufReader::new(output).read_line(&mut number));
    let screen = Screen(server);
    match said {
        Some(Ok(length)) if length > 0 => Ok((screen, format!(":{}", number.trim()))),
        _ => Err("Xvfb did not start".into()),
    }
}

fn found(player: &'static str) -> Option<&'static Path> {
    let there = succeeds(Command::new(player).arg(if player == "mpv" { "--version" } else { "-version" }));
    there.then_some(Path::new(player))
}
