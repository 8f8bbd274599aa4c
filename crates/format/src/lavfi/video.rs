//! Test pictures as a source.

use brooklet_media::{
    CodecId, Error, Packet, PixelFormat, Rational, Result, StreamParams, TimeBase, VideoFrame, VideoParams,
};
use bytes::{Bytes, BytesMut};

use super::Generator;
use super::canvas::Canvas;
use super::color::{Yuv, parse_color};
use super::graph::{Filter, Options};
use super::pattern::Pattern;
use crate::values::{parse_duration, parse_rate, parse_size};

/// Pictures whose memory is waited for before more is taken: what a pipeline's queues hold.
const MAX_RECENT: usize = 16;
/// Decimals of a second that a counter shows at most.
const MAX_DECIMALS: u32 = 17;

/// `testsrc2`, `testsrc`, `smptebars`, `color` or `nullsrc` (whose pictures nobody promises anything of: black), with size, rate, duration and sar.
///
/// # Errors
///
/// [`Error::Usage`] for a wrong option, [`Error::Limit`] for a size too large.
pub(super) fn open(filter: Filter<'_>) -> Result<Box<dyn Generator>> {
    const COLOR: &[&str] = &["color", "c"];
    const SIZE: &[&str] = &["size", "s"];
    const RATE: &[&str] = &["rate", "r"];
    const DURATION: &[&str] = &["duration", "d"];
    const SAR: &[&str] = &["sar"];
    const DECIMALS: &[&str] = &["decimals", "n"];
    let known: &[&[&str]] = match filter.name {
        "color" => &[COLOR, SIZE, RATE, DURATION, SAR],
        "testsrc" => &[SIZE, RATE, DURATION, SAR, DECIMALS],
        _ => &[SIZE, RATE, DURATION, SAR],
    };
    let options = Options::parse(filter, known)?;
    let pattern = match filter.name {
        "color" => Pattern::Plain(options.value("color", parse_color)?.unwrap_or(Yuv::BLACK)),
        "testsrc" => Pattern::Counter(options.value("decimals", decimals)?.unwrap_or(0)),
        "nullsrc" => Pattern::Plain(Yuv::BLACK),
        "smptebars" => Pattern::SmpteBars,
        _ => Pattern::Moving,
    };
    let (width, height) = options.value("size", parse_size)?.unwrap_or((320, 240));
    VideoFrame::check_size(width, height)?;
    let rate = options.value("rate", parse_rate)?.unwrap_or(Rational::whole(25));
    let clock = rate.time_base().ok_or_else(|| Error::Usage("pictures at a rate of 0".into()))?;
    // ffmpeg takes a negative duration for none.
    let duration = options.value("duration", parse_duration)?.filter(|micros| *micros >= 0);
    let video = VideoParams {
        format: Some(PixelFormat::Yuv420p),
        frame_rate: Some(rate),
        sample_aspect: options.value("sar", parse_rate)?.unwrap_or(Rational::ONE),
        ..VideoParams::new(width, height)
    };
    let mut params = StreamParams::video(CodecId::RawVideo, clock, video);
    params.start = Some(0);
    params.duration = duration.map(|micros| frames_before(micros, clock));
    let mut background = vec![0; PixelFormat::Yuv420p.picture_bytes(width, height)];
    pattern.draw_background(&mut Canvas::new(width, height, &mut background));
    let end = params.duration;
    let background = background.into();
    Ok(Box::new(Pictures {
        params,
        pattern,
        size: (width, height),
        rate,
        end,
        background,
        recent: Vec::new(),
        next: 0,
    }))
}

/// How many frames begin before a moment.
fn frames_before(micros: i64, clock: TimeBase) -> i64 {
    let nearest = TimeBase::MICROS.rescale_floor(micros, clock);
    nearest + i64::from(clock.rescale(nearest, TimeBase::MICROS) < micros)
}

struct Pictures {
    params: StreamParams,
    pattern: Pattern,
    size: (u32, u32),
    rate: Rational,
    /// Frames in all.
    end: Option<i64>,
    background: Bytes,
    /// Pictures that were handed out; their memory is drawn on again once nobody else holds it.
    recent: Vec<Bytes>,
    next: i64,
}

impl Pictures {
    fn draw(&mut self, frame: i64) -> Bytes {
        if matches!(self.pattern, Pattern::Plain(_) | Pattern::SmpteBars) {
            return self.background.clone();
        }
        let mut picture = self.take_memory();
        picture.copy_from_slice(&self.background);
        let (width, height) = self.size;
        self.pattern.draw_moving(&mut Canvas::new(width, height, &mut picture), frame, self.rate);
        let picture = picture.freeze();
        if self.recent.len() < MAX_RECENT {
            self.recent.push(picture.clone());
        }
        picture
    }

    /// Memory of one picture, of any content.
    fn take_memory(&mut self) -> BytesMut {
        let free = self.recent.iter().position(Bytes::is_unique);
        let memory = free.and_then(|index| self.recent.swap_remove(index).try_into_mut().ok());
        memory
            .filter(|memory| memory.len() == self.background.len())
            .unwrap_or_else(|| BytesMut::zeroed(self.background.len()))
    }
}

impl Generator for Pictures {
    fn params(&self) -> &StreamParams {
        &self.params
    }

    fn next_pts(&self) -> Option<i64> {
        self.end.is_none_or(|end| self.next < end).then_some(self.next)
    }

    fn next(&mut self) -> Option<Packet> {
        let pts = self.next_pts()?;
        self.next = pts.saturating_add(1);
        Some(Packet { duration: 1, ..Packet::new(0, pts, self.draw(pts)) })
    }

    fn seek(&mut self, pts: i64) {
        self.next = pts.max(0);
    }
}

fn decimals(text: &str) -> Result<u32> {
    let decimals = text.parse().ok().filter(|decimals| *decimals <= MAX_DECIMALS);
    decimals.ok_or_else(|| Error::Usage(format!("'{text}' decimals; there are 0 to {MAX_DECIMALS}")))
}
