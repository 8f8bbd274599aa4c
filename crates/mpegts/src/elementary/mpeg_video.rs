//! MPEG-2 video: one picture to a PES packet, handed on as it came, with what its headers say (ISO/IEC 13818-2
//! §6.2.2.1, §6.2.3).

use alloc::vec::Vec;

use brooklet_media::bitstream::nal;
use brooklet_media::{CodecId, Rational, StreamKind, Trim, VideoParams};
use bytes::{Bytes, BytesMut};

use super::{Elementary, Format, Found, MAX_PICTURE, Unit};
use crate::pes::Times;

const PICTURE: u8 = 0x00;
const SEQUENCE: u8 = 0xB3;
/// Table 6-4, by frame_rate_code.
const FRAME_RATES: [(u32, u32); 9] =
    [(0, 1), (24_000, 1_001), (24, 1), (25, 1), (30_000, 1_001), (30, 1), (50, 1), (60_000, 1_001), (60, 1)];

/// An MPEG-2 video stream.
#[derive(Default)]
pub(super) struct MpegVideo {
    bytes: BytesMut,
    times: Option<Times>,
    format: Option<Format>,
}

impl Elementary for MpegVideo {
    fn start(&mut self, times: Option<Times>) {
        self.bytes.clear();
        self.times = times;
    }

    fn append(&mut self, bytes: &[u8], _: &mut Vec<Found>) {
        self.bytes.extend_from_slice(bytes);
    }

    fn complete(&mut self, found: &mut Vec<Found>) {
        let data = self.bytes.split().freeze();
        let Some(Times { pts, dts }) = self.times.take() else { return };
        let head = read_headers(&data);
        if let Some(format) = head.format.filter(|format| self.format.as_ref() != Some(format)) {
            found.push(Found::Format(self.format.insert(format).clone()));
        }
        if !data.is_empty() {
            let (pts, key) = (pts.max(dts), head.intra);
            found.push(Found::Unit(Unit { pts, dts, duration: 0, key, trim: Trim::default(), data }));
        }
    }

    fn damage(&mut self, _: &mut Vec<Found>) {
        self.bytes.clear();
        self.times = None;
    }

    fn flush(&mut self, found: &mut Vec<Found>) {
        self.complete(found);
    }

    fn held(&self) -> usize {
        self.bytes.len()
    }

    fn limit(&self) -> usize {
        MAX_PICTURE
    }
}

#[derive(Default)]
struct Headers {
    format: Option<Format>,
    intra: bool,
}

/// Reads up to the first picture header.
fn read_headers(bytes: &[u8]) -> Headers {
    let mut headers = Headers::default();
    let mut at = 0;
    while let Some((_, after)) = nal::find_start_code(bytes, at) {
        match bytes.get(after..) {
            Some([PICTURE, _, type_and_more, ..]) => {
                headers.intra = type_and_more >> 3 & 7 == 1;
                break;
            }
            Some([SEQUENCE, a, b, c, aspect_and_rate, ..]) => {
                let (width, height) =
                    (u32::from(*a) << 4 | u32::from(b >> 4), u32::from(b & 15) << 8 | u32::from(*c));
                let rate = FRAME_RATES.get(usize::from(aspect_and_rate & 15));
                let frame_rate =
                    rate.filter(|rate| rate.0 > 0).and_then(|rate| Rational::new(rate.0, rate.1));
                let video = VideoParams { frame_rate, ..VideoParams::new(width, height) };
                let (codec, kind) = (CodecId::Mpeg2Video, StreamKind::Video(video));
                headers.format = Some(Format { codec, kind, extradata: Bytes::new() });
            }
            _ => {}
        }
        at = after;
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_header_and_an_intra_picture() {
        let bytes = [0, 0, 1, 0xB3, 0x28, 0x01, 0x68, 0x33, 0, 0, 1, 0x00, 0, 0x0F, 0xFF];
        let headers = read_headers(&bytes);
        let Some(Format { kind: StreamKind::Video(video), .. }) = headers.format else { panic!("no format") };
        assert_eq!((video.width, video.height, video.frame_rate), (640, 360, Rational::new(25, 1)));
        assert!(headers.intra);
    }
}
