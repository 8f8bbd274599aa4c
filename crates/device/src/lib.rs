//! Speaker, microphone, window and camera: where media meet a person.
//!
//! This crate opens what the machine has and moves frames and packets to and from it. It is *not* a player (the crate
//! `brooklet` keeps sound and picture together) and decodes nothing. Unlike the rooms below it, it has threads, sockets
//! and a clock: a device is all of these.
//!
//! Everything here fails with [`Error`], which tells a machine without such a device ([`Error::NoServer`]) from one that
//! has others ([`Error::NoDevice`]), and the wish of a person to end ([`Error::Closed`]) from a fault.

mod backend;
pub mod error;
mod list;
#[cfg(target_os = "linux")]
mod pulse;
mod speaker;
#[cfg(feature = "window")]
pub mod window;

pub use error::{Error, Result};
pub use list::{Device, DeviceKind, sound_devices};
pub use speaker::{Speaker, SpeakerClock, SpeakerOptions, SpeakerStopper};
#[cfg(feature = "window")]
pub use window::{Window, WindowOptions};
