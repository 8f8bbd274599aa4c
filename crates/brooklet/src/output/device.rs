//! Outputs that are devices: frames end there as they are, without an encoder, a muxer or a mixer.

mod speaker;
#[cfg(feature = "window")]
mod window;

use brooklet_media::{FrameSink, MediaKind};

use crate::job::{OutputSpec, Playback};
use crate::{Error, Stopper};

/// A format of `-f` that is a device.
#[derive(Debug)]
pub struct OutputDevice {
    /// Our name for it.
    pub name: &'static str,
    /// ffmpeg's names for what does the same.
    pub aliases: &'static [&'static str],
    /// What it is, in a few words.
    pub description: &'static str,
    /// The one kind of stream that it takes.
    pub kind: MediaKind,
    open: fn(&OutputSpec, &Stopper) -> Box<dyn DeviceSink>,
}

/// All of them. Which backend serves them is the machine's matter, so ffmpeg's names for backends are aliases.
pub static OUTPUT_DEVICES: &[OutputDevice] = &[
    #[cfg(feature = "sound")]
    OutputDevice {
        name: "speaker",
        aliases: &["pulse", "alsa", "audiotoolbox"],
        description: "the machine's sound: its url is the device's name, or default",
        kind: MediaKind::Audio,
        open: speaker::open,
    },
    #[cfg(feature = "window")]
    OutputDevice {
        name: "window",
        aliases: &["sdl", "sdl2"],
        description: "a window on the screen: its url is what stands over it",
        kind: MediaKind::Video,
        open: window::open,
    },
];

/// Where the frames of one stream end.
///
/// It opens its device with the first frame, whose shape says how, and blocks while the device has enough: that is the
/// back-pressure. Its `finish` returns when the last frame has been heard or seen.
pub(crate) trait DeviceSink: FrameSink<Error> {
    /// How the device fares.
    fn playback(&self) -> Playback;
}

impl OutputDevice {
    /// The one with this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        OUTPUT_DEVICES.iter().find(|device| device.names().any(|known| known == name))
    }

    /// All its names, ours first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// A way to the device, which `stopper` ends at once.
    pub(crate) fn open(&self, spec: &OutputSpec, stopper: &Stopper) -> Box<dyn DeviceSink> {
        (self.open)(spec, stopper)
    }
}
