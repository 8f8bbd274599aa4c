//! Every chore, in Rust: `cargo xtask test`, `cargo xtask bench`, `cargo xtask fuzz`, `cargo xtask dist`,
//! `cargo xtask units`.

mod bench;
mod dist;
mod fuzz;
mod peers;
mod shell;
mod test;
mod units;

use std::process::ExitCode;

use fuzz::Inputs;
use test::Extent;

const HELP: &str = "\
cargo xtask COMMAND

  test           everything that must hold: format, lints, licences, unit tests, real peers, fuzz targets;
                 installs the peers and tools it needs, by name
  test --full    the same, then each RTMP server with each publisher, player and codec; minutes; writes INTEROP.md
  test --no-peers
                 the same without what needs a peer installed
  test --cross [--target T]… [--profile P]…
                 only that a program for a device does what ours does, under an emulator where its processor is
                 another: 'stream' for aarch64, or those that are named
  peers          says which peers the tests need, and installs those that are missing
  fuzz [RUNS]    each fuzz target for so many inputs (20000), others each time
  bench [NAME]   against ffmpeg in the same run: CPU time, memory and start-up, as ratios; 'viewers' is the server
                 against nginx-rtmp
  dist [--target T]… [--profile P]…
                 programs for devices, packed under target/dist
  units          the units of dist/ under systemd, with a camera of the kernel's, in a virtual machine of Debian; minutes
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["test"] => test::run(Extent::Peers),
        ["test", "--full"] => test::run(Extent::Full),
        ["test", "--no-peers"] => test::run(Extent::NoPeers),
        ["test", "--cross", words @ ..] => test::cross(words),
        ["dist", words @ ..] => dist::run(words),
        ["units"] => units::run_units(),
        ["peers"] => peers::install().map(drop),
        ["fuzz"] => fuzz::run(20_000, Inputs::New),
        ["fuzz", runs] => match runs.parse() {
            Ok(runs) => fuzz::run(runs, Inputs::New),
            Err(_) => Err(format!("'{runs}' is not a number of inputs")),
        },
        ["bench"] => bench::run(None),
        ["bench", name] => bench::run(Some(name)),
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
