//! Any bytes as a transport stream.

#![no_main]

use brooklet_fuzz::reading;
use brooklet_mpegts::TsDemuxer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| reading::check(TsDemuxer::new, input));
