//! Descriptors: tag, length, body. What tables say beyond their fixed columns (ISO/IEC 13818-1 §2.6,
//! ETSI EN 300 468 §6, ATSC A/52 Annex A).

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// format_identifier of whoever defined the stream's type (§2.6.8).
pub(crate) const REGISTRATION: u8 = 0x05;
/// ISO 639 language (§2.6.18).
pub(crate) const LANGUAGE: u8 = 0x0A;
/// Name and provider of a service (EN 300 468 §6.2.33).
pub(crate) const SERVICE: u8 = 0x48;
/// AC-3 in DVB (EN 300 468 Annex D.3).
pub(crate) const DVB_AC3: u8 = 0x6A;
/// Enhanced AC-3 in DVB (EN 300 468 Annex D.5).
pub(crate) const DVB_EAC3: u8 = 0x7A;
/// Extension (EN 300 468 §6.2.16); Opus uses the tag [`OPUS`] of the user-defined ones.
pub(crate) const EXTENSION: u8 = 0x7F;
/// descriptor_tag_extension of Opus ("ETSI TS Opus", draft 0.1.3: wiki.xiph.org/OpusTS).
pub(crate) const OPUS: u8 = 0x80;

/// First byte of a DVB text in UTF-8 (EN 300 468 table A.3).
const UTF8: u8 = 0x15;
/// The most bytes of a name or provider: both have to fit in one descriptor.
const MAX_NAME: usize = 120;

/// The descriptors in a loop, as (tag, body). One that passes the end ends it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Descriptors<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Descriptors<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[tag, length], rest) = self.0.split_first_chunk()?;
        let (body, rest) = rest.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Some((tag, body))
    }
}

/// The four letters of the first registration descriptor.
pub(crate) fn registration_in(descriptors: &[u8]) -> Option<[u8; 4]> {
    Descriptors(descriptors)
        .find_map(|(tag, body)| (tag == REGISTRATION).then(|| body.first_chunk().copied()).flatten())
}

/// The language of the first language descriptor.
pub(crate) fn language_in(descriptors: &[u8]) -> Option<[u8; 3]> {
    Descriptors(descriptors)
        .find_map(|(tag, body)| (tag == LANGUAGE).then(|| body.first_chunk().copied()).flatten())
        .filter(|code| code.iter().all(u8::is_ascii_lowercase))
}

/// channel_config_code of an Opus stream.
pub(crate) fn opus_channel_config_in(descriptors: &[u8]) -> Option<u8> {
    Descriptors(descriptors).find_map(|(tag, body)| match (tag, body) {
        (EXTENSION, [OPUS, code, ..]) => Some(*code),
        _ => None,
    })
}

/// Whether there is a descriptor with this tag.
pub(crate) fn has(descriptors: &[u8], wanted: u8) -> bool {
    Descriptors(descriptors).any(|(tag, _)| tag == wanted)
}

/// A registration descriptor.
pub(crate) fn registration(letters: [u8; 4]) -> Vec<u8> {
    of(REGISTRATION, &letters)
}

/// A language descriptor of audio_type 0.
pub(crate) fn language(code: [u8; 3]) -> Vec<u8> {
    of(LANGUAGE, &[code[0], code[1], code[2], 0])
}

/// The extension descriptor of an Opus stream.
pub(crate) fn opus(channel_config: u8) -> Vec<u8> {
    of(EXTENSION, &[OPUS, channel_config])
}

/// A service descriptor; longer names are cut.
pub(crate) fn service(service_type: u8, provider: &str, name: &str) -> Vec<u8> {
    let mut body = vec![service_type];
    for text in [provider, name] {
        let text = dvb_text(text);
        body.push(text.len() as u8);
        body.extend(text);
    }
    of(SERVICE, &body)
}

/// service_type, provider and name of a service descriptor's body.
pub(crate) fn parse_service(body: &[u8]) -> Option<(u8, String, String)> {
    let (service_type, rest) = body.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (provider, rest) = rest.split_at_checked(usize::from(*length))?;
    let (length, rest) = rest.split_first()?;
    let name = rest.get(..usize::from(*length))?;
    Some((*service_type, from_dvb_text(provider), from_dvb_text(name)))
}

fn of(tag: u8, body: &[u8]) -> Vec<u8> {
    let body = &body[..body.len().min(255)];
    [&[tag, body.len() as u8], body].concat()
}

/// Text in ASCII as it is, other text as UTF-8 that says so (EN 300 468 Annex A.2).
fn dvb_text(text: &str) -> Vec<u8> {
    let cut = &text[..text.floor_char_boundary(MAX_NAME)];
    let prefix = (!cut.is_ascii()).then_some(UTF8);
    prefix.into_iter().chain(cut.bytes()).collect()
}

/// Other character tables than UTF-8 are read as far as they are ASCII.
fn from_dvb_text(text: &[u8]) -> String {
    match text {
        [UTF8, utf8 @ ..] => String::from_utf8_lossy(utf8).into_owned(),
        [first, rest @ ..] if *first < 0x20 => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(text).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_opus_says_of_itself() {
        let descriptors = [registration(*b"Opus"), opus(2), language(*b"deu")].concat();
        assert_eq!(registration_in(&descriptors), Some(*b"Opus"));
        assert_eq!(opus_channel_config_in(&descriptors), Some(2));
        assert_eq!(language_in(&descriptors), Some(*b"deu"));
        assert!(!has(&descriptors, DVB_AC3));
    }

    #[test]
    fn names_too_long_are_cut_between_letters() {
        let (_, provider, name) =
            parse_service(&service(1, &"x".repeat(300), &"é".repeat(100))[2..]).unwrap();
        assert_eq!((provider.len(), name.chars().count()), (120, 60));
    }

    #[test]
    fn a_descriptor_past_the_end_ends_the_loop() {
        assert_eq!(Descriptors(&[5, 1, 9, 10, 4, 1]).collect::<Vec<_>>(), [(5, &[9u8][..])]);
    }
}
