//! The headers inside bodies, written; `body` reads them.

use core::ops::Deref;

use crate::body::{self, EX_AUDIO, EX_VIDEO};
use crate::coding::{AAC, Coding};

/// What is said of the bytes that follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PacketType {
    SequenceStart,
    CodedFrames,
    SequenceEnd,
}

/// The first bytes of a body, at most eight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    bytes: [u8; 8],
    len: usize,
}

impl Head {
    /// `composition_time` in milliseconds; only its low 24 bits have room.
    pub(crate) fn video(coding: Coding, packet: PacketType, key: bool, composition_time: i32) -> Self {
        let frame = if key { body::FRAME_KEY } else { body::FRAME_INTER } << 4;
        let [_, time @ ..] = composition_time.to_be_bytes();
        let mut head = Self::empty();
        match coding {
            Coding::Legacy(codec) => {
                head.put(&[frame | codec, packet.number()]);
                head.put(&time);
            }
            Coding::FourCc(letters) => {
                let frames = packet == PacketType::CodedFrames && coding.has_composition_time();
                let without_time = frames && composition_time == 0;
                let number = if without_time { body::PACKET_CODED_FRAMES_X } else { packet.number() };
                head.put(&[EX_VIDEO | frame | number]);
                head.put(&letters);
                if frames && !without_time {
                    head.put(&time);
                }
            }
        }
        head
    }

    /// `sound` are the low four bits of a legacy tag.
    pub(crate) fn audio(coding: Coding, packet: PacketType, sound: u8) -> Self {
        let mut head = Self::empty();
        match coding {
            Coding::Legacy(AAC) => head.put(&[AAC << 4 | sound, packet.number()]),
            Coding::Legacy(format) => head.put(&[format << 4 | sound]),
            Coding::FourCc(letters) => {
                head.put(&[EX_AUDIO << 4 | packet.number()]);
                head.put(&letters);
            }
        }
        head
    }

    const fn empty() -> Self {
        Self { bytes: [0; 8], len: 0 }
    }

    fn put(&mut self, bytes: &[u8]) {
        let room = &mut self.bytes[self.len..];
        room[..bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }
}

impl Deref for Head {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl PacketType {
    /// The same in legacy AVC and AAC and in enhanced bodies.
    const fn number(self) -> u8 {
        match self {
            Self::SequenceStart => body::PACKET_SEQUENCE_START,
            Self::CodedFrames => body::PACKET_CODED_FRAMES,
            Self::SequenceEnd => body::PACKET_SEQUENCE_END,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TagKind;
    use crate::body::{Body, Content};
    use proptest::prelude::*;

    fn any_video() -> impl Strategy<Value = Coding> {
        prop::sample::select(vec![
            Coding::Legacy(crate::coding::AVC),
            Coding::FourCc(*b"avc1"),
            Coding::FourCc(*b"hvc1"),
            Coding::FourCc(*b"av01"),
        ])
    }

    fn any_packet() -> impl Strategy<Value = (PacketType, Content)> {
        prop::sample::select(vec![
            (PacketType::SequenceStart, Content::SequenceHeader),
            (PacketType::CodedFrames, Content::Frame),
            (PacketType::SequenceEnd, Content::SequenceEnd),
        ])
    }

    proptest! {
        #[test]
        fn heads_of_pictures_read_back(
            coding in any_video(), (packet, content) in any_packet(), key: bool, time in -1i32 << 23..1 << 23,
        ) {
            let time = if packet == PacketType::CodedFrames && coding.has_composition_time() { time } else { 0 };
            let head = Head::video(coding, packet, key, time);
            let body = [&head[..], b"data"].concat();
            let read = Body::parse(TagKind::Video, &body, None).unwrap();
            prop_assert_eq!((read.coding, read.content, read.key), (coding, content, key));
            prop_assert_eq!((read.composition_time, &body[read.data]), (time, &b"data"[..]));
        }

        #[test]
        fn heads_of_sound_read_back(sound in 0u8..16, enhanced: bool, (packet, content) in any_packet()) {
            let coding = if enhanced { Coding::FourCc(*b"Opus") } else { Coding::Legacy(AAC) };
            let (sound, content) = match (enhanced, content) {
                (true, content) => (0, content),
                // Legacy AAC knows no end.
                (false, Content::SequenceEnd) => (sound, Content::Frame),
                (false, content) => (sound, content),
            };
            let body = [&Head::audio(coding, packet, sound)[..], b"data"].concat();
            let read = Body::parse(TagKind::Audio, &body, None).unwrap();
            prop_assert_eq!((read.coding, read.content, read.sound), (coding, content, sound));
            prop_assert_eq!(&body[read.data], &b"data"[..]);
        }
    }
}
