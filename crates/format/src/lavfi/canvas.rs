//! Drawing on the bytes of a yuv420p picture.

use brooklet_media::PixelFormat;

use super::color::Yuv;
use super::font;

/// The three planes of one `rawvideo` frame.
pub(super) struct Canvas<'a> {
    width: i32,
    height: i32,
    y: Plane<'a>,
    u: Plane<'a>,
    v: Plane<'a>,
}

struct Plane<'a> {
    width: usize,
    bytes: &'a mut [u8],
}

/// A part of the picture in pixels; what lies outside is not drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rect {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: i32,
    pub(super) height: i32,
}

impl<'a> Canvas<'a> {
    /// `bytes` are a whole picture, `picture_bytes` long; of a shorter one the planes are cut.
    pub(super) fn new(width: u32, height: u32, bytes: &'a mut [u8]) -> Self {
        const FORMAT: PixelFormat = PixelFormat::Yuv420p;
        let [luma, chroma] = [0, 1].map(|plane| FORMAT.row_bytes(plane, width));
        let (y, rest) = bytes.split_at_mut((luma * FORMAT.rows(0, height)).min(bytes.len()));
        let (u, v) = rest.split_at_mut((chroma * FORMAT.rows(1, height)).min(rest.len()));
        Self {
            width: width as i32, // at most 16384, as the height
            height: height as i32,
            y: Plane { width: luma, bytes: y },
            u: Plane { width: chroma, bytes: u },
            v: Plane { width: chroma, bytes: v },
        }
    }

    pub(super) fn size(&self) -> (i32, i32) {
        (self.width, self.height)
    }

    /// Fills a part with one colour. Chroma of a pixel at the edge goes to the one drawn last.
    pub(super) fn fill(&mut self, rect: Rect, color: Yuv) {
        let (left, right) =
            (rect.x.clamp(0, self.width), rect.x.saturating_add(rect.width).clamp(0, self.width));
        let (top, bottom) =
            (rect.y.clamp(0, self.height), rect.y.saturating_add(rect.height).clamp(0, self.height));
        if left >= right || top >= bottom {
            return;
        }
        let [left, right, top, bottom] = [left, right, top, bottom].map(|edge| edge as usize);
        self.y.fill(left..right, top..bottom, color.y);
        let (columns, rows) = (left / 2..right.div_ceil(2), top / 2..bottom.div_ceil(2));
        self.u.fill(columns.clone(), rows.clone(), color.u);
        self.v.fill(columns, rows, color.v);
    }

    /// Writes in letters of `scale` pixels to a dot.
    pub(super) fn text(&mut self, x: i32, y: i32, scale: i32, text: &str, color: Yuv) {
        for (index, letter) in text.bytes().enumerate() {
            let left = x + index as i32 * font::ADVANCE * scale;
            for (row, dots) in (0..).zip(font::glyph(letter)) {
                for column in (0..font::WIDTH).filter(|column| dots >> (font::WIDTH - 1 - column) & 1 == 1) {
                    let (x, y) = (left + column * scale, y + row * scale);
                    self.fill(Rect { x, y, width: scale, height: scale }, color);
                }
            }
        }
    }

    /// The width of [`Canvas::text`] of so many letters.
    pub(super) const fn text_width(letters: usize, scale: i32) -> i32 {
        (letters as i32 * font::ADVANCE - (font::ADVANCE - font::WIDTH)) * scale
    }
}

impl Plane<'_> {
    fn fill(&mut self, columns: std::ops::Range<usize>, rows: std::ops::Range<usize>, value: u8) {
        for row in self.bytes.chunks_exact_mut(self.width).take(rows.end).skip(rows.start) {
            if let Some(part) = row.get_mut(columns.clone()) {
                part.fill(value);
            }
        }
    }
}
