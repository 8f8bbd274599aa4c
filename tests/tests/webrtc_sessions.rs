//! Sessions that come and go leave nothing behind in the server: no thread, no socket, no memory that grows.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use brooklet_tests::camera::{Camera, Film};
use brooklet_tests::program::{DEADLINE, Running, brooklet};
use brooklet_tests::servers::free_port;
use brooklet_webrtc::Event;

/// Sessions in a row; of these the last few say no goodbye.
const SESSIONS: usize = 25;
const RUDE: usize = 3;
/// Sessions after which the server has all that it keeps for the next.
const SETTLED: usize = 5;
/// What may be more after twenty more sessions, one of which takes over 20 MB while it runs: what allocators keep in pieces.
const GROWTH: u64 = 6 << 20;
/// How long a server may take to see that a peer has gone without a word.
const NOTICED: Duration = Duration::from_secs(90);

/// What a process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    threads: usize,
    files: usize,
}

fn held(server: &Running) -> Held {
    let count = |what: &str| {
        std::fs::read_dir(format!("/proc/{}/{what}", server.id())).map_or(0, |entries| entries.count())
    };
    Held { threads: count("task"), files: count("fd") }
}

#[test]
fn twenty_five_starts_and_stops_leave_nothing_behind() {
    let (rtmp, http) = (free_port(), free_port());
    let mut program = brooklet();
    program.args(["serve", "--rtmp", &format!("127.0.0.1:{rtmp}"), "--http", &format!("127.0.0.1:{http}")]);
    let serving = Running::start(&mut program);
    let until = Instant::now() + DEADLINE;
    while TcpStream::connect(("127.0.0.1", http)).is_err() {
        assert!(Instant::now() < until, "nobody listens on {http}");
        thread::sleep(Duration::from_millis(50));
    }
    let url = format!("http://127.0.0.1:{http}/camera?task=blur");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(session(&url, false));
    let first = settle(&serving, None, DEADLINE);
    let (mut most, mut memory) = (first, 0);
    for number in 1..SESSIONS {
        if number == SETTLED {
            memory = serving.memory();
        }
        runtime.block_on(async {
            session(&url, number >= SESSIONS - RUDE).await;
            let now = held(&serving);
            most = Held { threads: most.threads.max(now.threads), files: most.files.max(now.files) };
        });
    }
    let last = settle(&serving, Some(first), NOTICED);
    let grown = serving.memory().saturating_sub(memory);
    eprintln!(
        "after the first {first:?}, at most {most:?}, at the end {last:?}; {memory} bytes after {SETTLED}, {grown} more at the end"
    );
    assert_eq!(last, first);
    assert!(grown < GROWTH, "{grown} bytes more than the {memory} after {SETTLED} sessions");
    serving.signal("INT");
    serving.finish(DEADLINE);
}

/// A camera that gets some pictures back, and leaves.
async fn session(url: &str, rude: bool) {
    let mut film = Film::new(None, 25, 600_000).unwrap();
    let mut camera = Camera::call(url, &[film.params()]).await.unwrap();
    let began = Instant::now();
    let (mut count, mut key) = (0, false);
    while camera.tally.pictures < 3 {
        assert!(began.elapsed() < DEADLINE, "{:?}", camera.tally);
        let due = began + Duration::from_millis(40) * count;
        match camera.turn(tokio::time::sleep_until(due.into())).await.unwrap() {
            Err(()) => {
                count += 1;
                camera.send(&film.next(std::mem::take(&mut key)).unwrap()).unwrap();
            }
            Ok(Event::Connected | Event::KeyFrameWanted(_)) => key = true,
            Ok(_) => {}
        }
    }
    if !rude {
        camera.leave().unwrap();
    }
}

/// What the server holds when nothing changes any more, or when it is this.
fn settle(server: &Running, wanted: Option<Held>, patience: Duration) -> Held {
    let until = Instant::now() + patience;
    let mut last = (held(server), Instant::now());
    loop {
        thread::sleep(Duration::from_millis(100));
        let now = held(server);
        if now != last.0 {
            last = (now, Instant::now());
        }
        let is_still = wanted.is_none_or(|wanted| wanted == now) && last.1.elapsed() > Duration::from_secs(2);
        if is_still || Instant::now() > until {
            return now;
        }
    }
}
