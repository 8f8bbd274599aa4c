//! Any bytes as YUV4MPEG2.

#![no_main]

use brooklet_format::Y4mDemuxer;
use brooklet_fuzz::reading;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| reading::check(Y4mDemuxer::new, input));
