//! Our MP3 encoder and our decoder against each other.
#![cfg(feature = "mp3")]
// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use brooklet_codec::{DecoderOptions, OpusEncode, open_decoder};
use brooklet_media::bitstream::mpeg_audio::MpegAudioHeader;
use brooklet_media::{ChannelLayout, Control, SampleFormat};
use support::{Case, decode};

const RATES: [u32; 9] = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];

fn case(rate: u32, layout: ChannelLayout) -> Case {
    Case {
        codec: "mp3",
        format: SampleFormat::F32p,
        rate,
        layout,
        bit_rate: Some(64_000),
        opus: OpusEncode::DEFAULT,
    }
}

#[test]
fn every_rate_comes_back_whole_and_at_its_time() {
    for rate in RATES {
        for layout in [ChannelLayout::Mono, ChannelLayout::Stereo] {
            let case = case(rate, layout);
            let total = rate as usize / 2 + 7;
            let (params, packets) = case.encode(total, 1_000);
            assert_eq!((packets[0].pts, params.bit_rate), (-1_057, Some(64_000)), "{case:?}");
            let (start, channels) = decode(&params, &packets);
            assert_eq!((start, channels.len(), channels[0].len()), (0, layout.channels(), total), "{case:?}");
            for (channel, samples) in channels.iter().enumerate() {
                let ratio = case.ratio(channel, samples);
                assert!(ratio > 25.0, "channel {channel} of {case:?}: {ratio:.1} dB");
            }
        }
    }
}

#[test]
fn a_frame_is_out_with_its_last_sample() {
    for rate in RATES {
        let case = case(rate, ChannelLayout::Mono);
        let mut encoder = case.encoder();
        let samples = if rate < 32_000 { 576 } else { 1_152 };
        let mut frames = 0;
        for from in (0..10 * samples).step_by(64) {
            encoder.encode(&case.frame(from, 64)).unwrap();
            frames += std::iter::from_fn(|| encoder.poll_packet()).count() as i64;
            assert_eq!(frames, (from + 64) / samples, "at {from} of {rate} Hz");
        }
    }
}

#[test]
fn the_rate_is_kept_to_the_byte() {
    let case = Case { bit_rate: Some(128_000), ..case(44_100, ChannelLayout::Stereo) };
    let (_, packets) = case.encode(44_100 * 4, 4_096);
    for (index, packet) in packets.iter().enumerate() {
        let header = MpegAudioHeader::parse(&packet.data).unwrap();
        assert_eq!((header.frame_bytes, header.bit_rate), (packet.data.len(), 128_000));
        // No bit reservoir: whoever comes in here has all that the frame needs.
        assert_eq!((packet.data[4], packet.data[5] >> 7), (0, 0), "frame {index}");
    }
    let bytes: usize = packets.iter().map(|packet| packet.data.len()).sum();
    let exact = packets.len() as f64 * 1_152.0 / 44_100.0 * 16_000.0;
    assert!((bytes as f64 - exact).abs() <= 1.0, "{bytes} bytes, {exact}");
}

#[test]
fn the_length_of_frames_does_not_matter() {
    let case = case(48_000, ChannelLayout::Stereo);
    let (_, expected) = case.encode(10_000, 1_152);
    for chunk in [1, 480, 10_000] {
        assert_eq!(case.encode(10_000, chunk).1, expected);
    }
}

#[test]
fn a_sample_alone_comes_back_alone() {
    for (rate, layout) in [(48_000, ChannelLayout::Stereo), (24_000, ChannelLayout::Mono)] {
        let (params, packets) = case(rate, layout).encode(1, 1);
        assert_eq!(decode(&params, &packets).1[0].len(), 1);
    }
}

#[test]
fn samples_that_are_too_loud_or_no_number_do_not_stop_it() {
    let strange = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 7.0, -7.0, f32::MIN_POSITIVE];
    for rate in RATES {
        for bit_rate in [1, 64_000, 320_000, u64::MAX] {
            let case = Case { bit_rate: Some(bit_rate), ..case(rate, ChannelLayout::Stereo) };
            let mut encoder = case.encoder();
            encoder.encode(&case.frame_of(0, 8_192, |c, at| strange[(at as usize + c) % 6])).unwrap();
            encoder.flush().unwrap();
            let packets: Vec<_> = std::iter::from_fn(|| encoder.poll_packet()).collect();
            assert_eq!(decode(encoder.params(), &packets).1[0].len(), 8_192);
        }
    }
}

#[test]
fn the_bit_rate_can_change_on_the_way() {
    let case = case(24_000, ChannelLayout::Mono);
    let mut encoder = case.encoder();
    encoder.encode(&case.frame(0, 5_760)).unwrap();
    encoder.control(Control::Bitrate(32_000));
    encoder.encode(&case.frame(5_760, 5_760)).unwrap();
    encoder.flush().unwrap();
    let packets: Vec<_> = std::iter::from_fn(|| encoder.poll_packet()).collect();
    let lengths: Vec<_> = packets.iter().map(|packet| packet.data.len()).collect();
    assert_eq!((lengths[9], lengths[10]), (192, 96));
    assert_eq!(decode(encoder.params(), &packets).1[0].len(), 11_520);
}

#[test]
fn damaged_frames_cost_themselves_only() {
    let (params, packets) = case(24_000, ChannelLayout::Stereo).encode(12_000, 1_024);
    for bit in (0..packets[4].data.len() * 8).step_by(5) {
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
        assert!((packets.len() - 3..packets.len()).contains(&frames), "{frames} frames, bit {bit}");
    }
}
