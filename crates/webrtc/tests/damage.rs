//! Descriptions and datagrams that are damaged in any way are read or refused; nothing panics.
#![allow(clippy::unwrap_used, clippy::panic)] // A test that can't go on has failed.

mod support;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use brooklet_webrtc::{Certificate, Session, SessionOptions};
use support::{opus, video};

#[test]
fn every_damaged_offer_is_answered_or_refused() {
    let (now, options) = (Instant::now(), options());
    let addresses: [SocketAddr; 1] = ["10.0.0.1:4000".parse().unwrap()];
    let streams = [video(), opus()];
    let (_, offer) = Session::offer(&options, now, &streams, &[], &addresses).unwrap();
    let answered = |offer: &str| Session::answer(&options, now, offer, &[], &addresses).is_ok();
    assert!(answered(&offer));
    let lines: Vec<&str> = offer.lines().collect();
    for gone in 0..lines.len() {
        let rest: Vec<&str> =
            lines.iter().enumerate().filter(|(n, _)| *n != gone).map(|(_, line)| *line).collect();
        answered(&(rest.join("\r\n") + "\r\n"));
        answered(&(lines[..gone].join("\r\n") + "\r\n"));
    }
    for at in (0..offer.len()).step_by(11) {
        for other in ["-", "\r\n", "99999999999999999999"] {
            answered(&format!("{}{other}{}", &offer[..at], &offer[at + 1..]));
        }
    }
    assert!(!answered(&"a=x\r\n".repeat(20_000)));
}

#[test]
fn every_datagram_is_taken_or_left() {
    let (now, options) = (Instant::now(), options());
    let [here, there]: [SocketAddr; 2] = ["10.0.0.1:4000", "10.0.0.2:4000"].map(|text| text.parse().unwrap());
    let (mut sender, offer) = Session::offer(&options, now, &[opus()], &[], &[there]).unwrap();
    let (mut session, answer) = Session::answer(&options, now, &offer, &[], &[here]).unwrap();
    sender.accept_answer(&answer).unwrap();
    for first in 0..=255u8 {
        for length in [0, 1, 2, 8, 12, 13, 20, 60, 1_400] {
            let mut bytes = vec![first; length];
            let _ = session.handle_datagram(now, there, here, &bytes);
            // With STUN's cookie, and with a header of DTLS.
            if length >= 20 {
                bytes[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
                let _ = session.handle_datagram(now, there, here, &bytes);
                bytes[..3].copy_from_slice(&[22, 0xfe, 0xfd]);
                let _ = session.handle_datagram(now, there, here, &bytes);
            }
            while let Ok(brooklet_webrtc::Output::Transmit(_) | brooklet_webrtc::Output::Event(_)) =
                session.poll()
            {}
        }
    }
}

fn options() -> SessionOptions {
    SessionOptions::new(Certificate::generate(Duration::from_secs(1_800_000_000)).unwrap())
}
