//! Any tags, as RTMP hands them over.

#![no_main]

use arbitrary::Unstructured;
use brooklet_flv::{Tag, TagKind, TagReader};
use brooklet_fuzz::reading::Contract;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut draw = Unstructured::new(input);
    let mut reader = TagReader::new();
    let mut contract = Contract::default();
    while let Ok(tag) = any_tag(&mut draw) {
        let _ = (tag.is_key_frame(), tag.is_sequence_header(), tag.is_end_of_sequence(), tag.header());
        let _ = reader.push(tag);
        while let Some(event) = reader.poll() {
            contract.check(&event);
        }
    }
    reader.finish();
    while let Some(event) = reader.poll() {
        contract.check(&event);
    }
    reader.metadata();
});

/// A kind, a time, a length, and so many bytes.
fn any_tag(draw: &mut Unstructured<'_>) -> arbitrary::Result<Tag> {
    let [kind, time, length] = <[u8; 3]>::try_from(draw.bytes(3)?).unwrap_or_default();
    let kind = [TagKind::Video, TagKind::Audio, TagKind::Script][usize::from(kind % 3)];
    let timestamp = if time == 0xFF { draw.arbitrary()? } else { i64::from(time) * 40 };
    let body = Bytes::copy_from_slice(draw.bytes(usize::from(length).min(draw.len()))?);
    Ok(Tag { kind, timestamp, body })
}
