//! Pictures in a window: photographs of a screen of the test's own, and keys.

use std::process::Command;
use std::time::Duration;

use brooklet_tests::clips;
use brooklet_tests::compare::psnr;
use brooklet_tests::display::{Display, Photo};
use brooklet_tests::peers;
use brooklet_tests::program::{DEADLINE, Running, brooklet, finish, run};

/// Width and height of the clips.
const SIZE: (usize, usize) = (320, 180);
/// Their pictures in a second.
const RATE: usize = 10;

/// Thirty seconds in which no two pictures are the same, and a tone.
fn clip() -> Option<std::path::PathBuf> {
    let line = "-f lavfi -i testsrc2=size=320x180:rate=10 -f lavfi -i sine=frequency=440 -t 30 -c:v libx264 \
                -preset veryfast -crf 12 -g 40 -pix_fmt yuv420p -c:a aac";
    clips::generated("play.mp4", line)
}

/// All its pictures at some size, as ffmpeg decodes them.
fn pictures(clip: &std::path::Path, size: (usize, usize)) -> Option<Vec<Vec<u8>>> {
    let mut ffmpeg = peers::ffmpeg()?;
    ffmpeg.args(["-v", "error", "-i"]).arg(clip);
    ffmpeg.args(["-vf", &format!("scale={}:{}", size.0, size.1), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]);
    let all = finish(&mut ffmpeg, DEADLINE).expect_success().stdout;
    Some(all.chunks_exact(size.0 * size.1 * 3).map(<[u8]>::to_vec).collect())
}

/// Which picture a photograph shows, and how well.
fn recognize(photo: &Photo, pictures: &[Vec<u8>]) -> (usize, f64) {
    let likeness = |picture: &Vec<u8>| psnr(&photo.rgb, picture);
    let scored = pictures.iter().map(likeness).enumerate();
    scored.max_by(|(_, one), (_, other)| one.total_cmp(other)).expect("pictures")
}

fn play(display: &Display, words: &[&str]) -> Command {
    let mut command = brooklet();
    command.arg("play").args(["-v", "warning"]).args(words).envs(display.environment());
    // No sound where a test wants none: nothing is to depend on the machine's own.
    command.env("PULSE_SERVER", "unix:/nowhere");
    command
}

#[test]
fn the_picture_is_the_one_that_should_be_there_and_keeps_its_shape() {
    let (Some(display), Some(clip)) = (Display::start(), clip()) else { return };
    let Some(all) = pictures(&clip, SIZE) else { return };
    let mut words = vec!["-an", "-ss", "28", "-window_title", "shape"];
    words.push(clip.to_str().expect("a name"));
    let playing = Running::start(&mut play(&display, &words));
    let window = display.window("shape");
    // Without -autoexit the last picture stays.
    let last = all.last().expect("pictures");
    let photo = window.photograph_when("the last picture", |photo| {
        (photo.width, photo.height) == SIZE && psnr(&photo.rgb, last) > 34.0
    });
    assert_eq!(recognize(&photo, &all).0, all.len() - 1);

    window.resize(500, 500);
    let scaled = pictures(&clip, (500, 281)).expect("ffmpeg");
    let photo = window.photograph_when("a larger picture", |photo| {
        photo.width == 500
            && photo.height == 500
            && photo.part(0, 200, 500, 1).iter().any(|sample| *sample > 0)
    });
    let likeness = psnr(&photo.part(0, 109, 500, 281), scaled.last().expect("pictures"));
    assert!(likeness > 25.0, "{likeness} dB");
    assert!(photo.part(0, 0, 500, 108).iter().all(|sample| *sample == 0), "not black above");
    assert!(photo.part(0, 391, 500, 109).iter().all(|sample| *sample == 0), "not black below");

    window.press("Escape");
    playing.finish(DEADLINE).expect_success();
}

#[test]
fn keys_hold_it_move_it_and_end_it() {
    let (Some(display), Some(clip)) = (Display::start(), clip()) else { return };
    let Some(all) = pictures(&clip, SIZE) else { return };
    let words = ["-an", "-window_title", "keys", clip.to_str().expect("a name")];
    let playing = Running::start(&mut play(&display, &words));
    let window = display.window("keys");
    window.photograph_when("a picture", |photo| recognize(photo, &all).1 > 35.0);
    window.press("space");
    let (held, likeness) = recognize(&window.still(), &all);
    assert!(likeness > 35.0, "{likeness} dB");

    window.press("Right");
    let is_later = |photo: &Photo| recognize(photo, &all).0 > held + 5;
    window.photograph_when("a later picture", is_later);
    let (later, _) = recognize(&window.still(), &all);
    // Ten seconds from the moment at which it was held, which is within the picture's own time.
    assert!(later.abs_diff(held + 10 * RATE) <= 1, "from picture {held} to {later}");

    window.press("Left");
    window.photograph_when("an earlier picture", |photo| recognize(photo, &all).0 < later);
    let (earlier, _) = recognize(&window.still(), &all);
    assert!(earlier.abs_diff(held) <= 1, "from picture {held} over {later} to {earlier}");

    window.press("space");
    window.photograph_when("that it goes on", |photo| recognize(photo, &all).0 > earlier + 2);
    window.press("q");
    playing.finish(DEADLINE).expect_success();
}

#[test]
fn a_window_as_an_output_ends_as_ffmpegs_does() {
    let Some(display) = Display::start() else { return };
    let source = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"];
    let window = |title: &str, more: &[&str]| {
        let mut command = brooklet();
        command
            .args(["-v", "error"])
            .args(source)
            .args(more)
            .args(["-f", "sdl", title])
            .envs(display.environment());
        Running::start(&mut command)
    };
    let closed = window("closed: by q", &[]);
    display.window("closed: by q").press("q");
    let closed = closed.finish(DEADLINE);
    assert_eq!(closed.status.code(), Some(1), "{}", closed.stderr);
    assert_eq!(closed.stderr.trim(), "brooklet: closed: by q: closed by its user");
    // Three seconds of pictures take three seconds, whatever makes them.
    let whole = window("whole", &["-t", "3"]).finish(DEADLINE).expect_success();
    assert!(whole.elapsed >= Duration::from_millis(2_900), "{:?}", whole.elapsed);
}

#[test]
fn the_window_is_as_large_as_it_was_asked_to_be() {
    let (Some(display), Some(clip)) = (Display::start(), clip()) else { return };
    let clip = clip.to_str().expect("a name");
    for (how, size) in [
        (&["-x", "160"][..], (160, 90)),
        (&["-y", "360"], (640, 360)),
        (&["-x", "100", "-y", "100"], (100, 100)),
        // Without a window manager, which would be asked to.
        (&["-fs"], (1280, 1024)),
    ] {
        let title = format!("{}x{}", size.0, size.1);
        let words = [&["-an", "-window_title", &title], how, &[clip]].concat();
        let playing = Running::start(&mut play(&display, &words));
        let window = display.window(&title);
        let filled =
            |photo: &Photo| (photo.width, photo.height) == size && photo.rgb.iter().any(|one| *one > 0);
        window.photograph_when("a window of that size", filled);
        window.press("q");
        playing.finish(DEADLINE).expect_success();
    }
}

#[test]
fn with_neither_there_is_an_error() {
    let Some(clip) = clip() else { return };
    let mut command = brooklet();
    command
        .args(["play", "-v", "error"])
        .arg(&clip)
        .env_remove("DISPLAY")
        .env("PULSE_SERVER", "unix:/nowhere");
    let played = Running::start(&mut command).finish(DEADLINE);
    assert_eq!(played.status.code(), Some(1));
    let missing = "brooklet: no display here: $DISPLAY is not set (a window needs X11, or XWayland)";
    assert_eq!(played.stderr.trim(), missing);
    // Where sound alone is wanted, that there is none is the error, and nothing else is said.
    let silent = brooklet()
        .args(["play", "-v", "warning", "-nodisp"])
        .arg(&clip)
        .env("PULSE_SERVER", "unix:/nowhere")
        .output()
        .expect("the program");
    let said = String::from_utf8_lossy(&silent.stderr).into_owned();
    assert!(!silent.status.success() && said.starts_with("brooklet: no sound server here: "), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    let nothing = run(&["play", "-an", "-vn", "-v", "error", clip.to_str().expect("a name")]);
    assert!(nothing.stderr.contains("nothing to play"), "{}", nothing.stderr);
}
