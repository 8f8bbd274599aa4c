//! The one error of this crate, each variant with the place that finds it in a hex dump or in Wireshark.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::fmt;

use crate::message::MessageType;

/// A result of this crate's [`Error`].
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Why a connection can't go on, or was never one.
///
/// What was queued before it (a refusal in words, an acknowledgement) is still to be taken from `poll_output` and
/// sent; after that the connection is to be closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL can't be used.
    #[error("{what}; expected rtmp://host[:port]/app/stream")]
    Url {
        /// What is wrong with it.
        what: String,
    },
    /// The other side speaks something else: HTTP, TLS, RTMPE.
    #[error("the {side} does not speak plain RTMP: {what}")]
    NotRtmp {
        /// Who: `server` or `client`.
        side: &'static str,
        /// What it seems to speak, and what to do.
        what: String,
    },
    /// The bytes break the rules of RTMP.
    #[error("rtmp: {what} {place}")]
    Invalid {
        /// What is wrong, in lower case.
        what: String,
        /// Where.
        place: Place,
    },
    /// A count or a length is past what we are willing to hold.
    #[error("rtmp: {what} is {value}, more than the limit of {limit}, {place}")]
    Limit {
        /// What is too large: `message length`.
        what: &'static str,
        /// Its value.
        value: u64,
        /// The limit that it passed.
        limit: u64,
        /// Where.
        place: Place,
    },
    /// The server said no.
    #[error("the server refused to {stage}: {}", reason(code, description))]
    Refused {
        /// What was asked of it.
        stage: Stage,
        /// Its code: `NetStream.Publish.BadName`.
        code: String,
        /// Its words; may be empty.
        description: String,
    },
    /// The server wants a user and a password, by a challenge, or says what is wrong with those that it got.
    /// [`crate::Login`] makes the URL of a new connection of it.
    #[error("the server asks for a user and a password, by the \"{scheme}\" challenge")]
    Authentication {
        /// `adobe` or `llnw` (Limelight).
        scheme: String,
        /// All that the server said: the challenge is in it.
        description: String,
    },
    /// There is no logging in.
    #[error("{0}")]
    Login(LoginFailure),
    /// The server closed the connection without a word. Many do so where they mean no.
    #[error("the server closed the connection {}", closed(*.stage))]
    Closed {
        /// What it had been asked for.
        stage: Stage,
    },
    /// The other side was silent for too long.
    #[error("the other side took more than {seconds} s to {stage}{}", late(*.stage))]
    TimedOut {
        /// What was waited for.
        stage: Stage,
        /// For how long.
        seconds: u64,
    },
    /// The caller did something out of turn.
    #[error("{0}")]
    Usage(&'static str),
}

/// Why there is no logging in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginFailure {
    /// The URL holds no user, or no password.
    #[error(
        "the server asks for a user and a password: write them into the URL, as in \
         rtmp://user:password@host/app/stream, with %40 for @, %3A for : and %2F for /"
    )]
    NoCredentials,
    /// The server knows the user, but not by this password.
    #[error("the server does not take the password of the user \"{user}\"")]
    WrongPassword {
        /// The user.
        user: String,
    },
    /// The server does not know the user.
    #[error("the server knows no user \"{user}\"")]
    NoSuchUser {
        /// The user.
        user: String,
    },
    /// The server wants something else.
    #[error(
        "the server asks for a login by \"{scheme}\", which is not known; adobe and llnw (Limelight) are"
    )]
    UnknownScheme {
        /// What it called it.
        scheme: String,
    },
}

/// Where in a connection: how far in, in which chunk stream, in what message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Bytes received since the connection began, handshake included.
    pub at: u64,
    /// The chunk stream id.
    pub chunk_stream: Option<u32>,
    /// The type of the message.
    pub message: Option<MessageType>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}", self.at)?;
        if let Some(id) = self.chunk_stream {
            write!(f, ", chunk stream {id}")?;
        }
        match self.message {
            Some(message) => write!(f, ", in a message of type {message}"),
            None => Ok(()),
        }
    }
}

/// The steps of a session, named as what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Exchange of C0 to C2 and S0 to S2.
    Handshake,
    /// `connect` to an application.
    Connect,
    /// `createStream`.
    CreateStream,
    /// `publish`.
    Publish,
    /// `play`.
    Play,
    /// The stream itself.
    Stream,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "shake hands",
            Self::Connect => "connect",
            Self::CreateStream => "create a stream",
            Self::Publish => "publish",
            Self::Play => "play",
            Self::Stream => "go on with the stream",
        })
    }
}

impl Error {
    pub(crate) fn invalid(what: impl Into<String>, place: Place) -> Self {
        Self::Invalid { what: what.into(), place }
    }
}

const fn closed(stage: Stage) -> &'static str {
    match stage {
        Stage::Handshake => "in the middle of the handshake; is this an RTMP port?",
        Stage::Connect => "when we asked for the application; is its name right?",
        Stage::CreateStream => "when we asked for a stream",
        Stage::Publish => "when we began to publish; is the stream key right, and not in use?",
        Stage::Play => "when we asked to play; is there such a stream?",
        Stage::Stream => "in the middle of the stream",
    }
}

const fn late(stage: Stage) -> &'static str {
    match stage {
        Stage::Play => "; does anybody publish such a stream?",
        _ => "",
    }
}

fn reason(code: &str, description: &str) -> String {
    match (code.is_empty(), description.is_empty()) {
        (false, false) => format!("{code} ({description})"),
        (false, true) => code.to_owned(),
        (true, false) => description.to_owned(),
        (true, true) => "it gave no reason".to_owned(),
    }
}
