//! A decoder, and packets that are damaged in any way.

use brooklet_codec::{DecoderOptions, open_decoder};
use brooklet_media::bitstream::h264::{NAL_SPS, Sps, nal_type};
use brooklet_media::bitstream::nal;
use brooklet_media::{CodecId, Decoder, Frame, Packet, StreamParams};
use bytes::{BufMut, Bytes};

use crate::coded::Coded;

/// The most packets of one input.
const MAX_PACKETS: usize = 24;

/// The most pixels of a picture: larger ones are only slower.
const MAX_PIXELS: u32 = 256 * 256;

/// The packets as an input of [`check`].
pub fn input(packets: &[Packet]) -> Vec<u8> {
    let mut out = vec![0];
    for packet in packets {
        out.put_u8(u8::from(packet.key));
        out.put_u16(packet.data.len() as u16);
        out.put_slice(&packet.data);
    }
    out
}

/// Decodes what the input says: a byte of flags, then packets, each with flags and a length of two bytes before it.
///
/// # Panics
///
/// Where the decoder does, or gives frames of nothing.
pub fn check((params, _): &Coded, input: &[u8]) {
    let Some((flags, mut rest)) = input.split_first() else { return };
    let mut params = params.clone();
    if flags & 1 != 0 {
        params.extradata = take_bytes(&mut rest);
    }
    if is_large_set(&params, &params.extradata) {
        return;
    }
    let Ok(mut decoder) = open_decoder(&params, &DecoderOptions::default()) else { return };
    for number in 0..MAX_PACKETS as i64 {
        let Some((flags, after)) = rest.split_first() else { break };
        rest = after;
        let data = take_bytes(&mut rest);
        if has_large_set(&params, &data) {
            return;
        }
        match flags >> 4 {
            1 => decoder.reset(),
            2 => drop(decoder.change_params(&params)),
            3 => drop(decoder.flush()),
            _ => {}
        }
        let packet = Packet {
            key: flags & 1 != 0,
            dts: number,
            ..Packet::new(0, number + i64::from(flags >> 1 & 3), data)
        };
        let _ = decoder.decode(&packet);
        take_frames(&mut *decoder);
    }
    let _ = decoder.flush();
    take_frames(&mut *decoder);
}

fn take_frames(decoder: &mut dyn Decoder) {
    while let Some(frame) = decoder.poll_frame() {
        match frame {
            Frame::Video(frame) => assert!(frame.width() > 0 && frame.height() > 0),
            Frame::Audio(frame) => assert!(frame.samples() > 0 && frame.rate() > 0),
        }
    }
}

fn take_bytes(rest: &mut &[u8]) -> Bytes {
    let Some((length, after)) = rest.split_first_chunk() else {
        return Bytes::copy_from_slice(std::mem::take(rest));
    };
    let (bytes, after) = after.split_at(usize::from(u16::from_be_bytes(*length)).min(after.len()));
    *rest = after;
    Bytes::copy_from_slice(bytes)
}

/// Whether an H.264 configuration speaks of large pictures.
fn is_large_set(params: &StreamParams, record: &[u8]) -> bool {
    let config = brooklet_media::bitstream::h264::AvcConfig::parse(record);
    params.codec == CodecId::H264 && config.is_ok_and(|config| config.sps.iter().any(|unit| is_large(unit)))
}

/// Whether an H.264 packet does.
fn has_large_set(params: &StreamParams, data: &[u8]) -> bool {
    params.codec == CodecId::H264 && nal::length_prefixed_units(data, 4).any(is_large)
}

fn is_large(unit: &[u8]) -> bool {
    nal_type(unit) == NAL_SPS
        && Sps::parse(unit).is_ok_and(|sps| sps.mbs_wide * sps.mbs_high * 256 > MAX_PIXELS)
}

/// Undoes what libFuzzer does to panics: it ends the process before anyone could catch them. What nobody catches
/// still ends it.
pub fn let_panics_be_caught() {
    let _ = std::panic::take_hook();
    std::panic::set_hook(Box::new(|panic| {
        let is_ours = panic.location().is_none_or(|place| !place.file().contains("/registry/"));
        if is_ours {
            eprintln!("{panic}");
        }
    }));
}
