//! URLs as ffmpeg writes them: `scheme:rest?option=value&…`, or a plain path.

/// A URL taken apart, no further than every protocol needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// The whole, as the user wrote it.
    pub text: String,
    /// `file` for a plain path, `pipe` for `-`, else what stands before the colon, in lower case.
    pub scheme: String,
    /// What stands after `scheme:` (and after `//`), without its options.
    pub rest: String,
    /// Options after `?`, in order. Empty for files, where `?` is a character like others.
    pub options: Vec<(String, String)>,
}

impl Url {
    /// Takes `text` apart. Never fails: what has no scheme is a path.
    pub fn parse(text: &str) -> Self {
        let whole = |scheme: &str, rest: &str| Self {
            text: text.into(),
            scheme: scheme.into(),
            rest: rest.into(),
            options: Vec::new(),
        };
        if text == "-" {
            return whole("pipe", "");
        }
        // One letter is a drive of Windows, not a scheme.
        let scheme = text.split_once(':').filter(|(scheme, _)| {
            scheme.len() > 1
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        });
        let Some((scheme, rest)) = scheme else { return whole("file", text) };
        let scheme = scheme.to_ascii_lowercase();
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        if scheme == "file" {
            return whole("file", rest);
        }
        let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
        let options = options.split('&').filter(|option| !option.is_empty());
        let options = options.map(|option| option.split_once('=').unwrap_or((option, "1")));
        Self {
            options: options.map(|(name, value)| (name.into(), value.into())).collect(),
            ..whole(&scheme, rest)
        }
    }

    /// The last value given to an option.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// `host` and `port` of `host:port`, `[v6]:port`, `:port` (every address) or `@group:port`, without a path.
    /// `None` without a port.
    pub fn host_port(&self) -> Option<(&str, u16)> {
        let authority = self.rest.split('/').next().unwrap_or_default();
        let authority = authority.rsplit_once('@').map_or(authority, |(_, after)| after);
        let (host, port) = authority.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Some((host, port.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_pipes_and_urls() {
        let scheme = |text| Url::parse(text).scheme;
        assert_eq!([scheme("-"), scheme("pipe:1"), scheme("a/b:c.mp4")], ["pipe", "pipe", "file"]);
        assert_eq!([scheme("C:\\clip.mp4"), scheme("RTMP://h/a/b")], ["file", "rtmp"]);
        assert_eq!(Url::parse("file:what?.mp4").rest, "what?.mp4");
    }

    #[test]
    fn options_and_hosts() {
        let url = Url::parse("udp://@239.0.0.1:5000?pkt_size=1316&ttl=4&reuse");
        assert_eq!((url.host_port(), url.option("ttl")), (Some(("239.0.0.1", 5000)), Some("4")));
        assert_eq!(url.option("reuse"), Some("1"));
        assert_eq!(Url::parse("tcp://[::1]:80/x").host_port(), Some(("::1", 80)));
        assert_eq!(Url::parse("udp://host").host_port(), None);
    }
}
