//! What is on the test pictures. They are ours, not copies of ffmpeg's: only names and options are shared.

use brooklet_media::{Rational, TimeBase};

use super::canvas::{Canvas, Rect};
use super::color::Yuv;
use super::font;

/// One of the test pictures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pattern {
    /// Colour bars, gradients, things that move, a clock to the millisecond and the frame's number.
    Moving,
    /// Colour bars, a gradient that moves and the seconds with so many decimals.
    Counter(u32),
    /// SMPTE EG 1 colour bars.
    SmpteBars,
    /// One colour.
    Plain(Yuv),
}

/// White, yellow, cyan, green, magenta, red and blue at 75%.
const BARS: [Yuv; 7] = [
    Yuv::from_rgb(0xBF_BFBF),
    Yuv::from_rgb(0xBF_BF00),
    Yuv::from_rgb(0x00_BFBF),
    Yuv::from_rgb(0x00_BF00),
    Yuv::from_rgb(0xBF_00BF),
    Yuv::from_rgb(0xBF_0000),
    Yuv::from_rgb(0x00_00BF),
];
const SECOND: i64 = 1_000_000;

impl Pattern {
    /// What stays, drawn once.
    pub(super) fn draw_background(self, canvas: &mut Canvas<'_>) {
        let (width, height) = canvas.size();
        match self {
            Self::Plain(color) => canvas.fill(Rect { x: 0, y: 0, width, height }, color),
            Self::SmpteBars => draw_smpte_bars(canvas),
            Self::Moving | Self::Counter(_) => {
                draw_row(canvas, 0, bars_bottom(height), &BARS);
                draw_ramp(canvas, 0);
                draw_hues(canvas);
            }
        }
    }

    /// What moves, on the picture number `frame`.
    pub(super) fn draw_moving(self, canvas: &mut Canvas<'_>, frame: i64, rate: Rational) {
        let clock = rate.time_base().unwrap_or(TimeBase::hz(25));
        let micros = clock.rescale_floor(frame, TimeBase::MICROS);
        match self {
            Self::Plain(_) | Self::SmpteBars => {}
            Self::Moving => {
                draw_travellers(canvas, micros);
                draw_panel(canvas, &clock_text(micros), &format!("FRAME {frame:06}"));
            }
            Self::Counter(decimals) => {
                draw_ramp(canvas, (micros % (4 * SECOND) * i64::from(canvas.size().0) / (4 * SECOND)) as i32);
                draw_panel(canvas, &seconds_text(micros, decimals), "");
            }
        }
    }
}

/// Hours, minutes, seconds and milliseconds.
fn clock_text(micros: i64) -> String {
    let (millis, seconds) = (micros / 1_000 % 1_000, micros / SECOND);
    format!("{:02}:{:02}:{:02}.{millis:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

fn seconds_text(micros: i64, decimals: u32) -> String {
    let seconds = micros / SECOND;
    if decimals == 0 {
        return seconds.to_string();
    }
    let digits = format!("{:06}", micros % SECOND);
    let shown = &digits[..digits.len().min(decimals as usize)];
    format!("{seconds}.{shown:0<width$}", width = decimals as usize)
}

const fn bars_bottom(height: i32) -> i32 {
    height * 5 / 8
}

const fn ramp_bottom(height: i32) -> i32 {
    height * 6 / 8
}

/// Colours side by side, evenly, from one row to another.
fn draw_row(canvas: &mut Canvas<'_>, top: i32, bottom: i32, colors: &[Yuv]) {
    let (width, count) = (canvas.size().0, colors.len() as i32);
    for (index, color) in (0..).zip(colors) {
        let (left, right) = (width * index / count, width * (index + 1) / count);
        canvas.fill(Rect { x: left, y: top, width: right - left, height: bottom - top }, *color);
    }
}

/// Black to white from left to right, begun `shift` pixels in.
fn draw_ramp(canvas: &mut Canvas<'_>, shift: i32) {
    let (width, height) = canvas.size();
    let (y, height) = (bars_bottom(height), ramp_bottom(height) - bars_bottom(height));
    for x in 0..width {
        let luma = 16 + 219 * ((x + shift) % width) / (width - 1).max(1);
        canvas.fill(Rect { x, y, width: 1, height }, Yuv { y: luma.min(235) as u8, u: 128, v: 128 });
    }
}

/// All hues from left to right.
fn draw_hues(canvas: &mut Canvas<'_>) {
    let (width, height) = canvas.size();
    let y = ramp_bottom(height);
    for x in (0..width).step_by(2) {
        let hue = x * 6 * 256 / width;
        let (up, down) = ((hue % 256) as u32, (255 - hue % 256) as u32);
        let rgb = match hue / 256 {
            0 => 0xFF_0000 | up << 8,
            1 => 0x00_FF00 | down << 16,
            2 => 0x00_FF00 | up,
            3 => 0x00_00FF | down << 8,
            4 => 0x00_00FF | up << 16,
            _ => 0xFF_0000 | down,
        };
        canvas.fill(Rect { x, y, width: 2, height: height - y }, Yuv::from_rgb(rgb));
    }
}

/// SMPTE EG 1: bars, the same castellated, and PLUGE.
fn draw_smpte_bars(canvas: &mut Canvas<'_>) {
    const BLACK: Yuv = Yuv::BLACK;
    const GRAY: Yuv = BARS[0];
    let (width, height) = canvas.size();
    let (middle, bottom) = (height * 2 / 3, height * 3 / 4);
    draw_row(canvas, 0, middle, &BARS);
    draw_row(canvas, middle, bottom, &[BARS[6], BLACK, BARS[4], BLACK, BARS[2], BLACK, GRAY]);
    canvas.fill(Rect { x: 0, y: bottom, width, height: height - bottom }, BLACK);
    let (minus_i, plus_q) = (Yuv { y: 16, u: 158, v: 95 }, Yuv { y: 16, u: 174, v: 149 });
    for (index, color) in (0..).zip([minus_i, Yuv::WHITE, plus_q]) {
        let block = width * 5 / 28;
        canvas.fill(Rect { x: block * index, y: bottom, width: block, height: height - bottom }, color);
    }
    // Just blacker and just lighter than black, each a third of a bar.
    let step = width / 21;
    for (index, luma) in (0..).zip([7, 16, 24]) {
        let x = width * 5 / 7 + step * index;
        canvas.fill(
            Rect { x, y: bottom, width: step, height: height - bottom },
            Yuv { y: luma, u: 128, v: 128 },
        );
    }
}

/// A line that sweeps across, and two squares that bounce: jerks and drops show at once.
fn draw_travellers(canvas: &mut Canvas<'_>, micros: i64) {
    let (width, height) = canvas.size();
    let line = (width / 160).max(1);
    let x = (micros % (2 * SECOND) * i64::from(width) / (2 * SECOND)) as i32;
    canvas.fill(Rect { x, y: 0, width: line, height: bars_bottom(height) }, Yuv::WHITE);

    let side = (height / 8).max(2);
    let x = bounce(micros, 4 * SECOND, width - side);
    canvas.fill(Rect { x, y: bars_bottom(height), width: side, height: side }, Yuv::from_rgb(0xFF_8000));

    let (x, y) = (bounce(micros, 5 * SECOND, width - side), bounce(micros, 3 * SECOND, height - side));
    canvas.fill(Rect { x, y, width: side, height: side }, Yuv::BLACK);
    let (inner, edge) = (side * 3 / 4, side / 8);
    let tint = BARS[(micros / SECOND % 7) as usize];
    canvas.fill(Rect { x: x + edge, y: y + edge, width: inner, height: inner }, tint);
}

/// From 0 to `span` and back within a period.
fn bounce(micros: i64, period: i64, span: i32) -> i32 {
    let phase = micros % period;
    let rising = phase.min(period - phase);
    (rising * 2 * i64::from(span.max(0)) / period) as i32
}

/// A black panel in the middle with one large line and one small.
fn draw_panel(canvas: &mut Canvas<'_>, large: &str, small: &str) {
    let (width, height) = canvas.size();
    let letters = large.len().max(6);
    let scale = (width * 7 / 10 / Canvas::text_width(letters, 1)).min(height / 4 / font::HEIGHT).max(1);
    let small_scale = (scale / 2).max(1);
    let (text_width, gap) = (Canvas::text_width(large.len(), scale), 2 * scale);
    let small_height = if small.is_empty() { 0 } else { gap + font::HEIGHT * small_scale };
    let panel = Rect {
        x: (width - text_width) / 2 - gap,
        y: (bars_bottom(height) - font::HEIGHT * scale - small_height) / 2 - gap,
        width: text_width + 2 * gap,
        height: font::HEIGHT * scale + small_height + 2 * gap,
    };
    canvas.fill(panel, Yuv::BLACK);
    canvas.text(panel.x + gap, panel.y + gap, scale, large, Yuv::WHITE);
    let x = (width - Canvas::text_width(small.len(), small_scale)) / 2;
    let y = panel.y + 2 * gap + font::HEIGHT * scale;
    canvas.text(x, y, small_scale, small, Yuv::WHITE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_read_right() {
        assert_eq!(clock_text(3_661_042_999), "01:01:01.042");
        assert_eq!((seconds_text(12_345_678, 0), seconds_text(12_045_678, 2)), ("12".into(), "12.04".into()));
        assert_eq!(seconds_text(1_500_000, 9), "1.500000000");
    }

    #[test]
    fn what_bounces_stays_inside() {
        let places: Vec<_> = (0..=8).map(|eighth| bounce(eighth * SECOND / 2, 4 * SECOND, 100)).collect();
        assert_eq!(places, [0, 25, 50, 75, 100, 75, 50, 25, 0]);
    }
}
