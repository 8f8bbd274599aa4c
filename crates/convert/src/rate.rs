//! Pictures at a constant rate.

use std::collections::VecDeque;

use brooklet_media::{Error, Rational, Result, TimeBase, Timestamp, VideoFrame};

/// The longest gap that is filled with copies, in seconds.
const MAX_GAP: i64 = 600;

/// Repeats and drops pictures so that they come at a constant rate, as ffmpeg's `fps` filter does: each picture is
/// shown from the tick nearest to its pts until the next one's.
///
/// What comes out counts pts in periods of the rate, and holds one picture back. A pts that jumps by over 10
/// minutes, either way, is followed rather than filled: so many copies would be of no use to anyone.
///
/// After each [`FrameRate::push`], take [`FrameRate::poll`] until `None`.
#[derive(Debug)]
pub struct FrameRate {
    time_base: TimeBase,
    /// The longest gap that is filled, in ticks.
    max_gap: i64,
    /// The tick of the next picture out.
    next: Option<i64>,
    /// Pictures that are not over yet, and their ticks.
    waiting: VecDeque<(VideoFrame, i64)>,
    /// How often the first that waits has come out.
    shown: u64,
    /// The tick at which the last picture is over, after a flush.
    end: Option<i64>,
    /// How long the picture before lasted, in ticks of the input, for one that does not say.
    lasted: Option<i64>,
    duplicated: u64,
    dropped: u64,
}

impl FrameRate {
    /// `rate` pictures a second, from the first that comes.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for a rate of 0.
    pub fn new(rate: Rational) -> Result<Self> {
        let time_base =
            rate.time_base().ok_or_else(|| Error::Usage("0 pictures a second are none at all".into()))?;
        let max_gap = TimeBase::hz(1).rescale(MAX_GAP, time_base).max(1);
        Ok(Self {
            time_base,
            max_gap,
            next: None,
            waiting: VecDeque::new(),
            shown: 0,
            end: None,
            lasted: None,
            duplicated: 0,
            dropped: 0,
        })
    }

    /// The same, with the first picture repeated back to `start`, or those before `start` dropped.
    #[must_use]
    pub fn with_start(self, start: Timestamp) -> Self {
        Self { next: Some(self.time_base.ticks(start)), ..self }
    }

    /// The clock of what comes out: one period of the rate.
    pub const fn time_base(&self) -> TimeBase {
        self.time_base
    }

    /// Pictures that came out more than once, counting each copy after the first.
    pub const fn duplicated(&self) -> u64 {
        self.duplicated
    }

    /// Pictures that never came out.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Takes the next picture.
    pub fn push(&mut self, frame: VideoFrame) {
        if let Some((last, _)) = self.waiting.back() {
            let lasted = frame.pts.saturating_sub(last.pts);
            self.lasted = (lasted > 0 && last.time_base == frame.time_base).then_some(lasted);
        }
        let tick = frame.time_base.rescale(frame.pts, self.time_base);
        self.waiting.push_back((frame, tick));
        self.end = None;
    }

    /// The next picture out; `None` until more are pushed.
    pub fn poll(&mut self) -> Option<VideoFrame> {
        loop {
            let (frame, tick) = self.waiting.front()?;
            let following = self.waiting.get(1).map(|(_, tick)| *tick);
            let over = following.or(self.end)?;
            let mut next = self.next.unwrap_or(*tick);
            if tick.saturating_sub(next).saturating_abs() > self.max_gap {
                next = *tick;
            }
            // A jump is followed when the picture before it has been shown.
            let jumps = over.saturating_sub(next).saturating_abs() > self.max_gap;
            if if jumps { self.shown > 0 } else { over <= next } {
                self.next = Some(if jumps { over } else { next });
                self.dropped += u64::from(self.shown == 0);
                self.shown = 0;
                self.waiting.pop_front();
                continue;
            }
            let mut out = frame.clone();
            (out.pts, out.duration, out.time_base) = (next, 1, self.time_base);
            out.key &= self.shown == 0;
            self.duplicated += u64::from(self.shown > 0);
            self.shown += 1;
            self.next = Some(next.saturating_add(1));
            return Some(out);
        }
    }

    /// No more pictures will come for now: the last one comes out for as long as it lasts.
    pub fn flush(&mut self) {
        let Some((last, tick)) = self.waiting.back() else { return };
        let duration = if last.duration > 0 { Some(last.duration) } else { self.lasted };
        self.end = Some(match duration {
            Some(duration) => last.time_base.rescale(last.pts.saturating_add(duration), self.time_base),
            None => tick.saturating_add(1),
        });
    }
}

#[cfg(test)]
mod tests {
    use brooklet_media::{FramePool, PixelFormat};
    use proptest::prelude::*;

    use super::*;

    fn picture(pts: i64, time_base: TimeBase) -> VideoFrame {
        let mut frame = VideoFrame::new(&FramePool::new(), PixelFormat::Gray8, 1, 1).unwrap();
        (frame.pts, frame.time_base) = (pts, time_base);
        frame.planes_mut()[0].fill(pts as u8);
        frame
    }

    /// (pts, which picture) of everything that comes out.
    fn run(rate: &mut FrameRate, frames: &[i64], time_base: TimeBase, duration: i64) -> Vec<(i64, u8)> {
        let mut out = Vec::new();
        for &pts in frames {
            let mut frame = picture(pts, time_base);
            frame.duration = duration;
            rate.push(frame);
            out.extend(std::iter::from_fn(|| rate.poll()));
        }
        rate.flush();
        out.extend(std::iter::from_fn(|| rate.poll()));
        out.iter().map(|frame| (frame.pts, frame.plane(0)[0])).collect()
    }

    #[test]
    fn up_and_down() {
        let mut up = FrameRate::new(Rational::whole(50)).unwrap();
        let out = run(&mut up, &[0, 1, 2], TimeBase::hz(25), 1);
        assert_eq!(out, [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 2)]);
        assert_eq!((up.duplicated(), up.dropped()), (3, 0));

        let mut down = FrameRate::new(Rational::whole(10)).unwrap();
        let out = run(&mut down, &[0, 1, 2, 3, 4, 5], TimeBase::hz(30), 1);
        assert_eq!(out, [(0, 1), (1, 4)]);
        assert_eq!((down.duplicated(), down.dropped()), (0, 4));
    }

    #[test]
    fn a_jump_is_followed_and_not_filled() {
        let mut rate = FrameRate::new(Rational::whole(25)).unwrap();
        let day = 86_400;
        let out = run(&mut rate, &[0, 1, day, day + 1, 5, 6], TimeBase::hz(1), 1);
        assert_eq!(out.len(), 25 * 4 + 2);
        let ticks: Vec<_> = out.iter().map(|(pts, _)| *pts).collect();
        assert!(ticks.contains(&(25 * day)) && ticks.contains(&(6 * 25)));
    }

    #[test]
    fn a_start_is_filled_from() {
        let mut rate = FrameRate::new(Rational::whole(10)).unwrap().with_start(Timestamp::ZERO);
        let out = run(&mut rate, &[3, 4], TimeBase::hz(10), 1);
        assert_eq!(out, [(0, 3), (1, 3), (2, 3), (3, 3), (4, 4)]);
    }

    proptest! {
        #[test]
        fn ticks_never_skip_or_repeat(
            gaps in prop::collection::vec(0i64..200, 1..60),
            fps in 1u32..120,
        ) {
            let pts: Vec<_> = gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
            let mut rate = FrameRate::new(Rational::whole(fps)).unwrap();
            let out = run(&mut rate, &pts, TimeBase::MILLIS, 40);
            for pair in out.windows(2) {
                prop_assert_eq!(pair[1].0, pair[0].0 + 1);
            }
        }
    }
}
