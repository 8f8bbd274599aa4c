//! Plays a tone, and tells what the speaker's clock says meanwhile.
//!
//!     cargo run -p brooklet-device --example tone -- hz=440 rate=44100 format=s16 channels=2 seconds=2 chunk=256
//!
//! `pause_every=SAMPLES:MILLIS` writes nothing for so long after each so many samples: with a short `latency_ms`, it
//! stumbles.

use std::time::{Duration, Instant};

use brooklet_device::{Speaker, SpeakerOptions};
use brooklet_media::{AudioFrame, ChannelLayout, FramePool, SampleFormat};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text =
        |name: &str| arguments.iter().find_map(|argument| argument.strip_prefix(name)?.strip_prefix('='));
    let number = |name: &str, usual: f64| text(name).map_or(Ok(usual), str::parse);
    let format: SampleFormat = text("format").unwrap_or("flt").parse()?;
    let layout: ChannelLayout = text("channels").unwrap_or("2").parse()?;
    let (rate, hz, seconds) =
        (number("rate", 48_000.0)? as u32, number("hz", 440.0)?, number("seconds", 1.0)?);
    let chunk = number("chunk", 1_024.0)? as usize;
    let options = SpeakerOptions {
        device: text("device").map(Into::into),
        title: "tone".into(),
        latency: Duration::from_millis(number("latency_ms", 200.0)? as u64),
        format,
        rate,
        layout,
    };
    let (every, pause) = text("pause_every").and_then(|pause| pause.split_once(':')).unwrap_or(("0", "0"));
    let (every, pause) = (every.parse::<usize>()?, Duration::from_millis(pause.parse()?));

    let pool = FramePool::new();
    let mut speaker = Speaker::open(&options)?;
    let (clock, start) = (speaker.clock(), Instant::now());
    let total = (seconds * f64::from(rate)) as usize;
    let mut written = 0;
    while written < total {
        let samples = chunk.min(total - written);
        let mut frame = AudioFrame::new(&pool, format, rate, layout, samples)?;
        for plane in 0..frame.planes() {
            let width = frame.plane(plane).len() / samples;
            for (number, at) in frame.plane_mut(plane).chunks_exact_mut(width).enumerate() {
                let turn = (written + number) as f64 * hz / f64::from(rate);
                sample(format, 0.5 * (turn * std::f64::consts::TAU).sin(), at);
            }
        }
        speaker.write(&frame)?;
        written += samples;
        if every > 0 && written.is_multiple_of(every) {
            std::thread::sleep(pause);
        }
    }
    println!(
        "written {written} after {:?}, heard {}, latency {:?}",
        start.elapsed(),
        clock.heard(),
        clock.latency()
    );
    speaker.drain()?;
    println!("heard {} after {:?}, under-runs {}", clock.heard(), start.elapsed(), clock.underruns());
    Ok(())
}

/// Writes one value to each of the samples in `at`.
fn sample(format: SampleFormat, value: f64, at: &mut [u8]) {
    let width = format.bytes();
    for at in at.chunks_exact_mut(width) {
        match format.packed() {
            SampleFormat::U8 => at[0] = (128.0 + value * 127.0) as u8,
            SampleFormat::S16 => at.copy_from_slice(&((value * 32_767.0) as i16).to_ne_bytes()),
            SampleFormat::S32 => at.copy_from_slice(&((value * 2_147_483_647.0) as i32).to_ne_bytes()),
            SampleFormat::F32 => at.copy_from_slice(&(value as f32).to_ne_bytes()),
            _ => at.copy_from_slice(&value.to_ne_bytes()),
        }
    }
}
