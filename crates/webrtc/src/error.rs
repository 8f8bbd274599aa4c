//! What can go wrong with a session.

use str0m::RtcError;

/// A result of this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no session, or no more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer's description can't be read, or lacks what a session needs.
    #[error("its session description: {0}")]
    Description(String),
    /// The two have no codec in common.
    #[error("the peer takes no {kind} in {ours}; it offers {theirs}")]
    NoCodec {
        /// `video` or `audio`.
        kind: &'static str,
        /// What we have.
        ours: &'static str,
        /// What the peer named.
        theirs: String,
    },
    /// A stream that WebRTC can't carry, or whose packets are not what it promised.
    #[error("{what}; {remedy}")]
    Media {
        /// What is wrong with it.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The state machine refused what came, or what it was told to do.
    #[error("webrtc: {0}")]
    Protocol(String),
    /// Keys or certificates.
    #[error("{0}")]
    Crypto(String),
    /// No pair of addresses reached the peer in time.
    #[error("no way to the peer was found (ICE): a firewall, or a network that needs a TURN server")]
    Unreachable,
    /// Only relays may be taken, and no server gave one.
    #[error("there is no relay to reach the peer by (TURN), and no other way may be taken")]
    NoRelay,
    /// The peer stopped answering.
    #[error("the peer does not answer any more")]
    Lost,
}

impl From<RtcError> for Error {
    fn from(error: RtcError) -> Self {
        match error {
            RtcError::RemoteSdp(what) => Self::Description(what),
            RtcError::Sdp(error) => Self::Description(error.to_string()),
            other => Self::Protocol(other.to_string()),
        }
    }
}
