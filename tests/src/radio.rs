//! Broadcasts of our own over HTTP, and listeners that look at every byte.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::program::{Running, brooklet};
use crate::servers::free_port;

/// How long anything may take: generous, only against hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that broadcasts until this is dropped.
#[derive(Debug)]
pub struct Radio {
    /// The program.
    pub running: Running,
    port: u16,
}

impl Radio {
    /// Runs `input`, then each of `outputs` with the URL of its path behind `-listen 1`; waits until it is there.
    #[track_caller]
    pub fn start(input: &[&str], outputs: &[(&[&str], &str)]) -> Self {
        Self::start_at(free_port(), input, outputs)
    }

    /// The same on this port: one that comes back.
    #[track_caller]
    pub fn start_at(port: u16, input: &[&str], outputs: &[(&[&str], &str)]) -> Self {
        let mut command = brooklet();
        command.args(["-v", "error"]).args(input);
        for (options, path) in outputs {
            command.args(*options).args(["-listen", "1"]).arg(format!("http://127.0.0.1:{port}{path}"));
        }
        let mut radio = Self { running: Running::start_with(command.stdin(Stdio::piped())), port };
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(radio.running.is_running() && Instant::now() < until, "no broadcast");
            thread::sleep(Duration::from_millis(20));
        }
        radio
    }

    /// A tone of 440 Hz without end.
    #[track_caller]
    pub fn tone(outputs: &[(&[&str], &str)]) -> Self {
        Self::start(&["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"], outputs)
    }

    /// Where a path of it is.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Its port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Asks, and reads the head of the answer.
    #[track_caller]
    pub fn ask(&self, method: &str, path: &str, lines: &[&str]) -> Answer {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n", self.port);
        self.say(&lines.iter().fold(head, |head, line| format!("{head}{line}\r\n")))
    }

    /// Sends the lines of a request, without the empty one that ends them.
    #[track_caller]
    pub fn say(&self, lines: &str) -> Answer {
        Answer::to(self.port, lines).unwrap_or_else(|| panic!("no connection to port {}", self.port))
    }

    /// The whole text at a path.
    #[track_caller]
    pub fn text(&self, path: &str) -> String {
        String::from_utf8_lossy(&self.ask("GET", path, &["Connection: close"]).rest()).into_owned()
    }

    /// Waits until `/status.json` says something.
    #[track_caller]
    pub fn await_status(&self, words: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.text("/status.json").contains(words) {
            assert!(Instant::now() < until, "not {words}: {}", self.text("/status.json"));
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// An answer whose head has been read.
#[derive(Debug)]
pub struct Answer {
    socket: TcpStream,
    /// As they came, without the empty line.
    pub head: String,
    came: Vec<u8>,
}

impl Answer {
    /// Sends the lines of a request, without the empty one that ends them, to a port of this machine; `None` where nobody listens
    /// there.
    #[track_caller]
    pub fn to(port: u16, lines: &str) -> Option<Self> {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).ok()?;
        socket.set_read_timeout(Some(PATIENCE)).ok()?;
        socket.write_all(format!("{lines}\r\n").as_bytes()).ok()?;
        Some(Self::read(socket))
    }

    #[track_caller]
    fn read(mut socket: TcpStream) -> Self {
        let mut came = Vec::new();
        loop {
            if let Some(end) = came.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&came[..end]).into_owned();
                return Self { socket, head, came: came.split_off(end + 4) };
            }
            assert!(more(&mut socket, &mut came), "no answer: {}", String::from_utf8_lossy(&came));
        }
    }

    /// The status of the first line.
    pub fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// A header, by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// At least so many bytes of the body; fewer where it ends.
    #[track_caller]
    pub fn at_least(&mut self, count: usize) -> Vec<u8> {
        loop {
            let (body, is_done) = self.body();
            if body.len() >= count || is_done || !more(&mut self.socket, &mut self.came) {
                return self.body().0;
            }
        }
    }

    /// All that comes within a time.
    pub fn within(&mut self, time: Duration) -> Vec<u8> {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            let _ = self.socket.set_read_timeout(Some(left));
            if !more(&mut self.socket, &mut self.came) {
                break;
            }
        }
        let _ = self.socket.set_read_timeout(Some(PATIENCE));
        self.body().0
    }

    /// The body to its end.
    #[track_caller]
    pub fn rest(mut self) -> Vec<u8> {
        if self.header("content-length").is_some() {
            let length = self.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            return self.at_least(length);
        }
        while !self.body().1 && more(&mut self.socket, &mut self.came) {}
        let (body, is_done) = self.body();
        let is_chunked = self.header("transfer-encoding") == Some("chunked");
        assert!(is_done || !is_chunked, "the body broke off after {} bytes", body.len());
        body
    }

    /// The body so far, and whether that is all.
    fn body(&self) -> (Vec<u8>, bool) {
        if self.header("transfer-encoding") != Some("chunked") {
            return (self.came.clone(), false);
        }
        let (mut body, mut rest) = (Vec::new(), &self.came[..]);
        while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
            let size =
                std::str::from_utf8(&rest[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
            let size = size.unwrap_or_else(|| panic!("no chunk: {:?}", &rest[..end.min(40)]));
            let data = &rest[end + 2..];
            if size == 0 {
                return (body, true);
            }
            body.extend_from_slice(&data[..size.min(data.len())]);
            if data.len() < size + 2 {
                break;
            }
            assert_eq!(&data[size..size + 2], b"\r\n", "a chunk is longer than it says");
            rest = &data[size + 2..];
        }
        (body, false)
    }
}

fn more(socket: &mut TcpStream, came: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 65_536];
    match socket.read(&mut buffer) {
        Ok(count) => {
            came.extend_from_slice(&buffer[..count]);
            count > 0
        }
        Err(_) => false,
    }
}

/// The frequency of a tone, Hz: how often 16-bit samples of one channel go up through zero in a second.
pub fn frequency(samples: &[u8], rate: u32) -> f64 {
    let values: Vec<i16> = samples.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
    let ups = values.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
    ups as f64 * f64::from(rate) / values.len().max(1) as f64
}
