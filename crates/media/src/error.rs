//! The one error of everything that parses, writes, decodes or encodes media.
//!
//! Containers and codecs share it because they share the traits of [`crate::roles`]; protocols and the program
//! have errors of their own.

use alloc::string::String;

/// A result of this crate's [`Error`].
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// What can be wrong with media, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes break the rules of their format.
    #[error("{format}: {what} at byte {at}")]
    Invalid {
        /// ffmpeg's name of the container or codec: `mp4`, `h264`.
        format: &'static str,
        /// What is wrong, in lower case: `box is larger than its parent`.
        what: String,
        /// Where: bytes from the start of the input, or, in a codec, from the start of the packet.
        at: u64,
    },
    /// The input ended in the middle of something that cannot be used in part.
    #[error("{format}: the input ends at byte {at}, {what}")]
    Truncated {
        /// ffmpeg's name of the container or codec.
        format: &'static str,
        /// What was being read: `before its moov box`.
        what: String,
        /// The length of the input in bytes.
        at: u64,
    },
    /// The bytes are right, and we do not do this.
    #[error("{what} is not supported; supported: {supported}")]
    Unsupported {
        /// What was asked for: `he-aac`, `pixel format yuv410p`.
        what: String,
        /// What there is instead.
        supported: String,
    },
    /// A count or a length is past what we are willing to allocate.
    #[error("{format}: {what} is {value}, more than the limit of {limit}")]
    Limit {
        /// ffmpeg's name of the container or codec.
        format: &'static str,
        /// What is too large: `picture width`.
        what: &'static str,
        /// Its value.
        value: u64,
        /// The limit that it passed.
        limit: u64,
    },
    /// The caller handed over what the role does not take: a wrong stream number, a frame of another shape.
    #[error("{0}")]
    Usage(String),
    /// A codec library failed with words of its own.
    #[error("{codec}: {what}")]
    Codec {
        /// ffmpeg's name of the codec.
        codec: &'static str,
        /// What the library said.
        what: String,
    },
}

impl Error {
    /// [`Error::Invalid`] in fewer words.
    pub fn invalid(format: &'static str, at: u64, what: impl Into<String>) -> Self {
        Self::Invalid { format, what: what.into(), at }
    }

    /// [`Error::Unsupported`] in fewer words.
    pub fn unsupported(what: impl Into<String>, supported: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into(), supported: supported.into() }
    }

    /// Refuses `value` where it is more than `limit`.
    pub fn check_limit(format: &'static str, what: &'static str, value: u64, limit: u64) -> Result<()> {
        if value > limit { Err(Self::Limit { format, what, value, limit }) } else { Ok(()) }
    }
}
