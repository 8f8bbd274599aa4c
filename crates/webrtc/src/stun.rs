//! The STUN (RFC 8489) and TURN (RFC 8656) servers of a session, as a state machine: what address the world sees, and datagrams
//! that go by a relay.
//!
//! [`Servers`] asks all of them at once from the session's own socket. Until it [is done](Servers::is_done), 2 s at most, the
//! session's description waits; what was [found](Servers::found) by then goes into
//! [`SessionOptions::found`](crate::SessionOptions::found). From then on every datagram that comes is shown to
//! [`Servers::handle_datagram`] first, and every one that the session sends to [`Servers::relay`].
//!
//! | file | holds |
//! |---|---|
//! | `message` | messages |
//! | `client` | one server: questions, logins, and what is kept alive |
//! | `request` | a question until it is answered |
//! | `peers` | who is reached by a relay |
//!
//! Relays are reached by UDP, and relay UDP. Each peer has a channel, which is its permission too (RFC 8656 §12); what it sends
//! from another port comes as an indication.

mod client;
mod message;
mod peers;
mod request;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::Result;
use client::Client;
pub use message::{Attribute, Class, Draft, HEADER, Message, Method, signature};

/// How long a session waits for its servers.
const PATIENCE: Duration = Duration::from_secs(2);

/// A server to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where it is.
    pub address: SocketAddr,
    /// Of TURN; without it the server is one of STUN.
    pub login: Option<Login>,
}

/// Who we are to a TURN server (RFC 8489 §9.2).
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

/// An address of ours that a server gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// By which the world sees our socket.
    Reflexive(SocketAddr),
    /// At which a server takes datagrams for us.
    Relayed(SocketAddr),
}

/// Why a server is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Nothing came.
    #[error("it does not answer")]
    Silent,
    /// It knows no such user, or another password.
    #[error("it refuses the user or the password")]
    Login,
    /// It says no: a code of RFC 8489 §14.8 or RFC 8656 §19, and its words.
    #[error("it refuses: {0} {1}")]
    Refused(u16, String),
    /// Its answers lack what they should hold.
    #[error("its answer is of no use")]
    Useless,
    /// It has relayed, and does so no more.
    #[error("it relays no more")]
    Lost,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this to a server.
    Transmit {
        /// The server.
        destination: SocketAddr,
        /// The datagram.
        bytes: Vec<u8>,
    },
    /// That server is of no use, or no more. Once for each.
    Trouble(SocketAddr, Trouble),
    /// Nothing until something is handed in, at the latest this moment to [`Servers::handle_timeout`].
    Timeout(Option<Instant>),
}

/// Whose a datagram is.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrival<'a> {
    /// Not the servers'.
    Direct,
    /// The servers'; nothing is to be done.
    Taken,
    /// A peer's, by a relay.
    Relayed {
        /// The peer.
        source: SocketAddr,
        /// The address of ours that it came to.
        destination: SocketAddr,
        /// What it sent.
        bytes: &'a [u8],
    },
}

/// All servers of a session. After each call that hands something in, take [`Servers::poll`] until it says [`Output::Timeout`].
///
/// Whatever servers send, it holds no more than a few requests, and 64 peers for each; a peer beyond those gets nothing.
pub struct Servers {
    clients: Vec<Client>,
    out: VecDeque<Output>,
}

impl Servers {
    /// Asks these servers.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`](crate::Error::Crypto) where the system gives no random numbers.
    pub fn ask(servers: &[Server], now: Instant) -> Result<Self> {
        let mut asked: Vec<&Server> = Vec::new();
        for server in servers {
            // One socket can ask one server once; TURN answers what STUN does.
            match asked.iter_mut().find(|other| other.address == server.address) {
                Some(other) if other.login.is_none() => *other = server,
                Some(_) => {}
                None => asked.push(server),
            }
        }
        let (mut clients, mut out) = (Vec::new(), VecDeque::new());
        for server in asked {
            clients.push(Client::ask(server, crate::random()?, now, now + PATIENCE, &mut out));
        }
        Ok(Self { clients, out })
    }

    /// Whether all have answered or been given up.
    pub fn is_done(&self) -> bool {
        self.clients.iter().all(Client::is_done)
    }

    /// What they gave, each address once.
    pub fn found(&self) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        for given in self.clients.iter().flat_map(Client::found) {
            if !found.contains(&given) {
                found.push(given);
            }
        }
        found
    }

    /// A datagram has come: whose is it?
    pub fn handle_datagram<'a>(&mut self, now: Instant, source: SocketAddr, bytes: &'a [u8]) -> Arrival<'a> {
        match self.clients.iter_mut().find(|client| client.address() == source) {
            Some(client) => client.handle_datagram(now, bytes, &mut self.out),
            None => Arrival::Direct,
        }
    }

    /// Sends a datagram by a relay, where `source` is the address of one; false where it is none. To a peer that the server
    /// has not let in yet it is lost, as anything may be on the way.
    pub fn relay(&mut self, now: Instant, source: SocketAddr, destination: SocketAddr, bytes: &[u8]) -> bool {
        let client = self.clients.iter_mut().find(|client| client.relays(source));
        client.map(|client| client.relay(now, destination, bytes, &mut self.out)).is_some()
    }

    /// The system could not send to a server: it is given up.
    pub fn handle_unsent(&mut self, destination: SocketAddr) {
        let client = self.clients.iter_mut().find(|client| client.address() == destination);
        client.into_iter().for_each(|client| client.give_up(Trouble::Silent, &mut self.out));
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.clients.iter_mut().for_each(|client| client.handle_timeout(now, &mut self.out));
    }

    /// What comes of what was handed in.
    pub fn poll(&mut self) -> Output {
        let deadline = || self.clients.iter().filter_map(Client::deadline).min();
        self.out.pop_front().unwrap_or_else(|| Output::Timeout(deadline()))
    }

    /// Tells the relays that they are needed no more: one datagram for each, whose answer nobody waits for.
    pub fn end(&mut self) {
        self.clients.iter_mut().for_each(|client| client.end(&mut self.out));
    }
}

impl std::fmt::Debug for Servers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.clients.iter().map(Client::address)).finish()
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
