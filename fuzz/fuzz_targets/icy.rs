//! Titles between the bytes of a stream.

#![no_main]

use brooklet_fuzz::radio;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| radio::check_titles(input));
