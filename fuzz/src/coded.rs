//! Small streams that our own encoders made: something to damage.

use std::sync::OnceLock;

use brooklet_codec::{AudioEncode, EncoderConfig, VideoEncode, open_encoder};
use brooklet_media::{
    AudioFrame, ChannelLayout, Encoder, Frame, FramePool, Packet, PixelFormat, Rational, Result,
    SampleFormat, StreamParams, VideoFrame,
};

/// What a stream is, and its packets.
pub type Coded = (StreamParams, Vec<Packet>);

/// Eight pictures of 64x48, two of them key.
///
/// # Panics
///
/// Where the encoder fails.
pub fn h264() -> &'static Coded {
    static CODED: OnceLock<Coded> = OnceLock::new();
    CODED.get_or_init(|| encode_pictures().expect("small pictures can be encoded"))
}

/// A fifth of a second of stereo.
///
/// # Panics
///
/// Where the encoder fails.
pub fn aac() -> &'static Coded {
    static CODED: OnceLock<Coded> = OnceLock::new();
    CODED.get_or_init(|| encode_sound().expect("a little sound can be encoded"))
}

fn encode_pictures() -> Result<Coded> {
    let (width, height) = (64, 48);
    let video = VideoEncode {
        gop: Some(5),
        live: true,
        ..VideoEncode::new(width, height, PixelFormat::Yuv420p, Rational::whole(25))?
    };
    let encoder = open_encoder(&EncoderConfig::video("h264", video))?;
    let picture = |number: i64| {
        let bytes: Vec<u8> = (0..PixelFormat::Yuv420p.picture_bytes(width, height))
            .map(|at| (at as i64 * 3 + number * 17 + (at as i64 / 64) * number) as u8)
            .collect();
        let mut frame = VideoFrame::from_raw(&FramePool::new(), PixelFormat::Yuv420p, width, height, &bytes)?;
        (frame.pts, frame.time_base) = (number, Rational::whole(25).time_base().unwrap_or(frame.time_base));
        Ok(Frame::Video(frame))
    };
    encode(encoder, (0..8).map(picture))
}

fn encode_sound() -> Result<Coded> {
    let (rate, layout) = (48_000, ChannelLayout::Stereo);
    let encoder =
        open_encoder(&EncoderConfig::audio("aac", AudioEncode::new(rate, layout, SampleFormat::F32p)))?;
    let sound = |number: i64| {
        let mut frame = AudioFrame::new(&FramePool::new(), SampleFormat::F32p, rate, layout, 1_024)?;
        for channel in 0..2 {
            for (at, sample) in frame.typed_mut::<f32>(channel).iter_mut().enumerate() {
                let phase = (number as f32 * 1_024.0 + at as f32) * (channel as f32 + 1.0) * 0.06;
                *sample = phase.sin() * 0.5;
            }
        }
        frame.pts = number * 1_024;
        Ok(Frame::Audio(frame))
    };
    encode(encoder, (0..10).map(sound))
}

fn encode(mut encoder: Box<dyn Encoder>, frames: impl Iterator<Item = Result<Frame>>) -> Result<Coded> {
    let mut packets = Vec::new();
    for frame in frames {
        encoder.encode(&frame?)?;
        packets.extend(std::iter::from_fn(|| encoder.poll_packet()));
    }
    encoder.flush()?;
    packets.extend(std::iter::from_fn(|| encoder.poll_packet()));
    Ok((encoder.params().clone(), packets))
}
