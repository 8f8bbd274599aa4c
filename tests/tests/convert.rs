//! Conversions and cuts: exact counts, ffmpeg's pictures, and the bitrate that was asked for.

use std::path::Path;

use brooklet_tests::compare::{floats, frame_sums, loudness, psnr};
use brooklet_tests::program::{DEADLINE, finish, run};
use brooklet_tests::words::words;
use brooklet_tests::{clips, peers, players, probe};

/// Four seconds, 25 pictures each, that differ from each other.
const PICTURE: &str = "-f lavfi -i testsrc2=size=176x144:rate=25 -t 4";

#[test]
fn frame_rates_change_to_exact_counts() {
    for (rate, count) in
        [("50", 200), ("60", 240), ("30", 120), ("12.5", 50), ("10", 40), ("5", 20), ("1", 4)]
    {
        let sums = frame_sums(&text(&format!("{PICTURE} -r {rate} -pix_fmt yuv420p -f framemd5 -"), &[]), 0);
        assert_eq!(sums.md5.len(), count, "pictures at {rate}");
        let expected: Vec<i64> =
            (0..count as i64).map(|place| sums.pts[0] + place * (sums.pts[1] - sums.pts[0])).collect();
        assert_eq!(sums.pts, expected, "evenly spaced at {rate}");
    }
    let slow = frame_sums(&text(&format!("{PICTURE} -r 5 -pix_fmt yuv420p -f framemd5 -"), &[]), 0);
    let all = frame_sums(&text(&format!("{PICTURE} -pix_fmt yuv420p -f framemd5 -"), &[]), 0);
    assert!(slow.md5.iter().all(|md5| all.md5.contains(md5)), "pictures are chosen, not mixed");
}

#[test]
fn pictures_are_as_many_as_ffmpegs_where_a_filter_or_an_input_sets_their_rate() {
    let Some(clip) =
        clips::generated("convert.mp4", &format!("{PICTURE} -c:v libx264 -qp 10 -pix_fmt yuv420p"))
    else {
        return;
    };
    for how in [
        "-i {} -vf fps=1 -f rawvideo -",
        "-i {} -vf fps=10 -f rawvideo -",
        "-i {} -vf fps=50 -f yuv4mpegpipe -",
        "-r 10 -i {} -f yuv4mpegpipe -",
    ] {
        let line = format!("-v error {how}").replace(" -f ", " -s 88x72 -pix_fmt yuv420p -f ");
        let Some(mut ffmpeg) = peers::ffmpeg() else { return };
        let theirs = finish(ffmpeg.args(words(&line, &[&clip])), DEADLINE).expect_success().stdout;
        let ours = run(&words(&line, &[&clip])).expect_success().stdout;
        let picture = 88 * 72 * 3 / 2;
        assert_eq!(ours.len() / picture, theirs.len() / picture, "{how}");
    }
}

#[test]
fn a_pixel_format_that_the_encoder_does_not_take_is_another() {
    for format in ["rgb24", "yuva420p"] {
        let line = format!("-v warning {PICTURE} -frames:v 2 -c:v h264 -pix_fmt {format} -f h264 -");
        let run = run(&words(&line, &[])).expect_success();
        assert!(
            run.stderr.contains(&format!("h264 takes no {format}")) && !run.stdout.is_empty(),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn what_is_copied_from_the_middle_begins_with_a_key_frame() {
    let how = format!("{PICTURE} -c:v libx264 -g 40 -bf 2 -pix_fmt yuv420p");
    let Some(clip) = clips::generated("middle.mp4", &how) else { return };
    let scratch = clips::scratch();
    for format in ["ts", "flv"] {
        let out = scratch.path().join(format!("middle.{format}"));
        run(&words("-v error -i {} -ss 1 -t 2 -c copy {}", &[&clip, &out])).expect_success();
        let packets = players::Track::of(&out, "v:0").packets;
        // From 1.6 s, where the second key frame is, to 3.
        assert!(packets[0].key && (34..=38).contains(&packets.len()), "{format}: {}", packets.len());
    }
}

#[test]
fn sizes_and_formats_are_those_of_ffmpeg() {
    let Some(clip) =
        clips::generated("convert.mp4", &format!("{PICTURE} -c:v libx264 -qp 10 -pix_fmt yuv420p"))
    else {
        return;
    };
    let formats = ["rgb24", "bgr24", "rgba", "bgra", "gray", "yuv444p", "nv12", "yuv420p"];
    let mut lines: Vec<(String, f64)> =
        formats.iter().map(|format| (format!("-pix_fmt {format} -frames:v 10"), 38.0)).collect();
    for size in ["320x240", "88x72", "176x100", "100x144"] {
        lines.push((format!("-s {size} -pix_fmt yuv420p -frames:v 10"), 35.0));
    }
    lines.push(("-vf crop=100:80:10:20,hflip -pix_fmt yuv420p -frames:v 10".to_owned(), 45.0));
    lines.push(("-vf vflip -pix_fmt gray -frames:v 10".to_owned(), 45.0));
    for (how, least) in lines {
        let line = format!("-v error -i {{}} {how} -f rawvideo -");
        let Some(mut ffmpeg) = peers::ffmpeg() else { return };
        let theirs = finish(ffmpeg.args(words(&line, &[&clip])), DEADLINE).expect_success().stdout;
        let ours = run(&words(&line, &[&clip])).expect_success().stdout;
        let close = psnr(&ours, &theirs);
        assert!(close >= least, "{how}: {close:.1} dB of {least}");
    }
}

#[test]
fn sound_changes_rate_and_channels() {
    let tone = "-f lavfi -i sine=frequency=440:sample_rate=44100 -t 2";
    let plain = sound(&format!("{tone} -f f32le -"));
    assert_eq!(plain.len(), 88_200);
    for rate in [8_000, 16_000, 22_050, 48_000, 96_000] {
        let other = sound(&format!("{tone} -ar {rate} -f f32le -"));
        assert!(other.len().abs_diff(2 * rate) <= 1, "{} samples at {rate} Hz", other.len());
        let change = loudness(other.iter().copied()) - loudness(plain.iter().copied());
        assert!(change.abs() < 0.2, "{change:.2} dB louder at {rate} Hz");
    }
    for channels in [1, 2, 6] {
        let other = sound(&format!("{tone} -ac {channels} -f f32le -"));
        assert_eq!(other.len(), 88_200 * channels, "{channels} channels");
        assert!(loudness(other.iter().copied()) > -40.0, "{channels} channels: silence");
    }
}

#[test]
fn cuts_are_exact() {
    let Some(clip) =
        clips::generated("cuts.mp4", &format!("{PICTURE} -c:v libx264 -g 25 -bf 2 -pix_fmt yuv420p"))
    else {
        return;
    };
    let sums = |input: &str, output: &str| {
        frame_sums(&text(&format!("{input} -i {{}} {output} -pix_fmt yuv420p -f framemd5 -"), &[&clip]), 0)
            .md5
    };
    let all = sums("", "");
    assert_eq!(all.len(), 100);
    for (input, output, from, to) in [
        ("-t 2", "", 0, 50),
        ("", "-t 2", 0, 50),
        ("-to 1.2", "", 0, 30),
        ("", "-frames:v 7", 0, 7),
        ("-ss 1", "", 25, 100),
        ("-ss 1.48", "", 37, 100),
        ("", "-ss 1.48", 37, 100),
        ("-ss 1.48 -t 1", "", 37, 62),
        ("-ss 2 -to 3", "", 50, 75),
        ("-ss 3.96", "", 99, 100),
    ] {
        let cut = sums(input, output);
        assert_eq!(cut.len(), to - from, "{input} / {output}: pictures");
        assert!(cut == all[from..to], "{input} / {output}: other pictures");
    }
    let twice = sums("-stream_loop 1", "");
    assert_eq!(twice.len(), 200, "two rounds");
    assert!(twice[100..] == all[..] && twice[..100] == all[..], "each round is the same");
}

#[test]
fn an_offset_moves_one_input() {
    let folder = clips::scratch();
    let path = folder.path().join("moved.ts");
    let line = "-v error -f lavfi -i testsrc2=size=64x64:rate=25:duration=2 -itsoffset 0.5 -f lavfi -i sine=duration=2 -y {}";
    run(&words(line, &[&path])).expect_success();
    let first = |stream: &str| {
        probe::packets(&path, stream)
            .map(|(base, packets)| probe::nanoseconds(packets[0].pts, base) as f64 / 1e9)
    };
    let (Some(picture), Some(sound)) = (first("v:0"), first("a:0")) else { return };
    // The encoder's delay of 1024 samples may come before.
    assert!((sound - picture - 0.5).abs() < 0.03, "sound comes {} s after", sound - picture);
}

#[test]
fn one_decode_feeds_several_outputs() {
    let Some(clip) = clips::shared(clips::NASA) else { return };
    let folder = clips::scratch();
    let (flv, ts, raw) =
        (folder.path().join("a.flv"), folder.path().join("b.ts"), folder.path().join("c.s16"));
    let line = "-v error -y -t 3 -i {} -map 0:v:0 -map 0:a:1 -c copy {} -map 0:0 -map 0:1 -s 160x90 {} -vn -ac 1 -ar 8000 -f s16le {}";
    run(&words(line, &[&clip, &flv, &ts, &raw])).expect_success();
    for (path, width, rate) in [(&flv, 320, "16000"), (&ts, 160, "8000")] {
        let Some(all) = probe::describe(path) else { return };
        let of = |kind: &str| {
            let all = all["streams"].as_array().unwrap();
            all.iter().find(|stream| stream["codec_type"] == kind).unwrap().clone()
        };
        assert_eq!(
            (of("video")["width"].as_i64(), of("audio")["sample_rate"].as_str()),
            (Some(width), Some(rate))
        );
        let Some((_, pictures)) = probe::packets(path, "v:0") else { return };
        // A copy is cut by dts, and so holds the pictures that the last ones refer to.
        let most = if width == 320 { 78 } else { 75 };
        assert!((75..=most).contains(&pictures.len()), "{}: {} pictures", path.display(), pictures.len());
    }
    let seconds = clips::read(&raw).len() as f64 / 16_000.0;
    assert!((seconds - 3.0).abs() < 0.07, "{seconds} s of sound");
}

#[test]
fn a_megabit_is_enough_for_480x270() {
    let Some(clip) = clips::shared(clips::NASA) else { return };
    let folder = clips::scratch();
    let path = folder.path().join("megabit.flv");
    run(&words("-v error -y -i {} -map 0:3 -b:v 1M {}", &[&clip, &path])).expect_success();
    let Some(mut ffmpeg) = peers::ffmpeg() else { return };
    let decode = |ffmpeg: &mut std::process::Command, path: &Path, stream: usize| {
        let line =
            format!("-v error -i {{}} -map 0:{stream} -pix_fmt yuv420p -fps_mode passthrough -f rawvideo -");
        finish(ffmpeg.args(words(&line, &[path])), DEADLINE).expect_success().stdout
    };
    let ours = decode(&mut ffmpeg, &path, 0);
    let Some(mut ffmpeg) = peers::ffmpeg() else { return };
    let source = decode(&mut ffmpeg, &clip, 3);
    let quality = psnr(&ours, &source);
    assert!(quality >= 35.0, "{quality:.1} dB");
    let Some((_, packets)) = probe::packets(&path, "v:0") else { return };
    assert_eq!(packets.len(), 390);
    let rate = packets.iter().map(|packet| packet.size).sum::<u64>() as f64 * 8.0 / 13.013;
    assert!(rate <= 1.1e6, "{rate:.0} bit/s");
}

#[test]
fn the_first_second_keeps_to_the_bitrate() {
    let folder = clips::scratch();
    let path = folder.path().join("first.flv");
    for (source, rate, limit) in [
        ("-f lavfi -i testsrc2=size=640x360:rate=30", 300_000, 1.3),
        ("-f lavfi -i testsrc2=size=640x360:rate=30", 1_000_000, 1.3),
        ("-f lavfi -i testsrc2=size=320x180:rate=25", 200_000, 1.3),
    ] {
        run(&words(&format!("-v error -y {source} -t 4 -b:v {rate} {{}}"), &[&path])).expect_success();
        let Some((base, packets)) = probe::packets(&path, "v:0") else { return };
        let start = probe::nanoseconds(packets[0].dts, base);
        let first =
            packets.iter().filter(|packet| probe::nanoseconds(packet.dts, base) - start < 1_000_000_000);
        let bits = first.map(|packet| packet.size * 8).sum::<u64>() as f64;
        assert!(bits <= limit * f64::from(rate), "{source}: {bits} bits in the first second for {rate}");
    }
}

#[track_caller]
fn text(line: &str, paths: &[&Path]) -> String {
    run(&words(&format!("-v error {line}"), paths)).expect_success().text()
}

#[track_caller]
fn sound(line: &str) -> Vec<f32> {
    floats(&run(&words(&format!("-v error {line}"), &[])).expect_success().stdout)
}
