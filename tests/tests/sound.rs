//! Speakers and microphones, with a sound server of each test's own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use brooklet_tests::peers;
use brooklet_tests::program::{DEADLINE, Run, Running, brooklet, finish};
use brooklet_tests::sound_server::{Sound, SoundServer};

/// The program as a client of a server.
fn client(server: &SoundServer, words: &[&str]) -> Command {
    let mut command = brooklet();
    command.envs(server.environment()).args(words);
    command
}

fn run(server: &SoundServer, words: &[&str]) -> Run {
    finish(&mut client(server, words), DEADLINE)
}

/// A tone as a source: its level is 1/8 of full scale, as ffmpeg's.
fn sine(hz: u32, rate: u32, seconds: f64) -> String {
    format!("sine=frequency={hz}:sample_rate={rate}:duration={seconds}")
}

/// A file of s16, 48 kHz, stereo with a tone of half of full scale.
fn tone_file(folder: &Path, hz: f64, seconds: f64) -> PathBuf {
    let path = folder.join(format!("{hz}.raw"));
    let sample = |number: usize| {
        let turn = number as f64 * hz / 48_000.0;
        ((turn * std::f64::consts::TAU).sin() * 16_384.0) as i16
    };
    let frames = (0..(seconds * 48_000.0) as usize).flat_map(|number| [sample(number); 2]);
    fs::write(&path, frames.flat_map(i16::to_le_bytes).collect::<Vec<u8>>()).unwrap();
    path
}

#[test]
fn tones_of_all_kinds_are_heard_whole() {
    let Some(server) = sound_server() else { return };
    for (hz, rate, format, channels) in [
        (440, 48_000, "flt", "2"),
        (1_000, 44_100, "s16p", "2"),
        (300, 8_000, "u8", "1"),
        (5_000, 96_000, "dbl", "6"),
    ] {
        let recorder = server.record();
        let source = sine(hz, rate, 1.5);
        let words = ["-v", "error", "-f", "lavfi", "-i", &source, "-sample_fmt", format, "-ac", channels];
        let output = ["-buffer_duration", "500", "-f", "pulse", "default"];
        run(&server, &[&words[..], &output[..]].concat()).expect_success();
        let heard = recorder.finish().trimmed();
        let what = format!("{hz} Hz at {rate} Hz, {format}, {channels} channels");
        assert!((heard.seconds() - 1.5).abs() < 0.03, "{what}: {} s", heard.seconds());
        assert_eq!(heard.gaps(), [0.0; 0], "{what}");
        assert!(heard.purity(hz.into()) > 0.99, "{what}: {}", heard.purity(hz.into()));
        // A sine of 1/8 has 0.0884. Made stereo here it loses 3 dB, as in swresample. The server copies mono as it is, and
        // gives each of a pair of ears a part of the centre of 5.1, by a matrix of its own.
        let level = heard.level();
        let range = match channels {
            "1" => 0.085..0.092,
            "2" => 0.060..0.065,
            _ => 0.015..0.09,
        };
        assert!(range.contains(&level), "{what}: {level}");
    }
}

#[test]
fn a_stop_is_at_once() {
    let Some(server) = sound_server() else { return };
    let recorder = server.record();
    let source = sine(440, 48_000, 60.0);
    let words =
        ["-v", "error", "-f", "lavfi", "-i", &source, "-buffer_duration", "5000", "-f", "speaker", "vout"];
    let playing = Running::start(&mut client(&server, &words));
    let start = Instant::now();
    while recorder.so_far().trimmed().seconds() < 0.5 {
        assert!(start.elapsed() < DEADLINE, "nothing is heard");
        thread::sleep(Duration::from_millis(50));
    }
    let before = recorder.so_far().trimmed().seconds();
    playing.signal("INT");
    let run = playing.finish(DEADLINE);
    let after = recorder.finish().trimmed().seconds();
    // Of the five seconds that were on their way next to nothing: what is heard of them are the signal's and the recorder's
    // own delays.
    assert!(after - before < 1.0, "{} s were heard after the stop: {}", after - before, run.stderr);
}

#[test]
fn a_writers_tone_is_heard_whole_in_small_chunks_and_in_one() {
    let Some(server) = sound_server() else { return };
    for (chunk, latency) in [("256", "1000"), ("120000", "1000")] {
        let recorder = server.record();
        let mut speak = Command::new(env!("CARGO_BIN_EXE_speak"));
        speak.args([chunk, "2500", latency]).envs(server.environment());
        let told = finish(&mut speak, DEADLINE).expect_success().text();
        let heard = recorder.finish().trimmed();
        let what = format!("chunks of {chunk}, {latency} ms: {told}");
        assert!((heard.seconds() - 2.5).abs() < 0.02, "{what}: {} s", heard.seconds());
        assert!(heard.purity(440.0) > 0.99, "{what}: {}", heard.purity(440.0));
        assert_eq!(heard.gaps(), [0.0; 0], "{what}");
        let number = |name: &str| {
            let rest = told.split_once(&format!("{name}=")).expect("what it tells").1;
            rest.split_whitespace().next().and_then(|word| word.parse::<u64>().ok()).expect("a number")
        };
        // It is closed when the last sample was heard, which no clock lets be sooner; and small writes wait for room.
        assert!(number("closed") >= 2_490 && number("underruns") == 0, "{what}");
        assert!(chunk != "256" || number("written") >= 1_000, "{what}");
    }
}

#[test]
fn sound_that_runs_out_fades_and_is_counted() {
    let Some(server) = sound_server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let second = fs::read(tone_file(folder.path(), 440.0, 1.0)).unwrap();
    let recorder = server.record();
    let words = ["-v", "error", "-stats", "-f", "s16le", "-ar", "48000", "-ac", "2", "-i", "-"];
    let mut command = client(&server, &[&words[..], &["-f", "pulse", "default"]].concat());
    let mut playing = Running::start_with(command.stdin(Stdio::piped()));
    let mut input = playing.stdin().unwrap();
    input.write_all(&second).unwrap();
    let start = Instant::now();
    while recorder.so_far().trimmed().seconds() < 0.95 {
        assert!(start.elapsed() < DEADLINE, "nothing is heard");
        thread::sleep(Duration::from_millis(50));
    }
    thread::sleep(Duration::from_millis(800));
    input.write_all(&second).unwrap();
    drop(input);
    let run = playing.finish(DEADLINE).expect_success();
    let heard = recorder.finish().trimmed();
    assert!(run.stderr.trim_end().ends_with('x') && run.stderr.contains(" underruns=1 "), "{}", run.stderr);
    let gaps = heard.gaps();
    assert!(gaps.len() == 1 && gaps[0] > 0.5, "{gaps:?}");
    // All that was written, none of it twice: but for the fades, which are a few milliseconds.
    let sounding = heard.seconds() - gaps[0];
    assert!((sounding - 2.0).abs() < 0.03, "{sounding} s");
    // The tone's own steepest step is 0.029; a cut would be one of up to 0.5.
    assert!(heard.steepest() < 0.04, "a click of {}", heard.steepest());
}

#[test]
fn a_server_that_goes_is_told_in_one_line() {
    let Some(mut server) = sound_server() else { return };
    let source = sine(440, 48_000, 60.0);
    let playing = Running::start(&mut client(
        &server,
        &["-v", "error", "-f", "lavfi", "-i", &source, "-f", "pulse", "default"],
    ));
    let recording = Running::start(&mut client(
        &server,
        &["-v", "error", "-f", "pulse", "-i", "default", "-f", "null", "-"],
    ));
    let start = Instant::now();
    let both = |server: &SoundServer| {
        server.pactl(&["list", "short", "sink-inputs"]).lines().count() > 2
            && !server.pactl(&["list", "short", "source-outputs"]).is_empty()
    };
    while !both(&server) {
        assert!(start.elapsed() < DEADLINE, "they do not start");
        thread::sleep(Duration::from_millis(100));
    }
    server.kill();
    for (running, name) in [(playing, "speaker"), (recording, "microphone")] {
        let run = running.finish(DEADLINE);
        let lines: Vec<_> = run.stderr.lines().collect();
        assert!(lines.len() == 1 && lines[0].contains("the device is gone"), "{name}: {}", run.stderr);
    }
}

#[test]
fn without_a_server_there_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    for words in [
        &["-v", "error", "-f", "lavfi", "-i", "sine=duration=1", "-f", "pulse", "default"][..],
        &["-v", "error", "-f", "pulse", "-i", "default", "-f", "null", "-"],
        &["-sources", "pulse"],
    ] {
        let mut command = brooklet();
        command.args(words).env("PULSE_SERVER", format!("unix:{}/none", folder.path().display()));
        let run = finish(&mut command, DEADLINE);
        assert!(!run.status.success());
        let line = run.stderr.trim_end();
        assert!(line.lines().count() == 1 && line.contains("no sound server here"), "{words:?}: {line}");
    }
    let mut devices = brooklet();
    devices.arg("devices").env("PULSE_SERVER", format!("unix:{}/none", folder.path().display()));
    let listed = finish(&mut devices, DEADLINE).expect_success().text();
    assert!(listed.contains("Sound: no sound server here") && listed.contains("Cameras"), "{listed}");
}

#[test]
fn devices_are_listed_with_what_they_are() {
    let Some(server) = sound_server() else { return };
    let listed = run(&server, &["devices"]).expect_success().text();
    let line = |name: &str| listed.lines().find(|line| line.contains(name)).unwrap_or_default().to_string();
    assert!(line(" vout ").starts_with('*') && line(" vout ").contains("48000 Hz stereo"), "{listed}");
    assert!(line(" vmic ").starts_with('*') && line(" vmic_src ").starts_with(' '), "{listed}");
    let sources = run(&server, &["-sources", "pulse"]).expect_success().text();
    assert!(
        sources.starts_with("Auto-detected sources for pulse:\n") && sources.contains("* vmic ["),
        "{sources}"
    );
    let sinks = run(&server, &["-sinks", "pulse"]).expect_success().text();
    assert!(sinks.contains("* vout [") && !sinks.contains("vmic ["), "{sinks}");
    let wrong = run(&server, &["-v", "error", "-f", "pulse", "-i", "nomic", "-f", "null", "-"]);
    assert!(
        wrong.stderr.contains("no microphone named 'nomic'") && wrong.stderr.contains("vmic"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn a_fed_microphone_is_recorded_at_any_rate() {
    let Some(server) = sound_server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let _feeder = server.feed(&tone_file(folder.path(), 700.0, 90.0));
    thread::sleep(Duration::from_millis(500));
    for (options, level) in [
        (&[][..], 0.3535),
        // Made stereo again it loses 3 dB.
        (&["-ar", "44100", "-ac", "1", "-c:a", "pcm_f32le"], 0.25),
        (&["-sample_fmt", "s32", "-fragment_size", "1920"], 0.3535),
    ] {
        let path = folder.path().join("heard.wav");
        let input = [&["-y", "-v", "error"], options, &["-f", "pulse", "-i", "default", "-t", "3"]].concat();
        let output = ["-ar", "48000", "-ac", "2", "-c:a", "pcm_s16le", path.to_str().unwrap()];
        run(&server, &[&input[..], &output[..]].concat()).expect_success();
        let bytes = fs::read(&path).unwrap();
        let heard = Sound::from_s16(&bytes[44..]);
        assert!((heard.seconds() - 3.0).abs() < 0.05, "{options:?}: {} s", heard.seconds());
        // By quarters of a second: over more of it the sound follows the clock of all devices, by millionths, and turns.
        let quarters = (0..11).map(|number| f64::from(number) * 0.25);
        let purities: Vec<f64> = quarters.map(|from| heard.part(from, from + 0.25).purity(700.0)).collect();
        assert!(purities.iter().all(|purity| *purity > 0.99), "{options:?}: {purities:.3?}");
        assert!((heard.level() - level).abs() < 0.02, "{options:?}: {}", heard.level());
        assert_eq!(heard.gaps(), [0.0; 0], "{options:?}");
    }
}

#[test]
fn a_microphone_that_was_unplugged_is_waited_for() {
    let Some(server) = sound_server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let plug = || {
        let words = ["load-module", "module-null-sink", "sink_name=plug", "rate=48000", "channels=2"];
        server.pactl(&words).trim().to_string()
    };
    let recorded = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    let path = folder.path().join("heard.raw");
    let module = plug();
    let words = [
        "-y",
        "-v",
        "warning",
        "-reconnect",
        "1",
        "-reconnect_delay_max",
        "1",
        "-f",
        "pulse",
        "-i",
        "plug.monitor",
        "-f",
        "s16le",
        path.to_str().unwrap(),
    ];
    let recording = Running::start(&mut client(&server, &words));
    let wait = |least: u64| {
        let start = Instant::now();
        while recorded(&path) < least {
            assert!(start.elapsed() < DEADLINE, "only {} bytes", recorded(&path));
            thread::sleep(Duration::from_millis(50));
        }
    };
    wait(192_000 / 4);
    server.pactl(&["unload-module", &module]);
    thread::sleep(Duration::from_secs(2));
    let before = recorded(&path);
    plug();
    wait(before + 192_000 / 2);
    recording.signal("INT");
    let run = recording.finish(DEADLINE);
    for said in [
        "plug.monitor: the device is gone; waiting for it to come back",
        "plug.monitor: the device is back after ",
    ] {
        assert!(run.stderr.contains(said), "{said}: {}", run.stderr);
    }
}

/// A server, where there is PulseAudio here.
fn sound_server() -> Option<SoundServer> {
    peers::pulseaudio().map(|()| SoundServer::start())
}
