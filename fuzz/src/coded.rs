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
    CODED.get_or_init(|| {
        encode_sound("aac", SampleFormat::F32p, 48_000, ChannelLayout::Stereo)
            .expect("a little sound can be encoded")
    })
}

/// The same as MP3.
///
/// # Panics
///
/// Where the encoder fails.
pub fn mp3() -> &'static Coded {
    static CODED: OnceLock<Coded> = OnceLock::new();
    CODED.get_or_init(|| {
        encode_sound("mp3", SampleFormat::F32p, 48_000, ChannelLayout::Stereo)
            .expect("a little sound can be encoded")
    })
}

/// The same as Opus.
///
/// # Panics
///
/// Where the encoder fails.
pub fn opus() -> &'static Coded {
    static CODED: OnceLock<Coded> = OnceLock::new();
    CODED.get_or_init(|| {
        encode_sound("opus", SampleFormat::F32, 48_000, ChannelLayout::Stereo)
            .expect("a little sound can be encoded")
    })
}

/// Something as long as FLAC.
///
/// # Panics
///
/// Where the encoder fails.
pub fn flac() -> &'static Coded {
    static CODED: OnceLock<Coded> = OnceLock::new();
    CODED.get_or_init(|| {
        encode_sound("flac", SampleFormat::S16, 48_000, ChannelLayout::Stereo)
            .expect("a little sound can be encoded")
    })
}

/// Two thirds of a second of G.722.
///
/// # Panics
///
/// Where the encoder fails.
pub fn g722() -> &'static Coded {
    static CODED: OnceLock<Coded> = OnceLock::new();
    CODED.get_or_init(|| {
        encode_sound("g722", SampleFormat::S16, 16_000, ChannelLayout::Mono)
            .expect("a little sound can be encoded")
    })
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

fn encode_sound(codec: &str, format: SampleFormat, rate: u32, layout: ChannelLayout) -> Result<Coded> {
    let encoder = open_encoder(&EncoderConfig::audio(codec, AudioEncode::new(rate, layout, format)))?;
    let sound = |number: i64| {
        let mut frame = AudioFrame::new(&FramePool::new(), format, rate, layout, 1_024)?;
        for plane in 0..frame.planes() {
            let phase = |at: usize| (number as f32 * 1_024.0 + at as f32) * (plane as f32 + 1.0) * 0.06;
            if format == SampleFormat::S16 {
                let samples = frame.typed_mut::<i16>(plane).iter_mut().enumerate();
                samples.for_each(|(at, sample)| *sample = (phase(at).sin() * 16_000.0) as i16);
            } else {
                let samples = frame.typed_mut::<f32>(plane).iter_mut().enumerate();
                samples.for_each(|(at, sample)| *sample = phase(at).sin() * 0.5);
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
