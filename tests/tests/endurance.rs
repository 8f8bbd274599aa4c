//! An hour of stream time, faster than real time: the memory of its first minutes, and no drift.

use std::time::{Duration, Instant};

use brooklet_tests::clips;
use brooklet_tests::program::{Running, brooklet};
use brooklet_tests::words::words;

/// Memory that may come on top of that of the start, bytes.
const GROWTH: u64 = 4 << 20;

#[test]
fn an_hour_of_copying_keeps_its_memory() {
    let line = "-f lavfi -i testsrc2=size=64x64:rate=25 -f lavfi -i sine=sample_rate=48000 -t 20 \
         -c:v libx264 -g 50 -bf 0 -c:a aac -b:a 32k";
    let Some(clip) = clips::generated("loop.mp4", line) else { return };
    for format in ["flv", "mpegts"] {
        let line = format!("-stream_loop -1 -i {} -t 3600 -c copy -f {format}", clip.display());
        lasts_an_hour(&line, 0.06);
    }
}

#[test]
fn an_hour_of_encoding_keeps_its_memory() {
    let line =
        "-f lavfi -i testsrc2=size=32x32:rate=5 -f lavfi -i sine=sample_rate=8000 -t 3600 -b:a 16k -f flv";
    lasts_an_hour(line, 0.25);
}

/// Runs a line that lasts an hour of stream time; its last time may differ by `slack` seconds: a picture or a frame.
#[track_caller]
fn lasts_an_hour(line: &str, slack: f64) {
    // The program says on its standard output how far it is.
    let line = format!("-v error -stats_period 0.1 -progress - {line} -y /dev/null");
    let mut running = Running::start(brooklet().args(words(&line, &[])));
    let started = Instant::now();
    let mut samples = Vec::new();
    while running.is_running() {
        samples.push(running.memory());
        assert!(
            started.elapsed() < Duration::from_secs(240),
            "an hour took longer than four minutes: {line}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    let run = running.finish(Duration::from_secs(10)).expect_success();
    let text = run.text();
    let times: Vec<f64> =
        text.lines().filter_map(|line| line.strip_prefix("out_time_us=")?.parse().ok()).collect();
    let last = times.last().copied().unwrap_or(0.0) / 1e6;
    assert!((last - 3600.0).abs() <= slack, "the last time is {last} s: {line}");

    // The process that has ended says nothing of its memory any more.
    let samples: Vec<u64> = samples.into_iter().filter(|bytes| *bytes > 0).collect();
    assert!(samples.len() >= 8, "too fast to measure: {} samples of {line}", samples.len());
    let (early, late) = samples.split_at(samples.len() / 4);
    let (early, late) = (early.iter().max().unwrap(), late.iter().max().unwrap());
    assert!(*late <= early + GROWTH, "{early} bytes became {late}: {line}");
}
