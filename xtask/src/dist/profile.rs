//! What is in a program: features, how it ends when it panics, and how large it may be.

use super::Platform;
use crate::shell::{Outcome, cargo};

/// Who builds or links C: no program may have one of these in its tree. Who may name `cc` or `pkg-config` without using it is
/// in `deny.toml`.
const BUILDS_C: [&str; 5] = ["cmake", "bindgen", "ring", "aws-lc-sys", "openssl-sys"];

/// One program of the family.
pub(crate) struct Profile {
    /// As `--profile` has it.
    pub(crate) name: &'static str,
    /// The features of the program, where it is not for a static platform.
    features: &'static str,
    /// The same without what needs libraries of the system at run time.
    features_static: Option<&'static str>,
    /// Whether it is to be small rather than to go on: a panic ends it, and nothing in it is for looking back from one.
    pub(crate) is_small: bool,
    /// The most that it may have, bytes: by ARM's processors, and by x86-64, whose code is a quarter longer.
    most: (u64, u64),
    /// Which tests of programs for devices are for it, for the test harness.
    pub(crate) tests: &'static [&'static str],
    /// For a person.
    pub(crate) what: &'static str,
}

/// All of them.
pub(crate) static ALL: [Profile; 3] = [
    Profile {
        name: "full",
        features: "full",
        features_static: Some("headless"),
        is_small: false,
        most: (13_500_000, 16_500_000),
        tests: &[],
        what: "everything; a panic in a session ends that session only",
    },
    Profile {
        name: "stream",
        features: "stream",
        features_static: None,
        is_small: true,
        most: (3_000_000, 4_000_000),
        tests: &["--skip", "speech"],
        what: "H.264, AAC and PCM; FLV, MPEG-TS and MP4; RTMP, UDP and TCP; a panic ends the program",
    },
    Profile {
        name: "voice",
        features: "voice",
        features_static: None,
        is_small: true,
        most: (1_500_000, 1_800_000),
        tests: &["sound", "speech"],
        what: "PCM, G.722 and Opus over UDP and RTP; a panic ends the program",
    },
];

impl Profile {
    /// The one of this name.
    pub(crate) fn named(name: &str) -> Outcome<&'static Self> {
        let names = || ALL.iter().map(|profile| profile.name).collect::<Vec<_>>().join(", ");
        ALL.iter()
            .find(|profile| profile.name == name)
            .ok_or_else(|| format!("no profile '{name}'; there are {}", names()))
    }

    /// The most that it may have on a platform, bytes.
    pub(crate) fn most(&self, platform: &Platform) -> u64 {
        if platform.triple.starts_with("x86_64") { self.most.1 } else { self.most.0 }
    }

    /// Cargo's profile.
    pub(crate) const fn cargo(&self) -> &'static str {
        if self.is_small { "dist-small" } else { "dist" }
    }

    /// What rustc is told. Where a program panicked is told by the file alone: the lines of all places are 0.16 MB of the
    /// smallest. One that never unwinds needs no tables for it.
    pub(crate) fn rust_flags(&self, platform: &Platform) -> String {
        let tables = if self.is_small { "-C force-unwind-tables=no" } else { "" };
        format!("-Zlocation-detail=file {tables} {}", platform.rust_flags)
    }

    /// What cargo is told, so that the standard library is built with the program: the one that comes built carries what reads
    /// a program's own symbols, to say where it panicked.
    pub(crate) const fn library(&self) -> [&'static str; 2] {
        let parts = if self.is_small {
            "-Zbuild-std=std,panic_abort"
        } else {
            "-Zbuild-std=std,panic_abort,panic_unwind"
        };
        [parts, "-Zbuild-std-features=optimize_for_size"]
    }

    /// The features of the program on a platform, joined by commas.
    pub(crate) fn features(&self, platform: &Platform) -> &'static str {
        self.features_static.filter(|_| platform.is_static).unwrap_or(self.features)
    }

    /// Fails where something in the tree builds or links C.
    pub(crate) fn check_tree(&self, platform: &Platform) -> Outcome {
        for line in self.tree(platform, "normal,build", "{p}")? {
            let name = line.split(' ').next().unwrap_or_default();
            if BUILDS_C.contains(&name) {
                return Err(format!("{} for {} has C in it: {line}", self.name, platform.triple));
            }
        }
        Ok(())
    }

    /// The packages in the program, each once, in `cargo tree`'s format.
    pub(crate) fn tree(&self, platform: &Platform, edges: &str, format: &str) -> Outcome<Vec<String>> {
        let mut tree =
            cargo(["tree", "--package", "brooklet-cli", "--no-default-features", "--prefix", "none"]);
        tree.args(["--features", self.features(platform), "--target", platform.triple]);
        let said = tree.args(["--edges", edges, "--format", format]).output();
        let said = said.map_err(|error| format!("cargo tree: {error}"))?;
        if !said.status.success() {
            return Err(String::from_utf8_lossy(&said.stderr).trim().into());
        }
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        let mut lines: Vec<String> =
            text.lines().map(|line| line.trim_end_matches(" (*)").to_string()).collect();
        lines.sort_unstable();
        lines.dedup();
        Ok(lines)
    }
}
