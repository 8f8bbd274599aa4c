//! WebRTC where a way must be found: addresses from STUN, relays by coturn, and candidates whose addresses are hidden.

use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use brooklet_tests::coturn::{Coturn, Nat};
use brooklet_tests::program::{DEADLINE, Running, brooklet, finish};
use brooklet_tests::servers::{free_port, free_udp_port};
use brooklet_tests::{clips, peers, probe};
use serde_json::Value;

/// `brooklet serve` with its page, and these options.
struct Serving {
    running: Running,
    page: String,
}

impl Serving {
    fn with(options: &[&str]) -> Self {
        let (rtmp, http) = (free_port(), free_port());
        let mut program = brooklet();
        program.args(["serve", "--rtmp", &format!("127.0.0.1:{rtmp}")]);
        program.args(["--http", &format!("127.0.0.1:{http}")]).args(options);
        let running = Running::start(&mut program);
        await_port(http);
        Self { running, page: format!("http://127.0.0.1:{http}") }
    }

    /// Answers an offer of sound with these candidates.
    fn answer(&self, name: &str, candidates: &str) -> Option<String> {
        let mut curl = peers::curl()?;
        curl.args(["-sS", "-w", "\n%{http_code}", "-H", "Content-Type: application/sdp", "--data-binary"]);
        curl.arg(OFFER.to_string() + candidates).arg(format!("{}/whip/{name}", self.page));
        let answered = finish(&mut curl, DEADLINE).expect_success().text();
        let (answer, status) = answered.rsplit_once('\n').unwrap();
        assert_eq!(status, "201", "{answer}");
        Some(answer.to_string())
    }

    /// What it has said, once it has ended.
    fn end(self) -> String {
        self.running.signal("INT");
        self.running.finish(DEADLINE).stderr
    }
}

/// Sound that would be published.
const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\n\
    a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 \
    00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n\
    a=setup:actpass\r\na=rtpmap:111 opus/48000/2\r\n";

/// Waits until somebody listens there.
fn await_port(port: u16) {
    let until = Instant::now() + DEADLINE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "nobody listens on {port}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Kind, address and port of each candidate of a description.
fn candidates(answer: &str) -> Vec<(&str, &str, u16)> {
    let lines = answer.lines().filter_map(|line| line.strip_prefix("a=candidate:"));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            assert_eq!(fields[6], "typ", "{line}");
            (fields[7], fields[4], fields[5].parse().unwrap())
        })
        .collect()
}

fn warnings(stderr: &str) -> Vec<&str> {
    stderr.lines().filter(|line| line.contains("warning")).collect()
}

#[test]
fn the_address_that_a_stun_server_sees_is_in_the_answer() {
    let Some(coturn) = Coturn::start() else { return };
    let nat = Nat::to(coturn.port());
    let serving = Serving::with(&["--ice-server", &format!("stun:127.0.0.1:{}", nat.port())]);
    let Some(answer) = serving.answer("live", "") else { return };
    let found = candidates(&answer);
    assert!(found.contains(&("srflx", "127.0.0.1", nat.outside())), "{answer}");
    assert!(found.iter().any(|(kind, ..)| *kind == "host"), "{answer}");
    assert_eq!(warnings(&serving.end()), [""; 0]);
}

#[test]
fn a_relay_and_the_address_beside_it_are_in_the_answer() {
    let Some(coturn) = Coturn::start() else { return };
    let nat = Nat::to(coturn.port());
    let serving = Serving::with(&["--ice-server", &format!("turn:me:pw@127.0.0.1:{}", nat.port())]);
    let Some(answer) = serving.answer("live", "") else { return };
    let found = candidates(&answer);
    let kinds: Vec<_> = found.iter().map(|(kind, ..)| *kind).collect();
    assert_eq!(
        (kinds.contains(&"host"), kinds.contains(&"srflx"), kinds.contains(&"relay")),
        (true, true, true)
    );
    let port = |wanted| found.iter().find(|(kind, ..)| *kind == wanted).unwrap().2;
    assert!(port("srflx") == nat.outside() && port("relay") != port("host"), "{answer}");
    assert_eq!(warnings(&serving.end()), [""; 0]);
}

#[test]
fn who_refuses_the_login_or_does_not_answer_is_told_in_a_line_and_done_without() {
    let Some(coturn) = Coturn::start() else { return };
    let refuses = format!("turn:me:wrong@127.0.0.1:{}", coturn.port());
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let silent_url = format!("stun:127.0.0.1:{}", silent.local_addr().unwrap().port());
    let cases = [
        (&refuses[..], "it refuses the user or the password"),
        (&silent_url, "it does not answer"),
        ("turns:me:pw@127.0.0.1", "is for browsers alone"),
    ];
    for (url, what) in cases {
        let serving = Serving::with(&["--ice-server", url]);
        let begin = Instant::now();
        let Some(answer) = serving.answer("live", "") else { return };
        assert!(begin.elapsed() < Duration::from_secs(20), "{url}");
        assert!(candidates(&answer).iter().all(|(kind, ..)| *kind == "host"), "{answer}");
        let said = serving.end();
        let warnings = warnings(&said);
        assert!(warnings.len() == 1 && warnings[0].contains(what), "{said}");
        assert!(!said.contains("wrong") && !said.contains("pw@"), "a password was said: {said}");
    }
    // It was asked more than once.
    let (mut first, mut second) = ([0; 64], [0; 64]);
    silent.set_read_timeout(Some(DEADLINE)).unwrap();
    let lengths = [silent.recv(&mut first).unwrap(), silent.recv(&mut second).unwrap()];
    assert_eq!((lengths, first), ([20, 20], second));
}

/// aiortc for some seconds: what it received.
fn aiortc(verb: &str, url: &str, seconds: u32) -> Option<Value> {
    let mut python = peers::aiortc()?;
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/players/webrtc.py"));
    let run = finish(python.args([verb, url, &seconds.to_string()]), DEADLINE).expect_success();
    Some(serde_json::from_str(&run.text()).unwrap())
}

#[test]
fn aiortc_gets_its_pictures_back_by_a_relay_alone() {
    let Some(coturn) = Coturn::start() else { return };
    let url = format!("turn:me:pw@127.0.0.1:{}", coturn.port());
    let serving = Serving::with(&["--ice-server", &url, "--ice-policy", "relay"]);
    let Some(answer) = serving.answer("live", "") else { return };
    let found = candidates(&answer);
    assert!(!found.is_empty() && found.iter().all(|(kind, ..)| *kind == "relay"), "{answer}");
    let Some(seen) = aiortc("both", &format!("{}/camera?task=gray", serving.page), 6) else { return };
    eprintln!("by a relay: {seen}");
    // Of 180 pictures and 300 pieces of sound.
    let count = |kind: &str| seen[kind].as_f64().unwrap_or(f64::NAN);
    assert!(count("video") > 30.0 && count("audio") > 60.0, "{seen}");
    assert!(count("coloured") < 0.1 && count("moved") > 0.05, "{seen}");
    // It said goodbye, and what it was lent is given back.
    let until = Instant::now() + DEADLINE;
    while !coturn.log().contains("lifetime=0") {
        assert!(Instant::now() < until, "{}", coturn.log());
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(warnings(&serving.end()), [""; 0]);
}

#[test]
fn ours_publishes_by_a_relay_alone_and_ours_records_by_another() {
    let Some(coturn) = Coturn::start() else { return };
    let (folder, port) = (clips::scratch(), free_port());
    let path = folder.path().join("relayed.flv");
    let turn = format!("turn:me:pw@127.0.0.1:{}", coturn.port());
    let by_relay = ["-ice_server", &turn, "-ice_policy", "relay"];
    let mut program = brooklet();
    program.args(["-v", "info", "-y"]).args(by_relay);
    program.args(["-i", &format!("whip://127.0.0.1:{port}/live"), "-c", "copy", "-f", "flv"]).arg(&path);
    let recording = Running::start(&mut program);
    await_port(port);
    let mut program = brooklet();
    program.args(["-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25", "-t", "6", "-g", "25"]);
    program.args(by_relay).args(["-f", "whip", &format!("http://127.0.0.1:{port}/live")]);
    finish(&mut program, DEADLINE).expect_success();
    recording.finish(DEADLINE).expect_success();
    let Some((_, packets)) = probe::packets(&path, "v:0") else { return };
    // Of 150.
    assert!(packets.len() > 60, "{}", packets.len());
    let relays = coturn.log().matches("lifetime=600").count();
    assert!(relays >= 2, "{}", coturn.log());
}

#[test]
fn who_may_only_take_a_relay_and_has_none_is_refused() {
    let silent = format!("stun:127.0.0.1:{}", free_udp_port());
    let mut program = brooklet();
    program.args(["-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25", "-t", "20"]);
    program.args(["-ice_server", &silent, "-ice_policy", "relay", "-f", "whip", "http://127.0.0.1:9/live"]);
    let run = finish(&mut program, DEADLINE);
    assert!(!run.status.success() && run.stderr.contains("there is no relay"), "{}", run.stderr);
    for wrong in ["turns:me:pw@127.0.0.1", "turn:me:pw@127.0.0.1?transport=tcp"] {
        let mut program = brooklet();
        program.args(["-i", "none", "-ice_server", wrong, "-f", "whip", "http://127.0.0.1:9/live"]);
        let run = finish(&mut program, DEADLINE);
        assert!(!run.status.success() && run.stderr.contains("asked by UDP"), "{}", run.stderr);
    }
}

/// A peer that hides where it is, and waits: only who has asked for its name finds it.
#[test]
fn a_candidate_with_a_name_is_found() {
    const NAME: &str = "1f0c6bd2-5d0c-4b43-8d0e-1f0f7c1f9a55.local";
    let hidden = UdpSocket::bind("127.0.0.1:0").unwrap();
    hidden.set_read_timeout(Some(DEADLINE)).unwrap();
    let port = hidden.local_addr().unwrap().port();
    let responder = thread::spawn(|| respond(NAME));
    let serving = Serving::with(&[]);
    let candidates = format!(
        "a=candidate:1 1 udp 2130706431 {NAME} {port} typ host\r\n\
        a=candidate:2 1 udp 2130706431 nobody.local {port} typ host\r\n"
    );
    let Some(_) = serving.answer("live", &candidates) else { return };
    let mut buffer = [0; 2_048];
    let length = hidden.recv(&mut buffer).unwrap();
    // A binding request (RFC 8489 §5) that names both sides of ICE.
    assert!(length > 20 && buffer[..8] == [0, 1, buffer[2], buffer[3], 0x21, 0x12, 0xA4, 0x42]);
    assert!(buffer[..length].windows(5).any(|part| part == b"abcd:"), "whose is it?");
    // Of that one it was told, of the other never.
    let (asked, in_vain) = responder.join().unwrap();
    assert!((1..=2).contains(&asked) && (1..=3).contains(&in_vain), "{asked} and {in_vain} times asked");
    assert_eq!(warnings(&serving.end()), [""; 0]);
}

/// Answers questions for a name on loopback, it is 127.0.0.1, and for no other. How often it was asked for, and `nobody.local`, until
/// some seconds after the first question.
fn respond(name: &str) -> (usize, usize) {
    let group = Ipv4Addr::new(224, 0, 0, 251);
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.set_reuse_port(true).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 5353)).into()).unwrap();
    let socket = UdpSocket::from(socket);
    socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
    socket2::SockRef::from(&socket).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let encoded = |name: &str| {
        let label = name.strip_suffix(".local").unwrap();
        [&[label.len() as u8], label.as_bytes(), b"\x05local\0"].concat()
    };
    // For an IPv4 address.
    let question = |name: &str| [&encoded(name)[..], &[0, 1, 0, 1]].concat();
    let (ours, nobodys) = (question(name), question("nobody.local"));
    let (mut asked, mut in_vain) = (0, 0);
    let (mut buffer, mut until) = ([0; 2_048], Instant::now() + DEADLINE);
    while Instant::now() < until {
        let Ok((length, _)) = socket.recv_from(&mut buffer) else { continue };
        let is_question = buffer[2] & 0x80 == 0;
        in_vain += usize::from(is_question && buffer[..length].ends_with(&nobodys));
        if is_question && buffer[..length].ends_with(&ours) {
            let head = [0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0];
            let record = [0, 1, 0x80, 1, 0, 0, 0, 120, 0, 4, 127, 0, 0, 1];
            socket.send_to(&[&head[..], &encoded(name), &record].concat(), (group, 5353)).unwrap();
            asked += 1;
            if asked == 1 {
                until = Instant::now() + Duration::from_secs(5);
            }
        }
    }
    (asked, in_vain)
}
