//! Motion JPEG: pictures (ITU-T T.81) one after another, with anything between them.
//!
//! That is what cameras send by HTTP (`multipart/x-mixed-replace`, whose headers stand between), what scripts push through a
//! pipe, and what ffmpeg calls `mjpeg`, `mpjpeg`, `jpeg_pipe` and `image2pipe`.

use std::collections::VecDeque;

use brooklet_media::{
    CodecId, Color, DemuxEvent, DemuxStep, Demuxer, Error, Packet, Range, Rational, Result, Source,
    StreamParams, VideoFrame, VideoParams,
};
use bytes::Bytes;

use crate::input::Input;

const NAME: &str = "mjpeg";

/// The most bytes of a picture.
const MAX_PICTURE: usize = 64 << 20;
/// The most bytes before the first.
const MAX_GARBAGE: u64 = 1 << 20;

/// Pictures in a second where nothing is said.
const USUAL_RATE: Rational = Rational::whole(25);

/// What a picture starts with: its own marker, and that any other follows.
const START: [u8; 3] = [0xFF, marker::SOI, 0xFF];

/// Markers (T.81 table B.1).
mod marker {
    pub(super) const SOI: u8 = 0xD8;
    pub(super) const EOI: u8 = 0xD9;
    pub(super) const SOS: u8 = 0xDA;
    pub(super) const TEM: u8 = 0x01;
    pub(super) const RST0: u8 = 0xD0;
    pub(super) const RST7: u8 = 0xD7;
}

/// Reads Motion JPEG: one stream at a constant rate. What stands between pictures is skipped; one that breaks off is left out, and
/// the next with it where that began within a table.
#[derive(Debug)]
pub struct MjpegDemuxer {
    input: Input,
    rate: Rational,
    walk: Walk,
    announced: Option<(u32, u32)>,
    /// Pictures so far.
    count: i64,
    events: VecDeque<DemuxEvent>,
    refused: bool,
}

impl MjpegDemuxer {
    /// Starts at the first byte; pictures come at `frame_rate`, 25 in a second where it is not said.
    pub fn new(source: Source, frame_rate: Option<Rational>) -> Self {
        Self {
            input: Input::new(source),
            rate: frame_rate.filter(|rate| rate.num() > 0).unwrap_or(USUAL_RATE),
            walk: Walk::default(),
            announced: None,
            count: 0,
            events: VecDeque::new(),
            refused: false,
        }
    }

    fn give(&mut self, data: Bytes) {
        let size = self.walk.size.unwrap_or_default();
        self.walk = Walk::default();
        // One tick for each picture.
        let Some(time_base) = self.rate.time_base() else { return };
        if self.announced != Some(size) {
            let mut video = VideoParams::new(size.0, size.1);
            video.frame_rate = Some(self.rate);
            video.color = Color { range: Range::Full, ..Color::default() };
            let mut params = StreamParams::video(CodecId::Mjpeg, time_base, video);
            params.start = Some(0);
            match self.announced.replace(size) {
                None => self.events.extend([DemuxEvent::StreamAdded(params), DemuxEvent::HeaderRead]),
                Some(_) => self.events.push_back(DemuxEvent::Params { stream: 0, params }),
            }
        }
        let packet = Packet { duration: 1, ..Packet::new(0, self.count, data) };
        self.events.push_back(DemuxEvent::Packet(packet));
        self.count += 1;
    }

    /// Goes on to where a picture starts; false where more bytes are needed.
    fn find_start(&mut self) -> Result<bool> {
        let bytes = self.input.bytes();
        let start = bytes.windows(START.len()).position(|window| window == START);
        // The start of the mark may be there.
        let skipped = start.unwrap_or(bytes.len().saturating_sub(START.len() - 1));
        self.input.skip(skipped as u64);
        if start.is_none() && self.announced.is_none() && self.input.at() > MAX_GARBAGE {
            return Err(self.refuse());
        }
        Ok(start.is_some())
    }

    fn refuse(&mut self) -> Error {
        self.refused = true;
        let at = self.input.at() + self.input.bytes().len() as u64;
        Error::Truncated { format: NAME, what: "without any JPEG picture".into(), at }
    }
}

impl Demuxer for MjpegDemuxer {
    fn step(&mut self) -> Result<DemuxStep> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(DemuxStep::Event(event));
            }
            let found = if self.walk.at > 0 || self.find_start()? {
                self.walk.go_on(self.input.bytes())
            } else {
                Found::More
            };
            match found {
                Found::End(length) => {
                    let picture = self.input.take(length);
                    self.give(picture);
                }
                // Something else stands where a marker should: on to the next picture, from there.
                Found::Damage => {
                    self.input.skip(self.walk.at as u64);
                    self.walk = Walk::default();
                    self.events.extend(self.announced.map(|_| DemuxEvent::Discontinuity));
                }
                Found::More if self.input.ended() && self.announced.is_none() && !self.refused => {
                    return Err(self.refuse());
                }
                Found::More if self.input.ended() || self.refused => return Ok(DemuxStep::End),
                Found::More => return Ok(self.input.read()),
            }
        }
    }

    fn push(&mut self, bytes: Bytes) {
        self.input.push(bytes);
    }

    fn finish(&mut self) {
        self.input.finish();
    }
}

/// What a look at a picture gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Found {
    /// It is whole, and has so many bytes.
    End(usize),
    /// It goes on.
    More,
    /// It is none.
    Damage,
}

/// How far a picture has been looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Walk {
    /// Bytes from its start; 0 before it was found.
    at: usize,
    /// Whether coded samples stand there, rather than a marker.
    in_scan: bool,
    /// Width and height, once its frame header was passed.
    size: Option<(u32, u32)>,
}

impl Walk {
    /// Walks over markers and coded samples of the picture that `bytes` start with.
    fn go_on(&mut self, bytes: &[u8]) -> Found {
        self.at = self.at.max(START.len() - 1);
        loop {
            if self.at > MAX_PICTURE {
                return Found::Damage;
            }
            if self.in_scan && !self.pass_samples(bytes) {
                return Found::More;
            }
            let Some([0xFF, kind]) = bytes.get(self.at..).and_then(<[u8]>::first_chunk) else {
                return if bytes.len() < self.at + 2 { Found::More } else { Found::Damage };
            };
            match *kind {
                // Any number of these may stand before a marker.
                0xFF => self.at += 1,
                marker::EOI => return Found::End(self.at + 2),
                marker::TEM | marker::RST0..=marker::RST7 => self.at += 2,
                marker::SOI => return Found::Damage,
                0xC0.. => {
                    let Some(segment) = bytes.get(self.at + 2..).filter(|rest| rest.len() >= 2) else {
                        return Found::More;
                    };
                    let length = usize::from(u16::from_be_bytes([segment[0], segment[1]]));
                    if length < 2 {
                        return Found::Damage;
                    }
                    let Some(segment) = segment.get(..length) else { return Found::More };
                    if is_frame_header(*kind) && !self.read_size(segment) {
                        return Found::Damage;
                    }
                    self.at += 2 + length;
                    self.in_scan = *kind == marker::SOS;
                }
                _ => return Found::Damage,
            }
        }
    }

    /// Passes what is coded, to the next marker; false where it goes on.
    fn pass_samples(&mut self, bytes: &[u8]) -> bool {
        while let Some(place) =
            bytes.get(self.at..).and_then(|rest| rest.iter().position(|byte| *byte == 0xFF))
        {
            self.at += place;
            match bytes.get(self.at + 1) {
                None => return false,
                // A byte 0xFF of the samples, or where decoding may begin anew.
                Some(0 | marker::RST0..=marker::RST7) => self.at += 2,
                Some(_) => {
                    self.in_scan = false;
                    return true;
                }
            }
        }
        self.at = bytes.len().max(self.at);
        false
    }

    /// Of a frame header (§B.2.2): its length, precision, height and width.
    fn read_size(&mut self, segment: &[u8]) -> bool {
        let Some([_, _, _, h1, h2, w1, w2]) = segment.first_chunk() else { return false };
        let size = (u32::from(u16::from_be_bytes([*w1, *w2])), u32::from(u16::from_be_bytes([*h1, *h2])));
        self.size = Some(size);
        VideoFrame::check_size(size.0, size.1).is_ok()
    }
}

/// SOF0 to SOF15, without those of the same row that are tables.
const fn is_frame_header(kind: u8) -> bool {
    matches!(kind, 0xC0..=0xCF) && !matches!(kind, 0xC4 | 0xC8 | 0xCC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Read, demux};

    /// A picture of this size whose samples hold all that may be taken for an end.
    fn picture(width: u8, thumbnail: &[u8]) -> Vec<u8> {
        let app = [&[0xFF, 0xE1, 0, thumbnail.len() as u8 + 2], thumbnail].concat();
        let frame = [0xFF, 0xC0, 0, 11, 8, 0, 16, 0, width, 1, 1, 0x11, 0];
        let scan =
            [0xFF, 0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0, 1, 2, 0xFF, 0, 0xD9, 0xFF, 0xD3, 7, 0xFF, 0xD9];
        [&[0xFF, 0xD8][..], &app, &frame, &scan].concat()
    }

    fn read(file: &[u8], chunk: usize) -> Read {
        demux(&mut MjpegDemuxer::new(Source::default(), None), file, chunk).unwrap()
    }

    #[test]
    fn pictures_are_told_apart_in_pieces_of_any_size() {
        let pictures = [picture(16, b""), picture(16, &picture(8, b"")), picture(32, b"")];
        let between = b"\r\n--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 9\r\n\r\n";
        let file: Vec<u8> = pictures.iter().flat_map(|picture| [&between[..], picture].concat()).collect();
        for chunk in [1, 2, 3, 7, 1_000] {
            let read = read(&file, chunk);
            let found: Vec<_> =
                read.packets.iter().map(|packet| (packet.pts, packet.data.to_vec())).collect();
            assert_eq!(found, (0..).zip(pictures.clone()).collect::<Vec<_>>(), "{chunk}");
            let size = |params: &StreamParams| params.as_video().map(|video| (video.width, video.height));
            assert_eq!(size(&read.streams[0]), Some((16, 16)), "{chunk}");
            let changed = read.changes.iter().find_map(|(before, event)| match event {
                DemuxEvent::Params { params, .. } => Some((*before, size(params))),
                _ => None,
            });
            assert_eq!(changed, Some((2, Some((32, 16)))), "{chunk}");
        }
    }

    #[test]
    fn a_broken_picture_costs_itself() {
        let [whole, broken] = [picture(16, b""), picture(16, b"abc")];
        let in_samples = broken.len() - 4;
        let file = [&whole[..], &broken[..in_samples], &whole, &broken[..9], &[0; 4], &whole, &broken[..20]]
            .concat();
        let found: Vec<_> = read(&file, 5).packets.iter().map(|packet| packet.data.to_vec()).collect();
        assert_eq!(found, [whole.clone(), whole.clone(), whole]);
    }

    #[test]
    fn an_input_without_a_picture_is_refused() {
        for file in [vec![0; 40], vec![0xFF; 3 << 20]] {
            let outcome = demux(&mut MjpegDemuxer::new(Source::default(), None), &file, 4_096);
            assert!(outcome.unwrap_err().to_string().ends_with("without any JPEG picture"));
        }
    }
}
