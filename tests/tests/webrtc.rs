//! WebRTC with real peers: ffmpeg 9.0's WHIP muxer, Chromium on our page and on WHIP and WHEP, and ourselves at both ends.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use brooklet_tests::program::{DEADLINE, Running, brooklet, finish};
use brooklet_tests::servers::{await_port, free_port};
use brooklet_tests::{clips, peers, probe, timecode};
use serde_json::Value;

/// A moving picture in colour and a tone, as fast as time passes.
const SOURCE: &[&str] = &[
    "-re",
    "-f",
    "lavfi",
    "-i",
    "testsrc2=size=320x240:rate=25",
    "-re",
    "-f",
    "lavfi",
    "-i",
    "sine=frequency=440:sample_rate=48000",
];

/// A recording of whoever publishes at `port`.
fn record(port: u16, path: &Path) -> Running {
    let mut program = brooklet();
    program
        .args(["-v", "info", "-y", "-i", &format!("whip://127.0.0.1:{port}/live"), "-c", "copy", "-f", "flv"])
        .arg(path);
    let running = Running::start(&mut program);
    await_port(port);
    running
}

/// Whether both kinds are there, `seconds` of each, with times that only grow and pictures that decode.
fn expect_recording(path: &Path, seconds: f64) {
    for (stream, least) in [("v:0", 15.0), ("a:0", 45.0)] {
        let Some((base, packets)) = probe::packets(path, stream) else { return };
        assert!(packets.len() as f64 >= least * seconds, "{stream}: {} packets", packets.len());
        let times: Vec<i64> = packets.iter().map(|packet| packet.pts).collect();
        assert!(times.is_sorted(), "{stream}: {times:?}");
        let span = probe::nanoseconds(times[times.len() - 1] - times[0], base) as f64 / 1e9;
        assert!((seconds..seconds + 8.0).contains(&(span + 0.5)), "{stream}: {span} s");
    }
    let Some(mut ffmpeg) = peers::ffmpeg9() else { return };
    ffmpeg.args(["-nostdin", "-v", "error", "-i"]).arg(path).args(["-fps_mode", "vfr", "-f", "null", "-"]);
    let decoded = finish(&mut ffmpeg, DEADLINE).expect_success();
    assert_eq!(decoded.stderr.trim(), "", "damage was decoded");
}

#[test]
fn ffmpeg_publishes_and_it_is_recorded() {
    let Some(mut ffmpeg) = peers::ffmpeg9() else { return };
    let (folder, port) = (clips::scratch(), free_port());
    let path = folder.path().join("whip.flv");
    let recording = record(port, &path);
    ffmpeg.args(["-nostdin", "-v", "error"]).args(SOURCE).args([
        "-t",
        "6",
        "-c:v",
        "libx264",
        "-profile:v",
        "baseline",
        "-preset",
        "ultrafast",
        "-tune",
        "zerolatency",
        "-bf",
        "0",
        "-g",
        "25",
        "-pix_fmt",
        "yuv420p",
        "-c:a",
        "libopus",
        "-ac",
        "2",
        "-f",
        "whip",
        &format!("http://127.0.0.1:{port}/live"),
    ]);
    finish(&mut ffmpeg, DEADLINE).expect_success();
    recording.finish(DEADLINE).expect_success();
    expect_recording(&path, 3.0);
}

#[test]
fn ours_publishes_and_ours_records() {
    let (folder, port) = (clips::scratch(), free_port());
    let path = folder.path().join("ours.flv");
    let recording = record(port, &path);
    let mut program = brooklet();
    program.args(SOURCE).args([
        "-t",
        "6",
        "-g",
        "25",
        "-f",
        "whip",
        &format!("http://127.0.0.1:{port}/live"),
    ]);
    finish(&mut program, DEADLINE).expect_success();
    recording.finish(DEADLINE).expect_success();
    expect_recording(&path, 3.0);
}

#[test]
fn a_server_that_refuses_is_told_in_a_line() {
    let (folder, port) = (clips::scratch(), free_port());
    let _recording = record(port, &folder.path().join("none.flv"));
    let mut program = brooklet();
    program.args(SOURCE).args(["-t", "20", "-f", "whip", &format!("http://127.0.0.1:{port}/elsewhere")]);
    let run = finish(&mut program, DEADLINE);
    assert!(!run.status.success());
    assert!(run.stderr.contains("404") || run.stderr.contains("405"), "{}", run.stderr);
}

/// What Chromium saw.
fn browser(verb: &str, url: &str, seconds: u32) -> Option<Value> {
    let (mut node, modules) = peers::chromium()?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/browser/webrtc.js");
    node.arg(script).arg(modules).args([verb, url, &seconds.to_string()]);
    let run = finish(&mut node, DEADLINE + Duration::from_secs(60)).expect_success();
    eprintln!("{verb}: {}", run.text().trim());
    Some(serde_json::from_str(&run.text()).unwrap())
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

#[test]
fn a_browser_watches_a_moving_picture_in_colour() {
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/live");
    let mut program = brooklet();
    program.args(SOURCE).args(["-g", "50", "-f", "whep", &url]);
    let serving = Running::start(&mut program);
    await_port(port);
    let Some(seen) = browser("watch", &url, 6) else { return };
    assert_eq!(
        (&seen["status"], &seen["wrong"], &seen["ended"], &seen["again"]),
        (&201.into(), &412.into(), &200.into(), &404.into()),
        "{seen}"
    );
    assert_eq!(seen["patched"], 204, "its candidates were not taken: {seen}");
    let video = &seen["video"];
    assert_eq!((&video["frameWidth"], &video["frameHeight"]), (&320.into(), &240.into()), "{seen}");
    // Of 150; a machine that is busy drops some.
    assert!(number(&video["framesDecoded"]) > 60.0, "{seen}");
    assert!(number(&seen["audio"]["packetsReceived"]) > 200.0, "{seen}");
    assert!(number(&seen["moved"]) > 0.005 && number(&seen["coloured"]) > 0.2, "{seen}");
    expect_tone(&seen);
    serving.signal("INT");
    serving.finish(DEADLINE);
}

/// The tone of [`SOURCE`] was heard.
fn expect_tone(seen: &Value) {
    let (hertz, decibels) = (number(&seen["heard"]["hertz"]), number(&seen["heard"]["decibels"]));
    assert!((hertz - 440.0).abs() < 12.0 && decibels > -60.0, "{seen}");
}

#[test]
fn a_browsers_camera_is_recorded() {
    let (folder, port) = (clips::scratch(), free_port());
    let path = folder.path().join("camera.flv");
    let recording = record(port, &path);
    let Some(seen) = browser("publish", &format!("http://127.0.0.1:{port}/live"), 6) else { return };
    assert_eq!(seen["status"], 201, "{seen}");
    recording.finish(DEADLINE).expect_success();
    expect_recording(&path, 3.0);
}

/// `brooklet serve` with its page: the program, the port of RTMP, and the URL of the page.
fn serve() -> (Running, u16, String) {
    let (rtmp, http) = (free_port(), free_port());
    let mut program = brooklet();
    program.args(["serve", "--rtmp", &format!("127.0.0.1:{rtmp}"), "--http", &format!("127.0.0.1:{http}")]);
    let serving = Running::start(&mut program);
    await_port(http);
    (serving, rtmp, format!("http://127.0.0.1:{http}"))
}

#[test]
fn a_camera_comes_back_grey_when_that_is_chosen_and_in_colour_after() {
    let (serving, _, page) = serve();
    let Some((mut node, modules)) = peers::chromium() else { return };
    let screenshot = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../camera.png");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/browser/camera.js");
    node.arg(script).arg(modules).arg(format!("{page}/")).arg(screenshot);
    let run = finish(&mut node, DEADLINE + Duration::from_secs(60)).expect_success();
    eprintln!("camera: {}", run.text().trim());
    let seen: Value = serde_json::from_str(&run.text()).unwrap();
    assert_eq!((&seen["errors"], &seen["trouble"]), (&Value::Array(Vec::new()), &"".into()), "{seen}");
    assert_eq!((&seen["state"], &seen["stopped"]), (&"Live".into(), &"Ready".into()), "{seen}");
    for (part, coloured) in [("plain", 0.5..=1.0), ("grey", 0.0..=0.001), ("after", 0.5..=1.0)] {
        assert!(number(&seen[part]["moved"]) > 0.005, "{part}: {seen}");
        assert!(coloured.contains(&number(&seen[part]["coloured"])), "{part}: {seen}");
    }
    // What was drawn can be read again: a machine that is busy shows it late, but never before it was drawn.
    assert!(number(&seen["delay"]["pictures"]) > 20.0, "{seen}");
    assert!((1.0..2_000.0).contains(&number(&seen["delay"]["median"])), "{seen}");
    serving.signal("INT");
    serving.finish(DEADLINE);
}

#[test]
fn a_session_that_is_stopped_before_it_is_connected_ends_at_the_server_too() {
    let (serving, _, page) = serve();
    let Some((mut node, modules)) = peers::chromium() else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/browser/stopped.js");
    let run = finish(node.arg(script).arg(modules).arg(format!("{page}/")), DEADLINE).expect_success();
    let seen: Value = serde_json::from_str(&run.text()).unwrap();
    assert_eq!(seen, serde_json::json!({ "sessions": 3, "ended": 3 }));
    serving.signal("INT");
    serving.finish(DEADLINE);
}

#[test]
fn a_browser_watches_what_comes_by_rtmp_with_aac_and_b_frames() {
    let (serving, rtmp, page) = serve();
    let Some(mut ffmpeg) = peers::ffmpeg9() else { return };
    ffmpeg
        .args(["-nostdin", "-v", "error"])
        .args(SOURCE)
        .args(["-c:v", "libx264", "-preset", "veryfast", "-bf", "2"]);
    ffmpeg.args(["-g", "50", "-pix_fmt", "yuv420p", "-b:v", "500k", "-c:a", "aac", "-f", "flv"]);
    ffmpeg.arg(format!("rtmp://127.0.0.1:{rtmp}/live/app"));
    let publishing = Running::start(&mut ffmpeg);
    // The program waits for a stream only so long.
    let is_live = |name: &str| status(&page).contains(&format!("\"name\":\"{name}\""));
    await_that("the stream", || is_live("live/app"));
    let Some(seen) = browser("watch", &format!("{page}/whep/live/app"), 6) else { return };
    assert_eq!(seen["status"], 201, "{seen}");
    assert!(number(&seen["video"]["framesDecoded"]) > 60.0, "{seen}");
    assert!(number(&seen["audio"]["packetsReceived"]) > 150.0, "{seen}");
    expect_tone(&seen);
    assert!(number(&seen["moved"]) > 0.005 && number(&seen["coloured"]) > 0.2, "{seen}");
    // What is coded anew for browsers is so only while one watches.
    assert!(is_live("live/app (for WebRTC)"), "{}", status(&page));
    await_that("the end of what nobody watches", || !is_live("live/app (for WebRTC)"));
    assert!(is_live("live/app"));
    publishing.signal("INT");
    serving.signal("INT");
    serving.finish(DEADLINE);
}

/// The streams of a server, as its page reads them.
fn status(page: &str) -> String {
    let mut curl = peers::curl().unwrap();
    finish(curl.args(["-s", &format!("{page}/status.json")]), DEADLINE).expect_success().text()
}

fn await_that(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < until, "{what} did not come");
        thread::sleep(Duration::from_millis(200));
    }
}

/// From pictures that say when they were made, by RTMP to the server and by WebRTC to a browser, which reads them.
#[test]
fn what_comes_by_rtmp_is_seen_soon() {
    let (serving, rtmp, page) = serve();
    let url = format!("rtmp://127.0.0.1:{rtmp}/live/app");
    let publishing = thread::spawn(move || timecode::publish(&url, Duration::from_secs(16)));
    await_that("the stream", || status(&page).contains("live/app"));
    let Some(seen) = browser("delay", &format!("{page}/whep/live/app"), 8) else { return };
    assert!(number(&seen["delay"]["pictures"]) > 20.0, "{seen}");
    // 300 ms are the aim, which a machine that is busy does not reach.
    assert!((1.0..3_000.0).contains(&number(&seen["delay"]["median"])), "{seen}");
    serving.signal("INT");
    serving.finish(DEADLINE);
    // What the server's end makes of it is not judged here.
    let _ = publishing.join().unwrap();
}

/// aiortc for some seconds: what it received.
fn aiortc(verb: &str, url: &str, seconds: u32) -> Option<Value> {
    let mut python = peers::aiortc()?;
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/players/webrtc.py"));
    let run = finish(python.args([verb, url, &seconds.to_string()]), DEADLINE).expect_success();
    Some(serde_json::from_str(&run.text()).unwrap())
}

#[test]
fn aiortc_gets_its_pictures_back_publishes_and_watches() {
    let (serving, _, page) = serve();
    let Some(seen) = aiortc("both", &format!("{page}/camera?task=gray"), 4) else { return };
    // Of 120 pictures and 200 pieces of sound.
    let expect = |seen: &Value, coloured: f64| {
        assert!(number(&seen["video"]) > 30.0 && number(&seen["audio"]) > 60.0, "{seen}");
        assert!(
            (number(&seen["coloured"]) - coloured).abs() < 0.1 && number(&seen["moved"]) > 0.05,
            "{seen}"
        );
        assert_eq!(seen["size"], serde_json::json!([320, 240]), "{seen}");
    };
    expect(&seen, 0.0);
    let whip = format!("{page}/whip/live/app");
    let publishing = thread::spawn(move || aiortc("send", &whip, 9));
    await_that("the stream", || status(&page).contains("live/app"));
    let seen = aiortc("receive", &format!("{page}/whep/live/app"), 4).unwrap();
    expect(&seen, 1.0);
    publishing.join().unwrap();
    serving.signal("INT");
    serving.finish(DEADLINE);
}

#[test]
fn pages_of_others_and_strangers_stay_outside() {
    let (rtmp, http) = (free_port(), free_port());
    let mut program = brooklet();
    program.args(["serve", "--rtmp", &format!("127.0.0.1:{rtmp}"), "--http", &format!("127.0.0.1:{http}")]);
    program.args([
        "--camera-token",
        "s3cret",
        "--publish-token",
        "other",
        "--ice-server",
        "turn:me:pw@127.0.0.1:3478",
    ]);
    let serving = Running::start(&mut program);
    await_port(http);
    let Some(mut curl) = peers::curl() else { return };
    let url = |path: &str| format!("http://127.0.0.1:{http}{path}");
    let ask = |path: &str, headers: &[&str]| {
        let mut curl = std::process::Command::new(curl.get_program());
        curl.args([
            "-s",
            "-w",
            "%{http_code}",
            "-X",
            "POST",
            "--data",
            "v=0",
            "-H",
            "Content-Type: application/sdp",
        ]);
        headers.iter().for_each(|header| _ = curl.args(["-H", header]));
        finish(curl.arg(url(path)), DEADLINE).expect_success().text()
    };
    assert!(ask("/camera", &[]).ends_with("401"));
    assert!(ask("/camera", &["Authorization: Bearer other"]).ends_with("401"));
    assert!(ask("/camera", &["Authorization: Bearer s3cret"]).ends_with("400"), "it is no offer");
    assert!(
        ask("/camera", &["Authorization: Bearer s3cret", "Origin: http://evil.example"]).ends_with("403")
    );
    assert!(ask("/whip/live/app", &["Authorization: Bearer s3cret"]).ends_with("401"));
    assert!(ask("/whip/live/app", &["Authorization: Bearer other"]).ends_with("400"), "it is no offer");
    assert!(ask("/whep/live/app", &[]).ends_with("404"));
    // Who does not know the token is not told the one of the TURN server.
    let told = finish(curl.args(["-s", &url("/camera.json")]), DEADLINE).expect_success().text();
    assert!(told.contains("\"token\":true") && !told.contains("3478"), "{told}");
    serving.signal("INT");
    serving.finish(DEADLINE);
}

#[test]
fn pages_of_others_stay_outside_of_single_jobs_unless_they_are_let_in() {
    let folder = clips::scratch();
    let status = |words: &[&str], origin: &str| {
        let port = free_port();
        let path = folder.path().join(format!("{port}.flv"));
        let (page, job) = (format!("http://127.0.0.1:{port}"), format!("127.0.0.1:{port}/live"));
        let mut program = brooklet();
        let words = words
            .iter()
            .map(|word| word.replace("{job}", &job).replace("{path}", &path.display().to_string()));
        let _job = Running::start(program.args(words));
        await_port(port);
        let mut curl = peers::curl()?;
        curl.args([
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "--data",
            "v=0",
            "-H",
            "Content-Type: application/sdp",
        ]);
        curl.args(["-H", &format!("Origin: {}", if origin.is_empty() { &page } else { origin })]);
        Some(finish(curl.arg(format!("{page}/live")), DEADLINE).expect_success().text())
    };
    let other = "https://example.net";
    // 400: it is let in, and brings no offer.
    for (origin, allow, expected) in [
        ("", "http://a.example", "400"),
        (other, "http://a.example", "403"),
        (other, other, "400"),
        (other, "*", "400"),
    ] {
        let whip = ["-allow_origin", allow, "-i", "whip://{job}", "-c", "copy", "-f", "flv", "{path}"];
        let whep: Vec<_> =
            SOURCE.iter().copied().chain(["-allow_origin", allow, "-f", "whep", "http://{job}"]).collect();
        for words in [&whip[..], &whep] {
            let Some(seen) = status(words, origin) else { return };
            assert_eq!(seen, expected, "{origin} and {allow}: {words:?}");
        }
    }
}

/// The kind of offer that OBS makes (30 and later, by libdatachannel): what belongs to the session stands once, before the media.
const OBS_OFFER: &str = "v=0
o=rtc 1700000001 0 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=group:LS 0 1
a=msid-semantic:WMS *
a=setup:actpass
a=ice-ufrag:Qx7d
a=ice-pwd:h2Yk0aVb8cWn3eRt6yUi1o
a=ice-options:ice2,trickle
a=fingerprint:sha-256 DA:37:58:45:F6:44:D7:0C:A6:F6:C2:0E:24:B2:EB:08:C5:77:5A:19:6E:66:14:5C:87:48:AA:F4:C3:AB:6D:5C
m=audio 40001 UDP/TLS/RTP/SAVPF 111
c=IN IP4 127.0.0.1
a=mid:0
a=sendonly
a=ssrc:7001 cname:Fq3hT8vL2sXw9bNc
a=ssrc:7001 msid:Zk5mR1pJ7dGy4aHe Zk5mR1pJ7dGy4aHe-audio
a=msid:Zk5mR1pJ7dGy4aHe Zk5mR1pJ7dGy4aHe-audio
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1
a=candidate:1 1 UDP 2122317823 127.0.0.1 40001 typ host
a=end-of-candidates
m=video 40001 UDP/TLS/RTP/SAVPF 96
c=IN IP4 127.0.0.1
a=mid:1
a=sendonly
a=ssrc:7002 cname:Fq3hT8vL2sXw9bNc
a=ssrc:7002 msid:Zk5mR1pJ7dGy4aHe Zk5mR1pJ7dGy4aHe-video
a=msid:Zk5mR1pJ7dGy4aHe Zk5mR1pJ7dGy4aHe-video
a=rtcp-mux
a=rtpmap:96 H264/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtcp-fb:96 goog-remb
a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1
";

/// What OBS looks at of an answer, and what its transport must find in it.
#[test]
fn what_obs_offers_is_answered_as_it_wants() {
    let (rtmp, http) = (free_port(), free_port());
    let mut program = brooklet();
    program.args(["serve", "--rtmp", &format!("127.0.0.1:{rtmp}"), "--http", &format!("127.0.0.1:{http}")]);
    program.args(["--publish-token", "s3cret", "--ice-server", "stun:127.0.0.1:3478"]);
    let serving = Running::start(&mut program);
    await_port(http);
    let Some(curl) = peers::curl() else { return };
    let ask = |words: &[&str], path: &str| {
        let mut curl = std::process::Command::new(curl.get_program());
        curl.args([
            "-s",
            "-i",
            "-L",
            "--location-trusted",
            "-A",
            "Mozilla/5.0 (OBS-Studio/30.2.3; Linux x86_64; en-US)",
        ]);
        curl.args(["-H", "Authorization: Bearer s3cret"]).args(words);
        finish(curl.arg(format!("http://127.0.0.1:{http}{path}")), DEADLINE).expect_success().text()
    };
    let offer = OBS_OFFER.replace('\n', "\r\n");
    let kind = "Content-Type: application/sdp";
    // Some libraries ask before they send so much.
    for expect in ["Expect:", "Expect: 100-continue"] {
        let answer = ask(&["-H", kind, "-H", expect, "--data-binary", &offer], "/whip/live/obs");
        let (head, sdp) = answer.split_at(answer.find("v=0").unwrap_or_else(|| panic!("{answer}")));
        let head: Vec<_> = head.trim().lines().collect();
        let header = |name: &str| {
            let of = |line: &&str| {
                line.split_once(": ")
                    .filter(|(known, _)| known.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value.to_string())
            };
            head.iter().find_map(of).unwrap_or_else(|| panic!("{name} in {head:?}"))
        };
        assert!(head.iter().any(|line| line.starts_with("HTTP/1.1 201")), "{head:?}");
        assert_eq!(header("content-type"), "application/sdp");
        assert_eq!(header("link"), "<stun:127.0.0.1:3478>; rel=\"ice-server\"");
        assert!(header("etag").starts_with('"'));
        // Put in the place of the endpoint's path as it is.
        let session = header("location");
        assert!(session.starts_with("/session/"), "{session}");

        let (whole, media) = sdp.split_at(sdp.find("m=").unwrap());
        assert!(whole.contains("a=group:BUNDLE 0 1"), "{sdp}");
        let media: Vec<_> = media.split("m=").skip(1).collect();
        let expected =
            [("audio", "111", "a=rtpmap:111 opus/48000/2"), ("video", "96", "a=rtpmap:96 H264/90000")];
        assert_eq!(media.len(), expected.len(), "{sdp}");
        for (number, (section, (kind, payload, map))) in media.into_iter().zip(expected).enumerate() {
            let line = section.lines().next().unwrap();
            assert!(
                line.starts_with(kind) && line.ends_with(&format!(" {payload}")) && !line.contains(" 0 "),
                "{line}"
            );
            let has = |line: &str| section.lines().chain(whole.lines()).any(|known| known.starts_with(line));
            for wanted in
                [map, "a=recvonly", "a=rtcp-mux", "a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:sha-256 "]
            {
                assert!(has(wanted), "{wanted} in {sdp}");
            }
            assert!(has(&format!("a=mid:{number}")), "{sdp}");
            assert!(has("a=setup:active") || has("a=setup:passive"), "{sdp}");
        }
        // Of what is bundled the first has the addresses.
        assert!(sdp.contains("a=candidate:"), "{sdp}");
        assert!(sdp.contains("packetization-mode=1") && sdp.contains("a=rtcp-fb:96 nack pli"), "{sdp}");

        // A second one is told that the name is taken.
        assert!(ask(&["-H", kind, "--data-binary", &offer], "/whip/live/obs").starts_with("HTTP/1.1 409"));
        assert!(ask(&["-X", "DELETE"], &session).starts_with("HTTP/1.1 200"));
        await_that("the end of the stream", || {
            !status(&format!("http://127.0.0.1:{http}")).contains("live/obs")
        });
    }
    serving.signal("INT");
    serving.finish(DEADLINE);
}
