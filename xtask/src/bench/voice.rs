//! Voice over a bad network, ours beside GStreamer's `rtpjitterbuffer`, on the same packets at the same times; and what senders
//! cost.

use std::io::Read;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::cases::words;
use super::measure::measure;
use crate::shell::Outcome;

/// The name that `cargo xtask bench` takes.
pub(super) const NAME: &str = "voice";
/// Packets of 20 ms: half a minute.
const PACKETS: u64 = 1_500;
const PACKET: Duration = Duration::from_millis(20);
/// Each so-manieth packet is loud, so that it is known when it is heard.
const MARK: u64 = 25;
/// Samples of a packet.
const SAMPLES: usize = 160;

/// A network.
struct Network {
    what: &'static str,
    jitter: u64,
    /// Of a thousand.
    loss: u64,
}

/// What came out of a player.
struct Heard {
    /// From when it was spoken to when it was heard, ms.
    delays: Vec<f64>,
    /// Of the time in which there should have been sound, without any, ms.
    silent: f64,
}

/// Prints two tables.
pub(super) fn run(program: &Path, folder: &Path) -> Outcome {
    println!("| PCMU by RTP, 30 s, 60 ms of buffer | delay, ms | 95 %, ms | silent, ms |");
    println!("|---|---|---|---|");
    let networks = [
        Network { what: "a good network", jitter: 2, loss: 0 },
        Network { what: "60 ms of jitter, 5 % lost", jitter: 60, loss: 50 },
        Network { what: "150 ms of jitter, 2 % lost", jitter: 150, loss: 20 },
    ];
    for (number, network) in networks.iter().enumerate() {
        let port = 38_000 + 8 * number as u16;
        let ours =
            format!("-v error -buffer 60ms -i rtp://127.0.0.1:{port}?timeout=1500000 -c copy -f s16le -");
        let gst = format!(
            "-q udpsrc port={port} caps=application/x-rtp,media=audio,clock-rate=8000,encoding-name=PCMU,payload=0 \
             ! rtpjitterbuffer latency=60 ! rtppcmudepay ! mulawdec ! fdsink sync=true"
        );
        for (who, program, line) in [("ours", program, ours), ("GStreamer", Path::new("gst-launch-1.0"), gst)]
        {
            let heard = listen(program, &line, port, network)?;
            println!("| {}: {who} | {} |", network.what, heard.row());
        }
    }
    println!();
    senders(program, folder)
}

/// What one sender costs, and ten at once: in one program, and each in its own.
fn senders(program: &Path, folder: &Path) -> Outcome {
    let [mut one, mut together, mut apart] = [f64::INFINITY; 3];
    for _ in 0..3 {
        one = one.min(measure(program, &words(&sender(0..1)), folder)?.cpu);
        together = together.min(measure(program, &words(&sender(0..10)), folder)?.cpu);
        let costs = thread::scope(|scope| {
            let begin = |number| {
                scope.spawn(move || {
                    // Each notes its cost in a folder of its own.
                    let folder = folder.join(format!("sender{number}"));
                    std::fs::create_dir_all(&folder)
                        .map_err(|error| format!("{}: {error}", folder.display()))?;
                    measure(program, &words(&sender(number..number + 1)), &folder).map(|cost| cost.cpu)
                })
            };
            let running: Vec<_> = (0..10).map(begin).collect();
            let ended = running.into_iter().map(|sender| sender.join().map_err(|_| "a sender failed")?);
            ended.sum::<Outcome<f64>>()
        })?;
        apart = apart.min(costs);
    }
    println!("| senders of PCMU, 10 s | CPU s | for each | of ten times one |");
    println!("|---|---|---|---|");
    for (what, count, cost) in
        [("1", 1.0, one), ("10 in one program", 10.0, together), ("10 programs at once", 10.0, apart)]
    {
        println!("| {what} | {cost:.2} | {:.3} | {:.2} |", cost / count, cost / count / one);
    }
    println!();
    Ok(())
}

/// The words of a program that sends to so many.
fn sender(numbers: std::ops::Range<u16>) -> String {
    let mut line =
        String::from("-v error -nostdin -re -f lavfi -i sine=frequency=440:sample_rate=8000 -t 10");
    for number in numbers {
        line += &format!(" -c:a pcm_mulaw -t 10 -f rtp rtp://127.0.0.1:{}", 39_000 + 4 * number);
    }
    line
}

/// Plays the trace of a network to a program, and hears what it makes of it.
fn listen(program: &Path, line: &str, port: u16, network: &Network) -> Outcome<Heard> {
    let mut command = Command::new(program);
    command.args(words(line)).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut player = command.spawn().map_err(|error| format!("{}: {error}", program.display()))?;
    let stdout = player.stdout.take().ok_or("no output")?;
    let reader = thread::spawn(move || read(stdout));
    // It is known to listen when its port is taken.
    let begun = Instant::now();
    while UdpSocket::bind(("127.0.0.1", port)).is_ok() {
        if begun.elapsed() > Duration::from_secs(20) {
            return Err(format!("{} does not listen", program.display()));
        }
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_millis(200));
    let start = send(port, network)?;
    thread::sleep(Duration::from_secs(1));
    end(&mut player);
    let pieces = reader.join().map_err(|_| "the reader failed")?;
    Ok(judge(&pieces, start))
}

fn end(player: &mut Child) {
    let _ = Command::new("kill").arg("-INT").arg(player.id().to_string()).status();
    let asked = Instant::now();
    while asked.elapsed() < Duration::from_secs(5) {
        if matches!(player.try_wait(), Ok(Some(_))) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    let _ = player.kill();
    let _ = player.wait();
}

/// All that comes, with the time at which it came.
fn read(mut from: impl Read) -> Vec<(Instant, Vec<u8>)> {
    let (mut pieces, mut buffer) = (Vec::new(), [0; 4_096]);
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        pieces.push((Instant::now(), buffer[..count].to_vec()));
    }
    pieces
}

/// Sends all packets when the network lets them go; says when the first was spoken.
fn send(port: u16, network: &Network) -> Outcome<Instant> {
    let mut chance = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = |most: u64| {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        chance % most.max(1)
    };
    let mut trace = Vec::new();
    for number in 0..PACKETS {
        let late = Duration::from_micros(next(network.jitter * 1_000));
        // A mark that is lost would say nothing.
        if next(1_000) >= network.loss || number.is_multiple_of(MARK) {
            trace.push((PACKET * number as u32 + late, number));
        }
    }
    trace.sort_unstable();
    let socket = UdpSocket::bind("127.0.0.1:0").map_err(|error| format!("no socket: {error}"))?;
    let start = Instant::now() + Duration::from_millis(50);
    for (due, number) in trace {
        thread::sleep((start + due).saturating_duration_since(Instant::now()));
        socket
            .send_to(&packet(number), ("127.0.0.1", port))
            .map_err(|error| format!("cannot send: {error}"))?;
    }
    Ok(start)
}

/// A packet of a tone at 400 Hz, whose period is a whole number of samples.
fn packet(number: u64) -> Vec<u8> {
    let mut bytes = vec![0x80, 0];
    bytes.extend((number as u16).to_be_bytes());
    bytes.extend((number as u32 * SAMPLES as u32).to_be_bytes());
    bytes.extend(7u32.to_be_bytes());
    let loudness = if number.is_multiple_of(MARK) { 24_000.0 } else { 4_000.0 };
    bytes.extend(
        (0..SAMPLES).map(|n| mulaw(((n as f64 / 20.0 * std::f64::consts::TAU).sin() * loudness) as i32)),
    );
    bytes
}

/// ITU-T G.711.
fn mulaw(sample: i32) -> u8 {
    let (sign, magnitude) = if sample < 0 { (0x80, -sample) } else { (0, sample) };
    let biased = magnitude.min(32_635) + 132;
    let exponent = (24 - biased.leading_zeros() as i32).clamp(0, 7);
    let mantissa = biased >> (exponent + 3) & 0x0F;
    !(sign | exponent << 4 | mantissa) as u8
}

fn judge(pieces: &[(Instant, Vec<u8>)], start: Instant) -> Heard {
    let mut heard = Heard { delays: Vec::new(), silent: 0.0 };
    let (mut quiet, mut samples, mut first) = (0usize, Vec::new(), None);
    for (at, bytes) in pieces {
        for byte in bytes {
            // A pipe cuts where it likes.
            let Some(low) = first.take() else {
                first = Some(*byte);
                continue;
            };
            let sample = i16::from_le_bytes([low, *byte]);
            samples.push(sample);
            if sample.unsigned_abs() > 12_000 {
                if quiet > 2_000 {
                    let since = at.saturating_duration_since(start).as_secs_f64() * 1e3;
                    heard.delays.push(since % (MARK as f64 * 20.0));
                }
                quiet = 0;
            } else {
                quiet += 1;
            }
        }
    }
    let loud = |window: &&[i16]| window.iter().any(|sample| sample.unsigned_abs() > 300);
    let with_sound = samples.chunks(40).filter(loud).count() as f64 * 5.0;
    heard.silent = (PACKETS as f64 * 20.0 - with_sound).max(0.0);
    heard
}

impl Heard {
    fn row(&self) -> String {
        let mut sorted = self.delays.clone();
        sorted.sort_by(f64::total_cmp);
        let mean = sorted.iter().sum::<f64>() / sorted.len().max(1) as f64;
        let late = sorted.get(sorted.len() * 95 / 100).copied().unwrap_or(0.0);
        format!("{mean:.0} | {late:.0} | {:.0}", self.silent)
    }
}
