//! Voice over UDP and RTP: the sound that peers receive is the sound that was sent, both ways, and over a bad network.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use brooklet_tests::program::{DEADLINE, Run, Running, brooklet};
use brooklet_tests::relay::{UdpImpairment, UdpRelay};
use brooklet_tests::servers::{await_udp, free_rtp_port};
use brooklet_tests::{clips, peers, sound};

/// Seconds of the sound.
const LENGTH: usize = 4;

/// Samples that glide from 300 Hz to 2 kHz, so that each moment is unlike all others; s16le.
fn glide(rate: u32, channels: usize, seconds: usize) -> Vec<u8> {
    let mut phase = 0.0f64;
    let mut bytes = Vec::new();
    let total = rate as usize * seconds;
    for n in 0..total {
        phase += std::f64::consts::TAU * (300.0 + 1_700.0 * n as f64 / total as f64) / f64::from(rate);
        let sample = (phase.sin() * 12_000.0) as i16;
        (0..channels).for_each(|_| bytes.extend(sample.to_le_bytes()));
    }
    bytes
}

/// A file of it, and its first channel.
fn file(folder: &Path, rate: u32, channels: usize) -> (PathBuf, Vec<f32>) {
    let path = folder.join("sent.pcm");
    let bytes = glide(rate, channels, LENGTH);
    std::fs::write(&path, &bytes).unwrap();
    (path, sound::of_s16le(&bytes).into_iter().step_by(channels).collect())
}

/// The first channel of what was written, as a peer of no part in it reads it.
fn heard(path: &Path, rate: u32) -> Option<Vec<f32>> {
    let mut ffmpeg = peers::ffmpeg()?;
    ffmpeg.args(["-nostdin", "-v", "error", "-i"]).arg(path);
    ffmpeg.args(["-af", "pan=mono|c0=c0", "-ar", &rate.to_string(), "-f", "s16le", "-"]);
    Some(sound::of_s16le(&Running::start(&mut ffmpeg).finish(DEADLINE).expect_success().stdout))
}

#[track_caller]
fn expect_same(sent: &[f32], received: &[f32], least: f64, rate: u32, who: &str) {
    let seconds = received.len() as f64 / f64::from(rate);
    assert!((LENGTH as f64 - 0.5..LENGTH as f64 + 1.5).contains(&seconds), "{who}: {seconds} s");
    // What was lost before the first packet, or silence before it, shifts all by as much.
    let shift = received.iter().position(|sample| sample.abs() > 0.01).unwrap_or(0);
    let alike = sound::correlation(sent, &received[shift.saturating_sub(200)..], 400);
    assert!(alike > least, "{who}: a correlation of {alike}");
    assert_eq!(sound::gaps(received, rate), 0, "{who}: gaps");
}

fn ours(line: &str, input: &Path) -> Command {
    let mut command = brooklet();
    command.args(
        line.split_whitespace().map(|word| if word == "FILE" { input.to_str().unwrap() } else { word }),
    );
    command
}

/// The same of sound that was played as it came: each moment of it is one of the original.
#[track_caller]
fn expect_played(sent: &[f32], received: &[f32], rate: u32, who: &str) {
    let seconds = received.len() as f64 / f64::from(rate);
    assert!((LENGTH as f64 - 1.0..LENGTH as f64 + 3.0).contains(&seconds), "{who}: {seconds} s");
    let alike = sound::likeness(sent, received, rate);
    assert!(alike > 0.85, "{who}: {alike} of it is the original");
}

/// Sends from the file `FILE` as `line` says, to its end.
#[track_caller]
fn send(line: &str, input: &Path) -> Run {
    Running::start(&mut ours(line, input)).finish(DEADLINE).expect_success()
}

#[test]
fn bare_datagrams_are_one_ptime_each_and_the_tail_is_sent() {
    let folder = clips::scratch();
    let path = folder.path().join("a.pcm");
    let bytes: Vec<u8> = (0..16_000u32 + 100).map(|n| (n * 7) as u8).collect();
    std::fs::write(&path, &bytes).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let port = socket.local_addr().unwrap().port();
    let line = format!(
        "-v error -re -stream_loop 1 -f s16le -ar 8000 -ac 1 -i FILE -f s16le udp://127.0.0.1:{port}?pkt_size=320"
    );
    let sender = Running::start(&mut ours(&line, &path));
    let (mut sizes, mut all, mut buffer) = (Vec::new(), Vec::new(), [0; 2_000]);
    let mut times = Vec::new();
    while all.len() < 2 * bytes.len() {
        let count = socket.recv(&mut buffer).expect("all comes");
        times.push(Instant::now());
        sizes.push(count);
        all.extend_from_slice(&buffer[..count]);
    }
    sender.finish(DEADLINE).expect_success();
    assert_eq!(all, [&bytes[..], &bytes[..]].concat());
    let tail = 2 * bytes.len() % 320;
    assert!(sizes[..sizes.len() - 1].iter().all(|size| *size == 320) && sizes[sizes.len() - 1] == tail);
    // However late the machine lets them go, none goes before its time, and the last not long after it.
    let took = (times[times.len() - 1] - times[0]).as_secs_f64();
    let due = 2.0 * bytes.len() as f64 / 16_000.0 - 0.02;
    assert!((due - 0.05..due + 3.0).contains(&took), "{took} s, {due} due");
    let early = times.iter().enumerate().map(|(n, at)| n as f64 * 0.02 - (*at - times[0]).as_secs_f64());
    assert!(early.fold(0.0, f64::max) < 0.06, "a datagram came before its time");
}

#[test]
fn bare_samples_are_played_as_they_come() {
    let folder = clips::scratch();
    let (path, sent) = file(folder.path(), 8_000, 1);
    let out = folder.path().join("out.wav");
    let port = free_rtp_port();
    let line = format!(
        "-v info -f s16le -ar 8000 -ac 1 -buffer 200ms -i udp://127.0.0.1:{port}?timeout=1500000 {}",
        out.display()
    );
    let player = Running::start(&mut ours(&line, &path));
    await_udp(port);
    send(
        &format!("-v error -re -f s16le -ar 8000 -ac 1 -i FILE -f s16le udp://127.0.0.1:{port}?pkt_size=320"),
        &path,
    );
    let run = player.finish(DEADLINE).expect_success();
    assert!(run.stderr.contains("packets played"), "{}", run.stderr);
    let Some(received) = heard(&out, 8_000) else { return };
    expect_played(&sent, &received, 8_000, &run.stderr);
}

#[test]
fn five_percent_loss_and_sixty_milliseconds_of_jitter_are_concealed() {
    let folder = clips::scratch();
    let (path, sent) = file(folder.path(), 8_000, 1);
    let out = folder.path().join("out.wav");
    let port = free_rtp_port();
    let line = format!("-v info -buffer 60ms -i rtp://127.0.0.1:{port}?timeout=1500000 {}", out.display());
    let player = Running::start(&mut ours(&line, &path));
    await_udp(port);
    let how = UdpImpairment {
        jitter: Duration::from_millis(60),
        loss: 50,
        twice: 20,
        seed: 5,
        ..UdpImpairment::default()
    };
    let relay = UdpRelay::to(port, how);
    let to = format!("rtp://127.0.0.1:{}?rtcpport={}", relay.port(), port + 1);
    send(&format!("-v error -re -f s16le -ar 8000 -ac 1 -i FILE -c:a pcm_mulaw -f rtp {to}"), &path);
    let run = player.finish(DEADLINE).expect_success();
    let (carried, lost) = relay.counts();
    assert!(carried == 200 && lost > 3, "{carried} {lost}");
    let concealed = number_before(&run.stderr, " ms concealed");
    assert!(concealed >= 20.0 * (lost as f64 - 2.0), "{lost} lost: {}", run.stderr);
    let Some(received) = heard(&out, 8_000) else { return };
    let seconds = received.len() as f64 / 8_000.0;
    assert!((3.8..5.0).contains(&seconds), "{seconds} s: {}", run.stderr);
    assert!(sound::likeness(&sent, &received, 8_000) > 0.5, "{}", run.stderr);
    // A repetition of 20 ms fades by a fifth at most: no lost packet is a gap, but two in a row may be nearly one.
    assert!(sound::gaps(&received, 8_000) <= 1, "{}", run.stderr);
}

#[test]
fn a_sender_that_is_twice_as_fast_is_bounded() {
    let folder = clips::scratch();
    for how in ["drop", "speed"] {
        let out = folder.path().join(format!("{how}.wav"));
        let port = free_rtp_port();
        let line = format!(
            "-v info -f s16le -ar 8000 -ac 1 -buffer 100ms -catch_up {how} -i udp://127.0.0.1:{port}?timeout=1000000 {}",
            out.display()
        );
        let player = Running::start(&mut ours(&line, folder.path()));
        await_udp(port);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let begin = Instant::now();
        for (number, datagram) in glide(8_000, 1, 6).chunks(320).enumerate() {
            let due = begin + Duration::from_millis(10) * number as u32;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            socket.send_to(datagram, ("127.0.0.1", port)).unwrap();
        }
        let run = player.finish(DEADLINE).expect_success();
        let Some(received) = heard(&out, 8_000) else { return };
        let seconds = received.len() as f64 / 8_000.0;
        assert!((2.5..4.6).contains(&seconds), "{how}: 6 s in 3 s became {seconds} s: {}", run.stderr);
        assert!(number_before(&run.stderr, " dropped") > 60.0, "{how}: {}", run.stderr);
    }
}

/// The number that stands before some words.
#[track_caller]
fn number_before(text: &str, words: &str) -> f64 {
    let before = text.split(words).next().and_then(|before| before.rsplit([' ', ',']).next());
    before
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("no number before '{words}' in {text}"))
}

/// Codec, rate, channels, and how much like the original it must be.
type Ffmpeg = fn() -> Option<Command>;
type Kind = (&'static str, u32, usize, f64);

const KINDS: [Kind; 7] = [
    ("pcm_s16be", 44_100, 2, 0.98),
    ("pcm_s16be", 48_000, 1, 0.98),
    ("pcm_s24be", 48_000, 2, 0.98),
    ("pcm_mulaw", 8_000, 1, 0.98),
    ("pcm_alaw", 8_000, 1, 0.98),
    ("g722", 16_000, 1, 0.98),
    ("libopus", 48_000, 1, 0.9),
];

/// Both versions at once: they mostly wait for sound to take its time.
fn with_each_ffmpeg(check: fn(Ffmpeg, &str, Kind)) {
    thread::scope(|scope| {
        for (ffmpeg, version) in [(peers::ffmpeg as Ffmpeg, "5.1"), (peers::ffmpeg9, "9.0")] {
            scope.spawn(move || KINDS.into_iter().for_each(|kind| check(ffmpeg, version, kind)));
        }
    });
}

#[test]
fn ffmpeg_receives_what_was_sent() {
    with_each_ffmpeg(|ffmpeg, version, (codec, rate, channels, least)| {
        let Some(mut receiver) = ffmpeg() else { return };
        let folder = clips::scratch();
        let (path, sent) = file(folder.path(), rate, channels);
        let (sdp, out, port) = (folder.path().join("a.sdp"), folder.path().join("out.wav"), free_rtp_port());
        let line = format!(
            "-v error -re -f s16le -ar {rate} -ac {channels} -i FILE -c:a {codec} -f rtp -sdp_file {} rtp://127.0.0.1:{port}",
            sdp.display()
        );
        // The description is there before the sound: a receiver needs it first.
        send(&line.replace("-re", "-t 0.1"), &path);
        receiver.args("-nostdin -v error -protocol_whitelist file,udp,rtp -i".split_whitespace()).arg(&sdp);
        receiver.args(["-t", "5"]).arg(&out);
        let receiver = Running::start(&mut receiver);
        await_udp(port);
        send(&line, &path);
        thread::sleep(Duration::from_millis(700));
        receiver.signal("INT");
        receiver.finish(DEADLINE);
        let Some(received) = heard(&out, rate) else { return };
        expect_same(&sent, &received, least, rate, &format!("ffmpeg {version} {codec}"));
    });
}

#[test]
fn what_ffmpeg_sends_is_received() {
    with_each_ffmpeg(|ffmpeg, version, (codec, rate, channels, least)| {
        for buffered in [false, true] {
            if buffered && channels == 1 && rate > 8_000 {
                continue;
            }
            let folder = clips::scratch();
            let (path, sent) = file(folder.path(), rate, channels);
            let (sdp, out, port) =
                (folder.path().join("a.sdp"), folder.path().join("out.wav"), free_rtp_port());
            let sender = |rest: &str| {
                let mut sender = ffmpeg()?;
                let line = format!(
                    "-nostdin -v error {rest} -f s16le -ar {rate} -ac {channels} -i FILE -c:a {codec} -f rtp -sdp_file SDP rtp://127.0.0.1:{port}"
                );
                sender.args(line.split_whitespace().map(|word| match word {
                    "FILE" => path.to_str().unwrap(),
                    "SDP" => sdp.to_str().unwrap(),
                    word => word,
                }));
                Some(Running::start(&mut sender))
            };
            let Some(first) = sender("-t 0.1") else { return };
            first.finish(DEADLINE);
            let buffer = if buffered { "-buffer 100ms" } else { "" };
            let line = format!("-v error {buffer} -timeout 1500000 -i {} {}", sdp.display(), out.display());
            let receiver = Running::start(&mut ours(&line, &path));
            await_udp(port);
            // 9.0 sends half a second at once at first, unless told otherwise.
            let pace = if version == "9.0" { "-readrate 1 -readrate_initial_burst 0.02" } else { "-re" };
            sender(pace).map(|sender| sender.finish(DEADLINE));
            let run = receiver.finish(DEADLINE).expect_success();
            let Some(received) = heard(&out, rate) else { return };
            let who = format!("ffmpeg {version} {codec} {buffered} {}", run.stderr);
            if buffered {
                expect_played(&sent, &received, rate, &who);
            } else {
                expect_same(&sent, &received, least, rate, &who);
            }
        }
    });
}

/// How GStreamer does a kind of sound.
struct Gst {
    codec: &'static str,
    rate: u32,
    channels: usize,
    /// Of RTP, after `media=audio`.
    caps: &'static str,
    /// From RTP to samples, and back.
    receive: &'static str,
    send: &'static str,
    /// What a description says of its payload type, where that is not a static one.
    map: Option<&'static str>,
    least: f64,
}

const GST: [Gst; 4] = [
    Gst {
        codec: "pcm_s16be",
        rate: 44_100,
        channels: 2,
        caps: "clock-rate=44100,encoding-name=L16,channels=2,payload=10",
        receive: "rtpL16depay",
        send: "rtpL16pay pt=10",
        map: None,
        least: 0.98,
    },
    Gst {
        codec: "pcm_mulaw",
        rate: 8_000,
        channels: 1,
        caps: "clock-rate=8000,encoding-name=PCMU,payload=0",
        receive: "rtppcmudepay ! mulawdec",
        send: "mulawenc ! rtppcmupay pt=0",
        map: None,
        least: 0.98,
    },
    Gst {
        codec: "g722",
        rate: 16_000,
        channels: 1,
        caps: "clock-rate=8000,encoding-name=G722,payload=9",
        receive: "rtpg722depay ! avdec_g722",
        send: "avenc_g722 ! rtpg722pay pt=9",
        map: None,
        least: 0.98,
    },
    Gst {
        codec: "libopus",
        rate: 48_000,
        channels: 1,
        caps: "clock-rate=48000,encoding-name=OPUS,payload=97",
        receive: "rtpopusdepay ! opusdec",
        send: "opusenc ! rtpopuspay pt=97",
        map: Some("opus/48000/2"),
        least: 0.9,
    },
];

#[test]
fn gstreamer_receives_what_was_sent() {
    for Gst { codec, rate, channels, caps, receive, least, .. } in GST {
        let folder = clips::scratch();
        let (path, sent) = file(folder.path(), rate, channels);
        let (out, port) = (folder.path().join("out.wav"), free_rtp_port());
        let Some(mut gst) = peers::gst_launch() else { return };
        let line = format!(
            "-q -e udpsrc port={port} caps=application/x-rtp,media=audio,{caps} \
             ! rtpjitterbuffer latency=100 ! {receive} ! audioconvert ! wavenc ! filesink location={}",
            out.display()
        );
        let receiver = Running::start(gst.args(line.split_whitespace()));
        await_udp(port);
        send(
            &format!(
                "-v error -re -f s16le -ar {rate} -ac {channels} -i FILE -c:a {codec} -f rtp rtp://127.0.0.1:{port}"
            ),
            &path,
        );
        thread::sleep(Duration::from_millis(700));
        receiver.signal("INT");
        receiver.finish(DEADLINE);
        let Some(received) = heard(&out, rate) else { return };
        expect_same(&sent, &received, least, rate, &format!("gstreamer {codec}"));
    }
}

#[test]
fn what_gstreamer_sends_is_received() {
    for Gst { codec, rate, channels, send, map, least, .. } in GST {
        let folder = clips::scratch();
        let (path, sent) = file(folder.path(), rate, channels);
        let (out, port) = (folder.path().join("back.wav"), free_rtp_port());
        let from = match map {
            None => format!("rtp://127.0.0.1:{port}"),
            Some(map) => {
                let sdp = folder.path().join("theirs.sdp");
                let medium = format!("m=audio {port} RTP/AVP 97\na=rtpmap:97 {map}\n");
                let text = format!("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n{medium}");
                std::fs::write(&sdp, text).unwrap();
                sdp.display().to_string()
            }
        };
        let line = format!("-v error -timeout 1500000 -i {from} {}", out.display());
        let receiver = Running::start(&mut ours(&line, &path));
        await_udp(port);
        let Some(mut gst) = peers::gst_launch() else { return };
        let line = format!(
            "-q filesrc location={} ! rawaudioparse format=pcm pcm-format=s16le sample-rate={rate} num-channels={channels} \
             ! audioconvert ! {send} ! udpsink host=127.0.0.1 port={port} sync=true",
            path.display()
        );
        Running::start(gst.args(line.split_whitespace())).finish(DEADLINE).expect_success();
        receiver.finish(DEADLINE).expect_success();
        let Some(received) = heard(&out, rate) else { return };
        expect_same(&sent, &received, least, rate, &format!("from gstreamer {codec}"));
    }
}

#[test]
fn one_received_stream_goes_to_several() {
    let folder = clips::scratch();
    let (path, sent) = file(folder.path(), 8_000, 1);
    let [port, a, b] = [free_rtp_port(), free_rtp_port(), free_rtp_port()];
    let outs = [folder.path().join("a.wav"), folder.path().join("b.wav")];
    let ends: Vec<Running> = [(a, &outs[0]), (b, &outs[1])]
        .into_iter()
        .map(|(port, out)| {
            Running::start(&mut ours(
                &format!("-v error -timeout 2500000 -i rtp://127.0.0.1:{port} {}", out.display()),
                &path,
            ))
        })
        .collect();
    [a, b].into_iter().for_each(await_udp);
    let line = format!(
        "-v error -timeout 1500000 -i rtp://127.0.0.1:{port} -c copy -f rtp rtp://127.0.0.1:{a} -c copy -f rtp rtp://127.0.0.1:{b}"
    );
    let splitter = Running::start(&mut ours(&line, &path));
    await_udp(port);
    send(
        &format!("-v error -re -f s16le -ar 8000 -ac 1 -i FILE -c:a pcm_alaw -f rtp rtp://127.0.0.1:{port}"),
        &path,
    );
    splitter.finish(DEADLINE).expect_success();
    for (end, out) in ends.into_iter().zip(&outs) {
        end.finish(DEADLINE).expect_success();
        let Some(received) = heard(out, 8_000) else { return };
        expect_same(&sent, &received, 0.98, 8_000, "split");
    }
}
