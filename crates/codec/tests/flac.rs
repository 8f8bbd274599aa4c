//! Our FLAC encoder and our decoder against each other: every sample comes back.
#![cfg(feature = "flac")]
// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

use brooklet_codec::{AudioEncode, DecoderOptions, EncoderConfig, open_decoder, open_encoder};
use brooklet_media::bitstream::flac::{FlacFrameHeader, StreamInfo, crc16};
use brooklet_media::{
    AudioFrame, ChannelLayout, Encoder, Frame, FramePool, Packet, SampleFormat, StreamParams,
};

const RATE: u32 = 48_000;

fn encoder(format: SampleFormat, layout: ChannelLayout, level: Option<u8>) -> Box<dyn Encoder> {
    let sound = AudioEncode { complexity: level, ..AudioEncode::new(RATE, layout, format) };
    open_encoder(&EncoderConfig::audio("flac", sound)).unwrap()
}

/// A sample of a voice that is loud now and then, of 16 or of 24 bits in 32.
fn sample(format: SampleFormat, channel: usize, at: usize) -> i32 {
    let noise = (at as u32 ^ (channel as u32) << 20).wrapping_mul(2_654_435_761) >> 22;
    let tone = 6_000.0 * (at as f64 * 0.03 * (channel + 1) as f64).sin();
    let short =
        if at % 5_000 < 40 { [i16::MAX, i16::MIN][at % 2].into() } else { tone as i32 + noise as i32 };
    if format == SampleFormat::S16 { short } else { (short << 16) | ((noise as i32 & 0xFF) << 8) }
}

fn frame(format: SampleFormat, layout: ChannelLayout, from: usize, samples: usize) -> Frame {
    let mut frame = AudioFrame::new(&FramePool::new(), format, RATE, layout, samples).unwrap();
    frame.pts = from as i64;
    let channels = layout.channels();
    for index in 0..samples * channels {
        let value = sample(format, index % channels, from + index / channels);
        match format {
            SampleFormat::S16 => frame.typed_mut::<i16>(0)[index] = value as i16,
            _ => frame.typed_mut::<i32>(0)[index] = value,
        }
    }
    Frame::Audio(frame)
}

fn encode(encoder: &mut dyn Encoder, shape: (SampleFormat, ChannelLayout), total: usize) -> Vec<Packet> {
    let mut packets = Vec::new();
    for from in (0..total).step_by(1_000) {
        encoder.encode(&frame(shape.0, shape.1, from, 1_000.min(total - from))).unwrap();
        packets.extend(std::iter::from_fn(|| encoder.poll_packet()));
    }
    encoder.flush().unwrap();
    packets.extend(std::iter::from_fn(|| encoder.poll_packet()));
    packets
}

/// Interleaved.
fn decode(params: &StreamParams, packets: &[Packet]) -> Vec<i32> {
    let mut decoder = open_decoder(params, &DecoderOptions::default()).unwrap();
    let mut out = Vec::new();
    for packet in packets {
        decoder.decode(packet).unwrap();
        while let Some(Frame::Audio(frame)) = decoder.poll_frame() {
            for index in 0..frame.samples() * frame.layout().channels() {
                let (channel, at) = (index % frame.layout().channels(), index / frame.layout().channels());
                out.push(match frame.format() {
                    SampleFormat::S16p => frame.typed::<i16>(channel)[at].into(),
                    SampleFormat::S32p => frame.typed::<i32>(channel)[at],
                    other => panic!("{other}"),
                });
            }
        }
    }
    out
}

#[test]
fn every_sample_comes_back() {
    for format in [SampleFormat::S16, SampleFormat::S32] {
        for layout in [ChannelLayout::Mono, ChannelLayout::Stereo, ChannelLayout::FiveOne] {
            for (total, level) in [(12_345, None), (1, None), (4_608, Some(0)), (20_001, Some(12))] {
                let mut encoder = encoder(format, layout, level);
                let packets = encode(encoder.as_mut(), (format, layout), total);
                let expected: Vec<_> = (0..total * layout.channels())
                    .map(|index| sample(format, index % layout.channels(), index / layout.channels()))
                    .collect();
                assert!(decode(encoder.params(), &packets) == expected, "{format} {layout} {total}");
                let info = StreamInfo::parse(&encoder.params().extradata).unwrap();
                let most = packets.iter().map(|packet| packet.data.len() as u32).max();
                assert_eq!((info.samples, Some(info.max_frame)), (total as u64, most));
            }
        }
    }
}

#[test]
fn frames_are_numbered_checked_and_prompt() {
    let shape = (SampleFormat::S16, ChannelLayout::Stereo);
    let mut encoder = encoder(shape.0, shape.1, None);
    let early = encoder.params().clone();
    let packets = encode(encoder.as_mut(), shape, 3 * 4_608 + 5);
    for (index, packet) in packets.iter().enumerate() {
        let header = FlacFrameHeader::parse(&packet.data).unwrap();
        assert_eq!((header.number, header.rate, header.variable), (index as u64, Some(RATE), false));
        assert_eq!(i64::from(header.samples), packet.duration);
        assert_eq!(crc16(&packet.data), 0);
        assert!(packet.duration * 10 <= i64::from(RATE));
    }
    assert_eq!(packets.iter().map(|packet| packet.duration).collect::<Vec<_>>(), [4_608, 4_608, 4_608, 5]);
    // Before the end, what is not known is said to be so.
    assert_eq!(StreamInfo::parse(&early.extradata).map(|info| (info.samples, info.md5)), Some((0, [0; 16])));
    assert_ne!(StreamInfo::parse(&encoder.params().extradata).unwrap().md5, [0; 16]);
    assert_eq!(decode(&early, &packets).len(), 2 * (3 * 4_608 + 5));
}

#[test]
fn damage_is_refused_or_decodes_to_something() {
    let shape = (SampleFormat::S16, ChannelLayout::Stereo);
    let mut encoder = encoder(shape.0, shape.1, None);
    let packets = encode(encoder.as_mut(), shape, 9_216);
    let mut decoder = open_decoder(encoder.params(), &DecoderOptions::default()).unwrap();
    for bit in (0..packets[0].data.len() * 8).step_by(61) {
        let mut data = packets[0].data.to_vec();
        data[bit / 8] ^= 0x80 >> (bit % 8);
        let _ = decoder.decode(&Packet { data: data.into(), ..packets[0].clone() });
        while decoder.poll_frame().is_some() {}
        decoder.decode(&packets[1]).unwrap();
        assert!(decoder.poll_frame().is_some());
    }
}
