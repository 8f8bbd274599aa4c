//! A web server's answer that may be anything.

#![no_main]

use brooklet_fuzz::radio;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| radio::check_answer(input));
