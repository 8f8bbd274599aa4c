//! MPEG-TS over UDP and TCP: what arrives, and when.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use brooklet_mpegts::check::Check;
use brooklet_tests::players::Track;
use brooklet_tests::program::{DEADLINE, Running, brooklet};
use brooklet_tests::servers::{await_udp, free_port, free_udp_port};
use brooklet_tests::{clips, peers};

/// How long nothing may come before a receiver takes the stream for ended.
const SILENCE: Duration = Duration::from_secs(3);
/// Seconds of the clip.
const LENGTH: f64 = 4.0;

#[test]
fn datagrams_are_whole_packets_evenly_spread() {
    let Some(clip) = clip() else { return };
    let receiver = receive("127.0.0.1");
    let sender = send(&clip, &format!("udp://127.0.0.1:{}?pkt_size=1316", receiver.port));
    let datagrams = receiver.datagrams();
    sender.finish(DEADLINE).expect_success();
    let mut check = Check::new();
    let mut sizes = datagrams.iter().map(|(_, bytes)| bytes.len());
    assert!(sizes.all(|size| size > 0 && size <= 1316 && size % 188 == 0), "sizes");
    datagrams.iter().for_each(|(_, bytes)| check.push(bytes));
    let report = check.report();
    assert!(report.violations().is_empty(), "{report}\n{:?}", report.violations());
    let took = (datagrams[datagrams.len() - 1].0 - datagrams[0].0).as_secs_f64();
    assert!((LENGTH - 0.5..LENGTH + 3.0).contains(&took), "{LENGTH} s of media took {took:.3} s");
    expect_even(&datagrams);
}

#[test]
fn receivers_have_every_packet() {
    let Some(clip) = clip() else { return };
    thread::scope(|scope| {
        for receiver in [ffmpeg as fn(&str, &Path) -> Option<Command>, gstreamer] {
            let clip = &clip;
            scope.spawn(move || expect_received(receiver, clip));
        }
    });
}

#[test]
fn our_own_receiver_has_every_packet_and_ends_when_nothing_comes() {
    let Some(clip) = clip() else { return };
    let folder = clips::scratch();
    for (name, address, options) in
        [("one", "127.0.0.1", ""), ("group", "239.255.48.2", "&localaddr=127.0.0.1&ttl=1")]
    {
        let path = folder.path().join(format!("{name}.ts"));
        let port = free_udp_port();
        let mut command = brooklet();
        let from = format!("udp://{address}:{port}?timeout={}{options}", SILENCE.as_micros());
        command.args(["-v", "error", "-i", &from, "-c", "copy"]).arg(&path);
        let receiver = Running::start(&mut command);
        await_udp(port);
        let to = format!("udp://{address}:{port}?pkt_size=1316{options}");
        send(&clip, &to).finish(DEADLINE).expect_success();
        let run = receiver.finish(DEADLINE).expect_success();
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        expect_all(&path, &clip);
    }
}

#[test]
fn a_group_receives_it() {
    let Some(clip) = clip() else { return };
    let receiver = receive("239.255.48.1");
    let url = format!("udp://239.255.48.1:{}?pkt_size=1316&ttl=1&localaddr=127.0.0.1", receiver.port);
    let sender = send(&clip, &url);
    let datagrams = receiver.datagrams();
    sender.finish(DEADLINE).expect_success();
    let folder = clips::scratch();
    let path = folder.path().join("group.ts");
    std::fs::write(&path, datagrams.into_iter().flat_map(|(_, bytes)| bytes).collect::<Vec<u8>>()).unwrap();
    expect_all(&path, &clip);
}

#[test]
fn tcp_goes_both_ways() {
    let Some(clip) = clip() else { return };
    let folder = clips::scratch();
    for sender_listens in [false, true] {
        let path = folder.path().join(format!("{sender_listens}.ts"));
        let address = format!("tcp://127.0.0.1:{}", free_port());
        let listening = format!("{address}?listen=1");
        let (to, from) = if sender_listens { (&listening, &address) } else { (&address, &listening) };
        let copy = ["-c", "copy", "-f", "mpegts"];
        let mut sender = brooklet();
        sender.args(["-v", "error", "-i"]).arg(&clip).args(copy).arg(to);
        let mut receiver = brooklet();
        receiver.args(["-v", "error", "-i", from]).args(copy).arg(&path);
        let (mut first, mut second) = if sender_listens { (sender, receiver) } else { (receiver, sender) };
        let first = Running::start(&mut first);
        await_listener(&address);
        Running::start(&mut second).finish(DEADLINE).expect_success();
        first.finish(DEADLINE).expect_success();
        expect_all(&path, &clip);
    }
}

#[test]
fn media_takes_its_own_time() {
    let Some(clip) = clip() else { return };
    let mut command = brooklet();
    command.args(["-v", "error", "-re", "-i"]).arg(&clip).args(["-c", "copy", "-f", "null", "-"]);
    let run = Running::start(&mut command).finish(DEADLINE).expect_success();
    let took = run.elapsed.as_secs_f64();
    // The last picture is let through 40 ms before the end.
    assert!((LENGTH - 0.1..LENGTH + 2.0).contains(&took), "{LENGTH} s took {took:.3} s");
}

/// No half second may carry more than media that lasts one, and the largest picture, spread as it is, beside it: what
/// comes late because the machine was busy may come together, so lateness is measured against the schedule instead.
/// Sent in one burst per second, or per picture, this is far from true.
#[track_caller]
fn expect_even(datagrams: &[(Instant, Vec<u8>)]) {
    let start = datagrams[0].0;
    let times: Vec<f64> = datagrams.iter().map(|(at, _)| (*at - start).as_secs_f64()).collect();
    // A sender that waits for each deadline has few datagrams that follow at once; bursts have little else.
    let together = times.windows(2).filter(|pair| pair[1] - pair[0] < 0.000_2).count();
    let share = together as f64 / times.len() as f64;
    eprintln!("{} datagrams, {:.1} % of them less than 0.2 ms after the last", times.len(), 100.0 * share);
    assert!(share < 0.5, "{together} of {} datagrams follow at once", times.len());
    // However late the machine lets them go, none goes before its time.
    let mut ahead = 0.0_f64;
    for (bytes, time) in arrival_schedule(datagrams).into_iter().zip(&times) {
        ahead = ahead.max(bytes - time);
    }
    eprintln!("earliest against the stream's own clock: {:.1} ms", 1e3 * ahead);
    assert!(ahead < 0.060, "a datagram came {ahead:.3} s before its time");
}

/// When each datagram is due by the clock references in the stream: between two, evenly; seconds from the first.
fn arrival_schedule(datagrams: &[(Instant, Vec<u8>)]) -> Vec<f64> {
    let mut references: Vec<(usize, f64)> = Vec::new();
    for (index, (_, bytes)) in datagrams.iter().enumerate() {
        references.extend(bytes.chunks(188).filter_map(clock).map(|time| (index, time)));
    }
    let first = references.first().map_or(0.0, |(_, time)| *time);
    let mut schedule = vec![0.0; datagrams.len()];
    for pair in references.windows(2) {
        let ((from, begin), (to, end)) = (pair[0], pair[1]);
        for (step, due) in schedule[from..to].iter_mut().enumerate() {
            *due = begin - first + (end - begin) * step as f64 / (to - from) as f64;
        }
    }
    schedule
}

/// The clock reference of a packet, seconds.
fn clock(packet: &[u8]) -> Option<f64> {
    let has = packet[3] & 0x20 != 0 && packet[4] > 0 && packet[5] & 0x10 != 0;
    let base = u64::from_be_bytes([0, 0, packet[6], packet[7], packet[8], packet[9], packet[10], packet[11]]);
    has.then(|| (base >> 15) as f64 / 90_000.0)
}

#[track_caller]
fn expect_received(receiver: fn(&str, &Path) -> Option<Command>, clip: &Path) {
    let folder = clips::scratch();
    let path = folder.path().join("received.ts");
    let port = free_udp_port();
    let Some(mut command) = receiver(&port.to_string(), &path) else { return };
    let receiver = Running::start(&mut command);
    await_udp(port);
    send(clip, &format!("udp://127.0.0.1:{port}?pkt_size=1316")).finish(DEADLINE).expect_success();
    thread::sleep(SILENCE);
    receiver.signal("INT");
    let run = receiver.finish(DEADLINE);
    assert!(!run.stderr.to_lowercase().contains("continuity"), "{}", run.stderr);
    expect_all(&path, clip);
}

fn ffmpeg(port: &str, path: &Path) -> Option<Command> {
    let mut ffmpeg = peers::ffmpeg()?;
    let url = format!("udp://127.0.0.1:{port}?timeout=8000000");
    ffmpeg
        .args(["-nostdin", "-v", "warning", "-probesize", "100k", "-i", &url, "-c", "copy", "-f", "mpegts"])
        .arg(path);
    Some(ffmpeg)
}

fn gstreamer(port: &str, path: &Path) -> Option<Command> {
    let mut gst = peers::gst_launch()?;
    let line = format!("-q -e udpsrc port={port} ! filesink location={}", path.display());
    gst.args(line.split_whitespace());
    Some(gst)
}

/// Every packet of the clip once, in order and at its time: one shift for both streams.
#[track_caller]
fn expect_all(path: &Path, clip: &Path) {
    let mut shifts = Vec::new();
    for stream in ["v:0", "a:0"] {
        let (ours, theirs) = (Track::of(path, stream).pts(), Track::of(clip, stream).pts());
        assert_eq!(ours.len(), theirs.len(), "{}: packets of {stream}", path.display());
        shifts.extend(ours.iter().zip(&theirs).map(|(ours, theirs)| ours - theirs));
    }
    let spread = shifts.iter().max().zip(shifts.iter().min()).map_or(i64::MAX, |(most, least)| most - least);
    assert!(spread < 100_000, "{}: times differ by up to {spread} ns", path.display());
}

fn send(clip: &Path, url: &str) -> Running {
    let mut command = brooklet();
    command.args(["-v", "error", "-re", "-i"]).arg(clip).args(["-c", "copy", "-f", "mpegts", url]);
    Running::start(&mut command)
}

struct Receiver {
    port: u16,
    thread: JoinHandle<Vec<(Instant, Vec<u8>)>>,
}

impl Receiver {
    fn datagrams(self) -> Vec<(Instant, Vec<u8>)> {
        let datagrams = self.thread.join().unwrap();
        assert!(!datagrams.is_empty(), "nothing came");
        datagrams
    }
}

/// Receives with the time of each datagram, until nothing comes any more.
fn receive(address: &str) -> Receiver {
    let group: std::net::Ipv4Addr = address.parse().unwrap();
    let socket = UdpSocket::bind((address, 0)).unwrap();
    if group.is_multicast() {
        socket.join_multicast_v4(&group, &std::net::Ipv4Addr::LOCALHOST).unwrap();
    }
    let port = socket.local_addr().unwrap().port();
    let thread = thread::spawn(move || {
        let (mut all, mut buffer) = (Vec::new(), vec![0; 65_536]);
        // The first may take longer: the sender starts.
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        while let Ok(count) = socket.recv(&mut buffer) {
            all.push((Instant::now(), buffer[..count].to_vec()));
            socket.set_read_timeout(Some(SILENCE)).unwrap();
        }
        all
    });
    Receiver { port, thread }
}

/// Waits until somebody listens: by the system's table, since a connection would be taken for the peer.
#[track_caller]
fn await_listener(address: &str) {
    let port: u16 = address.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap();
    let row = format!("0100007F:{port:04X} 00000000:0000 0A");
    let until = Instant::now() + DEADLINE;
    while !std::fs::read_to_string("/proc/net/tcp").unwrap_or_default().contains(&row) {
        assert!(Instant::now() < until, "nobody listens");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Four seconds with B-frames.
fn clip() -> Option<PathBuf> {
    clips::generated(
        "live.mp4",
        "-f lavfi -i testsrc2=size=320x240:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000 -t 4 \
         -c:v libx264 -preset veryfast -g 25 -pix_fmt yuv420p -c:a aac -b:a 96k",
    )
}
