//! `cargo xtask fuzz`: each fuzz target for a number of inputs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use crate::shell::{self, Outcome, cargo, root, target};

/// Targets whose inputs take long, and how many times fewer they get.
const SLOW: &[(&str, u32)] = &[("h264_decode", 20), ("aac_decode", 10), ("webrtc_offer", 20)];

/// What holds for all of them: inputs up to 64 KiB, each within 512 MB and a minute, which is a limit against hanging.
const RULES: [&str; 5] =
    ["-max_len=65536", "-timeout=60", "-rss_limit_mb=512", "-verbosity=0", "-print_final_stats=0"];

/// Which inputs are made of the seeds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inputs {
    /// The same each time: a test that fails for one fails for all.
    Same,
    /// Others each time, and those that led somewhere are kept for the next: to find what is not known yet.
    New,
}

impl Inputs {
    /// Schedules weigh inputs by the time they take, which is never the same twice.
    const fn rules(self) -> &'static [&'static str] {
        match self {
            Self::Same => &["-seed=1", "-entropic=0"],
            Self::New => &[],
        }
    }
}

/// Builds all targets, writes their seeds, and gives each of them so many inputs. What fails is told in the end, with
/// the file that makes it fail.
pub(crate) fn run(runs: u32, inputs: Inputs) -> Outcome {
    let programs = build()?;
    let corpus = match inputs {
        Inputs::Same => target().join("fuzz/corpus"),
        Inputs::New => root().join("fuzz/corpus"),
    };
    if inputs == Inputs::Same && corpus.exists() {
        std::fs::remove_dir_all(&corpus).map_err(|error| format!("{}: {error}", corpus.display()))?;
    }
    shell::run(Command::new(programs.join("seeds")).arg(&corpus))?;
    let targets = Mutex::new(targets()?.into_iter());
    let failed = Mutex::new(Vec::new());
    // One for each core: a target runs on one.
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(name) = next(&targets) {
                    if let Err(error) = run_target(&programs, &corpus, &name, runs, inputs) {
                        eprintln!("{error}");
                        failed.lock().map(|mut failed| failed.push(name)).unwrap_or_default();
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_default();
    if failed.is_empty() { Ok(()) } else { Err(format!("fuzzing found something in {}", failed.join(", "))) }
}

/// Builds the targets; says where they are.
///
/// Without a sanitizer: no room of ours has `unsafe`, so there is nothing for one to find; what can go wrong shows as
/// a panic, with overflow checks and debug assertions on (`fuzz/Cargo.toml`), as an input that takes too long, or too
/// much memory. It builds on the stable compiler too, and runs faster.
fn build() -> Outcome<PathBuf> {
    let (folder, host) = (target().join("fuzz"), host()?);
    let mut build = cargo(["fuzz", "build", "--release", "--sanitizer", "none", "--codegen-units", "16"]);
    shell::run(build.args(["--target", &host, "--target-dir"]).arg(&folder))?;
    Ok(folder.join(host).join("release"))
}

/// The platform that we build on.
fn host() -> Outcome<String> {
    let said = Command::new("rustc").arg("-vV").output().map_err(|error| format!("rustc: {error}"))?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(String::from).ok_or_else(|| "rustc -vV names no host".into())
}

fn targets() -> Outcome<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(String::from)).collect();
    names.sort();
    Ok(names)
}

fn next(targets: &Mutex<impl Iterator<Item = String>>) -> Option<String> {
    targets.lock().ok()?.next()
}

/// Runs one target, and says how long it took.
fn run_target(programs: &Path, corpus: &Path, name: &str, runs: u32, inputs: Inputs) -> Outcome {
    let times_fewer = SLOW.iter().find(|(slow, _)| *slow == name).map_or(1, |(_, times)| *times);
    let runs = runs / times_fewer;
    let artifacts = root().join("fuzz/artifacts").join(name);
    std::fs::create_dir_all(&artifacts).map_err(|error| format!("{}: {error}", artifacts.display()))?;
    let started = Instant::now();
    let output = Command::new(programs.join(name))
        .args(RULES)
        .args(inputs.rules())
        .args([format!("-runs={runs}"), format!("-artifact_prefix={}/", artifacts.display())])
        .arg(corpus.join(name))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    let seconds = started.elapsed().as_secs_f64();
    if output.status.success() {
        eprintln!("{name:16} {runs:6} inputs, {seconds:3.0} s");
        return Ok(());
    }
    Err(format!("{name}: {}\n{}", output.status, last_words(&output)))
}

/// What a target said from its panic on, without the way there, and the file with the input.
fn last_words(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<&str> = said.lines().filter(|line| !is_frame(line)).collect();
    let panic = lines.iter().position(|line| line.contains("panicked at"));
    lines[panic.unwrap_or(lines.len().saturating_sub(30))..].join("\n")
}

/// Whether a line is one of a backtrace.
fn is_frame(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("at ") || line.split_once(':').is_some_and(|(number, _)| number.parse::<u32>().is_ok())
}
