//! `cargo xtask fuzz`: each fuzz target for a fixed number of inputs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use crate::shell::{self, Outcome, cargo, root, target};

/// Targets whose inputs take long, and how many times fewer they get.
const SLOW: &[(&str, u32)] = &[("h264_decode", 20), ("aac_decode", 10)];

/// What holds for all of them: the same inputs each time, up to 64 KiB, each within 512 MB and a minute, which is a
/// limit against hanging.
const RULES: [&str; 6] =
    ["-seed=1", "-max_len=65536", "-timeout=60", "-rss_limit_mb=512", "-verbosity=0", "-print_final_stats=0"];

/// Builds all targets, writes their seeds, and gives each of them so many inputs. What fails is told in the end, with
/// the file that makes it fail.
pub(crate) fn run(runs: u32) -> Outcome {
    let programs = build()?;
    let corpus = root().join("fuzz/corpus");
    shell::run(Command::new(programs.join("seeds")).arg(&corpus))?;
    let targets = Mutex::new(targets()?.into_iter());
    let failed = Mutex::new(Vec::new());
    // One for each core: a target runs on one.
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(name) = next(&targets) {
                    if let Err(error) = run_target(&programs, &corpus, &name, runs) {
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
fn run_target(programs: &Path, corpus: &Path, name: &str, runs: u32) -> Outcome {
    let times_fewer = SLOW.iter().find(|(slow, _)| *slow == name).map_or(1, |(_, times)| *times);
    let runs = runs / times_fewer;
    let artifacts = root().join("fuzz/artifacts").join(name);
    std::fs::create_dir_all(&artifacts).map_err(|error| format!("{}: {error}", artifacts.display()))?;
    let started = Instant::now();
    let output = Command::new(programs.join(name))
        .args(RULES)
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

/// The end of what a target said: the panic, and the file with the input.
fn last_words(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
