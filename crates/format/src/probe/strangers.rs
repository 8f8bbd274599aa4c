//! What an input looks like that is none of our formats: so that the error names it.

/// Marks at the start, and whose they are.
const MARKS: [(&[u8], &str); 29] = [
    (b"\x1A\x45\xDF\xA3", "a Matroska or WebM file"),
    (b"OggS", "an Ogg file"),
    (b"fLaC", "a FLAC file"),
    (b"\x30\x26\xB2\x75\x8E\x66\xCF\x11", "an ASF, WMV or WMA file"),
    (b"\0\0\x01\xBA", "an MPEG program stream"),
    (b"\0\0\x01\xB3", "an MPEG video elementary stream"),
    (b"FORM", "an AIFF or IFF file"),
    (b".snd", "an AU file"),
    (b"DKIF", "an IVF file"),
    (b"#!AMR", "an AMR file"),
    (b"MThd", "a MIDI file"),
    (b".RMF", "a RealMedia file"),
    (b"caff", "a CAF file"),
    (b"RIFX", "a big-endian RIFF file"),
    (b"\x0B\x77", "an AC-3 stream"),
    (b"\xFF\xD8\xFF", "a JPEG picture"),
    (b"\x89PNG\r\n\x1A\n", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"II*\0", "a TIFF picture"),
    (b"PK\x03\x04", "a ZIP archive (or a document that is one)"),
    (b"\x1F\x8B", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xFD7zXZ\0", "an xz archive"),
    (b"7z\xBC\xAF\x27\x1C", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x28\xB5\x2F\xFD", "a zstd archive"),
    (b"%PDF", "a PDF document"),
    (b"\x7FELF", "a program (ELF)"),
];

/// First words of texts, in small letters.
const TEXTS: [(&str, &str); 8] = [
    ("#extm3u", "an HLS playlist (m3u8)"),
    ("<!doctype html", "an HTML page"),
    ("<html", "an HTML page"),
    ("<?xml", "an XML file"),
    ("webvtt", "WebVTT subtitles"),
    ("v=0", "an SDP description"),
    ("{", "a JSON file"),
    ("[", "a file of settings (INI or the like)"),
];

/// So much of a text decides.
const TEXT: usize = 512;

/// What it looks like; `None` where nothing is known of it.
pub(super) fn name(head: &[u8]) -> Option<&'static str> {
    if head.starts_with(b"RIFF") {
        return Some(match head.get(8..12) {
            Some(b"AVI ") => "an AVI file",
            Some(b"WEBP") => "a WebP picture",
            _ => "a RIFF file of another kind",
        });
    }
    let mark = MARKS.iter().find(|(mark, _)| head.starts_with(mark)).map(|(_, name)| *name);
    mark.or_else(|| text_name(head))
}

fn text_name(head: &[u8]) -> Option<&'static str> {
    let start = &head[..head.len().min(TEXT)];
    // The last letter may be cut in two.
    let valid = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let text = valid.trim_start_matches('\u{FEFF}').trim_start();
    let is_text =
        text.chars().all(|letter| !letter.is_control() || matches!(letter, '\n' | '\r' | '\t' | '\x0C'));
    if text.is_empty() || !is_text {
        return None;
    }
    let small = text.to_lowercase();
    Some(TEXTS.iter().find(|(word, _)| small.starts_with(word)).map_or("a text file", |(_, name)| name))
}
