//! `rtmp://` as an input, from nginx-rtmp and ffmpeg's own listener.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use brooklet_tests::players::{Player, Track};
use brooklet_tests::program::{DEADLINE, Running, brooklet, finish};
use brooklet_tests::servers::{Server, free_port};
use brooklet_tests::words::words;
use brooklet_tests::{clips, peers};

/// Pictures of 128x96, one key frame in a second, no sound.
const SILENT: &str = "-f lavfi -i testsrc2=size=128x96:rate=25:duration=6 \
     -c:v libx264 -preset veryfast -g 25 -bf 0 -pix_fmt yuv420p";

/// Sound alone.
const BLIND: &str = "-f lavfi -i sine=frequency=440:sample_rate=48000:duration=4 -c:a aac -b:a 64k";

#[test]
fn what_ffmpeg_publishes_is_received_whole() {
    let Some(server) = Server::nginx() else { return };
    for (name, line, stream) in [("silent.mp4", SILENT, "v:0"), ("blind.mp4", BLIND, "a:0")] {
        let Some(clip) = clips::generated(name, line) else { return };
        let url = server.url(&format!("live/{name}"));
        let players = server.log().matches("play: name=").count();
        let Some(playing) = Player::Brooklet.play(&url) else { return };
        server.await_players(players + 1);
        let Some(mut publisher) = publish(&clip, &url) else { return };
        finish(&mut publisher, DEADLINE).expect_success();
        // The server's word that the stream is over ends it.
        let received = playing.finish(DEADLINE);
        assert_eq!(received.run.stderr, "", "{name}");
        let hashes = |path: &Path| -> Vec<String> {
            Track::of(path, stream).packets.into_iter().map(|packet| packet.hash).collect()
        };
        assert_eq!(hashes(&received.path), hashes(&clip), "{name}");
    }
}

#[test]
fn who_comes_late_begins_at_a_key_frame() {
    let (Some(server), Some(clip)) = (Server::nginx(), clips::generated("silent.mp4", SILENT)) else {
        return;
    };
    let url = server.url("live/late");
    let Some(mut publisher) = publish(&clip, &url) else { return };
    let publishing = Running::start(&mut publisher);
    server.await_log("publish: name='late'", 1);
    thread::sleep(Duration::from_millis(1_300));
    let scratch = clips::scratch();
    let path = scratch.path().join("pictures.yuv");
    let mut player = brooklet();
    player.args(["-v", "error", "-i", &url]).args(words("-f rawvideo -fps_mode passthrough", &[]));
    let run = finish(player.arg(&path), DEADLINE).expect_success();
    assert_eq!(run.stderr, "", "no picture is decoded that lacks its reference");
    publishing.finish(DEADLINE).expect_success();
    let ours = clips::read(&path);
    let pictures = ours.len() / (128 * 96 * 3 / 2);
    assert!([100, 75, 50, 25].contains(&pictures), "{pictures} pictures: it began in the middle");
    let Some(mut ffmpeg) = peers::ffmpeg() else { return };
    ffmpeg.args(["-v", "error", "-i"]).arg(&clip).args(["-f", "rawvideo", "-"]);
    let whole = finish(&mut ffmpeg, DEADLINE).expect_success().stdout;
    assert!(whole.ends_with(&ours), "other pictures than the last {pictures}");
}

#[test]
fn a_server_that_comes_back_is_found_again() {
    let port = free_port();
    let (Some(server), Some(clip)) = (Server::nginx_at(port), clips::generated("silent.mp4", SILENT)) else {
        return;
    };
    let url = server.url("live/back");
    let scratch = clips::scratch();
    let path = scratch.path().join("received.flv");
    let mut player = brooklet();
    player.args(["-v", "warning", "-reconnect", "1", "-reconnect_delay_max", "1", "-i", &url]);
    let player = Running::start(player.args(["-c", "copy"]).arg(&path));
    server.await_players(1);
    let Some(mut publisher) = publish(&clip, &url) else { return };
    let publishing = Running::start(&mut publisher);
    server.await_log("publish: name='back'", 1);
    thread::sleep(Duration::from_secs(2));
    server.kill();
    drop(publishing);
    let Some(server) = Server::nginx_at(port) else { return };
    server.await_players(1);
    let Some(mut publisher) = publish(&clip, &url) else { return };
    finish(&mut publisher, DEADLINE).expect_success();
    let run = player.finish(DEADLINE).expect_success();
    assert!(run.stderr.contains("connecting again in 0.5 s"), "{}", run.stderr);
    let packets = Track::of(&path, "v:0").packets;
    let whole = Track::of(&clip, "v:0").packets;
    let tail: Vec<_> = packets[packets.len() - whole.len()..].iter().map(|packet| &packet.hash).collect();
    assert_eq!(tail, whole.iter().map(|packet| &packet.hash).collect::<Vec<_>>(), "the second time, whole");
    assert!(packets.len() > whole.len() + 12, "{} packets: and some of the first time", packets.len());
    assert!(packets.is_sorted_by_key(|packet| packet.dts), "time goes on");
}

#[test]
fn silence_and_a_server_that_is_not_there_are_one_line_each() {
    let Some(server) = Server::nginx() else { return };
    refused(&["-rw_timeout", "700ms"], &server.url("live/nobody"), "nothing came within 700ms");
    refused(&[], &format!("rtmp://127.0.0.1:{}/live/x", free_port()), "refused");
    let again = ["-reconnect", "1", "-reconnect_max_retries", "1", "-rw_timeout", "300ms"];
    refused(&again, &server.url("live/nobody"), "nothing came within 300ms");
}

#[test]
fn another_size_in_mid_stream_is_decoded_into_the_first() {
    let part = |size: &str| {
        let line = format!(
            "-f lavfi -i testsrc2=size={size}:rate=25:duration=2 -c:v libx264 -g 25 -bf 0 -pix_fmt yuv420p"
        );
        clips::generated(&format!("{size}.ts"), &line)
    };
    let (Some(server), Some(small), Some(large)) = (Server::nginx(), part("128x96"), part("192x144")) else {
        return;
    };
    let Some(clip) = clips::joined("sizes.ts", &[small, large.clone()]) else { return };
    let url = server.url("live/sizes");
    let scratch = clips::scratch();
    let path = scratch.path().join("pictures.yuv");
    let mut player = brooklet();
    player.args(["-v", "error", "-i", &url]).args(words("-f rawvideo -fps_mode passthrough", &[])).arg(&path);
    let player = Running::start(&mut player);
    let Some(copying) = Player::Brooklet.play(&url) else { return };
    server.await_players(2);
    let mut publisher = brooklet();
    publisher.args(["-v", "error", "-re", "-i"]).arg(&clip).args(["-c", "copy", "-f", "flv", &url]);
    finish(&mut publisher, DEADLINE).expect_success();
    player.finish(DEADLINE).expect_success();
    let pictures = clips::read(&path);
    assert_eq!(pictures.len(), 100 * 128 * 96 * 3 / 2, "all of them, at the first size");
    let Some(mut ffmpeg) = peers::ffmpeg() else { return };
    ffmpeg.args(["-v", "error", "-i"]).arg(&large).args(words("-s 128x96 -f rawvideo -", &[]));
    let scaled = finish(&mut ffmpeg, DEADLINE).expect_success().stdout;
    let psnr = brooklet_tests::compare::psnr(&pictures[pictures.len() / 2..], &scaled);
    assert!(psnr > 30.0, "{psnr} dB between ours, scaled, and ffmpeg's");
    let received = copying.finish(DEADLINE);
    let Some((_, frames)) = brooklet_tests::probe::frames(&received.path, "v:0") else { return };
    assert_eq!(frames.len(), 100, "ffmpeg decodes the copy through the change");
}

#[test]
fn a_stream_is_changed_by_a_script_and_sent_on() {
    let (Some(server), Some(python), Some(clip)) =
        (Server::nginx(), peers::python(), clips::generated("silent.mp4", SILENT))
    else {
        return;
    };
    let (from, to) = (server.url("live/from"), server.url("live/to"));
    let Some(playing) = Player::Brooklet.play(&to) else { return };
    server.await_players(1);
    let mut script = Command::new(python.get_program());
    script.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/invert.py"));
    script.args([&from, &to, "--size", "128x96", "--rate", "25", "--program"]).arg(brooklet().get_program());
    let script = Running::start(&mut script);
    server.await_players(2);
    let Some(mut publisher) = publish(&clip, &from) else { return };
    finish(&mut publisher, DEADLINE).expect_success();
    let said = script.finish(DEADLINE).expect_success();
    assert_eq!(said.text().trim(), "150 pictures", "{}", said.stderr);
    let received = playing.finish(DEADLINE);
    assert_eq!(received.track("v:0").packets.len(), 150);
    let (ours, theirs) = (pixels(&received.path, "negate"), pixels(&clip, "null"));
    assert_eq!(ours.len(), theirs.len());
    let psnr = brooklet_tests::compare::psnr(&ours, &theirs);
    assert!(psnr > 30.0, "{psnr} dB between the pictures and their inverses inverted");
}

/// ffmpeg, publishing at its own pace.
fn publish(clip: &Path, url: &str) -> Option<Command> {
    let mut ffmpeg = peers::ffmpeg()?;
    ffmpeg.args(["-nostdin", "-v", "error", "-re", "-i"]).arg(clip).args(["-c", "copy", "-f", "flv", url]);
    Some(ffmpeg)
}

#[track_caller]
fn refused(how: &[&str], url: &str, why: &str) {
    let mut player = brooklet();
    player.args(["-v", "error"]).args(how).args(["-i", url, "-f", "null", "-"]);
    let run = finish(&mut player, Duration::from_secs(30));
    assert_eq!(run.status.code(), Some(1), "{}", run.stderr);
    let lines: Vec<&str> = run.stderr.trim().lines().collect();
    assert!(matches!(lines[..], [line] if line.contains(why) && line.contains(url)), "{why}? {}", run.stderr);
}

/// The pictures of a clip as RGB, changed by one of ffmpeg's filters.
#[track_caller]
fn pixels(path: &PathBuf, filter: &str) -> Vec<u8> {
    let Some(mut ffmpeg) = peers::ffmpeg() else { return Vec::new() };
    ffmpeg.args(["-nostdin", "-v", "error", "-i"]).arg(path);
    let how = format!("-vf format=rgb24,{filter} -fps_mode passthrough -f rawvideo -");
    finish(ffmpeg.args(words(&how, &[])), DEADLINE).expect_success().stdout
}
