//! `-ss`, `-t` and `-to`, exact to the sample.

use brooklet_media::{AudioFrame, Frame, FramePool, TimeBase, Timestamp};

use crate::{Error, Result};

/// The part of a stream that is wanted, on the job's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Window {
    /// From here on.
    pub(crate) from: Option<Timestamp>,
    /// Up to here, not included.
    pub(crate) to: Option<Timestamp>,
}

/// What is left of a frame.
#[derive(Debug)]
pub(crate) enum Cut {
    /// All or part of it.
    Keep(Frame),
    /// Nothing: it stands before the window.
    Before,
    /// Nothing: it stands after the window, and so does all that follows.
    After,
}

impl Window {
    /// Cuts a frame. Pictures stay or go by their pts; sound is cut at the sample.
    pub(crate) fn cut(&self, frame: Frame, pool: &FramePool) -> Result<Cut> {
        if self.is_past(frame.at()) {
            return Ok(Cut::After);
        }
        match frame {
            Frame::Video(picture) => {
                let at = picture.time_base.at(picture.pts);
                Ok(if self.from.is_some_and(|from| at < from) {
                    Cut::Before
                } else {
                    Cut::Keep(Frame::Video(picture))
                })
            }
            Frame::Audio(sound) => self.cut_sound(sound, pool),
        }
    }

    /// Whether a moment is at or past the end.
    pub(crate) fn is_past(&self, at: Timestamp) -> bool {
        self.to.is_some_and(|to| at >= to)
    }

    /// A frame moved so that the window starts at zero.
    pub(crate) fn shifted(&self, mut frame: Frame) -> Frame {
        if let Some(from) = self.from {
            match &mut frame {
                Frame::Video(picture) => picture.pts -= picture.time_base.ticks(from),
                Frame::Audio(sound) => sound.pts -= sound.time_base.ticks(from),
            }
        }
        frame
    }

    fn cut_sound(&self, sound: AudioFrame, pool: &FramePool) -> Result<Cut> {
        let clock = TimeBase::hz(sound.rate());
        let first = sound.time_base.rescale(sound.pts, clock);
        let length = sound.samples() as i64;
        let start = self.from.map_or(0, |from| (clock.ticks(from) - first).clamp(0, length));
        let end = self.to.map_or(length, |to| (clock.ticks(to) - first).clamp(0, length));
        if start >= end {
            return Ok(if start >= length { Cut::Before } else { Cut::After });
        }
        if (start, end) == (0, length) {
            return Ok(Cut::Keep(Frame::Audio(sound)));
        }
        let part = part_of(&sound, start as usize, end as usize, pool)?;
        Ok(Cut::Keep(Frame::Audio(part)))
    }
}

/// Samples `start..end` of some sound.
fn part_of(sound: &AudioFrame, start: usize, end: usize, pool: &FramePool) -> Result<AudioFrame> {
    let made = AudioFrame::new(pool, sound.format(), sound.rate(), sound.layout(), end - start);
    let mut part = made.map_err(|error| Error::Usage(error.to_string()))?;
    let channels = if sound.format().is_planar() { 1 } else { sound.layout().channels() };
    let step = sound.format().bytes() * channels;
    for plane in 0..sound.planes() {
        part.plane_mut(plane).copy_from_slice(&sound.plane(plane)[start * step..end * step]);
    }
    part.time_base = sound.time_base;
    part.pts = sound.pts + TimeBase::hz(sound.rate()).rescale(start as i64, sound.time_base);
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use brooklet_media::{ChannelLayout, SampleFormat};

    fn sound(pts: i64) -> Frame {
        let bytes: Vec<u8> = (0..100i16).flat_map(i16::to_ne_bytes).collect();
        let made =
            AudioFrame::from_raw(&FramePool::new(), SampleFormat::S16, 1_000, ChannelLayout::Mono, &bytes);
        let mut sound = made.unwrap();
        sound.pts = pts;
        Frame::Audio(sound)
    }

    #[test]
    fn sound_is_cut_at_the_sample() {
        let (from, to) = (Some(Timestamp::from_millis(30)), Some(Timestamp::from_millis(40)));
        let Cut::Keep(Frame::Audio(part)) = (Window { from, to }).cut(sound(0), &FramePool::new()).unwrap()
        else {
            panic!("it lies within the window");
        };
        assert_eq!((part.pts, part.typed::<i16>(0)), (30, (30..40).collect::<Vec<i16>>().as_slice()));
    }

    #[test]
    fn before_and_after() {
        let window =
            Window { from: Some(Timestamp::from_millis(200)), to: Some(Timestamp::from_millis(300)) };
        let pool = FramePool::new();
        assert!(matches!(window.cut(sound(100), &pool), Ok(Cut::Before)));
        assert!(matches!(window.cut(sound(200), &pool), Ok(Cut::Keep(_))));
        assert!(matches!(window.cut(sound(300), &pool), Ok(Cut::After)));
    }
}
