//! `rtmp://` URLs, taken apart as ffmpeg and librtmp do.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::{Error, Result};

/// Where a stream is, or is to go.
///
/// The path is split as ffmpeg splits it, because stream keys in the wild are written for that:
///
/// | path | app | stream |
/// |---|---|---|
/// | `/live` | `live` | |
/// | `/live/key?token=1` | `live` | `key?token=1` |
/// | `/app/instance/key` | `app/instance` | `key` |
/// | `/app/instance/a/b` | `app/instance` | `a/b` |
/// | `/vod/mp4:a/b.mp4` | `vod` | `mp4:a/b.mp4` |
/// | `/ondemand/a/b` | `ondemand` | `a/b` |
/// | `/live?user=me/key` | `live?user=me` | `key` |
///
/// Unlike in ffmpeg, slashes and colons behind the `?` of a stream never move the split. As in ffmpeg, a stream
/// that ends in `.flv` loses that ending, and one that ends in `.mp4` or `.f4v` gets `mp4:` in front: this is what
/// servers with recordings expect.
///
/// ```
/// let url = brooklet_rtmp::RtmpUrl::parse("rtmp://[::1]/app/instance/key?token=a/b")?;
/// assert_eq!((url.host.as_str(), url.port), ("::1", 1935));
/// assert_eq!((url.app.as_str(), url.stream.as_str()), ("app/instance", "key?token=a/b"));
/// assert_eq!(url.tc_url, "rtmp://[::1]:1935/app/instance");
/// # Ok::<(), brooklet_rtmp::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RtmpUrl {
    /// A name or an address; IPv6 without its brackets.
    pub host: String,
    /// 1935, or 443 with TLS, where the URL names none.
    pub port: u16,
    /// The application, with its query. A challenge is answered here, in a new connection: see [`crate::Login`].
    pub app: String,
    /// The stream (ffmpeg's playpath, OBS's stream key), with its query. May be empty.
    pub stream: String,
    /// The URL of the application, as `connect` tells it to the server.
    pub tc_url: String,
    /// `rtmps://`.
    pub tls: bool,
    /// The user, percent-decoded.
    pub user: Option<String>,
    /// The password, percent-decoded.
    pub password: Option<String>,
}

impl RtmpUrl {
    /// Takes a URL apart.
    ///
    /// # Errors
    ///
    /// [`Error::Url`] for another scheme, no host, or a port that is none.
    pub fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| bad("the URL names no protocol".into()))?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "rtmp" => false,
            "rtmps" => true,
            other => return Err(bad(format!("the protocol {other}:// is not rtmp:// or rtmps://"))),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (login, address) = match authority.rsplit_once('@') {
            Some((login, address)) => (Some(login), address),
            None => (None, authority),
        };
        let (host, port) = split_address(address, if tls { 443 } else { 1935 })?;
        let (app, stream) = split_path(path.strip_prefix('/').unwrap_or(path));
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            Some((user, password)) => (Some(percent_decode(user)), Some(percent_decode(password))),
            None => (None, None),
        };
        let mut url = Self {
            host,
            port,
            app: app.to_owned(),
            stream: server_name(stream),
            tc_url: String::new(),
            tls,
            user,
            password,
        };
        url.tc_url = url.application_url();
        Ok(url)
    }

    /// The same stream at the application that a server sends us to: `tc_url` is a URL, or a part of one as in a page
    /// (`//host/app`, `/app`, `app`). User and password go along only to the same host.
    ///
    /// # Errors
    ///
    /// As [`RtmpUrl::parse`].
    pub fn redirected(&self, tc_url: &str) -> Result<Self> {
        let scheme = if self.tls { "rtmps" } else { "rtmp" };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        let here = format!("{scheme}://{open}{}{close}:{}", self.host, self.port);
        let whole = if tc_url.contains("://") {
            tc_url.to_owned()
        } else if tc_url.starts_with("//") {
            format!("{scheme}:{tc_url}")
        } else if tc_url.starts_with('/') {
            format!("{here}{tc_url}")
        } else {
            let path = self.app.split('?').next().unwrap_or(&self.app);
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let slash = if folder.is_empty() { "" } else { "/" };
            format!("{here}/{folder}{slash}{tc_url}")
        };
        let mut url = Self::parse(&whole)?;
        // All of the path is the application.
        let (_, rest) = whole.split_once("://").unwrap_or_default();
        url.app = rest.split_once('/').map_or("", |(_, path)| path).to_owned();
        url.tc_url = url.application_url();
        url.stream.clone_from(&self.stream);
        if url.user.is_none() && url.host == self.host {
            url.user.clone_from(&self.user);
            url.password.clone_from(&self.password);
        }
        Ok(url)
    }

    /// What [`RtmpUrl::tc_url`] is for the host, port and app as they are now.
    pub fn application_url(&self) -> String {
        let scheme = if self.tls { "rtmps" } else { "rtmp" };
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        format!("{scheme}://{open}{}{close}:{}/{}", self.host, self.port, self.app)
    }
}

/// Without the password, and without the stream, which often is a secret key.
impl fmt::Debug for RtmpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RtmpUrl")
            .field("tc_url", &self.tc_url)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

fn bad(what: String) -> Error {
    Error::Url { what }
}

fn split_address(address: &str, default_port: u16) -> Result<(String, u16)> {
    let (host, port) = if let Some(inside) = address.strip_prefix('[') {
        let (host, rest) =
            inside.split_once(']').ok_or_else(|| bad("the address has a [ and no ]".into()))?;
        match rest.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if rest.is_empty() => (host, None),
            None => return Err(bad(format!("\"{rest}\" follows the address in brackets"))),
        }
    } else {
        match address.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err(bad(format!("the IPv6 address {address} needs brackets: [{address}]")));
            }
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        }
    };
    if host.is_empty() {
        return Err(bad("the URL names no host".into()));
    }
    let port = match port {
        None | Some("") => default_port,
        Some(text) => match text.parse() {
            Ok(port) if port > 0 => port,
            _ => return Err(bad(format!("the port \"{text}\" is not a number from 1 to 65535"))),
        },
    };
    Ok((host.to_owned(), port))
}

/// The path without its leading slash → application, stream.
fn split_path(path: &str) -> (&str, &str) {
    let Some((first, rest)) = path.split_once('/') else { return (path, "") };
    let name = rest.split('?').next().unwrap_or(rest);
    let second = name.split_once('/').map(|(second, _)| second);
    match second {
        // A query before the first slash belongs to the application, which then is whole.
        Some(second) if first != "ondemand" && !first.contains('?') && !second.contains(':') => {
            let app = first.len() + 1 + second.len();
            (&path[..app], &path[app + 1..])
        }
        _ => (first, rest),
    }
}

/// The name by which servers know a recording.
fn server_name(stream: &str) -> String {
    if let Some(name) = stream.strip_suffix(".flv") {
        return name.to_owned();
    }
    let recording = [".mp4", ".f4v"].iter().any(|ending| stream.ends_with(ending));
    if recording && !stream.contains(':') { format!("mp4:{stream}") } else { stream.to_owned() }
}

fn percent_decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        match (first, tail) {
            (b'%', [high, low, tail @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                decoded.push(hex(*high) << 4 | hex(*low));
                rest = tail;
            }
            _ => {
                decoded.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn hex(digit: u8) -> u8 {
    char::from(digit).to_digit(16).unwrap_or(0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_split_as_the_table_says() {
        for (path, app, stream) in [
            ("", "", ""),
            ("/", "", ""),
            ("/live", "live", ""),
            ("/live/", "live", ""),
            ("/live/app", "live", "app"),
            ("/live/key?token=1", "live", "key?token=1"),
            ("/live/key?url=http://a/b/c", "live", "key?url=http://a/b/c"),
            ("/app/instance/key", "app/instance", "key"),
            ("/app/instance/a/b", "app/instance", "a/b"),
            ("/vod/mp4:a/b.mp4", "vod", "mp4:a/b.mp4"),
            ("/vod/a.mp4", "vod", "mp4:a.mp4"),
            ("/vod/a.flv", "vod", "a"),
            ("/ondemand/a/b", "ondemand", "a/b"),
            ("/live?user=me/key", "live?user=me", "key"),
        ] {
            let url = RtmpUrl::parse(&format!("rtmp://h{path}")).unwrap();
            assert_eq!((url.app.as_str(), url.stream.as_str()), (app, stream), "{path}");
        }
    }

    #[test]
    fn addresses_ports_and_logins() {
        let url = RtmpUrl::parse("rtmps://m%65:p%40ss@example.org:8443/live/key").unwrap();
        assert_eq!((url.host.as_str(), url.port, url.tls), ("example.org", 8443, true));
        assert_eq!((url.user.as_deref(), url.password.as_deref()), (Some("me"), Some("p@ss")));
        assert_eq!(url.tc_url, "rtmps://example.org:8443/live");
        assert_eq!(format!("{url:?}").find("p@ss"), None);
        assert_eq!(RtmpUrl::parse("rtmps://h/a/b").unwrap().port, 443);
        assert_eq!(RtmpUrl::parse("RTMP://[fe80::1]:1936/a/b").unwrap().port, 1936);
    }

    #[test]
    fn redirections_keep_the_stream() {
        let here = RtmpUrl::parse("rtmps://me:secret@h:444/app/inst/key?t=1").unwrap();
        for (to, tc_url, user) in [
            ("rtmp://other/x", "rtmp://other:1935/x", None),
            ("rtmp://you:p@other:99/x/y/z", "rtmp://other:99/x/y/z", Some("you")),
            ("//[::1]/x", "rtmps://[::1]:443/x", None),
            ("/x/y", "rtmps://h:444/x/y", Some("me")),
            ("two", "rtmps://h:444/app/two", Some("me")),
            ("rtmps://h:444/app/inst", "rtmps://h:444/app/inst", Some("me")),
        ] {
            let there = here.redirected(to).unwrap();
            assert_eq!((there.tc_url.as_str(), there.user.as_deref()), (tc_url, user), "{to}");
            assert_eq!(there.stream, "key?t=1");
        }
        assert!(here.redirected("http://h/x").is_err());
        assert!(here.redirected("rtmp://").is_err());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (url, says) in [
            ("live/app", "names no protocol"),
            ("http://h/live", "http:// is not"),
            ("rtmp:///live/app", "names no host"),
            ("rtmp://:1935/live/app", "names no host"),
            ("rtmp://h:port/live", "\"port\" is not a number"),
            ("rtmp://h:0/live", "\"0\" is not"),
            ("rtmp://h:65536/live", "\"65536\" is not"),
            ("rtmp://::1/live", "needs brackets"),
            ("rtmp://[::1/live", "no ]"),
            ("rtmp://[::1]1935/live", "follows the address"),
        ] {
            let error = RtmpUrl::parse(url).unwrap_err().to_string();
            assert!(error.contains(says), "{url}: {error}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(url in "(rtmp://)?\\PC{0,40}") {
            let _ = RtmpUrl::parse(&url);
        }
    }
}
