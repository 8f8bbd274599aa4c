//! Who is let in at a listening socket: connections are accepted as long as there is room.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

/// How long nobody is accepted after the system had no room, first and at most.
const REST: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// What happens at the door.
#[derive(Debug)]
pub enum Arrival {
    /// Somebody is in.
    In(TcpStream, SocketAddr, Place),
    /// Somebody was not let in, and why.
    Full(SocketAddr, &'static str),
    /// The system gives no more connections for now, in its own words.
    CannotAccept(String),
}

/// Accepts until it is dropped. `welcome` must not block.
pub async fn accept(listener: TcpListener, places: &Arc<Places>, mut welcome: impl FnMut(Arrival)) {
    let mut rest = REST.0;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                rest = REST.0;
                let peer = canonical(peer);
                welcome(match Places::take(places, peer.ip()) {
                    Ok(place) => Arrival::In(stream, peer, place),
                    Err(why) => Arrival::Full(peer, why),
                });
            }
            // Its own trouble: it was gone again before it was accepted.
            Err(error) if is_of_one(error.kind()) => {}
            Err(error) => {
                // No file descriptors or no memory: what waits at the door would fail again at once.
                welcome(Arrival::CannotAccept(crate::error::plain(&error)));
                tokio::time::sleep(rest).await;
                rest = (rest * 2).min(REST.1);
            }
        }
    }
}

/// Leaves it to us what waits: what the system holds unsent can't be skipped. No more than 128 KiB of it, on Linux.
///
/// # Errors
///
/// What the system says.
pub fn keep_little_unsent(stream: &TcpStream) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT)?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = stream;
    Ok(())
}

/// Bytes that the system may hold beside what is on its way to the peer.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT: u32 = 128 * 1024;

fn is_of_one(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(kind, ConnectionAborted | ConnectionReset | Interrupted)
}

/// An IPv4 address as such, where it came to an IPv6 socket.
fn canonical(peer: SocketAddr) -> SocketAddr {
    SocketAddr::new(peer.ip().to_canonical(), peer.port())
}

/// How many are in: all together, and from each address.
#[derive(Debug)]
pub struct Places {
    most: usize,
    most_of_one: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One of the places, until it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    address: IpAddr,
}

impl Places {
    /// So many in all, and so many from one address.
    pub fn new(most: usize, most_of_one: usize) -> Self {
        Self { most, most_of_one, taken: Mutex::default() }
    }

    /// How many are taken.
    pub fn count(&self) -> usize {
        self.lock().all
    }

    /// A place for somebody from `address`.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn take(places: &Arc<Self>, address: IpAddr) -> Result<Place, &'static str> {
        let mut taken = places.lock();
        if taken.all >= places.most {
            return Err("all connections are in use");
        }
        let count = taken.by_address.entry(address).or_default();
        if *count >= places.most_of_one {
            return Err("its address has as many connections as it may");
        }
        *count += 1;
        taken.all += 1;
        Ok(Place { places: places.clone(), address })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // A panic elsewhere leaves the count whole.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.all -= 1;
        if let Some(count) = taken.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_in_all_and_for_each_address() {
        let places = Arc::new(Places::new(3, 2));
        let [a, b] = [1, 2].map(|last| IpAddr::from([127, 0, 0, last]));
        let first = Places::take(&places, a).ok();
        let second = Places::take(&places, a).ok();
        assert!(Places::take(&places, a).is_err_and(|why| why.contains("its address")));
        let third = Places::take(&places, b).ok();
        assert!(Places::take(&places, b).is_err_and(|why| why.contains("all connections")));
        assert_eq!(places.count(), 3);
        drop(first);
        assert!(Places::take(&places, a).is_ok());
        drop((second, third));
        assert_eq!(places.count(), 0);
        assert!(places.lock().by_address.is_empty());
    }
}
