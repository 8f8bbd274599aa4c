//! The headers inside the bodies of audio and video tags: legacy (annex E.4.2, E.4.3) and Enhanced RTMP
//! (Veovera, *Enhanced RTMP v2*, "Enhanced Audio", "Enhanced Video").

use core::ops::Range;

use crate::TagKind;
use crate::coding::{AAC, AVC, Coding};

/// SoundFormat that says: an enhanced header follows.
pub(crate) const EX_AUDIO: u8 = 9;
/// The bit that says the same of video.
pub(crate) const EX_VIDEO: u8 = 0x80;

/// What the rest of the body is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Content {
    /// Out-of-band configuration.
    SequenceHeader,
    /// An access unit.
    Frame,
    /// The end of the sequence; nothing follows.
    SequenceEnd,
    /// Only of tracks that are not wanted.
    OtherTrack,
    /// What we step over: commands, HDR metadata, channel maps, packet types to come.
    Other,
}

/// A body, taken apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Body {
    pub(crate) coding: Coding,
    /// The first byte's low four bits: rate, size and channels of legacy sound.
    pub(crate) sound: u8,
    /// Whether a picture is one to start from. True of sound.
    pub(crate) key: bool,
    pub(crate) content: Content,
    /// pts − dts in milliseconds.
    pub(crate) composition_time: i32,
    /// What to add to the timestamp, in nanoseconds.
    pub(crate) nanos: u32,
    /// The track, 0 where there is only one.
    pub(crate) track: u8,
    /// Whether other tracks stand beside it.
    pub(crate) others: bool,
    /// Where configuration or access unit lie in the body.
    pub(crate) data: Range<usize>,
}

impl Body {
    /// Takes a body apart; of several tracks `track`, or the first. `None` for scripts, for what is too short for
    /// its own header, and where `track` is not among the many that are in it.
    pub(crate) fn parse(kind: TagKind, body: &[u8], track: Option<u8>) -> Option<Self> {
        let mut rest = Cursor { body, at: 0 };
        let first = rest.byte()?;
        let mut body = match kind {
            TagKind::Script => return None,
            TagKind::Video if first & EX_VIDEO != 0 => Self::enhanced(kind, first, rest, track)?,
            TagKind::Audio if first >> 4 == EX_AUDIO => Self::enhanced(kind, first, rest, track)?,
            TagKind::Video => Self::legacy_video(first, rest)?,
            TagKind::Audio => Self::legacy_audio(first, rest)?,
        };
        if track.is_some_and(|track| track != body.track) {
            body.content = Content::OtherTrack;
        }
        Some(body)
    }

    fn legacy_video(first: u8, mut rest: Cursor<'_>) -> Option<Self> {
        let (frame, codec) = (first >> 4, first & 15);
        let (mut content, mut composition_time) = (Content::Frame, 0);
        if codec == AVC {
            content = match rest.byte()? {
                0 => Content::SequenceHeader,
                1 => Content::Frame,
                2 => Content::SequenceEnd,
                _ => Content::Other,
            };
            composition_time = rest.signed24()?;
        }
        if frame == FRAME_COMMAND {
            content = Content::Other;
        }
        Some(Self {
            coding: Coding::Legacy(codec),
            sound: 0,
            key: is_key(frame),
            content,
            composition_time,
            nanos: 0,
            track: 0,
            others: false,
            data: rest.remaining(),
        })
    }

    fn legacy_audio(first: u8, mut rest: Cursor<'_>) -> Option<Self> {
        let content = match first >> 4 {
            AAC if rest.byte()? == 0 => Content::SequenceHeader,
            _ => Content::Frame,
        };
        Some(Self {
            coding: Coding::Legacy(first >> 4),
            sound: first & 15,
            key: true,
            content,
            composition_time: 0,
            nanos: 0,
            track: 0,
            others: false,
            data: rest.remaining(),
        })
    }

    fn enhanced(kind: TagKind, first: u8, mut rest: Cursor<'_>, wanted: Option<u8>) -> Option<Self> {
        let video = kind == TagKind::Video;
        let frame = if video { first >> 4 & 7 } else { FRAME_KEY };
        let (mut packet, mut nanos) = (first & 15, 0);
        while packet == PACKET_MOD_EX {
            (packet, nanos) = rest.mod_ex(nanos)?;
        }
        if frame == FRAME_COMMAND && packet != PACKET_METADATA {
            return None;
        }
        let mut tracks = Tracks::Only;
        if packet == if video { PACKET_VIDEO_MULTITRACK } else { PACKET_AUDIO_MULTITRACK } {
            let byte = rest.byte()?;
            packet = byte & 15;
            tracks = match byte >> 4 {
                0 => Tracks::One,
                1 => Tracks::Many,
                2 => Tracks::ManyCodecs,
                _ => return None,
            };
        }
        let (letters, track, data, skipped) = rest.track(tracks, wanted)?;
        if !letters.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        // Where it is not alone, it is not both first and last.
        let others = !matches!(tracks, Tracks::Only | Tracks::One) && (skipped || data.end < rest.body.len());
        let mut rest = Cursor { body: rest.body.get(..data.end)?, at: data.start };
        let content = match packet {
            PACKET_SEQUENCE_START => Content::SequenceHeader,
            PACKET_CODED_FRAMES => Content::Frame,
            PACKET_SEQUENCE_END => Content::SequenceEnd,
            PACKET_CODED_FRAMES_X if video => Content::Frame,
            _ => Content::Other,
        };
        let has_composition_time =
            video && packet == PACKET_CODED_FRAMES && Coding::FourCc(letters).has_composition_time();
        Some(Self {
            coding: Coding::FourCc(letters),
            sound: 0,
            key: is_key(frame),
            content,
            composition_time: if has_composition_time { rest.signed24()? } else { 0 },
            nanos,
            track,
            others,
            data: rest.remaining(),
        })
    }
}

/// VideoFrameType.
pub(crate) const FRAME_KEY: u8 = 1;
pub(crate) const FRAME_INTER: u8 = 2;
const FRAME_GENERATED_KEY: u8 = 4;
const FRAME_COMMAND: u8 = 5;

/// VideoPacketType and AudioPacketType.
pub(crate) const PACKET_SEQUENCE_START: u8 = 0;
pub(crate) const PACKET_CODED_FRAMES: u8 = 1;
pub(crate) const PACKET_SEQUENCE_END: u8 = 2;
pub(crate) const PACKET_CODED_FRAMES_X: u8 = 3;
const PACKET_METADATA: u8 = 4;
const PACKET_AUDIO_MULTITRACK: u8 = 5;
const PACKET_VIDEO_MULTITRACK: u8 = 6;
const PACKET_MOD_EX: u8 = 7;

const fn is_key(frame: u8) -> bool {
    matches!(frame, FRAME_KEY | FRAME_GENERATED_KEY)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tracks {
    Only,
    One,
    Many,
    ManyCodecs,
}

struct Cursor<'a> {
    body: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    /// One ModEx block: the packet type that follows it, and nanoseconds where it holds some.
    fn mod_ex(&mut self, nanos: u32) -> Option<(u8, u32)> {
        let mut size = usize::from(self.byte()?) + 1;
        if size == 256 {
            size = usize::from(u16::from_be_bytes(self.take()?)) + 1;
        }
        let data = self.body.get(self.at..self.at.checked_add(size)?)?;
        let offset = data.first_chunk::<3>().map(|[a, b, c]| u32::from_be_bytes([0, *a, *b, *c]));
        self.at += size;
        let next = self.byte()?;
        // ModEx type 0 is TimestampOffsetNano.
        Some((next & 15, if next >> 4 == 0 { offset.unwrap_or(nanos) } else { nanos }))
    }

    /// Steps to the wanted track, or the first: its codec, its number, where it lies, and whether others stood before.
    fn track(&mut self, tracks: Tracks, wanted: Option<u8>) -> Option<([u8; 4], u8, Range<usize>, bool)> {
        let mut codec = if tracks == Tracks::ManyCodecs { [0; 4] } else { self.take()? };
        if tracks == Tracks::Only {
            return Some((codec, 0, self.remaining(), false));
        }
        let mut skipped = false;
        loop {
            if tracks == Tracks::ManyCodecs {
                codec = self.take()?;
            }
            let track = self.byte()?;
            if tracks == Tracks::One {
                return Some((codec, track, self.remaining(), false));
            }
            let [a, b, c] = self.take()?;
            let end = self.at.checked_add(u32::from_be_bytes([0, a, b, c]) as usize)?;
            if wanted.is_none_or(|wanted| wanted == track) {
                return (end <= self.body.len()).then_some((codec, track, self.at..end, skipped));
            }
            (self.at, skipped) = (end, true);
        }
    }

    fn byte(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    fn signed24(&mut self) -> Option<i32> {
        let [a, b, c] = self.take()?;
        Some(i32::from_be_bytes([a, b, c, 0]) >> 8)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let bytes = *self.body.get(self.at..)?.first_chunk()?;
        self.at += N;
        Some(bytes)
    }

    const fn remaining(&self) -> Range<usize> {
        self.at..self.body.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: TagKind, body: &[u8], track: Option<u8>) -> Option<(Content, u32, u8, Vec<u8>)> {
        let parsed = Body::parse(kind, body, track)?;
        Some((parsed.content, parsed.nanos, parsed.track, body[parsed.data].to_vec()))
    }

    #[test]
    fn nanoseconds_stand_before_the_packet_type_that_counts() {
        let body = b"\x97\x02\x0a\x0b\x0c\x01hvc1\0\0\x28data";
        let parsed = Body::parse(TagKind::Video, body, None).unwrap();
        assert_eq!((parsed.nanos, parsed.composition_time), (0x0A_0B0C, 40));
        assert_eq!((parsed.key, &body[parsed.data]), (true, &b"data"[..]));
    }

    #[test]
    fn extensions_that_we_do_not_know_are_stepped_over() {
        let long = [b"\x97\xff\x01\x03".as_slice(), &[0; 260], b"\x13hvc1data"].concat();
        let expected = Some((Content::Frame, 0, 0, b"data".to_vec()));
        assert_eq!(read(TagKind::Video, &long, None), expected);
        assert_eq!(read(TagKind::Video, b"\x97\x00\x00\x77\x00\x00\x13hvc1data", None), expected);
        assert_eq!(read(TagKind::Video, b"\x97\xff\xff\xff", None), None);
    }

    #[test]
    fn of_many_tracks_the_wanted_one_is_taken() {
        let one_codec = b"\x95\x11Opus\x00\0\0\x03abc\x01\0\0\x02de";
        assert_eq!(read(TagKind::Audio, one_codec, None), Some((Content::Frame, 0, 0, b"abc".to_vec())));
        assert_eq!(read(TagKind::Audio, one_codec, Some(1)), Some((Content::Frame, 0, 1, b"de".to_vec())));
        assert_eq!(read(TagKind::Audio, one_codec, Some(2)), None);
        let codecs = b"\x96\x23av01\x00\0\0\x01ahvc1\x04\0\0\x02de";
        let parsed = Body::parse(TagKind::Video, codecs, Some(4)).unwrap();
        assert_eq!((parsed.coding, &codecs[parsed.data]), (Coding::FourCc(*b"hvc1"), &b"de"[..]));
        let alone = b"\x96\x01av01\x07data";
        assert_eq!(read(TagKind::Video, alone, None), Some((Content::Frame, 0, 7, b"data".to_vec())));
        let other = read(TagKind::Video, alone, Some(0)).map(|body| body.0);
        assert_eq!(other, Some(Content::OtherTrack));
    }

    #[test]
    fn tracks_beside_the_one_that_is_read_are_noticed() {
        let others = |body: &[u8], track| Body::parse(TagKind::Audio, body, track).unwrap().others;
        let two = b"\x95\x11Opus\x00\0\0\x03abc\x01\0\0\x02de";
        assert!(others(two, None) && others(two, Some(1)));
        assert!(!others(b"\x95\x11Opus\x00\0\0\x03abc", None));
        assert!(!others(b"\x95\x01Opus\x00abc", None));
    }

    #[test]
    fn a_track_past_the_end_is_not_read() {
        assert_eq!(read(TagKind::Audio, b"\x95\x11Opus\x00\0\0\x09abc", None), None);
    }

    #[test]
    fn composition_times_are_signed() {
        let parsed = Body::parse(TagKind::Video, b"\x27\x01\xff\xff\xd8x", None).unwrap();
        assert_eq!((parsed.composition_time, parsed.key), (-40, false));
    }

    #[test]
    fn commands_and_what_has_no_letters_are_no_frames() {
        assert_eq!(read(TagKind::Video, b"\xd1\x00", None), None);
        assert_eq!(read(TagKind::Video, b"\x91\x00\x01\x02\x03data", None), None);
        assert_eq!(
            read(TagKind::Video, b"\x57\x01\0\0\0\x00", None).map(|body| body.0),
            Some(Content::Other)
        );
    }

    proptest::proptest! {
        #[test]
        fn any_body_is_read_or_refused(body in proptest::collection::vec(0u8.., 0..40), first in 0x80u8.., track: Option<u8>) {
            for kind in [TagKind::Audio, TagKind::Video, TagKind::Script] {
                let _ = Body::parse(kind, &body, track);
                let enhanced = [&[first, 7, 0], &body[..]].concat();
                let _ = Body::parse(kind, &enhanced, track);
            }
        }
    }
}
