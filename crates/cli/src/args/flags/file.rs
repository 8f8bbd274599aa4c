//! Options that stand before inputs and before outputs.

use brooklet::job::CodecChoice;
use brooklet_media::MediaKind;

use crate::args::draft::{InputDraft, OutputDraft};
use crate::args::flag::{Choices, Flag, Outcome, Streams};
use crate::args::given::Given;

pub(super) const FLAGS: &[Flag] = &[
    Flag::open("i")
        .value("URL")
        .choices(Choices::Files)
        .common()
        .help("read this: a file, - or pipe:0, a device, or a URL (see -protocols); ends the options of an input"),
    Flag::file(
        "f",
        |input, given| store(&mut input.spec.format, given.value.clone()),
        |output, given| store(&mut output.spec.format, given.value.clone()),
    )
    .value("FORMAT")
    .choices(Choices::Formats)
    .common()
    .help("the container, where it is not to be found by looking (input) or by the name (output)"),
    Flag::file("c", input_codec, output_codec)
        .alias(&["codec"])
        .short(&[("vcodec", "v"), ("acodec", "a"), ("scodec", "s"), ("dcodec", "d")])
        .value("CODEC")
        .streams(Streams::Any)
        .choices(Choices::Codecs)
        .common()
        .help("the codec, with :v of pictures, with :a of sound; copy passes packets on as they are")
        .details("libx264, libopenh264 and libfdk_aac are understood: our own encoders take their place."),
    Flag::file(
        "t",
        |input, given| store(&mut input.spec.duration, given.duration()?),
        |output, given| store(&mut output.spec.duration, given.duration()?),
    )
    .value("TIME")
    .common()
    .help("read, or write, so much"),
    Flag::file(
        "to",
        |input, given| store(&mut input.spec.end, given.duration()?),
        |output, given| store(&mut output.spec.end, given.duration()?),
    )
    .value("TIME")
    .help("read, or write, up to this time"),
    Flag::file("ss", input_start, |output, given| store(&mut output.spec.start, given.duration()?))
        .value("TIME")
        .common()
        .help("begin here: of an input by seeking, of an output by decoding and dropping")
        .details("A negative time before an input puts silence before it, as a positive -itsoffset does."),
    Flag::file(
        "r",
        |input, given| store(&mut input.spec.frame_rate, given.rate()?),
        |output, given| store(&mut output.spec.video.frame_rate, given.rate()?),
    )
    .alias(&["framerate"])
    .value("RATE")
    .streams(Streams::Video)
    .choices(Choices::Rates)
    .common()
    .help("pictures in a second: 25, 29.97, 30000/1001, ntsc"),
    Flag::file(
        "s",
        |input, given| store(&mut input.spec.video_size, given.size()?),
        |output, given| store(&mut output.spec.video.size, given.size()?),
    )
    .alias(&["video_size"])
    .value("SIZE")
    .streams(Streams::Video)
    .choices(Choices::Sizes)
    .common()
    .help("size of pictures: 640x360, hd720; an input's where it is raw, an output's by scaling"),
    Flag::file(
        "pix_fmt",
        |input, given| {
            input.spec.pixel_format = given.format()?;
            Ok(())
        },
        |output, given| {
            match given.format() {
                Ok(format) => output.spec.video.pixel_format = format,
                Err(error) if is_ffmpegs(&given.value) => output.foreign_format = Some((given.value.clone(), error)),
                Err(error) => return Err(error),
            }
            Ok(())
        },
    )
    .alias(&["pixel_format"])
    .value("FORMAT")
    .streams(Streams::Video)
    .choices(Choices::PixelFormats)
    .common()
    .help("pixel format; a + before it has no effect, + alone is the input's"),
    Flag::file(
        "ar",
        |input, given| store(&mut input.spec.sample_rate, given.positive()?),
        |output, given| store(&mut output.spec.audio.sample_rate, given.positive()?),
    )
    .alias(&["sample_rate"])
    .value("HZ")
    .streams(Streams::Audio)
    .choices(Choices::Words(&["8000", "16000", "22050", "32000", "44100", "48000"]))
    .common()
    .help("samples in a second"),
    Flag::file(
        "ac",
        |input, given| store(&mut input.spec.layout, channels(given)?),
        |output, given| store(&mut output.spec.audio.layout, channels(given)?),
    )
    .alias(&["channels"])
    .value("COUNT")
    .streams(Streams::Audio)
    .choices(Choices::Words(&["1", "2", "6"]))
    .common()
    .help("number of channels"),
    Flag::file(
        "channel_layout",
        |input, given| store(&mut input.spec.layout, given.word()?),
        |output, given| store(&mut output.spec.audio.layout, given.word()?),
    )
    .alias(&["ch_layout"])
    .value("LAYOUT")
    .streams(Streams::Audio)
    .choices(Choices::Words(&["mono", "stereo", "5.1"]))
    .help("the channels by name: mono, stereo, 5.1"),
    Flag::file(
        "an",
        |input, _| switch_on(&mut input.spec.no_audio),
        |output, _| switch_on(&mut output.spec.audio.disabled),
    )
    .common()
    .help("without sound"),
    Flag::file(
        "vn",
        |input, _| switch_on(&mut input.spec.no_video),
        |output, _| switch_on(&mut output.spec.video.disabled),
    )
    .common()
    .help("without pictures"),
    Flag::file("sn", |_, _| Ok(()), |output, _| switch_on(&mut output.drop_other))
        .help("without subtitles; they are only ever copied, where -map asks for them"),
    Flag::file("dn", |_, _| Ok(()), |output, _| switch_on(&mut output.drop_other))
        .help("without data streams; they are only ever copied, where -map asks for them"),
    Flag::file(
        "timeout",
        |input, given| store(&mut input.timeout, given.clone()),
        |output, given| store(&mut output.timeout, given.clone()),
    )
    .value("TIME")
    .help("longest wait: a bare number is microseconds, for rtmp seconds; 5s and 500ms are understood")
    .details(
        "With -listen 1 it is how long to wait for a viewer. As in ffmpeg a bare number counts microseconds for \
         udp and tcp, and seconds for rtmp. 0 and -1 are for ever, which is the default.",
    ),
    Flag::file(
        "rw_timeout",
        |input, given| store(&mut input.timeout, given.clone()),
        |output, given| store(&mut output.timeout, given.clone()),
    )
    .value("TIME")
    .help("longest wait for bytes, in microseconds; 5s and 500ms are understood"),
];

fn store<T>(place: &mut Option<T>, value: T) -> Outcome {
    *place = Some(value);
    Ok(())
}

fn switch_on(place: &mut bool) -> Outcome {
    *place = true;
    Ok(())
}

fn channels(given: &Given) -> Result<brooklet_media::ChannelLayout, crate::args::UsageError> {
    let layout = brooklet_media::ChannelLayout::from_channels(given.count()?);
    given.read(layout, "a number of channels from 1 on")
}

fn input_codec(input: &mut InputDraft, given: &Given) -> Outcome {
    if given.value == "copy" {
        return Err(given.refuse("copy is for outputs: put it after -i, before the output's URL"));
    }
    if given.is_for(MediaKind::Video) {
        input.spec.video_codec = Some(given.value.clone());
    }
    if given.is_for(MediaKind::Audio) {
        input.spec.audio_codec = Some(given.value.clone());
    }
    Ok(())
}

fn output_codec(output: &mut OutputDraft, given: &Given) -> Outcome {
    let choice = match given.value.as_str() {
        "copy" => CodecChoice::Copy,
        name => CodecChoice::Named(name.into()),
    };
    if given.is_for(MediaKind::Video) {
        output.spec.video.codec = choice.clone();
    }
    if given.is_for(MediaKind::Audio) {
        output.spec.audio.codec = choice.clone();
    }
    if !given.is_for(MediaKind::Video) && !given.is_for(MediaKind::Audio) && choice != CodecChoice::Copy {
        output
            .notes
            .push(format!("-{} has no effect: subtitles and data are copied or left out", given.spelled));
    }
    Ok(())
}

/// A negative start moves everything later, as ffmpeg does it.
fn input_start(input: &mut InputDraft, given: &Given) -> Outcome {
    let nanos = given.time()?;
    if nanos < 0 {
        input.spec.offset_nanos = input.spec.offset_nanos.saturating_sub(nanos);
        return Ok(());
    }
    store(&mut input.spec.start, given.duration()?)
}

/// Pixel formats that scripts ask encoders for, and none here takes: ffmpeg's encoders choose another then.
fn is_ffmpegs(format: &str) -> bool {
    const NAMES: [&str; 16] = [
        "yuva420p",
        "yuva422p",
        "yuva444p",
        "yuvj420p",
        "yuvj422p",
        "yuvj444p",
        "yuv440p",
        "yuv444p10le",
        "nv21",
        "p010le",
        "gbrp",
        "argb",
        "abgr",
        "rgb0",
        "bgr0",
        "pal8",
    ];
    NAMES.contains(&format.trim_start_matches('+'))
}
