//! Boxes, written (ISO/IEC 14496-12 §4.2).

use bytes::{BufMut, BytesMut};

use crate::boxes::FourCc;

/// Writes a box around what `body` writes. Whoever writes a box that may pass 4 GiB checks that it does not.
pub(super) fn put_box(out: &mut BytesMut, kind: &FourCc, body: impl FnOnce(&mut BytesMut)) {
    let at = out.len();
    out.put_u32(0);
    out.put_slice(kind);
    body(out);
    let size = (out.len() - at) as u32;
    out[at..at + 4].copy_from_slice(&size.to_be_bytes());
}

/// Writes a box that begins with a version and 24 bits of flags.
pub(super) fn put_full_box(
    out: &mut BytesMut,
    kind: &FourCc,
    version: u8,
    flags: u32,
    body: impl FnOnce(&mut BytesMut),
) {
    put_box(out, kind, |out| {
        out.put_u32(u32::from(version) << 24 | flags);
        body(out);
    });
}

/// A time that has 32 bits in version 0 of a box and 64 in version 1.
pub(super) fn put_time(out: &mut BytesMut, version: u8, ticks: i64) {
    match version {
        0 => out.put_u32(ticks as u32),
        _ => out.put_i64(ticks),
    }
}

/// The version of a box whose times are these.
pub(super) fn version_for(times: impl IntoIterator<Item = i64>) -> u8 {
    u8::from(times.into_iter().any(|time| time > i64::from(i32::MAX)))
}
