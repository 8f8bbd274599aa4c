//! Any bytes as a WAV file.

#![no_main]

use brooklet_format::WavDemuxer;
use brooklet_fuzz::reading;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| reading::check(WavDemuxer::new, input));
