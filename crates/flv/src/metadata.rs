//! `onMetaData`: what a file or a publisher says of itself (annex E.5), in both directions.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::string::ToString;
use alloc::vec::Vec;

use brooklet_media::{Metadata, Rational, StreamKind, StreamParams};

use crate::amf0::{self, Value};
use crate::coding::Coding;

/// The name of the script that is understood.
const NAME: &str = "onMetaData";

/// What RTMP publishers put before it; it means nothing in a tag.
const SET_DATA_FRAME: &str = "@setDataFrame";

/// Names that say something of the streams or of the file's layout: never tags of people.
const RESERVED: [&str; 32] = [
    "duration",
    "filesize",
    "width",
    "height",
    "framerate",
    "fps",
    "videodatarate",
    "videocodecid",
    "videosize",
    "videokeyframe_frequency",
    "displayWidth",
    "displayHeight",
    "audiodatarate",
    "audiosamplerate",
    "audiosamplesize",
    "audiocodecid",
    "audiochannels",
    "audiosize",
    "audiodelay",
    "stereo",
    "datasize",
    "totalframes",
    "hasAudio",
    "hasVideo",
    "hasCuePoints",
    "hasMetadata",
    "hasKeyframes",
    "canSeekToEnd",
    "keyframes",
    "lasttimestamp",
    "lastkeyframetimestamp",
    "lastkeyframelocation",
];

/// Bytes from the start of a script's body to the eight of its first number: the string onMetaData, the array and
/// its count, the name "duration", the number's marker.
pub(crate) const DURATION_AT: usize = 3 + NAME.len() + 5 + 2 + "duration".len() + 1;

/// The same to the second number.
pub(crate) const FILESIZE_AT: usize = DURATION_AT + 8 + 2 + "filesize".len() + 1;

/// What was read.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct OnMetaData {
    pub(crate) promises_video: bool,
    pub(crate) promises_audio: bool,
    /// Milliseconds.
    pub(crate) duration: Option<i64>,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) frame_rate: Option<Rational>,
    /// bit/s.
    pub(crate) video_bit_rate: Option<u64>,
    /// bit/s.
    pub(crate) audio_bit_rate: Option<u64>,
    /// Hz.
    pub(crate) audio_rate: Option<u32>,
    pub(crate) channels: Option<u8>,
    /// Times in milliseconds, with the places of their tags in bytes from the start of the file.
    pub(crate) key_frames: Vec<(i64, u64)>,
    /// Title and the like.
    pub(crate) tags: Metadata,
}

impl OnMetaData {
    /// Reads the body of a script tag; `None` where it is another script, or damaged.
    pub(crate) fn parse(mut body: &[u8]) -> Option<Self> {
        let mut name = amf0::read(&mut body).ok()?;
        if name.as_str() == Some(SET_DATA_FRAME) {
            name = amf0::read(&mut body).ok()?;
        }
        if name.as_str() != Some(NAME) {
            return None;
        }
        let said = amf0::read(&mut body).ok()?;
        let number = |name| said.property(name).and_then(Value::as_number).filter(|number| *number > 0.0);
        let named = |name| number(name).is_some() || said.property(name).and_then(Value::as_str).is_some();
        // Rates are in units of 1024, as ffmpeg has it.
        let bit_rate = |name| number(name).map(|kilobits| nearest(kilobits * 1_024.0) as u64);
        Some(Self {
            promises_video: named("videocodecid"),
            promises_audio: named("audiocodecid"),
            duration: number("duration").map(|seconds| nearest(seconds * 1_000.0)),
            width: number("width").map_or(0, |width| width as u32),
            height: number("height").map_or(0, |height| height as u32),
            frame_rate: number("framerate").or_else(|| number("fps")).and_then(nearest_rate),
            video_bit_rate: bit_rate("videodatarate"),
            audio_bit_rate: bit_rate("audiodatarate"),
            audio_rate: number("audiosamplerate").map(|rate| rate as u32),
            channels: (number("audiochannels").map(|count| count as u8))
                .or_else(|| said.property("stereo")?.as_bool().map(|stereo| 1 + u8::from(stereo))),
            key_frames: said.property("keyframes").map(read_index).unwrap_or_default(),
            tags: said.properties().iter().filter_map(read_tag).collect(),
        })
    }
}

/// Writes the body of a script tag. With `patched`, the numbers at [`DURATION_AT`] and [`FILESIZE_AT`] wait for the
/// end of the file.
pub(crate) fn write<'a>(
    streams: impl IntoIterator<Item = (&'a StreamParams, Coding)>,
    tags: &Metadata,
    patched: bool,
) -> Vec<u8> {
    let mut said = Vec::new();
    let mut say = |name: &str, value: Value| said.push((name.to_owned(), value));
    if patched {
        say("duration", 0.0.into());
        say("filesize", 0.0.into());
    }
    for (params, coding) in streams {
        let kilobits = params.bit_rate.unwrap_or(0) as f64 / 1_024.0;
        match params.kind {
            StreamKind::Video(video) => {
                say("width", f64::from(video.width).into());
                say("height", f64::from(video.height).into());
                say("videodatarate", kilobits.into());
                if let Some(rate) = video.frame_rate {
                    say("framerate", rate.as_f64().into());
                }
                say("videocodecid", coding.number().into());
            }
            StreamKind::Audio(audio) => {
                let eight_bits = params.codec.name() == "pcm_u8";
                say("audiodatarate", kilobits.into());
                say("audiosamplerate", f64::from(audio.rate).into());
                say("audiosamplesize", if eight_bits { 8.0 } else { 16.0 }.into());
                say("stereo", (audio.layout.channels() == 2).into());
                say("audiocodecid", coding.number().into());
            }
            StreamKind::Other => {}
        }
    }
    for (name, text) in tags.iter().filter(|(name, _)| !RESERVED.contains(&name.as_str())) {
        say(name, text.as_str().into());
    }
    if !tags.iter().any(|(name, _)| name == "encoder") {
        say("encoder", concat!("brooklet ", env!("CARGO_PKG_VERSION")).into());
    }
    let mut body = Vec::new();
    amf0::write(&NAME.into(), &mut body);
    amf0::write(&Value::EcmaArray(said), &mut body);
    body
}

/// The nearest whole number: `core` has no `round`.
fn nearest(number: f64) -> i64 {
    (number + 0.5_f64.copysign(number)) as i64
}

/// The rate meant by a decimal: a whole number, its 1000/1001, or thousandths.
fn nearest_rate(decimal: f64) -> Option<Rational> {
    if !decimal.is_finite() || decimal > 100_000.0 {
        return None;
    }
    let whole = nearest(decimal) as f64;
    let exact = [(whole, 1.0), (whole * 1_000.0, 1_001.0)];
    let near = |(num, den): &(f64, f64)| (num / den - decimal).abs() < 0.002 * decimal.min(1.0);
    let (num, den) = exact.into_iter().find(near).unwrap_or((nearest(decimal * 1_000.0) as f64, 1_000.0));
    Rational::new(num as u32, den as u32).filter(|rate| rate.num() > 0)
}

/// `keyframes { times: seconds, filepositions: bytes }`, which many tools add.
fn read_index(index: &Value) -> Vec<(i64, u64)> {
    let list = |name| match index.property(name) {
        Some(Value::StrictArray(values)) => values.as_slice(),
        _ => &[],
    };
    let numbers = |name| list(name).iter().filter_map(Value::as_number);
    let mut index: Vec<_> = numbers("times")
        .zip(numbers("filepositions"))
        .map(|(seconds, place)| (nearest(seconds * 1_000.0), place as u64))
        .collect();
    index.sort_unstable();
    index
}

fn read_tag((name, value): &(String, Value)) -> Option<(String, String)> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Boolean(flag) => flag.to_string(),
        _ => return None,
    };
    (!RESERVED.contains(&name.as_str())).then(|| (name.clone(), text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::{AudioParams, ChannelLayout, CodecId, TimeBase, VideoParams};

    fn streams() -> [(StreamParams, Coding); 2] {
        let ntsc = Rational::new(30_000, 1_001);
        let video = VideoParams { frame_rate: ntsc, ..VideoParams::new(640, 360) };
        let mut video = StreamParams::video(CodecId::H264, TimeBase::MILLIS, video);
        video.bit_rate = Some(1_024_000);
        let audio = AudioParams::new(48_000, ChannelLayout::Stereo);
        let audio = StreamParams::audio(CodecId::Opus, TimeBase::MILLIS, audio);
        [(video, Coding::Legacy(7)), (audio, Coding::FourCc(*b"Opus"))]
    }

    fn written(patched: bool) -> Vec<u8> {
        let tags = vec![("title".into(), "A stream".into()), ("width".into(), "9".into())];
        write(streams().iter().map(|(params, coding)| (params, *coding)), &tags, patched)
    }

    #[test]
    fn what_is_written_reads_back() {
        let read = OnMetaData::parse(&written(false)).unwrap();
        assert_eq!((read.promises_video, read.promises_audio), (true, true));
        assert_eq!((read.width, read.height, read.video_bit_rate), (640, 360, Some(1_024_000)));
        assert_eq!(read.frame_rate, Rational::new(30_000, 1_001));
        assert_eq!((read.audio_rate, read.channels, read.duration), (Some(48_000), Some(2), None));
        assert_eq!(read.tags[0], ("title".into(), "A stream".into()));
        assert_eq!(read.tags.len(), 2, "title and encoder, but never width");
    }

    #[test]
    fn the_numbers_to_patch_are_where_they_are_said_to_be() {
        let mut body = written(true);
        body[DURATION_AT..DURATION_AT + 8].copy_from_slice(&12.5f64.to_be_bytes());
        body[FILESIZE_AT..FILESIZE_AT + 8].copy_from_slice(&4_096f64.to_be_bytes());
        let mut values = &body[..];
        amf0::read(&mut values).unwrap();
        let said = amf0::read(&mut values).unwrap();
        assert_eq!(said.property("duration").and_then(Value::as_number), Some(12.5));
        assert_eq!(said.property("filesize").and_then(Value::as_number), Some(4_096.0));
        assert_eq!(OnMetaData::parse(&body).unwrap().duration, Some(12_500));
    }

    #[test]
    fn decimals_become_the_rates_that_were_meant() {
        let rate = |decimal| nearest_rate(decimal).map(|rate| (rate.num(), rate.den()));
        assert_eq!(rate(25.0), Some((25, 1)));
        assert_eq!(rate(29.97), Some((30_000, 1_001)));
        assert_eq!(rate(23.976), Some((24_000, 1_001)));
        assert_eq!(rate(12.5), Some((25, 2)));
        assert_eq!(rate(0.5), Some((1, 2)));
        assert_eq!((rate(f64::NAN), rate(f64::INFINITY), rate(1e-9)), (None, None, None));
    }

    #[test]
    fn an_index_is_read_in_the_order_of_time() {
        let list = |numbers: [f64; 2]| Value::StrictArray(numbers.map(Value::Number).to_vec());
        let index = Value::Object(vec![
            ("filepositions".into(), list([9_000.0, 400.0])),
            ("times".into(), list([2.0, 0.0])),
        ]);
        assert_eq!(read_index(&index), [(0, 400), (2_000, 9_000)]);
    }

    #[test]
    fn a_publishers_prefix_is_stepped_over() {
        let mut body = Vec::new();
        amf0::write(&SET_DATA_FRAME.into(), &mut body);
        body.extend(written(false));
        assert_eq!(OnMetaData::parse(&body), OnMetaData::parse(&written(false)));
        assert_eq!(OnMetaData::parse(b"\x02\0\x01a"), None);
    }
}
