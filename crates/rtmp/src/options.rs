//! How a client connects, plays and publishes beyond what its URL says: ffmpeg's `rtmp_…` options and librtmp's words
//! behind the URL.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use brooklet_flv::amf0::Value;

use crate::capabilities::Capabilities;
use crate::chunk::ChunkLimits;
use crate::error::{Error, Result};
use crate::url::RtmpUrl;

/// What can be done with a codec: all, for that is for the client's owner to know.
const EVERYTHING: u32 = Capabilities::CAN_DECODE | Capabilities::CAN_ENCODE | Capabilities::CAN_FORWARD;

/// How a client behaves.
#[derive(Clone, PartialEq, Debug)]
pub struct ClientOptions {
    /// What it says that it is; `None` says what ffmpeg says.
    pub flash_version: Option<String>,
    /// Which streams a player asks for.
    pub live: Live,
    /// The URL of the Flash program that it says it is.
    pub swf_url: Option<String>,
    /// The page that a player says it is on.
    pub page_url: Option<String>,
    /// What stands at the end of `connect`: see [`crate::connect_values`].
    pub connect_values: Vec<Value>,
    /// The stream that a player subscribes to by `FCSubscribe`; `None`: its own stream where that is live only, else
    /// none.
    pub subscribe: Option<String>,
    /// Chunk size to send with, in bytes.
    pub chunk_size: u32,
    /// Codecs beyond RTMP 1.0, and what else `connect` announces.
    pub capabilities: Capabilities,
    /// How long a player says that it buffers.
    pub buffer: Duration,
    /// How long the way to [`crate::ClientEvent::Ready`] may take.
    pub setup_timeout: Duration,
    /// How much a server may make us hold.
    pub limits: ChunkLimits,
}

impl Default for ClientOptions {
    /// 60000 bytes, all codecs that tags can hold, 3 s of buffer, 15 s to set up.
    fn default() -> Self {
        Self {
            flash_version: None,
            live: Live::Any,
            swf_url: None,
            page_url: None,
            connect_values: Vec::new(),
            subscribe: None,
            chunk_size: 60_000,
            capabilities: Capabilities::carried(EVERYTHING),
            buffer: Duration::from_secs(3),
            setup_timeout: Duration::from_secs(15),
            limits: ChunkLimits::default(),
        }
    }
}

/// Which streams a player asks for (`play`, section 7.2.2.1 of RTMP 1.0).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Live {
    /// The live stream of that name, or else the recording.
    #[default]
    Any,
    /// A live stream only.
    Live,
    /// A recording only.
    Recorded,
}

impl Live {
    /// The `start` of `play`, in milliseconds as all clients do.
    pub(crate) const fn start(self) -> f64 {
        match self {
            Self::Any => -2000.0,
            Self::Live => -1000.0,
            Self::Recorded => 0.0,
        }
    }
}

impl core::str::FromStr for Live {
    type Err = &'static str;

    /// ffmpeg's names and numbers.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "any" | "-2" => Ok(Self::Any),
            "live" | "-1" => Ok(Self::Live),
            "recorded" | "0" => Ok(Self::Recorded),
            _ => Err("known: any, live, recorded"),
        }
    }
}

/// Parts of a URL that are not to be found by taking it apart.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UrlParts {
    /// The application.
    pub app: Option<String>,
    /// The stream.
    pub stream: Option<String>,
    /// What the server is told that the URL of the application is.
    pub tc_url: Option<String>,
}

impl RtmpUrl {
    /// Puts these in place of what the URL's path says. Without a `tc_url`, one is made of the new application.
    pub fn set_parts(&mut self, parts: &UrlParts) {
        if let Some(app) = &parts.app {
            self.app.clone_from(app);
            self.tc_url = self.application_url();
        }
        if let Some(stream) = &parts.stream {
            self.stream.clone_from(stream);
        }
        if let Some(tc_url) = &parts.tc_url {
            self.tc_url.clone_from(tc_url);
        }
    }
}

/// Reads values for the end of `connect` as librtmp and ffmpeg write them (`rtmp_conn`), separated by spaces: `B:1`
/// (boolean), `N:1.5`, `S:text`, `Z:` (null), `O:1` … `O:0` around an object, whose members have names:
/// `NS:name:text`. `O:1 NN:code:1.23 NS:flag:ok O:0` is `{ code: 1.23, flag: "ok" }`.
///
/// # Errors
///
/// [`Error::Url`] with the word that can't be read.
pub fn connect_values(text: &str) -> Result<Vec<Value>> {
    let bad = |word: &str, why| {
        Err(Error::Url { what: format!("the value \"{word}\" for connect cannot be used: {why}") })
    };
    let (mut values, mut open): (Vec<Value>, Vec<Object>) = (Vec::new(), Vec::new());
    for word in text.split_whitespace() {
        let mut parts = word.splitn(2, ':');
        let (kind, rest) = (parts.next().unwrap_or_default(), parts.next());
        let Some(rest) = rest else { return bad(word, "it has no colon") };
        let (kind, name, rest) = match kind.strip_prefix('N').filter(|kind| !kind.is_empty()) {
            None => (kind, None, rest),
            Some(kind) => match rest.split_once(':') {
                None => return bad(word, "its name ends with no colon"),
                Some((name, rest)) => (kind, Some(name.to_owned()), rest),
            },
        };
        if name.is_some() && open.is_empty() {
            return bad(word, "only members of an object have names");
        }
        let closed = match kind {
            "O" if rest != "0" => {
                if open.len() >= MAX_DEPTH {
                    return bad(word, "objects are too deep");
                }
                open.push(Object { name, members: Vec::new() });
                continue;
            }
            "O" => open.pop(),
            _ => None,
        };
        let (name, value) = match (kind, closed) {
            ("O", Some(Object { name, members })) => (name, Value::Object(members)),
            ("O", None) => return bad(word, "no object is open"),
            ("B", _) => (name, (rest != "0").into()),
            ("N", _) => match rest.parse::<f64>() {
                Ok(number) => (name, number.into()),
                Err(_) => return bad(word, "it is not a number"),
            },
            ("S", _) => (name, rest.into()),
            ("Z", _) => (name, Value::Null),
            _ => return bad(word, "the types are B, N, S, Z and O"),
        };
        match open.last_mut() {
            None => values.push(value),
            Some(object) => object.members.push((name.unwrap_or_default(), value)),
        }
    }
    if open.is_empty() { Ok(values) } else { bad("O:1", "the object is not closed by O:0") }
}

/// More than any server wants.
const MAX_DEPTH: usize = 8;

/// An object in the making, with its name in the one around it.
struct Object {
    name: Option<String>,
    members: Vec<(String, Value)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_for_connect() {
        let object = |members: &[(&str, Value)]| {
            Value::Object(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
        };
        let read = |text| connect_values(text).unwrap();
        assert_eq!(read(""), []);
        assert_eq!(
            read("B:1 S:a:b  N:-1.5 Z: B:0"),
            [true.into(), "a:b".into(), (-1.5).into(), Value::Null, false.into()]
        );
        let inner = object(&[("flag", "ok".into())]);
        assert_eq!(
            read("S:x O:1 NN:code:1.23 NO:in:1 NS:flag:ok O:0 NZ:none: O:0 N:7"),
            ["x".into(), object(&[("code", 1.23.into()), ("in", inner), ("none", Value::Null)]), 7.0.into()]
        );
        for (text, says) in [
            ("S", "no colon"),
            ("NS:flag", "its name ends"),
            ("NS:flag:x", "only members"),
            ("N:x", "not a number"),
            ("Q:1", "the types are"),
            ("O:0", "no object"),
            ("O:1", "not closed"),
            ("O:1 O:1 O:1 O:1 O:1 O:1 O:1 O:1 O:1", "too deep"),
        ] {
            let error = connect_values(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "([BNSZOQ]{0,3}:?[a-z0-9.]{0,3}:?[01]? ?){0,12}") {
            let _ = connect_values(&text);
        }
    }

    #[test]
    fn parts_take_the_place_of_the_path() {
        let mut url = RtmpUrl::parse("rtmp://h/a/b").unwrap();
        url.set_parts(&UrlParts { app: Some("x/y".into()), ..UrlParts::default() });
        assert_eq!((url.app.as_str(), url.stream.as_str()), ("x/y", "b"));
        assert_eq!(url.tc_url, "rtmp://h:1935/x/y");
        url.set_parts(&UrlParts {
            stream: Some("mp4:c/d".into()),
            tc_url: Some("rtmp://other/z".into()),
            ..UrlParts::default()
        });
        assert_eq!((url.app.as_str(), url.stream.as_str()), ("x/y", "mp4:c/d"));
        assert_eq!(url.tc_url, "rtmp://other/z");
    }

    #[test]
    fn live_as_ffmpeg_says_it() {
        assert_eq!(
            ["any", "live", "recorded", "-1"].map(str::parse::<Live>),
            [Ok(Live::Any), Ok(Live::Live), Ok(Live::Recorded), Ok(Live::Live)]
        );
        assert!("maybe".parse::<Live>().is_err());
    }
}
