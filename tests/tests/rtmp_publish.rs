//! Publishing to nginx-rtmp and node-media-server, judged by what their players receive.

use std::path::Path;
use std::thread;
use std::time::Duration;

use brooklet_tests::flashes::{clip as flashes, decode, steps};
use brooklet_tests::players::{Player, Playing, Received, Track};
use brooklet_tests::program::{DEADLINE, Running, brooklet};
use brooklet_tests::servers::{Server, free_port};
use brooklet_tests::{clips, compare, peers};

/// What reaches players after the publisher has gone.
const STRAGGLERS: Duration = Duration::from_secs(2);
/// How far sound may move against picture, seconds.
const SYNC: f64 = 0.020;

/// GStreamer takes nothing from node-media-server, and from nginx not the last packet where the end follows at once.
const OF_SERVERS: [Player; 5] =
    [Player::Ffmpeg, Player::Ffmpeg9, Player::Rtmpdump, Player::Mpv, Player::Brooklet];

#[test]
fn players_of_nginx_receive_a_copy_whole() {
    let (Some(server), Some(clip)) = (Server::nginx(), flashes()) else { return };
    for received in publish(server, "live/copy?key=a%20b&t=1", &["-c", "copy"], &clip, &OF_SERVERS) {
        received.expect_copy(&clip);
    }
}

#[test]
fn players_of_node_media_server_receive_a_copy_whole() {
    let (Some(server), Some(clip)) = (Server::node_media_server(), flashes()) else { return };
    for received in publish(server, "live/copy?key=a&t=1", &["-c", "copy"], &clip, &OF_SERVERS) {
        received.expect_copy(&clip);
    }
}

#[test]
fn a_transcode_keeps_every_picture_and_the_sound_in_step() {
    let (Some(nginx), Some(node), Some(clip)) = (Server::nginx(), Server::node_media_server(), flashes())
    else {
        return;
    };
    let source = steps(&clip);
    assert_eq!(source.len(), 5, "{source:?}");
    let how = ["-s", "480x270", "-b:v", "1M", "-c:a", "aac"];
    thread::scope(|scope| {
        for server in [nginx, node] {
            let (source, clip) = (&source, &clip);
            scope.spawn(move || {
                for received in publish(server, "live/made", &how, clip, &[Player::Ffmpeg, Player::Rtmpdump])
                {
                    expect_pictures(&received, clip);
                    let ours = steps(&received.path);
                    assert_eq!(ours.len(), source.len(), "{received:?}");
                    for (ours, theirs) in ours.iter().zip(source) {
                        assert!(
                            (ours - theirs).abs() < SYNC,
                            "sound after picture: {ours:.3}, was {theirs:.3} s"
                        );
                    }
                }
            });
        }
    });
}

#[test]
fn a_megabit_is_enough_for_35_db_of_a_real_clip() {
    let (Some(server), Some(clip)) = (Server::nginx(), clips::shared(clips::NASA)) else { return };
    let how = ["-t", "8", "-map", "0:v:1", "-map", "0:a:1", "-s", "480x270", "-b:v", "1M"];
    let player = if peers::ffmpeg9().is_some() { Player::Ffmpeg9 } else { Player::Ffmpeg };
    for received in publish(server, "live/nasa", &how, &clip, &[player]) {
        let ours = pictures(&received.path, "0:v:0");
        let theirs = pictures(&clip, "0:v:1");
        assert!(ours.len() >= 230 * 480 * 270, "{} bytes of luma", ours.len());
        let psnr = compare::psnr(&ours, &theirs[..ours.len()]);
        eprintln!("PSNR {psnr:.2} dB");
        assert!(psnr >= 35.0, "{psnr:.2} dB");
    }
}

#[test]
fn a_refusal_says_why() {
    let (Some(server), Some(clip)) = (Server::nginx(), flashes()) else { return };
    let closed = "the server closed the connection when we began to publish";
    refused(&server.url("closed/x"), &clip, closed);
    refused(&server.url("asked/x"), &clip, closed);
    let first = start(&server.url("live/busy"), &["-c", "copy"], &clip);
    server.await_log("publish: name='busy'", 1);
    refused(&server.url("live/busy"), &clip, "Already publishing");
    first.finish(DEADLINE).expect_success();
}

#[test]
fn a_busy_name_on_node_media_server_is_refused() {
    let (Some(server), Some(clip)) = (Server::node_media_server(), flashes()) else { return };
    let first = start(&server.url("live/busy"), &["-c", "copy"], &clip);
    server.await_log("start push", 1);
    refused(&server.url("live/busy"), &clip, "the server closed the connection");
    first.finish(DEADLINE).expect_success();
}

#[test]
fn a_server_that_is_not_there_or_dies_is_an_error() {
    let (Some(server), Some(clip)) = (Server::nginx(), flashes()) else { return };
    refused(&format!("rtmp://127.0.0.1:{}/live/x", free_port()), &clip, "refused");
    let publisher = start(&server.url("live/x"), &["-c", "copy"], &clip);
    server.await_log("publish: name='x'", 1);
    thread::sleep(Duration::from_secs(1));
    server.kill();
    let run = publisher.finish(Duration::from_secs(20));
    assert_eq!(run.status.code(), Some(1), "{}", run.stderr);
    assert_eq!(run.stderr.trim().lines().count(), 1, "{}", run.stderr);
}

/// Players join, then the clip is published to its end, then the server goes: that ends the players, which wait for
/// more otherwise and hear no Ctrl-C meanwhile.
#[track_caller]
fn publish(server: Server, path: &str, how: &[&str], clip: &Path, players: &[Player]) -> Vec<Received> {
    let stream = path.split('?').next().unwrap_or(path);
    let playing: Vec<Playing> =
        players.iter().filter_map(|player| player.play(&server.url(stream))).collect();
    server.await_players(playing.len());
    let run = start(&server.url(path), how, clip).finish(DEADLINE).expect_success();
    assert_eq!(run.stderr.trim(), "", "it published");
    thread::sleep(STRAGGLERS);
    server.kill();
    playing.into_iter().map(|playing| playing.finish(DEADLINE)).collect()
}

fn start(url: &str, how: &[&str], clip: &Path) -> Running {
    let mut command = brooklet();
    command.args(["-v", "error", "-re", "-i"]).arg(clip).args(how).args(["-f", "flv", url]);
    Running::start(&mut command)
}

#[track_caller]
fn refused(url: &str, clip: &Path, why: &str) {
    let run = start(url, &["-c", "copy"], clip).finish(Duration::from_secs(30));
    assert_eq!(run.status.code(), Some(1), "{}", run.stderr);
    let lines: Vec<&str> = run.stderr.trim().lines().collect();
    assert!(matches!(lines[..], [line] if line.contains(why) && line.contains(url)), "{why}? {}", run.stderr);
}

/// As many pictures as the clip has, at its times.
#[track_caller]
fn expect_pictures(received: &Received, clip: &Path) {
    let (ours, theirs) = (Track::of(&received.path, "v:0"), Track::of(clip, "v:0"));
    assert_eq!(ours.packets.len(), theirs.packets.len(), "{received:?}: pictures");
    assert!(ours.packets.first().is_some_and(|first| first.key), "{received:?}: it begins in the middle");
    let (mut ours, mut theirs) = (ours.pts(), theirs.pts());
    ours.sort_unstable();
    theirs.sort_unstable();
    let shift = ours[0] - theirs[0];
    let off = ours.iter().zip(&theirs).map(|(ours, theirs)| (ours - theirs - shift).abs()).max();
    assert!(off <= Some(1_000_000), "{received:?}: pictures are {off:?} ns off");
}

/// The luma of every picture, 480x270.
#[track_caller]
fn pictures(path: &Path, stream: &str) -> Vec<u8> {
    let how = ["-map", stream, "-pix_fmt", "yuv420p", "-vf", "extractplanes=y", "-f", "rawvideo"];
    decode(path, &how).unwrap_or_default()
}
