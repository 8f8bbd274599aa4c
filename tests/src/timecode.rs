//! Pictures that say when they were made: 16 squares, each a bit of milliseconds, which `browser/timecode.js` reads.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use brooklet::job::{AudioSpec, CodecChoice, OutputSpec, VideoSpec};
use brooklet::media::{ChannelLayout, PixelFormat, Rational, SampleFormat};
use brooklet::{PictureShape, SoundShape, Stopper, Writer};

/// Pixels, and pictures in a second.
const SIZE: (usize, usize) = (640, 360);
const RATE: u32 = 25;

/// Publishes such pictures and silence as H.264 and AAC for so long, as fast as time passes.
///
/// # Errors
///
/// What the server makes of it.
pub fn publish(url: &str, time: Duration) -> brooklet::Result<()> {
    let spec =
        OutputSpec { url: url.into(), format: Some("flv".into()), live: Some(true), ..OutputSpec::default() };
    let mut writer = Writer::create_with(&spec, &Stopper::new())?;
    let shape = PictureShape {
        width: SIZE.0 as u32,
        height: SIZE.1 as u32,
        format: PixelFormat::Gray8,
        rate: Rational::whole(RATE),
    };
    let how = VideoSpec {
        codec: CodecChoice::Named("h264".into()),
        bit_rate: Some(1_000_000),
        preset: Some("ultrafast".into()),
        pixel_format: Some(PixelFormat::Yuv420p),
        gop: Some(RATE),
        ..VideoSpec::default()
    };
    let video = writer.add_video(shape, &how)?;
    let sound = SoundShape { rate: 48_000, layout: ChannelLayout::Mono, format: SampleFormat::S16 };
    let audio = writer
        .add_audio(sound, &AudioSpec { codec: CodecChoice::Named("aac".into()), ..AudioSpec::default() })?;
    let silence = vec![0; 48_000 / RATE as usize * 2];
    let (start, period) = (Instant::now(), Duration::from_secs(1) / RATE);
    for number in 0..(time.as_secs_f64() * f64::from(RATE)) as u32 {
        thread::sleep((period * number).saturating_sub(start.elapsed()));
        writer.write(video, &picture())?;
        writer.write(audio, &silence)?;
    }
    writer.close()
}

/// The time now: a square of 60 pixels every 80, white for 1.
fn picture() -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() & 0xFFFF;
    let (width, height) = SIZE;
    let mut pixels = vec![100; width * height];
    for bit in 0..16 {
        let (left, top) = (bit % 4 * 80 + 20, bit / 4 * 80 + 20);
        for row in top..top + 60 {
            pixels[row * width + left..][..60].fill(if now >> bit & 1 == 1 { 255 } else { 0 });
        }
    }
    pixels
}
