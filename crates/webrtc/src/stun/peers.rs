//! Who is reached by a relay: a channel for each (RFC 8656 §12).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Peers of a relay. A peer offers no more candidates than half of that.
const MOST: usize = 64;
/// The first number of a channel.
const FIRST: u16 = 0x4000;
/// When a channel is asked for again: its permission lasts 5 minutes (RFC 8656 §9).
const RENEW: Duration = Duration::from_secs(240);
/// When a peer is asked for again that the server did not let in.
const AGAIN: Duration = Duration::from_secs(30);
/// Bytes before the datagram on a channel.
const HEADER: usize = 4;

/// The peers of a relay, by number of their channels.
#[derive(Debug, Default)]
pub(super) struct Peers(Vec<Peer>);

#[derive(Debug)]
struct Peer {
    address: SocketAddr,
    /// Whether it may be sent to.
    is_open: bool,
    /// When it was sent to last.
    used: Instant,
    /// When to ask for it, at the earliest; none while it is asked for.
    ask: Option<Instant>,
}

/// How a datagram gets to a peer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// So.
    Channel(Vec<u8>),
    /// The server is to be asked for one.
    Ask,
    /// Not at all, for now.
    None,
}

impl Peers {
    /// How a datagram gets to a peer; where it is to be asked for, that is so once.
    pub(super) fn way(&mut self, now: Instant, address: SocketAddr, bytes: &[u8]) -> Way {
        let found = self.0.iter().position(|peer| peer.address == address);
        let Some(index) = found.or_else(|| self.add(now, address)) else { return Way::None };
        let peer = &mut self.0[index];
        peer.used = now;
        let length = u16::try_from(bytes.len()).ok();
        if let Some(length) = length.filter(|_| peer.is_open) {
            let mut datagram = Vec::with_capacity(HEADER + bytes.len());
            datagram.extend((FIRST + index as u16).to_be_bytes());
            datagram.extend(length.to_be_bytes());
            datagram.extend(bytes);
            return Way::Channel(datagram);
        }
        if peer.ask.is_some_and(|at| now >= at) {
            peer.ask = None;
            return Way::Ask;
        }
        Way::None
    }

    /// The number of a peer's channel.
    pub(super) fn number(&self, address: SocketAddr) -> Option<u16> {
        self.0.iter().position(|peer| peer.address == address).map(|index| FIRST + index as u16)
    }

    /// The server has answered, or nothing came: whether the peer may be sent to.
    pub(super) fn settle(&mut self, now: Instant, address: SocketAddr, is_open: bool) {
        let Some(peer) = self.0.iter_mut().find(|peer| peer.address == address) else { return };
        peer.is_open = is_open;
        peer.ask = Some(now + if is_open { RENEW } else { AGAIN });
    }

    /// A peer whose channel is to be asked for again now, for it is in use; what is not in use is let go.
    pub(super) fn renew(&mut self, now: Instant) -> Option<SocketAddr> {
        for peer in &mut self.0 {
            if peer.is_open && peer.ask.is_some_and(|at| now >= at) {
                if now.saturating_duration_since(peer.used) < RENEW {
                    peer.ask = None;
                    return Some(peer.address);
                }
                peer.is_open = false;
            }
        }
        None
    }

    /// When [`Peers::renew`] has something to say.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.iter().filter(|peer| peer.is_open).filter_map(|peer| peer.ask).min()
    }

    /// A datagram that came on a channel, and who sent it (RFC 8656 §12.4); `None` where it is none.
    pub(super) fn read<'a>(&self, bytes: &'a [u8]) -> Option<(SocketAddr, &'a [u8])> {
        let ([n0, n1, l0, l1], rest) = bytes.split_first_chunk::<HEADER>()?;
        let index = u16::from_be_bytes([*n0, *n1]).checked_sub(FIRST)?;
        let peer = self.0.get(usize::from(index))?;
        Some((peer.address, rest.get(..usize::from(u16::from_be_bytes([*l0, *l1])))?))
    }

    fn add(&mut self, now: Instant, address: SocketAddr) -> Option<usize> {
        let index = Some(self.0.len()).filter(|index| *index < MOST)?;
        self.0.push(Peer { address, is_open: false, used: now, ask: Some(now) });
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 7], port))
    }

    #[test]
    fn a_peer_is_asked_for_once_then_open_then_kept_while_used() {
        let (mut peers, now) = (Peers::default(), Instant::now());
        assert_eq!(peers.way(now, peer(1), b"lost"), Way::Ask);
        assert_eq!(peers.way(now, peer(1), b"lost"), Way::None);
        assert_eq!(peers.way(now, peer(2), b"lost"), Way::Ask);
        peers.settle(now, peer(2), true);
        assert_eq!(peers.way(now, peer(2), b"hi"), Way::Channel(b"\x40\x01\0\x02hi".to_vec()));
        assert_eq!(peers.read(b"\x40\x01\0\x02hi?"), Some((peer(2), &b"hi"[..])));
        assert_eq!((peers.read(b"\x40\x01\0\x03hi"), peers.read(b"\x40\x02\0\0")), (None, None));
        let later = now + RENEW;
        assert_eq!((peers.deadline(), peers.renew(later - AGAIN)), (Some(later), None));
        peers.way(later - AGAIN, peer(2), b"hi");
        assert_eq!((peers.renew(later), peers.renew(later)), (Some(peer(2)), None), "in use");
        assert!(matches!(peers.way(later, peer(2), b"hi"), Way::Channel(_)), "meanwhile it is open");
        peers.settle(later, peer(2), true);
        assert_eq!((peers.renew(later + RENEW), peers.deadline()), (None, None), "not in use");
        assert_eq!(peers.way(later + RENEW, peer(2), b"hi"), Way::Ask);
    }

    #[test]
    fn who_is_not_let_in_is_asked_for_again_later() {
        let (mut peers, now) = (Peers::default(), Instant::now());
        assert_eq!(peers.way(now, peer(1), b""), Way::Ask);
        peers.settle(now, peer(1), false);
        assert_eq!(peers.way(now + AGAIN / 2, peer(1), b""), Way::None);
        assert_eq!(peers.way(now + AGAIN, peer(1), b""), Way::Ask);
        assert_eq!(peers.deadline(), None);
    }

    #[test]
    fn there_are_only_so_many() {
        let (mut peers, now) = (Peers::default(), Instant::now());
        let asked = (0..1_000).filter(|port| peers.way(now, peer(*port), b"") == Way::Ask).count();
        assert_eq!(asked, MOST);
    }
}
