//! `-f window`: pictures on the screen, each at its time.

use std::time::{Duration, Instant};

use brooklet_device::window::{Event, Key};
use brooklet_device::{Window, WindowOptions};
use brooklet_media::{Frame, FrameSink, Timestamp};

use super::DeviceSink;
use crate::job::{OutputSpec, Playback};
use crate::play::clock::{MasterClock, Turn};
use crate::play::shape;
use crate::{Error, Result, Stopper};

/// The longest that a stop goes unnoticed.
const NAP: Duration = Duration::from_millis(20);

/// A window, once the first picture has shown what it is to hold.
struct WindowSink {
    url: String,
    options: WindowOptions,
    stopper: Stopper,
    window: Option<Window>,
    clock: MasterClock,
    paused: bool,
    started: Instant,
    /// When the last picture has been seen for as long as it lasts.
    end: Option<Timestamp>,
}

/// The window that `spec` describes.
pub(super) fn open(spec: &OutputSpec, stopper: &Stopper) -> Box<dyn DeviceSink> {
    let device = &spec.device;
    let named = Some(spec.url.clone()).filter(|name| !matches!(name.as_str(), "" | "-"));
    let options = WindowOptions {
        title: device.title.clone().or(named).unwrap_or_else(|| "brooklet".into()),
        size: device.size,
        position: device.position,
        fullscreen: device.fullscreen,
        borderless: device.borderless,
    };
    Box::new(WindowSink {
        url: spec.url.clone(),
        options,
        stopper: stopper.clone(),
        window: None,
        clock: MasterClock::default(),
        paused: false,
        started: Instant::now(),
        end: None,
    })
}

impl FrameSink<Error> for WindowSink {
    fn write(&mut self, frame: Frame) -> Result<()> {
        let Frame::Video(picture) = frame else {
            return Err(Error::Usage(format!("{}: a window shows pictures", self.url)));
        };
        if self.window.is_none() {
            self.window = Some(Window::open(&self.options, shape(&picture))?);
        }
        let at = picture.time_base.at(picture.pts);
        let now = self.now();
        if self.clock.at(now).is_none() || self.clock.is_behind(at, now) {
            self.clock.start(at, now);
        }
        self.wait_until(at)?;
        let length = picture.time_base.at(picture.duration).since(Timestamp::ZERO);
        self.end = Some(at + length.min(Duration::from_secs(1)));
        self.window.iter().for_each(|window| window.show(picture.clone()));
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.end.map_or(Ok(()), |end| self.wait_until(end))
    }
}

impl DeviceSink for WindowSink {
    fn playback(&self) -> Playback {
        let dropped = self.window.as_ref().map_or(0, Window::dropped);
        Playback { dropped, ..Playback::default() }
    }
}

impl WindowSink {
    /// Waits for a moment of the pictures' own clock, and minds what a person does meanwhile.
    fn wait_until(&mut self, at: Timestamp) -> Result<()> {
        let Some(window) = &self.window else { return Ok(()) };
        loop {
            if self.stopper.is_stopped() {
                return Err(Error::Stopped);
            }
            let now = Timestamp::ZERO + self.started.elapsed();
            let left = match self.clock.turn(at, None, now) {
                _ if self.paused => NAP,
                Some(Turn::Wait(left)) => left.min(NAP),
                _ => Duration::ZERO,
            };
            match window.event(left) {
                Some(Event::Close) => return Err(Error::Closed { url: self.url.clone() }),
                Some(Event::Key(Key::Space | Key::Letter('p'))) => {
                    self.paused = !self.paused;
                    self.clock.pause(self.paused, now);
                }
                Some(Event::Key(_)) => {}
                None if left.is_zero() => return Ok(()),
                None => {}
            }
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.started.elapsed()
    }
}
