//! Inputs that are devices: sources of packets, stamped by the clock that all devices of this machine share.
//!
//! A device that is added here gives packets through [`PacketSource`] and says [`PacketSource::is_captured`]; the job then
//! keeps sound and pictures of several devices together by their stamps.

mod camera;
mod capture;
mod microphone;

use std::sync::{Arc, OnceLock};

use brooklet_media::{MediaKind, Timestamp};

use crate::Result;
use crate::job::InputSpec;
use crate::protocol::{PacketSource, SourceOptions};

/// A format of `-f` before `-i` that is a device.
#[derive(Debug)]
pub struct InputDevice {
    /// Our name for it.
    pub name: &'static str,
    /// ffmpeg's names for what does the same.
    pub aliases: &'static [&'static str],
    /// What it is, in a few words.
    pub description: &'static str,
    /// The one kind of stream that it gives.
    pub kind: MediaKind,
    open: fn(&InputSpec, &SourceOptions) -> Result<Box<dyn PacketSource>>,
}

/// All of them. Which backend serves them is the machine's matter, so ffmpeg's names for backends are aliases.
pub static INPUT_DEVICES: &[InputDevice] = &[
    #[cfg(feature = "camera")]
    InputDevice {
        name: "camera",
        aliases: &["v4l2", "video4linux2"],
        description: "the machine's cameras: the url is the device, as /dev/video0, or default",
        kind: MediaKind::Video,
        open: camera::open,
    },
    #[cfg(feature = "sound")]
    InputDevice {
        name: "microphone",
        aliases: &["pulse", "alsa", "avfoundation", "dshow"],
        description: "the machine's microphones, and what its speakers play: the url is the device's name, or default",
        kind: MediaKind::Audio,
        open: microphone::open,
    },
];

impl InputDevice {
    /// The one with this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        INPUT_DEVICES.iter().find(|device| device.names().any(|known| known == name))
    }

    /// All its names, ours first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// Opens the device that the url names. It captures from then on.
    pub(super) fn open(&self, spec: &InputSpec, options: &SourceOptions) -> Result<Box<dyn PacketSource>> {
        (self.open)(spec, options)
    }
}

/// The zero of a job's clock on the clock of devices: when the first packet of any of them was captured. Cloning shares
/// it.
#[derive(Clone, Debug, Default)]
pub(crate) struct CaptureStart(Arc<OnceLock<Timestamp>>);

impl CaptureStart {
    /// Where the zero is; `first`, where none was before.
    pub(super) fn zero(&self, first: Timestamp) -> Timestamp {
        *self.0.get_or_init(|| first)
    }
}
