//! A network that misbehaves, between two programs on this machine: a TCP relay that delays, narrows, stalls, freezes
//! and cuts. What it does to a byte depends on its seed and on the bytes before, never on chance.
//!
//! TCP hides loss: to those who use it a lost packet is a stall, and then all at once.

mod path;
mod udp;
mod webrtc;

pub use path::{Fault, Path};
pub use udp::{UdpImpairment, UdpRelay};
pub use webrtc::door;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes that are moved at once.
const CHUNK: usize = 4096;
/// Chunks that may be under way in each direction.
const UNDER_WAY: usize = 8;
/// Bytes that its sockets may hold for it, about.
const HELD: usize = 32 * 1024;
/// How often a frozen or narrow relay looks whether it still is.
const NAP: Duration = Duration::from_millis(5);

/// What is wrong with a network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Impairment {
    /// How long each byte is under way.
    pub delay: Duration,
    /// Bytes in a second, each way; none is as many as there are.
    pub rate: Option<u64>,
    /// Of a thousand chunks of 4 KiB, how many are lost at first, and how long it takes to send one again.
    pub loss: Option<(u64, Duration)>,
    /// Where its chance begins.
    pub seed: u64,
}

/// A relay that runs until this is dropped.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    rate: AtomicU64,
    /// Connections with a lower number are half open.
    frozen: AtomicUsize,
    closed: AtomicBool,
    accepted: AtomicUsize,
    streams: Mutex<Vec<TcpStream>>,
}

impl Relay {
    /// One to a port of this machine.
    pub fn to(port: u16, how: Impairment) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("no relay: {error}"));
        let own = listener.local_addr().unwrap_or_else(|error| panic!("no relay: {error}")).port();
        // Sockets of its own machine would else hold megabytes, which no router does.
        let _ = socket2::SockRef::from(&listener).set_recv_buffer_size(HELD);
        let shared = Arc::new(Shared::default());
        shared.rate.store(how.rate.unwrap_or(u64::MAX), Ordering::SeqCst);
        let relay = Self { port: own, shared: shared.clone() };
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { continue };
                if shared.closed.load(Ordering::SeqCst) {
                    return;
                }
                // One that is not there is seen as it would be: the connection ends.
                if let Ok(server) = TcpStream::connect(("127.0.0.1", port)) {
                    let number = shared.accepted.fetch_add(1, Ordering::SeqCst);
                    join(&client, &server, &shared, number, how);
                }
            }
        });
        relay
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Connections so far.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Changes the rate, bytes in a second.
    pub fn set_rate(&self, rate: u64) {
        self.shared.rate.store(rate, Ordering::SeqCst);
    }

    /// Moves nothing any more on the connections that there are, and tells nobody: they are half open. New ones work.
    pub fn freeze(&self) {
        self.shared.frozen.store(self.accepted(), Ordering::SeqCst);
    }

    /// Moves what was frozen.
    pub fn thaw(&self) {
        self.shared.frozen.store(0, Ordering::SeqCst);
    }

    /// Ends all connections, as a router that forgets them. New ones may be made.
    pub fn cut(&self) {
        let mut streams = self.shared.streams.lock().unwrap_or_else(PoisonError::into_inner);
        for stream in streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.cut();
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn join(client: &TcpStream, server: &TcpStream, shared: &Arc<Shared>, number: usize, how: Impairment) {
    let seed = how.seed ^ (number as u64) << 32;
    let both = [(client, server, seed), (server, client, !seed)];
    for (from, to, seed) in both {
        let (Ok(from), Ok(to), Ok(kept)) = (from.try_clone(), to.try_clone(), from.try_clone()) else {
            return;
        };
        shared.streams.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
        let (sender, receiver) = sync_channel(UNDER_WAY);
        thread::spawn(move || read(from, &sender, how.delay));
        let (shared, how) = (shared.clone(), Impairment { seed, ..how });
        thread::spawn(move || write(to, &receiver, &shared, number, how));
    }
}

fn read(mut from: TcpStream, to: &SyncSender<(Instant, Vec<u8>)>, delay: Duration) {
    let mut buffer = [0; CHUNK];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if to.send((Instant::now() + delay, buffer[..count].to_vec())).is_err() {
            return;
        }
    }
}

fn write(
    mut to: TcpStream,
    from: &Receiver<(Instant, Vec<u8>)>,
    shared: &Shared,
    number: usize,
    how: Impairment,
) {
    let mut chance = how.seed | 1;
    let mut free = Instant::now();
    for (due, bytes) in from {
        let rate = shared.rate.load(Ordering::SeqCst).max(1);
        let mut start = free.max(due);
        if let Some((of_thousand, again)) = how.loss
            && next(&mut chance) % 1_000 < of_thousand
        {
            start += again;
        }
        free = start + Duration::from_nanos((bytes.len() as u64).saturating_mul(1_000_000_000) / rate);
        while Instant::now() < free || number < shared.frozen.load(Ordering::SeqCst) {
            if shared.closed.load(Ordering::SeqCst) {
                return;
            }
            thread::sleep(
                NAP.min(free.saturating_duration_since(Instant::now()).max(Duration::from_micros(100))),
            );
        }
        if to.write_all(&bytes).is_err() {
            return;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// xorshift64: enough to be different each time and the same every run.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that sends back what it gets.
    fn echo() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for client in listener.incoming().take(2) {
                let mut client = client.unwrap();
                thread::spawn(move || {
                    let mut buffer = [0; CHUNK];
                    while let Ok(count @ 1..) = client.read(&mut buffer) {
                        if client.write_all(&buffer[..count]).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        port
    }

    #[test]
    fn every_byte_arrives_however_bad_it_is() {
        let loss = Some((100, Duration::from_millis(5)));
        let how = Impairment { delay: Duration::from_millis(20), rate: Some(2_000_000), loss, seed: 7 };
        let relay = Relay::to(echo(), how);
        let mut stream = TcpStream::connect(("127.0.0.1", relay.port())).unwrap();
        let sent: Vec<u8> = (0..200_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let (mut writer, bytes) = (stream.try_clone().unwrap(), sent.clone());
        let began = Instant::now();
        thread::spawn(move || writer.write_all(&bytes).unwrap());
        let mut received = vec![0; sent.len()];
        stream.read_exact(&mut received).unwrap();
        assert!(received == sent);
        assert!(began.elapsed() >= Duration::from_millis(140), "{:?}: there and back", began.elapsed());
    }

    #[test]
    fn what_is_frozen_goes_on_and_what_is_cut_has_ended() {
        let relay = Relay::to(echo(), Impairment::default());
        let mut stream = TcpStream::connect(("127.0.0.1", relay.port())).unwrap();
        let mut byte = [0];
        stream.write_all(b"a").unwrap();
        stream.read_exact(&mut byte).unwrap();
        relay.freeze();
        stream.write_all(b"b").unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        assert!(stream.read(&mut byte).is_err(), "nothing comes");
        relay.thaw();
        stream.set_read_timeout(None).unwrap();
        stream.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"b");
        relay.cut();
        assert_eq!(stream.read(&mut byte).unwrap_or(0), 0);
        assert_eq!(relay.accepted(), 1);
    }
}
