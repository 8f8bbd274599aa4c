//! Pictures one after another: by a pipe, as scripts push them, and by HTTP, as cameras send them to browsers.

use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use brooklet_tests::program::{DEADLINE, Running, brooklet, finish, run};
use brooklet_tests::web::Web;
use brooklet_tests::words::words;
use brooklet_tests::{clips, peers, probe};

const PICTURE: &str = "-f lavfi -i testsrc2=size=176x144:rate=25 -t 2 -c:v mjpeg -q:v 3";

/// The pictures of a file, one by one.
fn pictures(file: &[u8]) -> Vec<Vec<u8>> {
    let starts: Vec<usize> =
        (0..file.len()).filter(|at| file[*at..].starts_with(&[0xFF, 0xD8, 0xFF])).collect();
    let ends = starts.iter().skip(1).copied().chain([file.len()]);
    starts.iter().zip(ends).map(|(start, end)| file[*start..end].to_vec()).collect()
}

#[test]
fn pictures_pushed_through_a_pipe_are_decoded_as_ffmpeg_does() {
    let Some(source) = clips::generated("row.mjpeg", PICTURE) else { return };
    let file = clips::read(&source);
    // The range stays as it is; older ones than 8 make it a smaller one.
    let Some(mut ffmpeg) = peers::ffmpeg9() else { return };
    let raw = "-f rawvideo -pix_fmt yuv420p -";
    let theirs = finish(ffmpeg.args(words(&format!("-v error -i {{}} {raw}"), &[&source])), DEADLINE);
    let theirs = theirs.expect_success().stdout;
    let mut command = brooklet();
    command.args(words(&format!("-v error -f image2pipe -vcodec mjpeg -r 10 -i - {raw}"), &[]));
    let mut running = Running::start_with(command.stdin(Stdio::piped()));
    let mut pipe = running.stdin().unwrap();
    let pushed = thread::spawn(move || file.chunks(1_000).all(|chunk| pipe.write_all(chunk).is_ok()));
    let ours = running.finish(DEADLINE).expect_success().stdout;
    assert!(pushed.join().unwrap());
    assert_eq!(ours.len(), 50 * 176 * 144 * 3 / 2);
    let likeness = brooklet_tests::compare::psnr(&ours, &theirs);
    // Smaller chroma is made smaller again from larger.
    assert!(likeness > 30.0, "{likeness:.1} dB");
}

#[test]
fn a_cameras_pictures_are_copied_with_the_time_at_which_they_came() {
    let Some(source) = clips::generated("row.mjpeg", PICTURE) else { return };
    let folder = clips::scratch();
    let sent = pictures(&clips::read(&source));
    assert_eq!(sent.len(), 50);
    let (count, step) = (20, Duration::from_millis(100));
    let expected = sent[..count].to_vec();
    let camera = Web::start(move |_, socket| {
        socket
            .write_all(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=cam\r\n\r\n")?;
        for picture in &sent[..count] {
            write!(socket, "--cam\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", picture.len())?;
            socket.write_all(picture)?;
            socket.write_all(b"\r\n")?;
            thread::sleep(step);
        }
        Ok(())
    });
    let film = folder.path().join("camera.mov");
    let line = format!("-v error -y -use_wallclock_as_timestamps 1 -i {} -c copy {{}}", camera.url("/video"));
    run(&words(&line, &[&film])).expect_success();
    let Some((base, packets)) = probe::packets(&film, "v:0") else { return };
    assert_eq!(packets.len(), count);
    let lasts = probe::nanoseconds(packets[count - 1].pts - packets[0].pts, base);
    let least = step.as_nanos() as i64 * (count as i64 - 1);
    assert!((least * 9 / 10..least * 3).contains(&lasts), "{lasts} ns for {least}");
    let Some(mut ffmpeg) = peers::ffmpeg() else { return };
    let copied = finish(ffmpeg.args(words("-v error -i {} -c copy -f mjpeg -", &[&film])), DEADLINE);
    assert!(pictures(&copied.expect_success().stdout) == expected, "other pictures");
}
