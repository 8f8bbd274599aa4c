//! A jitter buffer to which anything comes at any time.

#![no_main]

use brooklet_fuzz::voice;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| voice::check_playout(input));
