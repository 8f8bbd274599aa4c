//! The one error of this crate, each variant with the device that it is about.

use std::io;

/// A result of this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a device can't be used, or can't be used any longer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to ask for devices: no sound server, no display.
    #[error("no {what} here: {why}")]
    NoServer {
        /// What is not there: `sound server`, `display`.
        what: &'static str,
        /// Where it was looked for, and what to do.
        why: String,
    },
    /// There are devices, but none of this name.
    #[error("no {kind} named '{name}'; there are {known}")]
    NoDevice {
        /// `speaker`, `microphone`, `camera`.
        kind: &'static str,
        /// As the user wrote it.
        name: String,
        /// Those that there are, joined by commas.
        known: String,
    },
    /// The device, or the system on its behalf, refused.
    #[error("{device}: {what}: {}", plain(source))]
    Device {
        /// The device's name.
        device: String,
        /// What was being done: `cannot open`, `cannot set the picture size`.
        what: &'static str,
        /// The reason given.
        source: io::Error,
    },
    /// It was there and is not any more: unplugged, or its server ended.
    #[error("{device}: the device is gone")]
    Gone {
        /// The device's name.
        device: String,
    },
    /// A person has had enough: the window was closed, or Q or Esc pressed in it.
    #[error("{device}: closed by its user")]
    Closed {
        /// The device's name.
        device: String,
    },
    /// Someone called `stop`.
    #[error("{device}: stopped")]
    Stopped {
        /// The device's name.
        device: String,
    },
    /// Frames of a kind that the device does not take, or that can't be converted for it.
    #[error("{device}: {source}")]
    Media {
        /// The device's name.
        device: String,
        /// What is wrong.
        source: brooklet_media::Error,
    },
}

/// The system's words without Rust's ` (os error 2)`, in the middle of a sentence.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
