//! Pictures that say which they are: their number in 16 squares along the top, which every encoder lets through.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use brooklet_codec::{DecoderOptions, EncoderConfig, VideoEncode, open_decoder, open_encoder};
use brooklet_media::{
    Control, Decoder, DemuxEvent, Encoder, Frame, FramePool, MediaKind, Packet, PixelFormat, Rational,
    StreamParams, TimeBase, VideoFrame,
};

use super::Failure;

/// Their size.
pub const PICTURE: (u32, u32) = (640, 480);
/// The side of a square, and from one to the next.
const SQUARE: (usize, usize) = (32, 40);
/// Pictures of a clip that are kept, to be shown again and again.
const KEPT: usize = 120;

/// Pictures of a camera, coded as they are drawn.
pub struct Film {
    pictures: Vec<VideoFrame>,
    encoder: Box<dyn Encoder>,
    period: i64,
    count: usize,
    drawn: Drawn,
}

/// When each picture was drawn, by its number. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Drawn(Arc<Mutex<Vec<Instant>>>);

impl Drawn {
    /// How long ago the picture of this number was drawn.
    pub fn ago(&self, number: u16) -> Option<Duration> {
        let drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.get(usize::from(number)).map(Instant::elapsed)
    }

    fn now(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
    }
}

impl Film {
    /// `rate` pictures in a second: of a clip of raw pictures (`yuv420p`) of this size, else a ramp that moves, under noise that takes all the bits that there are.
    ///
    /// # Errors
    ///
    /// Where there is no such clip.
    pub fn new(clip: Option<&Path>, rate: u32, bit_rate: u64) -> Result<Self, Failure> {
        let pictures = clip.map_or_else(ramps, of_clip)?;
        let mut video = VideoEncode::new(PICTURE.0, PICTURE.1, PixelFormat::Yuv420p, Rational::whole(rate))?;
        (video.time_base, video.bit_rate, video.live) = (TimeBase::MPEG, Some(bit_rate), true);
        (video.gop, video.preset, video.profile) =
            (Some(rate * 60), Some("ultrafast".into()), Some("baseline".into()));
        let encoder = open_encoder(&EncoderConfig::video("h264", video))?;
        Ok(Self { pictures, encoder, period: i64::from(90_000 / rate), count: 0, drawn: Drawn::default() })
    }

    /// What is sent.
    pub fn params(&self) -> StreamParams {
        self.encoder.params().clone()
    }

    /// Draws the next picture, now.
    ///
    /// # Errors
    ///
    /// None that is known.
    pub fn next(&mut self, key: bool) -> Result<Packet, Failure> {
        let number = self.count;
        self.count += 1;
        self.drawn.now();
        let mut picture = self.pictures[number % self.pictures.len()].clone();
        (picture.pts, picture.time_base) = (number as i64 * self.period, TimeBase::MPEG);
        draw(&mut picture, number as u16);
        if key {
            self.encoder.control(Control::KeyFrame);
        }
        self.encoder.encode(&Frame::Video(picture))?;
        Ok(self.encoder.poll_packet().ok_or("an encoder that holds pictures back")?)
    }

    /// When its pictures were drawn.
    pub fn drawn(&self) -> Drawn {
        self.drawn.clone()
    }
}

/// What shows pictures that came back.
#[derive(Default)]
pub struct Screen {
    decoder: Option<Box<dyn Decoder>>,
    video: Option<usize>,
    streams: usize,
}

impl Screen {
    /// The pictures that come of an event.
    pub fn show(&mut self, event: &DemuxEvent) -> Vec<VideoFrame> {
        match event {
            DemuxEvent::StreamAdded(params) => {
                if params.media() == MediaKind::Video {
                    self.video = Some(self.streams);
                    self.open(params);
                }
                self.streams += 1;
            }
            DemuxEvent::Params { stream, params } if Some(*stream) == self.video => self.open(params),
            DemuxEvent::Packet(packet) if Some(packet.stream) == self.video => {
                let Some(decoder) = &mut self.decoder else { return Vec::new() };
                // Damage shows no picture.
                let _ = decoder.decode(packet);
                let frames = std::iter::from_fn(|| decoder.poll_frame());
                return frames
                    .filter_map(|frame| if let Frame::Video(frame) = frame { Some(frame) } else { None })
                    .collect();
            }
            _ => {}
        }
        Vec::new()
    }

    fn open(&mut self, params: &StreamParams) {
        self.decoder = open_decoder(params, &DecoderOptions::default()).ok();
    }
}

/// The number of a picture.
pub fn number(picture: &VideoFrame) -> u16 {
    let middle = picture.rows(0).nth(SQUARE.0 / 2).unwrap_or_default();
    let is_white = |bit: usize| middle.get(bit * SQUARE.1 + SQUARE.1 / 2).is_some_and(|luma| *luma > 128);
    (0..16).filter(|bit| is_white(*bit)).map(|bit| 1 << bit).sum()
}

fn draw(picture: &mut VideoFrame, number: u16) {
    let strides = [picture.stride(0), picture.stride(1), picture.stride(2)];
    let [y, u, v] = picture.planes_mut();
    for row in y.chunks_mut(strides[0]).take(SQUARE.0) {
        for (bit, square) in row.chunks_mut(SQUARE.1).enumerate().take(16) {
            square.fill(if number >> bit & 1 == 1 { 235 } else { 16 });
        }
    }
    for (plane, stride) in [(u, strides[1]), (v, strides[2])] {
        plane[..SQUARE.0 / 2 * stride].fill(128);
    }
}

fn of_clip(path: &Path) -> Result<Vec<VideoFrame>, Failure> {
    let bytes = std::fs::read(path)?;
    let size = PICTURE.0 as usize * PICTURE.1 as usize * 3 / 2;
    let pictures: Result<Vec<_>, Failure> = bytes.chunks_exact(size).take(KEPT).map(of_bytes).collect();
    pictures.and_then(|known| if known.is_empty() { Err("an empty clip".into()) } else { Ok(known) })
}

fn of_bytes(mut bytes: &[u8]) -> Result<VideoFrame, Failure> {
    let mut picture = VideoFrame::new(&FramePool::new(), PixelFormat::Yuv420p, PICTURE.0, PICTURE.1)?;
    let strides = [picture.stride(0), picture.stride(1), picture.stride(2)];
    for (number, plane) in picture.planes_mut().into_iter().enumerate() {
        let shift = usize::from(number > 0);
        let (width, height) = (PICTURE.0 as usize >> shift, PICTURE.1 as usize >> shift);
        for row in plane.chunks_mut(strides[number]).take(height) {
            let (now, rest) = bytes.split_at_checked(width).ok_or("a picture that is too short")?;
            row[..width].copy_from_slice(now);
            bytes = rest;
        }
    }
    Ok(picture)
}

fn ramps() -> Result<Vec<VideoFrame>, Failure> {
    let mut chance = 7u32;
    (0..40)
        .map(|number| {
            let mut picture = VideoFrame::new(&FramePool::new(), PixelFormat::Yuv420p, PICTURE.0, PICTURE.1)?;
            let stride = picture.stride(0);
            let [y, u, v] = picture.planes_mut();
            for (row, line) in y.chunks_mut(stride).enumerate() {
                for (x, luma) in line.iter_mut().enumerate() {
                    chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    *luma = ((x + row + number * 4) / 2 % 180) as u8 + 20 + (chance >> 27) as u8;
                }
            }
            u.fill(90);
            v.fill(170);
            Ok(picture)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_through_an_encoder() {
        let mut film = Film::new(None, 30, 600_000).unwrap();
        let mut screen = Screen::default();
        screen.show(&DemuxEvent::StreamAdded(film.params()));
        for wanted in 0..40 {
            let packet = film.next(false).unwrap();
            let seen: Vec<u16> = screen.show(&DemuxEvent::Packet(packet)).iter().map(number).collect();
            assert_eq!(seen, [wanted]);
        }
        let drawn = film.drawn();
        assert!(drawn.ago(0) > drawn.ago(39) && drawn.ago(40).is_none());
    }
}
