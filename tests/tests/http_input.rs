//! Reading from web servers: files and live streams, well and badly served.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use brooklet_tests::program::{DEADLINE, Run, brooklet, finish, run};
use brooklet_tests::web::Web;
use brooklet_tests::{clips, probe};

/// A second and a half of MP3.
fn mp3() -> Option<Vec<u8>> {
    let path = clips::generated(
        "web.mp3",
        "-f lavfi -i sine=frequency=440:sample_rate=44100 -t 3 -b:a 128k -write_xing 0 -id3v2_version 0",
    )?;
    Some(clips::read(&path))
}

/// MP4 whose index is at its end.
fn mp4() -> Option<Vec<u8>> {
    let path = clips::generated(
        "web.mp4",
        "-f lavfi -i testsrc2=size=160x120:rate=25 -f lavfi -i sine=sample_rate=48000 -t 3 -c:v libx264 -pix_fmt yuv420p -c:a aac",
    )?;
    Some(clips::read(&path))
}

fn copied(url: &str, options: &[&str], to: &std::path::Path) -> Run {
    let mut command = brooklet();
    command.args(["-v", "warning", "-y"]).args(options).args(["-i", url, "-c", "copy"]).arg(to);
    finish(&mut command, DEADLINE)
}

#[test]
fn by_length_in_chunks_and_until_the_end_and_where_it_sends_us() {
    let Some(sound) = mp3() else { return };
    let served = sound.clone();
    let web = Web::start(move |request, socket| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        match path {
            "/moved" => {
                write!(socket, "HTTP/1.1 302 Found\r\nLocation: deep/chunks?x=1\r\nContent-Length: 0\r\n\r\n")
            }
            "/length" => {
                write!(socket, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", served.len())?;
                socket.write_all(&served)
            }
            "/deep/chunks?x=1" => {
                write!(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                for part in served.chunks(1_000) {
                    write!(socket, "{:x};ext=1\r\n", part.len())?;
                    socket.write_all(part)?;
                    socket.write_all(b"\r\n")?;
                }
                socket.write_all(b"0\r\n\r\n")
            }
            "/icy" => {
                write!(socket, "ICY 200 OK\r\nicy-name: Old\r\ncontent-type: audio/mpeg\r\n\r\n")?;
                socket.write_all(&served)
            }
            _ => write!(socket, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        }
    });
    let folder = clips::scratch();
    let to = folder.path().join("copy.mp3");
    for path in ["/length", "/moved", "/icy"] {
        copied(&web.url(path), &[], &to).expect_success();
        // Behind the frame that says how long it is.
        let (copy, head) = (clips::read(&to), 2_000);
        assert!(copy.ends_with(&sound) && copy.len() < sound.len() + head, "{path}: {} bytes", copy.len());
    }
    let refused = copied(&web.url("/none"), &[], &to);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.stderr.contains("404 Not Found") && refused.stderr.trim().lines().count() == 1,
        "{}",
        refused.stderr
    );
    let asked = web.asked();
    assert!(asked[0].contains("Icy-MetaData: 1") && asked[0].contains("User-Agent: brooklet/"), "{asked:?}");
}

#[test]
fn an_index_at_the_end_is_fetched_and_a_broken_connection_goes_on_where_it_was() {
    let Some(clip) = mp4() else { return };
    let (served, count) = (clip.clone(), AtomicUsize::new(0));
    let web = Web::start(move |request, socket| {
        let from = request
            .lines()
            .find_map(|line| line.strip_prefix("Range: bytes=")?.strip_suffix('-')?.parse().ok());
        let from: usize = from.unwrap_or(0);
        let status = if from > 0 { "206 Partial Content" } else { "200 OK" };
        write!(
            socket,
            "HTTP/1.1 {status}\r\nAccept-Ranges: bytes\r\nContent-Length: {}\r\n\r\n",
            served.len() - from
        )?;
        // Every other connection breaks in the middle.
        let most = if count.fetch_add(1, Ordering::SeqCst) % 2 == 0 { 9_000 } else { usize::MAX };
        socket.write_all(&served[from..served.len().min(from.saturating_add(most))])
    });
    let folder = clips::scratch();
    let to = folder.path().join("copy.flv");
    copied(&web.url("/clip.mp4"), &["-reconnect", "1"], &to).expect_success();
    let file = folder.path().join("clip.mp4");
    std::fs::write(&file, &clip).unwrap();
    let hashes = |path: &std::path::Path| -> Vec<String> {
        let packets = probe::packets(path, "v:0").map(|(_, packets)| packets).unwrap_or_default();
        packets.into_iter().map(|packet| packet.hash).collect()
    };
    let direct = folder.path().join("direct.flv");
    copied(&file.display().to_string(), &[], &direct).expect_success();
    assert_eq!(hashes(&to), hashes(&direct));
    assert!(!hashes(&to).is_empty() && web.asked().iter().any(|asked| asked.contains("Range: bytes=")));
}

#[test]
fn a_live_stream_that_breaks_off_is_taken_up_again_or_told() {
    let Some(sound) = mp3() else { return };
    let (served, count) = (sound.clone(), AtomicUsize::new(0));
    let web = Web::start(move |_, socket| {
        if count.fetch_add(1, Ordering::SeqCst) > 3 {
            return write!(socket, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        }
        write!(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", served.len())?;
        socket.write_all(&served[..served.len() / 2])
    });
    let folder = clips::scratch();
    let to = folder.path().join("copy.mp3");
    let run =
        copied(&web.url("/live"), &["-reconnect", "1", "-reconnect_delay_max", "1"], &to).expect_success();
    assert!(run.stderr.contains("connecting again") && run.stderr.contains("403"), "{}", run.stderr);
    let got = clips::read(&to).len();
    assert!(got > sound.len() && got < 3 * sound.len(), "{got} of {}", sound.len());
}

#[test]
fn what_goes_to_a_web_server_arrives_whole() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut all = Vec::new();
        let mut buffer = [0; 65_536];
        while !all.ends_with(b"0\r\n\r\n") {
            let count = socket.read(&mut buffer).unwrap();
            all.extend_from_slice(&buffer[..count]);
        }
        socket.write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").unwrap();
        all
    });
    let url = format!("http://127.0.0.1:{port}/up?key=1");
    let words = [
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "sine=duration=1",
        "-method",
        "PUT",
        "-headers",
        "X-Key: abc",
        "-c:a",
        "pcm_s16le",
        "-f",
        "wav",
        &url,
    ];
    run(&words).expect_success();
    let said = server.join().unwrap();
    let text = String::from_utf8_lossy(&said);
    assert!(
        text.starts_with("PUT /up?key=1 HTTP/1.1\r\n") && text.contains("Content-Type: audio/wav"),
        "{}",
        &text[..300]
    );
    assert!(text.contains("X-Key: abc\r\n") && said.len() > 88_200);
}
