//! What is in a file, by ffprobe's word.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::peers;
use crate::program::finish;

/// A packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Presentation time, in ticks of the stream.
    pub pts: i64,
    /// Decoding time, in ticks of the stream.
    pub dts: i64,
    /// Whether decoding may begin here.
    pub key: bool,
    /// Bytes.
    pub size: u64,
    /// MD5 of the bytes.
    pub hash: String,
}

/// The time base of a stream: numerator and denominator, of a second.
pub type TimeBase = (i64, i64);

/// The packets of one stream (`v:0`, `a:0`, `3`) and their time base. `None` without ffprobe.
#[track_caller]
pub fn packets(path: &Path, stream: &str) -> Option<(TimeBase, Vec<Packet>)> {
    let entries = "packet=pts,dts,size,flags,data_hash";
    let answer = ask(path, &["-select_streams", stream, "-show_entries", entries, "-show_data_hash", "md5"])?;
    let packets = list(&answer, "packets").iter().map(|packet| Packet {
        pts: number(packet, "pts"),
        dts: number(packet, "dts"),
        key: text(packet, "flags").starts_with('K'),
        size: text(packet, "size").parse().unwrap_or(0),
        hash: text(packet, "data_hash").to_owned(),
    });
    Some((time_base(path, stream)?, packets.collect()))
}

/// The pts of each decoded frame of a stream, in order of presentation, and their time base.
#[track_caller]
pub fn frames(path: &Path, stream: &str) -> Option<(TimeBase, Vec<i64>)> {
    let answer = ask(path, &["-select_streams", stream, "-show_entries", "frame=pts"])?;
    let frames = list(&answer, "frames").iter().map(|frame| number(frame, "pts")).collect();
    Some((time_base(path, stream)?, frames))
}

/// Everything that ffprobe says of streams and of the file.
#[track_caller]
pub fn describe(path: &Path) -> Option<Value> {
    ask(path, &["-show_streams", "-show_format"])
}

/// A time in nanoseconds, for comparing across time bases: rounds down.
pub fn nanoseconds(ticks: i64, (num, den): TimeBase) -> i64 {
    let nanoseconds = i128::from(ticks) * i128::from(num) * 1_000_000_000 / i128::from(den.max(1));
    i64::try_from(nanoseconds).unwrap_or(i64::MAX)
}

/// Reads a fraction as ffprobe and framemd5 write it.
#[track_caller]
pub fn fraction(text: &str) -> TimeBase {
    let parts = text.trim().split_once('/').map(|(num, den)| (num.parse(), den.parse()));
    let Some((Ok(num), Ok(den))) = parts else { panic!("no fraction: {text}") };
    (num, den)
}

#[track_caller]
fn time_base(path: &Path, stream: &str) -> Option<TimeBase> {
    let answer = ask(path, &["-select_streams", stream, "-show_entries", "stream=time_base"])?;
    let stream = list(&answer, "streams").first();
    Some(fraction(stream.map_or("", |stream| text(stream, "time_base"))))
}

#[track_caller]
fn ask(path: &Path, words: &[&str]) -> Option<Value> {
    let mut ffprobe: Command = peers::ffprobe()?;
    ffprobe.args(["-v", "error", "-of", "json"]).args(words).arg(path);
    let answer = finish(&mut ffprobe, Duration::from_secs(60)).expect_success();
    Some(serde_json::from_slice(&answer.stdout).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn list<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer[name].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// A time: `i64::MIN` where there is none, as in MPEG-TS without timestamps.
fn number(value: &Value, name: &str) -> i64 {
    value[name].as_i64().unwrap_or(i64::MIN)
}
