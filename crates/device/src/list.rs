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
}

impl DeviceKind {
    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Speaker => "speaker",
            Self::Microphone => "microphone",
            Self::Monitor => "monitor",
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
