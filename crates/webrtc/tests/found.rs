//! Addresses that servers gave, in descriptions; and names in place of addresses.
#![allow(clippy::unwrap_used)] // A test that can't go on has failed.

mod support;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use brooklet_media::{AudioParams, ChannelLayout, CodecId, StreamParams, TimeBase};
use brooklet_webrtc::stun::Found;
use brooklet_webrtc::{Error, Output, Session, SessionOptions};

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// What an offer of ours says of ways to us: kind, address, port.
fn offered(options: &SessionOptions) -> Result<Vec<String>, Error> {
    let sound = AudioParams::new(48_000, ChannelLayout::Stereo);
    let sound = StreamParams::audio(CodecId::Opus, TimeBase::hz(48_000), sound);
    let local = [address("10.0.0.1:4000"), address("127.0.0.1:4000")];
    let (_, offer) = Session::offer(options, Instant::now(), &[sound], &[], &local)?;
    let lines = offer.lines().filter(|line| line.starts_with("a=candidate:"));
    let mut ways: Vec<_> = lines
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .map(|fields| format!("{} {}:{}", fields[7], fields[4], fields[5]))
        .collect();
    ways.sort();
    Ok(ways)
}

#[test]
fn what_servers_gave_is_told_beside_our_own() {
    let mut options = SessionOptions::new(support::certificate());
    options.found = vec![
        Found::Reflexive(address("198.51.100.9:40000")),
        Found::Relayed(address("192.0.2.1:50000")),
        // What is said already, and what is of another family, are left out.
        Found::Reflexive(address("127.0.0.1:4000")),
        Found::Relayed(address("[2001:db8::1]:50000")),
    ];
    let ways = offered(&options).unwrap();
    let own = ["host 10.0.0.1:4000", "host 127.0.0.1:4000"];
    assert_eq!(ways, [&own[..], &["relay 192.0.2.1:50000", "srflx 198.51.100.9:40000"]].concat());
    options.relay_only = true;
    assert_eq!(offered(&options).unwrap(), ["relay 192.0.2.1:50000"]);
    options.found.clear();
    assert_eq!(offered(&options), Err(Error::NoRelay));
}

#[test]
fn of_candidates_only_so_many_are_tried() {
    let options = SessionOptions::new(support::certificate());
    let sound = AudioParams::new(48_000, ChannelLayout::Stereo);
    let sound = StreamParams::audio(CodecId::Opus, TimeBase::hz(48_000), sound);
    let (mut now, local) = (Instant::now(), [address("10.0.0.1:4000")]);
    let (_, offer) = Session::offer(&options, now, &[sound], &[], &local).unwrap();
    let (mut session, _) = Session::answer(&options, now, &offer, &[], &local).unwrap();
    for fragment in 0..3 {
        let line = |port| format!("a=candidate:{port} 1 udp 2130706431 10.0.0.2 {port} typ host\r\n");
        session.add_candidates(&(1..=20).map(|n| line(fragment * 20 + n)).collect::<String>()).unwrap();
    }
    let (until, mut tried) = (now + Duration::from_secs(8), BTreeSet::new());
    while now < until {
        match session.poll().unwrap() {
            Output::Transmit(transmit) => drop(tried.insert(transmit.destination)),
            Output::Event(_) => {}
            Output::Timeout(at) => {
                now = at.max(now);
                session.handle_timeout(now).unwrap();
            }
        }
    }
    // One is the offer's.
    assert_eq!(tried.len(), 32);
}

#[test]
fn of_names_only_so_many_are_asked_for() {
    let options = SessionOptions::new(support::certificate());
    let sound = AudioParams::new(48_000, ChannelLayout::Stereo);
    let sound = StreamParams::audio(CodecId::Opus, TimeBase::hz(48_000), sound);
    let (now, local) = (Instant::now(), [address("10.0.0.1:4000")]);
    let (_, offer) = Session::offer(&options, now, &[sound], &[], &local).unwrap();
    let (mut session, _) = Session::answer(&options, now, &offer, &[], &local).unwrap();
    assert!(session.take_hidden().is_empty());
    let line = |number| format!("a=candidate:1 1 udp 2130706431 n{number}.local 9 typ host\r\n");
    session.add_candidates(&line(0)).unwrap();
    assert_eq!(session.take_hidden()[0].name, "n0.local");
    session.add_candidates(&(1..30).map(line).collect::<String>()).unwrap();
    assert_eq!((session.take_hidden().len(), session.take_hidden().len()), (7, 0));
}
