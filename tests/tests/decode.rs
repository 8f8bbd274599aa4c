//! What the decoders make, against ffmpeg: every picture to the bit, every pts, and sound to −60 dB.

use std::path::Path;
use std::process::Command;

use brooklet_tests::compare::{FrameSums, difference, floats, frame_sums, loudness, psnr};
use brooklet_tests::program::{DEADLINE, finish, run};
use brooklet_tests::words::words;
use brooklet_tests::{clips, peers, probe};

const X264: &str = "-f lavfi -i testsrc2=size=176x144:rate=25 -t 2 -c:v libx264 -pix_fmt yuv420p";

#[test]
fn real_clips_decode_to_the_pictures_of_ffmpeg() {
    for (clip, stream, count) in [(clips::NASA, 0, 325), (clips::NASA, 3, 390), (clips::BUNNY, 0, 132)] {
        let Some(path) = clips::shared(clip) else { return };
        assert_eq!(pictures_are_equal(&path, stream), count, "{clip} #{stream}");
    }
}

#[test]
fn every_kind_of_h264_decodes_to_the_pictures_of_ffmpeg() {
    for (name, words) in [
        ("baseline.mp4", "-profile:v baseline -g 12"),
        ("main.mp4", "-profile:v main -bf 0"),
        ("high.mp4", "-profile:v high -bf 3 -b_strategy 0 -refs 5"),
        ("pyramid.mp4", "-profile:v high -bf 8 -x264-params b-pyramid=normal:weightp=2:b-adapt=0"),
        ("cavlc.mp4", "-profile:v high -coder 0 -bf 2"),
        ("slices.mp4", "-slices 5"),
        ("open_gop.mp4", "-g 10 -bf 2 -x264-params open-gop=1:b-adapt=0"),
        ("intra_refresh.mp4", "-x264-params intra-refresh=1 -g 20"),
        ("lossless_like.mp4", "-qp 1"),
        ("coarse.mp4", "-qp 50"),
        ("interlaced.mp4", "-flags +ildct+ilme -x264-params tff=1"),
        ("cropped.mp4", "-vf scale=170:138"),
        ("moov_first.mp4", "-movflags +faststart -bf 2"),
        ("fragmented.mp4", "-movflags +frag_keyframe+empty_moov+default_base_moof -g 10 -bf 2"),
        ("fragmented_cmaf.mp4", "-movflags +cmaf+delay_moov -g 10 -bf 2"),
        ("plain.mov", "-bf 2"),
        ("plain.flv", "-bf 2"),
        ("plain.ts", "-bf 2 -g 10"),
    ] {
        let Some(path) = clips::generated(name, &format!("{X264} {words}")) else { return };
        assert_eq!(pictures_are_equal(&path, 0), 50, "{name}");
    }
}

#[test]
fn annex_b_decodes_to_the_pictures_of_ffmpeg() {
    let Some(path) = clips::generated("plain.h264", &format!("{X264} -bf 2")) else { return };
    let Some(theirs) = their_sums(&path, 0) else { return };
    // Annex B has no timestamps: what counts is each picture, once and in order.
    assert_eq!(our_sums(&path, 0).md5, theirs.md5);
}

#[test]
fn motion_jpeg_decodes_to_the_pictures_of_ffmpeg() {
    for (format, chroma) in [("yuvj420p", "yuv420p"), ("yuvj422p", "yuv422p"), ("yuvj444p", "yuv444p")] {
        let how =
            format!("-f lavfi -i testsrc2=size=176x144:rate=25 -t 1 -c:v mjpeg -q:v 3 -pix_fmt {format}");
        let Some(path) = clips::generated(&format!("{format}.mp4"), &how) else { return };
        let line = format!("-v error -i {{}} -pix_fmt {chroma} -f rawvideo -");
        let Some(mut ffmpeg) = peers::ffmpeg() else { return };
        // Its own full range, or it brings pictures to that of television.
        let whole = line.replace(chroma, format);
        let theirs = finish(ffmpeg.args(words(&whole, &[&path])), DEADLINE).expect_success().stdout;
        let ours = run(&words(&line, &[&path])).expect_success().stdout;
        // Each has an inverse transform of its own; smaller chroma is made smaller again from larger.
        let (luma, picture) = (176 * 144, ours.len() / 25);
        let luma_of = |bytes: &[u8]| -> Vec<u8> {
            bytes.chunks(picture).flat_map(|picture| &picture[..luma]).copied().collect()
        };
        let close = (psnr(&luma_of(&ours), &luma_of(&theirs)), psnr(&ours, &theirs));
        assert!(close.0 > 45.0 && close.1 > 30.0, "{format}: {close:.1?} dB");
    }
}

#[test]
fn sound_is_that_of_ffmpeg() {
    for (clip, stream) in [(clips::NASA, 1), (clips::NASA, 4), (clips::BUNNY, 1)] {
        let Some(path) = clips::shared(clip) else { return };
        sound_is_equal(&path, stream);
    }
    let sine = "-f lavfi -i sine=frequency=440:sample_rate=44100:duration=2";
    for (name, line) in [
        ("mono.m4a", format!("{sine} -c:a aac -ac 1")),
        ("stereo.m4a", format!("{sine} -c:a aac -ac 2 -b:a 96k")),
        ("stereo.aac", format!("{sine} -c:a aac -ac 2")),
        ("stereo.flv", format!("{sine} -c:a aac -ac 2")),
        ("stereo.ts", format!("{sine} -c:a aac -ac 2")),
        ("surround.m4a", "-f lavfi -i anoisesrc=d=2:a=0.2:seed=1:r=48000 -c:a aac -ac 6".to_owned()),
        ("noise.m4a", "-f lavfi -i anoisesrc=d=2:a=0.5:seed=2:r=22050 -c:a aac -ac 2 -b:a 64k".to_owned()),
        (
            "sweep.m4a",
            "-f lavfi -i aevalsrc=0.8*sin(2000*t*t)|0.3*sin(900*t):d=3:s=32000 -c:a aac".to_owned(),
        ),
        ("pcm.wav", format!("{sine} -ac 2 -c:a pcm_s16le")),
        ("pcm24.wav", format!("{sine} -ac 2 -c:a pcm_s24le")),
    ] {
        let Some(path) = clips::generated(name, &line) else { return };
        sound_is_equal(&path, 0);
    }
}

/// Compares each picture and each pts, and says how many pictures there are.
#[track_caller]
fn pictures_are_equal(path: &Path, stream: usize) -> usize {
    let ours = our_sums(path, stream);
    let Some(theirs) = their_sums(path, stream) else { return ours.md5.len() };
    let place = ours.md5.iter().zip(&theirs.md5).position(|(ours, theirs)| ours != theirs);
    assert_eq!(place, None, "{}: the first picture that differs", path.display());
    assert_eq!(ours.md5.len(), theirs.md5.len(), "{}: pictures", path.display());
    if let Some((time_base, pts)) = probe::frames(path, &stream.to_string()) {
        let theirs: Vec<i64> = pts.iter().map(|pts| probe::nanoseconds(*pts, time_base)).collect();
        let pts: Vec<i64> = ours.pts.iter().map(|pts| probe::nanoseconds(*pts, ours.time_base)).collect();
        assert_eq!(pts, theirs, "{}: pts, ns", path.display());
    }
    ours.md5.len()
}

#[track_caller]
fn our_sums(path: &Path, stream: usize) -> FrameSums {
    let line = format!("-v error -i {{}} -map 0:{stream} -pix_fmt yuv420p -copyts -f framemd5 -");
    let answer = run(&words(&line, &[path])).expect_success();
    assert_eq!(answer.stderr, "", "{}", path.display());
    frame_sums(&answer.text(), 0)
}

#[track_caller]
fn their_sums(path: &Path, stream: usize) -> Option<FrameSums> {
    let line =
        format!("-v error -i {{}} -map 0:{stream} -pix_fmt yuv420p -fps_mode passthrough -f framemd5 -");
    let answer = finish(peers::ffmpeg()?.args(words(&line, &[path])), DEADLINE).expect_success();
    Some(frame_sums(&answer.text(), 0))
}

#[track_caller]
fn sound_is_equal(path: &Path, stream: usize) {
    let line = format!("-v error -i {{}} -map 0:{stream} -f f32le -");
    let words = words(&line, &[path]);
    let Some(mut ffmpeg) = peers::ffmpeg() else { return };
    let samples = |command: &mut Command| floats(&finish(command, DEADLINE).expect_success().stdout);
    let theirs = samples(ffmpeg.args(&words));
    let ours = samples(brooklet_tests::program::brooklet().args(&words));
    assert_eq!(ours.len(), theirs.len(), "{}: samples", path.display());
    assert!(loudness(theirs.iter().copied()) > -50.0, "{}: silence", path.display());
    let difference = difference(&ours, &theirs);
    assert!(difference < -60.0, "{}: the difference is {difference:.1} dB", path.display());
}
