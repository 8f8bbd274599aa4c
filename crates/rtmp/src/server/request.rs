//! What clients ask for.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use brooklet_flv::amf0::Value;

use crate::capabilities::Capabilities;
use crate::command::Command;

/// `connect`, as a client says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectRequest {
    /// The application, without its query and without slashes around it.
    pub app: String,
    /// What stands behind the `?` of the application; may be empty.
    pub query: String,
    /// The URL that the client says it uses.
    pub tc_url: String,
    /// What the client says that it is.
    pub flash_version: String,
    /// What the client says that it can do; empty for most.
    pub capabilities: Capabilities,
}

/// `publish` or `play`, as a client says it.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamRequest {
    /// The application that it has connected to.
    pub app: String,
    /// The name of the stream, without its query.
    pub stream: String,
    /// What stands behind the `?` of the stream: `token=…`; may be empty.
    pub query: String,
}

/// Without the query, which often holds a secret.
impl fmt::Debug for StreamRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamRequest")
            .field("app", &self.app)
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

impl ConnectRequest {
    pub(super) fn from_command(command: &Command) -> Self {
        let text = |name| command.object.property(name).and_then(Value::as_str).unwrap_or_default();
        let (app, query) = split_query(text("app"));
        Self {
            app: app.trim_matches('/').to_owned(),
            query: query.to_owned(),
            tc_url: text("tcUrl").to_owned(),
            flash_version: text("flashVer").to_owned(),
            capabilities: Capabilities::from_object(&command.object),
        }
    }
}

impl StreamRequest {
    pub(super) fn new(app: &str, name: &str) -> Self {
        let (stream, query) = split_query(name);
        Self { app: app.to_owned(), stream: stream.to_owned(), query: query.to_owned() }
    }
}

fn split_query(name: &str) -> (&str, &str) {
    name.split_once('?').unwrap_or((name, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Place;
    use crate::message::{Message, MessageType};

    /// What ffmpeg 9.0 sends with `-rtmp_enhanced_codecs hvc1,av01,Opus`.
    const FFMPEG: &[u8] = b"\x02\0\x07connect\0\x3f\xf0\0\0\0\0\0\0\x03\0\x03app\x02\0\x04live\
        \0\nfourCcList\n\0\0\0\x03\x02\0\x04hvc1\x02\0\x04av01\x02\0\x04Opus\0\x04type\x02\0\nnonprivate\
        \0\x08flashVer\x02\0#FMLE/3.0 (compatible; Lavf63.1.102)\
        \0\x05tcUrl\x02\0\x1brtmp://127.0.0.1:39513/live\0\0\t";

    #[test]
    fn ffmpeg_tells_its_codecs() {
        let (kind, body) = (MessageType::COMMAND, FFMPEG.into());
        let message = Message { chunk_stream: 3, kind, stream: 0, timestamp: 0, body };
        let request = ConnectRequest::from_command(&Command::read(&message, Place::default()).unwrap());
        assert_eq!((request.app.as_str(), request.tc_url.as_str()), ("live", "rtmp://127.0.0.1:39513/live"));
        let four_ccs = ["hvc1", "av01", "Opus"].map(str::to_owned).to_vec();
        assert_eq!(request.capabilities, Capabilities { four_ccs, ..Capabilities::default() });
    }
}
