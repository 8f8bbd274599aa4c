//! Reads a clip in chunks of rgb24 frames and PCM, does something to each picture, and writes them live.
//!
//!     cargo run --release --example restream -- clip.mp4 rtmp://127.0.0.1:1935/live/app

use std::time::{Duration, Instant};

use brooklet::job::{AudioSpec, CodecChoice, VideoSpec};
use brooklet::media::{MediaKind, PixelFormat, Rational, SampleFormat, StreamKind};
use brooklet::{PictureShape, Reader, SoundShape, Writer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(from), Some(to)) = (words.next(), words.next()) else {
        return Err("usage: restream CLIP URL".into());
    };
    let mut reader = Reader::open(&from)?;
    let mut writer = Writer::create(&to)?;

    // What is read, by the number of the reader's stream, and where it goes, by the writer's.
    let mut streams = Vec::new();
    if let Some(stream) = reader.first(MediaKind::Video) {
        let StreamKind::Video(video) = reader.streams()[stream].kind else {
            return Err("not a picture".into());
        };
        let rate = video.frame_rate.unwrap_or(Rational::whole(25));
        let wanted = VideoSpec { frame_rate: Some(rate), ..VideoSpec::default() };
        reader.add_video(stream, 1, &wanted)?;
        let shape =
            PictureShape { width: video.width, height: video.height, format: PixelFormat::Rgb24, rate };
        let how = VideoSpec {
            codec: CodecChoice::Named("h264".into()),
            bit_rate: Some(1_000_000),
            pixel_format: Some(PixelFormat::Yuv420p),
            ..VideoSpec::default()
        };
        streams.push(writer.add_video(shape, &how)?);
    }
    if let Some(stream) = reader.first(MediaKind::Audio) {
        let StreamKind::Audio(sound) = reader.streams()[stream].kind else {
            return Err("not a sound".into());
        };
        reader.add_audio(stream, 1_024, &AudioSpec::default())?;
        let shape = SoundShape { rate: sound.rate, layout: sound.layout, format: SampleFormat::F32 };
        streams.push(writer.add_audio(shape, &AudioSpec::default())?);
    }

    let start = Instant::now();
    while let Some((number, chunk)) = reader.next_chunk()? {
        // Live: no faster than the clip's own time.
        let due = Duration::from_nanos(u64::try_from(chunk.at.as_nanos()).unwrap_or(0));
        std::thread::sleep(due.saturating_sub(start.elapsed()));
        if chunk.shape().len() == 4 {
            // A chunk of pictures is (frames, height, width, 3): here is your code.
            let inverted: Vec<u8> = chunk.bytes().iter().map(|value| 255 - value).collect();
            writer.write(streams[number], &inverted)?;
        } else {
            writer.write(streams[number], chunk.bytes())?;
        }
    }
    writer.close()?;
    Ok(())
}
