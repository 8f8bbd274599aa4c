//! Recording pictures.
//!
//! A camera blocks whoever asks it for a picture until there is one, so it is asked on a thread of its own. What is raw,
//! or a whole picture by itself, waits one at a time: the newest wins. What leans on the picture before it (H.264) waits
//! in a queue, and is lost up to the next key picture where that is full.

#[cfg(target_os = "linux")]
mod v4l2;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use brooklet_media::{Rational, Timestamp};

use crate::{Error, Result};

/// Pictures of H.264 that wait for their reader: two seconds at 30.
const WAITING: usize = 60;

/// What a camera gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CameraFormat {
    /// JPEG pictures.
    Mjpeg,
    /// H.264 in Annex B.
    H264,
    /// 4:2:2, `Y0 Cb Y1 Cr`.
    Yuyv,
    /// 4:2:0, a plane of luma and one of Cb and Cr.
    Nv12,
}

impl CameraFormat {
    /// All of them, in the order in which they are tried where none is named.
    pub const ALL: [Self; 4] = [Self::Mjpeg, Self::Yuyv, Self::Nv12, Self::H264];

    /// ffmpeg's name, as `-input_format` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mjpeg => "mjpeg",
            Self::H264 => "h264",
            Self::Yuyv => "yuyv422",
            Self::Nv12 => "nv12",
        }
    }

    /// The one of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Whether every picture can be shown without those before it.
    const fn stands_alone(self) -> bool {
        !matches!(self, Self::H264)
    }
}

/// What a [`Camera`] is to give.
#[derive(Clone, PartialEq, Debug)]
pub struct CameraOptions {
    /// `/dev/video0`.
    pub device: String,
    /// The format; `None` for the first of [`CameraFormat::ALL`] that the camera has.
    pub format: Option<CameraFormat>,
    /// Pixels in a row, and rows.
    pub size: (u32, u32),
    /// Pictures in a second.
    pub rate: Rational,
}

impl CameraOptions {
    /// 640x480 at 30 pictures a second, in whatever format there is.
    pub fn new(device: impl Into<String>) -> Self {
        Self { device: device.into(), format: None, size: (640, 480), rate: Rational::whole(30) }
    }
}

/// What a camera does: the format, size and rate that were agreed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CameraMode {
    /// The format.
    pub format: CameraFormat,
    /// Pixels in a row, and rows.
    pub size: (u32, u32),
    /// Pictures in a second.
    pub rate: Rational,
}

/// One picture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CameraPicture {
    /// When it was captured, on the clock of [`crate::capture_time`].
    pub at: Timestamp,
    /// As the camera gave it.
    pub data: Vec<u8>,
}

/// The seam to the system: a camera that has been started.
pub(crate) trait Grabber: Send {
    /// What it gives.
    fn mode(&self) -> CameraMode;

    /// The next picture; blocks until there is one.
    ///
    /// # Errors
    ///
    /// What the system says; a camera that was unplugged is [`io::ErrorKind::NotFound`] or `ENODEV`.
    fn grab(&mut self) -> io::Result<CameraPicture>;
}

/// Pictures from a device.
pub struct Camera {
    device: String,
    mode: CameraMode,
    shared: Arc<Shared>,
}

/// Ends a [`Camera`] from another thread.
#[derive(Clone)]
pub struct CameraStopper(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    pictures: VecDeque<CameraPicture>,
    lost: u64,
    /// Whether what follows leans on a picture that was lost.
    torn: bool,
    stopped: bool,
    over: Option<io::Error>,
}

impl Camera {
    /// Opens a camera, which records from then on.
    ///
    /// # Errors
    ///
    /// [`Error::NoDevice`] where there is none of this name; [`Error::Device`] where it is busy, or has no such format,
    /// size or rate, with those that it has.
    pub fn open(options: &CameraOptions) -> Result<Self> {
        #[cfg(target_os = "linux")]
        let grabber = v4l2::open(options)?;
        #[cfg(not(target_os = "linux"))]
        let grabber: Box<dyn Grabber> = {
            return Err(Error::NoServer {
                what: "camera",
                why: format!("{}: cameras are used on Linux only, so far", options.device),
            });
        };
        Ok(Self::start(&options.device, grabber))
    }

    fn start(device: &str, mut grabber: Box<dyn Grabber>) -> Self {
        let (mode, shared) = (grabber.mode(), Arc::new(Shared::default()));
        let ours = shared.clone();
        // Nothing can interrupt a grab that waits: when stopped, the thread ends with its next picture.
        thread::spawn(move || {
            loop {
                let grabbed = grabber.grab();
                if !ours.take(grabbed, mode.format) {
                    break;
                }
            }
        });
        Self { device: device.into(), mode, shared }
    }

    /// What it gives.
    pub fn mode(&self) -> CameraMode {
        self.mode
    }

    /// Pictures that were not read in time, so far.
    pub fn lost(&self) -> u64 {
        self.shared.lock().lost
    }

    /// What ends it from another thread.
    pub fn stopper(&self) -> CameraStopper {
        CameraStopper(self.shared.clone())
    }

    /// The next picture; blocks until there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] where it was unplugged, [`Error::Stopped`], and what the system says.
    pub fn read(&mut self) -> Result<CameraPicture> {
        let mut state = self.shared.lock();
        loop {
            let device = self.device.clone();
            if state.stopped {
                return Err(Error::Stopped { device });
            }
            if let Some(picture) = state.pictures.pop_front() {
                return Ok(picture);
            }
            if let Some(source) = state.over.take() {
                // What comes next is the same again.
                state.over = Some(io::Error::from(source.kind()));
                return Err(if is_gone(&source) {
                    Error::Gone { device }
                } else {
                    Error::Device { device, what: "cannot capture", source }
                });
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Forgets what waits.
    pub fn skip_to_now(&mut self) {
        let mut state = self.shared.lock();
        state.pictures.clear();
        state.torn = !self.mode.format.stands_alone();
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.stopper().stop();
    }
}

impl fmt::Debug for Camera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Camera({} {:?})", self.device, self.mode)
    }
}

impl CameraStopper {
    /// Whoever reads returns at once.
    pub fn stop(&self) {
        self.0.lock().stopped = true;
        self.0.changed.notify_all();
    }
}

impl fmt::Debug for CameraStopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CameraStopper")
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what was grabbed for its reader; false where no more is wanted, or there is no more.
    fn take(&self, grabbed: io::Result<CameraPicture>, format: CameraFormat) -> bool {
        let mut state = self.lock();
        if state.stopped {
            return false;
        }
        let goes_on = match grabbed {
            Ok(picture) => {
                state.keep(picture, format);
                true
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => true,
            Err(error) => {
                state.over = Some(error);
                false
            }
        };
        self.changed.notify_all();
        goes_on
    }
}

impl State {
    fn keep(&mut self, picture: CameraPicture, format: CameraFormat) {
        if format.stands_alone() {
            self.lost += self.pictures.len() as u64;
            self.pictures.clear();
        } else if self.pictures.len() >= WAITING || (self.torn && !is_key(&picture.data)) {
            (self.torn, self.lost) = (true, self.lost + 1);
            return;
        }
        self.torn = false;
        self.pictures.push_back(picture);
    }
}

/// Whether an H.264 picture needs none before it: it holds an IDR slice (ITU-T H.264 §7.4.1, type 5).
fn is_key(picture: &[u8]) -> bool {
    brooklet_media::bitstream::nal::annexb_units(picture).any(|unit| unit[0] & 31 == 5)
}

fn is_gone(error: &io::Error) -> bool {
    // ENODEV has no kind of its own.
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(19)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// A camera whose pictures a test hands it; unplugged when the test lets go.
    struct Fake(CameraFormat, Receiver<u8>);

    impl Grabber for Fake {
        fn mode(&self) -> CameraMode {
            CameraMode { format: self.0, size: (4, 2), rate: Rational::whole(30) }
        }

        fn grab(&mut self) -> io::Result<CameraPicture> {
            let number = self.1.recv().map_err(|_| io::Error::from_raw_os_error(19))?;
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
        (Camera::start("/dev/fake", Box::new(Fake(format, receiver))), sender)
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

    #[cfg(target_os = "linux")]
    #[test]
    fn a_camera_that_is_not_there_is_said_by_name() {
        let error = Camera::open(&CameraOptions::new("/dev/video93")).unwrap_err().to_string();
        assert!(error.starts_with("no camera named '/dev/video93'; "), "{error}");
    }
}
