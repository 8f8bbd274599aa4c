//! Where voice comes from and how it is cut: a pipe that is filled as time passes, a microphone, something generated; and a
//! speaker that plays it live.

use std::io::Write;
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use brooklet_tests::program::{DEADLINE, Running, brooklet};
use brooklet_tests::servers::{await_udp, free_rtp_port};
use brooklet_tests::sound_server::{RATE, Sound, SoundServer};
use brooklet_tests::{clips, peers, sound};

fn words(line: &str) -> Command {
    let mut command = brooklet();
    command.args(line.split_whitespace());
    command
}

/// A port of the test's own.
fn ear() -> (UdpSocket, u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

/// So many datagrams, or as many as come before a second of silence.
fn datagrams(socket: &UdpSocket, most: usize) -> Vec<Vec<u8>> {
    let (mut all, mut buffer) = (Vec::new(), [0; 2_000]);
    while all.len() < most {
        let Ok(count) = socket.recv(&mut buffer) else { break };
        all.push(buffer[..count].to_vec());
        socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    }
    all
}

#[test]
fn a_pipe_that_is_filled_as_time_passes_is_sent_as_it_comes() {
    let (socket, port) = ear();
    let line =
        format!("-v error -f s16le -ar 8000 -ac 1 -i pipe: -f s16le udp://127.0.0.1:{port}?pkt_size=320");
    let mut sender = Running::start_with(words(&line).stdin(Stdio::piped()));
    let mut pipe = sender.stdin().unwrap();
    let bytes: Vec<u8> = (0..16_000u32).map(|n| (n * 7) as u8).collect();
    let begin = Instant::now();
    let (sent, first) = (bytes.clone(), begin);
    let feeder = thread::spawn(move || {
        // Pieces that are no whole datagrams, each when its last sample has been spoken.
        let mut done = 0;
        for piece in sent.chunks(250) {
            done += piece.len();
            let due = first + Duration::from_micros(done as u64 * 1_000_000 / 16_000);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            pipe.write_all(piece).unwrap();
        }
    });
    let come = datagrams(&socket, 50);
    let took = begin.elapsed().as_secs_f64();
    feeder.join().unwrap();
    sender.finish(DEADLINE).expect_success();
    assert!(come.iter().all(|datagram| datagram.len() == 320));
    assert_eq!(come.concat(), bytes);
    // A second of sound, and not much more than the time in which the program starts.
    assert!((0.9..10.0).contains(&took), "{took} s");
}

#[test]
fn packets_are_as_long_as_ptime_says() {
    for (encoder, rate, query, bytes, step) in [
        ("pcm_mulaw", 8_000, "", 160, 160),
        ("pcm_alaw", 8_000, "?ptime=40", 320, 320),
        ("pcm_s16be", 48_000, "?ptime=5", 480, 240),
        ("g722", 16_000, "", 160, 160),
        ("g722", 16_000, "?ptime=10", 80, 80),
    ] {
        let (socket, port) = ear();
        let line = format!(
            "-v error -f lavfi -i sine=frequency=500:sample_rate={rate}:duration=0.4 -c:a {encoder} -f rtp rtp://127.0.0.1:{port}{query}"
        );
        let sender = Running::start(&mut words(&line));
        let come = datagrams(&socket, usize::MAX);
        sender.finish(DEADLINE).expect_success();
        let what = format!("{encoder}{query}");
        let whole = 400 * rate as usize / 1_000 * if encoder == "pcm_s16be" { 2 } else { 1 };
        let total: usize = come.iter().map(|packet| packet.len() - 12).sum();
        // G.722 has two samples in a byte, and what its filters hold behind them.
        assert_eq!(total, if encoder == "g722" { whole / 2 + 11 } else { whole }, "{what}");
        let (last, all) = come.split_last().unwrap();
        assert!(all.iter().all(|packet| packet.len() == 12 + bytes) && last.len() <= 12 + bytes, "{what}");
        let at = |packet: &[u8]| u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        assert!(come.windows(2).all(|pair| at(&pair[1]).wrapping_sub(at(&pair[0])) == step), "{what}");
    }
}

#[test]
fn a_length_that_can_not_be_is_refused_in_one_line() {
    for (encoder, query, said) in [
        ("pcm_s16be", "?ptime=40", "40 ms of L16/48000 are 3840 bytes where a packet has room for 1460"),
        ("libopus", "?ptime=10", "of Opus -frame_duration"),
        ("pcm_s16be", "?ptime=0", "ptime is not 1 to 200 ms"),
    ] {
        let line = format!(
            "-v error -f lavfi -i sine=sample_rate=48000:duration=0.1 -c:a {encoder} -f rtp rtp://127.0.0.1:9{query}"
        );
        let run = Running::start(&mut words(&line)).finish(DEADLINE);
        let lines = run.stderr.lines().count();
        assert!(!run.status.success() && lines == 1 && run.stderr.contains(said), "{}", run.stderr);
    }
}

#[test]
fn a_microphone_is_heard_at_the_other_end() {
    let Some(server) = peers::pulseaudio().map(|()| SoundServer::start()) else { return };
    let folder = clips::scratch();
    let tone = folder.path().join("tone.raw");
    let sample = |n: usize| ((n as f64 * 700.0 / 48_000.0 * std::f64::consts::TAU).sin() * 16_384.0) as i16;
    let bytes = (0..48_000 * 60).flat_map(|n| [sample(n); 2]).flat_map(i16::to_le_bytes);
    std::fs::write(&tone, bytes.collect::<Vec<u8>>()).unwrap();
    let _feeder = server.feed(&tone);
    thread::sleep(Duration::from_millis(500));
    let (out, port) = (folder.path().join("heard.raw"), free_rtp_port());
    let line = format!(
        "-v error -buffer 200ms -i rtp://127.0.0.1:{port}?timeout=1500000 -ar 8000 -ac 1 -f s16le {}",
        out.display()
    );
    let receiver = Running::start(&mut words(&line));
    await_udp(port);
    let line = format!(
        "-v error -f pulse -i default -t 3 -ar 8000 -ac 1 -c:a pcm_mulaw -f rtp rtp://127.0.0.1:{port}"
    );
    Running::start(words(&line).envs(server.environment())).finish(DEADLINE).expect_success();
    receiver.finish(DEADLINE).expect_success();
    let heard = sound::of_s16le(&std::fs::read(&out).unwrap());
    let is_tone = |piece: &&[f32]| sound::tone(piece, 8_000, 700.0) > 0.3;
    let tenths = heard.chunks_exact(800).filter(is_tone).count();
    assert!((25..=32).contains(&tenths), "{tenths} tenths of a second of {}", heard.len() / 800);
}

#[test]
fn a_live_source_is_played_on_a_speaker() {
    let Some(server) = peers::pulseaudio().map(|()| SoundServer::start()) else { return };
    let recorder = server.record();
    let port = free_rtp_port();
    let line = format!("play -v error -nodisp rtp://127.0.0.1:{port}?timeout=2000000");
    let player = Running::start(words(&line).envs(server.environment()));
    await_udp(port);
    let line = format!(
        "-v error -re -f lavfi -i sine=frequency=600:sample_rate=8000:duration=5 -c:a pcm_mulaw -f rtp rtp://127.0.0.1:{port}"
    );
    Running::start(&mut words(&line)).finish(DEADLINE).expect_success();
    player.finish(DEADLINE).expect_success();
    let heard = recorder.finish().trimmed();
    // It may be played a little faster or slower than anybody hears, so each tenth of a second is looked at.
    let pieces = heard.left.chunks_exact(RATE as usize / 10);
    let pure = pieces.map(|piece| Sound { left: piece.to_vec(), right: Vec::new() }.purity(600.0));
    let tenths = pure.filter(|purity| *purity > 0.95).count();
    assert!((40..=51).contains(&tenths), "{tenths} of 50 tenths of {} s", heard.seconds());
}
