//! A stream to a device that asks for sound in a callback.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{Data, ErrorKind, OutputCallbackInfo, Stream};

use super::{failed, find, is_end, nearest};
use crate::backend::Taken;
use crate::list::DeviceKind;
use crate::speaker::SpeakerOptions;
use crate::speaker::feed::Feed;
use crate::speaker::line::{Line, Over, State};
use crate::speaker::ramp;
use crate::{Error, Result};

/// How often it is looked whether the last sample has been heard.
const LOOK: Duration = Duration::from_millis(10);
/// A device that has heard nothing for so long does not play.
const PATIENCE: Duration = Duration::from_secs(10);

/// A stream that plays what a [`Line`] holds.
pub(crate) struct Playback {
    name: String,
    line: Arc<Line>,
    /// As bits of a float.
    volume: Arc<AtomicU32>,
    /// Ends when it is dropped. Behind a lock, for not every system's streams can be shared.
    _stream: Mutex<Stream>,
}

impl Playback {
    /// Opens a stream for what the device takes that is nearest to `options`.
    pub(crate) fn open(name: &str, options: &SpeakerOptions) -> Result<(Self, Arc<Line>, Taken)> {
        let device = find(DeviceKind::Speaker, options.device.as_deref())?;
        let wanted = Taken { format: options.format.packed(), rate: options.rate, layout: options.layout };
        let ways = device.supported_output_configs().map_err(|error| failed(name, "cannot open", &error))?;
        let way = nearest(&wanted, ways, device.default_output_config());
        let (config, format, taken) = way.ok_or_else(|| Error::Media {
            device: name.into(),
            source: brooklet_media::Error::unsupported("what it takes", "u8, s16, s32, flt, dbl"),
        })?;
        // The device holds what it has asked for; how much that is, it says in each callback.
        let feed =
            Feed::new(taken.format, taken.rate, taken.layout.channels(), options.latency, Duration::ZERO);
        let line = Arc::new(Line::new(feed, taken.rate));
        let volume = Arc::new(AtomicU32::new(1f32.to_bits()));
        let mut callback = Callback {
            line: line.clone(),
            volume: volume.clone(),
            taken,
            patience: options.latency,
            silent: 0,
            sound: Vec::new(),
        };
        let troubled = line.clone();
        let on_error = move |error: cpal::Error| match error.kind() {
            ErrorKind::Xrun => troubled.lock().feed.note_underrun(),
            _ if is_end(&error) => troubled.end(Over::Gone),
            _ => {}
        };
        let fill = move |data: &mut Data, info: &OutputCallbackInfo| callback.fill(data, info);
        let stream = device
            .build_output_stream_raw(config, format, fill, on_error, None)
            .map_err(|error| failed(name, "cannot open", &error))?;
        stream.play().map_err(|error| failed(name, "cannot play", &error))?;
        Ok((Self { name: name.into(), line: line.clone(), volume, _stream: Mutex::new(stream) }, line, taken))
    }

    /// The device asks for itself.
    pub(crate) const fn pump(&self, _: &mut State) {}

    /// Blocks until all that was given has been heard.
    pub(crate) fn drain(&self) -> Result<()> {
        let (mut heard, mut moved) = (0, Instant::now());
        loop {
            let state = self.line.lock();
            let (given, now) = (state.feed.given(), state.position.heard(Instant::now(), state.feed.given()));
            if state.over.is_some() || now >= given {
                return Ok(());
            }
            drop(self.line.wait(state, LOOK));
            if now > heard {
                (heard, moved) = (now, Instant::now());
            }
            if moved.elapsed() > PATIENCE {
                return Err(Error::Gone { device: self.name.clone() });
            }
        }
    }

    /// It plays silence where the line is paused.
    pub(crate) const fn pause(&self, _: bool) -> Result<()> {
        Ok(())
    }

    /// What the device has asked for can't be taken back: it is some milliseconds.
    pub(crate) const fn flush(&self) -> Result<()> {
        Ok(())
    }

    pub(crate) fn set_volume(&self, volume: f32) -> Result<()> {
        self.volume.store(volume.clamp(0.0, 1.0).to_bits(), Ordering::Relaxed);
        Ok(())
    }
}

impl std::fmt::Debug for Playback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Playback").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Fills what the device asks for.
struct Callback {
    line: Arc<Line>,
    volume: Arc<AtomicU32>,
    taken: Taken,
    patience: Duration,
    /// Frames of silence since the last that the feed gave.
    silent: u64,
    sound: Vec<u8>,
}

impl Callback {
    fn fill(&mut self, data: &mut Data, info: &OutputCallbackInfo) {
        let bytes = data.bytes_mut();
        let times = info.timestamp();
        let ahead = times.playback.duration_since(times.callback);
        let frame_bytes = self.taken.format.bytes() * self.taken.layout.channels();
        self.sound.clear();
        let mut state = self.line.lock();
        state.lose_patience(self.patience);
        // What it holds already is heard before what it gets now.
        let within = state.frames(ahead);
        let heard = (state.feed.given() + self.silent).saturating_sub(within).min(state.feed.given());
        if !state.paused && state.over.is_none() {
            state.position.report(heard, Instant::now(), true);
        }
        state.wanted = bytes.len() / frame_bytes;
        if state.over.is_none() {
            state.pull(&mut self.sound);
        }
        let given = self.sound.len() / frame_bytes;
        self.silent = (state.wanted as u64) + if given > 0 { 0 } else { self.silent };
        drop(state);
        self.line.wake();
        let volume = f32::from_bits(self.volume.load(Ordering::Relaxed));
        if volume < 1.0 {
            ramp::scale(self.taken.format, &mut self.sound, (volume * 65_536.0) as usize, 65_536);
        }
        bytes[..self.sound.len()].copy_from_slice(&self.sound);
        bytes[self.sound.len()..].fill(ramp::silence(self.taken.format));
    }
}
