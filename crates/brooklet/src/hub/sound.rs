//! What flows through the hub where sound alone is broadcast.

use std::sync::Arc;

use brooklet_media::CodecId;
use bytes::Bytes;

use super::unit::{Role, Unit};

/// Whole frames of sound as they go over the wire, about a quarter of a second of them: few enough to be quick, and so many
/// that a listener costs four writes in a second.
#[derive(Clone, Debug)]
pub(crate) struct Sound {
    /// The frames, or what goes before all frames.
    pub(crate) bytes: Bytes,
    /// When the first of them is due, milliseconds.
    pub(crate) time: i64,
    /// Whether these bytes go before all frames.
    pub(crate) is_header: bool,
    /// What they are coded in.
    pub(crate) codec: CodecId,
    /// What is being played.
    pub(crate) title: Arc<str>,
}

impl Unit for Sound {
    fn role(&self) -> Role {
        if self.is_header { Role::Header { slot: 0, video: false } } else { Role::Other }
    }

    fn size(&self) -> usize {
        self.bytes.len()
    }

    fn time(&self) -> i64 {
        self.time
    }

    fn set_time(&mut self, millis: i64) {
        self.time = millis;
    }

    fn same_content(&self, other: &Self) -> bool {
        self.is_header == other.is_header && self.bytes == other.bytes
    }

    fn codec(&self) -> Option<CodecId> {
        Some(self.codec)
    }
}
