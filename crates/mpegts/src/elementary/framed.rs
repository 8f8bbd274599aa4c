//! Streams whose frames say how long they are: AAC in ADTS, MPEG audio, AC-3.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use brooklet_media::{TimeBase, Trim};
use bytes::{Bytes, BytesMut};

use super::{Elementary, Format, Found, Unit};
use crate::pes::Times;

/// What a frame's header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FrameHead<C> {
    /// Bytes of the frame, header included.
    pub(super) bytes: usize,
    /// Bytes of the header that do not belong to the access unit.
    pub(super) header: usize,
    /// Samples of each channel in the frame.
    pub(super) samples: u32,
    /// Samples of each channel in a second.
    pub(super) rate: u32,
    /// Whether the frame adds to the one before it and is part of the same access unit.
    pub(super) dependent: bool,
    /// What is the same in all frames.
    pub(super) config: C,
}

/// What differs between the codecs.
pub(super) trait FrameSyntax: Default + Send {
    /// What a header says of the whole stream.
    type Config: Copy + PartialEq + Send;

    /// Bytes of a header.
    const HEADER: usize;

    /// Whether frames after the first in a PES packet are timed to the nearest tick, or each a whole number of ticks
    /// after the last. ffmpeg does the one for AAC and the other for the rest; times here are to equal its.
    const TO_NEAREST: bool = false;

    /// Reads a header; `None` where there is none.
    fn head(bytes: &[u8]) -> Option<FrameHead<Self::Config>>;

    /// What the stream is.
    fn format(config: &Self::Config) -> Format;
}

/// A stream of such frames.
pub(super) struct Framed<S: FrameSyntax> {
    bytes: BytesMut,
    /// Where PES packets began in `bytes`, with their times.
    marks: VecDeque<(usize, Times)>,
    config: Option<S::Config>,
    clock: SampleClock,
    /// Whether the next frame is known to begin at the first of `bytes`.
    in_step: bool,
}

impl<S: FrameSyntax> Default for Framed<S> {
    fn default() -> Self {
        Self {
            bytes: BytesMut::new(),
            marks: VecDeque::new(),
            config: None,
            clock: SampleClock::default(),
            in_step: false,
        }
    }
}

impl<S: FrameSyntax> Elementary for Framed<S> {
    fn start(&mut self, times: Option<Times>) {
        if let Some(times) = times {
            self.marks.push_back((self.bytes.len(), times));
        }
    }

    fn append(&mut self, bytes: &[u8], _: &mut Vec<Found>) {
        self.bytes.extend_from_slice(bytes);
    }

    fn complete(&mut self, found: &mut Vec<Found>) {
        self.split_frames(false, found);
    }

    fn damage(&mut self, found: &mut Vec<Found>) {
        self.split_frames(false, found);
        self.bytes.clear();
        self.marks.clear();
        self.in_step = false;
        self.clock = SampleClock::default();
    }

    fn flush(&mut self, found: &mut Vec<Found>) {
        self.split_frames(true, found);
        self.bytes.clear();
        self.marks.clear();
    }

    fn held(&self) -> usize {
        self.bytes.len()
    }
}

impl<S: FrameSyntax> Framed<S> {
    /// Gives all whole frames and keeps the rest; where no more bytes come (`last`), a frame needs no other after
    /// it to be believed.
    fn split_frames(&mut self, last: bool, found: &mut Vec<Found>) {
        let bytes = self.bytes.split().freeze();
        let mut at = 0;
        while at + S::HEADER <= bytes.len() {
            match self.frame_at(&bytes[at..], at, last) {
                Frame::Whole(head, length) => {
                    self.in_step = true;
                    self.give(head, bytes.slice(at + head.header..at + length), at, found);
                    at += length;
                }
                Frame::Incomplete => break,
                Frame::None => {
                    self.in_step = false;
                    at += 1;
                }
            }
        }
        self.bytes.extend_from_slice(&bytes[at.min(bytes.len())..]);
        for (mark, _) in &mut self.marks {
            *mark = mark.saturating_sub(at);
        }
    }

    /// The frame at the start of `bytes`, which begin at `at` among all.
    fn frame_at(&self, bytes: &[u8], at: usize, last: bool) -> Frame<S::Config> {
        let Some(head) = S::head(bytes).filter(|head| head.bytes > head.header) else { return Frame::None };
        let mut length = head.bytes;
        let mut next = bytes.get(length..).and_then(S::head);
        while let Some(more) = next.filter(|next| next.dependent && next.bytes > 0) {
            length += more.bytes;
            next = bytes.get(length..).and_then(S::head);
        }
        if bytes.len() < length {
            return if last { Frame::None } else { Frame::Incomplete };
        }
        // A header out of step, or one that says something new, may be an accident of the coded bytes or damage:
        // the next one has to bear it out, where it has come.
        let expected = self.in_step || self.marks.front().is_some_and(|(mark, _)| *mark == at);
        let known = self.config.is_none_or(|config| config == head.config);
        let next_has_come = bytes.len() >= length + S::HEADER;
        match next {
            _ if expected && known => Frame::Whole(head, length),
            Some(next) if next.config == head.config => Frame::Whole(head, length),
            _ if next_has_come => Frame::None,
            _ if expected || last => Frame::Whole(head, length),
            _ => Frame::Incomplete,
        }
    }

    fn give(&mut self, head: FrameHead<S::Config>, data: Bytes, at: usize, found: &mut Vec<Found>) {
        if self.config != Some(head.config) {
            self.config = Some(head.config);
            found.push(Found::Format(S::format(&head.config)));
        }
        while let Some((_, times)) = self.marks.pop_front_if(|(mark, _)| *mark <= at) {
            self.clock.set(times.pts);
        }
        if let Some((pts, duration)) = self.clock.step(head.samples, head.rate, S::TO_NEAREST) {
            let trim = Trim::default();
            found.push(Found::Unit(Unit { pts, dts: pts, duration, key: true, trim, data }));
        }
    }
}

enum Frame<C> {
    /// A frame and the bytes that it takes together with those that depend on it.
    Whole(FrameHead<C>, usize),
    /// More bytes have to come.
    Incomplete,
    /// None begins here.
    None,
}

/// Counts samples where a PES packet holds several frames but only one time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SampleClock {
    next: Option<i64>,
}

impl SampleClock {
    /// The next frame is due at `pts`, ticks of 90 kHz.
    pub(super) fn set(&mut self, pts: i64) {
        self.next = Some(pts);
    }

    /// The pts and the duration of the next frame, both in ticks of 90 kHz; `None` before any time is known.
    pub(super) fn step(&mut self, samples: u32, rate: u32, to_nearest: bool) -> Option<(i64, i64)> {
        let pts = self.next?;
        let frame = TimeBase::new(samples, rate)?;
        let duration = frame.rescale_floor(1, TimeBase::MPEG);
        let step = if to_nearest {
            // Of the ticks that whole frames from 0 on fall on, from the one nearest to the pts to the next.
            let nearest = TimeBase::MPEG.rescale(pts, frame);
            let tick = |frames: i64| frame.rescale(frames, TimeBase::MPEG);
            tick(nearest.saturating_add(1)).saturating_sub(tick(nearest))
        } else {
            duration
        };
        self.next = Some(pts.saturating_add(step));
        Some((pts, duration))
    }
}
