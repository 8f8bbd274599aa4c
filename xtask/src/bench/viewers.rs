//! Viewers per core: `brooklet serve` and nginx-rtmp under the same crowd, one after the other.
//!
//! The crowd (`crates/brooklet/examples/viewers.rs`) joins, then ffmpeg publishes, so that every viewer must get every
//! picture and sound; one that does not is an error. CPU time and memory are those of the server's process, from
//! `/proc`, between the moment before ffmpeg starts and the one after it ends.
//!
//! It runs in a network of its own whose packets have 1,500 bytes, where the system allows that (`unshare`, as root). On
//! the plain loopback a packet has 64 KiB and no write fills one: Nagle's algorithm, which nginx leaves on, then holds
//! every write back until the last is acknowledged, and sends them in a timer's time rather than in nginx's own.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::cases::{Input, words};
use super::prepare;
use crate::shell::{Outcome, cargo, run as run_command, succeeds, target};

/// The name that `cargo xtask bench` takes.
pub(super) const NAME: &str = "viewers";
const CROWDS: [usize; 4] = [100, 500, 1_000, 2_000];
const TURNS: usize = 2;
/// How long the stream is published.
const SECONDS: u64 = 20;
const PORT: u16 = 19_468;
const MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";
/// Clock ticks in a second, as `/proc` counts CPU time on every Linux.
const TICKS: f64 = 100.0;
/// Descriptors that server and crowd need each.
const DESCRIPTORS: usize = 4_096;

/// What a server used for each viewer.
#[derive(Clone, Copy)]
struct Cost {
    /// CPU milliseconds in a second.
    millis: f64,
    /// Proportional set size, kB, more than without viewers.
    kilobytes: f64,
}

impl Cost {
    const WORST: Self = Self { millis: f64::INFINITY, kilobytes: f64::INFINITY };

    fn least(self, other: Self) -> Self {
        Self { millis: self.millis.min(other.millis), kilobytes: self.kilobytes.min(other.kilobytes) }
    }
}

/// Prints a table; in a network of its own where that can be had.
pub(super) fn run(program: &Path, folder: &Path) -> Outcome {
    if !Path::new(MODULE).exists() {
        return Err("it needs nginx with libnginx-mod-rtmp: cargo xtask peers".into());
    }
    run_command(&mut cargo(["build", "--release", "--package", "brooklet", "--example", "viewers"]))?;
    prepare(&clip(), folder)?;
    let own_network = succeeds(Command::new("unshare").args(["--net", "true"]));
    let packets =
        if own_network { "packets of 1,500 bytes" } else { "the plain loopback, packets of 64 KiB" };
    println!("\nOne stream of 600 kbit/s (H.264 at 25 fps, AAC), {SECONDS} s; {packets}\n");
    println!("| viewers | ours, CPU ms/s each | nginx-rtmp | ratio | ours, kB each | nginx-rtmp | ratio |");
    println!("|---|---|---|---|---|---|---|");
    for viewers in CROWDS {
        let (ours, theirs) = compare(program, viewers, folder, own_network)?;
        println!(
            "| {viewers} | {:.3} | {:.3} | {:.2} | {:.1} | {:.1} | {:.2} |",
            ours.millis,
            theirs.millis,
            ours.millis / theirs.millis,
            ours.kilobytes,
            theirs.kilobytes,
            ours.kilobytes / theirs.kilobytes,
        );
    }
    Ok(())
}

/// Both in turns; the least of each counts, for noise only adds.
fn compare(program: &Path, viewers: usize, folder: &Path, own_network: bool) -> Outcome<(Cost, Cost)> {
    let (mut all_ours, mut all_theirs) = (Cost::WORST, Cost::WORST);
    for _ in 0..TURNS {
        all_ours = all_ours.least(cost(&ours(program), viewers, folder, own_network)?);
        all_theirs = all_theirs.least(cost(&nginx(folder)?, viewers, folder, own_network)?);
    }
    Ok((all_ours, all_theirs))
}

/// Runs a server, a crowd and a publisher.
fn cost(server: &[String], viewers: usize, folder: &Path, own_network: bool) -> Outcome<Cost> {
    let network = if own_network { Some(Network::make()?) } else { None };
    let start = |line: &[String]| start(line, folder, network.as_ref());
    let mut server = start(server)?;
    thread::sleep(Duration::from_secs(1));
    let before = memory(server.id())?;
    let url = format!("rtmp://127.0.0.1:{PORT}/live/app");
    let crowd = target().join("release/examples/viewers").display().to_string();
    let mut crowd = start(&[crowd, url.clone(), viewers.to_string()])?;
    let mut said = BufReader::new(crowd.take_output()?);
    let mut line = String::new();
    said.read_line(&mut line).map_err(|error| format!("viewers: {error}"))?;
    if line.trim() != "ready" {
        return Err(format!("the crowd is not ready: {line}"));
    }
    let started = cpu(server.id())?;
    let mut ffmpeg = words("ffmpeg -nostdin -v error -re -i viewers.flv -c copy -f flv");
    ffmpeg.push(url);
    let mut publisher = start(&ffmpeg)?;
    thread::sleep(Duration::from_secs(SECONDS - 2));
    let kilobytes = (memory(server.id())? - before) / viewers as f64;
    publisher.wait()?;
    let millis = (cpu(server.id())? - started) * 1_000.0 / SECONDS as f64 / viewers as f64;
    let mut counts = String::new();
    said.read_to_string(&mut counts).map_err(|error| format!("viewers: {error}"))?;
    crowd.wait()?;
    server.interrupt();
    // Pictures and sounds of the clip, its headers and its end beside them.
    let all_the_same = counts.lines().count() == 1 && counts.starts_with(&format!("{viewers} "));
    let pictures = counts.split_whitespace().nth(1).and_then(|count| count.parse().ok()).unwrap_or(0);
    if !all_the_same || pictures < SECONDS * 25 {
        return Err(format!(
            "not all viewers got the whole stream (viewers, pictures, sounds, bytes):\n{counts}"
        ));
    }
    Ok(Cost { millis, kilobytes })
}

fn ours(program: &Path) -> Vec<String> {
    let mut line = vec![program.display().to_string()];
    line.extend(words(&format!(
        "serve -v error -nostdin -rtmp 127.0.0.1:{PORT} -wait 300 -max_connections_per_address {DESCRIPTORS}"
    )));
    line
}

fn nginx(folder: &Path) -> Outcome<Vec<String>> {
    let (place, config) = (folder.join("nginx"), folder.join("nginx/nginx.conf"));
    let failed = |error| format!("{}: {error}", place.display());
    std::fs::create_dir_all(&place).map_err(failed)?;
    let text = format!(
        "load_module {MODULE};
         daemon off; master_process off; worker_processes 1; worker_rlimit_nofile {DESCRIPTORS};
         pid {0}/pid; error_log {0}/log error;
         events {{ worker_connections {DESCRIPTORS}; }}
         rtmp {{ access_log off; server {{ listen 127.0.0.1:{PORT}; application live {{ live on; }} }} }}",
        place.display()
    );
    std::fs::write(&config, text).map_err(failed)?;
    let (place, config) = (place.display().to_string(), config.display().to_string());
    Ok(["nginx", "-p", &place, "-c", &config].map(String::from).to_vec())
}

/// 600 kbit/s: pictures at a constant 504, sound at 96; a key frame every two seconds.
fn clip() -> Input {
    let line = format!(
        "-f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000 -t {SECONDS} \
         -c:v libx264 -preset veryfast -b:v 504k -maxrate 504k -bufsize 504k -nal-hrd cbr -g 50 -bf 0 \
         -pix_fmt yuv420p -c:a aac -b:a 96k"
    );
    ("viewers.flv", words(&line))
}

/// Starts a program in the network, with as many descriptors as it needs. A shell sets the limit and becomes the program.
fn start(line: &[String], folder: &Path, network: Option<&Network>) -> Outcome<Process> {
    let limit = format!("ulimit -n {DESCRIPTORS}; exec \"$@\"");
    let mut command = match network {
        Some(network) => network.enter(),
        None => Command::new("sh"),
    };
    if network.is_some() {
        command.arg("sh");
    }
    command.args(["-c", &limit, "sh"]).args(line).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let child = command.spawn().map_err(|error| format!("{}: {error}", line.join(" ")))?;
    Ok(Process { child, line: line.join(" ") })
}

/// A program that is ended with this.
struct Process {
    child: Child,
    line: String,
}

impl Process {
    fn id(&self) -> u32 {
        self.child.id()
    }

    fn take_output(&mut self) -> Outcome<ChildStdout> {
        self.child.stdout.take().ok_or_else(|| format!("{}: no output", self.line))
    }

    fn wait(&mut self) -> Outcome {
        let status = self.child.wait().map_err(|error| format!("{}: {error}", self.line))?;
        if status.success() { Ok(()) } else { Err(format!("{}: {status}", self.line)) }
    }

    fn interrupt(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A network of its own: nothing but a loopback with packets as on an Ethernet. It lives as long as a process in it.
struct Network {
    holder: Process,
}

impl Network {
    fn make() -> Outcome<Self> {
        let script = "ip link set lo mtu 1500 up && echo up && exec sleep 3600";
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", script]).stdin(Stdio::null()).stdout(Stdio::piped());
        let child = command.spawn().map_err(|error| format!("unshare: {error}"))?;
        let mut holder = Process { child, line: "unshare".into() };
        let mut said = String::new();
        BufReader::new(holder.take_output()?)
            .read_line(&mut said)
            .map_err(|error| format!("unshare: {error}"))?;
        if said.trim() == "up" {
            Ok(Self { holder })
        } else {
            Err("ip link set lo mtu 1500 up: it failed".into())
        }
    }

    fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.holder.id()));
        command
    }
}

/// User and system time so far, seconds.
fn cpu(id: u32) -> Outcome<f64> {
    let path = PathBuf::from(format!("/proc/{id}/stat"));
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    // Behind the name, which may have spaces in it, user and system time are the twelfth and thirteenth field.
    let fields = text.rsplit_once(") ").map_or("", |(_, fields)| fields).split_whitespace();
    Ok(fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / TICKS)
}

/// Proportional set size, kB.
fn memory(id: u32) -> Outcome<f64> {
    let path = PathBuf::from(format!("/proc/{id}/smaps_rollup"));
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let size = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    size.ok_or_else(|| format!("{}: no Pss", path.display()))
}
