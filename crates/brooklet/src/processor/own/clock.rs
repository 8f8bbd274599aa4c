//! Clock: the time of day in the picture, to the millisecond.

use std::time::{SystemTime, UNIX_EPOCH};

use brooklet_media::VideoFrame;

use super::font;
use crate::processor::{Failure, Picture, Processor, Settings};

/// Luma of the digits and of what is behind them.
const INK: u8 = 235;
const PAPER: u8 = 16;

pub(super) struct Clock {
    settings: Settings,
}

impl Clock {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone() }
    }
}

impl Processor for Clock {
    fn picture(&mut self, picture: Picture<'_>) -> Result<VideoFrame, Failure> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (at_top, scale) = (self.settings.word("place") == "top", self.settings.number("size") as usize);
        let mut frame = picture.yuv420p()?;
        draw(&mut frame, &time_of_day(since.as_millis() as u64), at_top, scale.max(1));
        Ok(frame)
    }
}

fn time_of_day(millis: u64) -> String {
    let (seconds, millis) = (millis / 1_000, millis % 1_000);
    let (hours, minutes) = (seconds / 3_600 % 24, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{millis:03} UTC", seconds % 60)
}

/// Writes on a strip, as much of it as fits into the picture.
fn draw(frame: &mut VideoFrame, text: &str, at_top: bool, scale: usize) {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let strides = [frame.stride(0), frame.stride(1)];
    // Even, so that chroma begins where luma does.
    let (wide, high) = (even((text.len() * font::ADVANCE + 1) * scale), even((font::HEIGHT + 2) * scale));
    let (wide, high) = (wide.min(width), high.min(height));
    let top = if at_top { 0 } else { (height - high) & !1 };
    let [luma, chroma @ ..] = frame.planes_mut();
    for (y, row) in luma.chunks_mut(strides[0]).skip(top).take(high).enumerate() {
        for (x, luma) in row[..wide].iter_mut().enumerate() {
            *luma = if font::is_ink(text, (x / scale).wrapping_sub(1), (y / scale).wrapping_sub(1)) {
                INK
            } else {
                PAPER
            };
        }
    }
    for plane in chroma {
        let rows = plane.chunks_mut(strides[1]).skip(top / 2).take(high.div_ceil(2));
        rows.for_each(|row| row[..wide.div_ceil(2)].fill(128));
    }
}

const fn even(length: usize) -> usize {
    length.next_multiple_of(2)
}

#[cfg(test)]
mod tests {
    use brooklet_media::{FramePool, PixelFormat};

    use super::*;

    #[test]
    fn times_are_those_of_the_day() {
        assert_eq!(time_of_day(86_400_000 * 3 + 3_723_045), "01:02:03.045 UTC");
    }

    #[test]
    fn what_is_written_can_be_read_and_small_pictures_hold_what_fits() {
        let mut frame = VideoFrame::new(&FramePool::new(), PixelFormat::Yuv420p, 64, 16).unwrap();
        frame.planes_mut().into_iter().for_each(|plane| plane.fill(77));
        draw(&mut frame, "1:", true, 1);
        let read = |row: usize| -> String {
            let row = frame.rows(0).nth(row).unwrap();
            row[..12].iter().map(|luma| if *luma == INK { '#' } else { '.' }).collect()
        };
        assert_eq!([read(1), read(2), read(3)], ["...#........", "..##.....#..", "...#.....#.."]);
        assert_eq!((frame.rows(0).nth(12).unwrap()[0], frame.rows(0).next().unwrap()[20]), (77, 77));
        let mut small = VideoFrame::new(&FramePool::new(), PixelFormat::Yuv420p, 6, 4).unwrap();
        draw(&mut small, "12:34", false, 8);
    }
}
