//! RTMP over a network that misbehaves: stalls, delay, too little room, connections that are cut or go silent.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use brooklet_tests::clips;
use brooklet_tests::players::{Player, Track};
use brooklet_tests::program::{DEADLINE, Running, brooklet};
use brooklet_tests::relay::{Impairment, Relay};
use brooklet_tests::servers::Server;
use brooklet_tests::words::words;

/// Eight seconds of about 1 Mbit/s, one key frame in each.
const CLIP: &str = "-f lavfi -i testsrc2=size=320x240:rate=25:duration=8,noise=alls=20:allf=t \
     -f lavfi -i sine=frequency=440:sample_rate=48000:duration=8 -c:v libx264 -preset ultrafast -b:v 1M \
     -maxrate 1M -bufsize 500k -g 25 -bf 0 -pix_fmt yuv420p -c:a aac -b:a 64k";

#[test]
fn loss_and_delay_cost_nothing_but_time() {
    let (Some(server), Some(clip)) = (Server::nginx(), clip()) else { return };
    let loss = Some((20, Duration::from_millis(200)));
    let how = Impairment { delay: Duration::from_millis(50), loss, seed: 3, ..Impairment::default() };
    let (up, down) = (Relay::to(server.port(), how), Relay::to(server.port(), how));
    let Some(playing) = Player::Brooklet.play(&url(down.port(), "x")) else { return };
    server.await_players(1);
    let run = publish(&clip, &[], &url(up.port(), "x")).finish(DEADLINE).expect_success();
    assert_eq!(run.stderr, "");
    playing.finish(DEADLINE).expect_copy(&clip);
}

#[test]
fn too_little_room_costs_whole_groups_of_pictures() {
    let (Some(server), Some(clip)) = (Server::nginx(), clip()) else { return };
    let how = Impairment { rate: Some(40_000), ..Impairment::default() };
    let relay = Relay::to(server.port(), how);
    let Some(playing) = Player::Ffmpeg.play(&url(server.port(), "x")) else { return };
    server.await_players(1);
    let run =
        publish(&clip, &["-max_delay", "1s"], &url(relay.port(), "x")).finish(DEADLINE).expect_success();
    assert!(run.stderr.contains("packets were skipped"), "{}", run.stderr);
    thread::sleep(Duration::from_secs(1));
    server.kill();
    let received = playing.finish(DEADLINE);
    let (ours, whole) = (received.track("v:0").packets, Track::of(&clip, "v:0").packets);
    assert!((25..150).contains(&ours.len()), "{} of {} pictures", ours.len(), whole.len());
    let key = |hash: &str| whole.iter().any(|packet| packet.hash == hash && packet.key);
    let at = |hash: &str| whole.iter().position(|packet| packet.hash == hash);
    for pair in ours.windows(2) {
        let follows = at(&pair[0].hash).zip(at(&pair[1].hash)).is_some_and(|(one, next)| next == one + 1);
        assert!(follows || key(&pair[1].hash), "a picture without the one that it refers to");
    }
}

#[test]
fn an_uplink_that_is_cut_goes_on_at_a_key_frame() {
    let (Some(server), Some(clip)) = (Server::nginx(), clip()) else { return };
    let relay = Relay::to(server.port(), Impairment::default());
    let scratch = clips::scratch();
    let path = scratch.path().join("received.flv");
    let player = watch(&url(server.port(), "x"), &["-reconnect_at_eof", "1"], &path);
    server.await_players(1);
    let publisher = publish(&clip, &["-reconnect", "1"], &url(relay.port(), "x"));
    server.await_log("publish: name='x'", 1);
    thread::sleep(Duration::from_millis(2_500));
    relay.cut();
    server.await_log("publish: name='x'", 2);
    let run = publisher.finish(DEADLINE).expect_success();
    assert!(run.stderr.contains("connecting again in 0.5 s"), "{}", run.stderr);
    assert!(run.stderr.contains("/live/x: connected again after "), "{}", run.stderr);
    assert_eq!(relay.accepted(), 2);
    player.finish(DEADLINE).expect_success();
    expect_two_parts(&path, &clip);
}

#[test]
fn a_publisher_that_waits_for_its_server_can_be_stopped() {
    let Some(server) = Server::nginx() else { return };
    let mut command = brooklet();
    command.args(["-nostdin", "-re", "-f", "lavfi", "-i", "testsrc2=size=64x64:rate=25", "-c:v", "h264"]);
    command.args(["-stats_period", "600", "-reconnect", "1", "-f", "flv", &server.url("live/waits")]);
    let publisher = Running::start(&mut command);
    server.await_log("publish: name='waits'", 1);
    server.kill();
    thread::sleep(Duration::from_millis(1_500));
    publisher.signal("TERM");
    let run = publisher.finish(Duration::from_secs(10));
    assert_eq!(run.status.code(), Some(255), "{}", run.stderr);
    // However rarely its statistics are wanted, a warning is not late.
    assert!(run.stderr.contains("connecting again in 0.5 s"), "{}", run.stderr);
}

#[test]
fn a_downlink_that_is_half_open_is_made_again() {
    let (Some(server), Some(clip)) = (Server::nginx(), clip()) else { return };
    let relay = Relay::to(server.port(), Impairment::default());
    let scratch = clips::scratch();
    let path = scratch.path().join("received.flv");
    let player = watch(&url(relay.port(), "x"), &["-rw_timeout", "1s"], &path);
    server.await_players(1);
    let publisher = publish(&clip, &[], &url(server.port(), "x"));
    server.await_log("publish: name='x'", 1);
    thread::sleep(Duration::from_millis(1_500));
    // Neither side is told.
    relay.freeze();
    publisher.finish(DEADLINE).expect_success();
    let run = player.finish(DEADLINE).expect_success();
    assert!(run.stderr.contains("nothing came within 1s; connecting again in 0.5 s"), "{}", run.stderr);
    expect_two_parts(&path, &clip);
}

/// Begins at a key frame, breaks off, and begins at another; nothing comes twice but what came again, and time never
/// goes back.
#[track_caller]
fn expect_two_parts(path: &Path, clip: &Path) {
    let (ours, whole) = (Track::of(path, "v:0").packets, Track::of(clip, "v:0").packets);
    let at = |hash: &str| whole.iter().position(|packet| packet.hash == hash).unwrap_or(usize::MAX);
    let places: Vec<usize> = ours.iter().map(|packet| at(&packet.hash)).collect();
    let breaks: Vec<usize> = (1..places.len()).filter(|n| places[*n] != places[n - 1] + 1).collect();
    assert_eq!(breaks.len(), 1, "{places:?}");
    assert!(whole[places[0]].key && whole[places[breaks[0]]].key, "{places:?}");
    assert_eq!(places.last(), Some(&(whole.len() - 1)), "to the end");
    let seen: HashSet<usize> = places.iter().copied().collect();
    assert!(seen.len() >= 120, "{} of {} pictures: {places:?}", seen.len(), whole.len());
    assert!(ours.is_sorted_by_key(|packet| packet.dts), "time goes on");
}

/// Plays with reconnection, and ends when nothing comes for 3 s.
fn watch(url: &str, how: &[&str], path: &Path) -> Running {
    let mut player = brooklet();
    player.args(words("-v warning -reconnect 1 -reconnect_max_retries 1 -rw_timeout 3s", &[]));
    Running::start(player.args(how).args(["-i", url, "-c", "copy"]).arg(path))
}

fn publish(clip: &Path, how: &[&str], url: &str) -> Running {
    let mut command = brooklet();
    command.args(["-v", "warning", "-re", "-i"]).arg(clip).args(["-c", "copy"]).args(how);
    Running::start(command.args(["-f", "flv", url]))
}

fn url(port: u16, name: &str) -> String {
    format!("rtmp://127.0.0.1:{port}/live/{name}")
}

fn clip() -> Option<PathBuf> {
    clips::generated("megabit.mp4", CLIP)
}
