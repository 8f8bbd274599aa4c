//! H.264 and AAC by RTP, both ways: what is received are the pictures and the sound that were sent, all but the first few.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use brooklet_tests::program::{DEADLINE, Running, brooklet};
use brooklet_tests::servers::{await_udp, free_rtp_port};
use brooklet_tests::{clips, peers};

/// Four seconds: 100 pictures, 188 packets of sound.
fn clip() -> Option<PathBuf> {
    clips::generated(
        "rtp.mp4",
        "-f lavfi -i testsrc2=size=320x240:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000 -t 4 \
         -c:v libx264 -preset veryfast -bf 0 -g 25 -pix_fmt yuv420p -c:a aac -b:a 96k",
    )
}

fn ours(line: &str, input: &Path) -> Command {
    let mut command = brooklet();
    command.args(
        line.split_whitespace().map(|word| if word == "FILE" { input.to_str().unwrap() } else { word }),
    );
    command
}

/// Codecs and how many frames of each can be decoded, a line each.
fn frames(path: &Path) -> Option<String> {
    let mut probe = peers::ffprobe()?;
    let line = "-v error -count_frames -show_entries stream=codec_name,nb_read_frames -of csv=p=0";
    probe.args(line.split_whitespace()).arg(path);
    Some(Running::start(&mut probe).finish(DEADLINE).text())
}

fn count(found: &str, codec: &str) -> u32 {
    let line = found.lines().find(|line| line.starts_with(codec)).unwrap_or_default();
    line.split(',').nth(1).and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// What our sender does with the clip, and its description.
fn sending(sdp: &Path, video: u16, audio: u16) -> String {
    format!(
        "-v error -re -i FILE -map 0:v -c copy -f rtp -sdp_file {} rtp://127.0.0.1:{video} -map 0:a -c copy -f rtp rtp://127.0.0.1:{audio}",
        sdp.display()
    )
}

#[test]
fn ffmpeg_receives_them_and_sends_them() {
    let Some(clip) = clip() else { return };
    for theirs_receives in [true, false] {
        let folder = clips::scratch();
        let (sdp, out) = (folder.path().join("a.sdp"), folder.path().join("out.ts"));
        let [video, audio] = [free_rtp_port(), free_rtp_port()];
        let sending = sending(&sdp, video, audio);
        let theirs = |line: String, input: &Path| {
            let mut ffmpeg = peers::ffmpeg()?;
            ffmpeg.arg("-nostdin");
            ffmpeg.args(
                line.split_whitespace()
                    .map(|word| if word == "FILE" { input.to_str().unwrap() } else { word }),
            );
            Some(ffmpeg)
        };
        let both = |line: String, ours_runs: bool| {
            if ours_runs { Some(ours(&line, &clip)) } else { theirs(line, &clip) }
        };
        let Some(mut first) = both(sending.replace("-re", "-t 0.2"), theirs_receives) else { return };
        Running::start(&mut first).finish(DEADLINE);
        let receiving = if theirs_receives {
            format!(
                "-v error -protocol_whitelist file,udp,rtp -i {} -c copy -t 6 {}",
                sdp.display(),
                out.display()
            )
        } else {
            format!("-v error -timeout 2000000 -i {} -c copy {}", sdp.display(), out.display())
        };
        let Some(mut receiver) = both(receiving, !theirs_receives) else { return };
        let receiver = Running::start(&mut receiver);
        [video, audio].into_iter().for_each(await_udp);
        let Some(mut sender) = both(sending, theirs_receives) else { return };
        Running::start(&mut sender).finish(DEADLINE).expect_success();
        thread::sleep(Duration::from_millis(500));
        if theirs_receives {
            receiver.signal("INT");
        }
        let run = receiver.finish(DEADLINE);
        let Some(found) = frames(&out) else { return };
        let count = |codec| count(&found, codec);
        assert!((95..=100).contains(&count("h264")), "{theirs_receives}: {found} {}", run.stderr);
        assert!((180..=190).contains(&count("aac")), "{theirs_receives}: {found} {}", run.stderr);
    }
}

#[test]
fn gstreamer_receives_them() {
    let Some(clip) = clip() else { return };
    let folder = clips::scratch();
    let (sdp, pictures, sound) =
        (folder.path().join("a.sdp"), folder.path().join("out.h264"), folder.path().join("out.aac"));
    let [video, audio] = [free_rtp_port(), free_rtp_port()];
    let line = sending(&sdp, video, audio);
    Running::start(&mut ours(&line.replace("-re", "-t 0.2"), &clip)).finish(DEADLINE).expect_success();
    let described = std::fs::read_to_string(&sdp).unwrap();
    let config = described.split("config=").nth(1).and_then(|rest| rest.split([';', '\r']).next()).unwrap();
    let Some(mut gst) = peers::gst_launch() else { return };
    let pipeline = format!(
        "-q -e udpsrc port={video} caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,payload=96 \
         ! rtpjitterbuffer latency=200 ! rtph264depay ! h264parse ! video/x-h264,stream-format=byte-stream \
         ! filesink location={} \
         udpsrc port={audio} caps=application/x-rtp,media=audio,clock-rate=48000,encoding-name=MPEG4-GENERIC,\
         mode=(string)AAC-hbr,config=(string){config},sizelength=(string)13,indexlength=(string)3,\
         indexdeltalength=(string)3,payload=97 \
         ! rtpjitterbuffer latency=200 ! rtpmp4gdepay ! aacparse ! audio/mpeg,stream-format=adts \
         ! filesink location={}",
        pictures.display(),
        sound.display()
    );
    let receiver = Running::start(gst.args(pipeline.split_whitespace()));
    [video, audio].into_iter().for_each(await_udp);
    Running::start(&mut ours(&line, &clip)).finish(DEADLINE).expect_success();
    thread::sleep(Duration::from_millis(700));
    receiver.signal("INT");
    let run = receiver.finish(DEADLINE);
    let (Some(pictures), Some(sound)) = (frames(&pictures), frames(&sound)) else { return };
    assert!((95..=100).contains(&count(&pictures, "h264")), "{pictures} {}", run.stderr);
    assert!((180..=190).contains(&count(&sound, "aac")), "{sound} {}", run.stderr);
}

#[test]
fn what_gstreamer_sends_is_received() {
    let Some(clip) = clip() else { return };
    let folder = clips::scratch();
    let (sdp, out) = (folder.path().join("a.sdp"), folder.path().join("out.ts"));
    let [video, audio] = [free_rtp_port(), free_rtp_port()];
    // A description of the same: GStreamer writes none.
    let line = sending(&sdp, video, audio).replace("-re", "-t 0.2");
    Running::start(&mut ours(&line, &clip)).finish(DEADLINE).expect_success();
    let receiving = format!("-v error -timeout 2000000 -i {} -c copy {}", sdp.display(), out.display());
    let receiver = Running::start(&mut ours(&receiving, &clip));
    [video, audio].into_iter().for_each(await_udp);
    let Some(mut gst) = peers::gst_launch() else { return };
    let pipeline = format!(
        "-q filesrc location={} ! qtdemux name=clip \
         clip.video_0 ! queue ! h264parse ! rtph264pay config-interval=-1 pt=96 ! udpsink host=127.0.0.1 port={video} \
         clip.audio_0 ! queue ! aacparse ! rtpmp4gpay pt=97 ! udpsink host=127.0.0.1 port={audio}",
        clip.display()
    );
    Running::start(gst.args(pipeline.split_whitespace())).finish(DEADLINE).expect_success();
    let run = receiver.finish(DEADLINE).expect_success();
    let Some(found) = frames(&out) else { return };
    assert!((95..=100).contains(&count(&found, "h264")), "{found} {}", run.stderr);
    assert!((180..=190).contains(&count(&found, "aac")), "{found} {}", run.stderr);
}
