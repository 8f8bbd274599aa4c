//! How late a picture is that a script has changed: from its own making, through a server, the script, and the server
//! again, to its arrival; with our program at both of the script's pipes, and with ffmpeg.
//!
//! Each picture carries its number as black and white blocks, which both encoders let through.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::peers;
use crate::shell::{Outcome, root};

/// The name that `cargo xtask bench` takes.
pub(super) const NAME: &str = "delay";

const PORT: u16 = 19_468;
const WIDTH: usize = 320;
const HEIGHT: usize = 180;
/// Pictures in a second.
const RATE: u64 = 25;
/// How long each program is looked at.
const SECONDS: u64 = 40;
/// How late the last picture may be.
const LATEST: Duration = Duration::from_secs(10);
/// Bits of a picture's number, and the side of their blocks.
const BITS: usize = 16;
const BLOCK: usize = WIDTH / BITS;

/// Prints a table of delays.
pub(super) fn run(program: &Path, folder: &Path) -> Outcome {
    let python = peers::python();
    if !python.exists() {
        return Err("the delay through a script needs Python with numpy: cargo xtask peers".into());
    }
    println!(
        "\n| 320x180 through a server, a Python script and the server again | pictures | first 10 s, ms | last 10 s, ms | 95 %, ms |"
    );
    println!("|---|---|---|---|---|");
    for (who, at_pipes) in [("ours", program), ("ffmpeg", Path::new("ffmpeg"))] {
        let delays = delays(program, at_pipes, &python, folder)?;
        let ten = (10 * RATE) as usize;
        let (first, last) = (&delays[..ten.min(delays.len())], &delays[delays.len().saturating_sub(ten)..]);
        println!(
            "| {who} at both pipes | {} | {:.0} | {:.0} | {:.0} |",
            delays.len(),
            percentile(first, 50),
            percentile(last, 50),
            percentile(&delays, 95)
        );
    }
    Ok(())
}

/// Milliseconds that each picture took, in the order of arrival.
fn delays(program: &Path, at_pipes: &Path, python: &Path, folder: &Path) -> Outcome<Vec<f64>> {
    let server = Ended(nginx(folder)?);
    let url = |name: &str| format!("rtmp://127.0.0.1:{PORT}/live/{name}");
    let receive = format!("-v error -i {} -f rawvideo -fps_mode passthrough -pix_fmt gray -", url("to"));
    let mut receiver = Ended(spawn(program, &receive, Stdio::null(), Stdio::piped())?);
    let script = root().join("examples/invert.py");
    let size = format!("{WIDTH}x{HEIGHT}");
    let words = format!(
        "{} {} {} --size {size} --rate {RATE} --program {}",
        script.display(),
        url("from"),
        url("to"),
        at_pipes.display()
    );
    let _script = Ended(spawn(python, &words, Stdio::null(), Stdio::null())?);
    // Its reader is there before the first picture.
    thread::sleep(Duration::from_secs(1));
    let send = format!(
        "-v error -f rawvideo -s {size} -pix_fmt gray -r {RATE} -i - -pix_fmt yuv420p -g {RATE} -f flv {}",
        url("from")
    );
    let mut sender = Ended(spawn(program, &send, Stdio::piped(), Stdio::null())?);
    let sent = Arc::new(Mutex::new(Vec::new()));
    let (into, times) = (sender.0.stdin.take(), sent.clone());
    let sending = thread::spawn(move || {
        if let Some(into) = into {
            send_pictures(into, &times);
        }
        thread::sleep(LATEST);
        // Not every reader ends with the stream; all do with the server.
        drop(server);
    });
    let mut delays = Vec::new();
    let mut picture = vec![0; WIDTH * HEIGHT];
    let mut from = receiver.0.stdout.take().ok_or("no pipe")?;
    while from.read_exact(&mut picture).is_ok() {
        let arrived = Instant::now();
        let sent = sent.lock().map_err(|_| "a thread has failed")?;
        if let Some(made) = sent.get(number(&picture)) {
            delays.push(arrived.duration_since(*made).as_secs_f64() * 1_000.0);
        }
    }
    let _ = sending.join();
    if delays.is_empty() { Err("no picture arrived".into()) } else { Ok(delays) }
}

fn send_pictures(mut into: impl Write, times: &Mutex<Vec<Instant>>) {
    let start = Instant::now();
    for number in 0..SECONDS * RATE {
        thread::sleep((start + Duration::from_millis(number * 1_000 / RATE)).duration_since(Instant::now()));
        if let Ok(mut times) = times.lock() {
            times.push(Instant::now());
        }
        if into.write_all(&picture(number as usize)).is_err() {
            return;
        }
    }
}

/// A moving ramp, and above it the picture's number.
fn picture(number: usize) -> Vec<u8> {
    let pixel = |at: usize| {
        let (x, y) = (at % WIDTH, at / WIDTH);
        match y < BLOCK {
            true if number >> (x / BLOCK) & 1 == 1 => 235,
            true => 16,
            false => (x + y + 2 * number) as u8,
        }
    };
    (0..WIDTH * HEIGHT).map(pixel).collect()
}

/// The number of a picture that was inverted.
fn number(picture: &[u8]) -> usize {
    let middle = |bit: usize| picture[BLOCK / 2 * WIDTH + bit * BLOCK + BLOCK / 2];
    (0..BITS).filter(|bit| middle(*bit) < 128).map(|bit| 1 << bit).sum()
}

fn percentile(delays: &[f64], percent: usize) -> f64 {
    let mut sorted = delays.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
        .get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or(f64::NAN)
}

fn nginx(folder: &Path) -> Outcome<Child> {
    let home: PathBuf = folder.join("nginx");
    std::fs::create_dir_all(&home).map_err(|error| format!("{}: {error}", home.display()))?;
    let at = home.display();
    let config = format!(
        "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so; daemon off; master_process off; user root;
         pid {at}/pid; error_log {at}/log; events {{ worker_connections 64; }}
         rtmp {{ access_log off; server {{ listen 127.0.0.1:{PORT}; application live {{ live on; }} }} }}"
    );
    let path = home.join("nginx.conf");
    std::fs::write(&path, config).map_err(|error| format!("{}: {error}", path.display()))?;
    let words = format!("-p {at} -c {}", path.display());
    let child = spawn(Path::new("nginx"), &words, Stdio::null(), Stdio::null())?;
    thread::sleep(Duration::from_millis(500));
    Ok(child)
}

fn spawn(program: &Path, line: &str, input: Stdio, output: Stdio) -> Outcome<Child> {
    let mut command = Command::new(program);
    command.args(line.split_whitespace()).stdin(input).stdout(output).stderr(Stdio::null());
    command.spawn().map_err(|error| format!("{}: {error}", program.display()))
}

/// A program that ends with this.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
