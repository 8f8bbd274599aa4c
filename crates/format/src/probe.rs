//! Finding out what an input is from its first bytes.

mod chains;
mod strangers;

use brooklet_media::{Error, Result};

use crate::frames::id3v2_bytes;
use crate::registry::{self, DEMUXERS, DemuxerInfo};

/// Bytes that decide on all formats with a mark of their own.
const ENOUGH: usize = 4 << 10;
/// Bytes in which frames or units must show themselves.
const ENOUGH_FRAMES: usize = 256 << 10;

/// What [`probe`] found.
#[derive(Clone, Copy, Debug)]
pub enum Probe {
    /// The format.
    Found(&'static DemuxerInfo),
    /// It can't be said yet: hand over more from the start of the input, or say that there is no more.
    NeedMore,
}

/// What an input is that starts with `head`. Its bytes decide; the ending of `url` does where they say nothing.
/// `ended` says that `head` is all that there is, or all that will be looked at.
///
/// # Errors
///
/// [`Error::Unsupported`] for what is no format of ours, naming what it looks like; [`Error::Usage`] for an empty
/// input.
pub fn probe(head: &[u8], url: &str, ended: bool) -> Result<Probe> {
    if head.is_empty() && ended {
        return Err(Error::Usage("it is empty".into()));
    }
    if let Some(name) = by_mark(head).or_else(|| chains::find(head, ended)) {
        return registry::demuxer(name).map(Probe::Found);
    }
    let named = by_extension(url);
    let stranger = strangers::name(head);
    if let Some(info) = named.filter(|info| stranger.is_none() || info.is_raw()) {
        // The name says it unless the bytes could still say something else.
        if info.is_raw() || ended || head.len() >= ENOUGH_FRAMES {
            return Ok(Probe::Found(info));
        }
        return Ok(Probe::NeedMore);
    }
    if !ended && head.len() < wanted(head) {
        return Ok(Probe::NeedMore);
    }
    if id3v2_bytes(head).is_some() {
        // A picture fills all that was looked at.
        return registry::demuxer("mp3").map(Probe::Found);
    }
    let what = stranger.unwrap_or("an input of no known format (say one with -f)");
    Err(Error::unsupported(
        what,
        "mp4, flv, mpegts, ogg, flac, h264, hevc, aac, mp3, wav, yuv4mpegpipe; raw formats with -f",
    ))
}

/// The format whose mark stands at the start.
fn by_mark(head: &[u8]) -> Option<&'static str> {
    let is_wave = matches!(head.get(..4), Some(b"RIFF" | b"RF64")) && head.get(8..12) == Some(b"WAVE");
    if head.starts_with(b"FLV\x01") {
        Some("flv")
    } else if head.starts_with(b"OggS\0") {
        Some("ogg")
    } else if head.starts_with(b"fLaC") || behind_tag(head).is_some_and(|rest| rest.starts_with(b"fLaC")) {
        Some("flac")
    } else if is_wave {
        Some("wav")
    } else if head.starts_with(b"YUV4MPEG2 ") {
        Some("yuv4mpegpipe")
    } else if cfg!(feature = "pictures") && (head.starts_with(&[0xFF, 0xD8, 0xFF]) || is_multipart_jpeg(head))
    {
        Some("mjpeg")
    } else {
        is_movie(head).then_some("mp4")
    }
}

/// Whether it is what cameras send to browsers: a boundary, and headers that say what follows (RFC 2046 §5.1).
fn is_multipart_jpeg(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    let head = text[..text.len().min(256)].to_ascii_lowercase();
    head.starts_with(b"--") && head.windows(10).any(|window| window == b"image/jpeg")
}

/// What stands behind an ID3v2 tag, which some writers put before any format of sound.
fn behind_tag(head: &[u8]) -> Option<&[u8]> {
    head.get(usize::try_from(id3v2_bytes(head)?).ok()?..)
}

/// Whether the first box is one that MP4 and QuickTime files start with (ISO/IEC 14496-12 §4.2).
fn is_movie(head: &[u8]) -> bool {
    let Some((size, kind)) = head.first_chunk::<8>().map(|head| {
        (u32::from_be_bytes([head[0], head[1], head[2], head[3]]), [head[4], head[5], head[6], head[7]])
    }) else {
        return false;
    };
    let known = [
        b"ftyp", b"moov", b"mdat", b"moof", b"styp", b"sidx", b"free", b"skip", b"wide", b"pnot", b"emsg",
        b"prft",
    ];
    known.contains(&&kind) && (size <= 1 || size >= 8)
}

fn by_extension(url: &str) -> Option<&'static DemuxerInfo> {
    let extension = registry::extension(url);
    DEMUXERS.iter().find(|info| info.extensions.contains(&extension.as_str()))
}

/// How many bytes it takes to say that an input is none of ours.
fn wanted(head: &[u8]) -> usize {
    if let Some(tag) = id3v2_bytes(head) {
        return usize::try_from(tag).unwrap_or(usize::MAX).saturating_add(ENOUGH);
    }
    match head {
        [0x47 | 0xFF, ..] | [0, 0, 0 | 1, ..] => ENOUGH_FRAMES,
        _ => ENOUGH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(head: &[u8], url: &str) -> String {
        match probe(head, url, true) {
            Ok(Probe::Found(info)) => info.names.to_string(),
            Ok(Probe::NeedMore) => "more".into(),
            Err(error) => error.to_string(),
        }
    }

    fn adts_frames(count: usize) -> Vec<u8> {
        use brooklet_media::bitstream::aac::{AacConfig, Adts};
        let config = AacConfig::lc(44_100, 2).unwrap();
        (0..count).flat_map(|_| [&Adts::header(&config, 20).unwrap()[..], &[7; 20]].concat()).collect()
    }

    #[test]
    fn marks_and_frames() {
        let packets = |stride: usize| -> Vec<u8> {
            (0..8).flat_map(|_| [&[0x47][..], &vec![1; stride - 1]].concat()).collect()
        };
        let sps = [
            0, 0, 0, 1, 0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x6c, 0x80, 0x00,
            0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x1e, 0x07, 0x8c, 0x18, 0xcb, 0, 0, 1, 0x68, 0xeb, 0xe3,
            0xcb, 0x22, 0xc0,
        ];
        let mp3: Vec<u8> = (0..4).flat_map(|_| [&[0xFF, 0xFB, 0x90, 0x64][..], &[0; 413]].concat()).collect();
        let tagged = [b"ID3\x04\0\0\0\0\0\x05\xFF\xF1\0\0\0", &adts_frames(4)[..]].concat();
        for (head, name) in [
            (&b"FLV\x01\x05\0\0\0\x09"[..], "flv"),
            (b"\0\0\0\x18ftypisom", "mov,mp4,m4a,3gp,3g2,mj2"),
            (b"\0\0\0\x01mdat\0\0\0\0", "mov,mp4,m4a,3gp,3g2,mj2"),
            (b"RIFF\xFF\xFF\xFF\xFFWAVEfmt ", "wav"),
            (b"\xFF\xD8\xFF\xE0\0\x10JFIF", "mjpeg,mpjpeg,jpeg_pipe,image2pipe"),
            (b"\r\n--cam\r\nContent-type: image/jpeg\r\n\r\n", "mjpeg,mpjpeg,jpeg_pipe,image2pipe"),
            (b"YUV4MPEG2 W1 H1\n", "yuv4mpegpipe"),
            (&packets(188), "mpegts"),
            (&packets(192), "mpegts"),
            (&sps, "h264"),
            (&adts_frames(3), "aac"),
            (&tagged, "aac"),
            (&mp3, "mp3"),
        ] {
            assert_eq!(found(head, "input"), name);
        }
    }

    #[test]
    fn strangers_are_named() {
        for (head, word) in [
            (&b"\x1A\x45\xDF\xA3\x01\0\0\0"[..], "Matroska"),
            (b"PK\x03\x04\x14\0", "ZIP"),
            (b"<!DOCTYPE html><html>", "HTML"),
            (b"#EXTM3U\n#EXT-X-VERSION:3\n", "HLS"),
            (b"RIFF\0\0\0\0AVI LIST", "AVI"),
            (b"just some words\n", "text"),
            (b"\x01\x02\x03\xEE\xEE\xEE\xEE\xEE\xEE", "no known format"),
            (b"", "empty"),
        ] {
            let text = found(head, "clip.mp4x");
            assert!(text.contains(word), "{text}");
        }
        assert!(found(b"<html>404", "http://host/clip.mp4?x=1").contains("HTML"));
    }

    #[test]
    fn endings_decide_where_bytes_say_nothing() {
        assert_eq!(found(b"\x10\x10\x10\x10", "a.yuv"), "rawvideo");
        assert_eq!(found(b"plain words", "a.pcm"), "s16le");
        assert_eq!(found(&[9, 8, 7, 0xEE], "a.h264"), "h264");
        assert!(matches!(probe(&[9, 8, 7], "a.h264", false), Ok(Probe::NeedMore)));
        assert!(matches!(probe(&[], "a.bin", false), Ok(Probe::NeedMore)));
    }

    proptest! {
        #[test]
        fn anything_is_found_asked_for_or_refused(head in prop::collection::vec(any::<u8>(), 0..600), ended: bool) {
            let verdict = probe(&head, "x", ended);
            prop_assert!(!ended || !matches!(verdict, Ok(Probe::NeedMore)));
        }
    }
}
