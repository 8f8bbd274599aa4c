//! The first lines of an answer (RFC 9112 §4), and of SHOUTcast servers, whose first word is `ICY`.

/// Bytes of a head that are read at most.
const MOST: usize = 64 << 10;
/// How an answer of theirs begins.
const SHOUTCAST: &[u8] = b"ICY ";
/// Lines of it.
const LINES: usize = 128;

/// What a server answers before the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// 200 where all is well.
    pub status: u16,
    /// The same in the server's words.
    pub reason: String,
    /// Names in small letters.
    headers: Vec<(String, String)>,
}

impl Head {
    /// Reads a head from the start of `bytes`, and how many of them it takes; `None` where more must come.
    ///
    /// # Errors
    ///
    /// What is wrong, in words, where it is no head or has more than 64 KiB.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, String> {
        if SHOUTCAST.starts_with(bytes) {
            return Ok(None);
        }
        let icy = bytes.strip_prefix(SHOUTCAST).map(|rest| [b"HTTP/1.0 ", rest].concat());
        let longer = if icy.is_some() { 5 } else { 0 };
        let mut lines = [httparse::EMPTY_HEADER; LINES];
        let mut response = httparse::Response::new(&mut lines);
        let mut config = httparse::ParserConfig::default();
        config.ignore_invalid_headers_in_responses(true);
        config.allow_spaces_after_header_name_in_responses(true);
        match config.parse_response(&mut response, icy.as_deref().unwrap_or(bytes)) {
            Ok(httparse::Status::Partial) if bytes.len() < MOST => Ok(None),
            Ok(httparse::Status::Partial) => {
                Err(format!("its answer begins with more than {MOST} bytes of headers"))
            }
            Err(error) => Err(format!("it does not speak HTTP: {error}")),
            Ok(httparse::Status::Complete(length)) => {
                let header =
                    |header: &httparse::Header<'_>| (header.name.to_ascii_lowercase(), text(header.value));
                let headers = response.headers.iter().map(header).collect();
                let head = Self {
                    status: response.code.unwrap_or(0),
                    reason: response.reason.unwrap_or_default().into(),
                    headers,
                };
                Ok(Some((head, length - longer)))
            }
        }
    }

    /// The first value of a header, by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The same as a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.trim().parse().ok()
    }
}

/// UTF-8, or Latin-1.
fn text(value: &[u8]) -> String {
    let text = std::str::from_utf8(value).map(str::to_string);
    text.unwrap_or_else(|_| value.iter().map(|byte| char::from(*byte)).collect()).trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn answers_of_web_servers_and_of_shoutcast() {
        let (head, length) =
            Head::parse(b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc").unwrap().unwrap();
        assert_eq!(
            (head.status, head.reason.as_str(), head.number("content-length")),
            (404, "Not Found", Some(3))
        );
        assert_eq!(length, 45);
        let icy = b"ICY 200 OK\r\nicy-metaint:16000\r\nicy-name: Caf\xE9 \r\n\r\n\xFF";
        let (head, length) = Head::parse(icy).unwrap().unwrap();
        assert_eq!((head.status, head.header("icy-name"), length), (200, Some("Café"), icy.len() - 1));
        assert_eq!(Head::parse(b"HTTP/1.1 200 O"), Ok(None));
        // However few of its bytes come at first.
        assert_eq!([&b""[..], b"I", b"ICY", b"ICY ", b"ICY 2"].map(Head::parse), [const { Ok(None) }; 5]);
        assert!(Head::parse(b"SSH-2.0-OpenSSH").is_err());
        assert!(Head::parse(&[&b"HTTP/1.1 200 OK\r\nx: "[..], &[b'a'; MOST]].concat()).is_err());
    }

    proptest! {
        #[test]
        fn anything_may_come(bytes in prop::collection::vec(any::<u8>(), 0..300), icy in any::<bool>()) {
            let _ = Head::parse(&[if icy { &b"ICY "[..] } else { b"" }, &bytes].concat());
        }
    }
}
