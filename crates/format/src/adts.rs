//! ADTS: AAC access units, each behind a header of its own (ISO/IEC 14496-3 §1.A.2.2).

use std::collections::VecDeque;

use brooklet_media::bitstream::aac::{ADTS_HEADER, AacConfig, Adts, FRAME_SAMPLES};
use brooklet_media::{
    CodecId, DemuxEvent, DemuxStep, Demuxer, Error, Metadata, Muxer, Packet, Piece, Result, Source,
    StreamParams, TimeBase,
};
use bytes::{BufMut, Bytes, BytesMut};

use crate::frames::{Found, FrameFinder, FrameHeader, SampleClock};
use crate::input::Input;
use crate::output::{Output, only_stream, take_only_stream};

/// ffmpeg's name of the muxer; its demuxer is `aac`.
const NAME: &str = "adts";

/// Reads ADTS. ID3v2 tags and garbage between frames are skipped; one stream in ticks of its first rate.
#[derive(Debug)]
pub struct AdtsDemuxer {
    input: Input,
    finder: FrameFinder,
    stream: Option<(AacConfig, SampleClock)>,
    events: VecDeque<DemuxEvent>,
    /// Whether it was said that there is no frame at all: after an error comes the end.
    refused: bool,
}

impl AdtsDemuxer {
    /// Starts at the first byte.
    pub fn new(source: Source) -> Self {
        let (input, finder) = (Input::new(source), FrameFinder::default());
        Self { input, finder, stream: None, events: VecDeque::new(), refused: false }
    }

    fn take_frame(&mut self, header: Adts, bytes: &Bytes, lost: bool) {
        let config = header.config;
        let (known, clock) = self.stream.get_or_insert_with(|| {
            let clock = SampleClock::new(config.rate);
            let params = stream_params(&config, clock.time_base());
            self.events.extend([DemuxEvent::StreamAdded(params), DemuxEvent::HeaderRead]);
            (config, clock)
        });
        if lost {
            self.events.push_back(DemuxEvent::Discontinuity);
        }
        if *known != config {
            *known = config;
            clock.change_rate(config.rate);
            let params = stream_params(&config, clock.time_base());
            self.events.push_back(DemuxEvent::Params { stream: 0, params });
        }
        let mut push = |data: Bytes, blocks: u32| {
            let (pts, duration) = clock.advance(blocks * FRAME_SAMPLES);
            let packet = Packet { duration, ..Packet::new(0, pts, data) };
            self.events.push_back(DemuxEvent::Packet(packet));
        };
        match split_blocks(&header, bytes) {
            Some(blocks) => blocks.into_iter().for_each(|block| push(block, 1)),
            None => push(bytes.slice(header.header_bytes..), header.blocks.into()),
        }
    }
}

impl Demuxer for AdtsDemuxer {
    fn step(&mut self) -> Result<DemuxStep> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(DemuxStep::Event(event));
            }
            match self.finder.next::<Adts>(&mut self.input) {
                Found::Frame { header, bytes, lost, .. } => self.take_frame(header, &bytes, lost),
                Found::More => return Ok(self.input.read()),
                Found::End if self.stream.is_none() && !self.refused => {
                    self.refused = true;
                    let at = self.input.at() + self.input.bytes().len() as u64;
                    return Err(Error::Truncated { format: NAME, what: "without any ADTS frame".into(), at });
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
}

impl FrameHeader for Adts {
    const BYTES: usize = ADTS_HEADER;

    fn parse(bytes: &[u8]) -> Option<Self> {
        Self::parse(bytes)
    }

    fn frame_bytes(&self) -> usize {
        self.frame_bytes
    }

    fn leads_to(&self, next: &Self) -> bool {
        self.config == next.config
    }
}

/// Writes AAC access units in ADTS, one to a frame, without CRC.
#[derive(Debug, Default)]
pub struct AdtsMuxer {
    stream: Option<StreamParams>,
    config: Option<AacConfig>,
    output: Output,
}

impl AdtsMuxer {
    /// A muxer without a stream yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Muxer for AdtsMuxer {
    fn add_stream(&mut self, params: &StreamParams) -> Result<()> {
        take_only_stream(NAME, &mut self.stream, params, |codec| codec == CodecId::Aac, "aac")
    }

    fn start(&mut self, _metadata: &Metadata) -> Result<()> {
        self.config = Some(adts_config(only_stream(NAME, &self.stream)?)?);
        Ok(())
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        let time_base = only_stream(NAME, &self.stream)?.time_base;
        let config = self.config.ok_or_else(|| Error::Usage("adts was not started".into()))?;
        let mut frame = BytesMut::with_capacity(ADTS_HEADER + packet.data.len());
        frame.put_slice(&Adts::header(&config, packet.data.len())?);
        frame.put_slice(&packet.data);
        self.output.append_packet(packet, time_base, frame.freeze());
        Ok(())
    }

    fn change_params(&mut self, _stream: usize, params: &StreamParams) -> Result<()> {
        self.config = Some(adts_config(params)?);
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    fn poll_piece(&mut self) -> Option<Piece> {
        self.output.poll()
    }
}

fn stream_params(config: &AacConfig, time_base: TimeBase) -> StreamParams {
    let mut params = StreamParams::audio(CodecId::Aac, time_base, config.audio_params());
    params.extradata = config.build();
    params.start = Some(0);
    params
}

/// The configuration that headers are made of, refused here rather than at the first packet.
fn adts_config(params: &StreamParams) -> Result<AacConfig> {
    let config = AacConfig::parse(&params.extradata)?;
    Adts::header(&config, 0)?;
    if config.channel_config > 7 {
        let what = format!("AAC channel configuration {} in ADTS", config.channel_config);
        return Err(Error::unsupported(what, "1 to 7"));
    }
    Ok(config)
}

/// The access units of a frame. Without a CRC nothing says where the second starts: `None` then, and the
/// decoder has to find it (§1.A.2.2.1 adts_header_error_check).
fn split_blocks(header: &Adts, bytes: &Bytes) -> Option<Vec<Bytes>> {
    const CRC: usize = 2;
    let blocks = usize::from(header.blocks);
    if blocks == 1 {
        return Some(vec![bytes.slice(header.header_bytes..)]);
    }
    if header.header_bytes == ADTS_HEADER {
        return None;
    }
    let first = ADTS_HEADER + 2 * (blocks - 1) + CRC;
    let mut starts = vec![first];
    for position in bytes.get(ADTS_HEADER..first - CRC)?.chunks_exact(2) {
        starts.push(first + usize::from(u16::from_be_bytes([position[0], position[1]])));
    }
    starts.push(bytes.len());
    starts
        .windows(2)
        .map(|bounds| {
            let end = bounds[1].checked_sub(CRC)?;
            (bounds[0] <= end && end <= bytes.len()).then(|| bytes.slice(bounds[0]..end))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{demux_stream, mux};
    use proptest::prelude::*;

    fn stream(rate: u32, channels: usize) -> StreamParams {
        stream_params(&AacConfig::lc(rate, channels).unwrap(), TimeBase::hz(rate))
    }

    fn packets(sizes: &[usize]) -> Vec<Packet> {
        let packet = |(index, size): (usize, &usize)| Packet {
            duration: 1_024,
            ..Packet::new(0, index as i64 * 1_024, Bytes::from(vec![0x21 + index as u8; *size]))
        };
        sizes.iter().enumerate().map(packet).collect()
    }

    #[test]
    fn garbage_and_tags_are_skipped_and_said() {
        let written = packets(&[30, 40, 50, 60]);
        let frames: Vec<_> = written
            .iter()
            .map(|packet| mux(AdtsMuxer::new(), &[stream(44_100, 2)], std::slice::from_ref(packet)))
            .collect();
        let tag = b"ID3\x04\0\0\0\0\0\x03abc";
        let file =
            [&tag[..], &frames[0], &frames[1], b"\xFF\xF1garbage", &frames[2], &frames[3], b"TAG tail"]
                .concat();
        for step in [1, 7, 64, 4_096] {
            let read = demux_stream(AdtsDemuxer::new(Source::default()), &file, step).unwrap();
            assert_eq!(read.packets, written);
            assert_eq!(read.changes, [(2, DemuxEvent::Discontinuity)]);
        }
    }

    #[test]
    fn a_new_rate_is_told_and_time_goes_on() {
        let first = mux(AdtsMuxer::new(), &[stream(48_000, 2)], &packets(&[10; 3]));
        let second = mux(AdtsMuxer::new(), &[stream(24_000, 1)], &packets(&[11; 2]));
        let read = demux_stream(AdtsDemuxer::new(Source::default()), &[first, second].concat(), 99).unwrap();
        let times: Vec<_> = read.packets.iter().map(|packet| (packet.pts, packet.duration)).collect();
        assert_eq!(times, [(0, 1_024), (1_024, 1_024), (2_048, 1_024), (3_072, 2_048), (5_120, 2_048)]);
        let [(3, DemuxEvent::Params { stream: 0, params })] = &read.changes[..] else { panic!() };
        assert_eq!(
            (params.time_base, params.as_audio().map(|audio| audio.rate)),
            (TimeBase::hz(48_000), Some(24_000))
        );
    }

    #[test]
    fn several_blocks_behind_one_header_with_crc() {
        let config = AacConfig::lc(48_000, 2).unwrap();
        let body = [&[0u8, 5, 0xAA, 0xAA][..], b"one..", b"three", &[0, 0]].concat();
        let mut frame = Adts::header(&config, body.len()).unwrap().to_vec();
        frame[1] &= !1; // a CRC follows
        frame[6] |= 1; // two blocks
        frame.extend(body);
        let read = demux_stream(AdtsDemuxer::new(Source::default()), &frame, 64).unwrap();
        assert_eq!(read.packets.iter().map(|p| &p.data[..]).collect::<Vec<_>>(), [&b"one"[..], b"three"]);
        assert_eq!(read.packets[1].pts, 1_024);
    }

    #[test]
    fn an_input_without_a_frame_is_an_error() {
        assert!(demux_stream(AdtsDemuxer::new(Source::default()), &[0xFF; 3_000], 100).is_err());
        let mut demuxer = AdtsDemuxer::new(Source::default());
        demuxer.finish();
        assert!(demuxer.step().is_err());
        assert_eq!(demuxer.step(), Ok(DemuxStep::End), "after an error comes the end");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(sizes in prop::collection::vec(0usize..2_000, 1..20), step in 1usize..3_000, channels in 1usize..7) {
            let written = packets(&sizes);
            let stream = stream(48_000, channels);
            let file = mux(AdtsMuxer::new(), std::slice::from_ref(&stream), &written);
            let read = demux_stream(AdtsDemuxer::new(Source::default()), &file, step).unwrap();
            prop_assert_eq!(read.packets, written);
            prop_assert_eq!(read.streams, [stream]);
        }

        #[test]
        fn damage_is_skipped_or_refused(
            sizes in prop::collection::vec(0usize..200, 1..8),
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
            step in 1usize..500,
        ) {
            let mut file = mux(AdtsMuxer::new(), &[stream(48_000, 2)], &packets(&sizes));
            for (at, byte) in flips {
                let at = at.index(file.len());
                file[at] = byte;
            }
            let _ = demux_stream(AdtsDemuxer::new(Source::default()), &file, step);
        }
    }
}
