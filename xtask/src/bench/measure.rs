//! What one run of a program used, by GNU time.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::shell::Outcome;

/// CPU time and memory of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// User and system time, seconds.
    pub(super) cpu: f64,
    /// The most resident memory.
    pub(super) megabytes: f64,
    /// How long it took.
    pub(super) seconds: f64,
}

impl Usage {
    pub(super) const WORST: Self =
        Self { cpu: f64::INFINITY, megabytes: f64::INFINITY, seconds: f64::INFINITY };

    pub(super) fn least(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.min(other.cpu),
            megabytes: self.megabytes.min(other.megabytes),
            seconds: self.seconds.min(other.seconds),
        }
    }
}

/// Runs a program in `folder` and fails where it does.
pub(super) fn measure(program: &Path, words: &[String], folder: &Path) -> Outcome<Usage> {
    let report = folder.join("usage");
    let mut command = Command::new("/usr/bin/time");
    command.args(["--format", "%U %S %M %e", "--output"]).arg(&report).arg(program).args(words);
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
    let output = command.output().map_err(|error| format!("time: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{} {}: {said}", program.display(), words.join(" ")));
    }
    let text = std::fs::read_to_string(&report).map_err(|error| format!("{}: {error}", report.display()))?;
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers.as_slice() {
        [user, system, kilobytes, seconds] => {
            Ok(Usage { cpu: user + system, megabytes: kilobytes / 1024.0, seconds: *seconds })
        }
        _ => Err(format!("GNU time said '{}'", text.trim())),
    }
}
