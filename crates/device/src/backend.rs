//! Which sound system the devices of this build are of.

#[cfg(target_os = "linux")]
pub(crate) use crate::pulse::list::sound_devices;
#[cfg(target_os = "linux")]
pub(crate) use crate::pulse::playback::{HangUp, Playback};
#[cfg(target_os = "linux")]
pub(crate) use crate::pulse::record::Recording;
