//! A source of Icecast's own server, and a listener of it.

use std::thread;
use std::time::{Duration, Instant};

use brooklet_tests::icecast::Icecast;
use brooklet_tests::program::{DEADLINE, Running, brooklet, finish};
use brooklet_tests::radio::frequency;
use brooklet_tests::servers::free_port;
use brooklet_tests::{clips, peers};

fn push(options: &[&str], url: &str) -> Running {
    let mut source = brooklet();
    source.args([
        "-v",
        "warning",
        "-re",
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=440:sample_rate=44100",
        "-b:a",
        "128k",
    ]);
    Running::start(source.args(options).arg(url))
}

#[test]
fn what_we_send_is_heard_with_its_titles() {
    let port = free_port();
    let Some(icecast) = Icecast::start(port) else { return };
    let url = format!("icecast://source:hackme@127.0.0.1:{port}/stream.mp3");
    let about = ["-ice_name", "Tone of the day", "-metadata", "title=A sine", "-f", "mp3"];
    let source = push(&about, &url);
    icecast.await_log("logging in at mountpoint", 1);
    let folder = clips::scratch();
    let raw = folder.path().join("raw.s16");
    let Some(mut ffmpeg) = peers::ffmpeg() else { return };
    ffmpeg.args(["-nostdin", "-v", "error", "-y", "-i", &icecast.url("/stream.mp3"), "-t", "2"]);
    ffmpeg.args(["-ac", "1", "-ar", "44100", "-f", "s16le"]).arg(&raw);
    let run = finish(&mut ffmpeg, DEADLINE).expect_success();
    let hertz = frequency(&std::fs::read(&raw).unwrap()[8_820..], 44_100);
    assert!((435.0..445.0).contains(&hertz), "{hertz} Hz\n{}", run.stderr);
    // The title that the server tells, as a probe of it shows.
    let until = Instant::now() + DEADLINE;
    loop {
        let Some(mut curl) = peers::curl() else { break };
        let status = finish(curl.args(["-s", &icecast.url("/status-json.xsl")]), DEADLINE).text();
        if status.contains("A sine") && status.contains("Tone of the day") {
            break;
        }
        assert!(Instant::now() < until, "{status}");
        thread::sleep(Duration::from_millis(100));
    }
    // And as it comes to us among the bytes, and goes on to listeners of ours.
    let radio = brooklet_tests::radio::Radio::start(
        &["-i", &icecast.url("/stream.mp3")],
        &[(&["-c", "copy", "-f", "mp3"], "/relayed.mp3")],
    );
    radio.await_status("\"title\":\"A sine\"");
    source.signal("INT");
    let run = source.finish(DEADLINE);
    assert_eq!(run.status.code(), Some(255), "{}", run.stderr);
}

#[test]
fn a_server_that_comes_back_gets_the_stream_again() {
    let port = free_port();
    let Some(icecast) = Icecast::start(port) else { return };
    let url = format!("icecast://:hackme@127.0.0.1:{port}/again.mp3");
    let mut source = push(&["-reconnect", "1", "-reconnect_delay_max", "1", "-f", "mp3"], &url);
    icecast.await_log("logging in at mountpoint", 1);
    drop(icecast);
    thread::sleep(Duration::from_millis(1_500));
    assert!(source.is_running(), "it gave up");
    let Some(icecast) = Icecast::start(port) else { return };
    icecast.await_log("logging in at mountpoint", 1);
    let Some(mut ffmpeg) = peers::ffmpeg() else { return };
    ffmpeg.args(["-nostdin", "-v", "error", "-i", &icecast.url("/again.mp3"), "-t", "1", "-f", "null", "-"]);
    finish(&mut ffmpeg, DEADLINE).expect_success();
}

#[test]
fn a_source_that_waits_for_its_server_can_be_stopped() {
    let port = free_port();
    let Some(icecast) = Icecast::start(port) else { return };
    let url = format!("icecast://source:hackme@127.0.0.1:{port}/stream.mp3");
    let source = push(&["-nostdin", "-f", "mp3", "-reconnect", "1"], &url);
    icecast.await_log("logging in at mountpoint", 1);
    drop(icecast);
    thread::sleep(Duration::from_millis(1_500));
    source.signal("TERM");
    let run = source.finish(Duration::from_secs(10));
    assert_eq!(run.status.code(), Some(255), "{}", run.stderr);
    assert!(run.stderr.contains("connecting again in 0.5 s"), "{}", run.stderr);
}

#[test]
fn a_wrong_password_is_one_line_that_says_so() {
    let port = free_port();
    let Some(_icecast) = Icecast::start(port) else { return };
    let run =
        push(&["-f", "mp3"], &format!("icecast://source:wrong@127.0.0.1:{port}/x.mp3")).finish(DEADLINE);
    assert_eq!(run.status.code(), Some(1), "{}", run.stderr);
    assert!(
        run.stderr.contains("401") && run.stderr.contains("password") && !run.stderr.contains("wrong"),
        "{}",
        run.stderr
    );
    assert_eq!(run.stderr.trim().lines().count(), 1, "{}", run.stderr);
}
