//! What systemd hears of the program: that it has started, that it lives, how far it is, and that it ends.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use brooklet_tests::clips;
use brooklet_tests::program::{DEADLINE, Running, brooklet};

#[test]
fn a_job_tells_that_it_lives_for_as_long_as_it_writes() {
    let folder = clips::scratch();
    let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut command = brooklet();
    command.env("NOTIFY_SOCKET", folder.path().join("notify")).env("WATCHDOG_USEC", "1000000");
    command.args(["-re", "-stats_period", "0.1", "-f", "lavfi", "-i", "color=size=64x64:rate=25", "-t", "3"]);
    let running = Running::start(command.args(["-f", "null", "-"]));
    let (mut said, started) = (Vec::new(), Instant::now());
    while said.last().is_none_or(|line| line != "STOPPING=1") {
        let mut datagram = [0; 1_000];
        let count = socket.recv(&mut datagram).unwrap();
        said.push(String::from_utf8_lossy(&datagram[..count]).into_owned());
        assert!(started.elapsed() < DEADLINE, "{said:?}");
    }
    running.finish(DEADLINE).expect_success();
    assert_eq!(said[0], "READY=1", "{said:?}");
    let alive = said.iter().filter(|line| *line == "WATCHDOG=1").count();
    // Every half second while it runs, more rarely on a machine that is busy; never once for each picture.
    assert!((1..=20).contains(&alive), "{said:?}");
    assert!(said.iter().any(|line| line.starts_with("STATUS=frame=")), "{said:?}");
}

#[test]
fn it_tells_in_time_however_rarely_its_statistics_are_wanted() {
    let folder = clips::scratch();
    let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut command = brooklet();
    command.env("NOTIFY_SOCKET", folder.path().join("notify")).env("WATCHDOG_USEC", "1000000");
    command.args(["-re", "-stats_period", "600", "-f", "lavfi", "-i", "color=size=64x64:rate=25", "-t", "3"]);
    let running = Running::start(command.args(["-f", "null", "-"]));
    let mut said = Vec::new();
    while said.last().is_none_or(|line| line != "STOPPING=1") {
        let mut datagram = [0; 1_000];
        let count = socket.recv(&mut datagram).unwrap();
        said.push(String::from_utf8_lossy(&datagram[..count]).into_owned());
    }
    running.finish(DEADLINE).expect_success();
    assert!(said.iter().any(|line| line == "WATCHDOG=1"), "{said:?}");
    assert!(said.iter().any(|line| line.starts_with("STATUS=frame=")), "{said:?}");
}

#[test]
fn a_job_that_writes_nothing_does_not_tell_that_it_lives() {
    let folder = clips::scratch();
    let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
    let mut command = brooklet();
    command.env("NOTIFY_SOCKET", folder.path().join("notify")).env("WATCHDOG_USEC", "200000");
    // A pipe that stays open, and in which nothing more comes after the first second of sound.
    command.args([
        "-stats_period",
        "0.05",
        "-f",
        "s16le",
        "-ar",
        "8000",
        "-ac",
        "1",
        "-i",
        "-",
        "-f",
        "null",
        "-",
    ]);
    let mut running = Running::start_with(command.stdin(std::process::Stdio::piped()));
    let mut pipe = running.stdin().unwrap();
    std::io::Write::write_all(&mut pipe, &[0; 16_000]).unwrap();
    std::io::Write::flush(&mut pipe).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    // What it tells ends, though it runs: 2 s of silence are ten times what it was asked for.
    let mut datagram = [0; 1_000];
    let until = Instant::now() + DEADLINE;
    while socket.recv(&mut datagram).is_ok() {
        assert!(Instant::now() < until, "it still tells that it lives");
    }
    assert!(running.is_running());
    drop(pipe);
    running.finish(DEADLINE).expect_success();
}
