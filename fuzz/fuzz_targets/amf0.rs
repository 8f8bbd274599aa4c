//! Any bytes as AMF0: what is read is written, and reads back equal.

#![no_main]

use brooklet_flv::amf0::{self, Value};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(values) = amf0::read_all(input) else { return };
    let once = written(&values);
    let read = amf0::read_all(&once).expect("what we write can be read");
    // Bytes rather than values: one NaN does not equal another.
    assert_eq!(written(&read), once);
});

fn written(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    values.iter().for_each(|value| amf0::write(value, &mut out));
    out
}
