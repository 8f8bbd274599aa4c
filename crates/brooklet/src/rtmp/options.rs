//! What the user says about an RTMP connection beyond its URL.

use std::time::Duration;

use brooklet_rtmp::{Capabilities, ClientOptions, Live, RtmpUrl, UrlParts, connect_values};

use crate::{Error, Result, Url};

/// ffmpeg's `rtmp_…` options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RtmpOptions {
    /// `-rtmp_app`: the application, in place of the URL's.
    pub app: Option<String>,
    /// `-rtmp_playpath`: the stream, in place of the URL's.
    pub playpath: Option<String>,
    /// `-rtmp_tcurl`: what the server is told that the application's URL is.
    pub tc_url: Option<String>,
    /// `-rtmp_live`: which streams to play.
    pub live: Live,
    /// `-rtmp_flashver`: what to say that we are.
    pub flash_version: Option<String>,
    /// `-rtmp_swfurl`: the Flash program that we say we are.
    pub swf_url: Option<String>,
    /// `-rtmp_pageurl`: the page that we say we are on.
    pub page_url: Option<String>,
    /// `-rtmp_conn`: values at the end of `connect`, as [`brooklet_rtmp::connect_values`] reads them.
    pub connect_values: Option<String>,
    /// `-rtmp_buffer`: how long we say that we buffer; none is 3 s.
    pub buffer: Option<Duration>,
    /// `-rtmp_subscribe`: the stream to subscribe to.
    pub subscribe: Option<String>,
    /// `-rtmp_enhanced_codecs`: FourCCs to tell the server of, separated by commas; `None` is all that we can
    /// carry, and that we follow requests to reconnect; with a list nothing else is said, with an empty one nothing.
    pub enhanced_codecs: Option<String>,
}

impl RtmpOptions {
    /// The server and stream of a URL, and how to behave there. Words behind the URL (`rtmp://host/app/key live=1`),
    /// as librtmp takes them, come before options.
    pub(super) fn apply(&self, url: &Url) -> Result<(RtmpUrl, ClientOptions)> {
        let (address, words) = url.text.split_once(' ').unwrap_or((&url.text, ""));
        let mut options = self.clone();
        options.read_words(words).map_err(|what| Error::Usage(format!("{}: {what}", url.text)))?;
        let failed = |source| Error::rtmp(&url.text, source);
        let mut peer = RtmpUrl::parse(address).map_err(failed)?;
        let RtmpOptions { app, playpath: stream, tc_url, .. } = options.clone();
        peer.set_parts(&UrlParts { app, stream, tc_url });
        let mut usual = ClientOptions::default();
        // See `redirect.rs`.
        usual.capabilities.caps_ex |= Capabilities::RECONNECT;
        let client = ClientOptions {
            flash_version: options.flash_version,
            live: options.live,
            swf_url: options.swf_url,
            page_url: options.page_url,
            connect_values: connect_values(options.connect_values.as_deref().unwrap_or_default())
                .map_err(failed)?,
            subscribe: options.subscribe,
            buffer: options.buffer.unwrap_or(usual.buffer),
            capabilities: capabilities(options.enhanced_codecs.as_deref(), usual.capabilities),
            ..usual
        };
        Ok((peer, client))
    }

    /// librtmp's `name=value`, separated by spaces; a space within a value is `\20`.
    fn read_words(&mut self, words: &str) -> std::result::Result<(), String> {
        for word in words.split_whitespace() {
            let Some((name, value)) = word.split_once('=') else {
                return Err(format!("\"{word}\" behind the URL is no name=value"));
            };
            let value = unescape(value);
            match name {
                "app" => self.app = Some(value),
                "playpath" => self.playpath = Some(value),
                "tcUrl" => self.tc_url = Some(value),
                "flashVer" => self.flash_version = Some(value),
                "swfUrl" => self.swf_url = Some(value),
                "pageUrl" => self.page_url = Some(value),
                "subscribe" => self.subscribe = Some(value),
                "live" => self.live = if value == "0" { Live::Any } else { Live::Live },
                "conn" => {
                    let all = self.connect_values.get_or_insert_default();
                    all.push(' ');
                    all.push_str(&value);
                }
                "buffer" => {
                    let millis = value.parse().map_err(|_| format!("buffer={value} is no number"))?;
                    self.buffer = Some(Duration::from_millis(millis));
                }
                _ => {
                    return Err(format!(
                        "\"{name}\" behind the URL is not known; there are app, playpath, tcUrl, flashVer, swfUrl, \
                         pageUrl, subscribe, live, conn, buffer"
                    ));
                }
            }
        }
        Ok(())
    }
}

fn capabilities(listed: Option<&str>, usual: Capabilities) -> Capabilities {
    match listed {
        None => usual,
        Some(list) => {
            let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
            Capabilities { four_ccs: names.map(str::to_owned).collect(), ..Capabilities::default() }
        }
    }
}

/// `\20` is a space, `\5c` a backslash; what is no such number stays.
fn unescape(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let byte = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte.filter(u8::is_ascii) {
            Some(byte) => {
                plain.push(char::from(byte));
                rest = &after[2..];
            }
            None => {
                plain.push('\\');
                rest = after;
            }
        }
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_behind_the_url_come_before_options() {
        let url = Url::parse(
            "rtmp://h/a/b app=x/y playpath=key\\20one live=1 conn=S:t conn=N:1 buffer=500 tcUrl=rtmp://z/x",
        );
        let given =
            RtmpOptions { app: Some("other".into()), page_url: Some("p".into()), ..Default::default() };
        let (peer, client) = given.apply(&url).unwrap();
        assert_eq!((peer.app.as_str(), peer.stream.as_str()), ("x/y", "key one"));
        assert_eq!(peer.tc_url, "rtmp://z/x");
        assert_eq!((client.live, client.buffer), (Live::Live, Duration::from_millis(500)));
        assert_eq!(client.connect_values, ["t".into(), 1.0.into()]);
        assert_eq!(client.page_url.as_deref(), Some("p"));
        for (words, says) in [("quiet", "no name=value"), ("token=1", "\"token\""), ("buffer=x", "no number")]
        {
            let error =
                RtmpOptions::default().apply(&Url::parse(&format!("rtmp://h/a/b {words}"))).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    #[test]
    fn requests_to_reconnect_are_followed_and_that_is_said() {
        let (_, client) = RtmpOptions::default().apply(&Url::parse("rtmp://h/a/b")).unwrap();
        assert_eq!(client.capabilities.caps_ex & Capabilities::RECONNECT, Capabilities::RECONNECT);
    }

    #[test]
    fn codecs_are_listed_with_commas() {
        let given = RtmpOptions { enhanced_codecs: Some("hvc1, av01".into()), ..Default::default() };
        let (_, client) = given.apply(&Url::parse("rtmp://h/a/b")).unwrap();
        let four_ccs = vec!["hvc1".into(), "av01".into()];
        assert_eq!(client.capabilities, Capabilities { four_ccs, ..Capabilities::default() });
        let given = RtmpOptions { enhanced_codecs: Some(String::new()), ..Default::default() };
        let (_, client) = given.apply(&Url::parse("rtmp://h/a/b")).unwrap();
        assert_eq!(client.capabilities, Capabilities::default(), "nothing is said");
    }
}
