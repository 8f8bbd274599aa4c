//! Any bytes as an FLV file.

#![no_main]

use brooklet_flv::FlvDemuxer;
use brooklet_fuzz::reading;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| reading::check(FlvDemuxer::new, input));
