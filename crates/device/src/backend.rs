//! Which sound system serves: on Linux the sound server, and ALSA where there is none and the feature `alsa` is on;
//! elsewhere what the system has.

use std::sync::Arc;

use brooklet_media::{ChannelLayout, SampleFormat};

#[cfg(all(target_os = "linux", feature = "alsa"))]
use crate::Error;
use crate::Result;
use crate::list::Device;
use crate::microphone::MicrophoneOptions;
use crate::microphone::backlog::Backlog;
#[cfg(target_os = "linux")]
use crate::pulse;
use crate::speaker::SpeakerOptions;
use crate::speaker::line::{Line, State};
#[cfg(any(feature = "alsa", not(target_os = "linux")))]
use crate::system;

/// The sound that a device takes or gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Taken {
    /// Packed.
    pub(crate) format: SampleFormat,
    pub(crate) rate: u32,
    pub(crate) layout: ChannelLayout,
}

/// A stream to a device.
#[derive(Debug)]
pub(crate) enum Playback {
    #[cfg(target_os = "linux")]
    Pulse(pulse::playback::Playback),
    #[cfg(any(feature = "alsa", not(target_os = "linux")))]
    System(system::Playback),
}

/// A stream from a device.
#[derive(Debug)]
pub(crate) enum Recording {
    #[cfg(target_os = "linux")]
    Pulse(pulse::record::Recording),
    #[cfg(any(feature = "alsa", not(target_os = "linux")))]
    // Kept, for it ends when it is dropped.
    #[allow(dead_code)]
    System(system::Recording),
}

/// Ends a stream from any thread.
#[derive(Clone, Debug)]
pub(crate) enum HangUp {
    #[cfg(target_os = "linux")]
    Pulse(pulse::playback::HangUp),
    #[cfg(any(feature = "alsa", not(target_os = "linux")))]
    System,
}

/// Does the same with whichever there is.
macro_rules! each {
    ($kind:ident, $this:expr, $stream:ident => $body:expr) => {
        match $this {
            #[cfg(target_os = "linux")]
            $kind::Pulse($stream) => $body,
            #[cfg(any(feature = "alsa", not(target_os = "linux")))]
            $kind::System($stream) => $body,
        }
    };
}

impl Playback {
    pub(crate) fn open(name: &str, options: &SpeakerOptions) -> Result<(Self, Arc<Line>, Taken)> {
        first(
            #[cfg(target_os = "linux")]
            || {
                pulse::playback::Playback::open(name, options)
                    .map(|(stream, line, taken)| (Self::Pulse(stream), line, taken))
            },
            #[cfg(any(feature = "alsa", not(target_os = "linux")))]
            || {
                system::Playback::open(name, options)
                    .map(|(stream, line, taken)| (Self::System(stream), line, taken))
            },
        )
    }

    /// Hands the device what it has asked for.
    pub(crate) fn pump(&self, state: &mut State) {
        each!(Playback, self, stream => stream.pump(state));
    }

    /// Blocks until what the device was given has been heard.
    pub(crate) fn drain(&self) -> Result<()> {
        each!(Playback, self, stream => stream.drain())
    }

    pub(crate) fn pause(&self, paused: bool) -> Result<()> {
        each!(Playback, self, stream => stream.pause(paused))
    }

    /// Forgets what the device was given.
    pub(crate) fn flush(&self) -> Result<()> {
        each!(Playback, self, stream => stream.flush())
    }

    pub(crate) fn set_volume(&self, volume: f32) -> Result<()> {
        each!(Playback, self, stream => stream.set_volume(volume))
    }

    pub(crate) fn hang_up(&self) -> HangUp {
        match self {
            #[cfg(target_os = "linux")]
            Self::Pulse(stream) => HangUp::Pulse(stream.hang_up()),
            #[cfg(any(feature = "alsa", not(target_os = "linux")))]
            Self::System(_) => HangUp::System,
        }
    }
}

impl Recording {
    pub(crate) fn open(name: &str, options: &MicrophoneOptions) -> Result<(Self, Arc<Backlog>, Taken)> {
        first(
            #[cfg(target_os = "linux")]
            || {
                pulse::record::Recording::open(name, options)
                    .map(|(stream, line, taken)| (Self::Pulse(stream), line, taken))
            },
            #[cfg(any(feature = "alsa", not(target_os = "linux")))]
            || {
                system::Recording::open(name, options)
                    .map(|(stream, line, taken)| (Self::System(stream), line, taken))
            },
        )
    }

    pub(crate) fn hang_up(&self) -> HangUp {
        match self {
            #[cfg(target_os = "linux")]
            Self::Pulse(stream) => HangUp::Pulse(stream.hang_up()),
            #[cfg(any(feature = "alsa", not(target_os = "linux")))]
            Self::System(_) => HangUp::System,
        }
    }
}

impl HangUp {
    /// The stream of a sound server ends at once. Others end with their owner, and are silent until then, for their line is
    /// over.
    pub(crate) fn hang_up(&self) {
        match self {
            #[cfg(target_os = "linux")]
            Self::Pulse(stream) => stream.hang_up(),
            #[cfg(any(feature = "alsa", not(target_os = "linux")))]
            Self::System => {}
        }
    }
}

/// The devices for sound.
pub(crate) fn sound_devices() -> Result<Vec<Device>> {
    first(
        #[cfg(target_os = "linux")]
        pulse::list::sound_devices,
        #[cfg(any(feature = "alsa", not(target_os = "linux")))]
        system::sound_devices,
    )
}

/// What the sound server says; where there is none, what the system says.
#[cfg(all(target_os = "linux", feature = "alsa"))]
fn first<T>(server: impl FnOnce() -> Result<T>, system: impl FnOnce() -> Result<T>) -> Result<T> {
    match server() {
        Err(Error::NoServer { .. }) => system(),
        other => other,
    }
}

/// What the one that this build has says.
#[cfg(not(all(target_os = "linux", feature = "alsa")))]
fn first<T>(only: impl FnOnce() -> Result<T>) -> Result<T> {
    only()
}
