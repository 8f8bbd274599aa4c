//! Parts of the URL by other ways: ffmpeg's options and librtmp's words, against nginx.

use std::path::{Path, PathBuf};

use brooklet_tests::clips;
use brooklet_tests::players::Track;
use brooklet_tests::program::{DEADLINE, Running, brooklet, finish};
use brooklet_tests::servers::Server;

#[test]
fn options_and_words_name_the_same_stream() {
    let (Some(server), Some(clip)) = (Server::nginx(), clip()) else { return };
    let elsewhere = server.url("nothing/here");
    let words = format!("{elsewhere} app=live playpath=key live=1 conn=S:token");
    let options = ["-rtmp_app", "live", "-rtmp_playpath", "key", "-rtmp_conn", "O:1 NS:a:b O:0"];
    let ways: [(&[&str], &str); 3] =
        [(&[], &server.url("live/key")), (&options, &elsewhere), (&["-rtmp_live", "live"], &words)];
    let scratch = clips::scratch();
    let pulled = |number: usize| scratch.path().join(format!("{number}.flv"));
    let pulling: Vec<Running> = ways
        .iter()
        .enumerate()
        .map(|(number, (how, url))| {
            let mut pull = brooklet();
            pull.args(["-v", "error"]).args(*how).args(["-i", url, "-map", "0", "-c", "copy", "-f", "flv"]);
            Running::start(pull.arg(pulled(number)))
        })
        .collect();
    server.await_players(ways.len());
    let mut publish = brooklet();
    publish.args(["-v", "error", "-re", "-i"]).arg(&clip).args(["-c", "copy", "-f", "flv"]).args(options);
    finish(publish.arg(&elsewhere), DEADLINE).expect_success();
    for (number, pull) in pulling.into_iter().enumerate() {
        pull.finish(DEADLINE).expect_success();
        assert_eq!(hashes(&pulled(number)), hashes(&clip), "way {number}");
    }
}

#[track_caller]
fn hashes(path: &Path) -> Vec<String> {
    Track::of(path, "v:0").packets.into_iter().map(|packet| packet.hash).collect()
}

fn clip() -> Option<PathBuf> {
    clips::generated(
        "second.flv",
        "-f lavfi -i testsrc2=s=160x90:r=25 -t 1 -c:v libx264 -bf 0 -pix_fmt yuv420p",
    )
}
