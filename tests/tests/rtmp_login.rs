//! Logging in by challenge: our publisher and ffmpeg's at the same gate.

use std::path::{Path, PathBuf};
use std::process::Command;

use brooklet_tests::gatekeeper::{Admitted, Gate, Gatekeeper};
use brooklet_tests::program::{DEADLINE, Run, brooklet, finish};
use brooklet_tests::{clips, peers};

fn gates() -> [Gate; 2] {
    ["adobe", "llnw"].map(|scheme| Gate { scheme, user: "me", password: "secret" })
}

fn clip() -> Option<PathBuf> {
    clips::generated(
        "second.flv",
        "-f lavfi -i testsrc2=s=160x90:r=25 -t 1 -c:v libx264 -bf 0 -pix_fmt yuv420p",
    )
}

fn publish(mut command: Command, clip: &Path, url: &str) -> Run {
    finish(
        command.args(["-v", "error", "-re", "-i"]).arg(clip).args(["-c", "copy", "-f", "flv", url]),
        DEADLINE,
    )
}

#[test]
fn ours_and_ffmpeg_log_in_the_same_way() {
    let Some(clip) = clip() else { return };
    for gate in gates() {
        let mut ours = brooklet();
        ours.arg("-y");
        for (name, command) in
            [("ours", Some(ours)), ("ffmpeg", peers::ffmpeg()), ("ffmpeg 9", peers::ffmpeg9())]
        {
            let Some(command) = command else { continue };
            let server = Gatekeeper::start(gate.clone());
            let run = publish(command, &clip, &server.url("me:secret"));
            assert!(run.status.success(), "{name}, {gate:?}: {}", run.stderr);
            let Admitted { refused, tags } = server.admitted();
            assert_eq!(refused, 2, "{name}, {gate:?}");
            // 25 pictures, their configuration, the metadata, the end of the sequence. ffmpeg does not wait until the
            // last have arrived.
            let expected = if name == "ours" { 28..=28 } else { 20..=28 };
            assert!(expected.contains(&tags), "{name}, {gate:?}: {tags} tags");
        }
    }
}

#[test]
fn a_wrong_login_is_one_line() {
    let Some(clip) = clip() else { return };
    for gate in gates() {
        let server = Gatekeeper::start(gate.clone());
        for (login, says) in [
            ("me:wrong", "the server does not take the password of the user \"me\""),
            ("you:secret", "the server knows no user \"you\""),
            ("", "rtmp://user:password@host/app/stream"),
        ] {
            let run = publish(brooklet(), &clip, &server.url(login));
            assert_eq!(run.status.code(), Some(1), "{gate:?} {login}");
            assert!(run.stderr.contains(says) && run.stderr.trim().lines().count() == 1, "{}", run.stderr);
            assert!(!run.stderr.contains(":wrong@") && !run.stderr.contains(":secret@"), "{}", run.stderr);
        }
    }
}
