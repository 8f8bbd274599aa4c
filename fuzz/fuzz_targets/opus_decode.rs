//! Damaged Opus: no packet makes the decoder panic.

#![no_main]

use brooklet_fuzz::{coded, decoding};
use libfuzzer_sys::fuzz_target;

// A panic of the library below is caught by our decoder.
fuzz_target!(init: decoding::let_panics_be_caught(), |input: &[u8]| decoding::check(coded::opus(), input));
