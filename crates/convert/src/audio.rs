//! Sound into another sample format, rate or layout.

mod chunks;
mod clock;
mod drift;
mod remix;
mod resample;
pub(crate) mod sample;

pub use chunks::{AudioChunks, LastChunk};
pub use drift::{DriftResampler, Steering};

use std::collections::VecDeque;

use brooklet_media::{
    AudioFrame, ChannelLayout, Error, FramePool, Result, SampleFormat, TimeBase, Timestamp,
};

use clock::SampleClock;
use remix::Remix;
use resample::Resampler;

/// What sound is to become; what is `None` stays as it comes in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AudioTarget {
    /// Sample format.
    pub format: Option<SampleFormat>,
    /// Samples of each channel in a second.
    pub rate: Option<u32>,
    /// The channels.
    pub layout: Option<ChannelLayout>,
}

/// What to do where the pts of a frame is over 0.1 s from the end of the frame before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Gaps {
    /// The pts of what comes out jump as those that came in.
    #[default]
    Follow,
    /// Silence fills a gap of up to 10 s, and what overlaps by up to 10 s is cut off, so that what comes out has
    /// no jump: ffmpeg's `aresample=async=1`. Over a longer one the pts jump.
    Fill,
}

/// Gaps longer than this, in milliseconds, are gaps; shorter ones only move the pts of what follows.
const GAP_MILLIS: i64 = 100;
/// The longest gap that [`Gaps::Fill`] fills, in seconds.
const MAX_FILL: i64 = 10;

/// Makes all sound what its [`AudioTarget`] says, whatever comes in.
///
/// The input may change its format, rate and layout at any frame. Resampling delays nothing: the first sample that
/// comes out is as late as the first that goes in, and as much comes out as went in, rounded to a sample. Channels
/// are mixed as ffmpeg does: lowered so that nothing clips where integers go out, and not where numbers do.
#[derive(Debug)]
pub struct AudioConverter {
    target: AudioTarget,
    gaps: Gaps,
    pool: FramePool,
    clock: SampleClock,
    start: Option<Timestamp>,
    path: Option<Path>,
    ready: VecDeque<AudioFrame>,
}

impl AudioConverter {
    /// A converter whose frames come from `pool` and whose pts follow those that come in.
    pub fn new(target: AudioTarget, pool: FramePool) -> Self {
        Self {
            target,
            gaps: Gaps::Follow,
            pool,
            clock: SampleClock::default(),
            start: None,
            path: None,
            ready: VecDeque::new(),
        }
    }

    /// The same, doing as `gaps` says.
    #[must_use]
    pub fn with_gaps(self, gaps: Gaps) -> Self {
        Self { gaps, ..self }
    }

    /// The same, treating what is missing between `start` and the first frame as a gap: `first_pts` of ffmpeg's
    /// `aresample`.
    #[must_use]
    pub fn with_start(self, start: Timestamp) -> Self {
        Self { start: Some(start), ..self }
    }

    /// Makes sound something else from the next frame on; what was held back becomes ready.
    ///
    /// # Errors
    ///
    /// As [`AudioConverter::push`].
    pub fn set_target(&mut self, target: AudioTarget) -> Result<()> {
        if target != self.target {
            self.drain()?;
            self.path = None;
            self.target = target;
        }
        Ok(())
    }

    /// Takes the next frame.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where channels of no known place are to be mixed or the rates are absurdly far
    /// apart, [`Error::Limit`] for a rate over 768 kHz.
    pub fn push(&mut self, frame: &AudioFrame) -> Result<()> {
        let from = Shape::of(frame);
        if self.path.as_ref().is_none_or(|path| path.from != from) {
            self.flush()?;
            self.path = Some(Path::new(from, from.towards(&self.target))?);
            if let Some(start) = self.start.take() {
                self.clock = SampleClock::starting_at(TimeBase::hz(from.rate).ticks(start));
            }
        }
        let mut frame = frame.clone();
        let expected = self.clock.end();
        let place = self.clock.place(&frame);
        let far = place.jump.saturating_abs() > i64::from(from.rate) * GAP_MILLIS / 1_000;
        let fillable = place.jump.saturating_abs() <= i64::from(from.rate) * MAX_FILL;
        if far && fillable && self.gaps == Gaps::Fill {
            let start = expected.unwrap_or(place.start);
            match self.close_gap(frame, start, place.jump)? {
                Some(rest) => frame = rest,
                None => return Ok(()),
            }
        } else if far {
            self.drain()?;
        }
        self.convert(&frame)
    }

    /// The next frame that is ready; `None` until more is pushed.
    pub fn poll(&mut self) -> Option<AudioFrame> {
        self.ready.pop_front()
    }

    /// No more frames will come for now: what was held back becomes ready. The next frame starts anew.
    ///
    /// # Errors
    ///
    /// As [`AudioConverter::push`].
    pub fn flush(&mut self) -> Result<()> {
        self.drain()?;
        self.path = None;
        self.clock = SampleClock::default();
        Ok(())
    }

    /// Converts one frame, whose pts is the end of the one before or near it.
    fn convert(&mut self, frame: &AudioFrame) -> Result<()> {
        let Some(path) = &mut self.path else { return Ok(()) };
        path.push(frame, &self.pool, &mut self.ready)
    }

    /// What the resampler still holds becomes ready.
    fn drain(&mut self) -> Result<()> {
        let Some(path) = &mut self.path else { return Ok(()) };
        path.finish(&self.pool, &mut self.ready)
    }

    /// Makes `frame` follow at sample `start`, from which it is `jump` samples away: silence before it, or less
    /// of it. `None` where nothing of it is left.
    fn close_gap(&mut self, frame: AudioFrame, start: i64, jump: i64) -> Result<Option<AudioFrame>> {
        let ticks = TimeBase::hz(frame.rate());
        let new = |pool: &FramePool, samples: usize, at: i64| -> Result<AudioFrame> {
            let mut piece = AudioFrame::new(pool, frame.format(), frame.rate(), frame.layout(), samples)?;
            (piece.pts, piece.time_base) = (at, ticks);
            Ok(piece)
        };
        let mut filled = 0;
        while filled < jump {
            let samples = (jump - filled).min(i64::from(frame.rate()));
            let mut silence = new(&self.pool, samples as usize, start + filled)?;
            sample::silence(&mut silence, 0);
            self.convert(&silence)?;
            filled += samples;
        }
        let late = usize::try_from(-jump).unwrap_or(0);
        if late >= frame.samples() && late > 0 {
            self.clock = SampleClock::starting_at(start);
            return Ok(None);
        }
        let left = frame.samples() - late;
        let mut rest = new(&self.pool, left, start + filled)?;
        sample::copy(&frame, late, &mut rest, 0, left);
        self.clock = SampleClock::starting_at(start + filled + left as i64);
        Ok(Some(rest))
    }
}

/// What tells one stream of sound from another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Shape {
    format: SampleFormat,
    rate: u32,
    layout: ChannelLayout,
}

impl Shape {
    fn of(frame: &AudioFrame) -> Self {
        Self { format: frame.format(), rate: frame.rate(), layout: frame.layout() }
    }

    fn towards(self, target: &AudioTarget) -> Self {
        Self {
            format: target.format.unwrap_or(self.format),
            rate: target.rate.unwrap_or(self.rate),
            layout: target.layout.unwrap_or(self.layout),
        }
    }
}

/// The way from one shape of sound to another.
#[derive(Debug)]
struct Path {
    from: Shape,
    to: Shape,
    remix: Option<Remix>,
    /// Fewer channels are resampled where channels are mixed first on the way down, last on the way up.
    remix_first: bool,
    resampler: Option<Resampler>,
    /// Samples as they came in, and as they go out, a plane for each channel.
    input: Vec<Vec<f32>>,
    output: Vec<Vec<f32>>,
    times: Times,
}

impl Path {
    fn new(from: Shape, to: Shape) -> Result<Self> {
        let integer = !matches!(to.format.packed(), SampleFormat::F32 | SampleFormat::F64);
        let remix = Remix::new(from.layout, to.layout, integer)?;
        let (inputs, outputs) = (from.layout.channels(), to.layout.channels());
        if to.rate == 0 {
            return Err(Error::Usage("sound at 0 Hz".into()));
        }
        let resampler = if from.rate == to.rate {
            None
        } else {
            Some(Resampler::new(from.rate, to.rate, inputs.min(outputs))?)
        };
        Ok(Self {
            from,
            to,
            remix,
            remix_first: outputs <= inputs,
            resampler,
            input: vec![Vec::new(); inputs],
            output: vec![Vec::new(); outputs],
            times: Times::default(),
        })
    }

    fn push(&mut self, frame: &AudioFrame, pool: &FramePool, ready: &mut VecDeque<AudioFrame>) -> Result<()> {
        if self.resampler.is_some() {
            return self.resample(frame, pool, ready);
        }
        let mut out = frame.clone();
        if self.from != self.to {
            out = AudioFrame::new(pool, self.to.format, self.to.rate, self.to.layout, frame.samples())?;
            (out.pts, out.time_base) = (frame.pts, frame.time_base);
            match &self.remix {
                None => sample::convert(frame, &mut out),
                Some(remix) => {
                    load(frame, &mut self.input);
                    self.output.iter_mut().for_each(Vec::clear);
                    remix.run(&self.input, &mut self.output);
                    sample::store(&self.output, &mut out);
                }
            }
        }
        ready.push_back(out);
        Ok(())
    }

    fn resample(
        &mut self,
        frame: &AudioFrame,
        pool: &FramePool,
        ready: &mut VecDeque<AudioFrame>,
    ) -> Result<()> {
        let Some(resampler) = &mut self.resampler else { return Ok(()) };
        self.times.note(frame, self.to.rate, resampler.length(resampler.taken()));
        match &self.remix {
            Some(remix) if self.remix_first => {
                load(frame, &mut self.input);
                remix.run(&self.input, resampler.input());
            }
            _ => sample::append(frame, resampler.input()),
        }
        let start = resampler.given();
        let planes = if self.remix_first { &mut self.output } else { &mut self.input };
        planes.iter_mut().for_each(Vec::clear);
        resampler.run(planes)?;
        self.emit(start, pool, ready)
    }

    fn finish(&mut self, pool: &FramePool, ready: &mut VecDeque<AudioFrame>) -> Result<()> {
        let Some(resampler) = &mut self.resampler else { return Ok(()) };
        let start = resampler.given();
        let planes = if self.remix_first { &mut self.output } else { &mut self.input };
        planes.iter_mut().for_each(Vec::clear);
        resampler.finish(planes)?;
        self.emit(start, pool, ready)?;
        self.times = Times::default();
        Ok(())
    }

    /// A frame of what the resampler gave, the first of it sample `start` that came out.
    fn emit(&mut self, start: u64, pool: &FramePool, ready: &mut VecDeque<AudioFrame>) -> Result<()> {
        if let (Some(remix), false) = (&self.remix, self.remix_first) {
            self.output.iter_mut().for_each(Vec::clear);
            remix.run(&self.input, &mut self.output);
        }
        let planes = if self.remix.is_none() && !self.remix_first { &self.input } else { &self.output };
        let samples = planes.first().map_or(0, Vec::len);
        if samples > 0 {
            let mut out = AudioFrame::new(pool, self.to.format, self.to.rate, self.to.layout, samples)?;
            sample::store(planes, &mut out);
            out.pts = self.times.at(start);
            ready.push_back(out);
        }
        Ok(())
    }
}

fn load(frame: &AudioFrame, planes: &mut [Vec<f32>]) {
    planes.iter_mut().for_each(Vec::clear);
    sample::append(frame, planes);
}

/// When the samples of a resampler come out.
#[derive(Debug, Default)]
struct Times {
    clock: SampleClock,
    /// From this sample that comes out on, the first of all would have this pts.
    marks: VecDeque<(u64, i64)>,
}

impl Times {
    /// Notes that the sound of `frame` comes out as sample `first` of `rate` and after.
    fn note(&mut self, frame: &AudioFrame, rate: u32, first: u64) {
        let place = self.clock.place(frame);
        if self.marks.is_empty() || place.jump != 0 {
            let pts = TimeBase::hz(frame.rate()).rescale(place.start, TimeBase::hz(rate));
            self.marks.push_back((first, pts.saturating_sub_unsigned(first)));
        }
    }

    /// The pts of a sample, in samples.
    fn at(&mut self, sample: u64) -> i64 {
        while self.marks.get(1).is_some_and(|(first, _)| *first <= sample) {
            self.marks.pop_front();
        }
        self.marks.front().map_or(0, |(_, origin)| origin.saturating_add_unsigned(sample))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: u32, layout: ChannelLayout, pts: i64, samples: usize) -> AudioFrame {
        let mut frame =
            AudioFrame::new(&FramePool::new(), SampleFormat::F32p, rate, layout, samples).unwrap();
        for plane in 0..frame.planes() {
            frame.typed_mut::<f32>(plane).fill(0.25);
        }
        frame.pts = pts;
        frame
    }

    /// (pts, samples) of all that comes out.
    fn drain(converter: &mut AudioConverter) -> Vec<(i64, usize)> {
        std::iter::from_fn(|| converter.poll()).map(|frame| (frame.pts, frame.samples())).collect()
    }

    /// The runs of frames that follow on one another.
    fn runs(frames: &[(i64, usize)]) -> Vec<(i64, usize)> {
        let mut runs: Vec<(i64, usize)> = Vec::new();
        for &(pts, samples) in frames {
            match runs.last_mut() {
                Some((start, length)) if *start + *length as i64 == pts => *length += samples,
                _ => runs.push((pts, samples)),
            }
        }
        runs
    }

    fn resampler(rate: u32) -> AudioConverter {
        AudioConverter::new(AudioTarget { rate: Some(rate), ..AudioTarget::default() }, FramePool::new())
    }

    #[test]
    fn resampled_sound_starts_and_ends_with_the_input() {
        let mut converter = resampler(48_000);
        for number in 0..100 {
            converter.push(&tone(44_100, ChannelLayout::Stereo, 441 * (number + 3), 441)).unwrap();
        }
        converter.flush().unwrap();
        assert_eq!(runs(&drain(&mut converter)), [(1_440, 48_000)]);
    }

    #[test]
    fn a_gap_moves_the_pts_and_mixes_nothing() {
        let mut converter = resampler(48_000);
        converter.push(&tone(44_100, ChannelLayout::Mono, 0, 44_100)).unwrap();
        converter.push(&tone(44_100, ChannelLayout::Mono, 88_200, 44_100)).unwrap();
        converter.flush().unwrap();
        assert_eq!(runs(&drain(&mut converter)), [(0, 48_000), (96_000, 48_000)]);
    }

    #[test]
    fn a_gap_is_filled_and_an_overlap_cut() {
        let mut converter = resampler(16_000).with_gaps(Gaps::Fill);
        converter.push(&tone(8_000, ChannelLayout::Mono, 0, 8_000)).unwrap();
        converter.push(&tone(8_000, ChannelLayout::Mono, 24_000, 8_000)).unwrap();
        converter.push(&tone(8_000, ChannelLayout::Mono, 28_000, 8_000)).unwrap();
        converter.push(&tone(8_000, ChannelLayout::Mono, 29_000, 1_000)).unwrap();
        converter.push(&tone(8_000, ChannelLayout::Mono, 36_000, 8_000)).unwrap();
        converter.flush().unwrap();
        assert_eq!(runs(&drain(&mut converter)), [(0, 88_000)]);

        // A gap of an hour is not.
        converter.push(&tone(8_000, ChannelLayout::Mono, 0, 8_000)).unwrap();
        converter.push(&tone(8_000, ChannelLayout::Mono, 28_800_000, 8_000)).unwrap();
        converter.flush().unwrap();
        assert_eq!(runs(&drain(&mut converter)), [(0, 16_000), (57_600_000, 16_000)]);
    }

    #[test]
    fn silence_comes_before_a_late_start() {
        let converter = AudioConverter::new(AudioTarget::default(), FramePool::new());
        let mut converter = converter.with_gaps(Gaps::Fill).with_start(Timestamp::ZERO);
        converter.push(&tone(8_000, ChannelLayout::Mono, 4_000, 100)).unwrap();
        let first = converter.poll().unwrap();
        assert_eq!((first.pts, first.samples(), first.typed::<f32>(0)[3_999]), (0, 4_000, 0.0));
        assert_eq!(drain(&mut converter), [(4_000, 100)]);
    }

    #[test]
    fn the_input_may_change() {
        let target = AudioTarget {
            format: Some(SampleFormat::S16),
            rate: Some(48_000),
            layout: Some(ChannelLayout::Stereo),
        };
        let mut converter = AudioConverter::new(target, FramePool::new());
        converter.push(&tone(48_000, ChannelLayout::Stereo, 0, 4_800)).unwrap();
        converter.push(&tone(44_100, ChannelLayout::FiveOne, 4_410, 4_410)).unwrap();
        converter.push(&tone(8_000, ChannelLayout::Mono, 1_600, 800)).unwrap();
        converter.flush().unwrap();
        let frames: Vec<_> = std::iter::from_fn(|| converter.poll()).collect();
        assert!(frames.iter().all(|frame| Shape::of(frame)
            == Shape { format: SampleFormat::S16, rate: 48_000, layout: ChannelLayout::Stereo }));
        let places: Vec<_> = frames.iter().map(|frame| (frame.pts, frame.samples())).collect();
        assert_eq!(runs(&places), [(0, 14_400)]);
    }

    #[test]
    fn nothing_to_do_copies_nothing() {
        let mut converter = AudioConverter::new(AudioTarget::default(), FramePool::new());
        let frame = tone(44_100, ChannelLayout::Stereo, 5, 100);
        converter.push(&frame).unwrap();
        assert_eq!(converter.poll().unwrap().plane(0).as_ptr(), frame.plane(0).as_ptr());
    }

    #[test]
    fn a_clock_of_milliseconds_is_smoothed() {
        let mut converter = resampler(48_000);
        for number in 0..1_000 {
            let mut frame = tone(44_100, ChannelLayout::Mono, 0, 1_024);
            frame.time_base = TimeBase::MILLIS;
            frame.pts = TimeBase::hz(44_100).rescale(number * 1_024, TimeBase::MILLIS);
            converter.push(&frame).unwrap();
        }
        converter.flush().unwrap();
        assert_eq!(runs(&drain(&mut converter)), [(0, 1_114_558)]);
    }
}
