//! The browser's round trip: a camera by WebRTC to a server that decodes, encodes and sends back, ours and aiortc in turns.
//!
//! What it costs is measured with a crowd of cameras (`tests/src/bin/cameras.rs`), which sends both the same pictures: CPU time of the
//! server's process, from `/proc`, over the time after all have seen something, and the delay from drawn to decoded. How late a
//! person sees it is measured with headless Chromium (`tests/src/browser/echo.js`), one session, from drawn to shown.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cases::{Input, words};
use super::{clip, prepare};
use crate::peers;
use crate::shell::{Outcome, cargo, root, run as run_command, target};

/// The name that `cargo xtask bench` takes.
pub(super) const NAME: &str = "browser";
const CROWDS: [usize; 3] = [1, 2, 4];
/// Turns of each; the least CPU time counts, with the delay of that turn.
const TURNS: usize = 2;
/// How long is measured.
const SECONDS: u64 = 10;
const PORT: u16 = 19_490;
/// Clock ticks in a second, as `/proc` counts CPU time on every Linux.
const TICKS: f64 = 100.0;

/// Who sends back.
#[derive(Clone, Copy, PartialEq)]
enum Server {
    Ours,
    Aiortc,
}

/// How one turn went.
struct Turn {
    /// Part of a core, for all sessions.
    cpu: f64,
    /// Pictures in a second that came back, the least of all sessions.
    pictures: f64,
    kilobits: f64,
    /// Milliseconds.
    median: f64,
    p95: f64,
}

/// Prints two tables.
pub(super) fn run(program: &Path, folder: &Path) -> Outcome {
    // A development build is enough for who only watches: its codecs are built for speed too.
    run_command(&mut cargo(["build", "--package", "brooklet-tests", "--bin", "cameras"]))?;
    let film = film();
    prepare(&film, folder)?;
    println!(
        "\n640x480, 25 pictures in a second, H.264 both ways, nothing done to the pictures, {SECONDS} s\n"
    );
    println!(
        "| sessions | server | CPU of a core each, % | CPU ms a picture | ours to it | pictures/s | kbit/s back | delay, ms | 95 %, ms | sessions per core |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for sessions in CROWDS {
        let mut best: [Option<Turn>; 2] = [None, None];
        for _ in 0..TURNS {
            for (server, best) in [Server::Ours, Server::Aiortc].into_iter().zip(&mut best) {
                let turn = server.with(program, |id| crowd(server, id, sessions, film.0, folder))?;
                if best.as_ref().is_none_or(|best| turn.cpu < best.cpu) {
                    *best = Some(turn);
                }
            }
        }
        let [Some(ours), Some(theirs)] = best else { continue };
        // By the picture: a machine that is busy lets neither make all of them.
        let ratio = format!("{:.2}", ours.a_picture(sessions) / theirs.a_picture(sessions));
        println!("| {sessions} | ours | {}", ours.row(sessions, ""));
        println!("| {sessions} | aiortc | {}", theirs.row(sessions, &ratio));
    }
    println!(
        "\n| one session, headless Chromium, drawn to shown | pictures | delay, ms | 95 %, ms | size at the end |"
    );
    println!("|---|---|---|---|---|");
    for (who, server) in [("ours", Server::Ours), ("aiortc", Server::Aiortc)] {
        let seen = server.with(program, |_| browser(server))?;
        let (delay, back) = (&seen["delay"], &seen["inbound"]);
        let size = format!("{}x{}", back["frameWidth"], back["frameHeight"]);
        println!("| {who} | {} | {} | {} | {size} |", delay["pictures"], delay["median"], delay["p95"]);
    }
    Ok(())
}

impl Turn {
    /// CPU ms for each picture.
    fn a_picture(&self, sessions: usize) -> f64 {
        self.cpu * 1_000.0 / (self.pictures * sessions as f64)
    }

    fn row(&self, sessions: usize, ratio: &str) -> String {
        let each = self.cpu / sessions as f64;
        format!(
            "{:.1} | {:.1} | {ratio} | {:.1} | {:.0} | {:.0} | {:.0} | {:.1} |",
            each * 100.0,
            self.a_picture(sessions),
            self.pictures,
            self.kilobits,
            self.median,
            self.p95,
            1.0 / each
        )
    }
}

impl Server {
    /// Starts it, lets something be done with it, and ends it.
    fn with<T>(self, program: &Path, work: impl FnOnce(u32) -> Outcome<T>) -> Outcome<T> {
        let mut command = match self {
            Self::Ours => {
                let mut command = Command::new(program);
                command.args(["serve", "--rtmp", &format!("127.0.0.1:{}", PORT + 1)]);
                command.args(["--http", &format!("127.0.0.1:{PORT}")]);
                command
            }
            Self::Aiortc => {
                let python = std::env::var_os("BROOKLET_PYTHON").map_or_else(peers::python, PathBuf::from);
                let mut command = Command::new(python);
                command.arg(root().join("tests/src/players/echo.py")).arg(PORT.to_string());
                command
            }
        };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = command.spawn().map_err(|error| format!("a server: {error}"))?;
        let done = await_port(&mut server).and_then(|()| work(server.id()));
        let _ = server.kill();
        let _ = server.wait();
        done
    }

    fn url(self) -> String {
        let path = if self == Self::Ours { "camera?task=none" } else { "echo" };
        format!("http://127.0.0.1:{PORT}/{path}")
    }
}

/// A film, where there is one: what is flat and still costs an encoder little.
fn film() -> Input {
    let source = clip("bigbuckbunny.mp4").map_or_else(
        || "-f lavfi -i testsrc2=size=640x480:rate=25,noise=alls=8:allf=t".to_string(),
        |clip| format!("-i {}", clip.display()),
    );
    let line = format!("{source} -an -t 4.8 -vf scale=640:480 -r 25 -pix_fmt yuv420p -f rawvideo");
    ("browser.yuv", words(&line))
}

fn crowd(server: Server, id: u32, sessions: usize, film: &str, folder: &Path) -> Outcome<Turn> {
    let mut command = Command::new(target().join("debug/cameras"));
    command.arg(server.url()).arg(sessions.to_string()).arg(SECONDS.to_string()).arg(folder.join(film));
    let mut crowd = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("the crowd: {error}"))?;
    let mut lines = BufReader::new(crowd.stdout.take().ok_or("no output of the crowd")?).lines();
    let mut line = || lines.next().and_then(Result::ok).ok_or("the crowd went away".to_string());
    // One line when all have seen something, and one when they have seen enough.
    line()?;
    let (before, from) = (cpu(id), Instant::now());
    let told = line()?;
    let cpu = (cpu(id) - before) / from.elapsed().as_secs_f64();
    let _ = crowd.wait();
    let told: Value =
        serde_json::from_str(&told).map_err(|error| format!("the crowd said {told}: {error}"))?;
    let least = |name: &str| {
        let each = told[name].as_array().into_iter().flatten().filter_map(Value::as_f64);
        each.fold(f64::INFINITY, f64::min)
    };
    let number = |name: &str| told[name].as_f64().unwrap_or(f64::NAN);
    let kilobits = least("bits") / 1_000.0;
    Ok(Turn { cpu, pictures: least("pictures"), kilobits, median: number("median"), p95: number("p95") })
}

fn browser(server: Server) -> Outcome<Value> {
    let modules = std::env::var_os("BROOKLET_NODE_MODULES").map(PathBuf::from);
    let modules = modules.unwrap_or_else(|| target().join("peers/npm/node_modules"));
    let mut node = Command::new("node");
    node.arg(root().join("tests/src/browser/echo.js"))
        .arg(modules)
        .arg(server.url())
        .arg(SECONDS.to_string());
    let output = node.stderr(Stdio::inherit()).output().map_err(|error| format!("node: {error}"))?;
    serde_json::from_slice(&output.stdout).map_err(|error| format!("the browser said nothing: {error}"))
}

fn await_port(server: &mut Child) -> Outcome {
    let until = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(("127.0.0.1", PORT)).is_err() {
        if Instant::now() > until || !matches!(server.try_wait(), Ok(None)) {
            return Err("a server did not start".into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// CPU seconds of a process so far.
fn cpu(id: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS
}
