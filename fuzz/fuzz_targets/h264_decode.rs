//! Damaged H.264: no packet makes the decoder panic.

#![no_main]

use brooklet_fuzz::{coded, decoding};
use libfuzzer_sys::fuzz_target;

// The library below panics where sums overflow, which our decoder catches.
fuzz_target!(init: decoding::let_panics_be_caught(), |input: &[u8]| decoding::check(coded::h264(), input));
