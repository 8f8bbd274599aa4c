//! Any bytes as an HEVC byte stream.

#![no_main]

use brooklet_format::AnnexbDemuxer;
use brooklet_fuzz::reading;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| reading::check(|source| AnnexbDemuxer::hevc(source, None), input));
