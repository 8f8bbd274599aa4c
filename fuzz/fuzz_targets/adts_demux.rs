//! Any bytes as ADTS.

#![no_main]

use brooklet_format::AdtsDemuxer;
use brooklet_fuzz::reading;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| reading::check(AdtsDemuxer::new, input));
