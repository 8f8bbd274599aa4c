//! Our H.264 encoder and our decoder against each other.
#![cfg(feature = "h264")]
// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

use brooklet_codec::{DecoderOptions, EncoderConfig, VideoEncode, open_decoder, open_encoder};
use brooklet_media::bitstream::h264::AvcConfig;
use brooklet_media::{
    Color, Control, Decoder, Encoder, Frame, FramePool, Matrix, Packet, PixelFormat, Range, Rational,
    VideoFrame,
};

const RATE: u32 = 25;

fn config(width: u32, height: u32, bit_rate: u64) -> VideoEncode {
    let video = VideoEncode::new(width, height, PixelFormat::Yuv420p, Rational::whole(RATE)).unwrap();
    VideoEncode { bit_rate: Some(bit_rate), live: true, ..video }
}

fn encoder(video: VideoEncode) -> Box<dyn Encoder> {
    open_encoder(&EncoderConfig::video("h264", video)).unwrap()
}

/// A texture that moves two pixels a picture, on a slope of light.
fn picture(pool: &FramePool, width: u32, height: u32, index: i64) -> VideoFrame {
    let mut frame = VideoFrame::new(pool, PixelFormat::Yuv420p, width, height).unwrap();
    let strides = [0, 1, 2].map(|plane| frame.stride(plane));
    for (plane, rows) in frame.planes_mut().into_iter().enumerate() {
        for (y, row) in rows.chunks_exact_mut(strides[plane]).enumerate() {
            for (x, sample) in row.iter_mut().enumerate() {
                let (x, y) = (x as f32 + 2.0 * index as f32, y as f32);
                let wave = (x * 0.21).sin() * (y * 0.17).cos() * 50.0 + (x * 0.9 + y * 0.7).sin() * 12.0;
                *sample = (110.0 + wave + y * 0.1) as u8;
            }
        }
    }
    (frame.pts, frame.time_base) = (index, Rational::whole(RATE).time_base().unwrap());
    frame
}

/// Encodes `count` pictures, each packet checked to come at once.
fn encode(encoder: &mut dyn Encoder, size: (u32, u32), count: i64) -> Vec<Packet> {
    let pool = FramePool::new();
    let mut packets = Vec::new();
    for index in 0..count {
        encoder.encode(&Frame::Video(picture(&pool, size.0, size.1, index))).unwrap();
        let packet = encoder.poll_packet().unwrap();
        assert_eq!((packet.pts, packet.dts, packet.duration), (index, index, 1));
        assert_eq!(encoder.poll_packet(), None);
        packets.push(packet);
    }
    packets
}

fn next_picture(decoder: &mut dyn Decoder) -> Option<VideoFrame> {
    decoder.poll_frame().map(|frame| match frame {
        Frame::Video(frame) => frame,
        Frame::Audio(_) => panic!("sound"),
    })
}

fn psnr(a: &VideoFrame, b: &VideoFrame) -> f64 {
    let (mut error, mut count) = (0.0, 0.0);
    for (left, right) in a.rows(0).zip(b.rows(0)) {
        for (left, right) in left.iter().zip(right) {
            error += (f64::from(*left) - f64::from(*right)).powi(2);
            count += 1.0;
        }
    }
    10.0 * (255.0 * 255.0 * count / f64::max(error, 1e-9)).log10()
}

#[test]
fn a_round_trip_keeps_pictures_times_and_colour() {
    let size = (178, 100); // not whole macroblocks
    let mut video = config(size.0, size.1, 600_000);
    video.color = Color { range: Range::Full, matrix: Matrix::Bt709 };
    video.sample_aspect = Rational::new(4, 3).unwrap();
    let mut encoder = encoder(video.clone());
    let packets = encode(&mut *encoder, size, 25);
    let mut decoder = open_decoder(encoder.params(), &DecoderOptions::default()).unwrap();
    let pool = FramePool::new();
    for packet in &packets {
        decoder.decode(packet).unwrap();
        let frame = next_picture(&mut *decoder).expect("a picture for each packet, at once");
        assert_eq!((frame.pts, frame.width(), frame.height()), (packet.pts, size.0, size.1));
        assert_eq!((frame.color, frame.sample_aspect), (video.color, video.sample_aspect));
        assert_eq!(frame.key, packet.key);
        let source = picture(&pool, size.0, size.1, packet.pts);
        let quality = psnr(&frame, &source);
        assert!(quality > 32.0, "picture {} has {quality:.1} dB", packet.pts);
    }
}

#[test]
fn parameter_sets_are_out_of_band_and_say_that_nothing_is_reordered() {
    let encoder = encoder(config(320, 180, 400_000));
    let sps = AvcConfig::parse(&encoder.params().extradata).unwrap().first_sps().unwrap();
    assert_eq!((sps.width, sps.height, sps.reorder), (320, 180, Some(0)));
    assert_eq!((sps.frame_rate, sps.level_idc), (Some(Rational::whole(RATE)), 12));
}

#[test]
fn key_frames_come_when_due_and_when_asked_for() {
    let mut encoder = encoder(VideoEncode { gop: Some(10), ..config(64, 48, 100_000) });
    let pool = FramePool::new();
    let mut keys = Vec::new();
    for index in 0..30 {
        let mut frame = picture(&pool, 64, 48, index);
        frame.key = index == 4;
        if index == 17 {
            encoder.control(Control::KeyFrame);
        }
        encoder.encode(&Frame::Video(frame)).unwrap();
        if encoder.poll_packet().unwrap().key {
            keys.push(index);
        }
    }
    assert_eq!(keys, [0, 4, 14, 17, 27]);
}

#[test]
fn the_first_second_and_every_later_one_keep_to_the_bit_rate() {
    let target = 300_000;
    let packets = encode(&mut *encoder(config(320, 180, target)), (320, 180), 75);
    for (second, packets) in packets.chunks(RATE as usize).enumerate() {
        let bits: usize = packets.iter().map(|packet| packet.data.len() * 8).sum();
        assert!(bits as f64 <= 1.3 * target as f64, "second {second} has {bits} bits");
    }
}

#[test]
fn a_new_bit_rate_counts_from_the_next_key_frame() {
    let mut encoder = encoder(VideoEncode { gop: Some(25), ..config(320, 180, 600_000) });
    let before = encoder.params().clone();
    encode(&mut *encoder, (320, 180), 20);
    encoder.control(Control::Bitrate(150_000));
    let packets = encode(&mut *encoder, (320, 180), 55);
    // The key frame itself is still as fine as at the start; the second after it is not.
    let bits: usize = packets[30..55].iter().map(|packet| packet.data.len() * 8).sum();
    assert!(packets[5].key && packets[30].key && bits < 195_000, "{bits} bits");
    assert_eq!(encoder.params().bit_rate, Some(150_000));
    assert_eq!(encoder.params().extradata, before.extradata);
}

#[test]
fn constant_quality_and_every_profile_decode() {
    for profile in ["baseline", "main", "high"] {
        let video = VideoEncode {
            bit_rate: None,
            quality: Some(20.0),
            profile: Some(profile.into()),
            ..config(64, 64, 0)
        };
        let mut encoder = encoder(video);
        let packets = encode(&mut *encoder, (64, 64), 4);
        let mut decoder = open_decoder(encoder.params(), &DecoderOptions::default()).unwrap();
        packets.iter().for_each(|packet| decoder.decode(packet).unwrap());
        let frame = next_picture(&mut *decoder).unwrap();
        assert!(psnr(&frame, &picture(&FramePool::new(), 64, 64, 0)) > 38.0, "{profile}");
    }
}

#[test]
fn frames_of_another_shape_are_refused() {
    let mut encoder = encoder(config(64, 48, 100_000));
    let other = picture(&FramePool::new(), 48, 64, 0);
    assert!(encoder.encode(&Frame::Video(other)).is_err());
    assert!(open_encoder(&EncoderConfig::video("h264", config(63, 48, 100_000))).is_err());
    let rgb = VideoEncode { format: PixelFormat::Rgb24, ..config(64, 48, 100_000) };
    let refused = open_encoder(&EncoderConfig::video("libx264", rgb)).err().unwrap().to_string();
    assert_eq!(refused, "pixel format rgb24 in h264 is not supported; supported: yuv420p");
}
