//! Frames of a fixed length, as encoders want them.

use std::collections::VecDeque;

use brooklet_media::{AudioFrame, FramePool, Result, TimeBase};

use super::clock::SampleClock;
use super::sample;

/// What becomes of the samples that do not fill a last chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LastChunk {
    /// They come out as a shorter frame.
    #[default]
    Short,
    /// Silence fills the frame up.
    Padded,
}

/// Cuts sound into frames of exactly so many samples.
///
/// What comes out counts pts in samples; they follow the pts that come in, exactly where those are exact, and to
/// the tick of a coarser clock. A frame that already has the right length passes without being copied. Where the
/// format, rate or layout changes, the last chunk of the old one comes out as at the end.
#[derive(Debug)]
pub struct AudioChunks {
    samples: usize,
    last: LastChunk,
    pool: FramePool,
    clock: SampleClock,
    /// Frames with the number of samples that have already gone out, pts in samples.
    waiting: VecDeque<(AudioFrame, usize)>,
    available: usize,
    ready: VecDeque<AudioFrame>,
}

impl AudioChunks {
    /// Frames of `samples` samples of each channel, at least 1, from `pool`.
    pub fn new(samples: usize, last: LastChunk, pool: FramePool) -> Self {
        Self {
            samples: samples.max(1),
            last,
            pool,
            clock: SampleClock::default(),
            waiting: VecDeque::new(),
            available: 0,
            ready: VecDeque::new(),
        }
    }

    /// Takes the next frame.
    ///
    /// # Errors
    ///
    /// [`brooklet_media::Error::Limit`] for a chunk longer than a frame can be.
    pub fn push(&mut self, frame: &AudioFrame) -> Result<()> {
        if self.waiting.back().is_some_and(|(last, _)| !alike(last, frame)) {
            self.flush()?;
        }
        let mut frame = frame.clone();
        frame.pts = self.clock.place(&frame).start;
        frame.time_base = TimeBase::hz(frame.rate());
        self.available += frame.samples();
        self.waiting.push_back((frame, 0));
        while self.available >= self.samples {
            self.cut(self.samples)?;
        }
        Ok(())
    }

    /// The next chunk that is ready; `None` until more is pushed.
    pub fn poll(&mut self) -> Option<AudioFrame> {
        self.ready.pop_front()
    }

    /// No more frames will come for now: the last chunk becomes ready. The next frame starts anew.
    ///
    /// # Errors
    ///
    /// As [`AudioChunks::push`].
    pub fn flush(&mut self) -> Result<()> {
        if self.available > 0 {
            let samples = if self.last == LastChunk::Padded { self.samples } else { self.available };
            self.cut(samples)?;
        }
        self.waiting.clear();
        self.clock = SampleClock::default();
        Ok(())
    }

    /// Takes up to `samples` from what waits for one frame of that length.
    fn cut(&mut self, samples: usize) -> Result<()> {
        while self.waiting.front().is_some_and(|(frame, used)| *used == frame.samples()) {
            self.waiting.pop_front();
        }
        let Some((first, used)) = self.waiting.front() else { return Ok(()) };
        if *used == 0 && first.samples() == samples {
            self.available -= samples;
            self.ready.extend(self.waiting.pop_front().map(|(frame, _)| frame));
            return Ok(());
        }
        let mut chunk = AudioFrame::new(&self.pool, first.format(), first.rate(), first.layout(), samples)?;
        chunk.pts = first.pts.saturating_add_unsigned(*used as u64);
        let mut filled = 0;
        while let Some((frame, used)) = self.waiting.front_mut()
            && filled < samples
        {
            let count = (frame.samples() - *used).min(samples - filled);
            sample::copy(frame, *used, &mut chunk, filled, count);
            (*used, filled) = (*used + count, filled + count);
            if *used == frame.samples() {
                self.waiting.pop_front();
            }
        }
        self.available -= filled;
        sample::silence(&mut chunk, filled);
        self.ready.push_back(chunk);
        Ok(())
    }
}

fn alike(a: &AudioFrame, b: &AudioFrame) -> bool {
    (a.format(), a.rate(), a.layout()) == (b.format(), b.rate(), b.layout())
}

#[cfg(test)]
mod tests {
    use brooklet_media::{ChannelLayout, SampleFormat};
    use proptest::prelude::*;

    use super::*;

    /// A frame that counts up from `first`, its samples from its pts.
    fn counting(first: i64, samples: usize) -> AudioFrame {
        let pool = FramePool::new();
        let mut frame =
            AudioFrame::new(&pool, SampleFormat::S32, 48_000, ChannelLayout::Mono, samples).unwrap();
        for (at, sample) in (first..).zip(frame.typed_mut::<i32>(0)) {
            *sample = at as i32;
        }
        frame.pts = first;
        frame
    }

    proptest! {
        #[test]
        fn every_sample_keeps_its_place(
            lengths in prop::collection::vec(0usize..300, 1..40),
            chunk in 1usize..200,
            padded in any::<bool>(),
        ) {
            let last = if padded { LastChunk::Padded } else { LastChunk::Short };
            let mut chunks = AudioChunks::new(chunk, last, FramePool::new());
            let mut next = 1_000;
            for length in &lengths {
                chunks.push(&counting(next, *length)).unwrap();
                next += *length as i64;
            }
            chunks.flush().unwrap();
            let mut at = 1_000;
            while let Some(frame) = chunks.poll() {
                prop_assert_eq!(frame.pts, at);
                let rest = (next - at) as usize;
                prop_assert_eq!(frame.samples(), if padded { chunk } else { chunk.min(rest) });
                for sample in frame.typed::<i32>(0) {
                    prop_assert_eq!(i64::from(*sample), if at < next { at } else { 0 });
                    at += 1;
                }
            }
            prop_assert!(at >= next);
        }
    }

    #[test]
    fn a_frame_of_the_right_length_is_not_copied() {
        let mut chunks = AudioChunks::new(1_024, LastChunk::Padded, FramePool::new());
        let frame = counting(0, 1_024);
        chunks.push(&frame).unwrap();
        assert_eq!(chunks.poll().unwrap().plane(0).as_ptr(), frame.plane(0).as_ptr());
    }

    #[test]
    fn a_gap_moves_the_next_chunk() {
        let mut chunks = AudioChunks::new(100, LastChunk::Short, FramePool::new());
        chunks.push(&counting(0, 150)).unwrap();
        chunks.push(&counting(50_000, 150)).unwrap();
        let pts: Vec<_> = std::iter::from_fn(|| chunks.poll()).map(|chunk| chunk.pts).collect();
        assert_eq!(pts, [0, 100, 50_050]);
    }
}
