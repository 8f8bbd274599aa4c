//! Tags: `ilst` of iTunes and of QuickTime, and QuickTime's user data, under ffmpeg's key names.

use brooklet_media::Metadata;

use crate::boxes::{Body, FourCc};

/// The most tags that are read, and the most bytes of one: pictures and lyrics of that length are not for here.
const MAX_TAGS: usize = 256;
const MAX_VALUE: usize = 64 << 10;

/// Value types of a `data` box (QuickTime File Format, "Type Indicator").
pub(crate) mod value_type {
    pub(crate) const UTF16: u32 = 2;
    pub(crate) const UTF8: u32 = 1;
    pub(crate) const SIGNED: u32 = 21;
    pub(crate) const UNSIGNED: u32 = 22;
}

/// How an item's value is written down.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Number,
    /// A number and how many there are: `3/12`.
    OneOf,
}

/// Items and user data texts under ffmpeg's keys. Where a key has several, it is written as the first.
const ITEMS: &[(&FourCc, &str, Form)] = &[
    (b"\xA9nam", "title", Form::Text),
    (b"titl", "title", Form::Text),
    (b"\xA9ART", "artist", Form::Text),
    (b"perf", "artist", Form::Text),
    (b"aART", "album_artist", Form::Text),
    (b"\xA9alb", "album", Form::Text),
    (b"\xA9wrt", "composer", Form::Text),
    (b"\xA9com", "composer", Form::Text),
    (b"\xA9day", "date", Form::Text),
    (b"\xA9cmt", "comment", Form::Text),
    (b"\xA9inf", "comment", Form::Text),
    (b"\xA9gen", "genre", Form::Text),
    (b"gnre", "genre", Form::Text),
    (b"\xA9too", "encoder", Form::Text),
    (b"\xA9swr", "encoder", Form::Text),
    (b"\xA9enc", "encoded_by", Form::Text),
    (b"\xA9cpy", "copyright", Form::Text),
    (b"cprt", "copyright", Form::Text),
    (b"\xA9grp", "grouping", Form::Text),
    (b"\xA9lyr", "lyrics", Form::Text),
    (b"\xA9mak", "make", Form::Text),
    (b"\xA9mod", "model", Form::Text),
    (b"\xA9xyz", "location", Form::Text),
    (b"desc", "description", Form::Text),
    (b"dscp", "description", Form::Text),
    (b"ldes", "synopsis", Form::Text),
    (b"tvsh", "show", Form::Text),
    (b"tven", "episode_id", Form::Text),
    (b"tvnn", "network", Form::Text),
    (b"sonm", "sort_name", Form::Text),
    (b"soar", "sort_artist", Form::Text),
    (b"soaa", "sort_album_artist", Form::Text),
    (b"soal", "sort_album", Form::Text),
    (b"soco", "sort_composer", Form::Text),
    (b"sosn", "sort_show", Form::Text),
    (b"keyw", "keywords", Form::Text),
    (b"catg", "category", Form::Text),
    (b"purd", "purchase_date", Form::Text),
    (b"trkn", "track", Form::OneOf),
    (b"disk", "disc", Form::OneOf),
    (b"tvsn", "season_number", Form::Number),
    (b"tves", "episode_sort", Form::Number),
    (b"cpil", "compilation", Form::Number),
    (b"pgap", "gapless_playback", Form::Number),
    (b"stik", "media_type", Form::Number),
    (b"hdvd", "hd_video", Form::Number),
    (b"rtng", "rating", Form::Number),
    (b"pcst", "podcast", Form::Number),
];

/// The tags of an `ftyp`: its brands.
pub(crate) fn brands(mut ftyp: Body) -> Metadata {
    let (Ok(major), Ok(minor)) = (ftyp.four_cc(), ftyp.u32()) else { return Metadata::new() };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    vec![
        ("major_brand".into(), text(&major)),
        ("minor_version".into(), minor.to_string()),
        ("compatible_brands".into(), text(&ftyp.bytes)),
    ]
}

/// The tags of a `moov`; of those with one name the first counts.
pub(crate) fn parse(moov: &Body) -> Metadata {
    let mut tags = Metadata::new();
    let mut add = |key: String, value: String| {
        if tags.len() < MAX_TAGS && !value.is_empty() && !tags.iter().any(|(known, _)| *known == key) {
            tags.push((key, value));
        }
    };
    let user_data = moov.child(b"udta");
    let lists = [user_data.as_ref().and_then(|udta| udta.child(b"meta")), moov.child(b"meta")];
    for meta in lists.into_iter().flatten().map(without_version) {
        let names = meta.child(b"keys").map(key_names);
        for item in meta.child(b"ilst").into_iter().flat_map(Body::children) {
            if let Some((key, value)) = read_item(item, names.as_deref()) {
                add(key, value);
            }
        }
    }
    for text in user_data.into_iter().flat_map(Body::children) {
        if let (Some((key, Form::Text)), Some(value)) = (key_of(text.kind), user_text(text)) {
            add(key.into(), value);
        }
    }
    tags
}

/// A `meta` is a full box in MP4 and a plain one in QuickTime; `hdlr` comes first in both.
fn without_version(meta: Body) -> Body {
    let mut plain = meta.clone();
    if meta.bytes.get(4..8) != Some(b"hdlr") {
        // A box too short for a version has nothing in it either.
        let _ = plain.skip(4);
    }
    plain
}

/// The names in a `keys` box, which items refer to by number, from 1.
fn key_names(mut keys: Body) -> Vec<String> {
    let mut names = Vec::new();
    if keys.skip(8).is_ok() {
        for key in keys.children().take(MAX_TAGS) {
            names.push(String::from_utf8_lossy(&key.bytes).into_owned());
        }
    }
    names
}

fn read_item(item: Body, names: Option<&[String]>) -> Option<(String, String)> {
    let (key, form) = match (item.kind, names) {
        ([0, 0, number @ ..], Some(names)) => {
            let index = usize::from(u16::from_be_bytes(number)).checked_sub(1)?;
            (names.get(index)?.clone(), Form::Text)
        }
        ([b'-', b'-', b'-', b'-'], _) => {
            let name = item.child(b"name")?.bytes;
            (String::from_utf8_lossy(name.get(4..)?).into_owned(), Form::Text)
        }
        (kind, _) => key_of(kind).map(|(key, form)| (key.to_owned(), form))?,
    };
    Some((key, read_value(item.child(b"data")?, form)?))
}

fn read_value(mut data: Body, form: Form) -> Option<String> {
    let value_type = data.u32().ok()? & 0xFF_FFFF;
    data.skip(4).ok()?; // locale
    let value = data.bytes;
    if value.len() > MAX_VALUE {
        return None;
    }
    let unsigned = || value.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    match (form, value_type) {
        (Form::OneOf, _) => {
            let part = |at: usize| Some(u16::from_be_bytes(*value.get(at..)?.first_chunk()?));
            let (number, all) = (part(2)?, part(4).unwrap_or(0));
            Some(if all > 0 { format!("{number}/{all}") } else { number.to_string() })
        }
        (_, value_type::SIGNED) if (1..=8).contains(&value.len()) => {
            let unused = 64 - 8 * value.len();
            Some(((unsigned() as i64) << unused >> unused).to_string())
        }
        (_, value_type::UNSIGNED) | (Form::Number, _) if (1..=8).contains(&value.len()) => {
            Some(unsigned().to_string())
        }
        (Form::Text, value_type::UTF8 | 0) => Some(text(&value)),
        (Form::Text, value_type::UTF16) => Some(utf16(&value)),
        _ => None,
    }
}

/// QuickTime's user data: a length, a language and a text (QuickTime File Format, "User Data Text Strings").
fn user_text(mut body: Body) -> Option<String> {
    let length = usize::from(body.u16().ok()?);
    body.skip(2).ok()?;
    let value = body.bytes.get(..length.min(body.bytes.len()))?;
    (value.len() <= MAX_VALUE)
        .then(|| if value.starts_with(&[0xFE, 0xFF]) { utf16(&value[2..]) } else { text(value) })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned()
}

fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}

/// ffmpeg's key for an item or a user data text.
fn key_of(kind: FourCc) -> Option<(&'static str, Form)> {
    ITEMS.iter().find(|(known, ..)| **known == kind).map(|(_, key, form)| (*key, *form))
}

/// The item for one of ffmpeg's keys.
pub(crate) fn item_of(key: &str) -> Option<(&'static FourCc, Form)> {
    ITEMS.iter().find(|(_, known, _)| *known == key).map(|(kind, _, form)| (*kind, *form))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn boxed(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
        let body = parts.concat();
        [&(body.len() as u32 + 8).to_be_bytes(), &kind[..], &body].concat()
    }

    fn data(value_type: u8, value: &[u8]) -> Vec<u8> {
        boxed(b"data", &[&[0, 0, 0, value_type], &[0; 4], value])
    }

    fn tags(moov: Vec<u8>) -> Vec<(String, String)> {
        parse(&Body::new(*b"moov", 0, Bytes::from(moov)))
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.into(), value.into())
    }

    #[test]
    fn items_of_itunes() {
        let items = [
            boxed(b"\xA9nam", &[&data(1, "Häuser".as_bytes())]),
            boxed(b"\xA9nam", &[&data(1, b"the second is not taken")]),
            boxed(b"trkn", &[&data(0, &[0, 0, 0, 3, 0, 9, 0, 0])]),
            boxed(b"cpil", &[&data(21, &[1])]),
            boxed(b"covr", &[&data(13, b"a picture")]),
            boxed(
                b"----",
                &[
                    &boxed(b"mean", &[b"\0\0\0\0com.apple"]),
                    &boxed(b"name", &[b"\0\0\0\0MOOD"]),
                    &data(1, b"calm"),
                ],
            ),
        ];
        let meta =
            boxed(b"meta", &[&[0; 4], &boxed(b"hdlr", &[&[0; 24]]), &boxed(b"ilst", &[&items.concat()])]);
        let expected =
            [pair("title", "Häuser"), pair("track", "3/9"), pair("compilation", "1"), pair("MOOD", "calm")];
        assert_eq!(tags(boxed(b"udta", &[&meta])), expected);
    }

    #[test]
    fn keys_of_quicktime() {
        let keys =
            boxed(b"keys", &[&[0, 0, 0, 0, 0, 0, 0, 1], &boxed(b"mdta", &[b"com.apple.quicktime.make"])]);
        let item = boxed(&[0, 0, 0, 1], &[&data(1, b"Apple")]);
        let beyond = boxed(&[0, 0, 0, 2], &[&data(1, b"no such key")]);
        let meta = boxed(b"meta", &[&boxed(b"hdlr", &[&[0; 24]]), &keys, &boxed(b"ilst", &[&item, &beyond])]);
        assert_eq!(tags(meta), [pair("com.apple.quicktime.make", "Apple")]);
    }

    #[test]
    fn user_data_of_quicktime() {
        let udta = boxed(b"udta", &[&boxed(b"\xA9swr", &[&[0, 4, 0, 0], b"Lavf and more"]), &[0; 4]]);
        assert_eq!(tags(udta), [pair("encoder", "Lavf")]);
    }
}
