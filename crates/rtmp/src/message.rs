//! Messages: what chunks carry. RTMP 1.0, sections 5.4, 6 and 7.1.

mod control;

use core::fmt;

use bytes::Bytes;

pub(crate) use control::set_chunk_size;
pub use control::{BandwidthLimit, Control, UserControl};

/// One message, whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// The chunk stream that carries it: 2 to 65599.
    pub chunk_stream: u32,
    /// What is in it.
    pub kind: MessageType,
    /// The message stream that it belongs to: 0 is the connection itself.
    pub stream: u32,
    /// Milliseconds, modulo 2^32.
    pub timestamp: u32,
    /// At most 16,777,215 bytes.
    pub body: Bytes,
}

/// The message type id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MessageType(pub u8);

impl MessageType {
    /// Largest chunk from here on (5.4.1).
    pub const SET_CHUNK_SIZE: Self = Self(1);
    /// Forget the unfinished message of a chunk stream (5.4.2).
    pub const ABORT: Self = Self(2);
    /// Bytes received so far (5.4.3).
    pub const ACKNOWLEDGEMENT: Self = Self(3);
    /// Stream begin, end, ping and the like (6.2, 7.1.7).
    pub const USER_CONTROL: Self = Self(4);
    /// After how many bytes to acknowledge (5.4.4).
    pub const WINDOW_ACK_SIZE: Self = Self(5);
    /// How many bytes may be unacknowledged (5.4.5).
    pub const SET_PEER_BANDWIDTH: Self = Self(6);
    /// The body of an FLV audio tag.
    pub const AUDIO: Self = Self(8);
    /// The body of an FLV video tag.
    pub const VIDEO: Self = Self(9);
    /// Data, in AMF3 or in AMF0 behind one zero byte.
    pub const DATA_AMF3: Self = Self(15);
    /// A command, in AMF0 behind one zero byte.
    pub const COMMAND_AMF3: Self = Self(17);
    /// Data (metadata) in AMF0.
    pub const DATA: Self = Self(18);
    /// A command in AMF0.
    pub const COMMAND: Self = Self(20);
    /// Several tags in one message (7.1.6).
    pub const AGGREGATE: Self = Self(22);

    /// Whether it carries sound or pictures.
    pub const fn is_media(self) -> bool {
        matches!(self, Self::AUDIO | Self::VIDEO | Self::AGGREGATE)
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::SET_CHUNK_SIZE => "set chunk size",
            Self::ABORT => "abort",
            Self::ACKNOWLEDGEMENT => "acknowledgement",
            Self::USER_CONTROL => "user control",
            Self::WINDOW_ACK_SIZE => "window acknowledgement size",
            Self::SET_PEER_BANDWIDTH => "set peer bandwidth",
            Self::AUDIO => "audio",
            Self::VIDEO => "video",
            Self::DATA_AMF3 | Self::DATA => "data",
            Self::COMMAND_AMF3 | Self::COMMAND => "command",
            Self::AGGREGATE => "aggregate",
            _ => "unknown",
        };
        write!(f, "{} ({name})", self.0)
    }
}
