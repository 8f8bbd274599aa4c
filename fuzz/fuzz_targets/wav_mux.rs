//! Sound comes back equal from a WAV file; from any other packets comes what can be read.

#![no_main]

use brooklet_format::{WavDemuxer, WavMuxer};
use brooklet_fuzz::writing;
use brooklet_media::{CodecId, PcmFormat};
use libfuzzer_sys::fuzz_target;

const FORMATS: [PcmFormat; 8] = [
    PcmFormat::U8,
    PcmFormat::S16Le,
    PcmFormat::S24Le,
    PcmFormat::S32Le,
    PcmFormat::F32Le,
    PcmFormat::F64Le,
    PcmFormat::Alaw,
    PcmFormat::Mulaw,
];

fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = input.split_first() else { return };
    let codec = CodecId::Pcm(FORMATS[usize::from(*first) % FORMATS.len()]);
    writing::check_single(WavMuxer::new, WavDemuxer::new, codec, rest);
});
