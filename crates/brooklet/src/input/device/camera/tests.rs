//! With cameras that a test plays, behind the driver's interface.

use std::io;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use brooklet_device::{CameraDriver, CameraPicture, CameraSizes, Grabber, plug_camera};
use brooklet_media::{Piece, Timestamp};

use super::*;
use crate::input::{CaptureStart, Input, InputEvent};
use crate::job::{FpsMode, Job, OutputSpec, Reconnect, VideoSpec};
use crate::protocol::{ByteSink, Origin, Scheme, SinkOptions, Target, register};
use crate::{Stopper, Url};

/// Baseline, 64x64 (ITU-T H.264 §7.3.2.1).
const SPS: [u8; 7] = [0x67, 0x42, 0xc0, 0x0a, 0xda, 0x10, 0x99];
const PPS: [u8; 4] = [0x68, 0xce, 0x38, 0x80];

/// ENODEV, which has no kind of its own.
const GONE: i32 = 19;
/// EINVAL: what a driver says that stopped while it was asked, because it was unplugged or for a reason of its own.
const STOPPED: i32 = 22;

/// A camera of 4x2 pixels whose pictures come through a channel; when that ends, this is the system's error.
struct Played(CameraFormat, Receiver<CameraPicture>, i32);

impl CameraDriver for Played {
    fn formats(&self) -> Vec<CameraFormat> {
        vec![self.0]
    }

    fn sizes(&self, _: CameraFormat) -> CameraSizes {
        CameraSizes::Listed(vec![(4, 2)])
    }

    fn rates(&self, _: CameraFormat, _: (u32, u32)) -> Vec<Rational> {
        vec![Rational::whole(30)]
    }

    fn start(self: Box<Self>, _: CameraMode) -> io::Result<Box<dyn Grabber>> {
        Ok(self)
    }
}

impl Grabber for Played {
    fn grab(&mut self) -> io::Result<CameraPicture> {
        self.1.recv().map_err(|_| io::Error::from_raw_os_error(self.2))
    }
}

/// Plugs one in that can be opened once for each plug, and gives the ways to feed it.
fn plug(name: &str, format: CameraFormat, plugs: usize) -> Vec<Sender<CameraPicture>> {
    plug_failing(name, format, plugs, GONE)
}

/// The same, which ends with that error of the system.
fn plug_failing(name: &str, format: CameraFormat, plugs: usize, end: i32) -> Vec<Sender<CameraPicture>> {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..plugs).map(|_| channel()).unzip();
    let waiting = Mutex::new(receivers.into_iter().collect::<std::collections::VecDeque<_>>());
    plug_camera(name, "played by a test", move || {
        let next = waiting.lock().unwrap().pop_front().ok_or_else(|| io::Error::from_raw_os_error(GONE))?;
        Ok(Box::new(Played(format, next, end)))
    });
    senders
}

fn spec(name: &str) -> InputSpec {
    let format = Some("v4l2".into());
    InputSpec { url: name.into(), format, video_size: Some((4, 2)), ..InputSpec::default() }
}

fn picture(millis: i64, data: Vec<u8>) -> CameraPicture {
    CameraPicture { at: Timestamp::from_millis(millis), data }
}

/// The job's time of the next picture, in milliseconds, and its bytes.
fn next(input: &mut Input) -> (i64, Bytes) {
    loop {
        if let Some(InputEvent::Packet(packet)) = input.next().unwrap() {
            return (packet.pts / 1_000, packet.data);
        }
    }
}

fn open_input(spec: &InputSpec, journal: &Arc<Journal>) -> Input {
    Input::open(spec, &Stopper::new(), journal, false, &CaptureStart::default()).unwrap()
}

/// An output that takes nothing until its gate is opened, and then keeps all.
struct Gated {
    gate: Mutex<Option<Receiver<()>>>,
    taken: Sender<Bytes>,
}

struct GatedSink(Option<Receiver<()>>, Sender<Bytes>);

impl Scheme for Gated {
    fn names(&self) -> &'static [&'static str] {
        &["gated"]
    }

    fn open_source(&self, _: &Url, _: &crate::protocol::SourceOptions) -> Result<Origin> {
        Err(Error::Usage("an output".into()))
    }

    fn open_sink(&self, _: &Url, _: &SinkOptions) -> Result<Target> {
        Ok(Target::Bytes(Box::new(GatedSink(self.gate.lock().unwrap().take(), self.taken.clone()))))
    }
}

impl ByteSink for GatedSink {
    fn is_live(&self) -> bool {
        true
    }

    fn write(&mut self, piece: &Piece) -> Result<()> {
        if let Some(gate) = self.0.take() {
            let _ = gate.recv();
        }
        let _ = self.1.send(piece.bytes.clone());
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

#[test]
fn of_a_camera_the_newest_picture_is_encoded_and_what_went_for_it_is_counted() {
    let feed = plug("/test/slow", CameraFormat::Yuyv, 1).remove(0);
    let ((gate, gated), (taken, kept)) = (channel(), channel());
    register(Arc::new(Gated { gate: Mutex::new(Some(gated)), taken }));
    let video = VideoSpec { fps_mode: FpsMode::Passthrough, ..VideoSpec::default() };
    let format = Some("rawvideo".into());
    let output = OutputSpec { url: "gated:out".into(), format, video, ..OutputSpec::default() };
    let job = Job { inputs: vec![spec("/test/slow")], outputs: vec![output] };
    let running = job.start(&Stopper::new()).unwrap();
    // Nothing is taken, whatever comes: it comes all the same.
    const PICTURES: u64 = 400;
    for number in 1..=PICTURES {
        feed.send(picture(number as i64 * 33, number.to_be_bytes().repeat(2))).unwrap();
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(Duration::from_millis(300));
    gate.send(()).unwrap();
    drop(feed);
    let progress = running.wait().unwrap();
    let pictures: Vec<Bytes> = kept.try_iter().collect();
    // Those that waited when nothing was taken, and the newest: not those after the former. The mixer holds 64.
    assert_eq!(pictures.len() as u64, progress.frames);
    assert!((1..100).contains(&progress.frames) && progress.dropped > PICTURES / 2, "{progress:?}");
    let last = pictures.last().unwrap();
    assert_eq!(u64::from(last[3]) << 8 | u64::from(last[15]), PICTURES, "{last:?}");
}

#[test]
fn one_that_was_unplugged_comes_back_where_it_belongs() {
    let mut feeds = plug("/test/plug", CameraFormat::Nv12, 2);
    let delay_max = Duration::from_millis(1);
    let reconnect = Reconnect { enabled: true, delay_max, ..Reconnect::default() };
    let journal: Arc<Journal> = Arc::default();
    let mut input = open_input(&InputSpec { reconnect, ..spec("/test/plug") }, &journal);
    let first = feeds.remove(0);
    let feeding = thread::spawn(move || {
        thread::sleep(Duration::from_millis(100));
        first.send(picture(1_000, vec![1; 12])).unwrap();
        // Damaged: it is left out.
        thread::sleep(Duration::from_millis(50));
        first.send(picture(1_033, vec![2; 11])).unwrap();
        thread::sleep(Duration::from_millis(50));
    });
    assert_eq!(next(&mut input), (0, Bytes::from_static(&[1; 12])));
    // A minute later, on the clock of all devices.
    feeds[0].send(picture(61_000, vec![3; 12])).unwrap();
    assert_eq!(next(&mut input), (60_000, Bytes::from_static(&[3; 12])));
    feeding.join().unwrap();
    let said = journal.take();
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(
        said[0].contains("/test/plug") && said[0].contains("a picture of 11 bytes instead of 12"),
        "{said:?}"
    );
    assert!(said[1].ends_with("the device is gone; waiting for it to come back"), "{said:?}");
    assert!(said[2].starts_with("/test/plug: the device is back after 0."), "{said:?}");
}

#[test]
fn one_that_fails_is_opened_again_and_no_journal_is_filled_with_it() {
    const TIMES: usize = 20;
    let feeds = plug_failing("/test/fails", CameraFormat::Nv12, TIMES + 1, STOPPED);
    let delay_max = Duration::from_millis(1);
    let reconnect = Reconnect { enabled: true, delay_max, ..Reconnect::default() };
    let journal: Arc<Journal> = Arc::default();
    let mut input = open_input(&InputSpec { reconnect, ..spec("/test/fails") }, &journal);
    let feeding = thread::spawn(move || {
        for (number, feed) in feeds.into_iter().enumerate() {
            // What was captured before anyone reads is not wanted.
            thread::sleep(Duration::from_millis(if number == 0 { 100 } else { 5 }));
            feed.send(picture(1_000 + number as i64 * 100, vec![number as u8; 12])).unwrap();
            thread::sleep(Duration::from_millis(5));
        }
    });
    for number in 0..=TIMES {
        assert_eq!(next(&mut input).1, vec![number as u8; 12]);
    }
    feeding.join().unwrap();
    let said = journal.take();
    // The 1st, 2nd, 4th, 8th and 16th, and that each came back.
    assert_eq!(said.len(), 2 * 5, "{said:?}");
    let first = "/test/fails: cannot capture: invalid argument; waiting for it to come back";
    assert_eq!(said[0], first, "{said:?}");
}

#[test]
fn coded_pictures_begin_with_a_key_picture_and_none_is_missing() {
    let feed = plug("/test/coded", CameraFormat::H264, 1).remove(0);
    let mut units: Vec<u8> = Vec::new();
    for unit in [&SPS[..], &PPS, &[0x65, 0x88, 0x80]] {
        units.extend([0, 0, 0, 1].iter().chain(unit));
    }
    feed.send(picture(900, vec![0, 0, 0, 1, 0x41, 0])).unwrap();
    feed.send(picture(1_000, units)).unwrap();
    let sent =
        (1..10u8).map(|number| picture(1_000 + 33 * i64::from(number), vec![0, 0, 0, 1, 0x41, number]));
    sent.for_each(|picture| feed.send(picture).unwrap());
    let mut input = open_input(&spec("/test/coded"), &Arc::default());
    let size = input.streams()[0].as_video().map(|video| (video.width, video.height));
    assert_eq!(size, Some((64, 64)));
    assert_eq!(next(&mut input), (0, Bytes::from_static(&[0, 0, 0, 3, 0x65, 0x88, 0x80])));
    for number in 1..10u8 {
        let coded = Bytes::from(vec![0, 0, 0, 2, 0x41, number]);
        assert_eq!(next(&mut input), (33 * i64::from(number), coded));
    }
}

#[test]
fn packed_pictures_become_planes() {
    let packed = [1, 10, 2, 20, 3, 11, 4, 21, 5, 12, 6, 22, 7, 13, 8, 23];
    let planes = planar(&packed, (4, 2)).unwrap();
    assert_eq!(planes[..], [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 20, 21, 22, 23]);
    assert_eq!(planes.len(), PixelFormat::Yuv422p.picture_bytes(4, 2));
    assert!(planar(&packed[1..], (4, 2)).is_err());
    let odd = planar(&packed, (3, 2)).unwrap();
    assert_eq!(odd.len(), PixelFormat::Yuv422p.picture_bytes(3, 2));
}

#[test]
fn a_stream_of_h264_is_known_with_its_parameter_sets() {
    let mode = CameraMode { format: CameraFormat::H264, size: (640, 480), rate: Rational::whole(30) };
    assert_eq!(params(&mode, None), None);
    let raw = CameraMode { format: CameraFormat::Yuyv, ..mode };
    let params = params(&raw, None).unwrap();
    assert_eq!(params.as_video().and_then(|video| video.format), Some(PixelFormat::Yuv422p));
}
