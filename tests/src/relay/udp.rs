//! The same for datagrams: some are lost, some come twice, and each has its own delay, so that they overtake each other.

use std::collections::BinaryHeap;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::next;

/// The longest that a relay sleeps.
const NAP: Duration = Duration::from_millis(1);

/// What is wrong with a network of datagrams.
#[derive(Clone, Copy, Debug, Default)]
pub struct UdpImpairment {
    /// How long each datagram is under way at least.
    pub delay: Duration,
    /// By how much more at most: each by chance, so that they overtake each other.
    pub jitter: Duration,
    /// Of a thousand datagrams, how many are lost.
    pub loss: u64,
    /// Of a thousand datagrams, how many come twice.
    pub twice: u64,
    /// Where its chance begins.
    pub seed: u64,
}

/// A relay of datagrams, one way, that runs until this is dropped.
#[derive(Debug)]
pub struct UdpRelay {
    port: u16,
    closed: Arc<AtomicBool>,
    carried: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl UdpRelay {
    /// One to a port of this machine.
    pub fn to(port: u16, how: UdpImpairment) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("no relay: {error}"));
        let own = socket.local_addr().unwrap_or_else(|error| panic!("no relay: {error}")).port();
        let (closed, carried, lost) =
            (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default(), Arc::default());
        let counted = (carried.clone(), Arc::clone(&lost));
        let until = closed.clone();
        let thread = thread::spawn(move || carry(&socket, port, how, &until, &counted));
        Self { port: own, closed, carried, lost, thread: Some(thread) }
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Datagrams that it took, and those of them that it lost.
    pub fn counts(&self) -> (u64, u64) {
        (self.carried.load(Ordering::SeqCst), self.lost.load(Ordering::SeqCst))
    }
}

impl Drop for UdpRelay {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A datagram under way; the earliest is the greatest.
#[derive(PartialEq, Eq)]
struct UnderWay(std::cmp::Reverse<(Instant, u64)>, Vec<u8>);

impl Ord for UnderWay {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for UnderWay {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

fn carry(
    socket: &UdpSocket,
    port: u16,
    how: UdpImpairment,
    closed: &AtomicBool,
    counted: &(Arc<AtomicU64>, Arc<AtomicU64>),
) {
    let (mut chance, mut number) = (how.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, 0u64);
    let mut under_way = BinaryHeap::<UnderWay>::new();
    let mut buffer = [0; 65_536];
    let _ = socket.set_read_timeout(Some(NAP));
    while !closed.load(Ordering::SeqCst) {
        if let Ok((count, _)) = socket.recv_from(&mut buffer) {
            counted.0.fetch_add(1, Ordering::SeqCst);
            let (lost, twice) = (next(&mut chance) % 1_000 < how.loss, next(&mut chance) % 1_000 < how.twice);
            if lost {
                counted.1.fetch_add(1, Ordering::SeqCst);
            } else {
                for _ in 0..=u8::from(twice) {
                    let jitter = how.jitter.as_micros() as u64;
                    let late = Duration::from_micros(next(&mut chance) % jitter.max(1));
                    number += 1;
                    let due = Instant::now() + how.delay + late;
                    under_way.push(UnderWay(std::cmp::Reverse((due, number)), buffer[..count].to_vec()));
                }
            }
        }
        while let Some(first) = under_way.peek() {
            if first.0.0.0 > Instant::now() {
                break;
            }
            if let Some(UnderWay(_, bytes)) = under_way.pop() {
                let _ = socket.send_to(&bytes, ("127.0.0.1", port));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_are_lost_every_time() {
        let lost = || {
            let to = UdpSocket::bind("127.0.0.1:0").unwrap();
            to.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
            let how = UdpImpairment {
                jitter: Duration::from_millis(5),
                loss: 100,
                twice: 50,
                seed: 3,
                ..UdpImpairment::default()
            };
            let relay = UdpRelay::to(to.local_addr().unwrap().port(), how);
            let from = UdpSocket::bind("127.0.0.1:0").unwrap();
            let mut seen = [0u8; 200];
            for number in 0..200u8 {
                from.send_to(&[number], ("127.0.0.1", relay.port())).unwrap();
                thread::sleep(Duration::from_micros(200));
            }
            let mut byte = [0];
            while to.recv(&mut byte).is_ok() {
                seen[usize::from(byte[0])] += 1;
            }
            let none = seen.iter().filter(|count| **count == 0).count() as u64;
            assert_eq!(relay.counts(), (200, none));
            assert!(seen.contains(&2), "some come twice");
            seen
        };
        assert_eq!(lost(), lost());
    }
}
