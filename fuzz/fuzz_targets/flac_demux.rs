//! Any bytes as native FLAC.

#![no_main]

use brooklet_format::FlacDemuxer;
use brooklet_fuzz::reading;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| reading::check(FlacDemuxer::new, input));
