//! Any bytes as frames of MP3.

#![no_main]

use brooklet_format::MpegAudioDemuxer;
use brooklet_fuzz::reading;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| reading::check(MpegAudioDemuxer::new, input));
