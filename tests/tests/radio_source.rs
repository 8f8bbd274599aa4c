//! What becomes of listeners when the source of a broadcast does what sources do: crash, come back, or be a script.

use std::thread;
use std::time::{Duration, Instant};

use brooklet_tests::program::{DEADLINE, Running, brooklet, finish};
use brooklet_tests::radio::{Answer, Radio, frequency};
use brooklet_tests::servers::{Server, free_port};
use brooklet_tests::{clips, peers};

/// Samples in a second of what is listened to here: 16 bits, mono.
const RATE: u32 = 8_000;
const WAV: &[&str] = &["-c:a", "pcm_s16le", "-ar", "8000", "-ac", "1", "-f", "wav"];

#[test]
fn a_source_that_crashes_is_silence_until_it_is_back() {
    let (origin, mut ear) = relay("silence");
    ear.await_second("the tone", is_tone);
    let port = origin.port();
    drop(origin);
    ear.await_second("silence", |second| second.iter().all(|sample| sample.unsigned_abs() < 100));
    let _origin = origin_at(port);
    ear.await_second("the tone again", is_tone);
}

#[test]
fn a_source_that_crashes_is_waited_for_where_that_is_chosen() {
    let (origin, mut ear) = relay("hold");
    ear.await_second("the tone", is_tone);
    let port = origin.port();
    drop(origin);
    let until = Instant::now() + DEADLINE;
    while ear.hear_for(Duration::from_secs(2)) > 0 {
        assert!(Instant::now() < until, "it does not wait");
    }
    let _origin = origin_at(port);
    ear.await_second("the tone again", is_tone);
    // Nothing was put in its place: where the tone broke off, it goes on.
    let silent =
        ear.samples().split(|sample| sample.unsigned_abs() > 500).map(<[i16]>::len).max().unwrap_or(0);
    assert!(silent < RATE as usize / 2, "{silent} samples of silence");
}

#[test]
fn what_is_pushed_by_rtmp_is_looked_at_and_listened_to_by_http() {
    let Some(mut publisher) = peers::ffmpeg() else { return };
    let http = free_port();
    let server = Server::brooklet(&["-http", &format!("127.0.0.1:{http}")]);
    let url = server.url("live/tone");
    publisher.args([
        "-nostdin",
        "-v",
        "error",
        "-re",
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=440:sample_rate=44100",
    ]);
    let _publisher = Running::start(publisher.args(["-c:a", "aac", "-b:a", "96k", "-f", "flv", &url]));
    server.await_log("publishes live/tone", 1);
    let radio = Radio::start(&["-i", &url], &[(&["-c", "copy", "-f", "adts"], "/tone.aac")]);
    let folder = clips::scratch();
    let Some(mut ffmpeg) = peers::ffmpeg() else { return };
    let raw = folder.path().join("raw.s16");
    ffmpeg.args(["-nostdin", "-v", "error", "-y", "-i", &radio.url("/tone.aac"), "-t", "2", "-ac", "1"]);
    let run = finish(ffmpeg.args(["-f", "s16le"]).arg(&raw), DEADLINE).expect_success();
    let heard = std::fs::read(&raw).unwrap();
    let hertz = frequency(&heard[8_820..], 44_100);
    assert!((435.0..445.0).contains(&hertz) && heard.len() > 100_000, "{hertz} Hz\n{}", run.stderr);

    let ask = |path: &str| {
        let mut curl = peers::curl()?;
        curl.args(["-sS", "-i", "--max-time", "20", &format!("http://127.0.0.1:{http}{path}")]);
        Some(finish(&mut curl, DEADLINE).expect_success().text())
    };
    let (Some(status), Some(metrics)) = (ask("/status.json"), ask("/metrics")) else { return };
    assert!(status.contains(r#""name":"live/tone""#) && status.contains(r#""codecs":["aac"]"#), "{status}");
    assert!(status.contains(r#""viewers":1"#) && status.contains(r#""live":true"#), "{status}");
    let listeners = "brooklet_stream_listeners{stream=\"live/tone\",codecs=\"aac\"} 1";
    assert!(metrics.contains(listeners), "{metrics}");
    assert!(
        ask("/health").is_some_and(|health| health.starts_with("HTTP/1.1 200") && health.ends_with("ok\n"))
    );
    let Some(page) = ask("/") else { return };
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("<title>Brooklet</title>"), "{page}");
}

#[test]
fn a_script_that_makes_sound_is_heard_with_its_titles() {
    let Some(mut python) = peers::python() else { return };
    let port = free_port();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/radio.py");
    let url = format!("http://127.0.0.1:{port}/stream.mp3");
    python.arg(script).args(["--phrases", "3", "--url", &url, "--program"]).arg(brooklet().get_program());
    let script = Running::start(&mut python);
    let answer = loop {
        thread::sleep(Duration::from_millis(50));
        match Answer::to(port, "GET /stream.mp3 HTTP/1.1\r\nHost: x\r\nIcy-MetaData: 1\r\n") {
            Some(answer) if answer.status() == 200 => break answer,
            _ => {}
        }
    };
    assert_eq!(answer.header("icy-name"), Some("Made on the fly"));
    let heard = answer.rest();
    script.finish(DEADLINE).expect_success();
    let text = String::from_utf8_lossy(&heard);
    assert!(text.contains("StreamTitle='Phrase 1';") && text.contains("StreamTitle='Phrase 3';"));
    // Three phrases of a second or more, with silence between, at 64 kbit/s.
    assert!(heard.len() > 30_000, "{} bytes", heard.len());
}

/// A broadcast of a broadcast, with what is chosen for gaps; and one who listens to it.
fn relay(gap: &str) -> (Radio, Ear) {
    let origin = origin_at(free_port());
    let input = ["-reconnect", "1", "-reconnect_delay_max", "1", "-i", &origin.url("/tone.mp3")];
    let radio = Radio::start(&input, &[(&[&["-gap", gap], WAV].concat(), "/relay.wav")]);
    let answer = radio.ask("GET", "/relay.wav?burst=0.2s", &[]);
    (origin, Ear { answer, _radio: radio })
}

fn origin_at(port: u16) -> Radio {
    let tone = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"];
    Radio::start_at(port, &tone, &[(&["-b:a", "64k", "-f", "mp3"], "/tone.mp3")])
}

/// Who listens, and remembers all of it.
struct Ear {
    answer: Answer,
    _radio: Radio,
}

impl Ear {
    /// Listens until the last second was such.
    #[track_caller]
    fn await_second(&mut self, what: &str, is_such: impl Fn(&[i16]) -> bool) {
        let (until, from) = (Instant::now() + DEADLINE, self.samples().len());
        loop {
            let samples = self.samples();
            let last = samples.len().saturating_sub(RATE as usize).max(from);
            if samples.len() - last == RATE as usize && is_such(&samples[last..]) {
                return;
            }
            assert!(Instant::now() < until, "no {what} in {} samples", samples.len() - from);
            self.hear_for(Duration::from_millis(200));
        }
    }

    /// Listens for a time; how many samples there were.
    fn hear_for(&mut self, time: Duration) -> usize {
        let before = self.samples().len();
        self.answer.within(time);
        self.samples().len() - before
    }

    /// All until now, behind the header.
    fn samples(&mut self) -> Vec<i16> {
        let all = self.answer.within(Duration::ZERO);
        let from = all.windows(4).position(|window| window == b"data").map_or(all.len(), |at| at + 8);
        let (samples, _) = all.get(from..).unwrap_or_default().as_chunks();
        samples.iter().map(|sample| i16::from_le_bytes(*sample)).collect()
    }
}

fn is_tone(second: &[i16]) -> bool {
    let bytes: Vec<u8> = second.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    (430.0..450.0).contains(&frequency(&bytes, RATE))
        && second.iter().any(|sample| sample.unsigned_abs() > 1_000)
}
