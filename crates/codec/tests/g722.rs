//! G.722 against what others make of the same, and against itself.
#![cfg(feature = "g722")]
// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

use brooklet_codec::{AudioEncode, DecoderOptions, EncoderConfig, open_decoder, open_encoder};
use brooklet_media::{
    AudioFrame, ChannelLayout, Encoder, Error, Frame, FramePool, Packet, SampleFormat, StreamParams,
};

const RATE: u32 = 16_000;

fn encoder() -> Box<dyn Encoder> {
    let sound = AudioEncode::new(RATE, ChannelLayout::Mono, SampleFormat::S16);
    open_encoder(&EncoderConfig::audio("g722", sound)).unwrap()
}

/// Frames of `chunk` samples in, all packets out.
fn encode(samples: &[i16], chunk: usize) -> (StreamParams, Vec<Packet>) {
    let (mut encoder, mut packets) = (encoder(), Vec::new());
    for (number, samples) in samples.chunks(chunk).enumerate() {
        let pool = FramePool::new();
        let mut frame =
            AudioFrame::new(&pool, SampleFormat::S16, RATE, ChannelLayout::Mono, samples.len()).unwrap();
        frame.typed_mut::<i16>(0).copy_from_slice(samples);
        frame.pts = (number * chunk) as i64;
        encoder.encode(&Frame::Audio(frame)).unwrap();
        packets.extend(std::iter::from_fn(|| encoder.poll_packet()));
    }
    encoder.flush().unwrap();
    packets.extend(std::iter::from_fn(|| encoder.poll_packet()));
    (encoder.params().clone(), packets)
}

/// All samples, and where the first is.
fn decode(params: &StreamParams, packets: &[Packet]) -> (i64, Vec<i16>) {
    let mut decoder = open_decoder(params, &DecoderOptions::default()).unwrap();
    let (mut start, mut samples) = (None, Vec::new());
    for packet in packets {
        decoder.decode(packet).unwrap();
        while let Some(Frame::Audio(frame)) = decoder.poll_frame() {
            start.get_or_insert(frame.pts);
            samples.extend_from_slice(frame.typed::<i16>(0));
        }
    }
    (start.unwrap(), samples)
}

/// A glide from 100 Hz to 7 kHz.
fn glide() -> Vec<i16> {
    let mut phase = 0.0f64;
    let sample = |n: u32| {
        phase += std::f64::consts::TAU * (100.0 + 6_900.0 * f64::from(n) / 16_000.0) / 16_000.0;
        (phase.sin() * 12_000.0) as i16
    };
    (0..16_000).map(sample).collect()
}

/// FNV-1a of 64 bits.
fn digest(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes
        .into_iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[test]
fn every_code_is_decoded_as_others_do() {
    // Noise, so that steps and predictors are driven to their ends. The digest is of what ffmpeg 5.1 makes of it.
    let mut seed = 1u32;
    let noise: Vec<u8> = (0..16_000)
        .map(|_| {
            seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7FFF_FFFF;
            (seed >> 16) as u8
        })
        .collect();
    let (_, samples) = decode(encoder().params(), &[Packet::new(0, 0, noise.into())]);
    assert_eq!(samples.len(), 32_000);
    assert_eq!(digest(samples.iter().flat_map(|sample| sample.to_le_bytes())), 0xc017_803f_b37f_b857);
}

#[test]
fn sound_is_coded_as_others_do() {
    let (_, packets) = encode(&glide(), 16_000);
    let bytes: Vec<u8> = packets.iter().flat_map(|packet| packet.data.to_vec()).collect();
    assert_eq!(digest(bytes[..8_000].iter().copied()), 0x47c9_d3fe_16a4_5240);
}

#[test]
fn it_comes_back_whole_and_at_its_time_whatever_the_frames() {
    let sent = glide();
    for (chunk, length) in [(320, 16_000), (7, 15_999), (1, 1_001), (16_000, 2)] {
        let (params, packets) = encode(&sent[..length], chunk);
        let (start, samples) = decode(&params, &packets);
        assert_eq!((start, samples.len()), (0, length), "in frames of {chunk}");
        if length < 1_000 {
            continue;
        }
        let power = |of: &mut dyn Iterator<Item = f64>| of.map(|sample| sample * sample).sum::<f64>();
        let signal = power(&mut sent[200..length].iter().map(|sample| f64::from(*sample)));
        let pairs = sent[200..length].iter().zip(&samples[200..]);
        let noise = power(&mut pairs.map(|(sent, heard)| f64::from(*sent) - f64::from(*heard)));
        let ratio = 10.0 * (signal / noise).log10();
        assert!(ratio > 18.0, "in frames of {chunk}: {ratio:.1} dB");
    }
}

#[test]
fn more_channels_and_other_rates_are_refused() {
    for (rate, layout) in [(RATE, ChannelLayout::Stereo), (8_000, ChannelLayout::Mono)] {
        let sound = AudioEncode::new(rate, layout, SampleFormat::S16);
        let refused = open_encoder(&EncoderConfig::audio("g722", sound));
        assert!(matches!(refused, Err(Error::Unsupported { .. })), "{rate} {layout}");
    }
}
