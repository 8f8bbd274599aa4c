//! Playing sound.
//!
//! | file | holds |
//! |---|---|
//! | `feed` | what waits to be heard, and what is heard where nothing does |
//! | `position` | where the device is, between its reports |
//! | `line` | what writer, clocks and device share |
//! | `ramp` | samples made quieter |

pub(crate) mod feed;
pub(crate) mod line;
mod position;
pub(crate) mod ramp;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use brooklet_convert::{AudioConverter, AudioTarget};
use brooklet_media::{AudioFrame, ChannelLayout, FramePool, SampleFormat, TimeBase};

use crate::backend::Playback;
use crate::{Error, Result};
use line::{Line, Over};

/// The bounds of the latency that can be asked for.
const LATENCY: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(10));
/// Waits are looked at again after this, so that none is for ever.
const LOOK: Duration = Duration::from_millis(500);

/// What will be written to a [`Speaker`], and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpeakerOptions {
    /// The device's name, as the list of devices tells it; `None` or `default` for what the user has chosen for all.
    pub device: Option<String>,
    /// What mixers show beside the volume of this sound.
    pub title: String,
    /// From a sample's being written to its being heard, 10 ms to 10 s. Shorter answers sooner, longer stumbles less; the
    /// device may need more than was asked: [`SpeakerClock::latency`] tells.
    pub latency: Duration,
    /// Sample format of what is written.
    pub format: SampleFormat,
    /// Samples of each channel in a second of what is written.
    pub rate: u32,
    /// The channels of what is written.
    pub layout: ChannelLayout,
}

impl Default for SpeakerOptions {
    /// 32-bit floats, 48 kHz, stereo to the default device with 200 ms of latency.
    fn default() -> Self {
        Self {
            device: None,
            title: "brooklet".into(),
            latency: Duration::from_millis(200),
            format: SampleFormat::F32,
            rate: 48_000,
            layout: ChannelLayout::Stereo,
        }
    }
}

/// A stream of sound to a device.
///
/// The device takes any format, rate and channels, or it is converted. Sound begins when as much waits as the latency
/// holds, or when nothing came for that long. Where it runs out, it fades away, is counted, and goes on when there is
/// enough again: nothing that was written is lost, and no edge is heard as a click. Dropping a speaker stops it at once;
/// [`Speaker::drain`] waits for the end.
pub struct Speaker {
    name: String,
    rate: u32,
    /// Samples in a second of what the device takes.
    device_rate: u32,
    converter: AudioConverter,
    /// Samples that were written.
    written: u64,
    line: Arc<Line>,
    device: Playback,
}

impl Speaker {
    /// Opens a device. It is silent until something is written.
    ///
    /// # Errors
    ///
    /// [`Error::NoServer`] and [`Error::NoDevice`] where there is none, [`Error::Device`] where it refuses,
    /// [`Error::Media`] for sound that it does not take and that can't be converted.
    pub fn open(options: &SpeakerOptions) -> Result<Self> {
        let name = options.device.clone().unwrap_or_else(|| "speaker".into());
        let latency = options.latency.clamp(LATENCY.0, LATENCY.1);
        let (device, line, taken) = Playback::open(&name, &SpeakerOptions { latency, ..options.clone() })?;
        let target =
            AudioTarget { format: Some(taken.format), rate: Some(taken.rate), layout: Some(taken.layout) };
        let converter = AudioConverter::new(target, FramePool::new());
        Ok(Self { name, rate: options.rate, device_rate: taken.rate, converter, written: 0, line, device })
    }

    /// Writes sound, to be heard after all that was written before; its pts mean nothing here. Blocks while as much
    /// waits as the latency holds: that is the back-pressure.
    ///
    /// # Errors
    ///
    /// [`Error::Gone`] where the device went away, [`Error::Stopped`] after a stop, [`Error::Media`] for sound that
    /// can't be converted.
    pub fn write(&mut self, frame: &AudioFrame) -> Result<()> {
        let mut frame = frame.clone();
        // One stream without gaps, whatever its times say.
        let time_base = TimeBase::hz(self.rate);
        let samples = TimeBase::hz(frame.rate()).rescale(frame.samples() as i64, time_base);
        (frame.pts, frame.time_base) = (self.written as i64, time_base);
        self.written = self.written.saturating_add_signed(samples);
        self.convert(|converter| converter.push(&frame))
    }

    /// Blocks until the last sample that was written has been heard; a pause ends. More may be written after it.
    ///
    /// # Errors
    ///
    /// As [`Speaker::write`].
    pub fn drain(&mut self) -> Result<()> {
        self.convert(AudioConverter::flush)?;
        self.pause(false)?;
        let mut state = self.line.lock();
        state.feed.end();
        while state.feed.waiting() > 0 {
            self.check(state.over)?;
            self.device.pump(&mut state);
            if state.feed.waiting() > 0 {
                state = self.line.wait(state, LOOK);
            }
        }
        drop(state);
        let drained = self.device.drain();
        let mut state = self.line.lock();
        self.check(state.over)?;
        drained?;
        state.note_end();
        Ok(())
    }

    /// Silences it at once, and for good: what waits is forgotten.
    pub fn stop(&mut self) {
        self.stopper().stop();
    }

    /// The way to stop it from another thread, while this one writes or drains.
    pub fn stopper(&self) -> SpeakerStopper {
        SpeakerStopper { line: self.line.clone(), hang_up: self.device.hang_up() }
    }

    /// Holds the sound, or lets it go on from there. Writing then blocks when as much waits as the latency holds.
    ///
    /// # Errors
    ///
    /// As [`Speaker::write`].
    pub fn pause(&mut self, paused: bool) -> Result<()> {
        let mut state = self.line.lock();
        self.check(state.over)?;
        if state.paused == paused {
            return Ok(());
        }
        state.set_paused(paused);
        drop(state);
        self.device.pause(paused)?;
        let mut state = self.line.lock();
        self.device.pump(&mut state);
        Ok(())
    }

    /// How loud this stream is: 0 is silence, 1 is as it was written.
    ///
    /// # Errors
    ///
    /// As [`Speaker::write`].
    pub fn set_volume(&mut self, volume: f32) -> Result<()> {
        self.device.set_volume(volume)
    }

    /// Forgets what was written and has not been heard, as after a seek; it counts as heard.
    ///
    /// # Errors
    ///
    /// As [`Speaker::write`].
    pub fn flush(&mut self) -> Result<()> {
        self.converter.flush().map_err(|source| self.media(source))?;
        while self.converter.poll().is_some() {}
        let mut state = self.line.lock();
        self.check(state.over)?;
        state.clear();
        drop(state);
        self.device.flush()
    }

    /// What is heard when.
    pub fn clock(&self) -> SpeakerClock {
        SpeakerClock { line: self.line.clone(), rate: self.rate, device_rate: self.device_rate }
    }

    /// Hands on what comes of `push`.
    fn convert(
        &mut self,
        push: impl FnOnce(&mut AudioConverter) -> brooklet_media::Result<()>,
    ) -> Result<()> {
        push(&mut self.converter).map_err(|source| self.media(source))?;
        while let Some(frame) = self.converter.poll() {
            self.send(frame.plane(0))?;
        }
        Ok(())
    }

    fn send(&self, mut bytes: &[u8]) -> Result<()> {
        let mut state = self.line.lock();
        loop {
            self.check(state.over)?;
            bytes = &bytes[state.push(bytes)..];
            self.device.pump(&mut state);
            if bytes.is_empty() {
                return Ok(());
            }
            if !state.has_room() {
                state = self.line.wait(state, LOOK);
            }
        }
    }

    fn check(&self, over: Option<Over>) -> Result<()> {
        let device = || self.name.clone();
        match over {
            None => Ok(()),
            Some(Over::Stopped) => Err(Error::Stopped { device: device() }),
            Some(Over::Gone) => Err(Error::Gone { device: device() }),
        }
    }

    fn media(&self, source: brooklet_media::Error) -> Error {
        Error::Media { device: self.name.clone(), source }
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Speaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Speaker")
            .field("name", &self.name)
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

/// Stops a [`Speaker`] from any thread. Cloning shares it.
#[derive(Clone, Debug)]
pub struct SpeakerStopper {
    line: Arc<Line>,
    hang_up: crate::backend::HangUp,
}

impl SpeakerStopper {
    /// As [`Speaker::stop`]; whoever writes or drains hears of it as [`Error::Stopped`].
    pub fn stop(&self) {
        self.line.end(Over::Stopped);
        self.hang_up.hang_up();
    }
}

/// What is heard of a [`Speaker`], and when: the clock that pictures follow. Cloning shares it.
#[derive(Clone, Debug)]
pub struct SpeakerClock {
    line: Arc<Line>,
    /// Of what is written.
    rate: u32,
    device_rate: u32,
}

impl SpeakerClock {
    /// How many samples of each channel, of all that were written, have been heard until now, or forgotten by a flush.
    /// Told from the device's reports and the time since; it never goes back, and stands while nothing is heard.
    pub fn heard(&self) -> u64 {
        let heard = self.line.heard();
        (u128::from(heard) * u128::from(self.rate) / u128::from(self.device_rate.max(1))) as u64
    }

    /// How long it takes until what is written now is heard.
    pub fn latency(&self) -> Duration {
        self.line.latency()
    }

    /// How often the sound ran out.
    pub fn underruns(&self) -> u64 {
        self.line.lock().feed.underruns()
    }
}
