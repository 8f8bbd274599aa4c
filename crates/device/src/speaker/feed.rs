//! What waits to be heard, given out as a device asks for it.
//!
//! A device takes sound when it wants it, whether there is any or not. What it takes is therefore never cut off: where
//! the sound has run out, the last sample fades away and silence follows, until there is enough again to go on without
//! stumbling, and that fades in. Every sound is so heard whole, and no edge is heard as a click.
//!
//! Frames here are one sample of each channel.

use std::collections::VecDeque;
use std::time::Duration;

use brooklet_media::SampleFormat;

use super::ramp;

/// How long sound takes to fade away, or in: too short to be heard as such, too long for a click.
const FADE: Duration = Duration::from_millis(5);
/// Stretches of sound that are remembered, to tell what is heard; the oldest goes.
const RUNS: usize = 64;

/// The sound of one stream on its way to a device. It holds no more than the latency that was asked for.
#[derive(Debug)]
pub(crate) struct Feed {
    format: SampleFormat,
    frame_bytes: usize,
    rate: u32,
    /// Frames that wait before anything is given out, and again after an under-run.
    full: usize,
    /// Of these, how many the device itself holds once it plays.
    ahead: usize,
    waiting: VecDeque<u8>,
    phase: Phase,
    /// Frames that still fade: in where it sounds, out where it ran out.
    fade: usize,
    /// The last frame that was given out.
    last: Vec<u8>,
    /// Frames given out, silence included.
    given: u64,
    /// Frames taken, those that were forgotten included.
    taken: u64,
    /// Where sound lies in what was given out, oldest first.
    runs: VecDeque<Run>,
    underruns: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Nothing was given out yet: the device waits.
    Filling,
    Sounding,
    /// It ran out, and the device hears silence while it fills again.
    Starved,
    /// No more comes: it may run out.
    Ending,
}

/// Frames given out from `given` on are frames taken from `taken` on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Run {
    given: u64,
    taken: u64,
    frames: u64,
}

impl Feed {
    /// For packed sound of `channels` channels: `latency` from being taken to being heard, `ahead` of it within the
    /// device.
    pub(crate) fn new(
        format: SampleFormat,
        rate: u32,
        channels: usize,
        latency: Duration,
        ahead: Duration,
    ) -> Self {
        let frame_bytes = format.bytes() * channels;
        let full = frames(rate, latency).max(1);
        Self {
            format,
            frame_bytes,
            rate,
            full,
            ahead: frames(rate, ahead).min(full - 1),
            waiting: VecDeque::new(),
            phase: Phase::Filling,
            fade: 0,
            last: vec![ramp::silence(format); frame_bytes],
            given: 0,
            taken: 0,
            runs: VecDeque::new(),
            underruns: 0,
        }
    }

    /// Bytes of one frame.
    pub(crate) const fn frame_bytes(&self) -> usize {
        self.frame_bytes
    }

    /// Takes as much of `bytes` as there is room for, in whole frames, and says how many bytes that is.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> usize {
        if self.phase == Phase::Ending {
            self.phase = if self.waiting.is_empty() { Phase::Filling } else { Phase::Sounding };
        }
        let room = self.capacity().saturating_sub(self.waiting()) * self.frame_bytes;
        let count = bytes.len().min(room) / self.frame_bytes * self.frame_bytes;
        self.waiting.extend(&bytes[..count]);
        self.taken += (count / self.frame_bytes) as u64;
        if self.waiting() >= self.capacity() {
            self.go();
        }
        count
    }

    /// Whether [`Feed::push`] would take anything.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting() < self.capacity()
    }

    /// Gives out what waits, whether it is enough or not.
    pub(crate) fn go(&mut self) {
        if self.holds_back() {
            if self.phase == Phase::Starved {
                self.fade = self.fade_frames();
            }
            self.phase = Phase::Sounding;
        }
    }

    /// No more will be pushed for now: running out is no under-run.
    pub(crate) fn end(&mut self) {
        self.phase = Phase::Ending;
    }

    /// Appends up to `wanted` frames to `out` and says how many. Fewer, or none, are given only before the first
    /// sound and after the last: then the device is to wait.
    pub(crate) fn fill(&mut self, wanted: usize, out: &mut Vec<u8>) -> usize {
        let before = self.given;
        if matches!(self.phase, Phase::Sounding | Phase::Ending) {
            self.give_sound(wanted, out);
        }
        let left = wanted - (self.given - before) as usize;
        if left > 0 && self.phase == Phase::Sounding {
            self.starve();
        }
        if self.phase == Phase::Starved {
            self.give_silence(left, out);
        }
        (self.given - before) as usize
    }

    /// Forgets what waits: it counts as heard. What follows fades in.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
        self.runs.clear();
        self.runs.push_back(Run { given: self.given, taken: self.taken, frames: 0 });
        self.last.fill(ramp::silence(self.format));
        self.fade = self.fade_frames();
        self.phase = Phase::Filling;
    }

    /// The device itself ran out: nobody gave it anything in time.
    pub(crate) fn note_underrun(&mut self) {
        if self.phase == Phase::Sounding {
            self.underruns += 1;
            self.fade = self.fade_frames();
        }
    }

    /// Frames that wait here.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len() / self.frame_bytes
    }

    /// Frames given out, silence included.
    pub(crate) const fn given(&self) -> u64 {
        self.given
    }

    /// Whether something waits that is not given out because it is too little.
    pub(crate) fn holds_back(&self) -> bool {
        matches!(self.phase, Phase::Filling | Phase::Starved) && !self.waiting.is_empty()
    }

    /// How often it ran out.
    pub(crate) const fn underruns(&self) -> u64 {
        self.underruns
    }

    /// Which frame of all that were taken is heard when `given` of all that were given out are.
    pub(crate) fn heard(&self, given: u64) -> u64 {
        let run = self.runs.iter().rev().find(|run| run.given <= given).or(self.runs.front());
        run.map_or(0, |run| run.taken + given.saturating_sub(run.given).min(run.frames))
    }

    /// Frames that may wait here now.
    fn capacity(&self) -> usize {
        if self.phase == Phase::Filling { self.full } else { self.full - self.ahead }
    }

    fn fade_frames(&self) -> usize {
        frames(self.rate, FADE).max(1)
    }

    /// Appends up to `wanted` frames of sound, faded in.
    fn give_sound(&mut self, wanted: usize, out: &mut Vec<u8>) {
        let frames = wanted.min(self.waiting());
        if frames == 0 {
            return;
        }
        let (start, first) = (out.len(), self.taken - self.waiting() as u64);
        out.extend(self.waiting.drain(..frames * self.frame_bytes));
        let whole = self.fade_frames();
        for frame in out[start..].chunks_exact_mut(self.frame_bytes).take(self.fade) {
            ramp::scale(self.format, frame, whole - self.fade, whole);
            self.fade -= 1;
        }
        self.last.copy_from_slice(&out[out.len() - self.frame_bytes..]);
        self.note_run(first, frames as u64);
        self.given += frames as u64;
    }

    /// Frames taken from `first` on are given out next.
    fn note_run(&mut self, first: u64, frames: u64) {
        if let Some(run) = self.runs.back_mut()
            && (run.given + run.frames, run.taken + run.frames) == (self.given, first)
        {
            run.frames += frames;
            return;
        }
        self.runs.push_back(Run { given: self.given, taken: first, frames });
        if self.runs.len() > RUNS {
            self.runs.pop_front();
        }
    }

    fn starve(&mut self) {
        self.phase = Phase::Starved;
        self.underruns += 1;
        self.fade = self.fade_frames();
    }

    /// Appends the last frame as it fades away, then silence.
    fn give_silence(&mut self, frames: usize, out: &mut Vec<u8>) {
        let (whole, end) = (self.fade_frames(), out.len() + frames * self.frame_bytes);
        for _ in 0..frames.min(self.fade) {
            self.fade -= 1;
            let start = out.len();
            out.extend(&self.last);
            ramp::scale(self.format, &mut out[start..], self.fade, whole);
        }
        out.resize(end, ramp::silence(self.format));
        self.given += frames as u64;
    }
}

/// How many frames last as long as `time`.
pub(crate) fn frames(rate: u32, time: Duration) -> usize {
    usize::try_from(time.as_nanos() * u128::from(rate) / 1_000_000_000).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
