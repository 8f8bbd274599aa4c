//! The program as it was built for a device, run by an emulator where that has another processor: it does what ours does.
//!
//! `BROOKLET_CROSS` names it (`cargo xtask test --cross` builds it and says so); without that these tests are left out.

use std::fs;
use std::net::{TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use brooklet_tests::compare::{frame_sums, psnr};
use brooklet_tests::players::Player;
use brooklet_tests::program::{DEADLINE, Running, brooklet, finish};
use brooklet_tests::servers::{Server, free_port, free_udp_port};
use brooklet_tests::words::words;
use brooklet_tests::{clips, peers};

/// Pictures that the demo makes in a second.
const RATE: u64 = 5;

#[test]
fn a_small_demo_is_watched() {
    let Some(mut demo) = cross() else { return };
    let url = format!("rtmp://127.0.0.1:{}/live/app", free_port());
    let udp = format!("udp://127.0.0.1:{}?pkt_size=1316", free_udp_port());
    let line = format!("demo -size 160x120 -rate {RATE} -rtmp {url} -udp {udp} -t 20");
    let mut demo = Running::start(demo.args(words(&line, &[])));
    let port = url.split(['/', ':']).find_map(|part| part.parse::<u16>().ok()).unwrap();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(demo.is_running(), "it ended");
        thread::sleep(Duration::from_millis(50));
    }
    let Some(player) = Player::Ffmpeg.play(&url) else { return };
    demo.finish(DEADLINE).expect_success();
    let received = player.finish(DEADLINE);
    assert!(received.run.status.success(), "{received:?}");
    let pictures = received.track("v:0");
    assert!(pictures.packets.len() as u64 > 5 * RATE, "{received:?}: {} pictures", pictures.packets.len());
    assert!(pictures.pts().windows(2).all(|pair| (199_000_000..=201_000_000).contains(&(pair[1] - pair[0]))));
    assert!(received.track("a:0").packets.len() > 5 * 46, "{received:?}: sound");
}

#[test]
fn pictures_are_decoded_to_the_same_bits() {
    let (Some(cross), Some(clip)) = (cross(), clip()) else { return };
    let line = "-v error -i {} -map 0:v -pix_fmt yuv420p -f framemd5 -";
    let sums = |mut program: Command| {
        let run = finish(program.args(words(line, &[&clip])), DEADLINE).expect_success();
        frame_sums(&run.text(), 0)
    };
    let ours = sums(brooklet());
    assert_eq!(ours.md5.len(), 50);
    assert_eq!(sums(cross), ours);
}

#[test]
fn a_transcode_is_pushed_and_looks_as_ours_does() {
    let (Some(push), Some(clip), Some(server)) = (cross(), clip(), Server::nginx()) else { return };
    let folder = clips::scratch();
    let make = |mut program: Command, name: &str| {
        let path = folder.path().join(name);
        let line = "-v error -y -i {} -s 160x90 -c:v h264 -b:v 300k -c:a aac {}";
        finish(program.args(words(line, &[&clip, &path])), DEADLINE).expect_success();
        path
    };
    let Some(maker) = cross() else { return };
    let (ours, theirs) = (make(brooklet(), "ours.flv"), make(maker, "theirs.flv"));
    let difference = psnr(&luma(&theirs), &luma(&ours));
    eprintln!("pictures of the other processor against ours: {difference:.1} dB");
    assert!(difference > 35.0, "{difference:.1} dB");
    let Some(player) = Player::Ffmpeg.play(&server.url("live/cross")) else { return };
    server.await_players(1);
    let mut push = push;
    push.args(words("-v error -re -i {} -c copy -f flv", &[&theirs])).arg(server.url("live/cross"));
    let run = finish(&mut push, DEADLINE).expect_success();
    assert_eq!(run.stderr.trim(), "", "it published");
    thread::sleep(Duration::from_secs(2));
    server.kill();
    player.finish(DEADLINE).expect_copy(&theirs);
}

#[test]
fn sound_is_sent_and_received() {
    let Some(mut sender) = cross() else { return };
    let folder = clips::scratch();
    let (sent, received) = (folder.path().join("sent.raw"), folder.path().join("received.raw"));
    let sound: Vec<u8> =
        (0..8_000u32).flat_map(|n| (((n * n) % 20_011) as i16 - 10_000).to_le_bytes()).collect();
    fs::write(&sent, &sound).unwrap();
    // From the other processor to a socket here.
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let url = format!("udp://{}?pkt_size=320", socket.local_addr().unwrap());
    let line = "-v error -re -f s16le -ar 8000 -ac 1 -i {} -f s16le";
    let sending = Running::start(sender.args(words(line, &[&sent])).arg(&url));
    let (mut arrived, mut datagram) = (Vec::new(), [0; 2_048]);
    while arrived.len() < sound.len() {
        let count = socket.recv(&mut datagram).unwrap();
        arrived.extend_from_slice(&datagram[..count]);
    }
    sending.finish(DEADLINE).expect_success();
    assert!(arrived == sound, "{} bytes of {}", arrived.len(), sound.len());
    // And from here to the other processor, which ends when nothing more comes.
    let port = free_udp_port();
    let line =
        format!("-v error -y -f s16le -ar 8000 -ac 1 -i udp://127.0.0.1:{port}?timeout=5000000 -f s16le");
    let Some(mut receiver) = cross() else { return };
    let mut receiving = Running::start(receiver.args(words(&line, &[])).arg(&received));
    await_socket(port, &mut receiving);
    for datagram in sound.chunks(320) {
        socket.send_to(datagram, ("127.0.0.1", port)).unwrap();
        thread::sleep(Duration::from_millis(5));
    }
    receiving.finish(DEADLINE).expect_success();
    assert!(clips::read(&received) == sound);
}

#[test]
fn speech_is_coded_and_decoded_to_the_same_samples() {
    let (Some(mut coder), Some(decoder)) = (cross(), cross()) else { return };
    let folder = clips::scratch();
    let (wav, ogg) = (folder.path().join("tone.wav"), folder.path().join("tone.ogg"));
    let line = "-v error -y -f lavfi -i sine=frequency=440:sample_rate=48000:duration=2 {}";
    finish(brooklet().args(words(line, &[&wav])), DEADLINE).expect_success();
    finish(coder.args(words("-v error -y -i {} -c:a opus -b:a 24k {}", &[&wav, &ogg])), DEADLINE)
        .expect_success();
    let samples = |mut program: Command| -> Vec<i16> {
        let run = finish(program.args(words("-v error -i {} -f s16le -", &[&ogg])), DEADLINE);
        run.expect_success().stdout.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect()
    };
    let ours = samples(brooklet());
    assert!((94_000..=97_000).contains(&ours.len()), "{} samples", ours.len());
    // Each of 440 waves a second begins once.
    let rises = ours.windows(2).filter(|two| two[0] < 0 && two[1] >= 0).count();
    assert!((870..=890).contains(&rises), "{rises} waves in 2 s");
    assert_eq!(samples(decoder), ours);
}

/// The program for the other processor.
fn cross() -> Option<Command> {
    let path = std::env::var_os("BROOKLET_CROSS");
    if path.is_none() {
        eprintln!("not checked: BROOKLET_CROSS names no program; cargo xtask test --cross builds one");
    }
    path.map(Command::new)
}

/// Two seconds of moving pictures with B-frames, and a tone.
fn clip() -> Option<std::path::PathBuf> {
    clips::generated(
        "cross.mp4",
        "-f lavfi -i testsrc2=size=320x180:rate=25:duration=2 -f lavfi -i sine=frequency=440:duration=2 \
         -c:v libx264 -preset veryfast -bf 2 -g 25 -pix_fmt yuv420p -c:a aac",
    )
}

fn luma(path: &Path) -> Vec<u8> {
    let mut ffmpeg = peers::ffmpeg().unwrap_or_else(|| panic!("ffmpeg made the clip and is gone"));
    finish(ffmpeg.args(words("-v error -i {} -pix_fmt gray -f rawvideo -", &[path])), DEADLINE)
        .expect_success()
        .stdout
}

/// Until the program has bound its socket: then the system takes what is sent to it.
fn await_socket(port: u16, program: &mut Running) {
    let until = Instant::now() + DEADLINE;
    let hex = format!(":{port:04X} ");
    while !fs::read_to_string("/proc/net/udp").unwrap_or_default().contains(&hex) {
        assert!(program.is_running() && Instant::now() < until, "it did not bind {port}");
        thread::sleep(Duration::from_millis(20));
    }
}
