//! A camera that a program plays behind the driver's interface, beside a real sound server's microphone.

use std::process::Command;
use std::thread;
use std::time::Duration;

use brooklet_tests::players::Player;
use brooklet_tests::program::{DEADLINE, finish};
use brooklet_tests::servers::Server;
use brooklet_tests::sound_server::{RATE, SoundServer};
use brooklet_tests::{flashes, peers, probe};

/// The camera's pictures in a second.
const PICTURES: f64 = 30.0;

/// How far off the moment of a beep may be, in seconds: it is heard by two microphones, ours and the lamp's, and each knows how
/// old its sound is to ten milliseconds.
const HEARING: f64 = 0.020;

#[test]
fn camera_and_microphone_arrive_at_an_rtmp_server_in_step() {
    let (Some(()), Some(server)) = (peers::pulseaudio(), Server::nginx()) else { return };
    let sound = SoundServer::start();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("beeps.raw");
    let sample = |number: u32| {
        let at = f64::from(number) / f64::from(RATE);
        let loud = at.fract() < flashes::LENGTH;
        if loud { ((at * 1_000.0 * std::f64::consts::TAU).sin() * 16_384.0) as i16 } else { 0 }
    };
    let beeps = (0..RATE * 60).flat_map(|number| [sample(number); 2]).flat_map(i16::to_le_bytes);
    std::fs::write(&path, beeps.collect::<Vec<u8>>()).expect("a file");
    let _feeder = sound.feed(&path);
    let Some(player) = Player::Ffmpeg.play(&server.url("live/film")) else { return };
    server.await_players(1);
    let mut film = Command::new(env!("CARGO_BIN_EXE_film"));
    film.args(["7", &server.url("live/film")]).envs(sound.environment());
    let told = finish(&mut film, DEADLINE).expect_success().text();
    thread::sleep(Duration::from_secs(1));
    server.kill();
    let received = player.finish(DEADLINE);

    let Some(flashes) = flashes::flash_times(&received.path) else { return };
    let Some(beeps) = flashes::beep_times(&received.path) else { return };
    assert!(flashes.len() >= 4, "flashes {flashes:?}, beeps {beeps:?}; {told}");
    // A picture stands for what was there since the one before it, and is stamped at its end. One that is left out on a busy
    // machine makes that longer.
    let steps: Vec<f64> = flashes.iter().map(|flash| flash - nearest(&beeps, *flash)).collect();
    println!("flashes come after their beeps by {steps:.3?} s; {told}");
    let mut sorted = steps.clone();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted[sorted.len() / 2];
    assert!((-HEARING..=1.0 / PICTURES + HEARING).contains(&middle), "{steps:?}");
    assert!(steps.iter().all(|step| (-HEARING..HEARING + 3.0 / PICTURES).contains(step)), "{steps:?}");
    // Both from their zero on, which is the first of either.
    for stream in ["v:0", "a:0"] {
        let (base, times) = probe::frames(&received.path, stream).expect("ffprobe");
        let length = probe::nanoseconds(times[times.len() - 1] - times[0], base) as f64 / 1e9;
        assert!(length > 5.0, "{length} s of {stream}; {told}");
    }
}

fn nearest(times: &[f64], to: f64) -> f64 {
    let distance = |time: &f64| (time - to).abs();
    times.iter().copied().min_by(|one, other| distance(one).total_cmp(&distance(other))).expect("times")
}
