//! Any bytes as an MP4 file.

#![no_main]

use brooklet_fuzz::reading;
use brooklet_mp4::Mp4Demuxer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| reading::check(Mp4Demuxer::new, input));
