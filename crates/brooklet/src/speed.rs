//! How fast this machine codes: what to know before a program is left alone on it.

use std::time::{Duration, Instant};

use brooklet_codec::{
    AudioEncode, DecoderOptions, EncoderConfig, EncoderInput, VideoEncode, find_encoder, open_decoder,
    open_encoder,
};
use brooklet_convert::AudioTarget;
use brooklet_media::{ChannelLayout, Encoder, Frame, FramePool, Packet, PixelFormat, Rational, StreamParams};

use crate::input::{Input, InputEvent};
use crate::job::{AudioSpec, InputSpec, VideoSpec};
use crate::stage::{Chain, PictureChain, SoundChain};
use crate::{Error, Result, Stopper};

/// Pictures a second for which a bit rate is chosen.
const RATE: Rational = Rational::whole(30);
/// Pictures that are made before the clock starts, and then coded again and again.
const PICTURES: usize = 12;

/// How fast a codec is on one core.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Speed {
    /// How many times as fast as real time, or pictures in a second.
    pub encode: f64,
    /// The same the other way.
    pub decode: f64,
}

/// Pictures in a second that `encoder` makes of a moving test picture of this size, live at an eighth of a bit for each
/// pixel, and that its decoder decodes again. Each takes `time` at least, and one group of pictures.
///
/// # Errors
///
/// Where there is no such encoder, or it does not take this size.
pub fn of_pictures(encoder: &str, width: u32, height: u32, time: Duration) -> Result<Speed> {
    let info = find_encoder(encoder).map_err(failed)?.info;
    let EncoderInput::Video { formats, .. } = info.input else {
        return Err(Error::Usage(format!("{encoder} does not encode pictures")));
    };
    let format = formats.first().copied().unwrap_or(PixelFormat::Yuv420p);
    let pool = FramePool::new();
    let spec = VideoSpec { pixel_format: Some(format), ..VideoSpec::default() };
    let chain = PictureChain::new(&spec, &[format], None, &pool).map_err(failed)?;
    let source = format!("testsrc2=size={width}x{height}:rate={RATE}");
    let pictures = generated(&source, Chain::Video(Box::new(chain)), PICTURES, &pool)?;
    let mut video = VideoEncode::new(width, height, format, RATE).map_err(failed)?;
    let bits = f64::from(width) * f64::from(height) * RATE.as_f64() / 8.0;
    (video.bit_rate, video.live) = (Some(bits as u64), true);
    let encoder = open_encoder(&EncoderConfig::video(info.name, video)).map_err(failed)?;
    measure(encoder, &pictures, time, |_| 1.0)
}

/// How many times as fast as real time `encoder` codes stereo of this rate in Hz, at its default bit rate, and how fast
/// that is decoded again. Each takes `time` at least.
///
/// # Errors
///
/// Where there is no such encoder, or it does not take this rate.
pub fn of_sound(encoder: &str, rate: u32, time: Duration) -> Result<Speed> {
    let info = find_encoder(encoder).map_err(failed)?.info;
    let EncoderInput::Audio { formats, .. } = info.input else {
        return Err(Error::Usage(format!("{encoder} does not encode sound")));
    };
    let (format, layout) = (formats.first().copied(), ChannelLayout::Stereo);
    let pool = FramePool::new();
    let target = AudioTarget { format, rate: Some(rate), layout: Some(layout) };
    let chain = SoundChain::new(&AudioSpec::default(), target, &pool).map_err(failed)?;
    let source = format!("sine=frequency=440:beep_factor=4:sample_rate={rate}");
    let sound = generated(&source, Chain::Audio(Box::new(chain)), PICTURES, &pool)?;
    let format = format.unwrap_or(brooklet_media::SampleFormat::F32p);
    let config = EncoderConfig::audio(info.name, AudioEncode::new(rate, layout, format));
    let seconds = |frame: &Frame| match frame {
        Frame::Audio(sound) => sound.samples() as f64 / f64::from(sound.rate()),
        Frame::Video(_) => 0.0,
    };
    measure(open_encoder(&config).map_err(failed)?, &sound, time, seconds)
}

/// `amount` says how much a frame counts for.
fn measure(
    mut encoder: Box<dyn Encoder>,
    frames: &[Frame],
    time: Duration,
    amount: impl Fn(&Frame) -> f64,
) -> Result<Speed> {
    let (mut packets, mut done, started) = (Vec::new(), 0.0, Instant::now());
    for (number, frame) in frames.iter().cycle().enumerate() {
        if number >= frames.len() && started.elapsed() >= time {
            break;
        }
        encoder.encode(&numbered(frame, number)).map_err(failed)?;
        done += amount(frame);
        packets.extend(std::iter::from_fn(|| encoder.poll_packet()));
    }
    let encode = done / started.elapsed().as_secs_f64();
    encoder.flush().map_err(failed)?;
    packets.extend(std::iter::from_fn(|| encoder.poll_packet()));
    Ok(Speed { encode, decode: decoding(encoder.params(), &packets, time, amount)? })
}

fn decoding(
    params: &StreamParams,
    packets: &[Packet],
    time: Duration,
    amount: impl Fn(&Frame) -> f64,
) -> Result<f64> {
    let mut decoder = open_decoder(params, &DecoderOptions::default()).map_err(failed)?;
    let (mut done, started) = (0.0, Instant::now());
    // From the start again and again: what was encoded begins with a key frame.
    loop {
        for packet in packets {
            decoder.decode(packet).map_err(failed)?;
            while let Some(frame) = decoder.poll_frame() {
                done += amount(&frame);
            }
            if started.elapsed() >= time && done > 0.0 {
                return Ok(done / started.elapsed().as_secs_f64());
            }
        }
        decoder.flush().map_err(failed)?;
        while let Some(frame) = decoder.poll_frame() {
            done += amount(&frame);
        }
        if done <= 0.0 {
            return Err(Error::Usage(format!("{} gave nothing to decode", params.codec)));
        }
        decoder.reset();
    }
}

/// Frames of a generated source, through a chain.
fn generated(source: &str, mut chain: Chain, count: usize, pool: &FramePool) -> Result<Vec<Frame>> {
    let spec = InputSpec { url: source.into(), format: Some("lavfi".into()), ..InputSpec::default() };
    let mut input =
        Input::open(&spec, &Stopper::new(), &std::sync::Arc::default(), false, &Default::default())?;
    let options = DecoderOptions { name: None, pool: pool.clone() };
    let mut decoder = open_decoder(&input.streams()[0], &options).map_err(failed)?;
    let mut frames = Vec::with_capacity(count);
    while frames.len() < count
        && let Some(event) = input.next()?
    {
        let InputEvent::Packet(packet) = event else { continue };
        decoder.decode(&packet).map_err(failed)?;
        while let Some(frame) = decoder.poll_frame() {
            chain.push(frame).map_err(failed)?;
        }
        while let Some(frame) = chain.poll().map_err(failed)? {
            frames.push(frame);
        }
    }
    Ok(frames)
}

/// The frame again, at its place in time.
fn numbered(frame: &Frame, number: usize) -> Frame {
    let mut frame = frame.clone();
    match &mut frame {
        Frame::Video(picture) => {
            picture.pts = number as i64;
            picture.time_base = RATE.time_base().unwrap_or(picture.time_base);
            picture.key = false;
        }
        Frame::Audio(sound) => sound.pts = (number * sound.samples()) as i64,
    }
    frame
}

fn failed(source: brooklet_media::Error) -> Error {
    Error::Encode { source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_coded_both_ways() {
        let time = Duration::from_millis(1);
        let pictures = of_pictures("h264", 160, 120, time).unwrap();
        assert!(pictures.encode > 0.0 && pictures.decode > 0.0, "{pictures:?}");
        let sound = of_sound("aac", 48_000, time).unwrap();
        assert!(sound.encode > 0.0 && sound.decode > 0.0, "{sound:?}");
        assert!(of_pictures("aac", 160, 120, time).is_err());
        assert!(of_sound("h264", 48_000, time).is_err());
    }
}
