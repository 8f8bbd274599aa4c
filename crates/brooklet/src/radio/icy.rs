//! Titles within the bytes of a stream, as SHOUTcast does it and everybody after: after every `metaint` bytes of sound
//! stands a byte that says how many times 16 bytes of text follow, `StreamTitle='…';` padded with zeros; 0 where nothing
//! is new.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

/// Bytes of sound between titles where we choose: what all others choose.
pub(crate) const METAINT: usize = 16_000;
/// The longest text: 255 times 16 bytes.
const MOST: usize = 255 * 16;

/// Puts titles between the bytes of a stream.
#[derive(Debug)]
pub struct IcyWriter {
    metaint: usize,
    /// Bytes of sound until the next title.
    left: usize,
    /// The last that was written.
    told: Option<Arc<str>>,
}

impl IcyWriter {
    /// A title after every `metaint` (at least 1) bytes of sound.
    pub const fn new(metaint: usize) -> Self {
        let metaint = if metaint == 0 { 1 } else { metaint };
        Self { metaint, left: metaint, told: None }
    }

    /// Hands the next bytes of sound, played under this title, to `out`, with titles where they are due.
    pub fn write(&mut self, mut bytes: Bytes, title: &Arc<str>, mut out: impl FnMut(Bytes)) {
        while bytes.len() >= self.left {
            out(bytes.split_to(self.left));
            out(self.block(title));
            self.left = self.metaint;
        }
        if !bytes.is_empty() {
            self.left -= bytes.len();
            out(bytes);
        }
    }

    fn block(&mut self, title: &Arc<str>) -> Bytes {
        if self.told.as_ref() == Some(title) {
            return Bytes::from_static(&[0]);
        }
        self.told = Some(title.clone());
        // Readers take the first of these two for the end.
        let mut text = format!("StreamTitle='{}", title.replace("';", "’;"));
        let most = (0..=MOST - 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(most);
        text.push_str("';");
        let sixteenths = text.len().div_ceil(16);
        let mut block = BytesMut::with_capacity(1 + sixteenths * 16);
        block.extend_from_slice(&[sixteenths as u8]); // at most 255
        block.extend_from_slice(text.as_bytes());
        block.resize(1 + sixteenths * 16, 0);
        block.freeze()
    }
}

/// Takes titles out from between the bytes of a stream.
#[derive(Debug)]
pub struct IcyReader {
    metaint: usize,
    state: Reading,
}

#[derive(Debug)]
enum Reading {
    /// So many bytes of sound are left.
    Sound(usize),
    /// So many bytes of text are left.
    Text(usize, Vec<u8>),
}

impl IcyReader {
    /// `metaint` is what the server's `icy-metaint` said, at least 1.
    pub const fn new(metaint: usize) -> Self {
        let metaint = if metaint == 0 { 1 } else { metaint };
        Self { metaint, state: Reading::Sound(metaint) }
    }

    /// Takes bytes as they came; gives their sound, and the last title in them.
    pub fn read(&mut self, mut bytes: Bytes) -> (Bytes, Option<String>) {
        let (mut sound, mut title) = (Vec::new(), None);
        while !bytes.is_empty() {
            match &mut self.state {
                Reading::Sound(0) => {
                    let length = usize::from(bytes.split_to(1)[0]) * 16;
                    self.state = if length == 0 {
                        Reading::Sound(self.metaint)
                    } else {
                        Reading::Text(length, Vec::new())
                    };
                }
                Reading::Sound(left) => {
                    let part = bytes.split_to(bytes.len().min(*left));
                    *left -= part.len();
                    sound.push(part);
                }
                Reading::Text(left, text) => {
                    let part = bytes.split_to(bytes.len().min(*left));
                    *left -= part.len();
                    text.extend_from_slice(&part);
                    if *left == 0 {
                        title = stream_title(text).or(title);
                        self.state = Reading::Sound(self.metaint);
                    }
                }
            }
        }
        let sound = if sound.len() == 1 { sound.remove(0) } else { sound.concat().into() };
        (sound, title)
    }
}

/// The title in a block; what is no UTF-8 is Latin-1, as old servers send it.
fn stream_title(block: &[u8]) -> Option<String> {
    let block = &block[..block.iter().position(|byte| *byte == 0).unwrap_or(block.len())];
    let text = match std::str::from_utf8(block) {
        Ok(text) => text.to_string(),
        Err(_) => block.iter().map(|byte| char::from(*byte)).collect(),
    };
    let (_, rest) = text.split_once("StreamTitle='")?;
    Some(rest.split_once("';").map_or(rest.trim_end_matches('\''), |(title, _)| title).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(writer: &mut IcyWriter, sound: &[u8], title: &str) -> Vec<u8> {
        let mut out = Vec::new();
        writer.write(Bytes::copy_from_slice(sound), &title.into(), |bytes| out.extend_from_slice(&bytes));
        out
    }

    #[test]
    fn a_title_is_told_once_and_at_its_place() {
        let mut writer = IcyWriter::new(4);
        let block = [&[2][..], b"StreamTitle='it''s';", &[0; 12]].concat();
        assert_eq!(
            written(&mut writer, b"abcdefghij", "it''s"),
            [b"abcd", &block[..], b"efgh", &[0], b"ij"].concat()
        );
        assert_eq!(written(&mut writer, b"kl", ""), [&b"kl"[..], &[1], b"StreamTitle='';", &[0]].concat());
    }

    #[test]
    fn a_title_that_is_too_long_is_cut_between_letters() {
        let out = written(&mut IcyWriter::new(1), b"a", &"ü".repeat(3_000));
        assert_eq!((out[1], out.len()), (255, 2 + MOST));
        let title = stream_title(&out[2..]);
        assert!(title.is_some_and(|title| title.chars().all(|letter| letter == 'ü')));
    }

    #[test]
    fn old_servers_write_latin_1() {
        assert_eq!(stream_title(b"StreamTitle='Caf\xE9';StreamUrl='x';\0\0").as_deref(), Some("Café"));
        assert_eq!(stream_title(b"StreamUrl='x';"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            pieces in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..50), "[a-zé'; ]{0,40}"), 1..20),
            metaint in 1usize..40,
            step in 1usize..60,
        ) {
            let (mut writer, mut reader) = (IcyWriter::new(metaint), IcyReader::new(metaint));
            let sound: Vec<u8> = pieces.iter().flat_map(|(sound, _)| sound.clone()).collect();
            let all: Vec<u8> = pieces.iter().flat_map(|(sound, title)| written(&mut writer, sound, title)).collect();
            let (mut read, mut last) = (Vec::new(), None);
            for part in all.chunks(step) {
                let (sound, title) = reader.read(Bytes::copy_from_slice(part));
                read.extend_from_slice(&sound);
                last = title.or(last);
            }
            prop_assert_eq!(read, sound);
            prop_assert_eq!(last, writer.told.map(|told| told.replace("';", "’;")));
        }
    }
}
