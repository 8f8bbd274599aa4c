//! `http://` and `https://`: reading files and live streams, and sending to a server.
//!
//! Listening is not here but in the crate `brooklet-server`, which takes this scheme's place where it is there.
//!
//! | file | holds |
//! |---|---|
//! | `address` | URLs as HTTP takes them apart |
//! | `head` | the first lines of an answer |
//! | `body` | what follows them: by length, in chunks, or until the end |
//! | `exchange` | a request and its answer, through redirections |
//! | `origins` | which pages may come to a listener |
//! | `source` | an input |
//! | `upload` | an output |

mod address;
mod body;
mod exchange;
mod head;
mod origins;
mod source;
mod upload;

pub use address::HttpUrl;
pub(crate) use address::query_value;
pub use body::{Body, Chunk};
pub(crate) use exchange::{Exchange, Request};
pub use head::Head;
pub use origins::Origins;

use super::{IceOptions, Origin, Scheme, SinkOptions, SourceOptions, Target};
use crate::job::Listen;
use crate::radio::{About, Burst};
use crate::{Error, Result, Url};

/// What the user says of HTTP beyond the URL, by ffmpeg's names where it has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpOptions {
    /// `-user_agent`: what to tell a server that we are.
    pub user_agent: Option<String>,
    /// `-headers`: more lines of a request, or of the answers of a listening output; names and values.
    pub headers: Vec<(String, String)>,
    /// `-content_type`: in place of what the format says.
    pub content_type: Option<String>,
    /// `-method`: `PUT` or `POST`, for an output; else POST.
    pub method: Option<String>,
    /// `-icy 0`: a server is not asked for titles.
    pub without_titles: bool,
    /// `-ice_name` and its kin.
    pub about: About,
    /// `-burst`: what a listener is sent at once.
    pub burst: Option<Burst>,
    /// `-max_listeners`: at once, of this output.
    pub listeners: Option<usize>,
    /// `-admin`: `user:password` of who may change the title over HTTP; without it nobody may.
    pub admin: Option<String>,
    /// `-ice_server`, `-ice_policy`: how sessions of WebRTC find their way.
    pub ice: IceOptions,
    /// `-allow_origin`: the pages that may publish to or watch a listener of WebRTC.
    pub origins: Origins,
}

/// The protocol.
#[derive(Debug)]
pub struct Http;

impl Scheme for Http {
    fn names(&self) -> &'static [&'static str] {
        if cfg!(feature = "tls") { &["http", "https"] } else { &["http"] }
    }

    fn open_source(&self, url: &Url, options: &SourceOptions) -> Result<Origin> {
        #[cfg(feature = "webrtc")]
        if options.format == Some("whep") {
            return Ok(Origin::Packets(crate::webrtc::whep::open(url, options)?));
        }
        Ok(Origin::Bytes(source::open(url, options)?))
    }

    fn open_sink(&self, url: &Url, options: &SinkOptions) -> Result<Target> {
        #[cfg(feature = "webrtc")]
        if options.format == "whip" {
            return Ok(Target::Packets(crate::webrtc::whip::open(url, options)?));
        }
        if options.listen != Listen::No {
            let what = "listening for HTTP is the work of brooklet-server, which is not in this program";
            return Err(Error::Usage(format!("{}: {what}", url.text)));
        }
        Ok(Target::Bytes(upload::open(url, options)?))
    }
}

/// A server said something that is no good.
pub(crate) fn refused(url: &str, what: impl Into<String>) -> Error {
    Error::Http { url: url.into(), what: what.into(), may_pass: false }
}
