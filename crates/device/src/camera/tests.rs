use std::sync::mpsc::{Receiver, Sender, channel};

use brooklet_media::Rational;

use super::*;
use crate::list::cameras;

/// A camera whose pictures a test hands it; unplugged when the test lets go.
struct Fake(Receiver<u8>);

impl Grabber for Fake {
    fn grab(&mut self) -> io::Result<CameraPicture> {
        let number = self.0.recv().map_err(|_| io::Error::from_raw_os_error(19))?;
        // An IDR picture every tenth, as H.264 goes.
        let kind = if number % 10 == 0 { 0x65 } else { 0x41 };
        Ok(CameraPicture {
            at: Timestamp::from_millis(i64::from(number) * 33),
            data: vec![0, 0, 0, 1, kind, number],
        })
    }
}

fn camera(format: CameraFormat) -> (Camera, Sender<u8>) {
    let (sender, receiver) = channel();
    let mode = CameraMode { format, size: (4, 2), rate: Rational::whole(30) };
    (Camera::start("/dev/fake", mode, Box::new(Fake(receiver))), sender)
}

/// Waits until the camera's thread has taken so many.
fn settle(camera: &Camera, taken: u64) {
    let seen = || {
        let state = camera.shared.lock();
        state.pictures.len() as u64 + state.lost
    };
    while seen() < taken {
        thread::yield_now();
    }
}

#[test]
fn the_newest_picture_wins() {
    let (mut camera, sender) = camera(CameraFormat::Mjpeg);
    (0..5).for_each(|number| sender.send(number).unwrap());
    settle(&camera, 5);
    assert_eq!((camera.read().unwrap().data[5], camera.lost()), (4, 4));
    sender.send(9).unwrap();
    assert_eq!(camera.read().unwrap().at, Timestamp::from_millis(297));
}

#[test]
fn coded_pictures_wait_and_are_lost_up_to_a_key_picture() {
    let (mut camera, sender) = camera(CameraFormat::H264);
    (0..75).for_each(|number| sender.send(number).unwrap());
    settle(&camera, 75);
    let first: Vec<u8> = (0..60).map(|_| camera.read().unwrap().data[5]).collect();
    assert!(first.is_sorted() && first[59] == 59);
    // The queue has room again, but 75 to 79 lean on what is lost.
    (75..83).for_each(|number| sender.send(number).unwrap());
    assert_eq!(camera.read().unwrap().data[5], 80);
    assert_eq!(camera.lost(), 20);
}

#[test]
fn unplugged_is_said_after_what_came_before() {
    let (mut camera, sender) = camera(CameraFormat::Nv12);
    sender.send(1).unwrap();
    drop(sender);
    assert_eq!(camera.read().unwrap().data[5], 1);
    assert!(matches!(camera.read(), Err(Error::Gone { device }) if device == "/dev/fake"));
}

#[test]
fn stopped_from_another_thread() {
    let (mut camera, _sender) = camera(CameraFormat::Yuyv);
    let stopper = camera.stopper();
    let reader = thread::spawn(move || camera.read().map(drop));
    stopper.stop();
    assert!(matches!(reader.join().unwrap(), Err(Error::Stopped { .. })));
}

/// A driver of two formats, the first of which has sizes of its own.
struct TwoFormats;

impl CameraDriver for TwoFormats {
    fn formats(&self) -> Vec<CameraFormat> {
        vec![CameraFormat::Yuyv, CameraFormat::Mjpeg]
    }

    fn sizes(&self, format: CameraFormat) -> CameraSizes {
        match format {
            CameraFormat::Mjpeg => CameraSizes::Listed(vec![(640, 480), (1280, 720)]),
            _ => CameraSizes::Range((2, 1), (640, 480)),
        }
    }

    fn rates(&self, format: CameraFormat, size: (u32, u32)) -> Vec<Rational> {
        match (format, size) {
            (CameraFormat::Mjpeg, (1280, _)) => vec![Rational::whole(15), Rational::whole(30)],
            (CameraFormat::Mjpeg, _) => vec![Rational::whole(30), Rational::new(60_000, 1_001).unwrap()],
            _ => Vec::new(),
        }
    }

    fn start(self: Box<Self>, _: CameraMode) -> io::Result<Box<dyn Grabber>> {
        Err(io::Error::from_raw_os_error(16))
    }
}

#[test]
fn the_mode_is_what_was_asked_for_and_the_nearest_rate() {
    let usual = CameraOptions::new("two");
    let chosen = |options: CameraOptions| mode::choose(&TwoFormats, &options);
    let mjpeg = CameraMode { format: CameraFormat::Mjpeg, size: (640, 480), rate: Rational::whole(30) };
    assert_eq!(chosen(usual.clone()), Ok(mjpeg));
    let fast = Rational::whole(60);
    let rate = Rational::new(60_000, 1_001).unwrap();
    assert_eq!(chosen(CameraOptions { rate: fast, ..usual.clone() }), Ok(CameraMode { rate, ..mjpeg }));
    // One that names no rates takes what it is asked for.
    let raw =
        CameraOptions { format: Some(CameraFormat::Yuyv), size: (320, 200), rate: fast, ..usual.clone() };
    let yuyv = CameraMode { format: CameraFormat::Yuyv, size: (320, 200), rate: fast };
    assert_eq!(chosen(raw.clone()), Ok(yuyv));
    let said = |options| chosen(options).unwrap_err();
    let large = CameraOptions { size: (800, 600), ..usual.clone() };
    assert_eq!(said(large), "mjpeg has no 800x600; it has 640x480 1280x720");
    assert_eq!(
        said(CameraOptions { size: (800, 600), ..raw }),
        "yuyv422 has no 800x600; it has 2x1 to 640x480"
    );
    let coded = CameraOptions { format: Some(CameraFormat::H264), ..usual };
    assert_eq!(said(coded), "it gives no h264; it gives yuyv422, mjpeg");
}

#[test]
fn a_camera_of_a_programs_own_is_listed_with_what_it_gives_and_opened_by_name() {
    plug_camera("two", "a camera of two formats", || Ok(Box::new(TwoFormats)));
    let listed = cameras().into_iter().find(|camera| camera.name == "two").unwrap();
    assert_eq!(listed.modes, ["yuyv422 2x1 to 640x480", "mjpeg 640x480 1280x720 30 fps"]);
    let busy = Camera::open(&CameraOptions::new("two")).unwrap_err().to_string();
    assert!(busy.starts_with("two: cannot start: "), "{busy}");
    assert!(busy.ends_with("busy: another program has it"), "{busy}");
    plug_camera("closed", "a camera that is not ours", || Err(io::Error::from_raw_os_error(13)));
    let closed = Camera::open(&CameraOptions::new("closed")).unwrap_err().to_string();
    assert!(closed.ends_with("permission denied: who uses cameras is in the group 'video'"), "{closed}");
    let wrong = Camera::open(&CameraOptions::new("three")).unwrap_err().to_string();
    assert!(wrong.contains("no camera named 'three'; there are ") && wrong.contains("two"), "{wrong}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_camera_that_is_not_there_is_said_by_name() {
    let error = Camera::open(&CameraOptions::new("/dev/video93")).unwrap_err().to_string();
    assert!(error.starts_with("no camera named '/dev/video93'; "), "{error}");
}
