//! Any bytes as Ogg.

#![no_main]

use brooklet_format::OggDemuxer;
use brooklet_fuzz::reading;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| reading::check(OggDemuxer::new, input));
