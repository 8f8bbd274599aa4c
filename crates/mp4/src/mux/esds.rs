//! Elementary stream descriptors, written: `esds` (ISO/IEC 14496-1 §7.2.6, 14496-14 §5.6).

use brooklet_media::{CodecId, MediaKind, StreamParams};
use bytes::{BufMut, BytesMut};

use super::put::put_full_box;
use crate::esds::tag;

/// Bytes of a descriptor's tag and of its length in four bytes, as everybody writes it.
const HEADER: usize = 5;
/// Bytes of a DecoderConfigDescriptor before what is inside.
const DECODER_CONFIG: usize = 13;
/// Rates from here on are MPEG-1's, below MPEG-2's, Hz.
const MPEG1_RATE: u32 = 32_000;

/// `streamType` (ISO/IEC 14496-1 table 6), with the bit that is always set.
const VISUAL: u8 = 4 << 2 | 1;
const AUDIO: u8 = 5 << 2 | 1;

/// Writes the box for a stream.
pub(super) fn put_esds(out: &mut BytesMut, params: &StreamParams) {
    let config = &params.extradata;
    let specific = if config.is_empty() { 0 } else { HEADER + config.len() };
    let decoder = DECODER_CONFIG + specific;
    let bit_rate = params.bit_rate.and_then(|rate| u32::try_from(rate).ok()).unwrap_or(0);
    put_full_box(out, b"esds", 0, 0, |out| {
        put_header(out, tag::ES_DESCRIPTOR, 3 + HEADER + decoder + HEADER + 1);
        out.put_u16(0); // ES_ID: a file has no need of it
        out.put_u8(0);
        put_header(out, tag::DECODER_CONFIG, decoder);
        out.put_u8(object_type(params));
        out.put_u8(if params.media() == MediaKind::Video { VISUAL } else { AUDIO });
        out.put_uint(0, 3); // bytes of its buffer
        out.put_u32(bit_rate); // at most
        out.put_u32(bit_rate);
        if !config.is_empty() {
            put_header(out, tag::DECODER_SPECIFIC_INFO, config.len());
            out.put_slice(config);
        }
        put_header(out, tag::SL_CONFIG, 1);
        out.put_u8(2); // as MP4 files have it
    });
}

/// objectTypeIndication (mp4ra.org, "Object Types").
fn object_type(params: &StreamParams) -> u8 {
    let is_mpeg1 = params.as_audio().is_some_and(|audio| audio.rate >= MPEG1_RATE);
    match params.codec {
        CodecId::Mpeg4 => 0x20,
        CodecId::Mpeg2Video => 0x61,
        CodecId::Mjpeg => 0x6C,
        CodecId::Mp3 | CodecId::Mp2 if is_mpeg1 => 0x6B,
        CodecId::Mp3 | CodecId::Mp2 => 0x69,
        _ => 0x40,
    }
}

/// A tag and a length of 28 bits.
fn put_header(out: &mut BytesMut, tag: u8, length: usize) {
    out.put_u8(tag);
    out.put_slice(&[21, 14, 7].map(|shift| (length >> shift) as u8 & 0x7F | 0x80));
    out.put_u8(length as u8 & 0x7F);
}
