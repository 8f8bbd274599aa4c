//! A path of datagrams between a server and a peer, both ways, whose faults may change while it is used.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::next;

/// The longest that a way sleeps.
const NAP: Duration = Duration::from_millis(1);
/// What a way that is too narrow holds, as a router does, before it loses what comes.
const HELD: Duration = Duration::from_millis(300);
/// Bytes that IP and UDP add to each datagram.
const HEADERS: usize = 28;

/// What is wrong with one way. Datagrams keep their order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fault {
    /// How long each datagram is under way.
    pub delay: Duration,
    /// Of a thousand datagrams, how many are lost.
    pub loss: u64,
    /// Bit/s that it carries; none is as many as there are.
    pub rate: Option<u64>,
}

/// Both ways, and what they have done. It carries until this is dropped.
#[derive(Debug)]
pub struct Path {
    to_server: Arc<Way>,
    to_peer: Arc<Way>,
    door: SocketAddr,
    back_door: SocketAddr,
    server: Arc<Mutex<Option<SocketAddr>>>,
    closed: Arc<AtomicBool>,
}

/// One way.
#[derive(Debug)]
struct Way {
    fault: Mutex<Fault>,
    carried: AtomicU64,
    lost: AtomicU64,
}

impl Path {
    /// One that carries to whichever server is told later.
    ///
    /// # Errors
    ///
    /// Where there are no sockets.
    pub fn new(to_server: Fault, to_peer: Fault) -> io::Result<Self> {
        let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
        let (front, back) = (socket()?, socket()?);
        let (door, back_door) = (front.local_addr()?, back.local_addr()?);
        let way = |fault| {
            Arc::new(Way { fault: Mutex::new(fault), carried: AtomicU64::new(0), lost: AtomicU64::new(0) })
        };
        let (up, down) = (way(to_server), way(to_peer));
        let (peer, server) = (Arc::<Mutex<Option<SocketAddr>>>::default(), Arc::default());
        let closed = Arc::<AtomicBool>::default();
        let ends = [
            (front.try_clone()?, back.try_clone()?, up.clone(), Some(peer.clone()), Arc::clone(&server)),
            (back, front, down.clone(), None, peer),
        ];
        for (number, (from, to, way, seen, target)) in ends.into_iter().enumerate() {
            from.set_read_timeout(Some(NAP))?;
            let closed = closed.clone();
            let seed = number as u64 + 7;
            thread::spawn(move || way.carry(&from, &to, seen.as_deref(), &target, seed, &closed));
        }
        Ok(Self { to_server: up, to_peer: down, door, back_door, server, closed })
    }

    /// Where the peer finds it in place of the server, and where the server finds it in place of the peer.
    pub const fn doors(&self) -> (SocketAddr, SocketAddr) {
        (self.door, self.back_door)
    }

    /// Tells it the server.
    pub fn lead_to(&self, server: SocketAddr) {
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
    }

    /// Changes what is wrong with the way to the peer.
    pub fn fault_to_peer(&self, fault: Fault) {
        *self.to_peer.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// The same of the way to the server.
    pub fn fault_to_server(&self, fault: Fault) {
        *self.to_server.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Datagrams that came to go to the peer, and those of them that it lost.
    pub fn counts_to_peer(&self) -> (u64, u64) {
        (self.to_peer.carried.load(SeqCst), self.to_peer.lost.load(SeqCst))
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        self.closed.store(true, SeqCst);
    }
}

impl Way {
    fn carry(
        &self,
        from: &UdpSocket,
        to: &UdpSocket,
        seen: Option<&Mutex<Option<SocketAddr>>>,
        target: &Mutex<Option<SocketAddr>>,
        seed: u64,
        closed: &AtomicBool,
    ) {
        let mut chance = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut under_way = VecDeque::<(Instant, Vec<u8>)>::new();
        // When all that it has taken will have left a narrow way.
        let mut free = Instant::now();
        let mut buffer = [0; 2_048];
        while !closed.load(SeqCst) {
            if let Ok((count, source)) = from.recv_from(&mut buffer) {
                if let Some(seen) = seen {
                    *seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(source);
                }
                let fault = *self.fault.lock().unwrap_or_else(PoisonError::into_inner);
                self.carried.fetch_add(1, SeqCst);
                let now = Instant::now();
                let bits = (count + HEADERS) as u64 * 8;
                let takes = fault.rate.map_or(0, |rate| bits * 1_000_000_000 / rate.max(1));
                free = free.max(now);
                if next(&mut chance) % 1_000 < fault.loss || free > now + HELD {
                    self.lost.fetch_add(1, SeqCst);
                } else {
                    free += Duration::from_nanos(takes);
                    under_way.push_back((free + fault.delay, buffer[..count].to_vec()));
                }
                // A way that is wide again carries at once what it held.
                if fault.rate.is_none() {
                    free = now;
                }
            }
            while let Some((_, bytes)) = under_way.pop_front_if(|(due, _)| *due <= Instant::now()) {
                let target = *target.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(target) = target {
                    let _ = to.send_to(&bytes, target);
                }
            }
        }
    }
}
