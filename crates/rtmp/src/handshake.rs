//! The handshake: three packets each way before the first chunk. RTMP 1.0, section 5.2, and its signed form.
//!
//! Both forms look the same from afar: a version byte and 1536 bytes each way, then 1536 bytes each way in answer.
//! In the simple form the answer is an echo. In the digest form the packets are signed; some servers
//! give H.264 only to clients that sign, so our client always does, and takes whatever comes back. Our server
//! answers in the form that it was asked in.

mod digest;

use alloc::format;
use alloc::string::String;

use bytes::{Bytes, BytesMut};

use crate::error::{Error, Place, Result};
use digest::{Scheme, Signer};

/// Length of C1, S1, C2 and S2 in bytes.
const PACKET: usize = 1536;

/// Plain RTMP.
const VERSION: u8 = 3;

/// How many random bytes each side sends.
pub const RANDOM: usize = PACKET - 8;

/// One side of a handshake.
///
/// Call [`Handshake::handle_input`] with what comes in, until it says that it is done; send what
/// [`Handshake::poll_transmit`] gives after each call, and before the first.
#[derive(Debug)]
pub struct Handshake {
    side: Side,
    received: BytesMut,
    at: u64,
    transmit: Option<Bytes>,
    /// What the server adds to its own packets.
    random: [u8; RANDOM],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Side {
    /// Waits for S0, S1 and S2.
    Client,
    /// Waits for C0 and C1.
    ServerFirst,
    /// Waits for C2.
    ServerLast,
    Done,
}

impl Handshake {
    /// A client's side. `random` should be hard to guess, no more.
    pub fn client(random: &[u8; RANDOM]) -> Self {
        let mut c1 = own_packet([9, 0, 124, 2], random);
        digest::sign(&mut c1, Signer::Player, Scheme::DigestFirst);
        let mut packets = BytesMut::with_capacity(1 + PACKET);
        packets.extend_from_slice(&[VERSION]);
        packets.extend_from_slice(&c1);
        Self::new(Side::Client, Some(packets.freeze()), random)
    }

    /// A server's side. `random` should be hard to guess, no more.
    pub fn server(random: &[u8; RANDOM]) -> Self {
        Self::new(Side::ServerFirst, None, random)
    }

    fn new(side: Side, transmit: Option<Bytes>, random: &[u8; RANDOM]) -> Self {
        Self { side, received: BytesMut::new(), at: 0, transmit, random: *random }
    }

    /// Takes what it needs from `input` and leaves the rest. `true`: the handshake is done, and what is left is
    /// chunks.
    ///
    /// # Errors
    ///
    /// [`Error::NotRtmp`], by the first byte, where the other side speaks something else.
    pub fn handle_input(&mut self, input: &mut &[u8]) -> Result<bool> {
        loop {
            let wanted = match self.side {
                Side::Client => 1 + 2 * PACKET,
                Side::ServerFirst => 1 + PACKET,
                Side::ServerLast => PACKET,
                Side::Done => return Ok(true),
            };
            let (taken, rest) = input.split_at(input.len().min(wanted - self.received.len()));
            self.received.extend_from_slice(taken);
            self.at += taken.len() as u64;
            *input = rest;
            if let (Side::Client | Side::ServerFirst, Some(&version)) = (self.side, self.received.first()) {
                self.check_version(version)?;
            }
            if self.received.len() < wanted {
                return Ok(false);
            }
            self.answer()?;
            self.received.clear();
        }
    }

    /// Bytes taken so far.
    pub const fn position(&self) -> u64 {
        self.at
    }

    /// The next bytes to send.
    pub fn poll_transmit(&mut self) -> Option<Bytes> {
        self.transmit.take()
    }

    fn answer(&mut self) -> Result<()> {
        (self.transmit, self.side) = match (self.side, self.received.get(1..)) {
            (Side::Client, Some(packets)) => {
                (Some(client_answer(packet(packets)?, &self.random)), Side::Done)
            }
            (Side::ServerFirst, Some(c1)) => {
                (Some(server_answer(packet(c1)?, &self.random)), Side::ServerLast)
            }
            _ => (None, Side::Done),
        };
        Ok(())
    }

    fn check_version(&self, version: u8) -> Result<()> {
        let (side, what) = match self.side {
            Side::Client => ("server", not_rtmp(version, "a rtmps:// URL is for that")),
            _ => ("client", not_rtmp(version, "this port takes plain rtmp://")),
        };
        what.map_or(Ok(()), |what| Err(Error::NotRtmp { side, what }))
    }
}

/// What the other side speaks, judged by its first byte; `None` for RTMP.
fn not_rtmp(version: u8, tls_advice: &str) -> Option<String> {
    Some(match version {
        VERSION => return None,
        6 | 8 => {
            format!("it wants RTMPE (version {version}), which is not supported; use rtmp:// or rtmps://")
        }
        0x15 | 0x16 => format!("it speaks TLS; {tls_advice}"),
        b'A'..=b'Z' => {
            format!("it begins with \"{}\", as HTTP does; is this the right port?", char::from(version))
        }
        _ => format!("its version byte is {version:#04x} instead of 0x03; is this the right port?"),
    })
}

/// C2 for an S1 (C1 was ours).
fn client_answer(s1: &[u8; PACKET], random: &[u8; RANDOM]) -> Bytes {
    match digest::verify(s1, Signer::Server) {
        Some((_, theirs)) => {
            let mut c2 = own_packet([0; 4], random);
            digest::sign_answer(&mut c2, Signer::Player, &theirs);
            Bytes::copy_from_slice(&c2)
        }
        None => Bytes::copy_from_slice(s1),
    }
}

/// S0, S1 and S2 for a C1.
fn server_answer(c1: &[u8; PACKET], random: &[u8; RANDOM]) -> Bytes {
    let mut packets = BytesMut::with_capacity(1 + 2 * PACKET);
    packets.extend_from_slice(&[VERSION]);
    match digest::verify(c1, Signer::Player) {
        Some((scheme, theirs)) => {
            let mut s1 = own_packet([4, 5, 0, 1], random);
            digest::sign(&mut s1, Signer::Server, scheme);
            let mut s2 = own_packet([0; 4], random);
            digest::sign_answer(&mut s2, Signer::Server, &theirs);
            packets.extend_from_slice(&s1);
            packets.extend_from_slice(&s2);
        }
        None => {
            packets.extend_from_slice(&own_packet([0; 4], random));
            packets.extend_from_slice(c1);
        }
    }
    packets.freeze()
}

/// Time 0, a version (0 means that it is not signed), random bytes.
fn own_packet(version: [u8; 4], random: &[u8; RANDOM]) -> [u8; PACKET] {
    let mut packet = [0; PACKET];
    packet[4..8].copy_from_slice(&version);
    packet[8..].copy_from_slice(random);
    packet
}

fn packet(bytes: &[u8]) -> Result<&[u8; PACKET]> {
    bytes.first_chunk().ok_or_else(|| Error::invalid("a handshake packet is too short", Place::default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: [u8; RANDOM] = [0xA5; RANDOM];
    const B: [u8; RANDOM] = [0x5B; RANDOM];

    #[test]
    fn two_of_ours_sign_and_verify() {
        let (mut client, mut server) = (Handshake::client(&A), Handshake::server(&B));
        let c0c1 = client.poll_transmit().unwrap();
        assert!(!server.handle_input(&mut &c0c1[..]).unwrap());
        let s0s1s2 = server.poll_transmit().unwrap();
        assert_eq!(s0s1s2.len(), 3073);
        assert!(digest::verify(s0s1s2[1..].first_chunk().unwrap(), Signer::Server).is_some());
        assert!(client.handle_input(&mut &s0s1s2[..]).unwrap());
        let c2 = client.poll_transmit().unwrap();
        assert_ne!(c2[..], s0s1s2[1..=PACKET], "signed, not echoed");
        let mut rest = &[&c2[..], b"chunks"].concat()[..];
        assert!(server.handle_input(&mut rest).unwrap());
        assert_eq!(rest, b"chunks");
    }

    #[test]
    fn a_simple_client_is_echoed() {
        let mut server = Handshake::server(&B);
        let c1: Vec<u8> = (0..PACKET).map(|at| if at < 8 { 0 } else { at as u8 }).collect();
        assert!(!server.handle_input(&mut &[&[3], &c1[..]].concat()[..]).unwrap());
        let answer = server.poll_transmit().unwrap();
        assert_eq!((answer[0], &answer[1 + PACKET..]), (3, &c1[..]));
        assert_eq!(answer[5..9], [0; 4], "unsigned packets say version 0");
        assert!(server.handle_input(&mut &[0; PACKET][..]).unwrap(), "any C2 will do");
    }

    #[test]
    fn a_simple_server_gets_its_echo() {
        let mut client = Handshake::client(&A);
        let s1: Vec<u8> = (0..PACKET).map(|at| if at < 8 { 0 } else { at as u8 }).collect();
        let mut input = &[&[3], &s1[..], &[9; PACKET]].concat()[..];
        client.poll_transmit().unwrap();
        assert!(client.handle_input(&mut input).unwrap());
        assert_eq!(client.poll_transmit().unwrap(), s1);
    }

    #[test]
    fn other_protocols_are_named_at_their_first_byte() {
        for (first, says) in [(b'G', "HTTP"), (0x16, "TLS"), (6, "RTMPE"), (0, "version byte is 0x00")] {
            let error = Handshake::server(&B).handle_input(&mut &[first][..]).unwrap_err().to_string();
            assert!(error.starts_with("the client") && error.contains(says), "{error}");
        }
        let error = Handshake::client(&A).handle_input(&mut &b"HTTP/1.1 400 Bad Request"[..]).unwrap_err();
        assert!(error.to_string().starts_with("the server") && error.to_string().contains("HTTP"), "{error}");
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_do(sizes in prop::collection::vec(1usize..2000, 1..8), tail in 0usize..9) {
            let mut client = Handshake::client(&A);
            let c0c1 = client.poll_transmit().unwrap();
            let stream = [&c0c1[..], &[1; PACKET], &[7; 9][..tail]].concat();
            let (mut server, mut rest, mut done, mut sizes) = (Handshake::server(&B), &stream[..], false, sizes.iter().cycle());
            while !done && !rest.is_empty() {
                let (mut piece, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
                done = server.handle_input(&mut piece).unwrap();
                rest = if done { &stream[stream.len() - after.len() - piece.len()..] } else { after };
            }
            prop_assert!(done);
            prop_assert_eq!(rest, &[7; 9][..tail]);
        }
    }
}
