//! Enhanced RTMP in files: AV1, HEVC, VP9, Opus, FLAC, AC-3 and several tracks in FLV, against ffmpeg 9.0; AV1 decoded
//! and encoded, against ffmpeg's decoders.

use std::path::{Path, PathBuf};
use std::process::Command;

use brooklet_tests::compare::psnr;
use brooklet_tests::program::{DEADLINE, Run, brooklet, finish, run};
use brooklet_tests::words::words;
use brooklet_tests::{clips, peers};

const PICTURE: &str = "-f lavfi -i testsrc2=size=176x144:rate=25 -t 2";
const SOUND: &str = "-f lavfi -i sine=sample_rate=48000 -t 2";

const HEVC: &str = "-c:v libx265 -x265-params log-level=error:info=0:bframes=3 -pix_fmt yuv420p";
const AV1: &str = "-c:v libaom-av1 -cpu-used 8 -crf 40 -g 20 -pix_fmt yuv420p";
const VP9: &str = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -crf 40 -b:v 0 -pix_fmt yuv420p";

/// A name, and how ffmpeg 9.0 makes it.
fn coded() -> Vec<(&'static str, String)> {
    let picture = |how: &str| format!("{PICTURE} {how}");
    let sound = |how: &str| format!("{SOUND} {how}");
    vec![
        ("hevc", picture(HEVC)),
        (
            "hevc_hdr",
            "-f lavfi -i testsrc2=size=176x144:rate=25,format=yuv420p10le,\
             setparams=colorspace=bt2020nc:color_primaries=bt2020:color_trc=smpte2084 -t 2 \
             -c:v libx265 -x265-params log-level=error:info=0:hdr10=1:max-cll=1000,400"
                .to_owned(),
        ),
        ("av1", picture(AV1)),
        ("av1_svt", picture("-c:v libsvtav1 -preset 10 -crf 45 -pix_fmt yuv420p")),
        ("av1_10", picture("-c:v libaom-av1 -cpu-used 8 -crf 40 -pix_fmt yuv420p10le")),
        ("vp9", picture(VP9)),
        ("vp9_10", picture(VP9).replace("yuv420p", "yuv420p10le")),
        ("opus", sound("-c:a libopus -b:a 64k")),
        ("opus_stereo", sound("-ac 2 -c:a libopus -b:a 64k")),
        ("flac", sound("-c:a flac")),
        ("ac3", sound("-c:a ac3")),
        ("ac3_six", sound("-ac 6 -c:a ac3")),
        ("eac3", sound("-c:a eac3")),
        ("mp3", sound("-c:a libmp3lame")),
    ]
}

#[test]
fn flv_is_copied_packet_by_packet() {
    let folder = clips::scratch();
    for (name, line) in coded() {
        let Some(source) = clips::generated_by_ffmpeg9(&format!("{name}.flv"), &line) else { return };
        if name == "hevc_hdr" {
            let tells_colour = clips::read(&source).windows(9).any(|window| window == b"colorInfo");
            assert!(tells_colour, "ffmpeg wrote the metadata that is to be stepped over");
        }
        let copy = folder.path().join(format!("{name}.flv"));
        write("-i {} -c copy", &[&source], &copy);
        let (Some(before), Some(after)) = (packets(&source), packets(&copy)) else { return };
        assert!(before.len() > 20 && after == before, "{name}: {before:#?}\n{after:#?}");
        decodes_without_a_warning(&copy);
    }
}

#[test]
fn mp4_goes_into_flv_packet_by_packet() {
    let folder = clips::scratch();
    for (name, line) in coded() {
        let Some(source) = clips::generated_by_ffmpeg9(&format!("{name}.mp4"), &line) else { return };
        let copy = folder.path().join(format!("{name}.flv"));
        write("-i {} -c copy", &[&source], &copy);
        let (Some(before), Some(after)) = (packets(&source), packets(&copy)) else { return };
        // The clocks differ; the bytes do not.
        let bytes = |packets: &[Packet]| packets.iter().map(|packet| packet.2.clone()).collect::<Vec<_>>();
        assert_eq!(bytes(&after), bytes(&before), "{name}");
        decodes_without_a_warning(&copy);
    }
}

#[test]
fn transport_streams_stand_between_without_a_loss() {
    let folder = clips::scratch();
    for (name, line) in coded() {
        if !["hevc", "opus", "ac3", "ac3_six", "eac3", "mp3"].contains(&name) {
            continue;
        }
        let Some(source) = clips::generated_by_ffmpeg9(&format!("{name}.flv"), &line) else { return };
        let (middle, copy) =
            (folder.path().join(format!("{name}.ts")), folder.path().join(format!("{name}.flv")));
        write("-i {} -c copy", &[&source], &middle);
        write("-i {} -c copy", &[&middle], &copy);
        let (Some(before), Some(after)) = (packets(&source), packets(&copy)) else { return };
        assert_eq!(after, before, "{name}");
        decodes_without_a_warning(&copy);
    }
}

#[test]
fn of_several_tracks_the_first_is_copied_and_that_is_said() {
    let maps = "-map 0 -map 0 -map 1 -map 1";
    let codecs = format!("{} {}", HEVC.replace("-c:v", "-c:v:0"), AV1.replace("-c:v", "-c:v:1"));
    let line = format!("{PICTURE} {SOUND} {maps} {codecs} -c:a:0 libopus -b:a 64k -c:a:1 ac3");
    let Some(source) = clips::generated_by_ffmpeg9("tracks.flv", &line) else { return };
    let folder = clips::scratch();
    let copy = folder.path().join("first.flv");
    let answer = run(&words("-v warning -i {} -c copy -y {}", &[&source, &copy])).expect_success();
    let said = |kind: &str| {
        format!(
            "{}: it has several {kind} tracks, of which only the first (number 0) is read",
            source.display()
        )
    };
    let mut lines: Vec<_> = answer.stderr.lines().collect();
    lines.sort_unstable();
    assert!(
        lines.len() == 2 && lines[0].ends_with(&said("audio")) && lines[1].ends_with(&said("video")),
        "{}",
        answer.stderr
    );
    for stream in ["0:v:0", "0:a:0"] {
        let (Some(before), Some(after)) = (packets_of(&source, stream), packets_of(&copy, stream)) else {
            return;
        };
        assert_eq!(after, before, "{stream}");
    }
    assert_eq!((packets_of(&copy, "0:v:1"), packets_of(&copy, "0:a:1")), (None, None));
    decodes_without_a_warning(&copy);
}

#[test]
fn what_is_in_a_file_is_told() {
    for (name, told) in [
        ("opus.flv", "Audio: opus, 48000 Hz, mono"),
        ("flac.flv", "Audio: flac, 48000 Hz, mono"),
        ("ac3_six.flv", "Audio: ac3, 48000 Hz, 5.1"),
        ("eac3.mp4", "Audio: eac3, 48000 Hz, mono"),
        ("av1.flv", "Video: av1, yuv420p, 176x144, 25 fps"),
        ("av1_10.mp4", "Video: av1, yuv420p10le, 176x144"),
        ("vp9_10.mp4", "Video: vp9, yuv420p10le, 176x144"),
        ("hevc.flv", "Video: hevc, yuv420p, 176x144"),
    ] {
        let stem = name.split('.').next().unwrap_or_default();
        let line = coded().into_iter().find(|(coded, _)| *coded == stem).map(|(_, line)| line);
        let Some(source) = clips::generated_by_ffmpeg9(name, &line.unwrap_or_default()) else { return };
        let answer = run(&words("probe {}", &[&source])).expect_success();
        assert!(answer.text().contains(told), "{name}: {told} is not in\n{}", answer.text());
    }
}

#[test]
fn av1_decodes_to_the_pictures_of_ffmpeg() {
    let long = "-f lavfi -i testsrc2=size=352x288:rate=25 -t 3";
    for (name, line) in [
        ("av1.flv", format!("{PICTURE} {AV1}")),
        ("reordered.mp4", format!("{long} -c:v libaom-av1 -cpu-used 6 -crf 38 -g 40 -lag-in-frames 25")),
        ("svt.mp4", format!("{long} -c:v libsvtav1 -preset 8 -crf 40 -g 40 -pix_fmt yuv420p")),
        (
            "grain.mp4",
            format!("{long} -c:v libaom-av1 -cpu-used 8 -crf 38 -aom-params enable-qm=1:film-grain-test=1"),
        ),
        ("deep.mp4", format!("{PICTURE} -c:v libsvtav1 -preset 10 -crf 40 -pix_fmt yuv420p10le")),
        ("full.mp4", format!("{PICTURE} -c:v libaom-av1 -cpu-used 8 -crf 40 -pix_fmt yuv444p")),
        ("grey.mp4", format!("{PICTURE} -c:v libaom-av1 -cpu-used 8 -crf 40 -pix_fmt gray")),
        (
            "odd.mp4",
            "-f lavfi -i testsrc2=size=131x77:rate=25 -t 1 -pix_fmt yuv420p -c:v libaom-av1 -cpu-used 8 -tiles 2x1"
                .to_owned(),
        ),
        ("rav1e.mp4", format!("{PICTURE} -c:v librav1e -speed 10 -qp 120 -pix_fmt yuv420p")),
    ] {
        let Some(source) = clips::generated_by_ffmpeg9(name, &line) else { return };
        let Some(ffmpeg) = peers::ffmpeg9() else { return };
        let ours = pictures(brooklet(), &source);
        assert!(ours.len() >= 25, "{name}: {} pictures", ours.len());
        assert_eq!(ours, pictures(ffmpeg, &source), "{name}");
    }
}

#[test]
fn vp9_decodes_to_the_pictures_of_ffmpeg() {
    let long = "-f lavfi -i mandelbrot=size=353x287:rate=25 -t 2 -pix_fmt yuv420p";
    for (name, line) in [
        ("vp9.flv", format!("{PICTURE} {VP9}")),
        ("vp9_10.mp4", format!("{PICTURE} {VP9}").replace("yuv420p", "yuv420p10le")),
        (
            "hidden.mp4",
            format!("{long} -c:v libvpx-vp9 -b:v 500k -auto-alt-ref 1 -lag-in-frames 16 -cpu-used 4"),
        ),
        ("vp9_full.mp4", format!("{PICTURE} {VP9}").replace("yuv420p", "yuv444p")),
    ] {
        let Some(source) = clips::generated_by_ffmpeg9(name, &line) else { return };
        let Some(ffmpeg) = peers::ffmpeg9() else { return };
        let ours = pictures(brooklet(), &source);
        assert_eq!((ours.len(), &ours), (50, &pictures(ffmpeg, &source)), "{name}");
    }
}

#[test]
fn damaged_av1_costs_pictures_and_nothing_else() {
    let Some(source) = clips::generated_by_ffmpeg9("av1.flv", &format!("{PICTURE} {AV1}")) else { return };
    let folder = clips::scratch();
    let path = folder.path().join("damaged.flv");
    let mut bytes = clips::read(&source);
    // The second half of the first key frame, and a little of what follows it; the next key frame is the 21st picture.
    let hole = bytes.len() / 6..bytes.len() / 4;
    bytes[hole].iter_mut().step_by(97).for_each(|byte| *byte ^= 0x55);
    std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("{error}"));
    let answer = run(&words("-v error -i {} -f framemd5 -", &[&path])).expect_success();
    assert!(!answer.stderr.contains("bug"), "{}", answer.stderr);
    let (damaged, whole) = (pictures(brooklet(), &path), pictures(brooklet(), &source));
    assert!(damaged.len() <= 50 && damaged != whole, "the damage is in the pictures");
    assert!(damaged.ends_with(&whole[20..]), "from the next key frame on all is well");
}

#[test]
fn av1_that_we_encode_is_the_picture_for_every_decoder() {
    let folder = clips::scratch();
    let Some(raw) = clips::generated("small.y4m", &format!("{PICTURE} -pix_fmt yuv420p")) else { return };
    let path = folder.path().join("ours.flv");
    for how in ["-b:v 400k -g 20", "-crf 25 -preset 9", "-b:v 400k -tune zerolatency -force_key_frames 0.4,1"]
    {
        write(&format!("-i {{}} -c:v av1 {how}"), &[&raw], &path);
        decodes_without_a_warning(&path);
        let samples = |mut command: Command, path: &Path| {
            finish(command.args(words("-v error -i {} -f rawvideo -", &[path])), DEADLINE)
                .expect_success()
                .stdout
        };
        let source = samples(brooklet(), &raw);
        let Some(ffmpeg) = peers::ffmpeg9() else { return };
        for decoded in [samples(ffmpeg, &path), samples(brooklet(), &path)] {
            let quality = psnr(&decoded, &source);
            assert!(quality > 30.0, "{how}: {quality:.1} dB");
        }
        let Some(packets) = packets(&path) else { return };
        let times: Vec<_> = packets.iter().map(|packet| (packet.0, packet.1)).collect();
        assert_eq!(times, (0..50).map(|n| (40 * n, 40 * n)).collect::<Vec<_>>(), "{how}");
    }
}

#[test]
fn an_encoder_that_falls_behind_is_told_once() {
    let line = "-v warning -re -f lavfi -i testsrc2=size=320x180:rate=60 -t 3.5 -c:v libaom-av1 -cpu-used 10 -f null -";
    let answer = run(&words(line, &[])).expect_success();
    let told = answer.stderr.lines().filter(|line| line.contains("encoding av1 falls behind real time: "));
    assert_eq!(told.count(), 1, "{}", answer.stderr);
}

/// dts, pts and MD5.
type Packet = (i64, i64, String);

/// The packets of the first stream, by ffmpeg 9.0.
#[track_caller]
fn packets(path: &Path) -> Option<Vec<Packet>> {
    packets_of(path, "0:0")
}

#[track_caller]
fn packets_of(path: &Path, stream: &str) -> Option<Vec<Packet>> {
    let mut ffmpeg = peers::ffmpeg9()?;
    let line = format!("-v error -i {{}} -map {stream} -c copy -f framemd5 -");
    let answer = finish(ffmpeg.args(words(&line, &[path])), DEADLINE);
    if !answer.status.success() {
        return None;
    }
    let packet = |line: &str| {
        let columns: Vec<&str> = line.split(',').map(str::trim).collect();
        // What follows is beside the bytes: samples to skip and the like.
        let [_, dts, pts, _, size, md5, ..] = columns[..] else { return None };
        // ffmpeg gives a packet of no bytes for tags that hold none: channel maps, ends of sequences.
        (size != "0").then(|| Some((dts.parse().ok()?, pts.parse().ok()?, md5.to_owned())))?
    };
    Some(answer.text().lines().filter(|line| !line.starts_with('#')).filter_map(packet).collect())
}

/// The MD5 of each picture.
#[track_caller]
fn pictures(mut command: Command, path: &Path) -> Vec<String> {
    let Run { status, stdout, stderr, .. } =
        finish(command.args(words("-v error -i {} -map 0:0 -f framemd5 -", &[path])), DEADLINE);
    assert!(status.success(), "{}: {stderr}", path.display());
    let text = String::from_utf8_lossy(&stdout);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.rsplit(',').next()).map(|md5| md5.trim().to_owned()).collect()
}

#[track_caller]
fn write(line: &str, paths: &[&PathBuf], to: &Path) {
    let paths: Vec<&Path> = paths.iter().map(|path| path.as_path()).chain([to]).collect();
    let answer = run(&words(&format!("-v warning {line} -y {{}}"), &paths)).expect_success();
    assert_eq!(answer.stderr, "", "{line}");
}

#[track_caller]
fn decodes_without_a_warning(path: &Path) {
    let Some(mut ffmpeg) = peers::ffmpeg9() else { return };
    let answer = finish(ffmpeg.args(words("-v warning -i {} -map 0 -f null -", &[path])), DEADLINE);
    assert!(answer.status.success() && answer.stderr.is_empty(), "{}: {}", path.display(), answer.stderr);
}
