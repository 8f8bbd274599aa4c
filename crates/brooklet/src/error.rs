//! What can go wrong between a URL and the frames in it.

use std::borrow::Cow;
use std::io;

/// A result of this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What failed, and where: the URL that the user wrote comes first.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("{}: {what}: {}", shown(url), plain(source))]
    Io {
        /// The file or peer, as the user wrote it.
        url: String,
        /// What was being done: `cannot open`, `cannot listen`.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The media in it are damaged or of a kind that we do not do.
    #[error("{}: {source}", shown(url))]
    Media {
        /// The file or peer, as the user wrote it.
        url: String,
        /// What is wrong.
        source: brooklet_media::Error,
    },
    /// Frames could not be converted or encoded.
    #[error("{source}")]
    Encode {
        /// What is wrong.
        source: brooklet_media::Error,
    },
    /// Frames could not be converted.
    #[error("{source}")]
    Convert {
        /// What is wrong.
        source: brooklet_media::Error,
    },
    /// An RTMP peer broke the protocol or said no.
    #[error("{}: {source}", shown(url))]
    Rtmp {
        /// The peer, as the user wrote it.
        url: String,
        /// What it did.
        source: brooklet_rtmp::Error,
    },
    /// RTP or its description is not what it should be.
    #[error("{}: {source}", shown(url))]
    Rtp {
        /// The peer or the description, as the user wrote it.
        url: String,
        /// What is wrong.
        source: brooklet_rtp::Error,
    },
    /// There is no TLS connection: a certificate that is not trusted, or files that can't be used.
    #[error("{}: {what}", shown(url))]
    Tls {
        /// The peer, as the user wrote it.
        url: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// A web server said no, or what it said can't be understood.
    #[error("{}: {what}", shown(url))]
    Http {
        /// The server, as the user wrote it.
        url: String,
        /// What it said, and what to do.
        what: String,
        /// Whether it may say something else another time.
        may_pass: bool,
    },
    /// A WebRTC session could not be made, or broke.
    #[error("{}: {what}", shown(url))]
    WebRtc {
        /// The peer, as the user wrote it.
        url: String,
        /// What is wrong, and what to do.
        what: String,
        /// Whether it may go well another time.
        may_pass: bool,
    },
    /// The other side closed the stream before we did.
    #[error("{}: the other side closed the stream", shown(url))]
    Left {
        /// The peer, as the user wrote it.
        url: String,
    },
    /// Nobody came, or nothing moved, for as long as the caller allowed.
    #[error("{}: {what} within {after:?}", shown(url))]
    Timeout {
        /// The file or peer, as the user wrote it.
        url: String,
        /// What did not happen: `no viewer connected`.
        what: &'static str,
        /// How long it was waited for.
        after: std::time::Duration,
    },
    /// A speaker, a window, a microphone or a camera: there is none, or it refused.
    #[error("{source}")]
    Device {
        /// Which one, and why.
        source: brooklet_device::Error,
    },
    /// A person has had enough: the window was closed, or Q or Esc pressed in it.
    #[error("{}: closed by its user", shown(url))]
    Closed {
        /// The window, as the user named it.
        url: String,
    },
    /// The caller's own request makes no sense.
    #[error("{0}")]
    Usage(String),
    /// Someone called `stop`.
    #[error("stopped")]
    Stopped,
}

impl Error {
    pub(crate) fn io(url: &str, what: &'static str, source: io::Error) -> Self {
        Self::Io { url: url.into(), what, source }
    }

    pub(crate) fn media(url: &str, source: brooklet_media::Error) -> Self {
        Self::Media { url: url.into(), source }
    }

    pub(crate) fn rtmp(url: &str, source: brooklet_rtmp::Error) -> Self {
        Self::Rtmp { url: url.into(), source }
    }

    /// Whether the same may go well another time: a peer that was not there, or had enough, not one that speaks
    /// something else.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Io { .. } | Self::Left { .. } | Self::Timeout { .. } => true,
            Self::Http { may_pass, .. } | Self::WebRtc { may_pass, .. } => *may_pass,
            Self::Rtmp { source, .. } => !matches!(
                source,
                brooklet_rtmp::Error::Url { .. }
                    | brooklet_rtmp::Error::NotRtmp { .. }
                    | brooklet_rtmp::Error::Authentication { .. }
                    | brooklet_rtmp::Error::Usage(_)
            ),
            _ => false,
        }
    }

    /// Whether the reader of a pipe went away: a normal end for whoever writes to it.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl From<brooklet_device::Error> for Error {
    /// A stop and the wish of a person are no faults of a device.
    fn from(source: brooklet_device::Error) -> Self {
        match source {
            brooklet_device::Error::Stopped { .. } => Self::Stopped,
            brooklet_device::Error::Closed { device } => Self::Closed { url: device },
            source => Self::Device { source },
        }
    }
}

/// The URL without its password: messages end up in logs.
pub(crate) fn shown(url: &str) -> Cow<'_, str> {
    let hidden = || {
        let (scheme, rest) = url.split_once("://")?;
        let authority = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
        let (login, _) = authority.rsplit_once('@')?;
        let (user, _) = login.split_once(':')?;
        Some(format!("{scheme}://{user}:***{}", &rest[login.len()..]))
    };
    hidden().map_or(Cow::Borrowed(url), Cow::Owned)
}

/// The system's words without Rust's ` (os error 2)`.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_told() {
        for (url, said) in [
            ("rtmp://me:p:%40s@h:1/a/b?x=c:d@e", "rtmp://me:***@h:1/a/b?x=c:d@e"),
            ("rtmp://me@h/a/b", "rtmp://me@h/a/b"),
            ("rtmp://h:1/a:b@c", "rtmp://h:1/a:b@c"),
            ("udp://@239.0.0.1:5000", "udp://@239.0.0.1:5000"),
            ("a:b@c.mp4", "a:b@c.mp4"),
        ] {
            assert_eq!(
                Error::Left { url: url.into() }.to_string(),
                format!("{said}: the other side closed the stream")
            );
        }
    }
}
