//! URLs as HTTP takes them apart (RFC 3986, RFC 9110 §4).

use base64ct::{Base64, Encoding};

use super::refused;
use crate::Result;

/// Where to connect, and what to ask for there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUrl {
    /// Whether within TLS.
    pub tls: bool,
    /// Without brackets.
    pub host: String,
    /// Where it listens.
    pub port: u16,
    /// The path and what follows it, without a fragment.
    pub target: String,
    /// `user:password`.
    pub login: Option<String>,
}

impl HttpUrl {
    /// Takes a URL apart. `port` is where there is none in it; within TLS 443.
    ///
    /// # Errors
    ///
    /// Where there is no host in it, or a port that is none.
    pub fn parse(text: &str, port: u16) -> Result<Self> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(refused(text, "it is no URL of a web server, as http://host/path"));
        };
        let tls = scheme.to_ascii_lowercase().ends_with('s');
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(decoded(login)), place),
            None => (None, authority),
        };
        let (host, said) = match place.rsplit_once(':') {
            // A colon within brackets is the address's own.
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (place, None),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = match said.filter(|port| !port.is_empty()) {
            None => {
                if tls {
                    443
                } else {
                    port
                }
            }
            Some(port) => port.parse().map_err(|_| refused(text, format!("'{port}' is no port")))?,
        };
        let target = if target.starts_with('/') { target.to_string() } else { format!("/{target}") };
        if host.is_empty() {
            return Err(refused(text, "there is no host in it, as in http://host/path"));
        }
        Ok(Self { tls, host: host.into(), port, target: escaped(&target), login })
    }

    /// Where an answer sends us; the login goes along only to the same place.
    ///
    /// # Errors
    ///
    /// As [`HttpUrl::parse`].
    pub fn join(&self, location: &str) -> Result<Self> {
        let scheme = if self.tls { "https" } else { "http" };
        let mut next = if location.contains("://") {
            Self::parse(location, 80)?
        } else if let Some(rest) = location.strip_prefix("//") {
            Self::parse(&format!("{scheme}://{rest}"), 80)?
        } else {
            let path = self.target.split('?').next().unwrap_or("/");
            let folder = &path[..=path.rfind('/').unwrap_or(0)];
            let target =
                if location.starts_with('/') { location.into() } else { format!("{folder}{location}") };
            Self { target: escaped(&target), ..self.clone() }
        };
        if next.login.is_none() && (next.tls, &next.host, next.port) == (self.tls, &self.host, self.port) {
            next.login.clone_from(&self.login);
        }
        Ok(next)
    }

    /// The value of `Host`.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == if self.tls { 443 } else { 80 } { host } else { format!("{host}:{}", self.port) }
    }

    /// The value of `Authorization`.
    pub(crate) fn authorization(&self) -> Option<String> {
        self.login.as_ref().map(|login| format!("Basic {}", Base64::encode_string(login.as_bytes())))
    }
}

/// `%41` to `A`. What is no UTF-8 after that stays as it was.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.filter(|_| bytes[at] == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.into())
}

/// What may not stand in a request line is escaped: spaces, control characters, and all that is not ASCII.
fn escaped(target: &str) -> String {
    let mut out = String::with_capacity(target.len());
    for byte in target.bytes() {
        if byte.is_ascii_graphic() {
            out.push(char::from(byte))
        } else {
            out.push_str(&format!("%{byte:02X}"))
        }
    }
    out
}

/// Text as the value in a query.
pub(crate) fn query_value(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_come_apart() {
        let url = HttpUrl::parse("http://me:p%40ss@[::1]:8000/a b.mp3?x=1&y=2#t", 80).unwrap();
        assert_eq!((url.host.as_str(), url.port, url.target.as_str()), ("::1", 8000, "/a%20b.mp3?x=1&y=2"));
        assert_eq!((url.authority(), url.login.as_deref()), ("[::1]:8000".into(), Some("me:p@ss")));
        assert_eq!(url.authorization().as_deref(), Some("Basic bWU6cEBzcw=="));
        let plain = HttpUrl::parse("https://host?q", 80).unwrap();
        assert_eq!(
            (plain.tls, plain.port, plain.target.as_str(), plain.authority()),
            (true, 443, "/?q", "host".into())
        );
        for bad in ["http:///path", "http://host:99999/", "path"] {
            assert!(HttpUrl::parse(bad, 80).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_login_goes_no_further_than_it_was_meant_for() {
        let url = HttpUrl::parse("http://me:pw@host:8000/live/a.mp3?x", 80).unwrap();
        let to = |location: &str| url.join(location).unwrap();
        assert_eq!((to("b.mp3").target.as_str(), to("b.mp3").login.is_some()), ("/live/b.mp3", true));
        assert_eq!(to("/c?d").target, "/c?d");
        assert_eq!((to("//other/x").host.as_str(), to("//other/x").login), ("other", None));
        assert_eq!(to("https://host:8000/live").login, None);
        assert_eq!(to("http://host:8000/z").login.as_deref(), Some("me:pw"));
    }

    #[test]
    fn titles_go_into_queries() {
        assert_eq!(query_value("Ä & b"), "%C3%84%20%26%20b");
    }
}
