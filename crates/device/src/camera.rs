//! Recording pictures.
//!
//! A camera blocks whoever asks it for a picture until there is one, so it is asked on a thread of its own. What is raw,
//! or a whole picture by itself, waits one at a time: the newest wins. What leans on the picture before it (H.264) waits
//! in a queue, and is lost up to the next key picture where that is full.
//!
//! | file | holds |
//! |---|---|
//! | `mode` | formats, sizes and rates, and which of them is taken |
//! | `driver` | the seam to what captures: the system, or a program's own |
//! | `v4l2` | Linux behind that seam |

mod driver;
mod mode;
#[cfg(target_os = "linux")]
mod v4l2;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use brooklet_media::Timestamp;

use crate::{Error, Result};
pub(crate) use driver::list;
pub use driver::{CameraDriver, Grabber, plug_camera};
pub use mode::{CameraFormat, CameraMode, CameraOptions, CameraSizes};

/// Pictures of H.264 that wait for their reader: two seconds at 30.
const WAITING: usize = 60;

/// One picture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CameraPicture {
    /// When it was captured, on the clock of [`crate::capture_time`].
    pub at: Timestamp,
    /// As the camera gave it.
    pub data: Vec<u8>,
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
        let driver = driver::open(&options.device)?;
        let failed = |what, source| Error::Device { device: options.device.clone(), what, source };
        let mode = mode::choose(driver.as_ref(), options)
            .map_err(|what| failed("no such mode", io::Error::other(what)))?;
        let grabber =
            driver.start(mode).map_err(|source| failed("cannot start", driver::explained(source)))?;
        Ok(Self::start(&options.device, mode, grabber))
    }

    fn start(device: &str, mode: CameraMode, mut grabber: Box<dyn Grabber>) -> Self {
        let shared = Arc::new(Shared::default());
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
mod tests;
