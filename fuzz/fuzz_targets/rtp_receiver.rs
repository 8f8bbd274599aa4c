//! A receiver whose port gets anything: floods of sources, jumps of numbers, what is no RTP.

#![no_main]

use brooklet_fuzz::voice;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| voice::check_receiver(input));
