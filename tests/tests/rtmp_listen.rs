//! `-listen 1`: players come to us.

use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use brooklet_tests::clips;
use brooklet_tests::players::Player;
use brooklet_tests::program::{DEADLINE, Running, brooklet};
use brooklet_tests::servers::free_port;

#[test]
fn every_player_receives_every_packet_once() {
    let Some(clip) = clip() else { return };
    thread::scope(|scope| {
        for player in Player::ALL {
            let clip = &clip;
            scope.spawn(move || receives_all(player, clip));
        }
    });
}

#[test]
fn a_viewer_that_leaves_ends_it_well() {
    let Some(clip) = clip() else { return };
    let (server, url) = listen(&clip, &["-stream_loop", "-1"]);
    let Some(playing) = Player::Rtmpdump.play(&url) else { return };
    let until = Instant::now() + DEADLINE;
    while playing.received() < 50_000 {
        assert!(Instant::now() < until, "nothing arrives");
        thread::sleep(Duration::from_millis(20));
    }
    playing.leave(DEADLINE);
    server.finish(Duration::from_secs(20)).expect_success();
}

#[test]
fn strangers_do_not_keep_a_viewer_out() {
    let Some(clip) = clip() else { return };
    let (mut server, url) = listen(&clip, &[]);
    let address = url.trim_start_matches("rtmp://").split('/').next().unwrap_or_default().to_owned();
    let strangers: &[&[u8]] = &[b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", &[0xff; 5_000], &[3; 4_000]];
    let mut open = Vec::new();
    for bytes in strangers {
        // One that leaves at once, and one that stays.
        for stays in [false, true] {
            let mut stream = TcpStream::connect(&address).unwrap();
            // Who is found out is thrown out; then not all of it can be written.
            let _ = stream.write_all(bytes);
            open.extend(stays.then_some(stream));
        }
    }
    assert!(server.is_running(), "a stranger ended it");
    let Some(playing) = Player::Ffmpeg.play(&url) else { return };
    let received = playing.finish(DEADLINE);
    received.expect_copy(&clip);
    server.finish(DEADLINE).expect_success();
    drop(open);
}

#[test]
fn an_interrupt_ends_the_wait_at_once() {
    let Some(clip) = clip() else { return };
    let (server, _) = listen(&clip, &[]);
    server.signal("INT");
    let run = server.finish(Duration::from_secs(10));
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}

#[test]
fn nobody_within_the_timeout_is_an_error() {
    let Some(clip) = clip() else { return };
    let url = format!("rtmp://127.0.0.1:{}/live/app", free_port());
    let mut command = brooklet();
    command.args(["-v", "error", "-i"]).arg(&clip);
    command.args(["-c", "copy", "-f", "flv", "-listen", "1", "-timeout", "1", &url]);
    let run = Running::start(&mut command).finish(Duration::from_secs(20));
    assert_eq!(run.status.code(), Some(1), "{}", run.stderr);
    assert_eq!(run.stderr.trim().lines().count(), 1, "{}", run.stderr);
    assert!(run.stderr.contains("no viewer came"), "{}", run.stderr);
}

fn receives_all(player: Player, clip: &Path) {
    let (server, url) = listen(clip, &[]);
    let Some(playing) = player.play(&url) else { return };
    let received = playing.finish(DEADLINE);
    received.expect_copy(clip);
    let status = received.run.status;
    assert!(status.success(), "{player:?}: {status}\n{}", received.run.stderr);
    let run = server.finish(DEADLINE).expect_success();
    assert!(!run.stderr.to_lowercase().contains("error"), "{}", run.stderr);
}

/// Starts to listen, with the clip copied, and waits until the port is open.
#[track_caller]
fn listen(clip: &Path, input: &[&str]) -> (Running, String) {
    let port = free_port();
    let url = format!("rtmp://127.0.0.1:{port}/live/app");
    let mut command = brooklet();
    command.args(input).args(["-re", "-i"]).arg(clip);
    command.args(["-c", "copy", "-f", "flv", "-listen", "1", &url]);
    let mut server = Running::start(&mut command);
    let until = Instant::now() + DEADLINE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(server.is_running() && Instant::now() < until, "it does not listen");
        thread::sleep(Duration::from_millis(20));
    }
    (server, url)
}

/// Four seconds with B-frames.
fn clip() -> Option<PathBuf> {
    clips::generated(
        "live.mp4",
        "-f lavfi -i testsrc2=size=320x240:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000 -t 4 \
         -c:v libx264 -preset veryfast -g 25 -pix_fmt yuv420p -c:a aac -b:a 96k",
    )
}
