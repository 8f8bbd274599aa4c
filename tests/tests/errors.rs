//! What the program says when it can't: one clear line that begins with its name, and exit code 1.

use std::fs::File;
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use brooklet_tests::program::{Run, Running, brooklet, run};
use brooklet_tests::words::words;
use brooklet_tests::{clips, probe};

/// A second of picture that needs no file.
const SOURCE: &str = "-f lavfi -i testsrc2=size=64x64:rate=10 -t 1";

#[test]
fn a_file_that_is_not_there_is_named() {
    let said = refused("-i no-such-clip.mp4 -f null -", &[]);
    contains(&said, &["no-such-clip.mp4", "No such file"]);
}

#[test]
fn a_file_that_is_not_media_is_named_with_what_is_supported() {
    let folder = clips::scratch();
    let path = folder.path().join("letter.txt");
    for bytes in [b"Dear Sir or Madam,\n".repeat(500), vec![0; 20_000], Vec::new(), vec![7]] {
        std::fs::write(&path, &bytes).unwrap();
        contains(&refused("-i {} -f null -", &[&path]), &["letter.txt"]);
    }
    let said = refused("-i {} -f null -", &[folder.path()]);
    contains(&said, &["folder"]);
}

#[test]
fn a_full_disk_is_said() {
    for format in ["flv", "mpegts", "rawvideo", "h264", "framemd5"] {
        let said = refused(&format!("{SOURCE} -y -f {format} /dev/full"), &[]);
        contains(&said, &["/dev/full", "No space left"]);
    }
}

#[test]
fn a_host_that_does_not_resolve_is_named() {
    for (format, url) in [
        ("flv", "rtmp://no-such-host.invalid/live/app"),
        ("mpegts", "udp://no-such-host.invalid:5000"),
        ("mpegts", "tcp://no-such-host.invalid:5000"),
    ] {
        contains(
            &refused(&format!("{SOURCE} -f {format} {url}"), &[]),
            &["no-such-host.invalid", "does not resolve"],
        );
    }
}

#[test]
fn a_server_that_is_not_there_is_named() {
    // The port was free a moment ago, and nobody listens on it.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (format, url) in
        [("flv", format!("rtmp://127.0.0.1:{port}/live/app")), ("mpegts", format!("tcp://127.0.0.1:{port}"))]
    {
        contains(&refused(&format!("{SOURCE} -f {format} {url}"), &[]), &[&port.to_string(), "refused"]);
    }
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let said = refused(&format!("{SOURCE} -f flv -listen 1 rtmp://127.0.0.1:{port}/live/app"), &[]);
    contains(&said, &[&port.to_string(), "use"]);
}

#[test]
fn nobody_within_the_timeout_is_said() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let started = Instant::now();
    let said =
        refused(&format!("{SOURCE} -f flv -listen 1 -timeout 1 rtmp://127.0.0.1:{port}/live/app"), &[]);
    contains(&said, &["no viewer", "1s"]);
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[test]
fn words_that_are_not_understood_are_named() {
    for (line, place) in [
        ("-blah 3 -i a.mp4 b.flv", "-blah"),
        ("-i a.mp4 -b:v many b.flv", "many"),
        ("-i a.mp4 -s large-ish b.flv", "large-ish"),
        ("-i a.mp4 -pix_fmt blue b.flv", "blue"),
        ("-i a.mp4 -t", "-t"),
        ("-f lavfi -i testsrc2", "output"),
        ("b.flv", "input"),
        ("-f lavfi -i blobs -t 1 -f null -", "blobs"),
        ("-f lavfi -i testsrc2 -t 1 -c:v mpeg7 -f flv -", "mpeg7"),
        ("-f lavfi -i testsrc2 -t 1 -f avi9 -", "avi9"),
        ("-f lavfi -i testsrc2 -t 1 -vf melt -f null -", "melt"),
        ("-f lavfi -i testsrc2 -t 1 -map 0:a -f null -", "0:a"),
        ("-f lavfi -i testsrc2 -t 1 -map 3 -f null -", "3"),
        ("-f lavfi -i testsrc2 -t 1 picture.unknowable", "picture.unknowable"),
        ("-f lavfi -i testsrc2 -t 1 -f flv gopher://there/app", "gopher"),
    ] {
        contains(&refused(line, &[]), &[place]);
    }
}

#[test]
fn an_odd_picture_size_is_named_with_what_to_do() {
    for line in [
        "-f lavfi -i testsrc2=size=321x181:rate=5 -t 1 -f flv -",
        "-f lavfi -i testsrc2 -t 1 -s 33x17 -f flv -",
    ] {
        contains(&refused(line, &[]), &["odd", "scale"]);
    }
}

#[test]
fn a_codec_that_a_container_cannot_hold_is_named() {
    contains(&refused("-f lavfi -i testsrc2 -t 1 -c:v rawvideo -f flv -", &[]), &["rawvideo", "flv"]);
    contains(&refused("-f lavfi -i sine -t 1 -c:a pcm_s24le -f mpegts -", &[]), &["pcm_s24le", "mpegts"]);
}

#[test]
fn a_file_that_exists_is_kept() {
    let folder = clips::scratch();
    let path = folder.path().join("kept.flv");
    std::fs::write(&path, "dear").unwrap();
    contains(&refused(&format!("{SOURCE} {{}}"), &[&path]), &["kept.flv", "exists", "-y"]);
    contains(&refused(&format!("{SOURCE} -n {{}}"), &[&path]), &["kept.flv", "exists"]);
    assert_eq!(clips::read(&path), b"dear");
    run(&words(&format!("-v error {SOURCE} -y {{}}"), &[&path])).expect_success();
    assert_ne!(clips::read(&path), b"dear");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for format in ["flv", "mpegts", "rawvideo", "framemd5"] {
        let line =
            format!("-v error -f lavfi -i testsrc2=size=320x240:rate=25 -t 60 -c:v rawvideo -f {format} -");
        let line = if matches!(format, "flv" | "mpegts") { line.replace(" -c:v rawvideo", "") } else { line };
        let mut child = brooklet()
            .args(words(&line, &[]))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut some = [0; 500];
        child.stdout.take().unwrap().read_exact(&mut some).unwrap();
        let answer = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&answer.stderr);
        assert!(answer.status.success(), "{format}: {}\n{said}", answer.status);
        assert_eq!(said, "", "{format}");
    }
}

#[test]
fn an_interrupted_file_is_whole() {
    let folder = clips::scratch();
    for signal in ["INT", "TERM"] {
        let path = folder.path().join(format!("{signal}.flv"));
        let line = "-v error -re -f lavfi -i testsrc2=size=64x64:rate=25 -re -f lavfi -i sine -y {}";
        let running = Running::start(brooklet().args(words(line, &[&path])));
        wait_until(|| path.metadata().is_ok_and(|file| file.len() > 5_000));
        running.signal(signal);
        let ended = running.finish(Duration::from_secs(20));
        // ffmpeg's code for an end by signal.
        assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(255), ""), "{signal}");
        let Some((_, packets)) = probe::packets(&path, "v:0") else { return };
        assert!(!packets.is_empty(), "{signal}: pictures");
        // The duration is written at the end only, into the head.
        let Some(duration) = duration(&path) else { return };
        let shown = packets.len() as f64 / 25.0;
        assert!((duration - shown).abs() < 0.15, "{signal}: {duration} s for {shown} s of pictures");
    }
}

/// Runs the program to its refusal, and gives the one line that it said.
#[track_caller]
fn refused(line: &str, paths: &[&Path]) -> String {
    let quiet = run(&[vec!["-v".to_owned(), "error".to_owned()], words(line, paths)].concat());
    assert_eq!(quiet.status.code(), Some(1), "{line}: {}\n{}", quiet.status, quiet.stderr);
    let Run { stderr, .. } = quiet;
    assert_eq!(stderr.lines().count(), 1, "{line}: more or less than one line:\n{stderr}");
    assert!(stderr.starts_with("brooklet: "), "{line}: {stderr}");
    assert!(stderr.len() < 400, "{line}: {stderr}");
    stderr
}

#[track_caller]
fn contains(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.to_lowercase().contains(&word.to_lowercase()), "no {word:?} in: {said}");
    }
}

#[track_caller]
fn wait_until(mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < until, "it did not happen within a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn duration(path: &Path) -> Option<f64> {
    File::open(path).ok()?;
    probe::describe(path)?["format"]["duration"].as_str()?.parse().ok()
}
