//! A broadcast in Chromium: on its page, and by its bare address.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use brooklet_tests::program::finish;
use brooklet_tests::radio::Radio;
use brooklet_tests::{clips, peers};
use serde_json::Value;

const MP3: &[&str] =
    &["-b:a", "128k", "-ice_name", "Tone of the day", "-metadata", "title=A sine of 440 Hz", "-f", "mp3"];

/// How often it begins.
const TRIES: usize = 5;

/// What a browser heard; its pictures stay under `target/tmp/pages`.
fn listen(url: &str, how: &str, seconds: u64) -> Option<Value> {
    let (mut node, modules) = peers::chromium()?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/browser/listen.js");
    let pictures: PathBuf =
        clips::scratch().path().parent().map_or_else(std::env::temp_dir, |tmp| tmp.join("pages"));
    std::fs::create_dir_all(&pictures).unwrap();
    node.arg(script).arg(modules).args([url, how, &TRIES.to_string(), &seconds.to_string()]).arg(pictures);
    let run = finish(&mut node, Duration::from_secs(180 + seconds)).expect_success();
    eprintln!("{how}: {}", run.text().trim());
    Some(serde_json::from_str(&run.text()).unwrap())
}

/// It played as long as time passed, and all of it was the tone.
fn expect_tone(heard: &Value) {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let hertz = number(&heard["heard"]["hertz"]);
    assert!((400.0..480.0).contains(&hertz), "{heard}");
    let (played, wall) = (number(&heard["played"]), number(&heard["wall"]));
    assert!((played - wall).abs() < 0.5 + wall * 0.01, "{played} s in {wall} s: {heard}");
    assert_eq!(heard["heard"]["waits"], 0, "it ran dry: {heard}");
    // A look may come before the first sound, or at a moment when the machine does something else.
    assert!(number(&heard["heard"]["longest"]) < 10.0, "it was silent: {heard}");
    assert_eq!(heard["errors"], serde_json::json!([]), "{heard}");
}

/// From the click, or from going there, to the first sound, ms: of the first try, and the median of all.
fn starts(heard: &Value) -> (f64, f64) {
    let starts = heard["starts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut starts: Vec<f64> = starts.iter().filter_map(Value::as_f64).collect();
    assert_eq!(starts.len(), TRIES, "{heard}");
    let first = starts[0];
    starts.sort_unstable_by(f64::total_cmp);
    (first, starts[TRIES / 2])
}

fn on_the_page(seconds: u64) {
    let radio = Radio::tone(&[(MP3, "/stream.mp3"), (&["-f", "wav"], "/stream.wav")]);
    thread::sleep(Duration::from_secs(3));
    let Some(heard) = listen(&radio.url("/"), "page", seconds) else { return };
    expect_tone(&heard);
    let (first, median) = starts(&heard);
    eprintln!("from click to playing on the page: {first:.0} ms at first, {median:.0} ms in the middle");
    // The first try is the browser's own first sound, too.
    assert!(first < 3_000.0 && median < 1_000.0, "{heard}");
    assert_eq!(
        (&heard["stopped"], &heard["again"], &heard["overflows"]),
        (&true.into(), &true.into(), &false.into()),
        "{heard}"
    );
    let text = heard["text"].as_str().unwrap_or_default();
    for words in ["Tone of the day", "A sine of 440 Hz", "128 kbit/s", "44.1 kHz", "Stop"] {
        assert!(text.contains(words), "not {words}: {text}");
    }
}

#[test]
fn the_page_plays_within_a_moment_and_without_a_gap() {
    on_the_page(15);
}

#[test]
#[ignore = "takes two minutes"]
fn the_page_plays_for_two_minutes_without_a_gap() {
    on_the_page(120);
}

#[test]
fn the_bare_address_plays() {
    let radio = Radio::tone(&[(MP3, "/stream.mp3")]);
    // Chromium wants 100 to 150 KB before it begins: 10 s of 128 kbit/s.
    thread::sleep(Duration::from_secs(10));
    let Some(heard) = listen(&radio.url("/stream.mp3"), "bare", 5) else { return };
    // How much it wants to have before it begins is Chromium's to decide.
    let (first, median) = starts(&heard);
    eprintln!(
        "from going to the bare address to playing: {first:.0} ms at first, {median:.0} ms in the middle"
    );
    let hertz = heard["heard"]["hertz"].as_f64().unwrap_or(f64::NAN);
    assert!((400.0..480.0).contains(&hertz) && median < 5_000.0, "{heard}");
}
