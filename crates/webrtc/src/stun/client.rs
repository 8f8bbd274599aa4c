//! One server: its questions and answers, the login, and what is kept alive.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;

use super::message::{Attribute, Class, Draft, Message, Method};
use super::peers::{Peers, Way};
use super::request::{Due, Purpose, Request};
use super::{Arrival, Found, Login, Output, Server, Trouble};

/// UDP (RFC 8656 §18.8).
const UDP: [u8; 4] = [17, 0, 0, 0];
/// IPv6 (RFC 8656 §18.6); IPv4 goes without saying.
const IPV6: [u8; 4] = [2, 0, 0, 0];
/// How often in a row a server may say that what it gave to be repeated is too old.
const STALE: u32 = 4;
/// The shortest time for which a relay is believed to be given.
const SHORTEST: Duration = Duration::from_secs(5);
/// Letters of a server's words that are told on.
const WORDS: usize = 80;

/// What one server is asked, and what it gave.
pub(super) struct Client {
    address: SocketAddr,
    login: Option<Login>,
    names: Names,
    terms: Option<Terms>,
    stale: u32,
    requests: Vec<Request>,
    state: State,
    mapped: Option<SocketAddr>,
    relay: Option<Relay>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Nothing is known until then, when it is given up.
    Asked(Instant),
    Answered,
    Over,
}

#[derive(Debug)]
struct Relay {
    address: SocketAddr,
    /// When it is asked for again; none while it is.
    refresh: Option<Instant>,
    peers: Peers,
}

/// On which terms requests are taken (RFC 8489 §9.2.4).
struct Terms {
    realm: String,
    nonce: Vec<u8>,
    key: [u8; 16],
}

/// Names of requests that nobody can guess.
struct Names {
    seed: [u8; 20],
    count: u64,
}

impl Client {
    /// Asks a server, until `until` for its first answer.
    pub(super) fn ask(
        server: &Server,
        seed: [u8; 20],
        now: Instant,
        until: Instant,
        out: &mut VecDeque<Output>,
    ) -> Self {
        let Server { address, login } = server.clone();
        let purpose = if login.is_some() { Purpose::Allocate } else { Purpose::Bind };
        let names = Names { seed, count: 0 };
        let mut client = Self {
            address,
            login,
            names,
            terms: None,
            stale: 0,
            requests: Vec::new(),
            state: State::Asked(until),
            mapped: None,
            relay: None,
        };
        client.request(purpose, now, out);
        client
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) const fn is_done(&self) -> bool {
        !matches!(self.state, State::Asked(_))
    }

    pub(super) fn found(&self) -> impl Iterator<Item = Found> {
        let relayed = self.relay.as_ref().map(|relay| Found::Relayed(relay.address));
        self.mapped.map(Found::Reflexive).into_iter().chain(relayed)
    }

    /// Whether an address is the one that it relays from.
    pub(super) fn relays(&self, source: SocketAddr) -> bool {
        self.relay.as_ref().is_some_and(|relay| relay.address == source)
    }

    pub(super) fn relay(&mut self, now: Instant, peer: SocketAddr, bytes: &[u8], out: &mut VecDeque<Output>) {
        let Some(relay) = &mut self.relay else { return };
        match relay.peers.way(now, peer, bytes) {
            Way::Channel(bytes) => out.push_back(Output::Transmit { destination: self.address, bytes }),
            Way::Ask => self.request(Purpose::Channel(peer), now, out),
            Way::None => {}
        }
    }

    /// What the server sent, or a peer by it.
    pub(super) fn handle_datagram<'a>(
        &mut self,
        now: Instant,
        bytes: &'a [u8],
        out: &mut VecDeque<Output>,
    ) -> Arrival<'a> {
        if let Some(relay) = &self.relay {
            let indication = || {
                let message = Message::parse(bytes)?;
                let is_data = (message.method, message.class) == (Method::Data, Class::Indication);
                let peer = message.address(Attribute::XorPeerAddress).filter(|_| is_data)?;
                Some((peer, message.attribute(Attribute::Data)?))
            };
            if let Some((source, bytes)) = relay.peers.read(bytes).or_else(indication) {
                return Arrival::Relayed { source, destination: relay.address, bytes };
            }
        }
        let Some(message) = Message::parse(bytes) else { return Arrival::Direct };
        let is_answer = matches!(message.class, Class::Success | Class::Error);
        let is_it = |request: &Request| request.id == message.id;
        let Some(index) = self.requests.iter().position(is_it).filter(|_| is_answer) else {
            return Arrival::Direct;
        };
        if self.believes(&message) {
            let request = self.requests.swap_remove(index);
            match message.class {
                Class::Success => self.granted(request.purpose, &message, now, out),
                _ => self.refused(request.purpose, &message, now, out),
            }
        }
        Arrival::Taken
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, out: &mut VecDeque<Output>) {
        if matches!(self.state, State::Asked(until) if now >= until) {
            return self.give_up(Trouble::Silent, out);
        }
        let mut silent = Vec::new();
        self.requests.retain_mut(|request| match request.handle_timeout(now) {
            Due::Nothing => true,
            Due::Send(bytes) => {
                out.push_back(Output::Transmit { destination: self.address, bytes });
                true
            }
            Due::GiveUp => {
                silent.push(request.purpose);
                false
            }
        });
        silent.into_iter().for_each(|purpose| self.failed(purpose, Trouble::Lost, now, out));
        if self.relay.as_ref().and_then(|relay| relay.refresh).is_some_and(|at| now >= at) {
            self.relay.iter_mut().for_each(|relay| relay.refresh = None);
            self.request(Purpose::Refresh, now, out);
        }
        while let Some(peer) = self.relay.as_mut().and_then(|relay| relay.peers.renew(now)) {
            self.request(Purpose::Channel(peer), now, out);
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let until = if let State::Asked(until) = self.state { Some(until) } else { None };
        let requests = self.requests.iter().map(|request| request.next);
        let kept = self.relay.iter().flat_map(|relay| [relay.refresh, relay.peers.deadline()]);
        requests.chain(until).chain(kept.flatten()).min()
    }

    /// It is of no use any more.
    pub(super) fn give_up(&mut self, trouble: Trouble, out: &mut VecDeque<Output>) {
        if std::mem::replace(&mut self.state, State::Over) != State::Over {
            out.push_back(Output::Trouble(self.address, trouble));
        }
        self.requests.clear();
        (self.mapped, self.relay) = (None, None);
    }

    /// Gives its relay back.
    pub(super) fn end(&mut self, out: &mut VecDeque<Output>) {
        if self.relay.take().is_some() {
            let draft = Draft::new(Method::Refresh, Class::Request, self.names.next());
            let bytes = self.signed(draft.with(Attribute::Lifetime, &[0; 4])).finish();
            out.push_back(Output::Transmit { destination: self.address, bytes });
        }
        self.requests.clear();
        self.state = State::Over;
    }

    /// Whether an answer is the server's own: where we are known to each other a yes is signed, and so may a no be
    /// (RFC 8489 §9.2.5).
    fn believes(&self, message: &Message) -> bool {
        let Some(terms) = &self.terms else { return true };
        let signed = message.is_signed_with(&terms.key);
        signed.unwrap_or(message.class == Class::Error)
    }

    fn granted(&mut self, purpose: Purpose, message: &Message, now: Instant, out: &mut VecDeque<Output>) {
        self.stale = 0;
        match purpose {
            Purpose::Bind => {
                self.mapped = message.address(Attribute::XorMappedAddress);
                self.state = State::Answered;
                if self.mapped.is_none() {
                    self.give_up(Trouble::Useless, out);
                }
            }
            Purpose::Allocate => {
                let relayed = message.address(Attribute::XorRelayedAddress);
                let Some(address) = relayed.filter(|_| self.terms.is_some()) else {
                    return self.give_up(Trouble::Useless, out);
                };
                self.mapped = message.address(Attribute::XorMappedAddress);
                let refresh = Some(now + refresh_after(message));
                self.relay = Some(Relay { address, refresh, peers: Peers::default() });
                self.state = State::Answered;
            }
            Purpose::Refresh => {
                self.relay.iter_mut().for_each(|relay| relay.refresh = Some(now + refresh_after(message)));
            }
            Purpose::Channel(peer) => self.settle(now, peer, true),
        }
    }

    fn refused(&mut self, purpose: Purpose, message: &Message, now: Instant, out: &mut VecDeque<Output>) {
        let Some((code, words)) = message.error() else { return self.give_up(Trouble::Useless, out) };
        let is_first = self.terms.is_none();
        let again = match code {
            401 => is_first,
            438 => !is_first && self.stale < STALE,
            _ => false,
        };
        let terms = self.login.as_ref().filter(|_| again).and_then(|login| Terms::read(message, login));
        if terms.is_some() {
            self.stale += u32::from(!is_first);
            self.terms = terms;
            return self.request(purpose, now, out);
        }
        let trouble = match code {
            401 if self.login.is_some() => Trouble::Login,
            _ => Trouble::Refused(code, readable(words)),
        };
        self.failed(purpose, trouble, now, out);
    }

    fn failed(&mut self, purpose: Purpose, trouble: Trouble, now: Instant, out: &mut VecDeque<Output>) {
        match purpose {
            Purpose::Channel(peer) => self.settle(now, peer, false),
            Purpose::Refresh => self.give_up(Trouble::Lost, out),
            Purpose::Bind | Purpose::Allocate => self.give_up(trouble, out),
        }
    }

    fn settle(&mut self, now: Instant, peer: SocketAddr, is_open: bool) {
        self.relay.iter_mut().for_each(|relay| relay.peers.settle(now, peer, is_open));
    }

    fn request(&mut self, purpose: Purpose, now: Instant, out: &mut VecDeque<Output>) {
        let id = self.names.next();
        let draft = |method| Draft::new(method, Class::Request, id);
        let draft = match purpose {
            Purpose::Bind => draft(Method::Binding),
            Purpose::Allocate => {
                let draft = draft(Method::Allocate).with(Attribute::RequestedTransport, &UDP);
                let wants_v6 = self.address.is_ipv6();
                if wants_v6 { draft.with(Attribute::RequestedAddressFamily, &IPV6) } else { draft }
            }
            Purpose::Refresh => draft(Method::Refresh),
            Purpose::Channel(peer) => {
                let number = self.relay.as_ref().and_then(|relay| relay.peers.number(peer));
                let [high, low] = number.unwrap_or_default().to_be_bytes();
                let draft = draft(Method::ChannelBind).with(Attribute::ChannelNumber, &[high, low, 0, 0]);
                draft.with_address(Attribute::XorPeerAddress, peer)
            }
        };
        let bytes = self.signed(draft).finish();
        out.push_back(Output::Transmit { destination: self.address, bytes: bytes.clone() });
        self.requests.push(Request::new(purpose, id, bytes, now));
    }

    fn signed(&self, draft: Draft) -> Draft {
        let (Some(login), Some(terms)) = (&self.login, &self.terms) else { return draft };
        draft
            .with(Attribute::Username, login.user.as_bytes())
            .with(Attribute::Realm, terms.realm.as_bytes())
            .with(Attribute::Nonce, &terms.nonce)
            .signed(&terms.key)
    }
}

impl Terms {
    /// Those that a refusal names.
    fn read(message: &Message, login: &Login) -> Option<Self> {
        let realm = message.text(Attribute::Realm)?;
        let nonce = message.text(Attribute::Nonce)?;
        let mut key = Md5::new();
        let parts = [&login.user, ":", realm, ":", &login.password];
        parts.into_iter().for_each(|part| key.update(part));
        Some(Self { realm: realm.into(), nonce: nonce.into(), key: key.finalize().into() })
    }
}

impl Names {
    fn next(&mut self) -> [u8; 12] {
        self.count += 1;
        let mut name = [0; 12];
        if let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&self.seed) {
            mac.update(&self.count.to_be_bytes());
            name.copy_from_slice(&mac.finalize().into_bytes()[..12]);
        }
        name
    }
}

/// When what is given for so long is to be asked for again: with time left to ask a few times.
fn refresh_after(message: &Message) -> Duration {
    let lifetime = Duration::from_secs(message.number(Attribute::Lifetime).unwrap_or(600).into());
    lifetime.max(SHORTEST).mul_f64(0.8)
}

/// A server's words, fit for a line.
fn readable(words: &str) -> String {
    words.chars().filter(|letter| !letter.is_control()).take(WORDS).collect()
}
