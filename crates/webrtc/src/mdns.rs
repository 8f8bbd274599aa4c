//! Multicast DNS (RFC 6762), as much of it as finds the address behind a candidate's name: a question, and what answers it.
//!
//! Whoever asks sends [`Question::datagram`] from port 5353 to [`GROUP`], and shows [`Question::answer`] what comes there to the
//! group: browsers answer nobody else (not RFC 6762 §5.1's questions from other ports).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where questions and answers go.
pub const GROUP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(224, 0, 0, 251)), 5353);

/// Bytes of a header: its number, its flags, and how many of each kind of entry follow (RFC 1035 §4.1.1).
const HEADER: usize = 12;
/// Says that it is an answer.
const RESPONSE: u16 = 0x8000;
/// Types of records (RFC 1035 §3.2.2, RFC 3596 §2.1).
const A: u16 = 1;
const AAAA: u16 = 28;
/// The class of the internet; in answers its highest bit says that this is all there is (RFC 6762 §10.2).
const INTERNET: u16 = 1;
const CLASS: u16 = 0x7FFF;
/// Bytes of a name (RFC 1035 §2.3.4).
const NAME: usize = 255;
/// Times that a name may go on elsewhere: a name of a candidate has two parts.
const MOST_POINTERS: usize = 8;

/// Who has this name?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name's parts.
    labels: Vec<Vec<u8>>,
    is_v4: bool,
}

impl Question {
    /// For the IPv4 address behind a name, or the IPv6 one; `None` for what is no name.
    pub fn new(name: &str, is_v4: bool) -> Option<Self> {
        let labels: Vec<Vec<u8>> = name.split('.').map(|label| label.as_bytes().to_vec()).collect();
        let fits = name.len() < 254 && labels.iter().all(|label| (1..=63).contains(&label.len()));
        fits.then_some(Self { labels, is_v4 })
    }

    /// What to send.
    pub fn datagram(&self) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        // One question.
        bytes[5] = 1;
        for label in &self.labels {
            bytes.push(label.len() as u8);
            bytes.extend(label);
        }
        bytes.push(0);
        bytes.extend(self.kind().to_be_bytes());
        bytes.extend(INTERNET.to_be_bytes());
        bytes
    }

    /// The address that a datagram gives for the name; `None` where it gives none.
    pub fn answer(&self, datagram: &[u8]) -> Option<IpAddr> {
        let mut reader = Reader { bytes: datagram, at: 0 };
        let mut counts = [0; 6];
        for count in &mut counts {
            *count = reader.number()?;
        }
        let [_, flags, questions, answers, authorities, additional] = counts;
        if flags & RESPONSE == 0 {
            return None;
        }
        for _ in 0..questions {
            reader.name()?;
            reader.take(4)?;
        }
        let records = u32::from(answers) + u32::from(authorities) + u32::from(additional);
        for _ in 0..records {
            // Each takes some of the datagram, so it ends with that.
            let address = self.address(&reader.record()?);
            if address.is_some() {
                return address;
            }
        }
        None
    }

    fn address(&self, record: &Record) -> Option<IpAddr> {
        let is_it = record.name.len() == self.labels.len()
            && record.name.iter().zip(&self.labels).all(|(one, other)| one.eq_ignore_ascii_case(other));
        if !is_it || record.kind != self.kind() || record.class & CLASS != INTERNET {
            return None;
        }
        match self.is_v4 {
            true => <[u8; 4]>::try_from(record.data).ok().map(IpAddr::from),
            false => <[u8; 16]>::try_from(record.data).ok().map(IpAddr::from),
        }
    }

    const fn kind(&self) -> u16 {
        if self.is_v4 { A } else { AAAA }
    }
}

/// One thing that is said of a name.
struct Record<'a> {
    name: Vec<&'a [u8]>,
    kind: u16,
    class: u16,
    data: &'a [u8],
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn record(&mut self) -> Option<Record<'a>> {
        let (name, kind, class) = (self.name()?, self.number()?, self.number()?);
        // How long it holds is of no interest: a session asks once.
        self.take(4)?;
        let length = self.number()?;
        Some(Record { name, kind, class, data: self.take(usize::from(length))? })
    }

    /// A name: parts, the last of which may be said to stand elsewhere (RFC 1035 §4.1.4).
    fn name(&mut self) -> Option<Vec<&'a [u8]>> {
        let (mut labels, mut at, mut pointers, mut bytes) = (Vec::new(), self.at, 0, 0);
        loop {
            let length = *self.bytes.get(at)?;
            if pointers == 0 {
                self.at = at + 1;
            }
            match length {
                0 => return Some(labels),
                1..=63 => {
                    let label = self.bytes.get(at + 1..at + 1 + usize::from(length))?;
                    labels.push(label);
                    at += 1 + usize::from(length);
                    bytes += 1 + usize::from(length);
                    if bytes >= NAME {
                        return None;
                    }
                }
                0xC0.. if pointers < MOST_POINTERS => {
                    let low = *self.bytes.get(at + 1)?;
                    if pointers == 0 {
                        self.at = at + 2;
                    }
                    pointers += 1;
                    at = usize::from(u16::from_be_bytes([length & 0x3F, low]));
                }
                _ => return None,
            }
        }
    }

    fn number(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..)?.get(..length)?;
        self.at += length;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAME: &str = "ae7b1612-ee5d-41ea-bf20-aa6c0a5b0f9b.local";

    /// What Chromium answers: an address, and that there is no other kind of it.
    fn chromium() -> Vec<u8> {
        let name = b"\x24ae7b1612-ee5d-41ea-bf20-aa6c0a5b0f9b\x05local\0";
        let head = b"\0\0\x84\0\0\0\0\x01\0\0\0\x01";
        let address = b"\0\x01\x80\x01\0\0\0\x78\0\x04\xc0\0\x02\x02";
        let nothing_else = b"\0\x2f\x80\x01\0\0\0\x78\0\x05\xc0\x46\0\x01\x40";
        [&head[..], name, address, name, nothing_else].concat()
    }

    #[test]
    fn what_a_browser_answers_is_its_address() {
        let question = Question::new(NAME, true).unwrap();
        assert_eq!(question.answer(&chromium()), Some([192, 0, 2, 2].into()));
        assert_eq!(Question::new(NAME, false).unwrap().answer(&chromium()), None, "it has no IPv6");
        assert_eq!(Question::new("another.local", true).unwrap().answer(&chromium()), None);
        assert_eq!(question.answer(&question.datagram()), None, "our own question comes back");
        for length in 0..57 {
            assert_eq!(question.answer(&chromium()[..length]), None, "cut at {length}");
        }
    }

    #[test]
    fn names_go_on_elsewhere_but_not_for_ever() {
        // The question repeated, then two records: another's, and ours, whose names point back.
        let mut bytes = b"\0\0\x84\0\0\x01\0\x02\0\0\0\0\x01A\x05LOCAL\0\0\x01\0\x01".to_vec();
        bytes.extend(b"\x01b\xc0\x0e\0\x01\0\x01\0\0\0\x09\0\x04\x01\x01\x01\x01");
        bytes.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x09\0\x04\x0a\0\0\x07");
        let question = Question::new("a.local", true).unwrap();
        assert_eq!(question.answer(&bytes), Some([10, 0, 0, 7].into()));
        let circle = b"\0\0\x84\0\0\0\0\x01\0\0\0\0\xc0\x0c\0\x01\0\x01\0\0\0\x09\0\x04\x0a\0\0\x07";
        assert_eq!(question.answer(circle), None);
        // Each record would go through all of it again.
        let endless = [&b"\0\0\x84\0\0\0\0\x02\0\0\0\0"[..], &b"\x01a".repeat(200), b"\0"].concat();
        assert_eq!(Reader { bytes: &endless, at: HEADER }.name(), None);
        assert_eq!(
            Reader { bytes: &endless, at: HEADER + 400 - 2 * 127 }.name().map(|name| name.len()),
            Some(127)
        );
    }

    #[test]
    fn what_is_no_name_is_not_asked_for() {
        assert_eq!(Question::new("", true), None);
        assert_eq!(Question::new("a..local", true), None);
        assert_eq!(Question::new(&("a".repeat(64) + ".local"), true), None);
    }

    proptest! {
        #[test]
        fn damage_is_read_without_harm(at in 0..100usize, byte: u8, noise in prop::collection::vec(any::<u8>(), 0..80)) {
            let question = Question::new(NAME, true).unwrap();
            let mut bytes = chromium();
            bytes[at] = byte;
            let _ = (question.answer(&bytes), question.answer(&noise));
        }
    }
}
