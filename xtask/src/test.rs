//! `cargo xtask test`: everything that must hold before a change lands.

use crate::dist::{self, Platform, Profile};
use crate::fuzz::{self, Inputs};
use crate::peers::{self, Peers};
use crate::shell::{self, Outcome, cargo, root, target};

/// Inputs for each fuzz target in a test run.
const FUZZ_RUNS: u32 = 5_000;

/// The rooms that need no operating system: a microcontroller can mux with them.
pub(crate) const BARE: [&str; 5] =
    ["brooklet-media", "brooklet-flv", "brooklet-mpegts", "brooklet-rtmp", "brooklet-rtp"];

/// The other processor that the tests build the program for.
const CROSS: &str = "aarch64-unknown-linux-gnu";

/// How much is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What needs nothing installed.
    NoPeers,
    /// All but what takes minutes.
    Peers,
    /// All.
    Full,
}

/// Runs the tests.
pub(crate) fn run(extent: Extent) -> Outcome {
    let peers = if extent == Extent::NoPeers { Peers::new() } else { peers::install()? };
    run_checks(extent)?;
    run_tests(extent, &peers)?;
    if extent != Extent::NoPeers {
        match dist::find_toolchain(Platform::named(CROSS)?) {
            Ok(()) => run_cross(&peers)?,
            // Not every machine can build for another; one that can, must.
            Err(why) => eprintln!("\nNOT RUN: the program for {CROSS}: {why}"),
        }
    }
    if extent == Extent::NoPeers { Ok(()) } else { fuzz::run(FUZZ_RUNS, Inputs::Same) }
}

/// The programs that `words` name, as for `dist`, each tried against the native one: by an emulator, where it is for another
/// processor. The one that every test run tries, where none is named.
pub(crate) fn cross(words: &[&str]) -> Outcome {
    let peers = peers::install()?;
    shell::run(&mut cargo(["build", "--package", "brooklet-cli"]))?;
    if words.is_empty() {
        return run_cross(&peers);
    }
    dist::each(words, |platform, profile| try_program(platform, profile, &peers))
}

fn run_checks(extent: Extent) -> Outcome {
    shell::run(&mut cargo(["fmt", "--all", "--check"]))?;
    shell::run(&mut cargo(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    let mut bare = cargo(["check", "--no-default-features"]);
    shell::run(bare.args(BARE.iter().flat_map(|package| ["--package", package])))?;
    dist::check_trees()?;
    if extent != Extent::NoPeers {
        shell::run(&mut cargo(["deny", "--all-features", "check", "bans", "licenses", "sources"]))?;
    }
    let mut doc = cargo(["doc", "--workspace", "--no-deps", "--quiet"]);
    shell::run(doc.env("RUSTDOCFLAGS", "--deny warnings"))
}

fn run_tests(extent: Extent, peers: &Peers) -> Outcome {
    shell::run(&mut cargo(["test"]))?;
    // What converts in the smaller programs.
    shell::run(&mut cargo(["test", "--package", "brooklet-convert", "--no-default-features", "--lib"]))?;
    shell::run(&mut cargo(["build", "--package", "brooklet-cli"]))?;
    let whole_program = |words: &[&str]| {
        let mut tests = cargo(["test", "--package", "brooklet-tests", "--"]);
        tests.args(words).env("BROOKLET", target().join("debug/brooklet"));
        tests.envs(peers.iter().map(|(name, path)| (name, path)));
        if extent != Extent::NoPeers {
            // A test whose peer is missing then fails rather than skips.
            tests.env("BROOKLET_PEERS", "required");
        }
        tests
    };
    shell::run(&mut whole_program(&["--test-threads", "2"]))?;
    if extent != Extent::Full {
        return Ok(());
    }
    let mut long = whole_program(&["--ignored", "--test-threads", "1"]);
    shell::run(long.env("BROOKLET_INTEROP", root().join("INTEROP.md")))
}

fn run_cross(peers: &Peers) -> Outcome {
    let platform = Platform::named(CROSS)?;
    try_program(platform, Profile::named("stream")?, peers)?;
    dist::check_bare(platform, &BARE)?;
    dist::check_foreign(platform)
}

fn try_program(platform: &'static Platform, profile: &'static Profile, peers: &Peers) -> Outcome {
    let program = dist::build(platform, profile)?;
    let mut tests = cargo(["test", "--package", "brooklet-tests", "--test", "cross", "--"]);
    tests.args(profile.tests);
    tests.env("BROOKLET_CROSS", platform.write_script(&program)?).env("BROOKLET_PEERS", "required");
    tests.env("BROOKLET", target().join("debug/brooklet"));
    shell::run(tests.envs(peers.iter().map(|(name, path)| (name, path))))
}
