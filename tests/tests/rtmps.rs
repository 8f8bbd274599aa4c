//! RTMP within TLS: ffmpeg's GnuTLS plays from us, and we publish and play through OpenSSL (Python's) to nginx.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use brooklet_tests::players::{Player, Track};
use brooklet_tests::program::{DEADLINE, Run, Running, brooklet, finish};
use brooklet_tests::servers::{Server, free_port};
use brooklet_tests::tls::{Certificates, Identity, TlsProxy, identity_words};
use brooklet_tests::{clips, peers};

const NOW: (&str, &str) = ("20200101000000Z", "20900101000000Z");
const THIS_HOST: &str = "DNS:localhost,IP:127.0.0.1";

#[test]
fn ffmpeg_plays_a_copy_whole_from_our_listener() {
    let (Some(certificates), Some(clip)) = (Certificates::new(), clip()) else { return };
    let signed = certificates.signed("signed", THIS_HOST, NOW.0, NOW.1);
    for identity in [&signed, &certificates.self_signed_rsa()] {
        for ffmpeg in [peers::ffmpeg(), peers::ffmpeg9()].into_iter().flatten() {
            let (server, url) = listen(&clip, identity);
            let received = clips::scratch();
            let path = received.path().join("received.flv");
            let mut player = ffmpeg;
            player.args(["-nostdin", "-v", "warning", "-tls_verify"]);
            if std::ptr::eq(identity, &signed) {
                player.args(["1", "-ca_file"]).arg(certificates.root());
            } else {
                player.arg("0");
            }
            player.args(["-i", &url, "-map", "0", "-c", "copy", "-f", "flv"]).arg(&path);
            finish(&mut player, DEADLINE).expect_success();
            expect_same(&path, &clip);
            server.finish(DEADLINE).expect_success();
        }
    }
}

#[test]
fn a_server_behind_tls_takes_and_gives_a_copy_whole() {
    let (Some(server), Some(certificates), Some(clip)) = (Server::nginx(), Certificates::new(), clip())
    else {
        return;
    };
    let identity = certificates.signed("signed", THIS_HOST, NOW.0, NOW.1);
    let Some(proxy) = TlsProxy::start(&identity, server.port()) else { return };
    let root = certificates.root().display().to_string();
    for (number, host) in ["127.0.0.1", "localhost"].into_iter().enumerate() {
        let path = format!("live/{number}");
        let Some(playing) = Player::Rtmpdump.play(&server.url(&path)) else { return };
        let scratch = clips::scratch();
        let pulled = scratch.path().join("pulled.flv");
        let mut pull = brooklet();
        pull.args(["-v", "error", "-ca_file", &root, "-i", &proxy.url(host, &path)]);
        let pull = Running::start(pull.args(["-map", "0", "-c", "copy", "-f", "flv"]).arg(&pulled));
        server.await_players(2 * (number + 1));
        publish(&clip, &["-re"], &["-ca_file", &root], &proxy.url(host, &path)).expect_success();
        thread::sleep(Duration::from_secs(2));
        playing.leave(DEADLINE).expect_copy(&clip);
        pull.finish(DEADLINE).expect_success();
        expect_same(&pulled, &clip);
    }
}

#[test]
fn a_certificate_that_is_not_believed_is_explained_in_a_line() {
    let (Some(certificates), Some(clip)) = (Certificates::new(), clip()) else { return };
    let root = certificates.root().display().to_string();
    let good = certificates.signed("good", THIS_HOST, NOW.0, NOW.1);
    let own = certificates.self_signed();
    let pinned = own.cert.display().to_string();
    let old = certificates.signed("old", THIS_HOST, "20200101000000Z", "20200102000000Z");
    let young = certificates.signed("young", THIS_HOST, "20890101000000Z", "20900102000000Z");
    let other = certificates.signed("other", "DNS:elsewhere.example", NOW.0, NOW.1);
    let trusting = ["-ca_file", root.as_str()];
    let cases: [(&Identity, &[&str], &[&str]); 9] = [
        (&good, &[], &["signed by nobody who is trusted here", "-ca_file FILE", "-tls_verify 0"]),
        (&own, &[], &["signed by nobody but itself", "-ca_file FILE"]),
        (&own, &trusting, &["signed by nobody but itself"]),
        (&old, &trusting, &["expired", "days ago"]),
        (&young, &trusting, &["begins to be valid in", "clock"]),
        (&other, &trusting, &["not for 127.0.0.1 but for elsewhere.example"]),
        // Those who get as far as the dead server behind the proxy believed the certificate.
        (&good, &trusting, &["the server closed the connection"]),
        (&own, &["-ca_file", &pinned], &["the server closed the connection"]),
        (&old, &["-tls_verify", "0"], &["the server closed the connection"]),
    ];
    for (identity, words, says) in cases {
        let Some(proxy) = TlsProxy::start(identity, free_port()) else { return };
        let run = publish(&clip, &[], words, &proxy.url("127.0.0.1", "live/x"));
        expect_line(&run, says);
    }
}

#[test]
fn our_server_serves_within_tls_and_in_the_clear_alike() {
    let (Some(certificates), Some(clip)) = (Certificates::new(), clip()) else { return };
    let (identity, port) = (certificates.self_signed(), free_port());
    let (cert, key) = (identity.cert.display().to_string(), identity.key.display().to_string());
    let private = format!("127.0.0.1:{port}");
    let server = Server::brooklet(&["-rtmps", &private, "-cert_file", &cert, "-key_file", &key]);
    let within = format!("rtmps://{private}/live/x");
    let players = [(Player::Ffmpeg, within.clone()), (Player::Brooklet, server.url("live/x"))];
    let playing: Vec<_> = players.iter().filter_map(|(player, url)| player.play(url)).collect();
    server.await_players(playing.len());
    publish(&clip, &["-re"], &["-ca_file", &cert], &within).expect_success();
    for playing in playing {
        playing.finish(DEADLINE).expect_copy(&clip);
    }
}

#[test]
fn what_cannot_be_used_is_said() {
    let (Some(server), Some(certificates), Some(clip)) = (Server::nginx(), Certificates::new(), clip())
    else {
        return;
    };
    let plain = format!("rtmps://127.0.0.1:{}/live/x", server.port());
    expect_line(&publish(&clip, &[], &[], &plain), &["TLS"]);
    let (one, two) = (certificates.self_signed(), certificates.self_signed_rsa());
    let text = |path: &Path| path.display().to_string();
    let (cert, key, missing) = (text(&one.cert), text(&two.key), text(&certificates.path("missing.pem")));
    let url = format!("rtmps://127.0.0.1:{}/live/x", free_port());
    for (words, says) in [
        (vec!["-listen", "1"], ["-cert_file and -key_file", "openssl req -x509"]),
        (vec!["-listen", "1", "-cert_file", &missing], ["cannot read", "missing.pem"]),
        (vec!["-listen", "1", "-cert_file", &key, "-key_file", &key], ["no certificate in it", "rsa.key"]),
        (vec!["-listen", "1", "-cert_file", &cert], ["no private key in it", "self.pem"]),
        (vec!["-listen", "1", "-cert_file", &cert, "-key_file", &key], ["cannot be used", "belong together"]),
    ] {
        expect_line(&publish(&clip, &[], &words, &url), &says);
    }
}

fn publish(clip: &Path, input: &[&str], words: &[&str], url: &str) -> Run {
    let mut command = brooklet();
    command.args(["-v", "error"]).args(input).arg("-i").arg(clip);
    finish(command.args(["-c", "copy", "-f", "flv"]).args(words).arg(url), DEADLINE)
}

#[track_caller]
fn expect_line(run: &Run, says: &[&str]) {
    assert_eq!(run.status.code(), Some(1), "{}", run.stderr);
    assert_eq!(run.stderr.trim().lines().count(), 1, "{}", run.stderr);
    for words in says {
        assert!(run.stderr.contains(words), "{words}?\n{}", run.stderr);
    }
}

#[track_caller]
fn expect_same(received: &Path, clip: &Path) {
    for stream in ["v:0", "a:0"] {
        let hashes = |path: &Path| -> Vec<String> {
            Track::of(path, stream).packets.into_iter().map(|packet| packet.hash).collect()
        };
        assert_eq!(hashes(received), hashes(clip), "{stream}");
    }
}

#[track_caller]
fn listen(clip: &Path, identity: &Identity) -> (Running, String) {
    let port = free_port();
    let url = format!("rtmps://127.0.0.1:{port}/live/app");
    let mut command = brooklet();
    command.args(["-re", "-i"]).arg(clip).args(["-c", "copy", "-f", "flv", "-listen", "1"]);
    let mut server = Running::start(command.args(identity_words(identity)).arg(&url));
    let until = Instant::now() + DEADLINE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(server.is_running() && Instant::now() < until, "it does not listen");
        thread::sleep(Duration::from_millis(20));
    }
    (server, url)
}

/// Two seconds.
fn clip() -> Option<PathBuf> {
    clips::generated(
        "short.mp4",
        "-f lavfi -i testsrc2=size=320x240:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000 -t 2 \
         -c:v libx264 -preset veryfast -g 25 -pix_fmt yuv420p -c:a aac -b:a 96k",
    )
}
