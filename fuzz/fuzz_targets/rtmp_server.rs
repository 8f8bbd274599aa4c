//! A server session whose client sends any bytes.

#![no_main]

use brooklet_fuzz::sessions;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| sessions::check_server(input));
