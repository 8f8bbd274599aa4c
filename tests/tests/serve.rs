//! `brooklet serve`: publishers and viewers of every make.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use brooklet_tests::players::{Player, Playing};
use brooklet_tests::program::{DEADLINE, Running, brooklet};
use brooklet_tests::servers::Server;
use brooklet_tests::{clips, peers};

/// GStreamer gives up on a stream that is not there yet after five seconds of silence, so it comes last.
const PLAYERS: [Player; 5] =
    [Player::Ffmpeg, Player::Ffmpeg9, Player::Rtmpdump, Player::Mpv, Player::Gstreamer];

#[test]
fn every_player_receives_every_packet_of_every_publisher() {
    let Some(clip) = clip() else { return };
    let server = Server::brooklet(&[]);
    thread::scope(|scope| {
        for publisher in Publisher::ALL {
            let (server, clip) = (&server, &clip);
            scope.spawn(move || reaches_all(publisher, server, clip));
        }
    });
    let run = server.stop();
    assert_eq!(run.status.code(), Some(255), "{}", run.stderr);
    assert!(!run.stderr.contains("skipped"), "{}", run.stderr);
}

#[test]
fn who_comes_late_sees_a_picture_at_once_and_all_from_there_on() {
    let Some(clip) = clip() else { return };
    let server = Server::brooklet(&[]);
    let url = server.url("live/app");
    // A key frame each second; viewers come at any moment between.
    let publisher = Publisher::Ffmpeg.start(&clip, &["-stream_loop", "-1"], &url, Path::new(""));
    let Some(publisher) = publisher else { return };
    server.await_log("publishes live/app", 1);
    thread::sleep(Duration::from_millis(2_600));
    let playing: Vec<_> = [Player::Ffmpeg, Player::Rtmpdump]
        .into_iter()
        .filter_map(|player| {
            thread::sleep(Duration::from_millis(350));
            player.play(&url)
        })
        .collect();
    server.await_log("plays live/app", playing.len());
    thread::sleep(Duration::from_millis(2_500));
    for viewer in playing {
        let received = viewer.leave(DEADLINE);
        let pictures = received.track("v:0");
        assert!(pictures.packets.len() > 50, "{received:?}: {} pictures", pictures.packets.len());
        assert!(pictures.packets[0].key, "{received:?}: it begins in the middle");
        let mut dts: Vec<i64> = pictures.packets.iter().map(|packet| packet.dts).collect();
        dts.dedup();
        let steps = dts.windows(2).map(|pair| pair[1] - pair[0]);
        // Where the clip begins anew, its sound was a little longer.
        assert!(
            steps.clone().all(|step| (40..60).contains(&step)),
            "{received:?}: {:?}",
            steps.collect::<Vec<_>>()
        );
    }
    drop(publisher);
}

#[test]
fn tokens_open_the_door_and_nothing_else_does() {
    let Some(clip) = clip() else { return };
    let server = Server::brooklet(&["-publish_token", "pub-1", "--play-token", "see.2"]);
    for (query, why) in [("", "a token is needed"), ("?token=see.2", "the token is wrong")] {
        let url = server.url(&format!("live/app{query}"));
        let run = publish_ours(&clip, &url).finish(DEADLINE);
        assert_eq!(run.status.code(), Some(1), "{}", run.stderr);
        assert!(run.stderr.contains(why) && run.stderr.trim().lines().count() == 1, "{}", run.stderr);
    }
    let Some(mut ffmpeg) = peers::ffmpeg() else { return };
    ffmpeg.args(["-nostdin", "-v", "error", "-i", &server.url("live/app?token=pub-1"), "-f", "null", "-"]);
    let run = Running::start(&mut ffmpeg).finish(DEADLINE);
    assert!(!run.status.success(), "it plays with the token of publishers");
    server.await_log("live/app: the token is wrong", 2);

    let right = server.url("live/app?token=see.2");
    let Some(playing) = Player::Ffmpeg.play(&right) else { return };
    server.await_log("waits for live/app", 1);
    publish_ours(&clip, &server.url("live/app?token=pub-1")).finish(DEADLINE).expect_success();
    playing.finish(DEADLINE).expect_copy(&clip);
    assert!(!server.log().contains("pub-1") && !server.log().contains("see.2"), "secrets:\n{}", server.log());
}

#[test]
fn a_second_publisher_is_refused_and_the_first_goes_on() {
    let Some(clip) = clip() else { return };
    let server = Server::brooklet(&[]);
    let url = server.url("live/app");
    let Some(playing) = Player::Ffmpeg.play(&url) else { return };
    server.await_log("waits for live/app", 1);
    let first = publish_ours(&clip, &url);
    server.await_log("publishes live/app", 1);
    let second = publish_ours(&clip, &url).finish(DEADLINE);
    assert_eq!(second.status.code(), Some(1), "{}", second.stderr);
    assert!(second.stderr.contains("NetStream.Publish.BadName"), "{}", second.stderr);
    first.finish(DEADLINE).expect_success();
    playing.finish(DEADLINE).expect_copy(&clip);
    // The name is free again.
    publish_ours(&clip, &url).finish(DEADLINE).expect_success();
}

#[test]
fn nobody_publishes_is_said_in_time() {
    let server = Server::brooklet(&["-wait", "500ms"]);
    let Some(mut ffmpeg) = peers::ffmpeg() else { return };
    ffmpeg.args(["-nostdin", "-v", "error", "-i", &server.url("live/none"), "-f", "null", "-"]);
    let run = Running::start(&mut ffmpeg).finish(Duration::from_secs(20));
    assert!(!run.status.success(), "{}", run.stderr);
    server.await_log("live/none: nobody publishes it", 1);
}

#[test]
fn viewers_go_on_when_a_publisher_comes_back() {
    let Some(clip) = clip() else { return };
    let server = Server::brooklet(&[]);
    let url = server.url("live/app");
    let Some(playing) = Player::Ffmpeg.play(&url) else { return };
    server.await_log("waits for live/app", 1);
    let Some(first) = Publisher::Ffmpeg.start(&clip, &["-stream_loop", "-1"], &url, Path::new("")) else {
        return;
    };
    server.await_log("publishes live/app", 1);
    thread::sleep(Duration::from_millis(1_500));
    first.signal("KILL");
    server.await_log("may come back", 1);
    publish_ours(&clip, &url).finish(DEADLINE).expect_success();
    let received = playing.finish(DEADLINE);
    assert!(received.run.status.success(), "{received:?}");
    let pictures = received.track("v:0");
    assert!(pictures.packets.len() > 130, "{} pictures of both", pictures.packets.len());
    let steps = pictures.packets.windows(2).map(|pair| pair[1].dts - pair[0].dts);
    assert!(steps.clone().all(|step| step > 0 && step <= 120), "{:?}", steps.collect::<Vec<_>>());
}

#[test]
fn one_who_never_reads_delays_nobody_and_grows_nothing() {
    let Some(clip) = heavy() else { return };
    let server = Server::brooklet(&["-slow_timeout", "4", "-max_delay", "1"]);
    let url = server.url("live/app");
    let Some(playing) = Player::Ffmpeg.play(&url) else { return };
    server.await_log("waits for live/app", 1);
    let before = server.memory();
    // rtmpdump is stopped in the middle: it reads nothing any more, and its connection stays.
    let deaf: Vec<Playing> = (0..8).filter_map(|_| Player::Rtmpdump.play(&url)).collect();
    server.await_log("waits for live/app", 1 + deaf.len());
    let publisher = publish_ours(&clip, &url);
    server.await_log("publishes live/app", 1);
    thread::sleep(Duration::from_millis(500));
    deaf.iter().for_each(|player| player.signal("STOP"));
    publisher.finish(DEADLINE).expect_success();
    playing.finish(DEADLINE).expect_copy(&clip);
    server.await_log("it is too slow", deaf.len());
    let grown = server.memory().saturating_sub(before);
    eprintln!("memory grew by {grown} bytes, of a stream of {}", clips::read(&clip).len());
    assert!(grown < 24 << 20, "{grown} bytes");
    deaf.iter().for_each(|player| player.signal("KILL"));
}

#[test]
fn half_open_connections_keep_nobody_out() {
    let Some(clip) = clip() else { return };
    let server = Server::brooklet(&["-handshake_timeout", "2"]);
    let half_open: Vec<TcpStream> = (0..200)
        .map(|n| {
            let mut stream = server.connect();
            // Nothing, a part of a handshake, or all of it and no more.
            stream.write_all(&[&[3][..], &[0; 3_072]].concat()[..[0, 1_000, 3_073][n % 3]]).unwrap();
            stream
        })
        .collect();
    let Some(playing) = Player::Rtmpdump.play(&server.url("live/app")) else { return };
    server.await_log("waits for live/app", 1);
    publish_ours(&clip, &server.url("live/app")).finish(DEADLINE).expect_success();
    playing.finish(DEADLINE).expect_copy(&clip);
    server.await_log("was turned away", 201);
    for mut stream in half_open {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // What it was sent, then the end.
        let ended = stream.read_to_end(&mut Vec::new());
        assert!(
            !ended.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock),
            "it is still open"
        );
    }
}

#[test]
fn connections_are_limited_and_strangers_are_shown_out() {
    let Some(clip) = clip() else { return };
    let server = Server::brooklet(&["-max_connections_per_address", "3"]);
    // Whoever looked whether it was there has a place until it is seen to have gone.
    server.await_log("left before it said", 1);
    let open: Vec<TcpStream> = (0..3).map(|_| server.connect()).collect();
    thread::sleep(Duration::from_millis(200));
    let mut fourth = server.connect();
    fourth.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert!(matches!(fourth.read(&mut [0; 1]), Ok(0) | Err(_)));
    server.await_log("its address has as many connections as it may", 1);
    // A browser is told by the first byte, one that talks on by the amount.
    let mut browser = &open[0];
    browser.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    server.await_log("HTTP", 1);
    let mut talker = &open[1];
    let _ = talker.write_all(
        &[&[3][..], &[0; 3_072], &[2, 0, 0, 0, 0, 0, 4, 5, 0, 0, 0, 0, 0, 1, 0, 0].repeat(9_000)].concat(),
    );
    server.await_log("too much before it said", 1);
    open[2].shutdown(Shutdown::Both).unwrap();
    server.await_log("left before it said", 2);
    publish_ours(&clip, &server.url("live/app")).finish(DEADLINE).expect_success();
}

#[test]
fn an_interrupt_tells_the_end_to_publishers_and_viewers() {
    let Some(clip) = clip() else { return };
    let server = Server::brooklet(&[]);
    let url = server.url("live/app");
    let Some(publisher) = Publisher::Ffmpeg.start(&clip, &["-stream_loop", "-1"], &url, Path::new("")) else {
        return;
    };
    server.await_log("publishes live/app", 1);
    let Some(playing) = Player::Ffmpeg.play(&url) else { return };
    server.await_log("plays live/app", 1);
    thread::sleep(Duration::from_secs(1));
    let started = Instant::now();
    let run = server.stop();
    assert!(started.elapsed() < Duration::from_secs(8), "it took {:?}", started.elapsed());
    assert_eq!(run.status.code(), Some(255), "{}", run.stderr);
    assert!(run.stderr.contains("published live/app (h264, aac)"), "{}", run.stderr);
    // Whichever the viewer hears of first.
    let ends = ["the server ends", "the stream is over"].map(|why| run.stderr.matches(why).count());
    assert_eq!(ends.iter().sum::<usize>(), 2, "{}", run.stderr);
    let received = playing.finish(DEADLINE);
    assert!(received.run.status.success(), "{received:?}");
    drop(publisher);
}

#[test]
fn a_port_in_use_is_one_line_that_says_so() {
    let server = Server::brooklet(&[]);
    let mut second = brooklet();
    second.args(["-v", "error", "serve", "-rtmp", server.url("").trim_end_matches('/')]);
    let run = Running::start(&mut second).finish(DEADLINE);
    assert_eq!(run.status.code(), Some(1));
    assert!(run.stderr.contains("in use") && run.stderr.trim().lines().count() == 1, "{}", run.stderr);
}

/// A program that publishes RTMP.
#[derive(Clone, Copy, Debug)]
enum Publisher {
    Ours,
    Ffmpeg,
    Ffmpeg9,
    Gstreamer,
}

impl Publisher {
    const ALL: [Self; 4] = [Self::Ours, Self::Ffmpeg, Self::Ffmpeg9, Self::Gstreamer];

    /// Begins to publish the clip at its own pace. GStreamer, which changes times and leaves out a packet, writes what
    /// it sends to `sent` as well.
    fn start(self, clip: &Path, input: &[&str], url: &str, sent: &Path) -> Option<Running> {
        let mut command = match self {
            Self::Ours => brooklet(),
            Self::Ffmpeg => peers::ffmpeg()?,
            Self::Ffmpeg9 => peers::ffmpeg9()?,
            Self::Gstreamer => {
                let mut launch = peers::gst_launch()?;
                launch.arg("-q").args(pipeline(clip, url, sent).split_whitespace());
                return Some(Running::start(&mut launch));
            }
        };
        command.args(["-nostdin", "-v", "error"]).args(input).args(["-re", "-i"]).arg(clip);
        Some(Running::start(command.args(["-c", "copy", "-f", "flv", url])))
    }
}

fn pipeline(clip: &Path, url: &str, sent: &Path) -> String {
    format!(
        "filesrc location={} ! qtdemux name=d d.video_0 ! queue ! h264parse ! identity sync=true ! m.video \
         d.audio_0 ! queue ! aacparse ! identity sync=true ! m.audio flvmux name=m streamable=true ! tee name=t \
         ! queue ! rtmp2sink location={url} t. ! queue ! filesink location={}",
        clip.display(),
        sent.display()
    )
}

fn reaches_all(publisher: Publisher, server: &Server, clip: &Path) {
    let name = format!("live/{publisher:?}");
    let url = server.url(&name);
    let playing: Vec<_> = PLAYERS.into_iter().filter_map(|player| player.play(&url)).collect();
    server.await_log(&format!("waits for {name}"), playing.len());
    let folder = clips::scratch();
    let sent = folder.path().join("sent.flv");
    let Some(running) = publisher.start(clip, &[], &url, &sent) else { return };
    running.finish(DEADLINE).expect_success();
    let sent = if sent.exists() { &sent } else { clip };
    for viewer in playing {
        let received = viewer.finish(DEADLINE);
        received.expect_copy(sent);
        assert!(received.run.status.success(), "{publisher:?}: {received:?}");
    }
}

fn publish_ours(clip: &Path, url: &str) -> Running {
    let mut command: Command = brooklet();
    command.args(["-v", "error", "-re", "-i"]).arg(clip).args(["-c", "copy", "-f", "flv", url]);
    Running::start(&mut command)
}

/// Four seconds with B-frames.
fn clip() -> Option<PathBuf> {
    clips::generated(
        "live.mp4",
        "-f lavfi -i testsrc2=size=320x240:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000 -t 4 \
         -c:v libx264 -preset veryfast -g 25 -pix_fmt yuv420p -c:a aac -b:a 96k",
    )
}

/// Eight seconds of noise: 3 MB each.
fn heavy() -> Option<PathBuf> {
    clips::generated(
        "heavy.mp4",
        "-f lavfi -i testsrc2=size=640x360:rate=25,noise=alls=90:allf=t \
         -f lavfi -i sine=frequency=440:sample_rate=48000 -t 8 \
         -c:v libx264 -preset ultrafast -qp 16 -g 25 -bf 0 -pix_fmt yuv420p -c:a aac -b:a 96k",
    )
}
