//! Which streams: after an option's name (`-b:v:0`), and in `-map 0:a:1?`.

use brooklet::job::{Map, Specifier};
use brooklet_media::MediaKind;

/// Streams that an option is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wanted {
    /// Those of every kind.
    All,
    /// Those of one kind.
    Kind(MediaKind),
}

/// `v`, `a:0`, or nothing, from after an option's first colon.
///
/// All streams of one kind in an output have the same settings: a number other than 0 is refused.
pub(crate) fn option_specifier(text: &str) -> Result<Wanted, &'static str> {
    let (kind, number) = text.split_once(':').map_or((text, None), |(kind, number)| (kind, Some(number)));
    let wanted = match kind {
        "v" | "V" => Wanted::Kind(MediaKind::Video),
        "a" => Wanted::Kind(MediaKind::Audio),
        "s" | "d" | "t" => Wanted::Kind(MediaKind::Other),
        "" => return Err("nothing after the colon; :v is for pictures, :a for sound"),
        number if number.bytes().all(|byte| byte.is_ascii_digit()) => {
            return Err("streams are told apart by kind here: write :v or :a in place of the number");
        }
        _ => return Err("unknown stream specifier; known: :v, :a, :s, :d, each also with :0"),
    };
    match number {
        None | Some("0") => Ok(wanted),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.is_empty() => {
            Err("all streams of a kind in one output have the same settings: leave the number out")
        }
        Some(_) => Err("unknown stream specifier; known: :v, :a, :s, :d, each also with :0"),
    }
}

/// `[-]input[:specifier][?]`.
pub(crate) fn map(text: &str) -> Option<Map> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (optional, text) = text.strip_suffix('?').map_or((false, text), |rest| (true, rest));
    let (input, streams) = match text.split_once(':') {
        None => (text, Specifier::All),
        Some((input, specifier)) => (input, map_specifier(specifier)?),
    };
    Some(Map { input: number(input)?, streams, optional, negative })
}

fn map_specifier(text: &str) -> Option<Specifier> {
    let (kind, index) = match text.split_once(':') {
        None => (text, None),
        Some((kind, index)) => (kind, Some(number(index)?)),
    };
    match (kind, index) {
        ("v" | "V", index) => Some(Specifier::Video(index)),
        ("a", index) => Some(Specifier::Audio(index)),
        ("s" | "d" | "t", index) => Some(Specifier::Other(index)),
        (digits, None) => number(digits).map(Specifier::Index),
        _ => None,
    }
}

fn number(text: &str) -> Option<usize> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_as_scripts_write_them() {
        let plain = |input, streams| Some(Map { input, streams, optional: false, negative: false });
        assert_eq!(map("0"), plain(0, Specifier::All));
        assert_eq!(map("1:v"), plain(1, Specifier::Video(None)));
        assert_eq!(map("0:a:1"), plain(0, Specifier::Audio(Some(1))));
        assert_eq!(map("0:2"), plain(0, Specifier::Index(2)));
        let optional = Map { input: 0, streams: Specifier::Audio(Some(1)), optional: true, negative: false };
        assert_eq!(map("0:a:1?"), Some(optional));
        let negative = Map { input: 0, streams: Specifier::Other(None), optional: false, negative: true };
        assert_eq!(map("-0:s"), Some(negative));
        for text in ["", "-", "?", "v", "0:", "0:x", "0:v:", "0:v:x", "0:1:2", "[out]", "+0", "0:v:0:0"] {
            assert_eq!(map(text), None, "{text}");
        }
    }

    #[test]
    fn specifiers_of_options() {
        assert_eq!(option_specifier("v:0"), Ok(Wanted::Kind(MediaKind::Video)));
        assert_eq!(option_specifier("a"), Ok(Wanted::Kind(MediaKind::Audio)));
        for text in ["", "v:1", "0", "x", "v:", "v:x"] {
            assert!(option_specifier(text).is_err(), "{text}");
        }
    }
}
