//! `brooklet play` as it is heard: in step with its pictures, held, made quieter, from some place on, more than once.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use brooklet_tests::display::Display;
use brooklet_tests::program::{DEADLINE, Running, brooklet, finish};
use brooklet_tests::senses::{Ears, Eyes};
use brooklet_tests::sound_server::{Recorder, Sound, SoundServer};
use brooklet_tests::{clips, flashes, peers};

/// How far sound may be from picture, seconds.
const STEP: f64 = 0.040;

fn play(server: &SoundServer, words: &[&str]) -> Command {
    let mut command = brooklet();
    command.arg("play").args(words).envs(server.environment()).env_remove("DISPLAY");
    command
}

/// Waits until so much has been heard, but for silence around it, and gives it.
#[track_caller]
fn heard(recorder: &Recorder, seconds: f64) -> Sound {
    let start = Instant::now();
    loop {
        let sound = recorder.so_far().trimmed();
        if sound.seconds() >= seconds {
            return sound;
        }
        assert!(start.elapsed() < DEADLINE, "only {} s were heard", sound.seconds());
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_flash_and_its_beep_come_together() {
    let (Some(server), Some(display)) = (sound_server(), Display::start()) else { return };
    let Some(clip) = flashes::black_clip() else { return };
    // What sound and picture of the clip itself are apart: the codec's ramp of a beep.
    let own = flashes::steps(&clip);
    let epoch = Instant::now();
    let ears = Ears::at(&server, epoch);
    let words = ["-v", "error", "-stats", "-autoexit", "-window_title", "flashes"];
    let mut command = play(&server, &[&words[..], &[clip.to_str().expect("a name")]].concat());
    let playing = Running::start(command.envs(display.environment()));
    let eyes = Eyes::on(&display.window("flashes"), epoch);
    let run = playing.finish(DEADLINE).expect_success();
    let (flashes, beeps) = (eyes.close(), ears.close());
    assert_eq!(beeps.len(), own.len(), "beeps {beeps:?}");
    // Whoever looks for a window may find it when the first flash is over.
    assert!(flashes.len() + 2 >= own.len(), "flashes {flashes:?}");
    for flash in &flashes {
        let distance = |beep: f64| beep - flash.at - own[0];
        let steps = beeps.iter().map(|beep| (distance(beep.at), beep.error + flash.error));
        let nearest = steps.min_by(|one, other| one.0.abs().total_cmp(&other.0.abs()));
        let (step, error) = nearest.expect("a beep");
        println!("the beep comes {:.1} ms after its flash, ±{:.1}", step * 1e3, error * 1e3);
        assert!(step.abs() <= STEP + error, "{step:.3} s, give or take {error:.3}: {flashes:?} {beeps:?}");
    }
    let lags: Vec<f64> = lags(&run.stderr).filter(|lag| !lag.is_nan()).collect();
    let within = lags.iter().filter(|lag| lag.abs() <= STEP).count();
    assert!(lags.len() > 5 && within * 10 >= lags.len() * 9, "{lags:?}");
}

/// What the status lines say of A-V.
fn lags(stderr: &str) -> impl Iterator<Item = f64> {
    let number = |rest: &str| rest.split_whitespace().next().and_then(|lag| lag.parse().ok());
    stderr.split("A-V:").skip(1).filter_map(number)
}

#[test]
fn keys_hold_the_sound_and_make_it_quieter() {
    let (Some(server), Some(display)) = (sound_server(), Display::start()) else { return };
    let line = "-f lavfi -i color=black:size=160x120:rate=25 -f lavfi -i sine=frequency=440 -t 30 \
                -c:v libx264 -preset veryfast -pix_fmt yuv420p -c:a aac";
    let Some(clip) = clips::generated("tone.mp4", line) else { return };
    let recorder = server.record();
    let words = ["-v", "error", "-window_title", "tone", clip.to_str().expect("a name")];
    let playing = Running::start(play(&server, &words).envs(display.environment()));
    let window = display.window("tone");
    heard(&recorder, 1.0);
    window.press("space");
    // What was on its way when it was held.
    thread::sleep(Duration::from_millis(700));
    let held = recorder.so_far().trimmed().seconds();
    thread::sleep(Duration::from_millis(1_500));
    let still = recorder.so_far().trimmed().seconds();
    assert!(still - held < 0.05, "{held} s were heard, then {still} s");
    window.press("space");
    heard(&recorder, still + 2.5);
    (0..6).for_each(|_| window.press("9"));
    thread::sleep(Duration::from_millis(700));
    let before = recorder.so_far().trimmed().seconds();
    let sound = heard(&recorder, before + 1.0);
    window.press("q");
    playing.finish(DEADLINE).expect_success();
    let long: Vec<f64> = sound.gaps().into_iter().filter(|gap| *gap > 1.0).collect();
    assert_eq!(long.len(), 1, "{:?}", sound.gaps());
    let part = |from: f64, to: f64| sound.part(from, to).level();
    let quieter = part(before, before + 1.0) / part(0.2, 0.9);
    assert!((quieter - 0.7).abs() < 0.03, "quieter by {quieter}");
}

#[test]
fn a_part_is_heard_and_a_file_again() {
    let Some(server) = sound_server() else { return };
    let line = "-f lavfi -i aevalsrc='0.5*sin(2*PI*(300+100*floor(t))*t)':s=48000:d=6";
    let Some(steps) = clips::generated("steps.wav", line) else { return };
    let steps = steps.to_str().expect("a name").to_owned();
    let played = |words: &[&str]| {
        let recorder = server.record();
        let words = [&["-v", "error", "-nodisp"], words, &[&steps]].concat();
        finish(&mut play(&server, &words), DEADLINE).expect_success();
        recorder.finish().trimmed()
    };
    let part = played(&["-ss", "2", "-t", "2"]);
    assert!((part.seconds() - 2.0).abs() < 0.03, "{} s", part.seconds());
    for (second, hz) in [(0.0, 500.0), (1.0, 600.0)] {
        let purity = part.part(second + 0.1, second + 0.9).purity(hz);
        assert!(purity > 0.99, "{hz} Hz: {purity}");
    }
    let twice = played(&["-loop", "2"]);
    assert!((twice.seconds() - 12.0).abs() < 0.05, "{} s", twice.seconds());
    assert_eq!(twice.gaps(), [0.0; 0]);
    assert!(twice.part(6.1, 6.9).purity(300.0) > 0.99, "it begins again");
}

/// A server, where there is PulseAudio here.
fn sound_server() -> Option<SoundServer> {
    peers::pulseaudio().map(|()| SoundServer::start())
}
