//! Gaps in the sound of a source: held, or filled with silence.

use std::time::{Duration, Instant};

use brooklet_media::{AudioFrame, AudioParams, Frame, FramePool, Result, SampleFormat, TimeBase, Timestamp};

/// What to do where a source falls silent without an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gap {
    /// Nothing: whoever listens waits.
    #[default]
    Hold,
    /// Silence is encoded as time passes.
    Silence,
}

/// How long the source may give nothing, beyond what it has given, before silence takes its place.
const PATIENCE: Duration = Duration::from_millis(200);
/// How much silence comes at once.
const STEP: Duration = Duration::from_millis(100);
/// How much at most: a machine that slept owes no more.
const MOST: Duration = Duration::from_secs(2);

/// Makes the silence that a source owes.
///
/// It keeps no time by the source's own clock: what counts is how much sound there has been, and when. Sound that comes after a
/// gap goes on where the silence ended, unless its own times are later.
pub(crate) struct GapFiller {
    rate: u32,
    params: AudioParams,
    /// When all sound until now will have been heard.
    heard_until: Option<Instant>,
    /// Where it ends on the media's clock.
    end: Timestamp,
    /// What is added to the times of frames, in ticks of this.
    shift: (i64, TimeBase),
    /// Whether the last frame was silence.
    is_filling: bool,
}

impl GapFiller {
    /// For sound of this shape.
    pub(crate) const fn new(params: AudioParams) -> Self {
        Self {
            rate: params.rate,
            params,
            heard_until: None,
            end: Timestamp::ZERO,
            shift: (0, TimeBase::MILLIS),
            is_filling: false,
        }
    }

    /// When silence is due, unless there is sound before.
    pub(crate) fn deadline(&mut self, now: Instant) -> Instant {
        *self.heard_until.get_or_insert(now) + PATIENCE
    }

    /// Sound has come: moves it behind the silence before it.
    pub(crate) fn pass(&mut self, frame: &mut Frame, now: Instant) {
        let Frame::Audio(sound) = frame else { return };
        if self.shift.1 != sound.time_base {
            let (shift, base) = self.shift;
            self.shift = (base.rescale(shift, sound.time_base), sound.time_base);
        }
        let end = sound.time_base.ticks(self.end);
        if self.is_filling && sound.pts + self.shift.0 < end {
            self.shift.0 = end - sound.pts;
        }
        self.is_filling = false;
        sound.pts += self.shift.0;
        (self.rate, self.params.layout, self.params.format) =
            (sound.rate(), sound.layout(), Some(sound.format()));
        let length = TimeBase::hz(self.rate).at(sound.samples() as i64).since(Timestamp::ZERO);
        self.end = sound.time_base.at(sound.pts) + length;
        // A source that is merely late has all its time again.
        self.heard_until = Some(self.heard_until.map_or(now, |until| until.max(now)) + length);
    }

    /// The silence that is due now: for all the time that there was nothing, and a step ahead.
    pub(crate) fn fill(&mut self, pool: &FramePool, now: Instant) -> Result<Frame> {
        let until = self.heard_until.unwrap_or(now);
        let length = (now.saturating_duration_since(until) + STEP).min(MOST);
        let ticks = TimeBase::hz(self.rate);
        let samples = ticks.ticks(Timestamp::ZERO + length).max(1);
        let format = self.params.format.unwrap_or(SampleFormat::F32);
        let mut sound = AudioFrame::new(
            pool,
            format,
            self.rate,
            self.params.layout,
            usize::try_from(samples).unwrap_or(1),
        )?;
        let zero = if format.packed() == SampleFormat::U8 { 0x80 } else { 0 };
        (0..sound.planes()).for_each(|plane| sound.plane_mut(plane).fill(zero));
        sound.pts = ticks.ticks(self.end);
        self.end = self.end + length;
        self.heard_until = Some(until.max(now) + STEP);
        self.is_filling = true;
        Ok(Frame::Audio(sound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::ChannelLayout;

    fn sound(pts: i64, samples: usize) -> Frame {
        let mut sound =
            AudioFrame::new(&FramePool::new(), SampleFormat::F32, 8_000, ChannelLayout::Mono, samples)
                .unwrap();
        sound.pts = pts;
        Frame::Audio(sound)
    }

    fn place(frame: &Frame) -> (i64, usize) {
        let Frame::Audio(sound) = frame else { return (-1, 0) };
        (sound.pts, sound.samples())
    }

    #[test]
    fn silence_stands_between_what_came_before_and_after() {
        let mut filler = GapFiller::new(AudioParams::new(8_000, ChannelLayout::Mono));
        let (start, pool) = (Instant::now(), FramePool::new());
        let at = |millis| start + Duration::from_millis(millis);
        // Half a second of sound comes at once: it lasts until 500, and may be late until 700.
        let mut first = sound(0, 4_000);
        filler.pass(&mut first, start);
        assert_eq!(filler.deadline(at(10)), at(700));
        assert_eq!(
            place(&filler.fill(&pool, at(700)).unwrap()),
            (4_000, 2_400),
            "200 ms that are owed, and 100"
        );
        assert_eq!(filler.deadline(at(700)), at(1_000));
        assert_eq!(place(&filler.fill(&pool, at(1_000)).unwrap()), (6_400, 2_400));
        // A pipe counts on where it was; it is moved. One whose clock went on is not.
        let mut next = sound(4_000, 80);
        filler.pass(&mut next, at(1_050));
        assert_eq!(place(&next), (8_800, 80));
        let mut after = sound(4_080, 80);
        filler.pass(&mut after, at(1_060));
        assert_eq!(place(&after), (8_880, 80));
        filler.fill(&pool, at(2_000)).unwrap();
        let mut later = sound(20_000, 80);
        filler.pass(&mut later, at(2_000));
        assert_eq!(place(&later).0, 24_800);
    }

    #[test]
    fn a_source_that_is_a_little_slow_is_never_filled() {
        let mut filler = GapFiller::new(AudioParams::new(8_000, ChannelLayout::Mono));
        let start = Instant::now();
        for number in 0..10_000u64 {
            // 20 ms of sound every 21 ms.
            let now = start + Duration::from_millis(21 * number);
            assert!(filler.deadline(now) > now);
            filler.pass(&mut sound(160 * number as i64, 160), now);
        }
    }
}
