//! Which pages may come to a listener of ours.

/// The pages that may make sessions of WebRTC. A browser says whose page it shows (`Origin`, RFC 6454); what is no browser says
/// nothing, and may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Those of this server.
    #[default]
    Own,
    /// These too: `https://example.net`.
    Also(Vec<String>),
    /// All.
    Any,
}

impl Origins {
    /// Lets in one more: `https://HOST`, or all by `*`. False for what is neither.
    pub fn add(&mut self, origin: &str) -> bool {
        if origin == "*" {
            *self = Self::Any;
            return true;
        }
        let is_one = origin.starts_with("http://") || origin.starts_with("https://");
        let added = is_one.then(|| origin.trim_end_matches('/').to_string());
        match self {
            Self::Any => {}
            Self::Also(others) => others.extend(added),
            Self::Own => *self = added.map_or(Self::Own, |origin| Self::Also(vec![origin])),
        }
        is_one
    }

    /// Whether a page of this origin may come to the server that it reached as `host`.
    pub fn allow(&self, origin: &str, host: Option<&str>) -> bool {
        let is_own = origin.split_once("://").is_some_and(|(_, own)| Some(own) == host);
        match self {
            Self::Own => is_own,
            Self::Also(others) => is_own || others.iter().any(|other| other.eq_ignore_ascii_case(origin)),
            Self::Any => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_others_stay_outside() {
        let here = Some("127.0.0.1:8080");
        let mut also = Origins::Own;
        assert!(also.add("https://example.net/") && !also.add("example.org") && !also.add(""));
        assert_eq!(also, Origins::Also(vec!["https://example.net".into()]));
        for other in ["http://127.0.0.1:8081", "https://example.org", "null", "127.0.0.1:8080", ""] {
            assert!(!Origins::Own.allow(other, here) && !also.allow(other, here), "{other}");
            assert!(Origins::Any.allow(other, here), "{other}");
        }
        assert!(
            Origins::Own.allow("http://127.0.0.1:8080", here) && also.allow("http://127.0.0.1:8080", here)
        );
        assert!(!Origins::Own.allow("http://127.0.0.1:8080", None));
        assert!(also.allow("https://Example.net", here) && !also.allow("https://example.net.evil.org", here));
        assert!(also.add("*") && also.add("https://example.org"));
        assert_eq!(also, Origins::Any);
    }
}
