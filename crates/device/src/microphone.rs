//! Recording sound.
//!
//! | file | holds |
//! |---|---|
//! | `backlog` | what was captured and not read yet |
//! | `steady` | sound of a device's own clock, made to tick as the clock of all |

pub(crate) mod backlog;
mod steady;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use brooklet_convert::{AudioConverter, AudioTarget};
use brooklet_media::{AudioFrame, ChannelLayout, FramePool, SampleFormat};

use crate::backend::{HangUp, Recording};
use crate::{Error, Result};
use backlog::{Backlog, Over};
use steady::Steady;

/// The bounds of the fragment that can be asked for.
const FRAGMENT: (Duration, Duration) = (Duration::from_millis(2), Duration::from_secs(1));

/// What a [`Microphone`] is to give, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MicrophoneOptions {
    /// The device's name, as the list of devices tells it: a microphone, or the monitor of a speaker; `None` or `default`
    /// for what the user has chosen for all.
    pub device: Option<String>,
    /// What mixers show beside the volume of this recording.
    pub title: String,
    /// How much is captured before it is handed on, 2 ms to 1 s: the latency. The device may need more.
    pub fragment: Duration,
    /// Sample format, packed; the device's own is converted where it must be. Not 64-bit floats.
    pub format: SampleFormat,
    /// Samples of each channel in a second.
    pub rate: u32,
    /// The channels.
    pub layout: ChannelLayout,
}

impl Default for MicrophoneOptions {
    /// 16-bit integers, 48 kHz, stereo from the default device, 20 ms at a time.
    fn default() -> Self {
        Self {
            device: None,
            title: "brooklet".into(),
            fragment: Duration::from_millis(20),
            format: SampleFormat::S16,
            rate: 48_000,
            layout: ChannelLayout::Stereo,
        }
    }
}

/// Sound from a device.
///
/// It records from the start, whether it is read or not; a second of it waits for its reader at most, and then the oldest
/// is lost, which [`Microphone::lost`] counts. No two devices agree on how long a second is: the sound is resampled by
/// the little that it takes for its samples to tick as [`crate::capture_time`] does, for days. Dropping it stops it.
pub struct Microphone {
    name: String,
    backlog: Arc<Backlog>,
    steady: Steady,
    /// From what the device gives to what was asked for.
    converter: AudioConverter,
    recording: Recording,
}

impl Microphone {
    /// Opens a device and starts to record.
    ///
    /// # Errors
    ///
    /// [`Error::NoServer`] and [`Error::NoDevice`] where there is none, [`Error::Device`] where it refuses,
    /// [`Error::Media`] for sound that it does not give.
    pub fn open(options: &MicrophoneOptions) -> Result<Self> {
        let name = options.device.clone().unwrap_or_else(|| "microphone".into());
        let fragment = options.fragment.clamp(FRAGMENT.0, FRAGMENT.1);
        let (recording, backlog, given) =
            Recording::open(&name, &MicrophoneOptions { fragment, ..options.clone() })?;
        let pool = FramePool::new();
        let steady = Steady::new(given.format, given.rate, given.layout, pool.clone())
            .map_err(|source| Error::Media { device: name.clone(), source })?;
        let target = AudioTarget {
            format: Some(options.format),
            rate: Some(options.rate),
            layout: Some(options.layout),
        };
        Ok(Self { name, backlog, steady, converter: AudioConverter::new(target, pool), recording })
    }

    /// The next sound; blocks until there is some. Its pts count samples of [`crate::capture_time`], from when its first
    /// sample was in the air; each frame follows on the one before, but for where sound was lost.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] where the device went away, [`Error::Stopped`] after a stop.
    pub fn read(&mut self) -> Result<AudioFrame> {
        loop {
            if let Some(frame) = self.converter.poll() {
                return Ok(frame);
            }
            let device = || self.name.clone();
            let failed = |source| Error::Media { device: device(), source };
            if let Some(frame) = self.steady.poll() {
                self.converter.push(&frame).map_err(failed)?;
                continue;
            }
            match self.backlog.next() {
                Ok(fragment) => self.steady.push(&fragment).map_err(failed)?,
                Err(Over::Stopped) => return Err(Error::Stopped { device: device() }),
                Err(Over::Gone) => return Err(Error::Gone { device: device() }),
            }
        }
    }

    /// Forgets what was captured until now: the next sound is of now. It does not count as lost.
    pub fn skip_to_now(&mut self) {
        self.backlog.clear();
    }

    /// How many samples of each channel were lost, because nobody read them for a second.
    pub fn lost(&self) -> u64 {
        self.backlog.lost()
    }

    /// The way to stop it from another thread, while this one reads.
    pub fn stopper(&self) -> MicrophoneStopper {
        MicrophoneStopper { backlog: self.backlog.clone(), hang_up: self.recording.hang_up() }
    }
}

impl Drop for Microphone {
    fn drop(&mut self) {
        self.stopper().stop();
    }
}

impl fmt::Debug for Microphone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Microphone").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Stops a [`Microphone`] from any thread. Cloning shares it.
#[derive(Clone, Debug)]
pub struct MicrophoneStopper {
    backlog: Arc<Backlog>,
    hang_up: HangUp,
}

impl MicrophoneStopper {
    /// No more sound: whoever reads hears of it as [`Error::Stopped`].
    pub fn stop(&self) {
        self.backlog.end(Over::Stopped);
        self.hang_up.hang_up();
    }
}
