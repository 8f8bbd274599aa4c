//! Any bytes before the checker of transport streams.

#![no_main]

use brooklet_mpegts::check::Check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut whole = Check::new();
    whole.push(input);
    let mut pieces = Check::new();
    input.chunks(100).for_each(|piece| pieces.push(piece));
    assert_eq!(pieces.report().to_string(), whole.report().to_string());
});
