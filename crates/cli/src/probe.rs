//! What a file is: for people in ffmpeg's manner, for programs with ffprobe's keys.

use brooklet::Probed;
use brooklet_media::{CodecId, Rational, StreamKind, StreamParams, TimeBase, Timestamp};
use serde_json::{Map, Value, json};

use crate::status;

/// `Input #0, flv, from 'a.flv':` and what follows it.
pub(crate) fn lines(number: usize, url: &str, probed: &Probed) -> Vec<String> {
    let mut lines = vec![format!("Input #{number}, {}, from '{url}':", probed.format)];
    if !probed.metadata.is_empty() {
        lines.push("  Metadata:".into());
        lines.extend(
            probed.metadata.iter().map(|(key, value)| format!("    {:16}: {}", plain(key), plain(value))),
        );
    }
    let duration = probed.duration.map_or_else(|| "N/A".into(), clock);
    let start = probed.start.map_or_else(String::new, |start| format!(" start: {:.6},", start.as_secs_f64()));
    let rate = probed.bit_rate.map_or_else(|| "N/A".into(), |rate| format!("{} kb/s", rate / 1000));
    lines.push(format!("  Duration: {duration},{start} bitrate: {rate}"));
    lines.extend(stream_lines(number, &probed.streams));
    lines
}

/// A line for each stream of input or output `number`.
pub(crate) fn stream_lines(number: usize, streams: &[StreamParams]) -> impl Iterator<Item = String> {
    streams.iter().enumerate().map(move |(index, stream)| {
        let language = language(stream).map(|language| format!("({language})")).unwrap_or_default();
        let default = if stream.default { " (default)" } else { "" };
        format!("  Stream #{number}:{index}{language}: {}{default}", in_words(stream))
    })
}

/// The same as `ffprobe -show_format -show_streams -of json`, with what we know of it.
pub(crate) fn to_json(url: &str, probed: &Probed) -> String {
    let streams: Vec<Value> = probed.streams.iter().enumerate().map(stream_to_json).collect();
    let mut format = Map::new();
    format.insert("filename".into(), url.into());
    format.insert("nb_streams".into(), streams.len().into());
    format.insert("format_name".into(), probed.format.clone().into());
    format.insert("format_long_name".into(), probed.description.clone().into());
    put(&mut format, "start_time", probed.start.map(decimal));
    put(&mut format, "duration", probed.duration.map(decimal));
    put(&mut format, "size", probed.size.map(|size| size.to_string()));
    put(&mut format, "bit_rate", probed.bit_rate.map(|rate| rate.to_string()));
    if !probed.metadata.is_empty() {
        let tags = probed.metadata.iter().map(|(key, value)| (key.clone(), value.clone().into()));
        format.insert("tags".into(), Value::Object(tags.collect()));
    }
    let whole = json!({ "streams": streams, "format": format });
    serde_json::to_string_pretty(&whole).unwrap_or_default() + "\n"
}

/// `Video: h264, yuv420p, 640x360, 25 fps`.
fn in_words(stream: &StreamParams) -> String {
    let rate = stream.bit_rate.map(|rate| format!("{} kb/s", rate / 1000));
    let words = match &stream.kind {
        StreamKind::Video(video) => {
            let size = (video.width > 0).then(|| format!("{}x{}", video.width, video.height));
            let fps = video.frame_rate.map(|rate| format!("{} fps", short(rate.as_f64())));
            vec![video.format.map(|format| format.to_string()), size, rate, fps]
        }
        StreamKind::Audio(audio) => {
            let hz = Some(format!("{} Hz", audio.rate));
            let format = audio.format.map(|format| format.to_string());
            vec![hz, Some(audio.layout.to_string()), format, rate]
        }
        StreamKind::Other => vec![rate],
    };
    let words: String = words.into_iter().flatten().map(|word| format!(", {word}")).collect();
    format!("{}: {}{words}", kind_name(stream), stream.codec)
}

fn kind_name(stream: &StreamParams) -> &'static str {
    match (&stream.kind, stream.codec) {
        (StreamKind::Video(_), _) => "Video",
        (StreamKind::Audio(_), _) => "Audio",
        (StreamKind::Other, CodecId::MovText) => "Subtitle",
        (StreamKind::Other, _) => "Data",
    }
}

fn stream_to_json((index, stream): (usize, &StreamParams)) -> Value {
    let mut keys = Map::new();
    keys.insert("index".into(), index.into());
    keys.insert("codec_name".into(), stream.codec.to_string().into());
    keys.insert("codec_type".into(), kind_name(stream).to_lowercase().into());
    match &stream.kind {
        StreamKind::Video(video) => {
            keys.insert("width".into(), video.width.into());
            keys.insert("height".into(), video.height.into());
            keys.insert("has_b_frames".into(), video.reorder.into());
            keys.insert("sample_aspect_ratio".into(), colon(video.sample_aspect).into());
            put(&mut keys, "pix_fmt", video.format.map(|format| format.to_string()));
            let rate = video.frame_rate.map_or_else(|| "0/0".into(), |rate| rate.to_string());
            keys.insert("r_frame_rate".into(), rate.clone().into());
            keys.insert("avg_frame_rate".into(), rate.into());
        }
        StreamKind::Audio(audio) => {
            put(&mut keys, "sample_fmt", audio.format.map(|format| format.to_string()));
            keys.insert("sample_rate".into(), audio.rate.to_string().into());
            keys.insert("channels".into(), audio.layout.channels().into());
            keys.insert("channel_layout".into(), audio.layout.to_string().into());
            keys.insert("r_frame_rate".into(), "0/0".into());
            keys.insert("avg_frame_rate".into(), "0/0".into());
        }
        StreamKind::Other => {}
    }
    keys.insert("time_base".into(), stream.time_base.to_string().into());
    times(&mut keys, stream.time_base, ["start_pts", "start_time"], stream.start);
    times(&mut keys, stream.time_base, ["duration_ts", "duration"], stream.duration);
    put(&mut keys, "bit_rate", stream.bit_rate.map(|rate| rate.to_string()));
    if !stream.extradata.is_empty() {
        keys.insert("extradata_size".into(), stream.extradata.len().into());
    }
    keys.insert("disposition".into(), json!({ "default": u8::from(stream.default) }));
    if let Some(language) = language(stream) {
        keys.insert("tags".into(), json!({ "language": language }));
    }
    Value::Object(keys)
}

/// The same time in ticks and in seconds.
fn times(keys: &mut Map<String, Value>, base: TimeBase, [ticks, seconds]: [&str; 2], time: Option<i64>) {
    if let Some(time) = time {
        keys.insert(ticks.into(), time.into());
        keys.insert(seconds.into(), format!("{:.6}", base.seconds(time)).into());
    }
}

fn put(keys: &mut Map<String, Value>, key: &str, value: Option<String>) {
    if let Some(value) = value {
        keys.insert(key.into(), value.into());
    }
}

fn language(stream: &StreamParams) -> Option<String> {
    stream.language.map(|letters| letters.iter().map(|letter| char::from(*letter)).collect())
}

/// Without what a terminal takes for a command: a file may say anything.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// `25`, `29.97`: as short as it is right to two places.
fn short(number: f64) -> String {
    format!("{number:.2}").trim_end_matches('0').trim_end_matches('.').into()
}

fn colon(ratio: Rational) -> String {
    format!("{}:{}", ratio.num(), ratio.den())
}

fn decimal(time: Timestamp) -> String {
    format!("{:.6}", time.as_secs_f64())
}

fn clock(time: Timestamp) -> String {
    status::clock(time.since(Timestamp::ZERO), 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::{AudioParams, ChannelLayout, PixelFormat, SampleFormat, VideoParams};

    fn probed() -> Probed {
        let mut video = VideoParams::new(1280, 720);
        video.format = Some(PixelFormat::Yuv420p);
        video.frame_rate = Rational::new(30_000, 1_001);
        let mut video = StreamParams::video(CodecId::H264, TimeBase::MPEG, video);
        (video.language, video.default, video.bit_rate) = (Some(*b"und"), true, Some(1_205_959));
        (video.start, video.duration) = (Some(9_000), Some(475_200));
        let mut audio = AudioParams::new(48_000, ChannelLayout::FiveOne);
        audio.format = Some(SampleFormat::F32p);
        let audio = StreamParams::audio(CodecId::Aac, TimeBase::hz(48_000), audio);
        Probed {
            format: "mov,mp4".into(),
            description: "QuickTime / MOV".into(),
            streams: vec![video, audio],
            metadata: vec![("title".into(), "A\u{1b}B".into())],
            start: Some(Timestamp::from_millis(100)),
            duration: Some(Timestamp::from_millis(5_312)),
            bit_rate: Some(1_589_963),
            size: Some(1_055_736),
        }
    }

    #[test]
    fn lines_for_people() {
        let expected = [
            "Input #0, mov,mp4, from 'a.mp4':",
            "  Metadata:",
            "    title           : A B",
            "  Duration: 00:00:05.31, start: 0.100000, bitrate: 1589 kb/s",
            "  Stream #0:0(und): Video: h264, yuv420p, 1280x720, 1205 kb/s, 29.97 fps (default)",
            "  Stream #0:1: Audio: aac, 48000 Hz, 5.1, fltp",
        ];
        assert_eq!(lines(0, "a.mp4", &probed()), expected);
    }

    #[test]
    fn keys_for_programs() {
        let value: Value = serde_json::from_str(&to_json("a.mp4", &probed())).unwrap();
        assert_eq!(value["format"]["duration"], "5.312000");
        assert_eq!(value["format"]["size"], "1055736");
        assert_eq!(value["format"]["tags"]["title"], "A\u{1b}B");
        let [video, audio] = &value["streams"].as_array().unwrap()[..] else { panic!() };
        assert_eq!((&video["codec_name"], &video["width"]), (&json!("h264"), &json!(1280)));
        assert_eq!(video["avg_frame_rate"], "30000/1001");
        assert_eq!((&video["start_pts"], &video["start_time"]), (&json!(9000), &json!("0.100000")));
        assert_eq!(video["tags"]["language"], "und");
        assert_eq!((&audio["sample_rate"], &audio["channels"]), (&json!("48000"), &json!(6)));
        assert!(audio.get("duration").is_none());
    }

    #[test]
    fn what_is_not_known() {
        let nothing = Probed {
            streams: vec![StreamParams::new(CodecId::Unknown(7), TimeBase::MILLIS, StreamKind::Other)],
            metadata: Vec::new(),
            start: None,
            duration: None,
            bit_rate: None,
            ..probed()
        };
        let lines = lines(1, "-", &nothing);
        assert_eq!(lines[1..], ["  Duration: N/A, bitrate: N/A", "  Stream #1:0: Data: 0x7"]);
    }
}
