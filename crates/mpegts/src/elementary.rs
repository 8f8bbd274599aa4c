//! Elementary streams: the bytes of PES packets into access units, and what each codec says of itself.

mod ac3;
mod adts;
mod framed;
mod h264;
mod hevc;
mod mpeg_audio;
mod mpeg_video;
mod nal_stream;
mod opus;
mod whole;

use alloc::boxed::Box;
use alloc::vec::Vec;

use brooklet_media::{CodecId, StreamKind, Trim};
use bytes::Bytes;

use crate::descriptor;
use crate::pes::Times;
use crate::psi::PmtStream;

pub(crate) use opus::{
    channel_config as opus_channel_config, write_control_header as write_opus_control_header,
};

/// An access unit, with times in ticks of 90 kHz that no longer wrap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Unit {
    pub(crate) pts: i64,
    pub(crate) dts: i64,
    pub(crate) duration: i64,
    pub(crate) key: bool,
    pub(crate) trim: Trim,
    pub(crate) data: Bytes,
}

/// What a stream is, as far as its own bytes say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Format {
    pub(crate) codec: CodecId,
    pub(crate) kind: StreamKind,
    pub(crate) extradata: Bytes,
}

/// What is found in an elementary stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Found {
    /// What the units after it are: before the first one, where that is known, and whenever it changes.
    Format(Format),
    /// An access unit.
    Unit(Unit),
}

/// Finds access units in one stream. For each PES packet: `start`, `append` any number of times, `complete`.
pub(crate) trait Elementary: Send {
    /// A PES packet begins; its times are those of the first access unit that begins in it.
    fn start(&mut self, times: Option<Times>);

    /// Takes bytes of its payload.
    fn append(&mut self, bytes: &[u8], found: &mut Vec<Found>);

    /// Its last byte has come.
    fn complete(&mut self, found: &mut Vec<Found>);

    /// Bytes were lost after those that came: gives what is whole, forgets what is not.
    fn damage(&mut self, found: &mut Vec<Found>);

    /// Nothing comes that would belong to what has come: gives all of it.
    fn flush(&mut self, found: &mut Vec<Found>);

    /// Bytes that are held.
    fn held(&self) -> usize;

    /// The most bytes that may be held; no sound needs more than this.
    fn limit(&self) -> usize {
        256 << 10
    }
}

/// The most bytes of a picture.
const MAX_PICTURE: usize = 8 << 20;

/// How a stream of the program map is to be read; `None` for one that travels in sections, not in PES packets.
pub(crate) fn reader(stream: &PmtStream) -> Option<(CodecId, Box<dyn Elementary>)> {
    let descriptors = &stream.descriptors[..];
    let private = match descriptor::registration_in(descriptors) {
        Some(letters) => Some(letters),
        None if descriptor::has(descriptors, descriptor::DVB_AC3) => Some(*b"AC-3"),
        None if descriptor::has(descriptors, descriptor::DVB_EAC3) => Some(*b"EAC3"),
        None => None,
    };
    let unknown = CodecId::Unknown(stream.stream_type.into());
    // ISO/IEC 13818-1 table 2-34; from 0x80 on those of ATSC (A/53 part 3, A/52).
    Some(match (stream.stream_type, private) {
        (0x02, _) => (CodecId::Mpeg2Video, Box::new(mpeg_video::MpegVideo::default())),
        (0x03 | 0x04, _) => (CodecId::Mp3, Box::new(framed::Framed::<mpeg_audio::MpegAudio>::default())),
        (0x0F, _) => (CodecId::Aac, Box::new(framed::Framed::<adts::AdtsFrames>::default())),
        (0x1B, _) => (CodecId::H264, Box::new(nal_stream::NalStream::<h264::H264>::default())),
        (0x24, _) => (CodecId::Hevc, Box::new(nal_stream::NalStream::<hevc::Hevc>::default())),
        (0x81, _) | (0x06, Some([b'A', b'C', b'-', b'3'])) => {
            (CodecId::Ac3, Box::new(framed::Framed::<ac3::Ac3Frames>::default()))
        }
        (0x84 | 0x87, _) | (0x06, Some([b'E', b'A', b'C', b'3'])) => {
            (CodecId::Eac3, Box::new(framed::Framed::<ac3::Ac3Frames>::default()))
        }
        (0x06, Some([b'O', b'p', b'u', b's'])) => {
            let channels = descriptor::opus_channel_config_in(descriptors).unwrap_or(2);
            (CodecId::Opus, Box::new(opus::OpusUnits::new(channels)))
        }
        (0x06, Some([b'H', b'E', b'V', b'C'])) => {
            (CodecId::Hevc, Box::new(nal_stream::NalStream::<hevc::Hevc>::default()))
        }
        (0x05 | 0x0A..=0x0E | 0x14 | 0x16..=0x1A | 0x86, _) => return None,
        (0x06, Some(letters)) => {
            (CodecId::Unknown(u32::from_be_bytes(letters)), Box::new(whole::Whole::new(unknown)))
        }
        _ => (unknown, Box::new(whole::Whole::new(unknown))),
    })
}
