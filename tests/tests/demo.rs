//! `brooklet demo`: one command, and viewers who come and go.

use std::net::{TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use brooklet_mpegts::check::Check;
use brooklet_tests::players::{Player, Received};
use brooklet_tests::program::{DEADLINE, Running, brooklet};
use brooklet_tests::servers::free_port;

const SECONDS: u64 = 20;
const RATE: u64 = 30;

#[test]
fn viewers_come_and_go_while_udp_flows() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (port, udp) = (free_port(), socket.local_addr().unwrap().port());
    let url = format!("rtmp://127.0.0.1:{port}/live/app");
    let mut command = brooklet();
    command.args(["demo", "-size", "320x180", "-rtmp", &url, "-t", &SECONDS.to_string()]);
    let mut demo = Running::start(command.args(["-udp", &format!("udp://127.0.0.1:{udp}?pkt_size=1316")]));
    let checked = thread::spawn(move || check(&socket));
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(demo.is_running(), "it ended");
        thread::sleep(Duration::from_millis(20));
    }
    // The first come in the middle of a group of pictures, then each after the last one has left.
    thread::sleep(Duration::from_millis(1_700));
    let early = demo.memory();
    for player in [Player::Rtmpdump, Player::Ffmpeg, Player::Rtmpdump] {
        let Some(playing) = player.play(&url) else { continue };
        thread::sleep(Duration::from_millis(2_500));
        expect_a_part(&playing.leave(DEADLINE));
    }
    let late = demo.memory();
    let stays = Player::Ffmpeg.play(&url);
    let run = demo.finish(DEADLINE).expect_success();
    if let Some(stays) = stays {
        let received = stays.finish(DEADLINE);
        assert!(received.run.status.success(), "{received:?}");
        expect_a_part(&received);
    }
    let said = run.text() + &run.stderr;
    for words in [&url, "mpv ", "ffplay ", "gst-launch-1.0 ", &format!("udp://127.0.0.1:{udp}")] {
        assert!(said.contains(words), "it does not say {words}:\n{said}");
    }
    let report = checked.join().unwrap();
    let pictures = report.streams.iter().find(|stream| stream.stream_type == 0x1b).map(|stream| stream.units);
    assert_eq!(pictures, Some(SECONDS * RATE), "{report}");
    assert!(report.violations().is_empty(), "{report}\n{:?}", report.violations());
    eprintln!("memory: {early} bytes before the viewers, {late} after three, {} at most", run.peak_memory);
    assert!(late < early + (8 << 20), "memory grew from {early} to {late} bytes");
}

/// A key frame first, and pictures without a gap after it.
#[track_caller]
fn expect_a_part(received: &Received) {
    let pictures = received.track("v:0");
    assert!(pictures.packets.len() > RATE as usize, "{received:?}: {} pictures", pictures.packets.len());
    assert!(pictures.packets[0].key, "{received:?}: it begins in the middle");
    let times = pictures.pts();
    for pair in times.windows(2) {
        let step = pair[1] - pair[0];
        assert!((32_000_000..=35_000_000).contains(&step), "{received:?}: a step of {step} ns");
    }
    assert!(received.track("a:0").packets.len() > 47, "{received:?}: sound");
}

/// What a transport stream checker says of all that comes, until nothing comes any more.
fn check(socket: &UdpSocket) -> brooklet_mpegts::check::Report {
    let (mut check, mut buffer) = (Check::new(), vec![0; 65_536]);
    let mut silence = Duration::from_secs(30);
    let until = Instant::now() + DEADLINE;
    loop {
        socket.set_read_timeout(Some(silence)).unwrap();
        let Ok(count) = socket.recv(&mut buffer) else { return check.report() };
        assert!(Instant::now() < until, "it does not end");
        check.push(&buffer[..count]);
        silence = Duration::from_secs(3);
    }
}
