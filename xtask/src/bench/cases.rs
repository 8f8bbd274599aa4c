//! What is compared. Codecs run on one thread on both sides.

use super::clip;
use super::quality::{Encoded, RATE};

/// A file that both read, and the words for ffmpeg that make it.
pub(super) type Input = (&'static str, Vec<String>);

/// One comparison.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) input: Option<Input>,
    pub(super) ours: Vec<String>,
    pub(super) theirs: Vec<String>,
    /// Where it is pictures that are encoded.
    pub(super) encoded: Option<Encoded>,
}

pub(super) fn cases() -> Vec<Case> {
    let quiet = "-v error -nostdin -y";
    let one = "-v error -nostdin -y -threads 1";
    let case = |name, what, input, ours: String, theirs: String| Case {
        name,
        what,
        input,
        ours: words(&ours),
        theirs: words(&theirs),
        encoded: None,
    };
    let encode = |name, what, input: Input, size: (u32, u32), rate: &str| {
        let raw = input.0;
        let (width, height) = size;
        let from = format!("-f rawvideo -s {width}x{height} -r {RATE} -i {raw}");
        let how = format!("-preset veryfast -b:v {rate}");
        Case {
            name,
            what,
            input: Some(input),
            ours: words(&format!("{quiet} {from} -c:v h264 {how} -f h264 ours.h264")),
            theirs: words(&format!("{one} {from} -c:v libx264 {how} -threads 1 -f h264 theirs.h264")),
            encoded: Some(Encoded { raw, size, ours: "ours.h264", theirs: "theirs.h264" }),
        }
    };
    vec![
        case(
            "decode",
            "decode H.264 720p to rgb24",
            Some(movie()),
            format!("{quiet} -i movie.mp4 -an -pix_fmt rgb24 -f rawvideo /dev/null"),
            format!("{one} -i movie.mp4 -an -pix_fmt rgb24 -f rawvideo -threads 1 /dev/null"),
        ),
        case(
            "scale",
            "scale 1280x720 to 640x360, bicubic",
            Some(raw_720p()),
            format!("{quiet} -f rawvideo -s 1280x720 -i raw720.yuv -s 640x360 -f rawvideo /dev/null"),
            format!(
                "{one} -f rawvideo -s 1280x720 -i raw720.yuv -s 640x360 -sws_flags bicubic -f rawvideo /dev/null"
            ),
        ),
        encode(
            "encode-360p",
            "encode H.264 640x360, 800 kbit/s (x264 veryfast)",
            raw_360p(),
            (640, 360),
            "800k",
        ),
        encode(
            "encode-720p",
            "encode H.264 1280x720, 2 Mbit/s (x264 veryfast)",
            raw_720p(),
            (1280, 720),
            "2M",
        ),
        case(
            "encode-aac",
            "encode AAC stereo 48 kHz, 128 kbit/s",
            Some(sound()),
            format!("{quiet} -i sound.wav -c:a aac -b:a 128k ours.aac"),
            format!("{one} -i sound.wav -c:a aac -b:a 128k theirs.aac"),
        ),
        case(
            "copy-mp4-flv",
            "copy MP4 to FLV",
            Some(large("large.mp4")),
            format!("{quiet} -i large.mp4 -c copy ours.flv"),
            format!("{quiet} -i large.mp4 -c copy theirs.flv"),
        ),
        case(
            "copy-flv-mp4",
            "copy FLV to MP4",
            Some(large("large.flv")),
            format!("{quiet} -i large.flv -c copy ours.mp4"),
            format!("{quiet} -i large.flv -c copy theirs.mp4"),
        ),
        case(
            "copy-mp4-faststart",
            "copy MP4 to MP4, its index first",
            Some(large("large.mp4")),
            format!("{quiet} -i large.mp4 -c copy -movflags +faststart ours.mp4"),
            format!("{quiet} -i large.mp4 -c copy -movflags +faststart theirs.mp4"),
        ),
        case(
            "copy-flv-ts",
            "copy FLV to MPEG-TS",
            Some(large("large.flv")),
            format!("{quiet} -i large.flv -c copy ours.ts"),
            format!("{quiet} -i large.flv -c copy theirs.ts"),
        ),
        case(
            "copy-ts-flv",
            "copy MPEG-TS to FLV",
            Some(large("large.ts")),
            format!("{quiet} -i large.ts -c copy ours.flv"),
            format!("{quiet} -i large.ts -c copy theirs.flv"),
        ),
    ]
}

/// Ten seconds of 720p H.264: the real clip twice, or a generated one.
fn movie() -> Input {
    let how = match clip("bigbuckbunny.mp4") {
        Some(clip) => format!("-stream_loop 1 -i {} -c copy", clip.display()),
        None => "-f lavfi -i testsrc2=size=1280x720:rate=25 -t 10 -c:v libx264 -b:v 2M".into(),
    };
    ("movie.mp4", words(&how))
}

fn raw_720p() -> Input {
    ("raw720.yuv", words(&format!("{} -t 5 -an -pix_fmt yuv420p -s 1280x720 -f rawvideo", picture())))
}

fn raw_360p() -> Input {
    ("raw360.yuv", words(&format!("{} -t 5 -an -pix_fmt yuv420p -s 640x360 -f rawvideo", picture())))
}

fn picture() -> String {
    match clip("bigbuckbunny.mp4") {
        Some(clip) => format!("-stream_loop -1 -i {}", clip.display()),
        None => "-f lavfi -i testsrc2=size=1280x720:rate=25".into(),
    }
}

/// Ten seconds to stream.
pub(super) fn live_clip() -> Input {
    let sound = "-f lavfi -i sine=frequency=440:sample_rate=48000";
    let codecs = "-c:v libx264 -preset veryfast -b:v 1M -c:a aac -b:a 128k";
    (
        "live.mp4",
        words(&format!(
            "{} {sound} -map 0:v -map 1:a -t 10 -s 640x360 -r 30 -pix_fmt yuv420p {codecs}",
            picture()
        )),
    )
}

/// A minute of sound with many frequencies in it.
fn sound() -> Input {
    let tones =
        "aevalsrc='0.2*sin(2*PI*(200+50*t)*t)+0.1*sin(2*PI*3000*t)|0.2*sin(2*PI*(300+40*t)*t)':s=48000:d=60";
    ("sound.wav", ["-f", "lavfi", "-i", tones, "-ac", "2", "-c:a", "pcm_s16le"].map(String::from).to_vec())
}

/// Over 200 MB of H.264 and AAC: ten minutes at 3 Mbit/s.
fn large(name: &'static str) -> Input {
    let video = "-f lavfi -i testsrc2=size=640x360:rate=30 -f lavfi -i sine=sample_rate=48000 -t 600";
    let codecs = "-c:v libx264 -preset ultrafast -b:v 3M -minrate 3M -maxrate 3M -bufsize 3M -nal-hrd cbr -c:a aac -b:a 128k";
    (name, words(&format!("{video} {codecs}")))
}

pub(super) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(String::from).collect()
}
