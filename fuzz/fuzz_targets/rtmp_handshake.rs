//! Either side of a handshake with a peer that sends any bytes.

#![no_main]

use brooklet_rtmp::handshake::{Handshake, RANDOM};
use libfuzzer_sys::fuzz_target;

const OURS: &[u8; RANDOM] = &[0xA5; RANDOM];

fuzz_target!(|input: &[u8]| {
    let Some(([flags, size], bytes)) = input.split_first_chunk() else { return };
    let mut handshake = if flags & 1 == 0 { Handshake::client(OURS) } else { Handshake::server(OURS) };
    let mut taken = 0;
    while handshake.poll_transmit().is_some() {}
    for piece in bytes.chunks(16 * (usize::from(*size) + 1)) {
        let mut rest = piece;
        let outcome = handshake.handle_input(&mut rest);
        taken += piece.len() - rest.len();
        assert_eq!(handshake.position(), taken as u64);
        while handshake.poll_transmit().is_some() {}
        match outcome {
            Ok(false) => assert!(rest.is_empty(), "it wants more and leaves some"),
            Ok(true) | Err(_) => return,
        }
    }
});
