//! How far a job is, and what it has to say, shared between its threads and whoever watches.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use std::time::Duration;

use brooklet_media::{Frame, MediaKind, Packet, StreamParams, TimeBase};

/// Numbers of one output.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(super) frames: AtomicU64,
    pub(super) packets: AtomicU64,
    pub(super) bytes: AtomicU64,
    /// End of the latest packet, nanoseconds of media time.
    pub(super) time: AtomicI64,
    pub(super) duplicated: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) skipped: AtomicU64,
    playback: Mutex<Option<Playback>>,
    streams: OnceLock<Vec<StreamParams>>,
}

/// How a device that sound or pictures are played on fares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Playback {
    /// From a frame's being written to its being heard or seen, as far as it is known.
    pub latency: Duration,
    /// How often sound was wanted and none was there.
    pub underruns: u64,
    /// Pictures that were not shown, because the next was due.
    pub dropped: u64,
}

impl Counters {
    /// What the output begins with.
    pub(crate) fn begun(&self, streams: &[StreamParams]) {
        let _ = self.streams.set(streams.to_vec());
    }

    /// The streams that it began with, once it has.
    pub(super) fn streams(&self) -> Option<&[StreamParams]> {
        self.streams.get().map(Vec::as_slice)
    }

    /// A packet was written, and so many bytes in all.
    pub(crate) fn wrote(&self, stream: &StreamParams, packet: &Packet, bytes: u64) {
        let end = stream.time_base.at(packet.pts.saturating_add(packet.duration)).as_nanos();
        self.time.fetch_max(end, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
        self.packets.fetch_add(1, Ordering::Relaxed);
        if stream.media() == MediaKind::Video {
            self.frames.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A frame was handed to a device.
    pub(crate) fn presented(&self, frame: &Frame) {
        let length = match frame {
            Frame::Video(picture) => picture.duration,
            Frame::Audio(sound) => {
                TimeBase::hz(sound.rate()).rescale(sound.samples() as i64, sound.time_base)
            }
        };
        let end = frame.time_base().at(frame.pts().saturating_add(length)).as_nanos();
        self.time.fetch_max(end, Ordering::Relaxed);
        if matches!(frame, Frame::Video(_)) {
            self.frames.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How the device fares.
    pub(crate) fn set_playback(&self, playback: Playback) {
        self.skipped.store(playback.dropped, Ordering::Relaxed);
        *self.playback.lock().unwrap_or_else(PoisonError::into_inner) = Some(playback);
    }

    /// How the device fares, where this output is one and has been written to.
    pub(crate) fn playback(&self) -> Option<Playback> {
        *self.playback.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The trailer was written: so many bytes in all.
    pub(crate) fn finished(&self, bytes: u64) {
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// Packets that a slow peer did not get, so far.
    pub(crate) fn set_skipped(&self, skipped: u64) {
        self.skipped.store(skipped, Ordering::Relaxed);
    }

    /// Pictures duplicated and dropped to keep the frame rate, so far.
    pub(crate) fn set_frame_rate(&self, duplicated: u64, dropped: u64) {
        self.duplicated.store(duplicated, Ordering::Relaxed);
        self.dropped.store(dropped, Ordering::Relaxed);
    }
}

/// Warnings, until someone takes them. At most 100 wait; newer ones are dropped.
#[derive(Debug, Default)]
pub struct Journal {
    lines: Mutex<Vec<String>>,
    notes: Mutex<Vec<String>>,
    status: Mutex<String>,
}

impl Journal {
    const MOST: usize = 100;

    /// Adds a line.
    pub fn warn(&self, line: impl Into<String>) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < Self::MOST {
            lines.push(line.into());
        }
    }

    /// Adds a line for the 1st, 2nd, 4th, 8th … of a kind of event, so that a bad hour does not fill a disk.
    pub fn warn_some(&self, count: u64, line: impl FnOnce() -> String) {
        if count.is_power_of_two() {
            let times = if count > 1 { format!(" ({count} times so far)") } else { String::new() };
            self.warn(line() + &times);
        }
    }

    /// Adds a line that is no warning: how something went.
    pub fn note(&self, line: impl Into<String>) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() < Self::MOST {
            notes.push(line.into());
        }
    }

    /// Those lines since the last call.
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How an input fares now, for the status line; takes the place of what was said before.
    pub fn set_status(&self, status: String) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    /// What was said last of how an input fares.
    pub fn status(&self) -> String {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The lines since the last call.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
