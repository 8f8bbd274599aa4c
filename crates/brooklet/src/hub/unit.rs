//! What flows through the hub.

use brooklet_flv::{Tag, TagKind};
use brooklet_media::CodecId;

/// The smallest piece of a stream: sent to a viewer whole or not at all. Cloning shares its body.
pub(crate) trait Unit: Clone + Send + Sync + 'static {
    /// What it is good for.
    fn role(&self) -> Role;

    /// Bytes of its body.
    fn size(&self) -> usize;

    /// When it is decoded, milliseconds; does not wrap.
    fn time(&self) -> i64;

    /// The same at another time.
    fn set_time(&mut self, millis: i64);

    /// Whether it has the same content, whatever its time.
    fn same_content(&self, other: &Self) -> bool;

    /// The codec that it names.
    fn codec(&self) -> Option<CodecId>;
}

/// What a [`Unit`] is good for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// Configuration or metadata, which who comes late gets first. A later one with the same `slot` replaces it.
    Header {
        /// What it configures.
        slot: u16,
        /// Whether that is pictures.
        video: bool,
    },
    /// A picture from which decoding of its track can begin.
    KeyFrame {
        /// 0 where there is only one.
        track: u8,
    },
    /// A picture that needs those before it, since the last key frame of its track.
    Frame,
    /// Sound and data, which stand alone.
    Other,
}

/// The bit of a slot that is for several tracks.
const TOGETHER: u16 = 1 << 15;

impl Unit for Tag {
    fn role(&self) -> Role {
        // The configuration of several tracks at once stands beside that of each.
        let together = if self.has_several_tracks() { TOGETHER } else { 0 };
        let slot = |kind: TagKind| together | u16::from(kind as u8) << 8 | u16::from(self.track());
        match self.kind {
            TagKind::Script if self.is_metadata() => Role::Header { slot: slot(self.kind), video: false },
            kind if self.is_sequence_header() => {
                Role::Header { slot: slot(kind), video: kind == TagKind::Video }
            }
            TagKind::Video if self.is_key_frame() => Role::KeyFrame { track: self.track() },
            TagKind::Video => Role::Frame,
            TagKind::Audio | TagKind::Script => Role::Other,
        }
    }

    fn size(&self) -> usize {
        self.body.len()
    }

    fn time(&self) -> i64 {
        self.timestamp
    }

    fn set_time(&mut self, millis: i64) {
        self.timestamp = millis;
    }

    fn same_content(&self, other: &Self) -> bool {
        self.kind == other.kind && self.body == other.body
    }

    fn codec(&self) -> Option<CodecId> {
        Tag::codec(self)
    }
}
