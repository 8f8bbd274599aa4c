//! Good packets come back equal from Ogg; from any others comes what can be read.

#![no_main]

use brooklet_format::{OggDemuxer, OggMuxer};
use brooklet_fuzz::writing;
use brooklet_media::CodecId;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = input.split_first() else { return };
    writing::check_single(|| OggMuxer::new(first & 1 == 1), OggDemuxer::new, CodecId::Opus, rest);
});
