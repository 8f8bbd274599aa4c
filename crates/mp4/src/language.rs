//! Language codes of `mdhd`: three letters in 15 bits, or one of the Macintosh's numbers (QuickTime File Format,
//! "Language Code Values").

/// The Macintosh's languages in ISO 639-2, by number; `und` where it has none.
const MACINTOSH: [&[u8; 3]; 54] = [
    b"eng", b"fra", b"ger", b"ita", b"dut", b"sve", b"spa", b"dan", b"por", b"nor", b"heb", b"jpn", b"ara",
    b"fin", b"gre", b"ice", b"mlt", b"tur", b"hrv", b"chi", b"urd", b"hin", b"tha", b"kor", b"lit", b"pol",
    b"hun", b"est", b"lav", b"smi", b"fao", b"per", b"rus", b"chi", b"dut", b"gle", b"alb", b"ron", b"ces",
    b"slk", b"slv", b"yid", b"srp", b"mac", b"bul", b"ukr", b"bel", b"uzb", b"kaz", b"aze", b"aze", b"arm",
    b"geo", b"mol",
];

/// The first code that is three letters.
const FIRST_ISO: u16 = 0x400;

/// The language; `None` where it is not said or means nothing.
pub(crate) fn from_code(code: u16) -> Option<[u8; 3]> {
    let letters = if code < FIRST_ISO {
        **MACINTOSH.get(usize::from(code))?
    } else {
        [10, 5, 0].map(|shift| (code >> shift & 0x1F) as u8 + 0x60)
    };
    letters.iter().all(u8::is_ascii_lowercase).then_some(letters)
}

/// The code of a language; that of `und`, undetermined, where it is not known.
pub(crate) fn code(language: Option<[u8; 3]>) -> u16 {
    let letters = language.filter(|letters| letters.iter().all(u8::is_ascii_lowercase)).unwrap_or(*b"und");
    letters.iter().fold(0, |code, letter| code << 5 | u16::from(letter - 0x60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_numbers_and_nothing() {
        assert_eq!(from_code(0x15C7), Some(*b"eng"));
        assert_eq!(from_code(0x55C4), Some(*b"und"));
        assert_eq!((from_code(0), from_code(11)), (Some(*b"eng"), Some(*b"jpn")));
        assert_eq!((from_code(0x7FFF), from_code(0x3FF)), (None, None));
    }

    #[test]
    fn codes_read_back() {
        assert_eq!((code(Some(*b"eng")), from_code(code(Some(*b"deu")))), (0x15C7, Some(*b"deu")));
        assert_eq!((code(None), code(Some(*b"???"))), (0x55C4, 0x55C4));
    }
}
