//! `-i whep://`: watching what aiortc and we ourselves serve, and what is said where that does not go.

use std::net::TcpListener;
use std::path::Path;
use std::thread;
use std::time::Duration;

use brooklet_tests::program::{DEADLINE, Run, Running, brooklet, finish};
use brooklet_tests::servers::{await_port, free_port};
use brooklet_tests::words::words;
use brooklet_tests::{clips, peers, sound};
use serde_json::{Value, json};

/// A moving picture in colour and a tone, as fast as time passes.
const SOURCE: &str =
    "-re -f lavfi -i testsrc2=size=320x240:rate=25 -re -f lavfi -i sine=frequency=440:sample_rate=48000";
const TOKEN: &str = "Authorization: Bearer s3cret";

/// An aiortc server, and its port.
fn aiortc() -> Option<(Running, u16)> {
    let (mut python, port) = (peers::aiortc()?, free_port());
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/players/whep_server.py"));
    let serving = Running::start(python.args([&port.to_string(), "s3cret"]));
    await_port(port);
    Some((serving, port))
}

/// Ourselves serving [`SOURCE`], and the port.
fn ours() -> (Running, u16) {
    let port = free_port();
    let mut program = brooklet();
    program.args(words(SOURCE, &[])).args([
        "-g",
        "50",
        "-f",
        "whep",
        &format!("http://127.0.0.1:{port}/live"),
    ]);
    let serving = Running::start(&mut program);
    await_port(port);
    (serving, port)
}

/// Runs the program with these words on an input; the output goes nowhere.
fn watch(words: &[&str], url: &str) -> Run {
    let mut program = brooklet();
    finish(
        program.args(["-v", "warning"]).args(words).args(["-i", url, "-c", "copy", "-f", "null", "-"]),
        DEADLINE,
    )
}

/// The pictures of a recording, 320x240 in 8-bit colour, and its sound as 48 kHz of mono.
fn decoded(path: &Path) -> Option<(Vec<Vec<u8>>, Vec<f32>)> {
    let decode = |words: &[&str]| {
        let mut ffmpeg = peers::ffmpeg9()?;
        ffmpeg.args(["-nostdin", "-v", "error", "-i"]).arg(path).args(words).arg("-");
        let run = finish(&mut ffmpeg, DEADLINE).expect_success();
        assert_eq!(run.stderr.trim(), "", "damage was decoded");
        Some(run.stdout)
    };
    let pictures = decode(&["-map", "0:v", "-fps_mode", "vfr", "-f", "rawvideo", "-pix_fmt", "rgb24"])?;
    let samples = decode(&["-map", "0:a", "-ac", "1", "-ar", "48000", "-f", "s16le"])?;
    Some((pictures.chunks(320 * 240 * 3).map(<[u8]>::to_vec).collect(), sound::of_s16le(&samples)))
}

/// The tone of both servers is in it, and little else.
fn expect_tone(samples: &[f32], least: f64) {
    assert!(samples.len() as f64 > least * 48_000.0, "{} samples", samples.len());
    let middle = &samples[samples.len() / 3..][..samples.len() / 3];
    let (tone, level) = (sound::tone(middle, 48_000, 440.0), sound::level(middle));
    assert!(level > 0.02 && tone > 1.2 * level, "tone {tone}, level {level}");
}

#[test]
fn aiortc_is_watched_and_recorded_and_told_when_it_is_over() {
    let Some((serving, port)) = aiortc() else { return };
    let folder = clips::scratch();
    let path = folder.path().join("whep.flv");
    let mut program = brooklet();
    program.args(["-v", "info", "-y", "-headers", TOKEN, "-i", &format!("whep://127.0.0.1:{port}/moved")]);
    program.args(["-t", "4", "-c", "copy", "-f", "flv"]).arg(&path);
    finish(&mut program, DEADLINE).expect_success();
    let seen: Value = serde_json::from_str(&serving.finish(DEADLINE).expect_success().text()).unwrap();
    let expected = json!({"type": "application/sdp", "recvonly": 2, "deleted": "/folder/session/1", "token": "Bearer s3cret"});
    assert_eq!(seen, expected);
    let Some((pictures, samples)) = decoded(&path) else { return };
    // Of 120; a machine that is busy sends fewer.
    assert!(pictures.len() > 40, "{} pictures", pictures.len());
    // The camera is blue, and yellow where its bar is.
    let near = |colour: [u8; 3]| {
        let is_near =
            move |pixel: &&[u8]| pixel.iter().zip(colour).all(|(is, shall)| is.abs_diff(shall) < 24);
        let last = &pictures[pictures.len() - 1];
        last.chunks(3).filter(is_near).count() as f64 / (320.0 * 240.0)
    };
    let (blue, yellow) = (near([40, 90, 220]), near([250, 250, 40]));
    assert!(blue > 0.85 && (0.02..0.1).contains(&yellow), "blue {blue}, yellow {yellow}");
    expect_tone(&samples, 2.0);
}

#[test]
fn ours_watches_what_ours_serves_and_sends_it_on() {
    let (serving, port) = ours();
    let folder = clips::scratch();
    let path = folder.path().join("whep.ts");
    // Encoded anew, by the other way to write it.
    let mut program = brooklet();
    program.args([
        "-v",
        "info",
        "-y",
        "-f",
        "whep",
        "-i",
        &format!("http://127.0.0.1:{port}/live"),
        "-t",
        "4",
    ]);
    program.args(["-c:v", "copy", "-c:a", "aac", "-f", "mpegts"]).arg(&path);
    finish(&mut program, DEADLINE).expect_success();
    let Some((pictures, samples)) = decoded(&path) else { return };
    assert!(pictures.len() > 50, "{} pictures", pictures.len());
    let moved = pictures[0].iter().zip(&pictures[pictures.len() - 1]).filter(|(a, b)| a.abs_diff(**b) > 32);
    assert!(moved.count() > 1_000);
    expect_tone(&samples, 2.0);
    serving.signal("INT");
    serving.finish(DEADLINE);
}

#[test]
fn who_refuses_is_told_in_a_line_with_what_to_do() {
    let says = |run: Run, parts: &[&str]| {
        assert_eq!(run.status.code(), Some(1), "{}", run.stderr);
        assert_eq!(run.stderr.trim().lines().count(), 1, "{}", run.stderr);
        parts.iter().for_each(|part| assert!(run.stderr.contains(part), "'{part}' in {}", run.stderr));
    };
    let port = free_port();
    says(watch(&[], &format!("whep://127.0.0.1:{port}/live")), &["cannot connect", &port.to_string()]);
    says(watch(&[], "whep:///live"), &["no host in it"]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("whep://{}/live", silent.local_addr().unwrap());
    says(watch(&["-rw_timeout", "300ms"], &url), &["the server did not answer within 300ms"]);
    let (serving, port) = ours();
    says(watch(&[], &format!("whep://127.0.0.1:{port}/elsewhere")), &["405", "does somebody publish there?"]);
    serving.signal("INT");
    serving.finish(DEADLINE);
    let Some((_serving, port)) = aiortc() else { return };
    let url = |path: &str| format!("whep://127.0.0.1:{port}/{path}");
    says(watch(&[], &url("live")), &["401", "-headers 'Authorization: Bearer TOKEN'"]);
    says(watch(&["-headers", TOKEN], &url("empty")), &["404 Not Found: nobody is here"]);
    says(watch(&["-headers", TOKEN], &url("counter")), &["406", "make the offer itself"]);
}

#[test]
fn a_server_that_vanishes_is_said_and_looked_for_again() {
    let (serving, port) = ours();
    let url = format!("whep://127.0.0.1:{port}/live");
    let lost = thread::spawn({
        let url = url.clone();
        move || watch(&["-rw_timeout", "1s"], &url)
    });
    let found = thread::spawn(move || {
        let words = ["-reconnect", "1", "-reconnect_max_retries", "2", "-rw_timeout", "1s"];
        watch(&words, &url)
    });
    thread::sleep(Duration::from_secs(3));
    serving.signal("KILL");
    serving.finish(DEADLINE);
    let lost = lost.join().unwrap();
    assert!(lost.stderr.contains("nothing came within 1s; what came before it is kept"), "{}", lost.stderr);
    let found = found.join().unwrap();
    assert!(
        found.stderr.contains("connecting again in 0.5 s") && found.stderr.contains("cannot connect"),
        "{}",
        found.stderr
    );
}
