//! Web servers that answer anything: heads, bodies, and titles between the bytes. What is read may not depend on how it was cut
//! on its way.

use brooklet::protocol::http::{Body, Head, HttpUrl};
use brooklet::radio::{IcyReader, IcyWriter};
use bytes::{Bytes, BytesMut};

/// What was asked for.
const ASKED: &str = "http://me:secret@host:8000/live/a.mp3?x";

/// An answer, whole and in pieces: the first byte is for their length.
pub fn check_answer(input: &[u8]) {
    let Some((step, answer)) = input.split_first() else { return };
    let whole = read_answer(answer, answer.len().max(1));
    let pieces = read_answer(answer, 1 + usize::from(*step));
    assert_eq!(whole.as_ref().ok(), pieces.as_ref().ok());
    let Ok((Some(head), body)) = whole else { return };
    assert!(body.len() <= answer.len());
    let (Some(location), Ok(asked)) = (head.header("location"), HttpUrl::parse(ASKED, 80)) else { return };
    let Ok(url) = asked.join(location) else { return };
    assert!(url.target.starts_with('/') && url.target.bytes().all(|byte| byte.is_ascii_graphic()));
    // A login goes along to the same place only, unless the answer itself says one.
    let is_same_place = (url.tls, url.host.as_str(), url.port) == (false, "host", 8_000);
    assert!(is_same_place || url.login.is_none() || location.contains('@'));
}

/// The head, as soon as it is there, and what there is of the body.
fn read_answer(answer: &[u8], step: usize) -> Result<(Option<Head>, Vec<u8>), String> {
    let (mut came, mut begun, mut out) = (BytesMut::new(), None, Vec::new());
    for piece in answer.chunks(step) {
        came.extend_from_slice(piece);
        if begun.is_none() {
            begun = Head::parse(&came)?.map(|(head, length)| {
                let _ = came.split_to(length);
                let body = Body::of(&head);
                (head, body)
            });
        }
        let Some((_, body)) = &mut begun else { continue };
        while let Some(bytes) = body.take(&mut came)? {
            assert!(!bytes.is_empty());
            out.extend_from_slice(&bytes);
        }
    }
    Ok((begun.map(|(head, _)| head), out))
}

/// Bytes with titles between them, whole and in pieces; and the same bytes with titles of ours, which read back. The first two
/// bytes are for how often a title comes, and for the length of pieces.
pub fn check_titles(input: &[u8]) {
    let [metaint, step, bytes @ ..] = input else { return };
    let (metaint, step) = (1 + usize::from(*metaint), 1 + usize::from(*step));
    let whole = read_titles(bytes, metaint, bytes.len().max(1));
    assert!(whole.0.len() <= bytes.len());
    assert_eq!(whole, read_titles(bytes, metaint, step));
    let (mut writer, mut written) = (IcyWriter::new(metaint), Vec::new());
    for piece in bytes.chunks(step) {
        let title = String::from_utf8_lossy(&piece[..piece.len() / 2]).into();
        writer.write(Bytes::copy_from_slice(piece), &title, |bytes| written.extend_from_slice(&bytes));
    }
    assert_eq!(read_titles(&written, metaint, 777).0, bytes);
}

fn read_titles(bytes: &[u8], metaint: usize, step: usize) -> (Vec<u8>, Option<String>) {
    let (mut reader, mut sound, mut last) = (IcyReader::new(metaint), Vec::new(), None);
    for piece in bytes.chunks(step) {
        let (more, title) = reader.read(Bytes::copy_from_slice(piece));
        sound.extend_from_slice(&more);
        last = title.or(last);
    }
    (sound, last)
}
