//! Chains of filters for pictures.

use std::collections::VecDeque;

use brooklet_media::{Error, FramePool, Rational, Result, Timestamp, VideoFrame};

use super::args::{self, FilterArgs};
use super::aspect::Aspect;
use super::crop::Crop;
use super::flip::Flip;
use super::format::Format;
use super::hue::Hue;
use super::scale::Scale;
use super::time::SetPts;
use crate::FrameRate;

/// What there is, in the order of tables.
const NAMES: [&str; 12] =
    ["scale", "fps", "format", "crop", "hflip", "vflip", "hue", "setsar", "setdar", "setpts", "null", "copy"];

/// One picture in, one out.
pub(super) trait Filter: Send {
    fn run(&mut self, frame: VideoFrame) -> Result<VideoFrame>;
}

/// A chain of filters as ffmpeg's `-vf` describes it: `scale=640:-2,fps=30,format=gray`.
///
/// | filter | does | options |
/// |---|---|---|
/// | `scale` | another size | `w`, `h` (expressions; -n: keeps the shape, divisible by n), `s`, `flags`, `in_range`, `out_range`, `in_color_matrix`, `out_color_matrix`, `force_original_aspect_ratio`, `force_divisible_by` |
/// | `fps` | another rate, see [`FrameRate`] | `fps`, `start_time` |
/// | `format` | one of these pixel formats | `pix_fmts` |
/// | `crop` | a part | `w`, `h`, `x`, `y` (expressions; by `n` and `t` too), `exact` |
/// | `hflip`, `vflip` | mirrored | |
/// | `hue` | turned hue, saturation, brightness | `h` (degrees), `s`, `H` (radians), `b` |
/// | `setsar`, `setdar` | another shape of a pixel, of the picture | `sar`, `dar` |
/// | `setpts` | other times | `expr` (of `PTS`, `STARTPTS`, `TB`, `N`, `T`) |
/// | `null`, `copy` | nothing | |
///
/// After each [`VideoFilters::push`], take [`VideoFilters::poll`] until `None`. Pictures are made as they are
/// polled, so many copies take no memory.
pub struct VideoFilters {
    description: String,
    stages: Vec<Stage>,
    inbox: VecDeque<VideoFrame>,
    ended: bool,
}

enum Stage {
    /// One for one.
    Map(Box<dyn Filter>),
    /// Any number for one; whether it was flushed.
    Rate(FrameRate, bool),
}

impl VideoFilters {
    /// Reads a chain; new pictures come from `pool`.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for a filter or an option that is not known, with those that are;
    /// [`Error::Usage`] for a value that can't be read.
    pub fn parse(chain: &str, pool: &FramePool) -> Result<Self> {
        let filters = args::parse_chain(chain)?;
        let stages = filters.iter().map(|filter| stage(filter, pool)).collect::<Result<_>>()?;
        Ok(Self { description: chain.to_owned(), stages, inbox: VecDeque::new(), ended: false })
    }

    /// The names of all filters.
    pub const fn names() -> &'static [&'static str] {
        &NAMES
    }

    /// The rate that the last `fps` of the chain makes, if there is one.
    pub fn frame_rate(&self) -> Option<Rational> {
        self.stages.iter().rev().find_map(|stage| match stage {
            Stage::Rate(rate, _) => Rational::new(rate.time_base().den(), rate.time_base().num()),
            Stage::Map(_) => None,
        })
    }

    /// Pictures that the chain duplicated and dropped.
    pub fn duplicated_and_dropped(&self) -> (u64, u64) {
        self.stages.iter().fold((0, 0), |(duplicated, dropped), stage| match stage {
            Stage::Rate(rate, _) => (duplicated + rate.duplicated(), dropped + rate.dropped()),
            Stage::Map(_) => (duplicated, dropped),
        })
    }

    /// Takes the next picture.
    pub fn push(&mut self, frame: VideoFrame) {
        self.ended = false;
        self.inbox.push_back(frame);
    }

    /// The next picture out; `None` until more are pushed.
    ///
    /// # Errors
    ///
    /// Where a filter can't do what it is to do to this picture: a crop outside of it.
    pub fn poll(&mut self) -> Result<Option<VideoFrame>> {
        pull(&mut self.stages, &mut self.inbox, self.ended)
    }

    /// No more pictures will come for now: those held back come out of [`VideoFilters::poll`].
    pub fn flush(&mut self) {
        self.ended = true;
    }
}

impl std::fmt::Debug for VideoFilters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VideoFilters({:?})", self.description)
    }
}

/// The next picture out of the last stage.
fn pull(stages: &mut [Stage], inbox: &mut VecDeque<VideoFrame>, ended: bool) -> Result<Option<VideoFrame>> {
    let Some((last, before)) = stages.split_last_mut() else { return Ok(inbox.pop_front()) };
    match last {
        Stage::Map(filter) => pull(before, inbox, ended)?.map(|frame| filter.run(frame)).transpose(),
        Stage::Rate(rate, flushed) => loop {
            if let Some(frame) = rate.poll() {
                return Ok(Some(frame));
            }
            match pull(before, inbox, ended)? {
                Some(frame) => {
                    rate.push(frame);
                    *flushed = false;
                }
                None if ended && !*flushed => {
                    rate.flush();
                    *flushed = true;
                }
                None => return Ok(None),
            }
        },
    }
}

fn stage(filter: &FilterArgs, pool: &FramePool) -> Result<Stage> {
    Ok(Stage::Map(match filter.name.as_str() {
        "scale" => Box::new(Scale::parse(filter, pool)?),
        "format" => Box::new(Format::parse(filter, pool)?),
        "crop" => Box::new(Crop::parse(filter, pool)?),
        "hflip" => Box::new(Flip::horizontal(filter, pool)?),
        "vflip" => Box::new(Flip::vertical(filter, pool)?),
        "hue" => Box::new(Hue::parse(filter, pool)?),
        "setsar" => Box::new(Aspect::sample(filter)?),
        "setdar" => Box::new(Aspect::display(filter)?),
        "setpts" => Box::new(SetPts::parse(filter)?),
        "null" | "copy" => {
            filter.bind(&[])?;
            Box::new(Null)
        }
        "fps" => return Ok(Stage::Rate(fps(filter)?, false)),
        other => return Err(args::unknown(other, &NAMES)),
    }))
}

struct Null;

impl Filter for Null {
    fn run(&mut self, frame: VideoFrame) -> Result<VideoFrame> {
        Ok(frame)
    }
}

fn fps(filter: &FilterArgs) -> Result<FrameRate> {
    let bound = filter.bind(&[&["fps"], &["start_time"], &["round"]])?;
    if let Some(round) = bound.value(2).filter(|round| *round != "near") {
        return Err(Error::unsupported(format!("fps rounding '{round}'"), "near"));
    }
    let rate = bound.parsed(0, |text| {
        frame_rate(text).ok_or_else(|| bound.bad(text, "a frame rate: 25, 29.97, 30000/1001 or ntsc"))
    })?;
    let rate = FrameRate::new(rate.unwrap_or(Rational::whole(25)))?;
    let start = bound.parsed(1, |text| {
        text.parse().map_err(|_| bound.bad(text, "a time in seconds")).map(|seconds: f64| {
            // The cast saturates.
            Timestamp::from_micros((seconds * 1e6).round() as i64)
        })
    })?;
    Ok(start.into_iter().fold(rate, FrameRate::with_start))
}

/// A rate as ffmpeg writes it.
fn frame_rate(text: &str) -> Option<Rational> {
    let (num, den) = match text {
        "ntsc" => ("30000", "1001"),
        "film" => ("24", "1"),
        "ntsc-film" | "ntsc_film" => ("24000", "1001"),
        "pal" => ("25", "1"),
        other => other.split_once(['/', ':']).unwrap_or((other, "1")),
    };
    let rate = match (num.parse::<u32>(), den.parse::<u32>()) {
        (Ok(num), Ok(den)) => Rational::new(num, den)?,
        _ => {
            let rate = num.parse::<f64>().ok()? / den.parse::<f64>().ok()?;
            (rate > 0.0 && rate < 1e5).then(|| Rational::new((rate * 1e4).round() as u32, 10_000))??
        }
    };
    (rate.num() > 0).then_some(rate)
}
