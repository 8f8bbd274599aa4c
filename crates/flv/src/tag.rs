//! Tags: what FLV files and RTMP messages both are made of (Adobe Flash Video File Format 10.1, annex E.4).

use bytes::Bytes;

use crate::body::{Body, Content};

/// What a tag holds. The numbers are those of the wire, and of RTMP's message types too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TagKind {
    /// Sound.
    Audio = 8,
    /// Pictures.
    Video = 9,
    /// AMF0 values: `onMetaData`.
    Script = 18,
}

impl TagKind {
    /// The kind with this number.
    pub const fn from_wire(number: u8) -> Option<Self> {
        match number {
            8 => Some(Self::Audio),
            9 => Some(Self::Video),
            18 => Some(Self::Script),
            _ => None,
        }
    }
}

/// One tag. Cloning shares the body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tag {
    /// What it holds.
    pub kind: TagKind,
    /// Decoding time in milliseconds. It does not wrap: what reads tags unwraps, what writes them wraps.
    pub timestamp: i64,
    /// What the codec's headers and data are in.
    pub body: Bytes,
}

impl Tag {
    /// Bytes of the header that stands before a body in a file.
    pub const HEADER: usize = 11;

    /// The most bytes that a body can have: its size has 24 bits.
    pub const MAX_BODY: usize = 0xFF_FFFF;

    /// Whether it holds a picture from which decoding can start.
    pub fn is_key_frame(&self) -> bool {
        self.kind == TagKind::Video
            && self.look().is_some_and(|body| body.key && body.content == Content::Frame)
    }

    /// Whether it holds out-of-band configuration, which every later viewer must get first.
    pub fn is_sequence_header(&self) -> bool {
        self.look().is_some_and(|body| body.content == Content::SequenceHeader)
    }

    /// Whether it says that the sequence of its codec has ended.
    pub fn is_end_of_sequence(&self) -> bool {
        self.look().is_some_and(|body| body.content == Content::SequenceEnd)
    }

    fn look(&self) -> Option<Body> {
        Body::parse(self.kind, &self.body, None)
    }
}
