//! Streams made of nothing: access units that look right to a container.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses a part, and may panic"
)]

use brooklet_media::bitstream::aac::AacConfig;
use brooklet_media::bitstream::h264::AvcConfig;
use brooklet_media::bitstream::nal;
use brooklet_media::bitstream::opus::OpusHead;
use brooklet_media::{
    AudioParams, ChannelLayout, CodecId, DemuxEvent, DemuxStep, Demuxer, Interleaver, Muxer, Packet, Piece,
    Source, StreamParams, TimeBase,
};
use brooklet_mpegts::{TsDemuxer, TsMuxer, TsMuxerOptions};
use bytes::Bytes;

/// x264, 1280x720, High, 30 fps.
const SPS: &[u8] = &[
    0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x6c, 0x80, 0x00, 0x00, 0x03, 0x00,
    0x80, 0x00, 0x00, 0x1e, 0x07, 0x8c, 0x18, 0xcb,
];
const PPS: &[u8] = &[0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0];

/// An H.264 stream.
pub fn h264(time_base: TimeBase) -> StreamParams {
    let config = AvcConfig::from_units([SPS, PPS]).unwrap();
    let video = config.first_sps().unwrap().video_params();
    StreamParams { extradata: config.build(), ..StreamParams::video(CodecId::H264, time_base, video) }
}

/// An AAC stream.
pub fn aac(rate: u32, time_base: TimeBase) -> StreamParams {
    let config = AacConfig::lc(rate, 2).unwrap();
    let params = StreamParams::audio(CodecId::Aac, time_base, config.audio_params());
    StreamParams { extradata: config.build(), ..params }
}

/// An Opus stream.
pub fn opus(pre_skip: u16) -> StreamParams {
    let extradata = OpusHead { channels: 2, pre_skip, input_rate: 48_000, family: 0 }.build();
    let audio = AudioParams::new(48_000, ChannelLayout::Stereo);
    StreamParams { extradata, ..StreamParams::audio(CodecId::Opus, TimeBase::hz(48_000), audio) }
}

/// A picture of one slice for each of `sizes`.
pub fn picture(key: bool, sizes: &[usize]) -> Bytes {
    let slice = |(index, size): (usize, &usize)| {
        let header = [if key { 0x65 } else { 0x41 }, if index == 0 { 0x88 } else { 0x44 }];
        let body = (0..*size).map(|byte| (byte % 255 + 1) as u8);
        header.into_iter().chain(body).collect::<Vec<_>>()
    };
    let slices: Vec<_> = sizes.iter().enumerate().map(slice).collect();
    nal::to_length_prefixed(slices.iter().map(Vec::as_slice))
}

/// Pictures at a constant rate, a key frame of ten times the size every `gop`, two B-frames where `b_frames`.
pub struct Pictures {
    pub stream: usize,
    /// Ticks of the stream for a picture.
    pub step: i64,
    pub count: i64,
    pub gop: i64,
    pub size: usize,
    pub b_frames: bool,
}

impl Pictures {
    pub fn packets(&self, start: i64) -> Vec<Packet> {
        let packet = |index: i64| {
            let key = index % self.gop == 0;
            let later = if !self.b_frames || index % 3 != 0 { i64::from(self.b_frames) } else { 3 };
            let dts = start + index * self.step;
            Packet {
                dts,
                key,
                duration: self.step,
                ..Packet::new(
                    self.stream,
                    dts + later * self.step,
                    picture(key, &[if key { 10 * self.size } else { self.size }]),
                )
            }
        };
        (0..self.count).map(packet).collect()
    }
}

/// Sound in packets of `samples` each, in a stream that counts samples.
pub fn sound(stream: usize, start: i64, samples: i64, count: i64, size: usize) -> Vec<Packet> {
    let data = Bytes::from((0..size).map(|byte| byte as u8 | 1).collect::<Vec<_>>());
    let packet = |index: i64| Packet {
        duration: samples,
        ..Packet::new(stream, start + index * samples, data.clone())
    };
    (0..count).map(packet).collect()
}

/// All packets of all streams, interleaved and muxed.
pub fn mux(options: TsMuxerOptions, streams: &[StreamParams], packets: Vec<Vec<Packet>>) -> Vec<Piece> {
    let mut muxer = TsMuxer::new(options);
    let mut queue = Interleaver::file();
    for params in streams {
        muxer.add_stream(params).unwrap();
        queue.add_stream(params.time_base);
    }
    muxer.start(&vec![]).unwrap();
    packets.into_iter().flatten().for_each(|packet| queue.push(packet));
    queue.end_all();
    let mut pieces = Vec::new();
    while let Some(packet) = queue.pop() {
        muxer.write(&packet).unwrap();
        pieces.extend(std::iter::from_fn(|| muxer.poll_piece()));
    }
    muxer.finish().unwrap();
    pieces.extend(std::iter::from_fn(|| muxer.poll_piece()));
    pieces
}

/// The bytes of all pieces.
pub fn bytes(pieces: &[Piece]) -> Vec<u8> {
    pieces.iter().flat_map(|piece| piece.bytes.iter().copied()).collect()
}

/// What a demuxer makes of `bytes`, given in parts of `step`: its events, and the error it ended with.
pub fn demux(bytes: &[u8], step: usize) -> (Vec<DemuxEvent>, Option<brooklet_media::Error>) {
    let mut demuxer = TsDemuxer::new(Source::default());
    let (mut events, mut at) = (Vec::new(), 0);
    loop {
        match demuxer.step() {
            Ok(DemuxStep::Read(place)) => {
                assert_eq!(place, at as u64);
                let part = &bytes[at..bytes.len().min(at + step)];
                at += part.len();
                match part {
                    [] => demuxer.finish(),
                    _ => demuxer.push(Bytes::copy_from_slice(part)),
                }
            }
            Ok(DemuxStep::Event(event)) => events.push(event),
            Ok(DemuxStep::End) => return (events, None),
            Err(error) => return (events, Some(error)),
        }
    }
}

/// The packets of one stream.
pub fn packets_of(events: &[DemuxEvent], stream: usize) -> Vec<Packet> {
    let packet = |event: &DemuxEvent| match event {
        DemuxEvent::Packet(packet) if packet.stream == stream => Some(packet.clone()),
        _ => None,
    };
    events.iter().filter_map(packet).collect()
}
