//! Speaker, microphone, window and camera: where media meet a person.
//!
//! This crate opens what the machine has and moves frames and packets to and from it. It is *not* a player (the crate
//! `brooklet` keeps sound and picture together) and decodes nothing. Unlike the rooms below it, it has threads, sockets
//! and a clock: a device is all of these.
//!
//! | | Linux | macOS, Windows |
//! |---|---|---|
//! | [`Speaker`], [`Microphone`] | PulseAudio and PipeWire, by their own protocol, in Rust alone; feature `alsa`: ALSA where there is no server | CoreAudio, WASAPI |
//! | monitors of speakers | PulseAudio and PipeWire | no |
//! | [`Camera`] | Video4Linux2, without a library of C | only those of [`plug_camera`] |
//! | [`sound_devices`] | all of these | all of these |
//! | [`cameras`], [`displays`] | yes | no |
//!
//! Read [`Speaker`] and [`Microphone`] first.
//!
//! ```no_run
//! use brooklet_device::{Microphone, MicrophoneOptions, Speaker, SpeakerOptions};
//!
//! # fn main() -> brooklet_device::Result<()> {
//! // What the microphone hears, a moment later.
//! let mut microphone = Microphone::open(&MicrophoneOptions::default())?;
//! let mut speaker = Speaker::open(&SpeakerOptions::default())?;
//! let clock = speaker.clock();
//! while clock.heard() < 10 * 48_000 {
//!     speaker.write(&microphone.read()?)?;
//! }
//! speaker.drain()
//! # }
//! ```
//!
//! Everything here fails with [`Error`], which tells a machine without such a device ([`Error::NoServer`]) from one that
//! has others ([`Error::NoDevice`]), and the wish of a person to end ([`Error::Closed`]) from a fault.

mod backend;
mod camera;
mod clock;
pub mod error;
mod list;
mod microphone;
#[cfg(target_os = "linux")]
mod pulse;
mod speaker;
#[cfg(any(feature = "alsa", not(target_os = "linux")))]
mod system;
#[cfg(feature = "window")]
pub mod window;

pub use camera::{
    Camera, CameraDriver, CameraFormat, CameraMode, CameraOptions, CameraPicture, CameraSizes, CameraStopper,
    Grabber, plug_camera,
};
pub use clock::capture_time;
pub use error::{Error, Result};
pub use list::{Device, DeviceKind, cameras, displays, sound_devices};
pub use microphone::{Microphone, MicrophoneOptions, MicrophoneStopper};
pub use speaker::{Speaker, SpeakerClock, SpeakerOptions, SpeakerStopper};
#[cfg(feature = "window")]
pub use window::{Window, WindowOptions};
