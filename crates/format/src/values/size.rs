//! Sizes of pictures: `640x360`, `hd720`.

/// ffmpeg's names of sizes.
pub const SIZE_NAMES: [(&str, u32, u32); 55] = [
    ("ntsc", 720, 480),
    ("pal", 720, 576),
    ("qntsc", 352, 240),
    ("qpal", 352, 288),
    ("sntsc", 640, 480),
    ("spal", 768, 576),
    ("film", 352, 240),
    ("ntsc-film", 352, 240),
    ("sqcif", 128, 96),
    ("qcif", 176, 144),
    ("cif", 352, 288),
    ("4cif", 704, 576),
    ("16cif", 1_408, 1_152),
    ("qqvga", 160, 120),
    ("qvga", 320, 240),
    ("vga", 640, 480),
    ("svga", 800, 600),
    ("xga", 1_024, 768),
    ("uxga", 1_600, 1_200),
    ("qxga", 2_048, 1_536),
    ("sxga", 1_280, 1_024),
    ("qsxga", 2_560, 2_048),
    ("hsxga", 5_120, 4_096),
    ("wvga", 852, 480),
    ("wxga", 1_366, 768),
    ("wsxga", 1_600, 1_024),
    ("wuxga", 1_920, 1_200),
    ("woxga", 2_560, 1_600),
    ("wqhd", 2_560, 1_440),
    ("wqsxga", 3_200, 2_048),
    ("wquxga", 3_840, 2_400),
    ("whsxga", 6_400, 4_096),
    ("whuxga", 7_680, 4_800),
    ("cga", 320, 200),
    ("ega", 640, 350),
    ("hd480", 852, 480),
    ("hd720", 1_280, 720),
    ("hd1080", 1_920, 1_080),
    ("quadhd", 2_560, 1_440),
    ("2k", 2_048, 1_080),
    ("2kdci", 2_048, 1_080),
    ("2kflat", 1_998, 1_080),
    ("2kscope", 2_048, 858),
    ("4k", 4_096, 2_160),
    ("4kdci", 4_096, 2_160),
    ("4kflat", 3_996, 2_160),
    ("4kscope", 4_096, 1_716),
    ("nhd", 640, 360),
    ("hqvga", 240, 160),
    ("wqvga", 400, 240),
    ("fwqvga", 432, 240),
    ("hvga", 480, 320),
    ("qhd", 960, 540),
    ("uhd2160", 3_840, 2_160),
    ("uhd4320", 7_680, 4_320),
];

/// The widest and highest picture that anyone means.
const LIMIT: u32 = 16_384;

/// Width and height in pixels, neither 0 nor more than 16,384.
pub fn picture_size(text: &str) -> Option<(u32, u32)> {
    if let Some((_, width, height)) = SIZE_NAMES.into_iter().find(|(name, ..)| *name == text) {
        return Some((width, height));
    }
    let (width, height) = text.split_once(['x', 'X', ':'])?;
    let side = |text: &str| text.parse().ok().filter(|side| (1..=LIMIT).contains(side));
    Some((side(width)?, side(height)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        let known =
            [("640x360", (640, 360)), ("vga", (640, 480)), ("hd1080", (1920, 1080)), ("qcif", (176, 144))];
        for (text, size) in known {
            assert_eq!(picture_size(text), Some(size), "{text}");
        }
    }

    #[test]
    fn what_is_no_size() {
        for text in ["", "640", "640x", "x360", "0x360", "640x0", "-2x360", "640x360x1", "hd", "99999x1"] {
            assert_eq!(picture_size(text), None, "{text}");
        }
    }
}
