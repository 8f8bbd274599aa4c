//! What there is to play to and to record from.

use crate::{Result, backend, camera};

/// A device, or what stands for one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Device {
    /// What it does.
    pub kind: DeviceKind,
    /// By which it is opened.
    pub name: String,
    /// As a person knows it; may be empty.
    pub description: String,
    /// Whether it is the one that is opened where none is named.
    pub is_default: bool,
    /// What it gives or takes without being converted, for people: `s16 48000 Hz stereo`, `mjpeg 640x480 1280x720 30 fps`.
    pub modes: Vec<String>,
}

/// What a [`Device`] does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DeviceKind {
    /// Plays sound.
    Speaker,
    /// Records sound.
    Microphone,
    /// Records what a speaker plays.
    Monitor,
    /// Gives pictures.
    Camera,
    /// Shows windows.
    Display,
}

impl DeviceKind {
    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Speaker => "speaker",
            Self::Microphone => "microphone",
            Self::Monitor => "monitor",
            Self::Camera => "camera",
            Self::Display => "display",
        }
    }
}

/// The devices for sound: speakers, then microphones and monitors. Blocks while the sound system answers.
///
/// # Errors
///
/// [`crate::Error::NoServer`] where there is no sound system.
pub fn sound_devices() -> Result<Vec<Device>> {
    backend::sound_devices()
}

/// The cameras, each with the formats and sizes that it gives, for which it is opened: what Linux has, and those of
/// [`crate::plug_camera`]; elsewhere the latter alone.
pub fn cameras() -> Vec<Device> {
    camera::list()
}

/// Where windows can be: the display that the environment names, where it names one.
pub fn displays() -> Vec<Device> {
    let named =
        [("WAYLAND_DISPLAY", "Wayland"), ("DISPLAY", "X11")].into_iter().filter_map(|(variable, system)| {
            let name = std::env::var(variable).ok().filter(|name| !name.is_empty())?;
            Some((name, system))
        });
    let display = |(number, (name, system)): (usize, (String, &str))| Device {
        kind: DeviceKind::Display,
        name,
        description: system.into(),
        is_default: number == 0,
        modes: Vec::new(),
    };
    named.enumerate().map(display).collect()
}
