//! Sound to any number of listeners over HTTP, looked at byte by byte, and as players hear it.

use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use brooklet_media::bitstream::mpeg_audio::MpegAudioHeader;
use brooklet_tests::program::{DEADLINE, Run, finish, run};
use brooklet_tests::radio::{Answer, Radio, frequency};
use brooklet_tests::{clips, peers, probe};

const MP3: &[&str] = &["-b:a", "128k", "-f", "mp3"];

#[test]
fn who_comes_late_begins_on_a_frame_and_with_what_was_before() {
    let radio = Radio::tone(&[(MP3, "/stream.mp3")]);
    thread::sleep(Duration::from_secs(3));
    let mut answer = radio.ask("GET", "/stream.mp3", &[]);
    assert_eq!(
        (answer.status(), answer.header("content-type")),
        (200, Some("audio/mpeg")),
        "{}",
        answer.head
    );
    assert_eq!(answer.header("cache-control"), Some("no-cache, no-store"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    // What was played before comes at once: two seconds could not come by themselves in so short a time.
    let came = Instant::now();
    let body = answer.at_least(32_000);
    assert!(came.elapsed() < Duration::from_millis(1_500), "it took {:?}", came.elapsed());
    expect_frames(&body);
    let body = answer.within(Duration::from_secs(3));
    let seconds = expect_frames(&body);
    assert!((4.5..12.0).contains(&seconds), "{seconds} s of sound");
    // Nearer to now, where that is asked for.
    let mut near = radio.ask("GET", "/stream.mp3?burst=0.5s", &[]);
    let near = expect_frames(&near.within(Duration::from_millis(300)));
    assert!(near < 2.5, "{near} s at once");
}

#[test]
fn every_kind_of_question_has_an_answer() {
    let about: &[&str] = &["-b:a", "64k", "-ice_name", "Tone of the day", "-ice_genre", "sine", "-f", "mp3"];
    let radio = Radio::tone(&[
        (about, "/live/stream.mp3"),
        (&["-f", "wav"], "/live/stream.wav"),
        (&["-f", "adts"], "/live/stream.aac"),
    ]);
    let head = radio.ask("HEAD", "/live/stream.mp3", &["Icy-MetaData: 1", "Connection: close"]);
    assert_eq!(
        (head.header("icy-name"), head.header("icy-metaint")),
        (Some("Tone of the day"), Some("16000"))
    );
    assert_eq!((head.header("icy-genre"), head.header("icy-pub")), (Some("sine"), Some("0")));
    assert!(head.rest().is_empty());
    radio.await_status("\"bitRate\":64000");
    assert_eq!(radio.ask("HEAD", "/live/stream.mp3", &[]).header("icy-br"), Some("64"));
    let options = radio.ask("OPTIONS", "/live/stream.mp3", &["Origin: http://elsewhere"]);
    assert_eq!((options.status(), options.header("access-control-allow-headers").is_some()), (204, true));

    // HTTP/1.0: until the connection ends, without chunks.
    let mut old = radio.say("GET /live/stream.mp3 HTTP/1.0\r\n");
    assert_eq!((old.status(), old.header("transfer-encoding")), (200, None), "{}", old.head);
    expect_frames(&old.at_least(8_000));

    let wanted = |accept: &str| {
        let answer = radio.ask("GET", "/live/stream", &[&format!("Accept: {accept}")]);
        (answer.status(), answer.header("content-type").map(str::to_string))
    };
    assert_eq!(wanted("audio/aac"), (200, Some("audio/aac".into())));
    assert_eq!(wanted("audio/x-wav, audio/*;q=0.1"), (200, Some("audio/wav".into())));
    assert_eq!(wanted("text/html,*/*;q=0.8"), (200, Some("audio/mpeg".into())));
    assert_eq!(wanted("video/mp4").0, 406);
    let missing = radio.ask("GET", "/nothing", &["Connection: close"]);
    assert_eq!(missing.status(), 404);
    assert!(String::from_utf8_lossy(&missing.rest()).contains("/live/stream.mp3"));
    assert_eq!(radio.ask("POST", "/live/stream.mp3", &["Content-Length: 0"]).status(), 405);

    let m3u = radio.text("/live/stream.mp3.m3u");
    assert!(m3u.starts_with("#EXTM3U") && m3u.contains(&radio.url("/live/stream.mp3")), "{m3u}");
    let pls = radio.text("/live/stream.pls");
    assert!(pls.contains("NumberOfEntries=3") && pls.contains("Title1=Tone of the day"), "{pls}");

    assert_eq!(radio.text("/health"), "ok\n");
    let metrics = radio.text("/metrics");
    assert!(
        metrics.contains("brooklet_stream_listeners{stream=\"/live/stream.mp3\",codecs=\"mp3\"}"),
        "{metrics}"
    );
    assert!(radio.text("/").contains("<audio"));
}

#[test]
fn titles_change_while_one_listens_for_who_asks_and_by_whom_may() {
    let options: &[&str] = &["-b:a", "128k", "-admin", "dj:secret", "-metadata", "title=First", "-f", "mp3"];
    let radio = Radio::tone(&[(options, "/stream.mp3")]);
    let mut listener = radio.ask("GET", "/stream.mp3", &["Icy-MetaData: 1"]);
    assert_eq!(listener.header("icy-metaint"), Some("16000"));
    assert_eq!(titles(&listener.at_least(20_000)), ["First"]);
    let change = "/admin/metadata?mode=updinfo&mount=/stream.mp3&song=Second%20%26%20louder";
    assert_eq!(radio.ask("GET", change, &["Connection: close"]).status(), 401);
    let wrong = "Authorization: Basic ZGo6d3Jvbmc="; // dj:wrong
    assert_eq!(radio.ask("GET", change, &[wrong]).status(), 401);
    let right = "Authorization: Basic ZGo6c2VjcmV0"; // dj:secret
    let answer = radio.ask("GET", change, &[right, "Connection: close"]);
    assert_eq!(answer.status(), 200, "{}", answer.head);
    let until = Instant::now() + DEADLINE;
    let mut count = 40_000;
    while titles(&listener.at_least(count)) != ["First", "Second & louder"] {
        assert!(Instant::now() < until);
        count += 16_000;
    }
    // Who does not ask has nothing between the frames.
    expect_frames(&radio.ask("GET", "/stream.mp3", &[]).at_least(30_000));
    assert!(radio.text("/status.json").contains("Second & louder"));
}

#[test]
fn the_end_of_the_source_is_heard_to_its_last_sample() {
    let input = ["-f", "s16le", "-ar", "8000", "-ac", "1", "-i", "pipe:"];
    let mut radio = Radio::start(&input, &[(&["-c:a", "pcm_s16le", "-f", "wav"], "/end.wav")]);
    let mut stdin = radio.running.stdin().unwrap();
    let answer = radio.ask("GET", "/end.wav", &[]);
    let sound: Vec<u8> = (0..16_000u16).flat_map(u16::to_le_bytes).collect();
    stdin.write_all(&sound).unwrap();
    drop(stdin);
    let body = answer.rest();
    let header = body.len() - body.windows(4).position(|window| window == b"data").unwrap() - 8;
    assert!(body.ends_with(&sound), "{} bytes of {}", header, sound.len());
    radio.running.finish(DEADLINE).expect_success();
}

#[test]
fn a_gap_is_silence_or_held() {
    for (gap, least, most) in [("silence", 2.6, 12.0), ("hold", 1.0, 1.0)] {
        let input = ["-f", "s16le", "-ar", "8000", "-ac", "1", "-i", "pipe:"];
        let output: &[&str] = &["-gap", gap, "-c:a", "pcm_s16le", "-f", "wav"];
        let mut radio = Radio::start(&input, &[(output, "/gap.wav")]);
        let mut stdin = radio.running.stdin().unwrap();
        let answer = radio.ask("GET", "/gap.wav", &[]);
        let half = [1, 1].repeat(4_000);
        stdin.write_all(&half).unwrap();
        thread::sleep(Duration::from_millis(2_500));
        stdin.write_all(&half).unwrap();
        drop(stdin);
        let body = answer.rest();
        let from = body.windows(4).position(|window| window == b"data").unwrap() + 8;
        let seconds = (body.len() - from) as f64 / 16_000.0;
        assert!((least..=most).contains(&seconds), "{gap}: {seconds} s");
        let heard = body[from..].iter().filter(|byte| **byte == 1).count();
        assert_eq!(heard, 16_000, "{gap}: nothing of the sound is lost");
    }
}

#[test]
fn ogg_and_flac_begin_anew_for_each_listener() {
    let outputs: &[(&[&str], &str)] =
        &[(&["-b:a", "96k", "-f", "ogg"], "/stream.ogg"), (&["-f", "flac"], "/stream.flac")];
    let radio = Radio::start(&["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"], outputs);
    thread::sleep(Duration::from_secs(4));
    let folder = clips::scratch();
    for (path, kind) in [("/stream.ogg", "audio/ogg"), ("/stream.flac", "audio/flac")] {
        let file = folder.path().join(&path[1..]);
        let mut answer = radio.ask("GET", &format!("{path}?burst=1s"), &[]);
        assert_eq!(answer.header("content-type"), Some(kind));
        std::fs::write(&file, answer.within(Duration::from_secs(2))).unwrap();
        let Some(mut ffmpeg) = peers::ffmpeg() else { return };
        let raw = folder.path().join("raw.s16");
        ffmpeg.args(["-nostdin", "-v", "warning", "-y", "-i"]).arg(&file);
        let run = finish(ffmpeg.args(["-ac", "1", "-f", "s16le"]).arg(&raw), DEADLINE).expect_success();
        let sound = std::fs::read(&raw).unwrap();
        let hertz = frequency(sound.get(9_600..).unwrap_or_default(), 48_000);
        assert!(
            (435.0..445.0).contains(&hertz) && sound.len() > 150_000,
            "{path}: {hertz} Hz of {}",
            sound.len()
        );
        // A wrong checksum or number of a page would be told. The last page may be cut off.
        assert!(!run.stderr.contains("CRC") && !run.stderr.contains("page"), "{path}: {}", run.stderr);
        let (base, packets) = probe::packets(&file, "a:0").unwrap();
        let first = packets[0].pts as f64 * base.0 as f64 / base.1 as f64;
        // FLAC counts its frames within them.
        assert!(first.abs() < 0.1 || kind == "audio/flac", "{path} begins at {first} s");
    }
}

#[test]
fn a_full_disk_and_a_listener_that_dies_take_nothing_from_others() {
    let input = ["-y", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"];
    let full = ["-c:a", "pcm_s16le", "-f", "wav", "/dev/full"];
    let radio = Radio::start(&[&input[..], &full].concat(), &[(MP3, "/stream.mp3")]);
    let mut listener = radio.ask("GET", "/stream.mp3", &[]);
    let mut other = radio.ask("GET", "/stream.mp3", &[]);
    other.at_least(1_000);
    drop(other);
    let seconds = expect_frames(&listener.within(Duration::from_secs(4)));
    assert!(seconds > 3.0, "{seconds} s");
    radio.await_status("\"listeners\":1");
    radio.running.signal("INT");
    let rest = listener.rest();
    assert!(expect_frames(&rest) > seconds);
    let run = radio.running.finish(DEADLINE);
    assert_eq!(run.status.code(), Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("/dev/full") && run.stderr.contains("o space left"), "{}", run.stderr);
}

#[test]
fn players_hear_the_tone() {
    let radio = Radio::tone(&[
        (MP3, "/stream.mp3"),
        (&["-f", "adts"], "/stream.aac"),
        (&["-f", "wav"], "/stream.wav"),
    ]);
    thread::sleep(Duration::from_secs(2));
    let folder = clips::scratch();
    let raw = folder.path().join("raw.s16");
    for path in ["/stream.mp3", "/stream.aac", "/stream.wav"] {
        let Some(mut ffmpeg) = peers::ffmpeg() else { return };
        ffmpeg.args(["-nostdin", "-v", "error", "-y", "-i", &radio.url(path), "-t", "2"]);
        expect_tone(path, ffmpeg.args(["-ac", "1", "-ar", "44100", "-f", "s16le"]).arg(&raw), &raw);
    }
    if let Some(mut mpv) = peers::mpv() {
        let wav = folder.path().join("mpv.wav");
        let to = format!("--ao-pcm-file={}", wav.display());
        mpv.args(["--no-config", "--really-quiet", "--ao=pcm", &to, "--length=2", "--audio-channels=mono"]);
        expect_tone("mpv", mpv.args(["--audio-format=s16", &radio.url("/stream.mp3")]), &wav);
    }
    if let Some(mut gst) = peers::gst_launch() {
        let source = format!("location={}", radio.url("/stream.mp3"));
        let to = format!("location={}", raw.display());
        let caps = "audio/x-raw,format=S16LE,channels=1,rate=44100";
        gst.args([
            "-q",
            "souphttpsrc",
            &source,
            "num-buffers=60",
            "!",
            "icydemux",
            "!",
            "mpegaudioparse",
            "!",
            "mpg123audiodec",
            "!",
        ]);
        gst.args(["audioconvert", "!", "audioresample", "!", caps, "!", "filesink", &to]);
        expect_tone("GStreamer", &mut gst, &raw);
    }
    if let Some(mut curl) = peers::curl() {
        let mp3 = folder.path().join("curl.mp3");
        curl.args(["-s", "--max-time", "2", "-o"]).arg(&mp3).arg(radio.url("/stream.mp3"));
        finish(&mut curl, DEADLINE);
        expect_frames(&std::fs::read(mp3).unwrap());
    }
}

#[test]
fn places_are_limited_and_half_a_request_holds_none_for_long() {
    let limited: &[&str] = &["-max_listeners", "2", "-b:a", "64k", "-f", "mp3"];
    let radio = Radio::tone(&[(limited, "/stream.mp3")]);
    let mut two: Vec<Answer> = (0..2).map(|_| radio.ask("GET", "/stream.mp3", &[])).collect();
    two.iter_mut().for_each(|answer| drop(answer.at_least(1_000)));
    let third = radio.ask("GET", "/stream.mp3", &[]);
    assert_eq!((third.status(), third.header("retry-after")), (503, Some("30")));
    drop(two);
    radio.await_status("\"listeners\":0");
    assert_eq!(radio.ask("GET", "/stream.mp3", &[]).status(), 200);

    let mut slow = TcpStream::connect(("127.0.0.1", radio.port())).unwrap();
    slow.write_all(b"GET /stream.mp3 HTTP/1.1\r\nX-Slow: ").unwrap();
    let too_long = radio.say(&format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n", "x".repeat(40_000)));
    assert!(matches!(too_long.status(), 400 | 431), "{}", too_long.head);
    slow.set_read_timeout(Some(DEADLINE)).unwrap();
    let waited = Instant::now();
    let mut said = Vec::new();
    let _ = std::io::Read::read_to_end(&mut slow, &mut said);
    assert!(waited.elapsed() < Duration::from_secs(40), "it is still open");
}

#[test]
fn who_can_not_broadcast_is_told_why_in_a_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}/x.mp3", taken.local_addr().unwrap().port());
    let sound = ["-v", "info", "-hide_banner", "-f", "lavfi", "-i", "sine=duration=1", "-f", "mp3"];
    let refused = run(&[&sound[..], &["-listen", "1", &url]].concat());
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.stderr.contains("is in use") && !refused.stderr.contains("Serving"),
        "{}",
        refused.stderr
    );
    assert_eq!(refused.stderr.trim().lines().count(), 1, "{}", refused.stderr);
    drop(taken);
    // Without -listen it would be sent there, and nobody takes it.
    let forgotten = run(&[&sound[..], &[&url]].concat());
    assert_eq!(forgotten.status.code(), Some(1));
    assert!(forgotten.stderr.contains("-listen 1"), "{}", forgotten.stderr);
}

#[test]
fn many_who_listen_cost_little_memory_each() {
    const CROWD: usize = 300;
    let radio = Radio::tone(&[(MP3, "/stream.mp3")]);
    // What one needs, whoever comes after.
    let mut first = radio.ask("GET", "/stream.mp3", &[]);
    first.at_least(16_000);
    let before = radio.running.memory();
    let mut crowd: Vec<Answer> = (0..CROWD).map(|_| radio.ask("GET", "/stream.mp3", &[])).collect();
    for listener in &mut crowd {
        expect_frames(&listener.at_least(16_000));
    }
    let each = radio.running.memory().saturating_sub(before) / CROWD as u64;
    // hyper alone would hold 16 KiB for each, for the requests that it expects.
    assert!(each < 8_000, "{each} bytes each");
}

#[test]
fn https_with_a_certificate_made_here() {
    let Some(mut curl) = peers::curl() else { return };
    let (folder, port) = (clips::scratch(), brooklet_tests::servers::free_port());
    let url = format!("https://localhost:{port}/stream.mp3");
    let mut command = brooklet_tests::program::brooklet();
    command.env("XDG_CONFIG_HOME", folder.path());
    command.args([
        "-v", "error", "-f", "lavfi", "-i", "sine", "-b:a", "64k", "-f", "mp3", "-tls", "self", "-listen",
        "1", &url,
    ]);
    let mut radio = brooklet_tests::program::Running::start(&mut command);
    let until = Instant::now() + DEADLINE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(radio.is_running() && Instant::now() < until);
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_secs(1));
    let certificate = folder.path().join("brooklet/self.pem");
    let mp3 = folder.path().join("heard.mp3");
    curl.args(["-sS", "--max-time", "2", "--cacert"]).arg(&certificate).arg("-o").arg(&mp3).arg(&url);
    let run = finish(&mut curl, DEADLINE);
    let heard = std::fs::read(&mp3).unwrap_or_default();
    assert!(heard.len() > 2_000, "{}", run.stderr);
    expect_frames(&heard);
    // Ours believes it in the same way.
    let mut ours = brooklet_tests::program::brooklet();
    ours.args(["-v", "error", "-y", "-ca_file"])
        .arg(&certificate)
        .args(["-t", "1", "-i", &url, "-c", "copy"])
        .arg(&mp3);
    finish(&mut ours, DEADLINE).expect_success();
    expect_frames(&std::fs::read(&mp3).unwrap());
}

/// Walks through MP3 frames from the first byte on, each right after the one before; how long they last, seconds.
#[track_caller]
fn expect_frames(bytes: &[u8]) -> f64 {
    let (mut at, mut seconds, mut count) = (0, 0.0, 0);
    while at + 4 <= bytes.len() {
        let header = MpegAudioHeader::parse(&bytes[at..]);
        let header = header.unwrap_or_else(|| panic!("no frame at {at} of {}, after {count}", bytes.len()));
        seconds += f64::from(header.samples) / f64::from(header.rate);
        (at, count) = (at + header.frame_bytes, count + 1);
    }
    assert!(count > 10, "{count} frames in {} bytes", bytes.len());
    seconds
}

/// The titles in the bytes of a stream with one every 16,000.
fn titles(bytes: &[u8]) -> Vec<String> {
    let (mut titles, mut rest) = (Vec::new(), bytes);
    while rest.len() > 16_000 {
        let length = usize::from(rest[16_000]) * 16;
        let block = &rest[16_001..(16_001 + length).min(rest.len())];
        let text = String::from_utf8_lossy(block).into_owned();
        titles.extend(
            text.split_once("StreamTitle='")
                .and_then(|(_, rest)| rest.split_once("';"))
                .map(|(title, _)| title.to_string()),
        );
        rest = &rest[(16_001 + length).min(rest.len())..];
    }
    titles
}

/// What a player wrote is 440 Hz.
#[track_caller]
fn expect_tone(who: &str, command: &mut Command, path: &std::path::Path) {
    let run: Run = finish(command, DEADLINE);
    let bytes = std::fs::read(path).unwrap_or_default();
    // Without the header of a WAV file, and the first moments of a decoder.
    let sound = bytes.get(8_820..).unwrap_or_default();
    let hertz = frequency(sound, 44_100);
    assert!(
        (435.0..445.0).contains(&hertz) && sound.len() > 60_000,
        "{who}: {hertz} Hz of {}\n{}",
        bytes.len(),
        run.stderr
    );
}
