//! The browser's round trip over networks that lose, delay and narrow: a camera of ours, aiortc and Chromium, by a relay whose address
//! stands in the candidates.

use std::sync::Arc;
use std::time::{Duration, Instant};

use brooklet_media::{DemuxEvent, MediaKind};
use brooklet_tests::camera::{Camera, Film, Screen, ask, number};
use brooklet_tests::peers;
use brooklet_tests::program::{DEADLINE, Running, brooklet, finish};
use brooklet_tests::relay::{Fault, Path, door};
use brooklet_tests::servers::free_port;
use brooklet_webrtc::Event;
use serde_json::Value;

/// Pictures in a second.
const RATE: u32 = 25;
/// What the camera sends, bit/s. What comes back has no less to show, and takes more.
const BITS: u64 = 300_000;
/// A network without faults.
const WELL: Fault = Fault { delay: Duration::from_millis(5), loss: 0, rate: None };

/// `brooklet serve` behind a bad network.
struct Stage {
    serving: Running,
    rtmp: u16,
    path: Arc<Path>,
    url: String,
}

impl Stage {
    fn new(to_server: Fault, to_peer: Fault) -> Self {
        let (rtmp, http) = (free_port(), free_port());
        let mut program = brooklet();
        program.args([
            "serve",
            "--rtmp",
            &format!("127.0.0.1:{rtmp}"),
            "--http",
            &format!("127.0.0.1:{http}"),
        ]);
        let serving = Running::start(&mut program);
        let until = Instant::now() + DEADLINE;
        while std::net::TcpStream::connect(("127.0.0.1", http)).is_err() {
            assert!(Instant::now() < until, "nobody listens on {http}");
            std::thread::sleep(Duration::from_millis(50));
        }
        let path = Arc::new(Path::new(to_server, to_peer).unwrap());
        let url = door(http, &path).unwrap();
        Self { serving, rtmp, path, url }
    }

    fn end(self) {
        self.serving.signal("INT");
        self.serving.finish(DEADLINE);
    }
}

/// A camera at work, and what came back.
struct Shooting {
    camera: Camera,
    film: Film,
    screen: Screen,
    began: Instant,
    count: u32,
    /// Since when, how late, bytes.
    back: Vec<(Instant, Duration)>,
    /// Bytes of media and when they came.
    bytes: Vec<(Instant, usize)>,
    wants_key: bool,
}

impl Shooting {
    /// One that sends so many bit/s.
    async fn start(stage: &Stage, bits: u64) -> Self {
        let film = Film::new(None, RATE, bits).unwrap();
        let camera =
            Camera::call(&format!("{}/camera?task=none", stage.url), &[film.params()]).await.unwrap();
        let (back, bytes) = (Vec::new(), Vec::new());
        let (screen, began) = (Screen::default(), Instant::now());
        Self { camera, film, screen, began, count: 0, back, bytes, wants_key: false }
    }

    /// Goes on until `enough`, which is asked with each picture that goes.
    async fn run(&mut self, what: &str, limit: Duration, mut enough: impl FnMut(&Self) -> bool) {
        let until = Instant::now() + limit;
        while !enough(self) {
            assert!(
                Instant::now() < until,
                "{what} did not come: {:?}, {}",
                self.camera.tally,
                self.report()
            );
            let due = self.began + Duration::from_secs(1) * self.count / RATE;
            match self.camera.turn(tokio::time::sleep_until(due.into())).await.unwrap() {
                Err(()) => {
                    self.count += 1;
                    // As browsers do, it draws none that would only wait.
                    if self.camera.backlog() < Duration::from_millis(150) {
                        let packet = self.film.next(std::mem::take(&mut self.wants_key)).unwrap();
                        self.camera.send(&packet).unwrap();
                    }
                }
                Ok(Event::KeyFrameWanted(_) | Event::Connected) => self.wants_key = true,
                Ok(Event::Media(event)) => self.take(&event),
                Ok(Event::Closed) => panic!("it ended: {}", self.report()),
                Ok(_) => {}
            }
        }
    }

    async fn pass(&mut self, time: Duration) {
        let until = Instant::now() + time;
        self.run("nothing", time + DEADLINE, |_| Instant::now() >= until).await;
    }

    fn take(&mut self, event: &DemuxEvent) {
        if let DemuxEvent::StreamAdded(params) = event {
            assert_eq!(params.media(), MediaKind::Video);
        }
        if let DemuxEvent::Packet(packet) = event {
            self.bytes.push((Instant::now(), packet.data.len()));
        }
        let drawn = self.film.drawn();
        for picture in self.screen.show(event) {
            let late = drawn.ago(number(&picture)).expect("a picture that was never drawn came back");
            self.back.push((Instant::now(), late));
        }
    }

    /// What the server says of the session.
    fn report(&self) -> Value {
        let answer = ask("GET", self.camera.resource(), "application/json", "").unwrap();
        serde_json::from_str(&answer.body).unwrap_or(Value::Null)
    }

    /// How late the pictures of the last seconds were in the middle.
    fn late(&self, time: Duration) -> Duration {
        let since = Instant::now() - time;
        let mut late: Vec<_> =
            self.back.iter().filter(|(at, _)| *at > since).map(|(_, late)| *late).collect();
        late.sort_unstable();
        late.get(late.len() / 2).copied().unwrap_or(Duration::MAX)
    }

    /// Bit/s that came back in the last seconds.
    fn bits(&self, time: Duration) -> u64 {
        let since = Instant::now() - time;
        let bytes: usize = self.bytes.iter().filter(|(at, _)| *at > since).map(|(_, bytes)| bytes).sum();
        (bytes as f64 * 8.0 / time.as_secs_f64()) as u64
    }
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn what_is_lost_is_sent_again() {
    block_on(async {
        let bad = Fault { delay: Duration::from_millis(40), loss: 50, rate: None };
        let stage = Stage::new(bad, bad);
        let mut shooting = Shooting::start(&stage, BITS).await;
        shooting.run("the first picture", DEADLINE, |it| !it.back.is_empty()).await;
        let before = shooting.camera.tally;
        shooting.pass(SECOND * 15).await;
        let (tally, report) = (shooting.camera.tally, shooting.report());
        let (carried, lost) = stage.path.counts_to_peer();
        let (sent, back) = (tally.sent - before.sent, tally.pictures - before.pictures);
        eprintln!(
            "{lost} of {carried} lost; {back} of {sent} came back, late by {:?}: {tally:?} {report}",
            shooting.late(SECOND * 10)
        );
        assert!(lost > 20, "{lost} of {carried}");
        // Nearly all comes after all, both ways. What comes in a burst, because it waited for one that was lost, the processor leaves out
        // but for the newest.
        let count = |name: &str| report[name].as_u64().unwrap_or(0);
        assert!(count("received") * 100 > tally.sent * 85, "{tally:?} {report}");
        assert!(tally.pictures * 100 > count("sent") * 85, "{tally:?} {report}");
        assert!(back * 4 > sent, "{back} of {sent} came back: {report}");
        // Without repairs one picture in ten would be lost, and each would cost a key frame.
        assert!(tally.breaks - before.breaks <= 6 && tally.keys - before.keys <= 10, "{tally:?}");
        assert!(tally.wishes - before.wishes <= 10, "a storm of wishes: {tally:?}");
        assert!(shooting.late(SECOND * 10) >= Duration::from_millis(80));
        assert!(shooting.late(SECOND * 10) < SECOND * 3, "{:?}", shooting.late(SECOND * 10));
        shooting.camera.leave().unwrap();
        stage.end();
    });
}

#[test]
fn after_a_silence_it_goes_on_with_a_key_frame() {
    block_on(async {
        let stage = Stage::new(WELL, WELL);
        let mut shooting = Shooting::start(&stage, BITS).await;
        shooting.run("pictures", DEADLINE, |it| it.back.len() > 20).await;
        let silence = Fault { loss: 1_000, ..WELL };
        for back in [true, false] {
            let before = shooting.camera.tally;
            // Longer than what was sent is kept for repairs.
            if back {
                stage.path.fault_to_peer(silence)
            } else {
                stage.path.fault_to_server(silence)
            }
            shooting.pass(SECOND * 7).await;
            let during = shooting.camera.tally;
            if back {
                stage.path.fault_to_peer(WELL)
            } else {
                stage.path.fault_to_server(WELL)
            }
            // On the way back our key frame, on the way there one that the server asks for.
            let has_key = |it: &Shooting| {
                let tally = it.camera.tally;
                if back { tally.keys > before.keys } else { tally.wishes > before.wishes }
            };
            shooting.run("a key frame", DEADLINE, has_key).await;
            shooting.run("pictures", DEADLINE, |it| it.camera.tally.pictures > during.pictures + 20).await;
            let tally = shooting.camera.tally;
            eprintln!("back: {back}; before {before:?}, after {tally:?}");
            assert!(
                tally.keys - before.keys <= 4 && tally.wishes - before.wishes <= 8,
                "{before:?} {tally:?}"
            );
        }
        // It is live again.
        shooting.run("what is new", DEADLINE, |it| it.late(SECOND) < SECOND / 2).await;
        shooting.camera.leave().unwrap();
        stage.end();
    });
}

#[test]
fn a_narrow_way_gets_less_and_a_wide_one_more_again() {
    block_on(async {
        let stage = Stage::new(WELL, WELL);
        let mut shooting = Shooting::start(&stage, BITS).await;
        let bit_rate = |it: &Shooting| it.report()["bitRate"].as_u64().unwrap_or(0);
        shooting.run("the whole rate", DEADLINE, |it| it.bits(SECOND * 2) > BITS).await;
        shooting.pass(SECOND * 5).await;
        let wide = (bit_rate(&shooting), shooting.bits(SECOND * 4), shooting.report()["dropped"].as_u64());

        // A machine that is busy looks like a narrow way too, so this one is narrow beside what is sent now.
        let rate = wide.0 * 2 / 5;
        stage.path.fault_to_peer(Fault { rate: Some(rate), ..WELL });
        let began = Instant::now();
        let dropped = |it: &Shooting| it.report()["dropped"].as_u64() > wide.2;
        shooting.run("a picture that is left out", DEADLINE, dropped).await;
        eprintln!("dropped after {:?}", began.elapsed());
        shooting.run("a lower rate", DEADLINE, |it| bit_rate(it) <= rate).await;
        eprintln!("{} bit/s after {:?}", bit_rate(&shooting), began.elapsed());
        // What had piled up is gone then: with the old rate a third of a second always waits.
        shooting.run("what is new", DEADLINE, |it| it.late(SECOND * 2) < Duration::from_millis(300)).await;
        let narrow = (bit_rate(&shooting), shooting.bits(SECOND * 4), shooting.late(SECOND * 2));
        eprintln!("{narrow:?} after {:?}", began.elapsed());

        stage.path.fault_to_peer(WELL);
        let lifted = Instant::now();
        shooting.run("a higher rate", DEADLINE * 2, |it| bit_rate(it) > narrow.0 * 3 / 2).await;
        eprintln!("{wide:?}, {narrow:?}; {} bit/s after {:?}", bit_rate(&shooting), lifted.elapsed());
        assert!((30_000..rate).contains(&narrow.1), "{narrow:?}");
        shooting.run("more", DEADLINE, |it| it.bits(SECOND * 2) > narrow.1 * 5 / 4).await;
        shooting.camera.leave().unwrap();
        stage.end();
    });
}

#[test]
fn chromium_sees_its_pictures_over_a_bad_network() {
    let Some((mut node, modules)) = peers::chromium() else { return };
    let bad = Fault { delay: Duration::from_millis(40), loss: 50, rate: None };
    let stage = Stage::new(bad, bad);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/browser/echo.js");
    node.arg(script).arg(modules).arg(format!("{}/camera?task=none", stage.url)).arg("8");
    let run = finish(&mut node, DEADLINE + SECOND * 60).expect_success();
    let seen: Value = serde_json::from_str(&run.text()).unwrap();
    let back = |name: &str| seen["inbound"][name].as_f64().unwrap_or(f64::NAN);
    eprintln!(
        "{} back, {} lost of {}, {} asked for again, {} repaired, {} PLI, delay {}",
        back("framesDecoded"),
        back("packetsLost"),
        back("packetsReceived"),
        back("nackCount"),
        back("retransmittedPacketsReceived"),
        back("pliCount"),
        seen["delay"]
    );
    assert!(back("nackCount") > 0.0 && back("retransmittedPacketsReceived") > 0.0, "{seen}");
    assert!(back("framesDecoded") > 100.0 && back("pliCount") <= 6.0, "{seen}");
    stage.end();
}

#[test]
fn aiortc_sees_its_pictures_over_a_bad_network() {
    let Some(mut python) = peers::aiortc() else { return };
    let bad = Fault { delay: Duration::from_millis(40), loss: 50, rate: None };
    let stage = Stage::new(bad, bad);
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/players/webrtc.py"));
    let url = format!("{}/camera?task=none", stage.url);
    let run = finish(python.args(["both", &url, "10"]), DEADLINE).expect_success();
    let seen: Value = serde_json::from_str(&run.text()).unwrap();
    let (carried, lost) = stage.path.counts_to_peer();
    eprintln!("{lost} of {carried} lost: {seen}");
    // Of 300 and 500.
    assert!(lost > 10, "{lost} of {carried}");
    assert!(seen["video"].as_f64() > Some(100.0) && seen["audio"].as_f64() > Some(200.0), "{seen}");
    stage.end();
}

/// aiortc asks again only when it next misses something, which may be seconds later.
#[test]
fn who_asks_late_still_gets_what_was_lost() {
    let Some(mut python) = peers::aiortc() else { return };
    let lossy = Fault { loss: 100, ..WELL };
    let stage = Stage::new(WELL, lossy);
    let mut publisher = brooklet();
    publisher.args(["-re", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=25", "-g", "25", "-f", "flv"]);
    let publisher = Running::start(publisher.arg(format!("rtmp://127.0.0.1:{}/live/late", stage.rtmp)));
    python.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/players/webrtc.py"));
    python.args(["receive", &format!("{}/whep/live/late", stage.url), "15"]);
    let watching = std::thread::spawn(move || finish(&mut python, DEADLINE).expect_success());
    let until = Instant::now() + DEADLINE;
    while stage.path.counts_to_peer().0 < 50 {
        assert!(Instant::now() < until, "nobody watches");
        std::thread::sleep(Duration::from_millis(50));
    }
    // What it asks for is not heard for longer than a second, three times.
    for _ in 0..3 {
        stage.path.fault_to_server(Fault { loss: 1_000, ..WELL });
        std::thread::sleep(Duration::from_millis(1_600));
        stage.path.fault_to_server(WELL);
        std::thread::sleep(Duration::from_millis(2_400));
    }
    let seen: Value = serde_json::from_str(&watching.join().unwrap().text()).unwrap();
    let (carried, lost) = stage.path.counts_to_peer();
    eprintln!("{lost} of {carried} lost: {seen}");
    // Of 375. Where one is never sent again, it waits for over a hundred packets more.
    assert!(seen["video"].as_f64() > Some(250.0), "{lost} of {carried}: {seen}");
    publisher.signal("INT");
    publisher.finish(DEADLINE);
    stage.end();
}
