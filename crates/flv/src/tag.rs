//! Tags: what FLV files and RTMP messages both are made of (Adobe Flash Video File Format 10.1, annex E.4).

use brooklet_media::CodecId;
use bytes::Bytes;

use crate::body::{Body, Content};
use crate::clock;

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

    /// Whether it holds the stream's metadata: `onMetaData`, and no other data of a script.
    pub fn is_metadata(&self) -> bool {
        // AMF0: a string of 10 bytes.
        self.kind == TagKind::Script && self.body.starts_with(b"\x02\x00\x0aonMetaData")
    }

    /// The codec of sound or pictures; `None` for a script, and for what is too short for its own header.
    pub fn codec(&self) -> Option<CodecId> {
        self.look().map(|body| body.coding.codec(self.kind, body.sound))
    }

    /// The track of sound or pictures: 0 where there is only one, the first of several.
    pub fn track(&self) -> u8 {
        self.look().map_or(0, |body| body.track)
    }

    /// Whether it holds something for more than one track; [`Tag::track`] is the first of them.
    pub fn has_several_tracks(&self) -> bool {
        self.look().is_some_and(|body| body.others)
    }

    /// The header that stands before the body in a file; its time has wrapped.
    pub fn header(&self) -> [u8; Self::HEADER] {
        TagHeader::new(self.kind, self.body.len(), self.timestamp).to_bytes()
    }

    fn look(&self) -> Option<Body> {
        Body::parse(self.kind, &self.body, None)
    }
}

/// The 11 bytes before a body in a file, and in RTMP's aggregate messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TagHeader {
    /// The type's number; [`TagKind::from_wire`] knows three of them.
    pub kind: u8,
    /// Whether the body is encrypted (annex F).
    pub filtered: bool,
    /// Bytes of the body, at most [`Tag::MAX_BODY`].
    pub size: usize,
    /// Milliseconds, wrapped; a [`crate::Clock`] unwraps them.
    pub timestamp: u32,
    /// Always 0.
    pub stream: u32,
}

impl TagHeader {
    /// Of a tag to be written; a size past 24 bits and a time past 32 lose their upper bits.
    pub const fn new(kind: TagKind, size: usize, millis: i64) -> Self {
        Self {
            kind: kind as u8,
            filtered: false,
            size: size & Tag::MAX_BODY,
            timestamp: clock::wrap(millis),
            stream: 0,
        }
    }

    /// Reads a header; `None` where bits are set that are always clear.
    pub fn parse(bytes: &[u8; Tag::HEADER]) -> Option<Self> {
        let [first, s2, s1, s0, t2, t1, t0, t3, i2, i1, i0] = *bytes;
        (first & 0xC0 == 0).then_some(Self {
            kind: first & 0x1F,
            filtered: first & 0x20 != 0,
            size: u32::from_be_bytes([0, s2, s1, s0]) as usize,
            timestamp: u32::from_be_bytes([t3, t2, t1, t0]),
            stream: u32::from_be_bytes([0, i2, i1, i0]),
        })
    }

    /// Writes the header.
    pub const fn to_bytes(self) -> [u8; Tag::HEADER] {
        let [_, s2, s1, s0] = (self.size as u32).to_be_bytes();
        let [t3, t2, t1, t0] = self.timestamp.to_be_bytes();
        let [_, i2, i1, i0] = self.stream.to_be_bytes();
        let filter = if self.filtered { 0x20 } else { 0 };
        [self.kind & 0x1F | filter, s2, s1, s0, t2, t1, t0, t3, i2, i1, i0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn video(body: &'static [u8]) -> Tag {
        Tag { kind: TagKind::Video, timestamp: 0, body: Bytes::from_static(body) }
    }

    #[test]
    fn legacy_and_enhanced_bodies_are_told_apart_at_a_look() {
        let looks = |body| {
            let tag = video(body);
            (tag.is_sequence_header(), tag.is_key_frame(), tag.is_end_of_sequence())
        };
        assert_eq!(looks(b"\x17\0\0\0\0config"), (true, false, false));
        assert_eq!(looks(b"\x17\x01\0\0\0key"), (false, true, false));
        assert_eq!(looks(b"\x27\x01\0\0\0inter"), (false, false, false));
        assert_eq!(looks(b"\x17\x02\0\0\0"), (false, false, true));
        assert_eq!(looks(b"\x90hvc1config"), (true, false, false));
        assert_eq!(looks(b"\x93hvc1key"), (false, true, false));
        assert_eq!(looks(b"\xa1av01inter"), (false, false, false));
        assert_eq!(looks(b"\xd4vp09metadata"), (false, false, false));
        assert_eq!(looks(b"\x57\x01seek command"), (false, false, false));
        assert_eq!(looks(b""), (false, false, false));
    }

    #[test]
    fn codecs_tracks_and_metadata_are_told_at_a_look() {
        assert_eq!(video(b"\x17\x01\0\0\0key").codec(), Some(CodecId::H264));
        assert_eq!(video(b"\x93hvc1key").codec(), Some(CodecId::Hevc));
        // Multitrack, one track: of av01, number 3.
        let third = video(b"\x96\x00av01\x03config");
        assert_eq!((third.codec(), third.track(), third.is_sequence_header()), (Some(CodecId::Av1), 3, true));
        assert!(!third.has_several_tracks());
        // Many tracks of av01: number 3 with 2 bytes, number 4 with 1.
        let both = video(b"\x96\x10av01\x03\0\0\x02ab\x04\0\0\x01c");
        assert_eq!((both.track(), both.has_several_tracks(), both.is_sequence_header()), (3, true, true));
        assert_eq!((video(b"").codec(), video(b"").track()), (None, 0));
        let script = |body| Tag { kind: TagKind::Script, ..video(body) };
        assert!(script(b"\x02\x00\x0aonMetaData\x08").is_metadata());
        assert!(!script(b"\x02\x00\x0aonCuePoint\x08").is_metadata());
        assert!(!video(b"\x02\x00\x0aonMetaData\x08").is_metadata());
    }

    #[test]
    fn sound_has_sequence_headers_but_no_key_frames() {
        let audio = |body| Tag { kind: TagKind::Audio, ..video(body) };
        assert!(audio(b"\xaf\0\x11\x90").is_sequence_header());
        assert!(!audio(b"\xaf\x01frame").is_key_frame());
        assert!(audio(b"\x90OpusOpusHead").is_sequence_header());
    }

    #[test]
    fn the_eighth_byte_of_a_header_holds_the_high_bits_of_the_time() {
        let tag = Tag { timestamp: 0x1234_5678, ..video(b"abc") };
        assert_eq!(tag.header(), [9, 0, 0, 3, 0x34, 0x56, 0x78, 0x12, 0, 0, 0]);
    }

    proptest! {
        #[test]
        fn headers_read_back(
            kind in 0u8..32, filtered: bool, size in 0..=Tag::MAX_BODY, timestamp: u32, stream in 0u32..1 << 24,
        ) {
            let header = TagHeader { kind, filtered, size, timestamp, stream };
            prop_assert_eq!(TagHeader::parse(&header.to_bytes()), Some(header));
        }
    }
}
