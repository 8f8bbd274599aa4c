//! Good packets come back equal from MP3; from any others comes what can be read.

#![no_main]

use brooklet_format::{Mp3Muxer, MpegAudioDemuxer};
use brooklet_fuzz::writing;
use brooklet_media::CodecId;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = input.split_first() else { return };
    writing::check_single(|| Mp3Muxer::new(first & 1 == 1), MpegAudioDemuxer::new, CodecId::Mp3, rest);
});
