//! Damaged G.722: any bytes are sound, and none make the decoder panic.

#![no_main]

use brooklet_fuzz::{coded, decoding};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| decoding::check(coded::g722(), input));
