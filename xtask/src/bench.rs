//! `cargo xtask bench`: ours and ffmpeg in turns on the same input, in one run, as ratios.

mod browser;
mod cases;
mod delay;
mod listeners;
mod live;
mod measure;
mod noise;
mod play;
mod quality;
mod sound;
mod startup;
mod viewers;
mod voice;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{Outcome, cargo, run as run_command, succeeds, target};
use cases::{Case, Input, cases};
use measure::{Usage, measure};

/// Turns of each; the least CPU time of them counts, for noise only adds.
const TURNS: usize = 5;

/// Runs all benchmarks, or the one of this name, and prints a table for BENCHMARKS.md.
pub(crate) fn run(name: Option<&str>) -> Outcome {
    if !succeeds(Command::new("ffmpeg").arg("-version")) || !Path::new("/usr/bin/time").exists() {
        return Err("it needs ffmpeg and GNU time: cargo xtask peers".into());
    }
    run_command(&mut cargo(["build", "--release", "--package", "brooklet-cli"]))?;
    let program = target().join("release/brooklet");
    let folder = target().join("bench");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let is_wanted = |of: &str| name.is_none_or(|name| name == of);
    let mut wanted = cases();
    let names: Vec<_> = [
        startup::NAME,
        sound::NAME,
        live::NAME,
        delay::NAME,
        viewers::NAME,
        play::NAME,
        voice::NAME,
        listeners::NAME,
        browser::NAME,
    ]
    .into_iter()
    .chain(wanted.iter().map(|case| case.name))
    .collect();
    if let Some(name) = name.filter(|name| !names.contains(name)) {
        return Err(format!("no benchmark '{name}'; there are {}", names.join(", ")));
    }
    wanted.retain(|case| is_wanted(case.name));
    describe_machine();
    if is_wanted(startup::NAME) {
        startup::run(&program, &folder)?;
    }
    compare_all(&wanted, &program, &folder)?;
    if is_wanted(sound::NAME) {
        sound::run(&program, &folder)?;
    }
    if is_wanted(live::NAME) {
        live::run(&program, &folder)?;
    }
    if is_wanted(delay::NAME) {
        delay::run(&program, &folder)?;
    }
    if is_wanted(play::NAME) {
        play::run(&program, &folder)?;
    }
    if is_wanted(viewers::NAME) {
        viewers::run(&program, &folder)?;
    }
    if is_wanted(voice::NAME) {
        voice::run(&program, &folder)?;
    }
    if is_wanted(listeners::NAME) {
        listeners::run(&program, &folder)?;
    }
    if is_wanted(browser::NAME) {
        browser::run(&program, &folder)?;
    }
    Ok(())
}

fn compare_all(cases: &[Case], program: &Path, folder: &Path) -> Outcome {
    if cases.is_empty() {
        return Ok(());
    }
    println!("| what | ours, CPU s | ffmpeg, CPU s | ratio | ours, MB | ffmpeg, MB | ratio |");
    println!("|---|---|---|---|---|---|---|");
    let mut qualities = Vec::new();
    for case in cases {
        let (ours, theirs) = compare(case, program, folder)?;
        print_row(case, &ours, &theirs);
        if let Some(encoded) = &case.encoded {
            qualities.push((case.what, encoded.qualities(folder)?));
        }
    }
    if !qualities.is_empty() {
        println!("\n| what | ours, PSNR dB | ffmpeg, PSNR dB | ours, kbit/s | ffmpeg, kbit/s |");
        println!("|---|---|---|---|---|");
    }
    for (what, [ours, theirs]) in &qualities {
        println!(
            "| {what} | {:.2} | {:.2} | {:.0} | {:.0} |",
            ours.psnr, theirs.psnr, ours.rate, theirs.rate
        );
    }
    Ok(())
}

fn compare(case: &Case, program: &Path, folder: &Path) -> Outcome<(Usage, Usage)> {
    if let Some(input) = &case.input {
        prepare(input, folder)?;
    }
    let (mut ours, mut theirs) = (Usage::WORST, Usage::WORST);
    for _ in 0..TURNS {
        ours = ours.least(measure(program, &case.ours, folder)?);
        theirs = theirs.least(measure(Path::new("ffmpeg"), &case.theirs, folder)?);
    }
    Ok((ours, theirs))
}

/// Makes a file that the programs read, where it is not there from an earlier run.
fn prepare((name, words): &Input, folder: &Path) -> Outcome {
    if folder.join(name).exists() {
        return Ok(());
    }
    // Under another name until it is whole.
    let unfinished = format!("unfinished.{name}");
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y"]).args(words).arg(&unfinished).current_dir(folder);
    run_command(&mut command)?;
    std::fs::rename(folder.join(unfinished), folder.join(name)).map_err(|error| format!("{name}: {error}"))
}

fn print_row(case: &Case, ours: &Usage, theirs: &Usage) {
    println!(
        "| {} | {:.2} | {:.2} | {:.2} | {:.0} | {:.0} | {:.2} |",
        case.what,
        ours.cpu,
        theirs.cpu,
        ours.cpu / theirs.cpu.max(0.01),
        ours.megabytes,
        theirs.megabytes,
        ours.megabytes / theirs.megabytes,
    );
}

fn describe_machine() {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let cores = info.lines().filter(|line| line.starts_with("processor")).count();
    let version =
        Command::new("ffmpeg").arg("-version").output().map(|output| output.stdout).unwrap_or_default();
    let version = String::from_utf8_lossy(&version).lines().next().unwrap_or_default().to_string();
    println!("{cores} × {}; {version}\n", model.trim_start_matches([' ', '\t', ':']));
}

/// A real clip, where there are any.
fn clip(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("BROOKLET_MEDIA").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| crate::shell::root().join("../shared/media"));
    Some(folder.join(name)).filter(|path| path.exists())
}
