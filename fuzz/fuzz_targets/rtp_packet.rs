//! RTP packets: what is read can be written, and reads back equal.

#![no_main]

use brooklet_rtp::RtpPacket;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(packet) = RtpPacket::parse(&Bytes::copy_from_slice(input)) {
        assert_eq!(RtpPacket::parse(&packet.write()), Ok(packet));
    }
});
