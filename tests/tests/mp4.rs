//! MP4 that we write: what scripts push into it, what a browser plays of it, and what is left when it breaks off.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use brooklet_tests::compare::{floats, psnr};
use brooklet_tests::program::{DEADLINE, Running, brooklet, finish, run};
use brooklet_tests::sound::tone;
use brooklet_tests::words::words;
use brooklet_tests::{clips, peers, probe};
use serde_json::Value;

const SIZE: (usize, usize) = (320, 180);
const PICTURES: usize = 50;

/// Smooth pictures in rgb24, each another.
fn pictures() -> Vec<u8> {
    let mut all = Vec::new();
    for n in 0..PICTURES {
        for at in 0..SIZE.0 * SIZE.1 {
            let (x, y) = (at % SIZE.0, at / SIZE.0);
            all.extend([(x / 2 + n) as u8, (y + 2 * n) as u8, ((x + y) / 3) as u8]);
        }
    }
    all
}

#[test]
fn pictures_from_a_pipe_become_a_film() {
    let (folder, pictures) = (clips::scratch(), pictures());
    let film = folder.path().join("out.mp4");
    // As moviepy and many a script have it.
    let line = "-y -v error -f rawvideo -vcodec rawvideo -s 320x180 -pix_fmt rgb24 -r 25 -i - -an -vcodec libx264 -preset medium \
                -b:v 2M -movflags +faststart {}";
    let mut command = brooklet();
    command.args(words(line, &[&film])).stdin(Stdio::piped());
    let mut running = Running::start_with(&mut command);
    running.stdin().unwrap().write_all(&pictures).unwrap();
    running.finish(DEADLINE).expect_success();
    let Some((_, packets)) = probe::packets(&film, "v:0") else { return };
    assert_eq!(packets.len(), PICTURES);
    let Some(mut ffmpeg) = peers::ffmpeg() else { return };
    let back = finish(ffmpeg.args(words("-v error -i {} -f rawvideo -pix_fmt rgb24 -", &[&film])), DEADLINE);
    let likeness = psnr(&back.expect_success().stdout, &pictures);
    assert!(likeness > 30.0, "{likeness:.1} dB");
    let described = probe::describe(&film).unwrap();
    let seconds: f64 = described["format"]["duration"].as_str().unwrap().parse().unwrap();
    assert_eq!(seconds, 2.0);
}

#[test]
fn all_layouts_hold_the_same() {
    let folder = clips::scratch();
    for name in [clips::NASA, clips::BUNNY] {
        let Some(source) = clips::shared(name) else { return };
        let sums = |path: &Path| -> Option<String> {
            let mut ffmpeg = peers::ffmpeg9()?;
            let line = "-v error -i {} -map 0:v:0 -map 0:a:0 -c copy -f framemd5 -";
            Some(finish(ffmpeg.args(words(line, &[path])), DEADLINE).expect_success().text())
        };
        let Some(expected) = sums(&source) else { return };
        for (end, how) in [
            ("mp4", ""),
            ("mp4", "-movflags +faststart"),
            ("mp4", "-movflags +frag_keyframe+empty_moov+default_base_moof"),
            ("mp4", "-frag_duration 500ms"),
            ("mp4", "-movflags frag_every_frame+skip_trailer"),
            ("m4v", ""),
            ("mov", "-movflags +faststart"),
        ] {
            let path = folder.path().join(format!("same.{end}"));
            let line = format!("-v error -y -i {{}} -map 0:v:0 -map 0:a:0 -c copy {how} {{}}");
            run(&words(&line, &[&source, &path])).expect_success();
            assert!(sums(&path).unwrap() == expected, "{name} {how} to {end}: other packets");
        }
        // A pipe can't go back: fragments, and a line that says so.
        let piped = run(&words("-v warning -i {} -map 0:v:0 -map 0:a:0 -c copy -f mp4 -", &[&source]))
            .expect_success();
        assert!(piped.stderr.contains("-: mp4 is written in fragments"), "{}", piped.stderr);
        let path = folder.path().join("piped.mp4");
        std::fs::write(&path, &piped.stdout).unwrap();
        assert!(sums(&path).unwrap() == expected, "{name} by a pipe: other packets");
    }
}

#[test]
fn sound_is_what_it_was() {
    let folder = clips::scratch();
    for (codec, end, cut) in [
        ("aac", "m4a", true),
        ("libopus", "mp4", true),
        ("libmp3lame", "mp4", true),
        ("flac", "mp4", true),
        ("pcm_s24le", "mp4", true),
        ("pcm_s16le", "mov", true),
        ("pcm_f32le", "mov", true),
        ("aac", "mp4 -movflags frag_keyframe", false),
    ] {
        let (end, how) = end.split_once(' ').unwrap_or((end, ""));
        let path = folder.path().join(format!("tone.{end}"));
        let sine = "-f lavfi -i sine=frequency=440:sample_rate=48000 -ac 2 -t 2";
        run(&words(&format!("-v error -y {sine} -c:a {codec} {how} {{}}"), &[&path])).expect_success();
        let Some(mut ffmpeg) = peers::ffmpeg9() else { return };
        let heard = finish(ffmpeg.args(words("-v error -i {} -f f32le -ac 1 -", &[&path])), DEADLINE);
        let heard = floats(&heard.expect_success().stdout);
        // The encoder's delay is cut at the start, and its padding at the end, except in fragments.
        let (least, most) = if cut { (96_000, 96_000) } else { (96_000, 97_024) };
        assert!((least..=most).contains(&heard.len()), "{codec} in {end} {how}: {} samples", heard.len());
        // lavfi's sine has an amplitude of an eighth.
        let amplitude = tone(&heard[4_800..91_200], 48_000, 440.0);
        assert!((0.12..0.13).contains(&amplitude), "{codec} in {end}: {amplitude}");
    }
}

const LIVE: &str =
    "-v error -y -re -f lavfi -i testsrc2=size=320x180:rate=25 -re -f lavfi -i sine=sample_rate=48000 -g 25";

/// There are two seconds of pictures and more, from a key picture on, and nothing to complain of.
fn expect_a_film(path: &Path) {
    let Some((_, packets)) = probe::packets(path, "v:0") else { return };
    assert!(packets.len() >= 50, "{}: {} pictures", path.display(), packets.len());
    assert!(packets[0].key);
    let Some(mut ffmpeg) = peers::ffmpeg9() else { return };
    let said = finish(ffmpeg.args(words("-v error -i {} -f null -", &[path])), DEADLINE).expect_success();
    assert_eq!(said.stderr, "", "{}", path.display());
}

#[test]
fn a_film_in_fragments_survives_its_writer() {
    let folder = clips::scratch();
    let path = folder.path().join("killed.mp4");
    let line = format!("{LIVE} -movflags frag_keyframe {{}}");
    let running = Running::start(brooklet().args(words(&line, &[&path])));
    thread::sleep(Duration::from_secs(5));
    running.signal("KILL");
    let _ = running.finish_within(DEADLINE);
    expect_a_film(&path);
}

#[test]
fn a_recording_is_stopped_by_a_signal_or_by_q_from_a_script() {
    let folder = clips::scratch();
    let path = |name: &str| folder.path().join(name);
    let start = |path: &Path| {
        let mut command = brooklet();
        command.args(words(&format!("{LIVE} {{}}"), &[path])).stdin(Stdio::piped());
        Running::start_with(&mut command)
    };
    let (interrupted, quit) = (path("interrupted.mp4"), path("quit.mp4"));
    let (first, mut second) = (start(&interrupted), start(&quit));
    thread::sleep(Duration::from_secs(5));
    first.signal("INT");
    second.stdin().unwrap().write_all(b"q").unwrap();
    first.finish(DEADLINE);
    second.finish(DEADLINE).expect_success();
    expect_a_film(&interrupted);
    expect_a_film(&quit);
}

#[test]
fn a_recording_is_stopped_by_q_on_a_terminal() {
    let Some(mut python) = peers::python() else { return };
    let folder = clips::scratch();
    let path = folder.path().join("pressed.mp4");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/players/keys.py");
    python
        .args([script, "q", "5"])
        .arg(brooklet().get_program())
        .args(words(&format!("{LIVE} {{}}"), &[&path]));
    finish(&mut python, DEADLINE).expect_success();
    expect_a_film(&path);
}

#[test]
fn a_copy_that_begins_in_the_middle_is_cut_there() {
    let line = "-f lavfi -i testsrc2=size=176x144:rate=25 -f lavfi -i sine=sample_rate=48000 -t 10 -c:v libx264 -bf 2 -g 100 \
                -pix_fmt yuv420p -c:a aac";
    let Some(source) = clips::generated("ten.mp4", line) else { return };
    let folder = clips::scratch();
    let path = folder.path().join("cut.mp4");
    for how in ["-c copy", "-c:v libx264 -c:a copy"] {
        run(&words(&format!("-v error -y -ss 5 -t 2 -i {{}} {how} {{}}"), &[&source, &path]))
            .expect_success();
        let Some(mut ffmpeg) = peers::ffmpeg9() else { return };
        let decoded = |ffmpeg: &mut std::process::Command, how: &str| {
            finish(ffmpeg.args(words(&format!("-v error -i {{}} {how} -"), &[&path])), DEADLINE)
                .expect_success()
                .stdout
        };
        // The packets from the key picture on are there, and not shown.
        let pictures =
            decoded(&mut ffmpeg, "-fps_mode passthrough -f rawvideo -pix_fmt gray").len() / (176 * 144);
        assert!((50..=54).contains(&pictures), "{how}: {pictures} pictures");
        let Some(mut ffmpeg) = peers::ffmpeg9() else { return };
        let samples = decoded(&mut ffmpeg, "-f s16le -ac 1").len() / 2;
        assert!((94_000..98_100).contains(&samples), "{how}: {samples} samples");
        let seconds = probe::describe(&path)
            .map(|told| told["format"]["duration"].as_str().unwrap().parse::<f64>().unwrap());
        assert!(seconds.is_none_or(|seconds| (1.95..2.2).contains(&seconds)), "{how}: {seconds:?} s");
    }
}

#[test]
fn a_number_of_pictures_ends_the_sound_with_them() {
    let folder = clips::scratch();
    let path = folder.path().join("short.mp4");
    let line = "-f lavfi -i testsrc2=size=176x144:rate=25 -f lavfi -i sine=sample_rate=48000:duration=5";
    run(&words(&format!("-v error -y {line} -frames:v 25 {{}}"), &[&path])).expect_success();
    let (Some((_, pictures)), Some((base, sounds))) =
        (probe::packets(&path, "v:0"), probe::packets(&path, "a:0"))
    else {
        return;
    };
    assert_eq!(pictures.len(), 25);
    let end = probe::nanoseconds(sounds.last().unwrap().pts, base);
    assert!((950_000_000..1_000_000_000).contains(&end), "the last sound begins at {end} ns");
}

#[test]
fn tags_are_taken_away() {
    let line = "-f lavfi -i sine -t 1 -c:a aac -metadata title=Secret -metadata artist=Nobody";
    let Some(source) = clips::generated("tagged.m4a", line) else { return };
    let folder = clips::scratch();
    let path = folder.path().join("tags.m4a");
    for (how, left) in
        [("", vec!["artist", "title"]), ("-metadata title=", vec!["artist"]), ("-map_metadata -1", vec![])]
    {
        run(&words(&format!("-v error -y -i {{}} -c copy {how} {{}}"), &[&source, &path])).expect_success();
        let Some(told) = probe::describe(&path) else { return };
        let tags = told["format"]["tags"].as_object().unwrap();
        let found: Vec<_> = ["artist", "title"].into_iter().filter(|key| tags.contains_key(*key)).collect();
        assert_eq!(found, left, "{how}");
    }
}

#[test]
fn a_browser_plays_it() {
    let folder = clips::scratch();
    let clip = "-v error -y -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine=sample_rate=48000 -t 2 -g 25 -profile:v baseline";
    let fed = "video/mp4; codecs=\"avc1.42C01E, mp4a.40.2\"";
    for (how, by) in [
        ("", "file"),
        ("-movflags +faststart", "file"),
        ("-movflags frag_keyframe", "file"),
        ("-movflags frag_keyframe", fed),
    ] {
        let film = folder.path().join("film.mp4");
        run(&words(&format!("{clip} {how} {{}}"), &[&film])).expect_success();
        let Some(seen) = watch(&film, by) else { return };
        assert_eq!(seen["error"], Value::Null, "{how}: {seen}");
        assert_eq!(seen["size"], serde_json::json!([320, 180]), "{how}: {seen}");
        assert_eq!((&seen["pictures"], &seen["sound"]), (&50.into(), &true.into()), "{how}: {seen}");
        let seconds = seen["seconds"].as_f64().unwrap();
        // Of fragments with an edit list, in a file, Chromium tells less than what it plays, of ffmpeg's as well.
        assert!((1.96..2.06).contains(&seconds), "{how}: {seen}");
        assert_eq!(seen["ranges"].as_array().map(Vec::len), Some(1), "{how}: {seen}");
    }
}

fn watch(film: &PathBuf, how: &str) -> Option<Value> {
    let (mut node, modules) = peers::chromium()?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/browser/film.js");
    let seen = finish(node.arg(script).arg(modules).arg(film).arg(how), DEADLINE).expect_success();
    Some(serde_json::from_str(&seen.text()).unwrap())
}
