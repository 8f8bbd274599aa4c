//! MP3 and MP2 frames one after another (ISO/IEC 11172-3, 13818-3), with the tags that files put around them.

use std::collections::VecDeque;

use brooklet_media::bitstream::mpeg_audio::MpegAudioHeader;
use brooklet_media::{
    AudioParams, ChannelLayout, CodecId, DemuxEvent, DemuxStep, Demuxer, Error, Metadata, Packet, Result,
    Source, StreamParams, TimeBase, Trim,
};
use bytes::Bytes;

use crate::frames::{Found, FrameFinder, FrameHeader, SampleClock, id3v2_bytes};
use crate::id3;
use crate::input::Input;

const NAME: &str = "mp3";

/// Samples by which any MP3 decoder lags: its filter bank's, and one.
pub(crate) const DECODER_DELAY: u32 = 529;

/// Reads MP3 or MP2. The Xing/Info/VBRI frame and garbage are skipped; encoder delay and padding come out as
/// [`Packet::trim`], so that the first sample to be heard stands at 0. One stream in ticks of its first rate.
#[derive(Debug)]
pub struct MpegAudioDemuxer {
    input: Input,
    finder: FrameFinder,
    stream: Option<(MpegAudioHeader, SampleClock)>,
    info: Info,
    frames: u64,
    metadata: Metadata,
    events: VecDeque<DemuxEvent>,
    /// Whether it was said that there is no frame at all: after an error comes the end.
    refused: bool,
}

/// What the first frame says of the whole file.
#[derive(Clone, Copy, Debug, Default)]
struct Info {
    frames: Option<u64>,
    trim: Trim,
}

impl MpegAudioDemuxer {
    /// Starts at the first byte.
    pub fn new(source: Source) -> Self {
        let (input, finder) = (Input::new(source), FrameFinder::default());
        let (info, events) = (Info::default(), VecDeque::new());
        let metadata = Metadata::new();
        Self { input, finder, stream: None, info, frames: 0, metadata, events, refused: false }
    }

    fn take_frame(&mut self, header: MpegAudioHeader, data: Bytes, at: u64, lost: bool) {
        if self.stream.is_none() {
            let info = read_info(&header, &data);
            self.info = info.unwrap_or_default();
            let Trim { start, end } = self.info.trim;
            let clock = SampleClock::starting_at(header.rate, -i64::from(start));
            let mut params = stream_params(&header, clock.time_base());
            params.duration = match (self.info.frames, self.input.length()) {
                (Some(frames), _) => {
                    let samples = i64::try_from(frames.saturating_mul(header.samples.into())).ok();
                    samples.map(|samples| (samples - i64::from(start) - i64::from(end)).max(0))
                }
                (None, Some(length)) => {
                    let bits = i64::try_from(length.saturating_sub(at)).unwrap_or(i64::MAX).saturating_mul(8);
                    Some(TimeBase::hz(header.bit_rate).rescale(bits, clock.time_base()))
                }
                (None, None) => None,
            };
            self.stream = Some((header, clock));
            self.events.extend([DemuxEvent::StreamAdded(params), DemuxEvent::HeaderRead]);
            if info.is_some() {
                return;
            }
        }
        let Some((known, clock)) = &mut self.stream else { return };
        if lost {
            self.events.push_back(DemuxEvent::Discontinuity);
        }
        if !known.leads_to(&header) {
            clock.change_rate(header.rate);
            let params = stream_params(&header, clock.time_base());
            self.events.push_back(DemuxEvent::Params { stream: 0, params });
        }
        *known = header;
        let (pts, duration) = clock.advance(header.samples);
        self.frames += 1;
        let start = self.info.trim.start.min(header.samples);
        self.info.trim.start -= start;
        let trim =
            Trim { start, end: if self.info.frames == Some(self.frames) { self.info.trim.end } else { 0 } };
        self.events.push_back(DemuxEvent::Packet(Packet { duration, trim, ..Packet::new(0, pts, data) }));
    }
}

impl Demuxer for MpegAudioDemuxer {
    fn step(&mut self) -> Result<DemuxStep> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(DemuxStep::Event(event));
            }
            if self.stream.is_none() && self.metadata.is_empty() {
                match leading_tag(&self.input) {
                    Tag::More => return Ok(self.input.read()),
                    Tag::Whole(tag) => self.metadata = id3::parse(tag),
                    Tag::None => {}
                }
            }
            match self.finder.next::<MpegAudioHeader>(&mut self.input) {
                Found::Frame { header, bytes, at, lost } => self.take_frame(header, bytes, at, lost),
                Found::More => return Ok(self.input.read()),
                Found::End if self.stream.is_none() && !self.refused => {
                    self.refused = true;
                    let at = self.input.at() + self.input.bytes().len() as u64;
                    let what = "without any MPEG audio frame".into();
                    return Err(Error::Truncated { format: NAME, what, at });
                }
                Found::End => return Ok(DemuxStep::End),
            }
        }
    }

    fn push(&mut self, bytes: Bytes) {
        self.input.push(bytes);
    }

    fn finish(&mut self) {
        self.input.finish();
    }

    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }
}

impl FrameHeader for MpegAudioHeader {
    const BYTES: usize = 4;

    fn parse(bytes: &[u8]) -> Option<Self> {
        Self::parse(bytes).filter(|header| header.frame_bytes >= <Self as FrameHeader>::BYTES)
    }

    fn frame_bytes(&self) -> usize {
        self.frame_bytes
    }

    fn leads_to(&self, next: &Self) -> bool {
        (self.layer, self.rate, self.channels) == (next.layer, next.rate, next.channels)
    }
}

/// What stands at the very start.
enum Tag<'a> {
    Whole(&'a [u8]),
    More,
    None,
}

/// The ID3v2 tag that an input starts with, where it is worth reading.
fn leading_tag(input: &Input) -> Tag<'_> {
    if input.at() > 0 {
        return Tag::None;
    }
    let bytes = input.bytes();
    if bytes.len() < 10 && !input.ended() {
        return Tag::More;
    }
    match id3v2_bytes(bytes).filter(|length| *length <= id3::MAX_TAG) {
        Some(length) => match bytes.get(..length as usize) {
            Some(tag) => Tag::Whole(tag),
            None if input.ended() => Tag::None,
            None => Tag::More,
        },
        None => Tag::None,
    }
}

fn stream_params(header: &MpegAudioHeader, time_base: TimeBase) -> StreamParams {
    let codec = if header.layer == 3 { CodecId::Mp3 } else { CodecId::Mp2 };
    let layout = if header.channels == 1 { ChannelLayout::Mono } else { ChannelLayout::Stereo };
    let audio = AudioParams { frame_samples: Some(header.samples), ..AudioParams::new(header.rate, layout) };
    let mut params = StreamParams::audio(codec, time_base, audio);
    params.bit_rate = Some(header.bit_rate.into());
    params.start = Some(0);
    params
}

/// Reads a Xing, Info or VBRI frame; `None` where the frame is sound. (Xing's "MP3 Header", LAME's tag
/// revision 1, Fraunhofer's VBRI.)
fn read_info(header: &MpegAudioHeader, frame: &[u8]) -> Option<Info> {
    if header.layer != 3 {
        return None;
    }
    if frame.get(36..40) == Some(b"VBRI") {
        return Some(Info { frames: u32_at(frame, 50).map(u64::from), ..Info::default() });
    }
    let side_info = match (header.samples, header.channels) {
        (1_152, 2) => 32,
        (1_152, _) | (_, 2) => 17,
        _ => 9,
    };
    let tag = frame.get(4 + side_info..)?;
    if !(tag.starts_with(b"Xing") || tag.starts_with(b"Info")) {
        return None;
    }
    let flags = u32_at(tag, 4)?;
    let frames = (flags & 1 != 0).then(|| u32_at(tag, 8)).flatten().map(u64::from);
    let lengths = [(1, 4), (2, 4), (4, 100), (8, 4)];
    let lame =
        8 + lengths.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, bytes)| bytes).sum::<usize>();
    let trim = tag.get(lame + 21..lame + 24).map_or(Trim::default(), |delays| {
        let (delay, padding) = (
            u32::from(delays[0]) << 4 | u32::from(delays[1]) >> 4,
            u32::from(delays[1] & 15) << 8 | u32::from(delays[2]),
        );
        let start = if delay > 0 { delay + DECODER_DELAY } else { 0 };
        Trim { start, end: padding.saturating_sub(DECODER_DELAY).min(header.samples) }
    });
    Some(Info { frames, trim })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::demux_stream;
    use proptest::prelude::*;

    /// 128 kbit/s at 44.1 kHz, stereo: 417 bytes.
    fn frame(fill: u8) -> Vec<u8> {
        [&[0xFF, 0xFB, 0x90, 0x64][..], &[fill; 413]].concat()
    }

    #[test]
    fn the_info_frame_is_not_sound_but_says_what_to_trim() {
        let mut info = frame(0);
        info[36..48].copy_from_slice(b"Info\0\0\0\x01\0\0\0\x02");
        info[48..57].copy_from_slice(b"LAME3.100");
        info[69..72].copy_from_slice(&[0x24, 0x05, 0x7C]); // delay 576, padding 1404
        let file = [info, frame(1), frame(2)].concat();
        let read = demux_stream(MpegAudioDemuxer::new(Source::default()), &file, 100).unwrap();
        assert_eq!(read.streams[0].duration, Some(2 * 1_152 - 1_105 - 875));
        let trims: Vec<_> = read.packets.iter().map(|packet| packet.trim).collect();
        assert_eq!(trims, [Trim { start: 1_105, end: 0 }, Trim { start: 0, end: 875 }]);
        assert_eq!((read.packets[0].pts, read.packets[1].pts), (-1_105, 47));
    }

    #[test]
    fn tags_at_both_ends_and_garbage_between() {
        let file = [
            b"ID3\x03\0\0\0\0\0\x02\xFF\xFB",
            &frame(1)[..],
            &frame(2),
            b"junk \xFF\xF0 junk",
            &frame(3),
            &frame(4),
            b"TAG",
            &[0; 125],
        ];
        let read = demux_stream(MpegAudioDemuxer::new(Source::default()), &file.concat(), 33).unwrap();
        assert_eq!(read.packets.iter().map(|packet| packet.data[9]).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(read.changes, [(2, DemuxEvent::Discontinuity)]);
    }

    #[test]
    fn files_one_after_another_are_one_stream() {
        let tag = [&b"TAG"[..], &[0; 125]].concat();
        let file =
            [&frame(1)[..], &frame(2), &tag, b"ID3\x03\0\0\0\0\0\x02\xFF\xFB", &frame(3), &frame(4)].concat();
        let read = demux_stream(MpegAudioDemuxer::new(Source::default()), &file, 100).unwrap();
        assert_eq!((read.packets.len(), read.changes), (4, vec![]));
    }

    #[test]
    fn what_looks_like_a_tag_in_garbage_is_none() {
        let file = [&b"junk that holds ID3\x03\0\0\x7F\x7F\x7F\x7F"[..], &frame(1), &frame(2)].concat();
        for step in [1, 16, 4_096] {
            let read = demux_stream(MpegAudioDemuxer::new(Source::default()), &file, step).unwrap();
            assert_eq!(read.packets.len(), 2, "in steps of {step}");
        }
    }

    proptest! {
        #[test]
        fn damage_is_skipped_or_refused(
            count in 1u8..6,
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
            step in 1usize..900,
        ) {
            let mut file: Vec<u8> = (0..count).flat_map(frame).collect();
            for (at, byte) in flips {
                let at = at.index(file.len());
                file[at] = byte;
            }
            let _ = demux_stream(MpegAudioDemuxer::new(Source::default()), &file, step);
        }
    }
}
