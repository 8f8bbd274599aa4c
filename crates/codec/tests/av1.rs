//! Our AV1 encoder and our decoder against each other.
#![cfg(feature = "av1")]
// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

use brooklet_codec::{DecoderOptions, EncoderConfig, VideoEncode, open_decoder, open_encoder};
use brooklet_media::bitstream::av1::{Av1Config, OBU_SEQUENCE_HEADER, obus};
use brooklet_media::{
    Color, Control, Decoder, Encoder, Frame, FramePool, Matrix, Packet, PixelFormat, Range, Rational,
    StreamParams, VideoFrame,
};

const RATE: u32 = 25;
const SIZE: (u32, u32) = (96, 64);

fn config((width, height): (u32, u32)) -> VideoEncode {
    let video = VideoEncode::new(width, height, PixelFormat::Yuv420p, Rational::whole(RATE)).unwrap();
    VideoEncode { bit_rate: Some(300_000), live: true, ..video }
}

fn encoder(video: VideoEncode) -> Box<dyn Encoder> {
    open_encoder(&EncoderConfig::video("libaom-av1", video)).unwrap()
}

fn decoder(params: &StreamParams) -> Box<dyn Decoder> {
    open_decoder(params, &DecoderOptions::default()).unwrap()
}

/// A texture that moves two pixels a picture, on a slope of light.
fn picture(pool: &FramePool, (width, height): (u32, u32), index: i64) -> VideoFrame {
    let mut frame = VideoFrame::new(pool, PixelFormat::Yuv420p, width, height).unwrap();
    let strides = [0, 1, 2].map(|plane| frame.stride(plane));
    for (plane, rows) in frame.planes_mut().into_iter().enumerate() {
        for (y, row) in rows.chunks_exact_mut(strides[plane]).enumerate() {
            for (x, sample) in row.iter_mut().enumerate() {
                let (x, y) = (x as f32 + 2.0 * index as f32, y as f32);
                *sample = (110.0 + (x * 0.21).sin() * (y * 0.17).cos() * 50.0 + y * 0.1) as u8;
            }
        }
    }
    (frame.pts, frame.time_base) = (index, Rational::whole(RATE).time_base().unwrap());
    frame
}

fn taken(encoder: &mut dyn Encoder) -> Vec<Packet> {
    std::iter::from_fn(|| encoder.poll_packet()).collect()
}

fn encode(encoder: &mut dyn Encoder, size: (u32, u32), count: i64) -> Vec<Packet> {
    let pool = FramePool::new();
    let mut packets = Vec::new();
    for index in 0..count {
        encoder.encode(&Frame::Video(picture(&pool, size, index))).unwrap();
        packets.extend(taken(encoder));
    }
    encoder.flush().unwrap();
    packets.extend(taken(encoder));
    packets
}

fn shown(decoder: &mut dyn Decoder) -> Vec<VideoFrame> {
    let picture = |frame| match frame {
        Frame::Video(frame) => frame,
        Frame::Audio(_) => panic!("sound"),
    };
    std::iter::from_fn(|| decoder.poll_frame()).map(picture).collect()
}

fn psnr(a: &VideoFrame, b: &VideoFrame) -> f64 {
    let (mut error, mut count) = (0.0, 0.0);
    for plane in 0..3 {
        for (left, right) in a.rows(plane).zip(b.rows(plane)) {
            for (left, right) in left.iter().zip(right) {
                error += (f64::from(*left) - f64::from(*right)).powi(2);
                count += 1.0;
            }
        }
    }
    10.0 * (255.0 * 255.0 * count / f64::max(error, 1e-9)).log10()
}

#[test]
fn pictures_come_back_each_at_its_time() {
    for (live, size) in [(true, SIZE), (false, SIZE), (true, (33, 17))] {
        let mut encoder = encoder(VideoEncode { live, ..config(size) });
        let packets = encode(&mut *encoder, size, 20);
        let mut decoder = decoder(encoder.params());
        for (index, packet) in (0..).zip(&packets) {
            assert_eq!((packet.pts, packet.dts, packet.duration, packet.key), (index, index, 1, index == 0));
            decoder.decode(packet).unwrap();
            // None waits for the next.
            let pictures = shown(&mut *decoder);
            let [picture] = &pictures[..] else { panic!("{} pictures of a packet", pictures.len()) };
            assert_eq!((picture.pts, picture.duration, picture.key), (index, 1, index == 0));
            let quality = psnr(picture, &self::picture(&FramePool::new(), size, index));
            assert!(quality > 32.0, "live {live} {size:?} picture {index}: {quality:.1} dB");
        }
        assert_eq!(packets.len(), 20);
    }
}

#[test]
fn live_packets_come_a_few_pictures_late() {
    let pool = FramePool::new();
    let mut encoder = encoder(config(SIZE));
    let mut out = 0;
    for index in 0..20 {
        encoder.encode(&Frame::Video(picture(&pool, SIZE, index))).unwrap();
        out += taken(&mut *encoder).len();
        assert!(index + 1 - out as i64 <= 4, "{out} packets of {} pictures", index + 1);
    }
}

#[test]
fn key_frames_come_when_due_and_when_asked_for() {
    let mut encoder = encoder(VideoEncode { gop: Some(8), ..config(SIZE) });
    let pool = FramePool::new();
    for index in 0..20 {
        let mut frame = picture(&pool, SIZE, index);
        frame.key = index == 3;
        if index == 14 {
            encoder.control(Control::KeyFrame);
        }
        encoder.encode(&Frame::Video(frame)).unwrap();
    }
    encoder.flush().unwrap();
    let packets = taken(&mut *encoder);
    let keys: Vec<_> = packets.iter().filter(|packet| packet.key).map(|packet| packet.pts).collect();
    assert_eq!(keys, [0, 3, 11, 14]);
    for packet in packets {
        let header = obus(&packet.data).any(|obu| obu.kind == OBU_SEQUENCE_HEADER);
        assert_eq!(header, packet.key, "a viewer can start at {}", packet.pts);
    }
}

#[test]
fn another_bit_rate_begins_with_the_next_key_frame() {
    let video = VideoEncode { gop: Some(10), bit_rate: Some(400_000), ..config(SIZE) };
    let mut encoder = encoder(video);
    let pool = FramePool::new();
    for index in 0..30 {
        let mut frame = picture(&pool, SIZE, index);
        if index == 10 {
            encoder.control(Control::Bitrate(30_000));
            frame.key = true;
        }
        encoder.encode(&Frame::Video(frame)).unwrap();
    }
    encoder.flush().unwrap();
    let packets = taken(&mut *encoder);
    assert_eq!(packets.iter().map(|packet| packet.pts).collect::<Vec<_>>(), (0..30).collect::<Vec<_>>());
    let bytes = |from: usize| packets[from..from + 10].iter().map(|packet| packet.data.len()).sum::<usize>();
    assert!(bytes(20) * 3 < bytes(0), "{} bytes, then {}", bytes(0), bytes(20));
    assert_eq!(encoder.params().bit_rate, Some(30_000));
}

#[test]
fn the_record_tells_shape_and_colour_and_stands_in_for_a_header() {
    let color = Color { range: Range::Full, matrix: Matrix::Bt709 };
    let mut encoder = encoder(VideoEncode { color, ..config(SIZE) });
    let params = encoder.params().clone();
    let header = Av1Config::parse(&params.extradata).unwrap().sequence_header().unwrap();
    assert_eq!((header.max_width, header.max_height, header.color), (SIZE.0, SIZE.1, color));
    let mut packet = encode(&mut *encoder, SIZE, 1).remove(0);
    let bare = obus(&packet.data).filter(|obu| obu.kind != OBU_SEQUENCE_HEADER);
    packet.data = bare.flat_map(|obu| obu.bytes.to_vec()).collect();
    let mut decoder = decoder(&params);
    decoder.decode(&packet).unwrap();
    let pictures = shown(&mut *decoder);
    assert_eq!((pictures.len(), pictures[0].color), (1, color));
}

#[test]
fn nothing_is_shown_before_a_key_frame_nor_what_is_discarded() {
    let mut encoder = encoder(config(SIZE));
    let packets = encode(&mut *encoder, SIZE, 4);
    let mut decoder = decoder(encoder.params());
    decoder.decode(&packets[1]).unwrap();
    assert!(shown(&mut *decoder).is_empty());
    let times = |decoder: &mut dyn Decoder| {
        for packet in &packets {
            decoder.decode(&Packet { discard: packet.pts < 2, ..packet.clone() }).unwrap();
        }
        shown(decoder).iter().map(|picture| picture.pts).collect::<Vec<_>>()
    };
    assert_eq!(times(&mut *decoder), [2, 3]);
    decoder.reset();
    decoder.decode(&packets[3]).unwrap();
    assert!(shown(&mut *decoder).is_empty());
    assert_eq!(times(&mut *decoder), [2, 3]);
}

#[test]
fn frames_of_another_shape_are_refused() {
    let mut encoder = encoder(config(SIZE));
    let other = picture(&FramePool::new(), (64, 64), 0);
    assert!(encoder.encode(&Frame::Video(other)).is_err());
}

#[test]
fn damage_is_survived_and_the_next_key_frame_is_whole() {
    let mut encoder = encoder(VideoEncode { gop: Some(4), ..config((64, 48)) });
    let packets = encode(&mut *encoder, (64, 48), 9);
    for at in 0..3 {
        let bits = packets[at].data.len() * 8;
        // The header, which says most, bit by bit; then some of the rest.
        for bit in (0..bits.min(300)).chain((300..bits).step_by(37)) {
            let mut decoder = decoder(encoder.params());
            for (index, packet) in packets.iter().enumerate() {
                let mut data = packet.data.to_vec();
                if index == at {
                    data[bit / 8] ^= 0x80 >> (bit % 8);
                }
                let _ = decoder.decode(&Packet { data: data.into(), ..packet.clone() });
            }
            let _ = decoder.flush();
            let last = shown(&mut *decoder).pop().unwrap();
            assert_eq!((last.pts, last.width()), (8, 64), "bit {bit} of packet {at}");
        }
    }
}

#[test]
fn a_packet_of_countless_pictures_is_refused() {
    let mut encoder = encoder(config(SIZE));
    let packets = encode(&mut *encoder, SIZE, 1);
    let mut decoder = decoder(encoder.params());
    let many = packets[0].data.repeat(33);
    let refused = decoder.decode(&Packet { data: many.into(), ..packets[0].clone() }).unwrap_err();
    assert_eq!(refused.to_string(), "av1: pictures in a packet is 33, more than the limit of 32");
}
