//! Servers that would rather serve us elsewhere (Enhanced RTMP v2, "Reconnect Request"): when to leave, and for where.

use brooklet_flv::{Tag, TagKind};
use brooklet_rtmp::{ClientEvent, RtmpUrl};

use super::connection::Connection;
use super::dial::Dial;
use crate::hub::{Role, Unit};

/// What a connection has been asked for, and where a stream may be cut.
#[derive(Default)]
pub(super) struct Redirect {
    to: Option<RtmpUrl>,
    has_video: bool,
}

impl Redirect {
    /// Notes it where the server asks for it. A place that can't be used is told of, and not gone to; nor is one in the
    /// clear for a stream that came by TLS.
    pub(super) fn note(&mut self, event: &ClientEvent, connection: &Connection, dial: &Dial) {
        let ClientEvent::ReconnectRequested { tc_url, description } = event else { return };
        let here = connection.peer();
        let there = match tc_url {
            None => Ok(here.clone()),
            Some(to) => here.redirected(to).map_err(|error| error.to_string()),
        };
        let there = there.and_then(|there| {
            let is_worse = here.tls && !there.tls;
            if is_worse { Err("that is without TLS".into()) } else { Ok(there) }
        });
        let clean = |text: &str| text.replace(char::is_control, " ");
        let place = tc_url.as_deref().map(|to| format!(", to {}", clean(to))).unwrap_or_default();
        let reason = if description.is_empty() { String::new() } else { format!(": {}", clean(description)) };
        let line = format!("{}: the server asks us to connect again{place}{reason}", dial.url);
        match there {
            Ok(there) => {
                dial.journal.warn(line);
                self.to = Some(there);
            }
            Err(why) => dial.journal.warn(format!("{line}; staying here: {}", clean(&why))),
        }
    }

    /// Whether it is time to go, before this tag: it begins what can be decoded without those before it.
    pub(super) fn is_due_before(&mut self, tag: &Tag) -> bool {
        self.has_video |= tag.kind == TagKind::Video;
        self.to.is_some()
            && match tag.role() {
                Role::KeyFrame { .. } => true,
                Role::Other => tag.kind == TagKind::Audio && !self.has_video,
                Role::Header { .. } | Role::Frame => false,
            }
    }

    /// Where to go, once.
    pub(super) fn take(&mut self) -> Option<RtmpUrl> {
        self.to.take()
    }
}

#[cfg(test)]
mod tests;
