//! What can be wrong with RTP.

use alloc::string::String;

/// A result of this crate's [`Error`].
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// What can be wrong with a packet, a description or a stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A packet breaks the rules.
    #[error("{protocol}: {what} at byte {at} of the packet")]
    Invalid {
        /// `rtp`, `rtcp`, or the payload format: `h264`.
        protocol: &'static str,
        /// What is wrong, in lower case.
        what: &'static str,
        /// Bytes from the start of the packet, or of its payload.
        at: usize,
    },
    /// A description (SDP) breaks the rules, or says nothing that can be received.
    #[error("sdp: {what} in line {line}")]
    Description {
        /// What is wrong, in lower case.
        what: String,
        /// Counted from 1; 0 where it is the whole.
        line: usize,
    },
    /// It is right, and we do not do this.
    #[error("{what} is not supported over RTP; supported: {supported}")]
    Unsupported {
        /// What was asked for.
        what: String,
        /// What there is instead.
        supported: &'static str,
    },
    /// The media itself are wrong: a header of a codec, a frame of another shape.
    #[error(transparent)]
    Media(#[from] brooklet_media::Error),
}

impl Error {
    pub(crate) const fn invalid(protocol: &'static str, at: usize, what: &'static str) -> Self {
        Self::Invalid { protocol, what, at }
    }
}
