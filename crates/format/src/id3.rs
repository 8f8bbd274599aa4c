//! ID3v2: the tags at the start of MP3 files (id3.org, ID3v2.2 to ID3v2.4).

use brooklet_media::Metadata;

/// The most bytes of a tag that are kept to be read: pictures are larger and are not wanted.
pub(crate) const MAX_TAG: u64 = 1 << 20;

/// Frames of text, in ID3v2.2 and from 2.3 on, and what ffmpeg calls them.
const FRAMES: [(&[u8; 3], &[u8; 4], &str); 15] = [
    (b"TT2", b"TIT2", "title"),
    (b"TP1", b"TPE1", "artist"),
    (b"TP2", b"TPE2", "album_artist"),
    (b"TAL", b"TALB", "album"),
    (b"TCO", b"TCON", "genre"),
    (b"TRK", b"TRCK", "track"),
    (b"TPA", b"TPOS", "disc"),
    (b"TYE", b"TDRC", "date"),
    (b"TYE", b"TYER", "date"),
    (b"TCM", b"TCOM", "composer"),
    (b"TCR", b"TCOP", "copyright"),
    (b"TLA", b"TLAN", "language"),
    (b"TPB", b"TPUB", "publisher"),
    (b"TEN", b"TENC", "encoded_by"),
    (b"TSS", b"TSSE", "encoder"),
];

/// The tags in a whole ID3v2 tag, header included; what is damaged, coded in a way that is not known, or no text is
/// left out.
pub(crate) fn parse(tag: &[u8]) -> Metadata {
    let mut metadata = Metadata::new();
    let (Some(head), Some(body)) = (tag.first_chunk::<10>(), tag.get(10..)) else { return metadata };
    let (version, flags) = (head[3], head[5]);
    // Until 2.3 the whole tag is guarded against false syncs, in 2.4 each frame says so.
    let plain = if flags & 0x80 != 0 && version < 4 { without_guards(body) } else { body.to_vec() };
    let mut rest = &plain[..];
    if flags & 0x40 != 0 && version >= 3 {
        let size = rest.first_chunk().map_or(0, |size| number(size, version >= 4));
        rest = rest.get(size + if version == 3 { 4 } else { 0 }..).unwrap_or_default();
    }
    while let Some((frame, after)) = next_frame(rest, version) {
        if let Some((key, value)) = text_of(&frame) {
            metadata.push((key, value));
        }
        rest = after;
    }
    metadata
}

/// An ID3v2.4 tag of `metadata` in UTF-8; empty where there is nothing to say.
pub(crate) fn build(metadata: &Metadata) -> Vec<u8> {
    let mut frames = Vec::new();
    for (key, value) in metadata {
        let known = FRAMES.iter().find(|(_, _, name)| name == key);
        let (id, text) = match known {
            Some((_, id, _)) => (*id, value.clone()),
            None => (b"TXXX", format!("{key}\0{value}")),
        };
        frames.extend_from_slice(id);
        frames.extend_from_slice(&safe(text.len() + 1));
        frames.extend_from_slice(&[0, 0, 3]);
        frames.extend_from_slice(text.as_bytes());
    }
    if frames.is_empty() || frames.len() >= 1 << 28 {
        return Vec::new();
    }
    [b"ID3\x04\0\0", &safe(frames.len())[..], &frames].concat()
}

struct Frame {
    id: Vec<u8>,
    body: Vec<u8>,
}

fn next_frame(rest: &[u8], version: u8) -> Option<(Frame, &[u8])> {
    let (id, size, flags, head): (_, _, _, usize) = if version == 2 {
        let head: &[u8; 6] = rest.first_chunk()?;
        (&head[..3], number(&[0, head[3], head[4], head[5]], false), 0, 6)
    } else {
        let head: &[u8; 10] = rest.first_chunk()?;
        let size = [head[4], head[5], head[6], head[7]];
        (&head[..4], number(&size, version >= 4), head[9], 10)
    };
    let body = rest.get(head..head.checked_add(size)?)?;
    if id[0] == 0 {
        return None;
    }
    let (coded, guarded, sized) = match version {
        3 => (flags & 0xC0 != 0, false, false),
        4 => (flags & 0x0C != 0, flags & 2 != 0, flags & 1 != 0),
        _ => (false, false, false),
    };
    let body = if coded { &[] } else { body.get(if sized { 4 } else { 0 }..).unwrap_or_default() };
    let body = if guarded { without_guards(body) } else { body.to_vec() };
    Some((Frame { id: id.to_vec(), body }, &rest[head + size..]))
}

fn text_of(frame: &Frame) -> Option<(String, String)> {
    let (coding, bytes) = frame.body.split_first()?;
    let text = decoded(*coding, bytes)?;
    if matches!(&frame.id[..], b"TXXX" | b"TXX") {
        let (key, value) = text.split_once('\0')?;
        return Some((key.into(), value.trim_end_matches('\0').into()));
    }
    let known = FRAMES.iter().find(|(short, long, _)| frame.id == *short || frame.id == *long)?;
    // Several values stand one after another since 2.4.
    let value = text.trim_end_matches('\0').replace('\0', ";");
    Some((known.2.into(), value))
}

fn decoded(coding: u8, bytes: &[u8]) -> Option<String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<_> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        // Each string has a mark of its own.
        String::from_utf16_lossy(&units).replace('\u{FEFF}', "")
    };
    Some(match (coding, bytes) {
        (0, _) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        (1, [0xFE, 0xFF, rest @ ..]) => utf16(rest, u16::from_be_bytes),
        (1, [0xFF, 0xFE, rest @ ..]) => utf16(rest, u16::from_le_bytes),
        (2, _) => utf16(bytes, u16::from_be_bytes),
        (3, _) => String::from_utf8_lossy(bytes).into(),
        _ => return None,
    })
}

/// Takes out the zeros that keep 0xFF from looking like a sync word (ID3v2.3 §5).
fn without_guards(bytes: &[u8]) -> Vec<u8> {
    let mut last = 0;
    let kept = bytes.iter().copied().filter(|byte| {
        let guard = last == 0xFF && *byte == 0;
        last = *byte;
        !guard
    });
    kept.collect()
}

/// A size in 32 bits, or in 28 of which 7 stand in each byte.
fn number(bytes: &[u8; 4], safe: bool) -> usize {
    if safe {
        bytes.iter().fold(0, |size, byte| size << 7 | usize::from(byte & 0x7F))
    } else {
        u32::from_be_bytes(*bytes) as usize
    }
}

fn safe(size: usize) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| (size >> shift & 0x7F) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn older_tags() {
        // ID3v2.2, Latin-1; ID3v2.3, UTF-16 with a mark, after a frame that is no text.
        let two = b"ID3\x02\0\0\0\0\0\x0BTT2\0\0\x05\0Caf\xE9";
        assert_eq!(parse(two), [("title".to_string(), "Café".to_string())]);
        let three = b"ID3\x03\0\0\0\0\0\x1FPRIV\0\0\0\x02\0\0ab\
            TPE1\0\0\0\x07\0\0\x01\xFF\xFEM\0e\0";
        assert_eq!(parse(three), [("artist".to_string(), "Me".to_string())]);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            tags in prop::collection::vec((prop_oneof!["title", "artist", "x[a-z]{1,9}"], "[^\0]{0,20}"), 1..9)
        ) {
            let tag = build(&tags);
            prop_assert_eq!(crate::frames::id3v2_bytes(&tag), Some(tag.len() as u64));
            prop_assert_eq!(parse(&tag), tags);
        }

        #[test]
        fn any_bytes_are_read(version in 0u8..6, flags: u8, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            parse(&[&b"ID3"[..], &[version, 0, flags, 0, 0, 1, 0], &bytes].concat());
        }
    }
}
