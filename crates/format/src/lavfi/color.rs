//! Colours by name.

use brooklet_media::{Error, Result};

/// A colour in BT.601, limited range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Yuv {
    pub(super) y: u8,
    pub(super) u: u8,
    pub(super) v: u8,
}

impl Yuv {
    pub(super) const BLACK: Self = Self { y: 16, u: 128, v: 128 };
    pub(super) const WHITE: Self = Self { y: 235, u: 128, v: 128 };

    /// ITU-R BT.601, from full-range red, green and blue.
    pub(super) const fn from_rgb(rgb: u32) -> Self {
        let (r, g, b) = ((rgb >> 16 & 255) as i32, (rgb >> 8 & 255) as i32, (rgb & 255) as i32);
        // 2¹⁶ × the coefficients of 219/255 and 224/255 of the matrix; the sums round.
        let y = (16_829 * r + 33_039 * g + 6_416 * b + (1 << 15)) >> 16;
        let u = (-9_714 * r - 19_070 * g + 28_784 * b + (1 << 15)) >> 16;
        let v = (28_784 * r - 24_103 * g - 4_681 * b + (1 << 15)) >> 16;
        Self { y: (y + 16) as u8, u: (u + 128) as u8, v: (v + 128) as u8 }
    }
}

/// ffmpeg's names (those of HTML) that we know.
const NAMES: [(&str, u32); 32] = [
    ("black", 0x00_0000),
    ("white", 0xFF_FFFF),
    ("gray", 0x80_8080),
    ("grey", 0x80_8080),
    ("silver", 0xC0_C0C0),
    ("red", 0xFF_0000),
    ("green", 0x00_8000),
    ("lime", 0x00_FF00),
    ("blue", 0x00_00FF),
    ("yellow", 0xFF_FF00),
    ("cyan", 0x00_FFFF),
    ("aqua", 0x00_FFFF),
    ("magenta", 0xFF_00FF),
    ("fuchsia", 0xFF_00FF),
    ("maroon", 0x80_0000),
    ("olive", 0x80_8000),
    ("navy", 0x00_0080),
    ("purple", 0x80_0080),
    ("teal", 0x00_8080),
    ("orange", 0xFF_A500),
    ("pink", 0xFF_C0CB),
    ("brown", 0xA5_2A2A),
    ("gold", 0xFF_D700),
    ("violet", 0xEE_82EE),
    ("indigo", 0x4B_0082),
    ("coral", 0xFF_7F50),
    ("salmon", 0xFA_8072),
    ("tomato", 0xFF_6347),
    ("khaki", 0xF0_E68C),
    ("skyblue", 0x87_CEEB),
    ("darkgreen", 0x00_6400),
    ("darkblue", 0x00_008B),
];

/// A name, `#RRGGBB`, `0xRRGGBB` or `RRGGBB`; an opacity after `@`, or as two more digits, is left out of account.
///
/// # Errors
///
/// [`Error::Unsupported`] with the known names.
pub(super) fn parse_color(text: &str) -> Result<Yuv> {
    let lower = text.split('@').next().unwrap_or_default().to_ascii_lowercase();
    let named = NAMES.iter().find(|(name, _)| *name == lower).map(|(_, rgb)| *rgb);
    let digits = lower.strip_prefix('#').or(lower.strip_prefix("0x")).unwrap_or(&lower);
    let hex = || match u32::from_str_radix(digits, 16) {
        Ok(rgb) if digits.len() == 6 => Some(rgb),
        Ok(rgba) if digits.len() == 8 => Some(rgba >> 8),
        _ => None,
    };
    named.or_else(hex).map(Yuv::from_rgb).ok_or_else(|| {
        let names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
        Error::unsupported(format!("colour '{text}'"), format!("#RRGGBB, {}", names.join(", ")))
    })
}
