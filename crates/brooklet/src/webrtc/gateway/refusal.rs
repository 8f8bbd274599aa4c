//! Why a peer is not served.

/// Why a peer was not served, for whoever answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Its offer, or what it asks for, is no good: 400, or 422.
    Offer(String),
    /// Nobody publishes that: 404.
    NoStream(String),
    /// Somebody publishes under that name: 409.
    Busy(String),
    /// Peers may not publish here: 403.
    Forbidden(String),
    /// There are too many already: 503.
    Full(String),
    /// The stream is one that WebRTC can't carry: 415.
    Media(String),
    /// The system refused a socket or a key: 500.
    System(String),
}

impl Refusal {
    /// Why, in a line.
    pub fn reason(&self) -> &str {
        match self {
            Self::Offer(why) | Self::NoStream(why) | Self::Busy(why) | Self::Forbidden(why) => why,
            Self::Full(why) | Self::Media(why) | Self::System(why) => why,
        }
    }

    /// For a name that no session has.
    pub(super) fn no_session() -> Self {
        Self::NoStream("there is no such session".into())
    }

    /// For an offer of which no session came.
    pub(super) fn of(error: brooklet_webrtc::Error) -> Self {
        match error {
            brooklet_webrtc::Error::Media { .. } => Self::Media(error.to_string()),
            brooklet_webrtc::Error::Crypto(_) | brooklet_webrtc::Error::NoRelay => {
                Self::System(error.to_string())
            }
            _ => Self::Offer(error.to_string()),
        }
    }
}
