//! `cargo xtask test`: everything that must hold before a change lands.

use crate::fuzz;
use crate::peers::{self, Peers};
use crate::shell::{self, Outcome, cargo, target};

/// Inputs for each fuzz target in a test run.
const FUZZ_RUNS: u32 = 5_000;

/// Runs it all; without `peers`, only what needs nothing installed.
pub(crate) fn run(with_peers: bool) -> Outcome {
    let peers = if with_peers { peers::install()? } else { Peers::new() };
    run_checks(with_peers)?;
    run_tests(with_peers, &peers)?;
    if with_peers { fuzz::run(FUZZ_RUNS) } else { Ok(()) }
}

fn run_checks(with_peers: bool) -> Outcome {
    shell::run(&mut cargo(["fmt", "--all", "--check"]))?;
    shell::run(&mut cargo(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    if with_peers {
        shell::run(&mut cargo(["deny", "--all-features", "check", "bans", "licenses", "sources"]))?;
    }
    let mut doc = cargo(["doc", "--workspace", "--no-deps", "--quiet"]);
    shell::run(doc.env("RUSTDOCFLAGS", "--deny warnings"))
}

fn run_tests(with_peers: bool, peers: &Peers) -> Outcome {
    shell::run(&mut cargo(["test"]))?;
    shell::run(&mut cargo(["build", "--package", "brooklet-cli"]))?;
    let mut tests = cargo(["test", "--package", "brooklet-tests", "--", "--test-threads", "2"]);
    tests.env("BROOKLET", target().join("debug/brooklet"));
    tests.envs(peers.iter().map(|(name, path)| (name, path)));
    if with_peers {
        // A test whose peer is missing then fails rather than skips.
        tests.env("BROOKLET_PEERS", "required");
    }
    shell::run(&mut tests)
}
