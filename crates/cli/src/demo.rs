//! `brooklet demo`: a test picture with a clock and a tone, for whoever wants to watch.

use brooklet::job::{AudioSpec, CodecChoice, InputSpec, Job, Listen, OutputSpec, VideoSpec};

use crate::args::{DemoOptions, Globals};
use crate::command::Convert;
use crate::console::Console;
#[cfg(feature = "webrtc")]
use crate::page::Show;

/// Where browsers see it.
#[cfg(feature = "webrtc")]
const PAGE: &str = "127.0.0.1:8080";

/// What the library is to do: two outputs that ask for the same, so that each stream is encoded once.
pub(crate) fn conversion(options: &DemoOptions, globals: Globals) -> Convert {
    let (width, height) = options.size;
    let picture = format!("testsrc2=size={width}x{height}:rate={}", options.rate);
    let tone = "sine=frequency=440:sample_rate=48000".to_string();
    let input = |url| InputSpec {
        url,
        format: Some("lavfi".into()),
        realtime: true,
        duration: options.duration,
        ..InputSpec::default()
    };
    let output = |url: &str, format: &str, listen| OutputSpec {
        url: url.into(),
        format: Some(format.into()),
        video: video(options),
        audio: AudioSpec {
            codec: CodecChoice::Named("aac".into()),
            bit_rate: Some(128_000),
            ..AudioSpec::default()
        },
        listen,
        live: Some(true),
        ..OutputSpec::default()
    };
    let outputs =
        vec![output(&options.rtmp, "flv", Listen::Many), output(&options.udp, "mpegts", Listen::No)];
    let job = Job { inputs: vec![input(picture), input(tone)], outputs };
    Convert { job, globals, notes: Vec::new() }
}

/// Shows it to browsers as well, where the port is free or was asked for: how to watch it there.
#[cfg(feature = "webrtc")]
pub(crate) fn show(
    options: &DemoOptions,
    convert: &mut Convert,
    console: &Console,
) -> brooklet::Result<String> {
    let show = match Show::open(options.http.as_deref().unwrap_or(PAGE)) {
        Ok(show) => show,
        Err(error) if options.http.is_none() => {
            console.info(&format!("No page for browsers: {error}; --http HOST:PORT is for another port"));
            return Ok(String::new());
        }
        Err(error) => return Err(error),
    };
    let how = format!("\nor in a browser, with what becomes of your camera beside it:\n\n  {}\n", show.url());
    let mut output = convert.job.outputs[0].clone();
    // The same pictures, which are coded once; browsers hear Opus.
    (output.url, output.format) = (show.register("demo"), Some("whep".into()));
    output.audio = AudioSpec { codec: CodecChoice::Named("opus".into()), ..AudioSpec::default() };
    output.listen = Listen::No;
    convert.job.outputs.push(output);
    Ok(how)
}

/// There is nothing for browsers in this program.
#[cfg(not(feature = "webrtc"))]
pub(crate) fn show(_: &DemoOptions, _: &mut Convert, _: &Console) -> brooklet::Result<String> {
    Ok(String::new())
}

/// How to watch it, with players that people have.
pub(crate) fn how_to_watch(options: &DemoOptions) -> String {
    let rtmp = &options.rtmp;
    let udp = options.udp.split('?').next().unwrap_or(&options.udp);
    let vlc = udp.replacen("://", "://@", 1);
    format!(
        "\nA test picture with a clock and a tone is on its way. Watch it over RTMP, joining at any moment:\n\n  \
           mpv --profile=low-latency {rtmp}\n  \
           ffplay -fflags nobuffer {rtmp}\n  \
           vlc {rtmp}\n  \
           gst-launch-1.0 playbin uri={rtmp}\n\n\
         or over UDP, each player that has the port to itself:\n\n  \
           mpv --profile=low-latency {udp}\n  \
           ffplay -fflags nobuffer {udp}\n  \
           vlc {vlc}\n  \
           gst-launch-1.0 playbin uri={udp}\n"
    )
}

/// A second from one key frame to the next at most, so that a viewer need not wait longer.
fn video(options: &DemoOptions) -> VideoSpec {
    let pixels = f64::from(options.size.0) * f64::from(options.size.1);
    let rate = options.rate.as_f64();
    VideoSpec {
        codec: CodecChoice::Named("h264".into()),
        // An eighth of a bit for each pixel: 860 kbit/s for the default.
        bit_rate: Some(((pixels * rate / 8.0) as u64).clamp(200_000, 20_000_000)),
        gop: Some((rate.ceil() as u32).max(1)),
        pixel_format: Some(brooklet_media::PixelFormat::Yuv420p),
        ..VideoSpec::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_outputs_ask_for_the_same_streams() {
        let job = conversion(&DemoOptions::default(), Globals::default()).job;
        assert_eq!(job.inputs[0].url, "testsrc2=size=640x360:rate=30/1");
        let [rtmp, udp] = &job.outputs[..] else { panic!() };
        assert_eq!((&rtmp.video, &rtmp.audio, rtmp.live), (&udp.video, &udp.audio, udp.live));
        assert_eq!((rtmp.listen, udp.listen), (Listen::Many, Listen::No));
        assert_eq!((udp.format.as_deref(), rtmp.video.gop), (Some("mpegts"), Some(30)));
    }

    #[test]
    fn it_says_how_to_watch() {
        let text = how_to_watch(&DemoOptions::default());
        for player in ["mpv", "ffplay", "vlc", "gst-launch-1.0"] {
            assert_eq!(text.matches(player).count(), 2, "{player}");
        }
        assert!(text.contains("udp://@127.0.0.1:48550\n") && !text.contains("pkt_size"));
    }
}
