//! Options of outputs' pictures.

use std::time::Duration;

use brooklet::job::FpsMode;
use brooklet_media::MediaKind;

use crate::args::draft::OutputDraft;
use crate::args::flag::{Choices, Flag, Outcome, Streams};
use crate::args::given::Given;
use crate::args::values;

const PRESETS: &[&str] =
    &["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"];

pub(super) const FLAGS: &[Flag] = &[
    Flag::video("g", |output, given| {
        output.spec.video.gop = Some(given.positive()?);
        Ok(())
    })
    .value("N")
    .common()
    .help("at most so many pictures from one key frame to the next"),
    Flag::video("preset", |output, given| {
        // Encoders of AV1 number theirs.
        let is_known = PRESETS.contains(&given.value.as_str()) || given.value.parse().is_ok_and(|n: u8| n <= 13);
        let expected =
            "a preset (ultrafast, superfast, veryfast, faster, fast, medium, slow, slower, veryslow; for AV1 0 to 13)";
        output.spec.video.preset = Some(given.read(is_known.then(|| given.value.clone()), expected)?);
        Ok(())
    })
    .alias(&["speed", "cpu-used"])
    .value("NAME")
    .choices(Choices::Words(PRESETS))
    .common()
    .help("speed against quality: ultrafast to veryslow; for AV1 also 0 (slowest) to 13"),
    Flag::video("crf", quality)
        .alias(&["qp"])
        .value("QUALITY")
        .help("constant quality instead of a bit rate: 0 (best) to 51, for AV1 to 63"),
    Flag::video("profile", |output, given| {
        if given.is_for(MediaKind::Video) {
            output.spec.video.profile = Some(given.value.clone());
        } else {
            output.notes.push(format!("-{} has no effect: AAC-LC is what there is", given.spelled));
        }
        Ok(())
    })
    .short(&[("vprofile", "v"), ("aprofile", "a")])
    .value("NAME")
    .streams(Streams::Any)
    .choices(Choices::Words(&["baseline", "main", "high"]))
    .help("which tools of H.264 to use: baseline, main, high"),
    Flag::video("level", |output, given| {
        output.spec.video.level = Some(given.read(level(&given.value), "a level of H.264 (3.1, or 31)")?);
        Ok(())
    })
    .value("LEVEL")
    .help("what a decoder must be able to do: 3.1, 4.0; the lowest that fits where it is not said"),
    Flag::video("bf", |output, given| {
        output.spec.video.b_frames = Some(given.count()?);
        Ok(())
    })
    .value("N")
    .help("at most so many B-frames in a row; 0 for the least delay"),
    Flag::video("tune", |output, given| {
        if given.value == "zerolatency" {
            output.spec.live = Some(true);
        } else {
            output.notes.push(format!("-tune {} has no effect; zerolatency has", given.value));
        }
        Ok(())
    })
    .value("NAME")
    .choices(Choices::Words(&["zerolatency"]))
    .help("zerolatency: no picture waits for another; the rule where the output is live anyway"),
    Flag::video("maxrate", |output, given| {
        output.max_rate = given.bit_rate()?;
        Ok(())
    })
    .value("RATE")
    .help("taken for -b:v where there is none; otherwise -b:v is what counts"),
    Flag::video("fps_mode", |output, given| {
        output.spec.video.fps_mode = match given.value.as_str() {
            "auto" | "-1" => FpsMode::Auto,
            "passthrough" | "0" => FpsMode::Passthrough,
            "cfr" | "1" => FpsMode::Constant,
            "vfr" | "2" => FpsMode::Variable,
            _ => return Err(given.refuse("known: auto, passthrough (0), cfr (1), vfr (2)")),
        };
        Ok(())
    })
    .alias(&["vsync"])
    .value("MODE")
    .choices(Choices::Words(&["auto", "passthrough", "cfr", "vfr"]))
    .help("cfr: pictures are duplicated and dropped to keep the rate; vfr, passthrough: they are not"),
    Flag::video("force_key_frames", force_key_frames)
        .value("TIMES")
        .help("key frames at these times: 0,2.5,10 or expr:gte(t,n_forced*2)"),
];

fn quality(output: &mut OutputDraft, given: &Given) -> Outcome {
    let quality = given.number().ok().filter(|quality| (0.0..=63.0).contains(quality));
    let expected = "a quality from 0 (best) to 51, for AV1 to 63";
    output.spec.video.quality = Some(given.read(quality, expected)? as f32);
    Ok(())
}

/// Ten times the level: 31 for `3.1` and for `31`.
fn level(text: &str) -> Option<u8> {
    let number = values::number(text)?;
    let ten_times = if number < 10.0 { (number * 10.0).round() } else { number };
    (ten_times.fract() == 0.0 && (10.0..=62.0).contains(&ten_times)).then_some(ten_times as u8)
}

fn force_key_frames(output: &mut OutputDraft, given: &Given) -> Outcome {
    let expected = "a list of times (0,2.5,10), or expr:gte(t,n_forced*SECONDS)";
    let video = &mut output.spec.video;
    if let Some(expression) = given.value.strip_prefix("expr:") {
        let expression: String = expression.chars().filter(|letter| !letter.is_whitespace()).collect();
        video.key_frame_interval = Some(given.read(interval(&expression), expected)?);
        return Ok(());
    }
    let times: Option<Vec<Duration>> =
        given.value.split(',').map(|time| values::duration(time.trim())).collect();
    video.force_key_frames = given.read(times, expected)?;
    Ok(())
}

/// What scripts write: `gte(t,n_forced*2)`.
fn interval(expression: &str) -> Option<Duration> {
    let product = expression.strip_prefix("gte(t,")?.strip_suffix(')')?;
    let seconds = product.strip_prefix("n_forced*").or_else(|| product.strip_suffix("*n_forced"))?;
    values::duration(seconds).filter(|interval| !interval.is_zero())
}
