//! What nobody should send: while a voice comes by RTP, floods of strangers, jumps under its own name, and what is no RTP. The
//! voice is heard all the same, and memory does not grow.

use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use brooklet_tests::program::{DEADLINE, Running, brooklet};
use brooklet_tests::servers::{await_udp, free_rtp_port};
use brooklet_tests::{clips, sound};

/// Samples in a second, in packets of 10 ms, for so many packets.
const RATE: u32 = 44_100;
const SAMPLES: usize = 441;
const PACKETS: u32 = 400;
/// The voice's name.
const SSRC: u32 = 7;

/// One channel of L16 at 44.1 kHz, which is payload type 11 wherever nothing is said.
fn packet(ssrc: u32, sequence: u32, timestamp: u32, samples: &[i16]) -> Vec<u8> {
    let mut packet = vec![0x80, 11];
    packet.extend((sequence as u16).to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend(samples.iter().flat_map(|sample| sample.to_be_bytes()));
    packet
}

/// A glide from 300 Hz to 2 kHz.
fn voice() -> Vec<i16> {
    let total = SAMPLES * PACKETS as usize;
    let mut phase = 0.0f64;
    let sample = |n: usize| {
        phase += std::f64::consts::TAU * (300.0 + 1_700.0 * n as f64 / total as f64) / f64::from(RATE);
        (phase.sin() * 12_000.0) as i16
    };
    (0..total).map(sample).collect()
}

/// What comes with packet `number` of the voice, to its port and to the one of RTCP.
fn hostile(number: u32) -> [Vec<Vec<u8>>; 2] {
    let noise = [0x5555i16; SAMPLES];
    let mut media: Vec<Vec<u8>> =
        (0..40).map(|name| packet(1_000 + number * 40 + name, number, name * 77, &noise)).collect();
    // Each under its own name, but far from where it is; never two that agree.
    if number % 20 == 10 {
        media.push(packet(
            SSRC,
            number.wrapping_mul(0x9E37) ^ 0x4000,
            number.wrapping_mul(0x9E37_79B9),
            &noise,
        ));
    }
    media.push(packet(SSRC, number, 0, &noise)[..number as usize % 12].to_vec());
    if number.is_multiple_of(10) {
        // The largest that there is; and lists and padding that are longer than the packet.
        media.push(packet(9, number, 0, &[1; 32_000]));
        media.push([&[0x8F, 11][..], &[0; 14]].concat());
        media.push([&[0xA0, 11][..], &[0xFF; 20]].concat());
        media.push([&[0x90, 11][..], &[0xFF; 14]].concat());
    }
    // Reports that say that they are longer than they are, and goodbyes of others.
    let control = vec![
        vec![0x9F, 200, 0xFF, 0xFF, 1, 2, 3],
        [&[0x81, 203, 0, 1][..], &(number + 50).to_be_bytes()].concat(),
        vec![0x80; number as usize % 40],
    ];
    [media, control]
}

fn receiver(port: u16, out: &Path) -> Command {
    let mut command = brooklet();
    let from = format!("rtp://127.0.0.1:{port}?timeout=1500000");
    command.args(["-v", "error", "-buffer", "100ms", "-i", &from]).arg(out);
    command
}

#[test]
fn a_voice_among_hostile_packets_is_heard_and_memory_does_not_grow() {
    let folder = clips::scratch();
    let (out, port) = (folder.path().join("out.wav"), free_rtp_port());
    let receiver = Running::start(&mut receiver(port, &out));
    await_udp(port);
    let (socket, sent) = (UdpSocket::bind("127.0.0.1:0").unwrap(), voice());
    let begin = Instant::now();
    for (number, samples) in (0..PACKETS).zip(sent.chunks(SAMPLES)) {
        thread::sleep((begin + Duration::from_millis(10) * number).saturating_duration_since(Instant::now()));
        let voice = packet(SSRC, number, number * SAMPLES as u32, samples);
        socket.send_to(&voice, ("127.0.0.1", port)).unwrap();
        // The voice is there before those who would be it.
        if number > 50 {
            for (datagrams, port) in hostile(number).iter().zip([port, port + 1]) {
                for datagram in datagrams {
                    let _ = socket.send_to(datagram, ("127.0.0.1", port));
                }
            }
        }
    }
    let run = receiver.finish(DEADLINE).expect_success();
    assert!(run.peak_memory < 200 << 20, "{} bytes", run.peak_memory);
    let bytes = std::fs::read(&out).unwrap();
    let received = sound::of_s16le(&bytes[44..]);
    let seconds = received.len() as f64 / f64::from(RATE);
    assert!((3.0..6.0).contains(&seconds), "{seconds} s: {}", run.stderr);
    let sent: Vec<f32> = sent.into_iter().map(|sample| f32::from(sample) / 32_768.0).collect();
    let alike = sound::likeness(&sent, &received, RATE);
    assert!(alike > 0.85, "{alike} of it is the voice: {}", run.stderr);
}
