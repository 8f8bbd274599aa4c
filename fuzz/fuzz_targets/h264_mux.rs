//! Good packets come back equal from an H.264 byte stream; from any others comes what can be read.

#![no_main]

use brooklet_format::{AnnexbDemuxer, AnnexbMuxer};
use brooklet_fuzz::writing;
use brooklet_media::CodecId;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    writing::check_single(AnnexbMuxer::h264, |source| AnnexbDemuxer::h264(source, None), CodecId::H264, input);
});
