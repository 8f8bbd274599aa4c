//! What is compared. Codecs run on one thread on both sides.

use super::clip;

/// One comparison.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    /// Files that both read, and how ffmpeg makes them.
    pub(super) inputs: Vec<(&'static str, Vec<String>)>,
    pub(super) ours: Vec<String>,
    pub(super) theirs: Vec<String>,
}

pub(super) fn cases() -> Vec<Case> {
    let quiet = "-v error -nostdin -y";
    let one = "-v error -nostdin -y -threads 1";
    let case = |name, what, inputs, ours: String, theirs: String| Case {
        name,
        what,
        inputs,
        ours: words(&ours),
        theirs: words(&theirs),
    };
    vec![
        case("start-version", "start-up: `-version`", vec![], "-version".into(), "-version".into()),
        case(
            "start-frame",
            "start-up: one generated frame to raw video",
            vec![],
            format!("{quiet} -f lavfi -i testsrc2=size=64x64:rate=1 -frames:v 1 -f rawvideo one.yuv"),
            format!("{one} -f lavfi -i testsrc2=size=64x64:rate=1 -frames:v 1 -f rawvideo one.yuv"),
        ),
        case(
            "decode",
            "decode H.264 720p to rgb24",
            vec![movie()],
            format!("{quiet} -i movie.mp4 -an -pix_fmt rgb24 -f rawvideo /dev/null"),
            format!("{one} -i movie.mp4 -an -pix_fmt rgb24 -f rawvideo -threads 1 /dev/null"),
        ),
        case(
            "scale",
            "scale 1280x720 to 640x360, bicubic",
            vec![raw_720p()],
            format!("{quiet} -f rawvideo -s 1280x720 -i raw720.yuv -s 640x360 -f rawvideo /dev/null"),
            format!(
                "{one} -f rawvideo -s 1280x720 -i raw720.yuv -s 640x360 -sws_flags bicubic -f rawvideo /dev/null"
            ),
        ),
        case(
            "encode-360p",
            "encode H.264 640x360, 800 kbit/s (ffmpeg: x264 veryfast)",
            vec![raw_360p()],
            format!(
                "{quiet} -f rawvideo -s 640x360 -r 25 -i raw360.yuv -c:v h264 -preset veryfast -b:v 800k -f h264 ours.h264"
            ),
            format!(
                "{one} -f rawvideo -s 640x360 -r 25 -i raw360.yuv -c:v libx264 -preset veryfast -b:v 800k -threads 1 -f h264 theirs.h264"
            ),
        ),
        case(
            "encode-720p",
            "encode H.264 1280x720, 2 Mbit/s (ffmpeg: x264 veryfast)",
            vec![raw_720p()],
            format!(
                "{quiet} -f rawvideo -s 1280x720 -r 25 -i raw720.yuv -c:v h264 -preset veryfast -b:v 2M -f h264 ours.h264"
            ),
            format!(
                "{one} -f rawvideo -s 1280x720 -r 25 -i raw720.yuv -c:v libx264 -preset veryfast -b:v 2M -threads 1 -f h264 theirs.h264"
            ),
        ),
        case(
            "encode-aac",
            "encode AAC stereo 48 kHz, 128 kbit/s",
            vec![sound()],
            format!("{quiet} -i sound.wav -c:a aac -b:a 128k ours.aac"),
            format!("{one} -i sound.wav -c:a aac -b:a 128k theirs.aac"),
        ),
        case(
            "copy-mp4-flv",
            "copy MP4 to FLV",
            vec![large("large.mp4")],
            format!("{quiet} -i large.mp4 -c copy ours.flv"),
            format!("{quiet} -i large.mp4 -c copy theirs.flv"),
        ),
        case(
            "copy-flv-ts",
            "copy FLV to MPEG-TS",
            vec![large("large.flv")],
            format!("{quiet} -i large.flv -c copy ours.ts"),
            format!("{quiet} -i large.flv -c copy theirs.ts"),
        ),
        case(
            "copy-ts-flv",
            "copy MPEG-TS to FLV",
            vec![large("large.ts")],
            format!("{quiet} -i large.ts -c copy ours.flv"),
            format!("{quiet} -i large.ts -c copy theirs.flv"),
        ),
    ]
}

/// Ten seconds of 720p H.264: the real clip twice, or a generated one.
fn movie() -> (&'static str, Vec<String>) {
    let how = match clip("bigbuckbunny.mp4") {
        Some(clip) => format!("-stream_loop 1 -i {} -c copy", clip.display()),
        None => "-f lavfi -i testsrc2=size=1280x720:rate=25 -t 10 -c:v libx264 -b:v 2M".into(),
    };
    ("movie.mp4", words(&how))
}

fn raw_720p() -> (&'static str, Vec<String>) {
    ("raw720.yuv", words(&format!("{} -t 5 -an -pix_fmt yuv420p -s 1280x720 -f rawvideo", picture())))
}

fn raw_360p() -> (&'static str, Vec<String>) {
    ("raw360.yuv", words(&format!("{} -t 5 -an -pix_fmt yuv420p -s 640x360 -f rawvideo", picture())))
}

fn picture() -> String {
    match clip("bigbuckbunny.mp4") {
        Some(clip) => format!("-i {}", clip.display()),
        None => "-f lavfi -i testsrc2=size=1280x720:rate=25".into(),
    }
}

/// A minute of sound with many frequencies in it.
fn sound() -> (&'static str, Vec<String>) {
    let tones =
        "aevalsrc='0.2*sin(2*PI*(200+50*t)*t)+0.1*sin(2*PI*3000*t)|0.2*sin(2*PI*(300+40*t)*t)':s=48000:d=60";
    ("sound.wav", ["-f", "lavfi", "-i", tones, "-ac", "2", "-c:a", "pcm_s16le"].map(String::from).to_vec())
}

/// Over 200 MB of H.264 and AAC: ten minutes at 3 Mbit/s.
fn large(name: &'static str) -> (&'static str, Vec<String>) {
    let video = "-f lavfi -i testsrc2=size=640x360:rate=30 -f lavfi -i sine=sample_rate=48000 -t 600";
    let codecs = "-c:v libx264 -preset ultrafast -b:v 3M -minrate 3M -maxrate 3M -bufsize 3M -nal-hrd cbr -c:a aac -b:a 128k";
    (name, words(&format!("{video} {codecs}")))
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(String::from).collect()
}
