//! Our AAC encoder and our decoder against each other.
#![cfg(feature = "aac")]
// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

use brooklet_codec::{AudioEncode, DecoderOptions, EncoderConfig, open_decoder, open_encoder};
use brooklet_media::{
    AudioFrame, ChannelLayout, Encoder, Frame, FramePool, Packet, SampleFormat, StreamParams, TimeBase,
};

const RATE: u32 = 48_000;

fn encoder(layout: ChannelLayout) -> Box<dyn Encoder> {
    let sound = AudioEncode::new(RATE, layout, SampleFormat::F32p);
    open_encoder(&EncoderConfig::audio("aac", sound)).unwrap()
}

/// A sine of its own frequency for each channel: 440 Hz, 660 Hz, 880 Hz …
fn tone(channel: usize, sample: i64) -> f32 {
    let frequency = 440.0 + 220.0 * channel as f64;
    (0.4 * (std::f64::consts::TAU * frequency * sample as f64 / f64::from(RATE)).sin()) as f32
}

fn frame(layout: ChannelLayout, from: i64, samples: usize) -> Frame {
    let mut frame = AudioFrame::new(&FramePool::new(), SampleFormat::F32p, RATE, layout, samples).unwrap();
    frame.pts = from;
    for channel in 0..layout.channels() {
        for (index, sample) in frame.typed_mut::<f32>(channel).iter_mut().enumerate() {
            *sample = tone(channel, from + index as i64);
        }
    }
    Frame::Audio(frame)
}

/// Packets of `total` samples that come in frames of `chunk`.
fn encode(layout: ChannelLayout, total: usize, chunk: usize) -> (StreamParams, Vec<Packet>) {
    let mut encoder = encoder(layout);
    let mut packets = Vec::new();
    for from in (0..total).step_by(chunk) {
        encoder.encode(&frame(layout, from as i64, chunk.min(total - from))).unwrap();
        packets.extend(std::iter::from_fn(|| encoder.poll_packet()));
    }
    encoder.flush().unwrap();
    packets.extend(std::iter::from_fn(|| encoder.poll_packet()));
    (encoder.params().clone(), packets)
}

/// Decoded sound by channel, and the pts of its first sample.
fn decode(params: &StreamParams, packets: &[Packet]) -> (i64, Vec<Vec<f32>>) {
    let mut decoder = open_decoder(params, &DecoderOptions::default()).unwrap();
    let (mut start, mut next, mut channels) = (None, 0, Vec::new());
    for packet in packets {
        decoder.decode(packet).unwrap();
        while let Some(Frame::Audio(frame)) = decoder.poll_frame() {
            start.get_or_insert(frame.pts);
            channels.resize(frame.planes(), Vec::new());
            assert!(next == 0 || frame.pts == next, "no gap");
            next = frame.pts + frame.samples() as i64;
            for (channel, out) in channels.iter_mut().enumerate() {
                out.extend_from_slice(frame.typed::<f32>(channel));
            }
        }
    }
    (start.unwrap(), channels)
}

#[test]
fn every_channel_comes_back_in_its_place_and_at_its_time() {
    for layout in [ChannelLayout::Mono, ChannelLayout::Stereo, ChannelLayout::FiveOne] {
        let total = 24_000;
        let (params, packets) = encode(layout, total, 1_000);
        assert_eq!((packets[0].pts, packets[0].trim.start), (-1_024, 1_024));
        let (start, channels) = decode(&params, &packets);
        assert_eq!((start, channels.len(), channels[0].len()), (0, layout.channels(), total));
        for (channel, samples) in channels.iter().enumerate() {
            // The fourth of six is for low frequencies only.
            if layout == ChannelLayout::FiveOne && channel == 3 {
                continue;
            }
            let inner = 2_048..total - 2_048;
            let error: f32 = inner.clone().map(|at| (samples[at] - tone(channel, at as i64)).powi(2)).sum();
            let signal: f32 = inner.map(|at| tone(channel, at as i64).powi(2)).sum();
            let ratio = 10.0 * (signal / error).log10();
            assert!(ratio > 30.0, "channel {channel} of {layout}: {ratio:.1} dB");
        }
    }
}

#[test]
fn the_length_of_frames_does_not_matter() {
    let (_, expected) = encode(ChannelLayout::Stereo, 10_000, 1_024);
    for chunk in [1, 480, 10_000] {
        assert_eq!(encode(ChannelLayout::Stereo, 10_000, chunk).1, expected);
    }
}

#[test]
fn a_gap_in_time_is_a_gap_in_packets() {
    let mut encoder = encoder(ChannelLayout::Mono);
    for from in [0, 1_024, 2_048, 48_000, 49_024, 50_048] {
        encoder.encode(&frame(ChannelLayout::Mono, from, 1_024)).unwrap();
    }
    let pts: Vec<i64> = std::iter::from_fn(|| encoder.poll_packet()).map(|packet| packet.pts).collect();
    assert_eq!(pts, [-1_024, 0, 1_024, 2_048, 48_000, 49_024]);
}

#[test]
fn samples_that_are_too_loud_or_no_number_do_not_stop_it() {
    let mut encoder = encoder(ChannelLayout::Mono);
    let mut sound =
        AudioFrame::new(&FramePool::new(), SampleFormat::F32p, RATE, ChannelLayout::Mono, 4_096).unwrap();
    let strange = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 7.0, -7.0];
    for (index, sample) in sound.typed_mut::<f32>(0).iter_mut().enumerate() {
        *sample = strange[index % strange.len()];
    }
    encoder.encode(&Frame::Audio(sound)).unwrap();
    encoder.flush().unwrap();
    assert_eq!(std::iter::from_fn(|| encoder.poll_packet()).count(), 5);
}

#[test]
fn an_end_without_a_beginning_is_quiet() {
    let mut encoder = encoder(ChannelLayout::Mono);
    encoder.flush().unwrap();
    assert_eq!(encoder.poll_packet(), None);
}

#[test]
fn damaged_units_cost_themselves_only() {
    let (params, packets) = encode(ChannelLayout::Stereo, 12_000, 1_024);
    for bit in (0..packets[4].data.len() * 8).step_by(7) {
        let mut decoder = open_decoder(&params, &DecoderOptions::default()).unwrap();
        let mut frames = 0;
        for (index, packet) in packets.iter().enumerate() {
            let mut packet = packet.clone();
            if index == 4 {
                let mut data = packet.data.to_vec();
                data[bit / 8] ^= 0x80 >> (bit % 8);
                packet.data = data.into();
            }
            let _ = decoder.decode(&packet);
            frames += std::iter::from_fn(|| decoder.poll_frame()).count();
        }
        // The first packet holds nothing to be heard.
        assert!((packets.len() - 2..packets.len()).contains(&frames), "{frames} frames, bit {bit}");
    }
}

#[test]
fn times_are_in_ticks_of_the_stream() {
    let (mut params, mut packets) = encode(ChannelLayout::Mono, 4_096, 1_024);
    params.time_base = TimeBase::MPEG;
    for packet in &mut packets {
        packet.pts = TimeBase::hz(RATE).rescale(packet.pts, TimeBase::MPEG) + 90_000;
    }
    let mut decoder = open_decoder(&params, &DecoderOptions::default()).unwrap();
    packets.iter().for_each(|packet| decoder.decode(packet).unwrap());
    let first = decoder.poll_frame().unwrap();
    assert_eq!((first.pts(), first.time_base()), (90_000, TimeBase::MPEG));
}
