//! Motion JPEG: whatever stands there, pictures come out the same in pieces of any size.

#![no_main]

use brooklet_format::MjpegDemuxer;
use brooklet_fuzz::reading;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| reading::check(|source| MjpegDemuxer::new(source, None), input));
