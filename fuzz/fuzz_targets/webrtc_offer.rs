//! Offers of peers, and fragments with their candidates: an answer or a refusal, and a session that can be driven and closed.

#![no_main]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use brooklet_webrtc::{Certificate, Output, Session, SessionOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    static OPTIONS: OnceLock<Option<SessionOptions>> = OnceLock::new();
    let made = || Certificate::generate(Duration::from_secs(1_800_000_000)).ok().map(SessionOptions::new);
    let Some(options) = OPTIONS.get_or_init(made) else { return };
    let text = String::from_utf8_lossy(input);
    // What stands after a NUL comes as more candidates.
    let (offer, fragment) = text.split_once('\0').unwrap_or((&text, ""));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 4_000));
    let now = Instant::now();
    let Ok((mut session, _)) = Session::answer(options, now, offer, &[], &[address]) else { return };
    let _ = session.add_candidates(fragment);
    for step in 0..8 {
        if session.handle_timeout(now + Duration::from_millis(50 * step)).is_err() {
            return;
        }
        while let Ok(Output::Transmit(_) | Output::Event(_)) = session.poll() {}
    }
    session.close();
});
