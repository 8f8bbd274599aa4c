//! A program with the library in it, for the tests of sound: writes a tone to the default speaker, in chunks of so many
//! samples, and tells how it went.
//!
//!     speak CHUNK MILLIS LATENCY_MILLIS

use std::time::{Duration, Instant};

use brooklet::job::{AudioSpec, DeviceSpec, OutputSpec};
use brooklet::media::{ChannelLayout, SampleFormat};
use brooklet::{SoundShape, Stopper, Writer};

const RATE: u32 = 48_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers: Vec<u64> = std::env::args().skip(1).map(|word| word.parse()).collect::<Result<_, _>>()?;
    let [chunk, millis, latency] = numbers[..] else {
        return Err("speak CHUNK MILLIS LATENCY_MILLIS".into());
    };
    let device = DeviceSpec { latency: Some(Duration::from_millis(latency)), ..DeviceSpec::default() };
    let url = "default".into();
    let spec = OutputSpec { url, format: Some("speaker".into()), device, ..OutputSpec::default() };
    let mut writer = Writer::create_with(&spec, &Stopper::new())?;
    let shape = SoundShape { rate: RATE, layout: ChannelLayout::Mono, format: SampleFormat::S16 };
    let stream = writer.add_audio(shape, &AudioSpec::default())?;
    let sample = |number: u64| {
        let turn = number as f64 * 440.0 / f64::from(RATE);
        ((turn * std::f64::consts::TAU).sin() * 16_384.0) as i16
    };
    let tone: Vec<u8> = (0..u64::from(RATE) * millis / 1_000).flat_map(|n| sample(n).to_ne_bytes()).collect();
    let start = Instant::now();
    for chunk in tone.chunks(chunk as usize * 2) {
        writer.write(stream, chunk)?;
    }
    let written = start.elapsed();
    let playback = writer.playback().unwrap_or_default();
    writer.close()?;
    let (written, closed) = (written.as_millis(), start.elapsed().as_millis());
    println!("written={written} closed={closed} underruns={}", playback.underruns);
    Ok(())
}
