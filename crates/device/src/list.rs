//! What there is to play to and to record from.

use crate::{Result, backend};

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
    /// What it gives or takes without being converted, for people: `s16 48000 Hz stereo`, `yuyv422 640x480 30 fps`.
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

/// The cameras. On Linux these are what the kernel has under `/sys/class/video4linux`; elsewhere none is known.
pub fn cameras() -> Vec<Device> {
    let Ok(folder) = std::fs::read_dir("/sys/class/video4linux") else { return Vec::new() };
    let camera = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok().filter(|name| name.starts_with("video"))?;
        let description = std::fs::read_to_string(entry.path().join("name")).unwrap_or_default();
        Some(Device {
            kind: DeviceKind::Camera,
            is_default: name == "video0",
            name: format!("/dev/{name}"),
            description: description.trim().into(),
            modes: Vec::new(),
        })
    };
    let mut cameras: Vec<Device> = folder.flatten().filter_map(camera).collect();
    cameras.sort_by(|one, other| one.name.cmp(&other.name));
    cameras
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
