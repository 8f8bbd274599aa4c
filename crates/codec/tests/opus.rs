//! Our Opus encoder and our decoder against each other.
#![cfg(feature = "opus")]
// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::time::Duration;

use brooklet_codec::{DecoderOptions, OpusApplication, OpusEncode, open_decoder};
use brooklet_media::bitstream::opus::{OpusHead, packet_samples};
use brooklet_media::{ChannelLayout, Control, Decoder, Frame, Packet, SampleFormat, StreamParams, TimeBase};
use support::{Case, decode, samples};

fn case(rate: u32, layout: ChannelLayout) -> Case {
    let opus = OpusEncode::DEFAULT;
    Case { codec: "libopus", format: SampleFormat::F32, rate, layout, bit_rate: Some(96_000), opus }
}

fn decoder(params: &StreamParams) -> Box<dyn Decoder> {
    open_decoder(params, &DecoderOptions::default()).unwrap()
}

#[test]
fn every_rate_and_length_comes_back_whole_and_at_its_time() {
    for (rate, tenths) in [
        (48_000, 25),
        (48_000, 50),
        (48_000, 200),
        (24_000, 100),
        (16_000, 600),
        (12_000, 400),
        (8_000, 200),
        (48_000, 1_200),
    ] {
        for layout in [ChannelLayout::Mono, ChannelLayout::Stereo] {
            let mut case = case(rate, layout);
            case.opus.frame_duration = Duration::from_micros(tenths * 100);
            let total = rate as usize / 2 + 7;
            let (params, packets) = case.encode(total, 1_000);
            let head = OpusHead::parse(&params.extradata).unwrap();
            assert_eq!((head.input_rate, head.channels), (rate, layout.channels() as u8));
            assert_eq!((packets[0].pts, params.time_base), (-i64::from(head.pre_skip), TimeBase::hz(48_000)));
            let length = tenths as u32 * 48 / 10;
            assert!(packets.iter().all(|packet| packet_samples(&packet.data) == Some(length)), "{case:?}");
            let (start, channels) = decode(&params, &packets);
            let factor = 48_000 / rate;
            assert_eq!(
                (start, channels.len(), channels[0].len()),
                (0, layout.channels(), total * factor as usize)
            );
            for (channel, samples) in channels.iter().enumerate() {
                let ratio = Case { rate: 48_000, ..case.clone() }.ratio(channel, samples);
                assert!(ratio > 12.0, "channel {channel} of {case:?}: {ratio:.1} dB");
            }
        }
    }
}

#[test]
fn a_packet_is_out_with_its_last_sample_and_the_bit_rate_follows() {
    let mut case = case(48_000, ChannelLayout::Stereo);
    case.opus.constant_rate = true;
    let mut encoder = case.encoder();
    for (index, bit_rate) in [96_000, 32_000, 128_000].into_iter().enumerate() {
        encoder.control(Control::Bitrate(bit_rate));
        for part in 0..4 {
            encoder.encode(&case.frame(index as i64 * 960 + part * 240, 240)).unwrap();
            let packet = encoder.poll_packet();
            assert_eq!(
                packet.map(|packet| packet.data.len()),
                (part == 3).then_some(bit_rate as usize / 400)
            );
        }
    }
}

/// Something like speech: a buzz whose pitch and loudness change.
fn voice(sample: i64) -> f32 {
    let time = sample as f64 / 48_000.0;
    let phase = std::f64::consts::TAU * (120.0 * time + 4.0 * (3.0 * time).sin());
    let buzz: f64 = (1..20).map(|n| (phase * f64::from(n)).sin() / f64::from(n)).sum();
    (0.15 * buzz * (1.2 + (std::f64::consts::TAU * 4.0 * time).sin())) as f32
}

/// The error against what a decoder without loss gives, over what every fifth packet should have been.
fn error_of_lost(params: &StreamParams, packets: &[Packet], use_next: bool) -> f32 {
    let (mut whole, mut lossy) = (decoder(params), decoder(params));
    let (mut error, mut signal) = (0.0, 0.0);
    for (index, packet) in packets.iter().enumerate() {
        whole.decode(packet).unwrap();
        let lost = index % 5 == 4 && index + 1 < packets.len();
        if lost {
            let next = use_next.then_some(&packets[index + 1]);
            assert!(lossy.conceal(packet.pts, packet.duration, next).unwrap());
        } else {
            lossy.decode(packet).unwrap();
        }
        let pair = (whole.poll_frame(), lossy.poll_frame());
        if let (Some(Frame::Audio(expected)), Some(Frame::Audio(got))) = pair
            && lost
        {
            assert_eq!((got.pts, got.samples()), (packet.pts, 960));
            for (a, b) in samples(&expected, 0).iter().zip(samples(&got, 0)) {
                error += (a - b).powi(2);
                signal += a.powi(2);
            }
        }
    }
    error / signal
}

#[test]
fn what_is_lost_is_made_up_for_and_better_with_fec() {
    let mut case = case(48_000, ChannelLayout::Mono);
    case.bit_rate = Some(32_000);
    case.opus =
        OpusEncode { application: OpusApplication::Voip, fec: true, packet_loss: 20, ..OpusEncode::DEFAULT };
    let mut encoder = case.encoder();
    encoder.encode(&case.frame_of(0, 96_000, |_, at| voice(at))).unwrap();
    let packets: Vec<_> = std::iter::from_fn(|| encoder.poll_packet()).collect();
    let (alone, with_next) =
        (error_of_lost(encoder.params(), &packets, false), error_of_lost(encoder.params(), &packets, true));
    assert!(alone < 1.5, "concealment is no worse than silence by much: {alone}");
    assert!(with_next < 0.5 * alone, "{with_next} with FEC, {alone} without");
}

#[test]
fn a_long_gap_is_filled_to_the_sample() {
    let (params, packets) = case(48_000, ChannelLayout::Stereo).encode(9_600, 960);
    for (gap, next) in [(960, None), (9_600, Some(&packets[3])), (120, None), (1_920, Some(&packets[3]))] {
        let mut decoder = decoder(&params);
        packets[..3].iter().for_each(|packet| decoder.decode(packet).unwrap());
        while decoder.poll_frame().is_some() {}
        assert!(decoder.conceal(packets[3].pts, gap, next).unwrap());
        let mut expected = packets[3].pts;
        while let Some(Frame::Audio(frame)) = decoder.poll_frame() {
            assert_eq!(frame.pts, expected);
            expected += frame.samples() as i64;
        }
        assert_eq!(expected - packets[3].pts, gap);
    }
}

#[test]
fn what_is_strange_does_not_stop_it() {
    let strange = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 7.0, -7.0, f32::MIN_POSITIVE];
    for bit_rate in [1, 64_000, u64::MAX] {
        let case = Case { bit_rate: Some(bit_rate), ..case(16_000, ChannelLayout::Stereo) };
        let mut encoder = case.encoder();
        encoder.encode(&case.frame_of(0, 9_999, |c, at| strange[(at as usize + c) % 6])).unwrap();
        encoder.flush().unwrap();
        let packets: Vec<_> = std::iter::from_fn(|| encoder.poll_packet()).collect();
        assert_eq!(decode(encoder.params(), &packets).1[0].len(), 29_997);
    }
}

#[test]
fn damage_costs_no_more_than_its_packet() {
    for application in [OpusApplication::Audio, OpusApplication::Voip, OpusApplication::LowDelay] {
        let mut case = case(48_000, ChannelLayout::Stereo);
        case.opus.application = application;
        case.bit_rate = Some(24_000);
        let (params, packets) = case.encode(9_600, 960);
        let mut decoder = decoder(&params);
        for bit in (0..packets[4].data.len() * 8).step_by(3) {
            let mut data = packets[4].data.to_vec();
            data[bit / 8] ^= 0x80 >> (bit % 8);
            let _ = decoder.decode(&Packet { data: data.into(), ..packets[4].clone() });
            decoder.decode(&packets[5]).unwrap();
        }
        for length in 0..packets[4].data.len() {
            let _ = decoder.decode(&Packet { data: packets[4].data.slice(..length), ..packets[4].clone() });
        }
        assert!(std::iter::from_fn(|| decoder.poll_frame()).count() > 100);
    }
}
