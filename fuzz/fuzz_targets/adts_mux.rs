//! Good packets come back equal from ADTS; from any others comes what can be read.

#![no_main]

use brooklet_format::{AdtsDemuxer, AdtsMuxer};
use brooklet_fuzz::writing;
use brooklet_media::CodecId;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| writing::check_single(AdtsMuxer::new, AdtsDemuxer::new, CodecId::Aac, input));
