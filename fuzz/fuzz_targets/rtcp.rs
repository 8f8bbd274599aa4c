//! RTCP compounds: what is read can be written, and reads back equal.

#![no_main]

use brooklet_rtp::Rtcp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(mut packets) = Rtcp::parse(input) else { return };
    packets.retain(|packet| !matches!(packet, Rtcp::Other(_)));
    let text = |packet: &Rtcp| match packet {
        // A count has five bits, a name 255 bytes: what was read of more fits only in part.
        Rtcp::Cname(names) => names.len() <= 31 && names.iter().all(|(_, name)| name.len() <= 255),
        _ => true,
    };
    if packets.iter().all(text) {
        assert_eq!(Rtcp::parse(&Rtcp::write(&packets)), Ok(packets));
    }
});
