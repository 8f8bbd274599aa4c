//! Reading a device as it captures, and waiting for one that was unplugged: the same for all of them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use brooklet_device::Error as DeviceError;
use brooklet_media::DemuxEvent;

use crate::backoff::{Backoff, after};
use crate::protocol::{PacketSource, SourceOptions};
use crate::{Error, Result};

/// What a device has given and nobody has taken: the events of one [`Recorder::read`] at most.
pub(super) type Events = VecDeque<DemuxEvent>;

/// One kind of device.
pub(super) trait Recorder: Send {
    /// The device, while it is there. Dropping it closes it.
    type Device: Send;

    /// Opens it. `events` hears what its stream is, where that is known before anything comes of it.
    fn open(&mut self, events: &mut Events) -> Result<Self::Device>;

    /// What frees a read from another thread.
    fn stopper(device: &Self::Device) -> Box<dyn Fn() + Send>;

    /// All inputs are open, and what it gives is wanted from now on: forgets what was captured before, where that does no harm.
    fn begin(&mut self, device: &mut Self::Device);

    /// Waits for what it gives next.
    fn read(&mut self, device: &mut Self::Device, events: &mut Events) -> Result<()>;

    /// How much was lost so far because it was not read in time, in pictures or samples.
    fn lost(device: &Self::Device) -> u64;

    /// How much of that is worth a line; then twice as much is, and so on, for a machine that is too slow is so for long.
    fn worth_telling(&self) -> u64;

    /// That line.
    fn loss(&self, lost: u64) -> String;
}

/// A device as an input, and the way to open it again.
pub(super) struct Capture<R: Recorder> {
    recorder: R,
    /// `None` while it is gone.
    device: Option<R::Device>,
    /// Of the one that is open.
    stop: Stop,
    options: SourceOptions,
    backoff: Backoff,
    events: Events,
    /// Its stream has been told.
    known: bool,
    /// Whether what it gives is wanted from now on.
    reading: bool,
    /// What was lost, and has been told.
    told: u64,
    /// How often it has gone so far.
    gone: u64,
    /// What is waited for, as it calls itself.
    absent: String,
}

type Stop = Arc<Mutex<Option<Box<dyn Fn() + Send>>>>;

impl<R: Recorder> Capture<R> {
    /// Opens it; it captures from then on.
    ///
    /// # Errors
    ///
    /// Where there is no such device, or it does not give what was asked for: the first time, nothing is waited for.
    pub(super) fn open(recorder: R, options: &SourceOptions) -> Result<Self> {
        let stop = Stop::default();
        let stopped = stop.clone();
        options.stopper.on_stop(move || lock(&stopped).iter().for_each(|stop| stop()));
        let mut capture = Self {
            recorder,
            device: None,
            stop,
            options: options.clone(),
            backoff: Backoff::new(options.reconnect),
            events: Events::new(),
            known: false,
            reading: false,
            told: 0,
            gone: 0,
            absent: String::new(),
        };
        capture.connect()?;
        Ok(capture)
    }

    fn connect(&mut self) -> Result<()> {
        let device = self.recorder.open(&mut self.events)?;
        *lock(&self.stop) = Some(R::stopper(&device));
        if self.options.stopper.is_stopped() {
            return Err(Error::Stopped);
        }
        self.device = Some(device);
        self.told = 0;
        Ok(())
    }

    /// Waits for the device, or its server, to come back.
    fn connect_again(&mut self) -> Result<()> {
        let lost = Instant::now();
        loop {
            let wait = self.backoff.failed();
            let due = Instant::now() + wait.unwrap_or(Duration::ZERO);
            if !self.options.stopper.sleep_until(due) {
                return Err(Error::Stopped);
            }
            match self.connect() {
                Err(error) if wait.is_none() || !may_come_back(&error) => return Err(error),
                Err(_) => {}
                Ok(()) => {
                    let line = || format!("{}: the device is back {}", self.absent, after(lost));
                    self.options.journal.warn_some(self.gone, line);
                    return Ok(());
                }
            }
        }
    }
}

impl<R: Recorder> PacketSource for Capture<R> {
    fn is_live(&self) -> bool {
        true
    }

    fn is_captured(&self) -> bool {
        true
    }

    fn next(&mut self) -> Result<Option<DemuxEvent>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                self.known |= matches!(event, DemuxEvent::HeaderRead);
                return Ok(Some(event));
            }
            let Some(device) = &mut self.device else {
                self.connect_again()?;
                return Ok(Some(DemuxEvent::Discontinuity));
            };
            if self.known && !self.reading {
                self.recorder.begin(device);
                self.reading = true;
            }
            match self.recorder.read(device, &mut self.events) {
                Ok(()) => self.backoff.succeeded(),
                // What a driver says of a device that was unplugged is not always that: vivid has EINVAL.
                Err(Error::Device {
                    source:
                        ref gone @ (DeviceError::Gone { ref device } | DeviceError::Device { ref device, .. }),
                }) if self.options.reconnect.enabled => {
                    self.gone += 1;
                    let line = || format!("{gone}; waiting for it to come back");
                    self.options.journal.warn_some(self.gone, line);
                    self.absent.clone_from(device);
                    self.device = None;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn take_warnings(&mut self) -> Vec<String> {
        let lost = self.device.as_ref().map_or(0, R::lost);
        if lost < (self.told * 2).max(self.recorder.worth_telling()) {
            return Vec::new();
        }
        self.told = lost;
        vec![self.recorder.loss(lost)]
    }
}

/// Whether a device that can't be opened may be there later.
fn may_come_back(error: &Error) -> bool {
    !matches!(error, Error::Device { source: DeviceError::Media { .. } } | Error::Stopped)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
