//! Listeners per core: a broadcast of ours and Icecast2 under the same crowd, one after the other, from the same MP3 frames.
//!
//! The crowd (`crates/server/examples/listeners.rs`) comes, and every listener must get the sound at its rate: one that gets less is an
//! error. CPU time and memory are those of the server's process, from `/proc`, over the time after all have come. Icecast gets the
//! stream from ffmpeg, whose work is not counted; ours reads and paces the file itself, which is.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::cases::{Input, words};
use super::prepare;
use crate::shell::{Outcome, cargo, run as run_command, target};

/// The name that `cargo xtask bench` takes.
pub(super) const NAME: &str = "listeners";
const CROWDS: [usize; 3] = [1, 250, 1_000];
/// How long is measured.
const SECONDS: u64 = 20;
const PORT: u16 = 19_480;
/// Clock ticks in a second, as `/proc` counts CPU time on every Linux.
const TICKS: f64 = 100.0;
/// Descriptors that server and crowd need each.
const DESCRIPTORS: usize = 4_096;

/// What a server used.
#[derive(Clone, Copy)]
struct Use {
    cpu: f64,
    kilobytes: f64,
}

/// Prints a table.
pub(super) fn run(program: &Path, folder: &Path) -> Outcome {
    if !Path::new("/usr/bin/icecast2").exists() {
        return Err("it needs icecast2: cargo xtask peers".into());
    }
    run_command(&mut cargo([
        "build",
        "--release",
        "--package",
        "brooklet-server",
        "--example",
        "listeners",
    ]))?;
    let song = clip();
    prepare(&song, folder)?;
    println!("\nMP3 at 128 kbit/s on the loopback, {SECONDS} s\n");
    println!(
        "| listeners | ours, CPU ms/s | Icecast2 | ratio | ours, MB | Icecast2 | ratio | ours, kB each | Icecast2 |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut alone = None;
    for listeners in CROWDS {
        let ours = measure_ours(program, song.0, listeners, folder)?;
        let theirs = measure_icecast(song.0, listeners, folder)?;
        let (base_ours, base_theirs) = *alone.get_or_insert((ours, theirs));
        let each = |now: Use, base: Use| (now.kilobytes - base.kilobytes) / (listeners.max(2) - 1) as f64;
        println!(
            "| {listeners} | {:.1} | {:.1} | {:.2} | {:.1} | {:.1} | {:.2} | {:.1} | {:.1} |",
            ours.cpu * 1_000.0,
            theirs.cpu * 1_000.0,
            ours.cpu / theirs.cpu.max(0.001),
            ours.kilobytes / 1_024.0,
            theirs.kilobytes / 1_024.0,
            ours.kilobytes / theirs.kilobytes,
            each(ours, base_ours),
            each(theirs, base_theirs),
        );
    }
    Ok(())
}

fn clip() -> Input {
    let line = "-f lavfi -i sine=frequency=440:sample_rate=44100 -t 120 -ac 2 -b:a 128k -write_xing 0 -id3v2_version 0";
    ("listeners.mp3", words(line))
}

fn measure_ours(program: &Path, song: &str, listeners: usize, folder: &Path) -> Outcome<Use> {
    let url = format!("http://127.0.0.1:{PORT}/stream.mp3");
    let words = [
        "-v",
        "error",
        "-stream_loop",
        "-1",
        "-re",
        "-i",
        song,
        "-c",
        "copy",
        "-f",
        "mp3",
        "-listen",
        "1",
        &url,
    ];
    let mut server = limited(program, &words, folder)?;
    let used = await_port(&mut server).and_then(|()| crowd(&server, &url, listeners));
    end(&mut server);
    used
}

fn measure_icecast(song: &str, listeners: usize, folder: &Path) -> Outcome<Use> {
    let config = folder.join("icecast.xml");
    let user = "<changeowner><user>nobody</user><group>nogroup</group></changeowner>";
    let text = format!(
        "<icecast><hostname>127.0.0.1</hostname><location>x</location><admin>x@localhost</admin>
         <limits><clients>2100</clients><sources>2</sources><queue-size>524288</queue-size><burst-size>150000</burst-size></limits>
         <authentication><source-password>hackme</source-password><admin-user>a</admin-user><admin-password>b</admin-password></authentication>
         <listen-socket><port>{PORT}</port><bind-address>127.0.0.1</bind-address></listen-socket>
         <paths><basedir>/usr/share/icecast2</basedir><logdir>/tmp</logdir><webroot>/usr/share/icecast2/web</webroot>
         <adminroot>/usr/share/icecast2/admin</adminroot></paths>
         <logging><accesslog>-</accesslog><errorlog>-</errorlog><loglevel>1</loglevel></logging>
         <security><chroot>0</chroot>{user}</security></icecast>"
    );
    std::fs::write(&config, text).map_err(|error| format!("{}: {error}", config.display()))?;
    let config = config.display().to_string();
    let mut server = limited(Path::new("icecast2"), &["-c", &config], folder)?;
    let used = await_port(&mut server).and_then(|()| {
        let to = format!("icecast://source:hackme@127.0.0.1:{PORT}/stream.mp3");
        let words = [
            "-v",
            "error",
            "-stream_loop",
            "-1",
            "-re",
            "-i",
            song,
            "-c",
            "copy",
            "-write_xing",
            "0",
            "-f",
            "mp3",
            &to,
        ];
        let mut source = limited(Path::new("ffmpeg"), &words, folder)?;
        thread::sleep(Duration::from_secs(2));
        let used = crowd(&server, &format!("http://127.0.0.1:{PORT}/stream.mp3"), listeners);
        end(&mut source);
        used
    });
    end(&mut server);
    used
}

/// Lets so many listen, and measures the server once all have come.
fn crowd(server: &Child, url: &str, listeners: usize) -> Outcome<Use> {
    let crowd = target().join("release/examples/listeners");
    let words = [url.to_string(), listeners.to_string(), SECONDS.to_string()];
    let mut crowd = limited(&crowd, &words.iter().map(String::as_str).collect::<Vec<_>>(), Path::new("."))?;
    let mut lines = BufReader::new(crowd.stdout.take().ok_or("no output of the crowd")?).lines();
    let mut line = || lines.next().and_then(Result::ok).ok_or("the crowd went away".to_string());
    // One line when all have come, and one when they have listened.
    line()?;
    let before = cpu(server.id());
    let from = Instant::now();
    let heard = line()?;
    let used = Use {
        cpu: (cpu(server.id()) - before) / from.elapsed().as_secs_f64(),
        kilobytes: memory(server.id()),
    };
    let ended = crowd.wait().map_err(|error| format!("the crowd: {error}"))?;
    if ended.success() { Ok(used) } else { Err(format!("not all heard all of {url}: {heard}")) }
}

fn limited(program: &Path, words: &[&str], folder: &Path) -> Outcome<Child> {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -n {DESCRIPTORS}; exec \"$@\""), "sh"]).arg(program).args(words);
    shell.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    shell.spawn().map_err(|error| format!("{}: {error}", program.display()))
}

fn await_port(server: &mut Child) -> Outcome {
    let until = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(("127.0.0.1", PORT)).is_err() {
        if Instant::now() > until || !matches!(server.try_wait(), Ok(None)) {
            return Err("a server did not start".into());
        }
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_secs(12));
    Ok(())
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// CPU seconds of a process so far.
fn cpu(id: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>()
        / TICKS
}

/// Proportional set size, kB.
fn memory(id: u32) -> f64 {
    let rollup = std::fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0.0)
}
