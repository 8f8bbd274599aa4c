//! Payloads of each format from a peer that sends anything.

#![no_main]

use brooklet_fuzz::voice;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| voice::check_depacketizer(input));
