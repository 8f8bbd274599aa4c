//! STUN and TURN servers that answer anything: at most so much is asked of them, and relays can be used and given back.

#![no_main]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use brooklet_webrtc::mdns::Question;
use brooklet_webrtc::stun::{Arrival, Found, HEADER, Login, Message, Output, Server, Servers, signature};
use libfuzzer_sys::fuzz_target;

/// MD5 of `me:here:pw`: of a login where the server names its realm `here`.
const KEY: [u8; 16] =
    [0x40, 0x53, 0x91, 0x96, 0x1e, 0x26, 0xfc, 0x2c, 0xf2, 0x1d, 0xf5, 0x87, 0x40, 0x8c, 0xb1, 0xf4];
/// Requests that may be sent for each datagram that came or time that passed.
const MOST: usize = 4;

fuzz_target!(|input: &[u8]| {
    let (server, peer) =
        (SocketAddr::from((Ipv4Addr::LOCALHOST, 3_478)), SocketAddr::from((Ipv4Addr::LOCALHOST, 9)));
    let login = Some(Login { user: "me".into(), password: "pw".into() });
    let mut now = Instant::now();
    let Ok(mut servers) = Servers::ask(&[Server { address: server, login }], now) else { return };
    let mut last = Vec::new();
    drain(&mut servers, &mut last);
    let mut rest = input;
    // Each datagram: what is done to it, its length, itself.
    while let Some(([how, length], more)) = rest.split_first_chunk() {
        let (piece, more) = more.split_at(usize::from(*length).min(more.len()));
        rest = more;
        let mut bytes = piece.to_vec();
        if how & 1 != 0 {
            // An answer to what was asked last, signed where the fuzzer wants it.
            answer(&mut bytes, &last, how & 2 != 0);
        }
        if let Some(question) = Question::new("a.local", how & 16 != 0) {
            let _ = question.answer(&bytes);
        }
        if let Arrival::Relayed { bytes: data, .. } = servers.handle_datagram(now, server, &bytes) {
            assert!(data.len() <= bytes.len());
        }
        drain(&mut servers, &mut last);
        if how & 4 != 0 {
            now += Duration::from_secs(u64::from(*length));
            servers.handle_timeout(now);
            drain(&mut servers, &mut last);
        }
        for found in servers.found() {
            if let (Found::Relayed(own), true) = (found, how & 8 != 0) {
                assert!(servers.relay(now, own, peer, b"media"));
            }
        }
        drain(&mut servers, &mut last);
    }
    servers.end();
    drain(&mut servers, &mut last);
});

/// Takes what is to be sent, and keeps the last request.
fn drain(servers: &mut Servers, last: &mut Vec<u8>) {
    let mut sent = 0;
    loop {
        match servers.poll() {
            Output::Transmit { bytes, .. } => {
                sent += 1;
                assert!(sent <= MOST, "{sent} at once");
                if Message::parse(&bytes).is_some() {
                    *last = bytes;
                }
            }
            Output::Trouble(_, trouble) => assert!(trouble.to_string().len() < 500),
            Output::Timeout(_) => return,
        }
    }
}

/// Makes an answer of it: the kind of the request with the fuzzer's class, its name, a length that is right, a signature.
fn answer(bytes: &mut Vec<u8>, request: &[u8], is_signed: bool) {
    let Some(header) = request.get(..HEADER) else { return };
    bytes.resize(bytes.len().max(HEADER).next_multiple_of(4), 0);
    let class = bytes[0] & 1;
    bytes[..HEADER].copy_from_slice(header);
    // Success, or an error.
    bytes[0] |= 1;
    bytes[1] |= class << 4;
    let length = |bytes: &[u8]| ((bytes.len() - HEADER) as u16).to_be_bytes();
    if is_signed {
        bytes.extend([0, 8, 0, 20]);
        bytes.extend([0; 20]);
        let whole = length(bytes);
        bytes[2..4].copy_from_slice(&whole);
        let at = bytes.len() - 20;
        if let Some(signature) = signature(&bytes[..at - 4], &KEY) {
            bytes[at..].copy_from_slice(&signature);
        }
    }
    let whole = length(bytes);
    bytes[2..4].copy_from_slice(&whole);
}
