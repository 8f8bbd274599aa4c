//! Any bytes as an input of unknown format.

#![no_main]

use brooklet_format::{Probe, probe};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    for (ended, url) in [(true, ""), (true, "clip.h264"), (false, "clip")] {
        if let Ok(Probe::NeedMore) = probe(input, url, ended) {
            assert!(!ended, "more is asked for than there is");
        }
    }
});
