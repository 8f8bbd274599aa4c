//! Vorbis comments (Xiph, "Vorbis I" §5): the tags of Ogg and FLAC.

use brooklet_media::Metadata;
use bytes::{BufMut, BytesMut};

/// The most tags that are read.
const MAX_TAGS: u32 = 1_000;

/// What Ogg and FLAC call what ffmpeg calls otherwise.
const NAMES: [(&str, &str); 4] = [
    ("ALBUMARTIST", "album_artist"),
    ("TRACKNUMBER", "track"),
    ("DISCNUMBER", "disc"),
    ("DESCRIPTION", "comment"),
];

/// The comments at the start of `bytes`; what is damaged is left out.
pub(crate) fn parse(bytes: &[u8]) -> Metadata {
    let mut rest = bytes;
    let mut metadata = Metadata::new();
    let _ = text(&mut rest);
    for _ in 0..number(&mut rest).unwrap_or(0).min(MAX_TAGS) {
        let Some(tag) = text(&mut rest) else { break };
        let tag = String::from_utf8_lossy(tag);
        if let Some((key, value)) = tag.split_once('=') {
            let known = NAMES.iter().find(|(theirs, _)| key.eq_ignore_ascii_case(theirs));
            let key = known.map_or_else(|| key.to_ascii_lowercase(), |(_, ours)| (*ours).into());
            // A picture in text is no tag for people.
            if key != "metadata_block_picture" {
                metadata.push((key, value.into()));
            }
        }
    }
    metadata
}

/// Comments that say `metadata`.
pub(crate) fn build(metadata: &Metadata) -> Vec<u8> {
    let mut out = BytesMut::new();
    put(&mut out, concat!("Brooklet ", env!("CARGO_PKG_VERSION")));
    out.put_u32_le(metadata.len() as u32);
    for (key, value) in metadata {
        let known = NAMES.iter().find(|(_, ours)| key == ours);
        let key = known.map_or_else(|| key.to_ascii_uppercase(), |(theirs, _)| (*theirs).into());
        // A field's name is ASCII without '='.
        let key = key.replace(|letter: char| !(' '..='}').contains(&letter) || letter == '=', "_");
        put(&mut out, &format!("{key}={value}"));
    }
    out.to_vec()
}

fn put(out: &mut BytesMut, text: &str) {
    out.put_u32_le(text.len() as u32);
    out.put_slice(text.as_bytes());
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = number(rest)? as usize;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(text)
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u32::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_translated() {
        let tags = vec![("title".to_string(), "Süß".to_string()), ("track".into(), "3".into())];
        let bytes = build(&tags);
        assert!(bytes.windows(13).any(|part| part == b"TRACKNUMBER=3"));
        assert_eq!(parse(&bytes), tags);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(tags in prop::collection::vec(("[a-z]{1,9}", ".{0,20}"), 0..9)) {
            prop_assume!(tags.iter().all(|(key, _)| !NAMES.iter().any(|(theirs, _)| theirs.eq_ignore_ascii_case(key))));
            prop_assert_eq!(parse(&build(&tags)), tags);
        }

        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            parse(&bytes);
        }
    }
}
