//! The seam to what captures: the system's cameras, and those that a program brings.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use brooklet_media::Rational;

use super::{CameraFormat, CameraMode, CameraPicture, CameraSizes};
use crate::error::plain;
use crate::list::{Device, DeviceKind};
use crate::{Error, Result};

/// A camera that has been opened: what it can do, and the way to start it. As the system has it, so that nothing is
/// decided below this seam.
pub trait CameraDriver: Send {
    /// The formats that it gives.
    fn formats(&self) -> Vec<CameraFormat>;

    /// The sizes that it has in one of them.
    fn sizes(&self, format: CameraFormat) -> CameraSizes;

    /// The pictures in a second that it makes at one of those; none where it does not say, and takes what it is asked for.
    fn rates(&self, format: CameraFormat, size: (u32, u32)) -> Vec<Rational>;

    /// Starts it in a mode of those.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn start(self: Box<Self>, mode: CameraMode) -> io::Result<Box<dyn Grabber>>;
}

/// A camera that has been started. Dropping it stops it.
pub trait Grabber: Send {
    /// The next picture; blocks until there is one.
    ///
    /// # Errors
    ///
    /// What the system says; a camera that was unplugged is [`io::ErrorKind::NotFound`] or `ENODEV`.
    fn grab(&mut self) -> io::Result<CameraPicture>;
}

type Open = dyn Fn() -> io::Result<Box<dyn CameraDriver>> + Send + Sync;

struct Plugged {
    name: String,
    description: String,
    open: Arc<Open>,
}

static PLUGGED: RwLock<Vec<Plugged>> = RwLock::new(Vec::new());

/// Adds a camera that the system does not know, for the whole process: one with an interface of its maker's own, or one that
/// a test plays. It is opened by `name` from then on, and listed; `open` is called each time. One of the same name as an
/// earlier one takes its place.
pub fn plug_camera(
    name: &str,
    description: &str,
    open: impl Fn() -> io::Result<Box<dyn CameraDriver>> + Send + Sync + 'static,
) {
    let mut plugged = PLUGGED.write().unwrap_or_else(PoisonError::into_inner);
    plugged.retain(|camera| camera.name != name);
    plugged.push(Plugged { name: name.into(), description: description.into(), open: Arc::new(open) });
}

/// Opens the camera of this name.
pub(super) fn open(name: &str) -> Result<Box<dyn CameraDriver>> {
    let plugged = PLUGGED.read().unwrap_or_else(PoisonError::into_inner);
    let own = plugged.iter().find(|camera| camera.name == name).map(|camera| camera.open.clone());
    drop(plugged);
    let opened = own.map_or_else(|| system::open(name), |open| open());
    opened.map_err(|source| match source.kind() {
        io::ErrorKind::Unsupported => Error::NoServer { what: "camera", why: format!("{name}: {source}") },
        io::ErrorKind::NotFound => {
            let names: Vec<_> = unopened().into_iter().map(|camera| camera.name).collect();
            let known = if names.is_empty() { "no cameras".into() } else { names.join(", ") };
            Error::NoDevice { kind: "camera", name: name.into(), known }
        }
        _ => Error::Device { device: name.into(), what: "cannot open", source: explained(source) },
    })
}

/// With what to do, where that is not plain from the system's words.
pub(super) fn explained(error: io::Error) -> io::Error {
    let remedy = match error.kind() {
        io::ErrorKind::ResourceBusy => "another program has it",
        io::ErrorKind::PermissionDenied => "who uses cameras is in the group 'video'",
        _ => return error,
    };
    io::Error::new(error.kind(), format!("{}: {remedy}", plain(&error)))
}

/// All cameras, with what they give: each is opened for that. One that can't be is listed without.
pub(crate) fn list() -> Vec<Device> {
    let mut cameras = unopened();
    for camera in &mut cameras {
        camera.modes =
            open(&camera.name).map(|driver| super::mode::describe(driver.as_ref())).unwrap_or_default();
    }
    cameras
}

/// All cameras by their names.
fn unopened() -> Vec<Device> {
    let plugged = PLUGGED.read().unwrap_or_else(PoisonError::into_inner);
    let own = plugged.iter().map(|camera| Device {
        kind: DeviceKind::Camera,
        name: camera.name.clone(),
        description: camera.description.clone(),
        is_default: false,
        modes: Vec::new(),
    });
    system::list().into_iter().chain(own).collect()
}

#[cfg(target_os = "linux")]
use super::v4l2 as system;

/// A system whose cameras are not known here.
#[cfg(not(target_os = "linux"))]
mod system {
    use super::*;

    pub(super) fn open(_: &str) -> io::Result<Box<dyn CameraDriver>> {
        let what = "cameras are used on Linux only, so far";
        Err(io::Error::new(io::ErrorKind::Unsupported, what))
    }

    pub(super) fn list() -> Vec<Device> {
        Vec::new()
    }
}
