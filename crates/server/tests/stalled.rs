//! A listener whose socket takes nothing any more, beside one who takes all.
//!
//! Each sample of the broadcast is its own number, so that what is heard says what was left out.

#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use brooklet::Hub;
use brooklet::media::{
    AudioParams, ChannelLayout, CodecId, Packet, PacketSink, PcmFormat, StreamParams, TimeBase,
};
use brooklet::radio::{Burst, RadioOptions};
use brooklet_server::{HttpServer, HttpServerOptions, Mount, MountOptions};

/// Samples in a second, of four bytes.
const RATE: u32 = 48_000;
/// How far a listener may be behind.
const DELAY: u32 = 5;
/// Generous, only against hanging.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn one_who_stalls_skips_and_delays_nobody() {
    let mut radio = Radio::start(PATIENCE);
    let (mut quick, slow) = (Ear::open(&radio), Ear::open(&radio));
    for second in 1..=30 {
        radio.play_a_second();
        // This one has all but the last moment, however long the other takes nothing.
        quick.hear_up_to((second - 1) * RATE);
    }
    let skipped = radio.mount.station().statistics().skipped;
    assert_eq!(skipped, 0, "whoever takes nothing is not looked at before it does");
    let rest = std::thread::spawn(move || (quick.rest(), slow.rest()));
    radio.mount.finish().unwrap();
    let (quick, slow) = rest.join().unwrap();
    let all = 30 * RATE;
    assert!(quick.is_whole && quick.samples.iter().copied().eq(0..all), "{} of {all}", quick.samples.len());
    // From the beginning on, and from a place near to now to the end, all of it.
    let jumps: Vec<_> = slow.samples.windows(2).filter(|pair| pair[1] != pair[0] + 1).collect();
    assert_eq!((slow.is_whole, slow.samples[0], slow.samples.last()), (true, 0, Some(&(all - 1))));
    assert!(
        matches!(jumps[..], [jump] if jump[1] > jump[0] && jump[1] >= (30 - DELAY) * RATE - RATE),
        "{jumps:?}"
    );
    let missing = all as usize - slow.samples.len();
    assert!(missing > 15 * RATE as usize, "{missing} were skipped");
    assert!(radio.mount.station().statistics().skipped > 0);
}

#[test]
fn one_who_takes_nothing_for_too_long_is_cut_off() {
    let mut radio = Radio::start(Duration::from_millis(500));
    let (mut quick, slow) = (Ear::open(&radio), Ear::open(&radio));
    let began = Instant::now();
    let mut seconds = 0;
    while radio.mount.station().statistics().viewers > 1 {
        assert!(began.elapsed() < PATIENCE, "it is still there");
        radio.play_a_second();
        quick.hear_up_to(seconds * RATE);
        seconds += 1;
        // It stalls once the system holds no more for it.
        std::thread::sleep(Duration::from_millis(20));
    }
    let slow = slow.rest();
    assert!(!slow.is_whole && slow.samples.iter().copied().eq(0..slow.samples.len() as u32));
    let rest = std::thread::spawn(move || quick.rest());
    radio.mount.finish().unwrap();
    let quick = rest.join().unwrap();
    assert!(quick.is_whole && quick.samples.iter().copied().eq(0..seconds * RATE));
}

/// A broadcast of numbers.
struct Radio {
    server: Arc<HttpServer>,
    mount: Mount,
    next: u32,
}

impl Radio {
    fn start(patience: Duration) -> Self {
        let options = HttpServerOptions { patience, ..HttpServerOptions::default() };
        let server = Arc::new(HttpServer::bind("127.0.0.1:0", &Hub::default(), options).unwrap());
        let burst = Burst { bytes: 0, time: Duration::from_secs(1) };
        let delay = Duration::from_secs(DELAY.into());
        let radio = RadioOptions { burst, delay, ..RadioOptions::default() };
        let mut mount =
            server.mount("/numbers.wav", "wav", MountOptions { radio, ..MountOptions::default() }).unwrap();
        let sound = AudioParams::new(RATE, ChannelLayout::Mono);
        let codec = CodecId::Pcm(PcmFormat::S32Le);
        mount.start(&[StreamParams::audio(codec, TimeBase::hz(RATE), sound)], &Vec::new()).unwrap();
        Self { server, mount, next: 0 }
    }

    fn play_a_second(&mut self) {
        const STEP: u32 = RATE / 50;
        for _ in 0..50 {
            let bytes: Vec<u8> = (self.next..self.next + STEP).flat_map(u32::to_le_bytes).collect();
            let mut packet = Packet::new(0, self.next.into(), bytes.into());
            packet.duration = STEP.into();
            self.mount.write(&packet).unwrap();
            self.next += STEP;
        }
    }
}

/// One who listens.
struct Ear {
    socket: TcpStream,
    came: Vec<u8>,
    heard: Heard,
    state: At,
}

#[derive(Default)]
struct Heard {
    samples: Vec<u32>,
    /// It ended as it should.
    is_whole: bool,
}

enum At {
    /// Before the sound: the head of the answer, and that of the file within the first chunks.
    Head,
    Chunks,
}

impl Ear {
    fn open(radio: &Radio) -> Self {
        let mut socket = TcpStream::connect(radio.server.local_addr()).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(b"GET /numbers.wav HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut ear = Self { socket, came: Vec::new(), heard: Heard::default(), state: At::Head };
        while matches!(ear.state, At::Head) {
            assert!(ear.take());
        }
        ear
    }

    fn hear_up_to(&mut self, sample: u32) {
        while self.heard.samples.last().is_none_or(|last| last + 1 < sample) && sample > 0 {
            assert!(self.take(), "it ended after {:?}", self.heard.samples.last());
        }
    }

    fn rest(mut self) -> Heard {
        while self.take() {}
        self.heard
    }

    /// Takes what comes next; false at the end.
    fn take(&mut self) -> bool {
        let mut buffer = [0; 16_384];
        let Ok(count) = self.socket.read(&mut buffer) else { return false };
        self.came.extend_from_slice(&buffer[..count]);
        if matches!(self.state, At::Head) {
            let Some(end) = find(&self.came, b"\r\n\r\n") else { return count > 0 };
            assert!(self.came.starts_with(b"HTTP/1.1 200"));
            self.came.drain(..end + 4);
            self.state = At::Chunks;
        }
        while let Some(line) = find(&self.came, b"\r\n") {
            let size = std::str::from_utf8(&self.came[..line]).unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            let Some(chunk) = self.came.get(line + 2..line + 2 + size) else { break };
            let sound = if chunk.starts_with(b"RIFF") { &chunk[chunk.len()..] } else { chunk };
            let (samples, rest) = sound.as_chunks();
            assert!(rest.is_empty(), "half a sample");
            self.heard.samples.extend(samples.iter().map(|sample| u32::from_le_bytes(*sample)));
            self.heard.is_whole |= size == 0;
            self.came.drain(..(line + 4 + size).min(self.came.len()));
        }
        count > 0
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
