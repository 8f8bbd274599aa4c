//! Sessions over real sockets of this machine, with a peer that is a session of ours too.

use std::time::Instant;

use brooklet_codec::{DecoderOptions, open_decoder};
use brooklet_media::{
    Decoder, DemuxEvent, Encoder, Frame, FramePool, MediaKind, PixelFormat, Rational, StreamParams, TimeBase,
    VideoFrame,
};
use brooklet_webrtc::{Event, Session, SessionOptions};

use super::*;
use crate::processor::{Failure, Picture, Processor, Task, built_in};
use crate::queue::Queue;
use crate::webrtc::line::{Place, certificate};
use crate::webrtc::picture::encoder_for;
use crate::webrtc::{Gateway, GatewayOptions};
use crate::{Hub, runtime};

mod sound_heard;

const PERIOD: Duration = Duration::from_millis(20);
/// The longest that anything may take: a limit against hanging.
const LIMIT: Duration = Duration::from_secs(30);

/// A peer with a camera.
struct Camera {
    gateway: Gateway,
    id: String,
    line: Line,
    encoder: Box<dyn Encoder>,
    sent: i64,
    decoder: Option<Box<dyn Decoder>>,
    returned: Vec<VideoFrame>,
    closed: bool,
}

impl Camera {
    async fn start(gateway: &Gateway, task: &str) -> Self {
        let place = Place::open([127, 0, 0, 1].into(), None).await.unwrap();
        let options = SessionOptions::new(certificate().unwrap());
        let encoder = encoder_for(&picture(0), Rational::whole(50), 300, 1_000_000).unwrap();
        let send = [encoder.params().clone()];
        let receive = [MediaKind::Video];
        let (mut session, offer) =
            Session::offer(&options, Instant::now(), &send, &receive, place.addresses()).unwrap();
        let choice = Choice { task: Some(task.into()), settings: Vec::new() };
        let answer = gateway.process(&choice, &offer).await.unwrap();
        session.accept_answer(&answer.sdp).unwrap();
        let line = Line::new(session, place, Queue::new(1));
        let (returned, id) = (Vec::new(), answer.id);
        Self { gateway: gateway.clone(), id, line, encoder, sent: 0, decoder: None, returned, closed: false }
    }

    /// Sends a picture every 20 ms until `enough`.
    async fn run(&mut self, enough: impl Fn(&Self) -> bool) {
        let (began, mut due) = (Instant::now(), Instant::now());
        while !self.closed && !enough(self) {
            assert!(began.elapsed() < LIMIT, "{} pictures came back", self.returned.len());
            match self.line.turn(tokio::time::sleep_until(due.into())).await {
                Ok(Turn::Event(Event::Media(event))) => self.take(event),
                Ok(Turn::Event(Event::Closed)) | Err(_) => self.closed = true,
                Ok(Turn::Event(Event::Connected | Event::KeyFrameWanted(_))) => {
                    self.encoder.control(brooklet_media::Control::KeyFrame);
                }
                Ok(Turn::Event(_) | Turn::Stopped) => {}
                Ok(Turn::Other(())) => {
                    due += PERIOD;
                    self.encoder.encode(&Frame::Video(picture(self.sent))).unwrap();
                    self.sent += 1;
                    while let Some(packet) = self.encoder.poll_packet() {
                        self.line.session.write(Instant::now(), &packet).unwrap();
                    }
                }
            }
        }
    }

    fn take(&mut self, event: DemuxEvent) {
        let open = |params: &StreamParams| open_decoder(params, &DecoderOptions::default()).unwrap();
        match event {
            DemuxEvent::StreamAdded(params) | DemuxEvent::Params { params, .. } => {
                self.decoder = Some(open(&params));
            }
            DemuxEvent::Packet(packet) => {
                let Some(decoder) = &mut self.decoder else { return };
                decoder.decode(&packet).unwrap();
                while let Some(Frame::Video(frame)) = decoder.poll_frame() {
                    self.returned.push(frame);
                }
            }
            _ => {}
        }
    }

    fn report(&self) -> Report {
        self.gateway.report(&self.id).unwrap()
    }
}

/// 64x64 in a strong colour, whose brightness moves.
fn picture(number: i64) -> VideoFrame {
    let mut frame = VideoFrame::new(&FramePool::new(), PixelFormat::Yuv420p, 64, 64).unwrap();
    (frame.pts, frame.time_base) = (number * 1_800, TimeBase::MPEG);
    let [y, u, v] = frame.planes_mut();
    y.iter_mut().enumerate().for_each(|(n, luma)| *luma = (n as i64 * 2 + number) as u8 / 2 + 60);
    u.fill(60);
    v.fill(200);
    frame
}

/// The average of a plane.
fn average(frame: &VideoFrame, plane: usize) -> f64 {
    let bytes: Vec<u8> = frame.rows(plane).flatten().copied().collect();
    bytes.iter().map(|byte| f64::from(*byte)).sum::<f64>() / bytes.len() as f64
}

struct Panics(u32);

impl Processor for Panics {
    fn picture(&mut self, picture: Picture<'_>) -> Result<VideoFrame, Failure> {
        self.0 += 1;
        assert!(self.0 < 5, "five is too much");
        Ok(picture.unchanged())
    }
}

struct Slow;

impl Processor for Slow {
    fn picture(&mut self, picture: Picture<'_>) -> Result<VideoFrame, Failure> {
        std::thread::sleep(PERIOD * 5);
        Ok(picture.unchanged())
    }
}

fn gateway() -> Gateway {
    let mut tasks = built_in();
    tasks.push(Task::new("panics", "Panics", |_| Box::new(Panics(0))));
    tasks.push(Task::new("dies", "Dies", |_| panic!("there is no model")));
    tasks.push(Task::new("slow", "Slow", |_| Box::new(Slow)));
    Gateway::new(&Hub::default(), GatewayOptions::default()).with_tasks(tasks)
}

#[test]
fn pictures_come_back_and_the_task_may_change() {
    runtime::handle().unwrap().block_on(async {
        let mut camera = Camera::start(&gateway(), "none").await;
        camera.run(|camera| camera.returned.len() >= 10).await;
        let is_coloured = |frame: &VideoFrame| (average(frame, 1) - 60.0).abs() < 8.0;
        assert!(camera.returned.iter().all(is_coloured));
        let change = Choice { task: Some("gray".into()), settings: Vec::new() };
        camera.gateway.choose(&camera.id, &change).unwrap();
        let is_gray = |frame: &VideoFrame| (average(frame, 1) - 128.0).abs() < 3.0;
        camera.run(|camera| camera.returned.last().is_some_and(is_gray)).await;
        let report = camera.report();
        assert_eq!((report.task, &report.failure), ("gray", &None));
        assert!(report.sent >= camera.returned.len() as u64 && report.received >= report.sent, "{report:?}");
        assert!(camera.gateway.end(&camera.id));
        camera.run(|_| false).await;
        assert!(camera.closed);
    });
}

#[test]
fn a_panic_ends_its_own_session_only() {
    runtime::handle().unwrap().block_on(async {
        let gateway = gateway();
        let (mut well, mut ill) =
            (Camera::start(&gateway, "none").await, Camera::start(&gateway, "panics").await);
        ill.run(|_| false).await;
        assert!(ill.closed);
        assert_eq!(ill.report().failure.as_deref(), Some("the processor panicked: five is too much"));
        // This one does not live to see its first picture.
        let (dead, began) = (Camera::start(&gateway, "dies").await, Instant::now());
        while dead.report().failure.is_none() && began.elapsed() < LIMIT {
            tokio::time::sleep(PERIOD).await;
        }
        assert_eq!(dead.report().failure.as_deref(), Some("the processor panicked: there is no model"));
        well.run(|camera| camera.returned.len() >= 10).await;
        assert_eq!(well.report().failure, None);
    });
}

#[test]
fn a_slow_processor_gets_the_newest_and_drops_are_counted() {
    runtime::handle().unwrap().block_on(async {
        let mut camera = Camera::start(&gateway(), "slow").await;
        camera.run(|camera| camera.returned.len() >= 12).await;
        let report = camera.report();
        assert!(report.processing >= PERIOD * 5 && report.dropped > report.sent, "{report:?}");
        // Each is newer than the one before, by about as many as were dropped in between.
        let times: Vec<i64> = camera.returned.iter().map(|frame| frame.pts).collect();
        assert!(times.windows(2).all(|two| two[1] - two[0] >= 1_800 * 2), "{times:?}");
    });
}

/// What this process has of a thing: threads by the beginnings of their names, or open files.
#[cfg(target_os = "linux")]
fn threads() -> usize {
    let names = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = names.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("brooklet-decode") || name.starts_with("brooklet-proces")).count()
}

#[test]
#[cfg(target_os = "linux")]
fn twenty_five_starts_and_stops_leave_nothing_behind() {
    runtime::handle().unwrap().block_on(async {
        let gateway = gateway();
        for _ in 0..25 {
            let mut camera = Camera::start(&gateway, "blur").await;
            camera.run(|camera| camera.returned.len() >= 2).await;
            assert!(gateway.end(&camera.id));
        }
        // Tests beside this one have threads of their own for a while.
        let began = Instant::now();
        while threads() > 0 || gateway.sessions() > 0 {
            assert!(began.elapsed() < LIMIT, "{} threads, {} sessions", threads(), gateway.sessions());
            tokio::time::sleep(PERIOD).await;
        }
    });
}
