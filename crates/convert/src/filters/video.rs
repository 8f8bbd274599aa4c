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

#[cfg(test)]
mod tests {
    use brooklet_media::{PixelFormat, TimeBase};
    use proptest::prelude::*;

    use super::*;

    /// A picture whose pixels are numbered along each row, with its row in the tens.
    fn numbered(format: PixelFormat, width: u32, height: u32, pts: i64) -> VideoFrame {
        let mut frame = VideoFrame::new(&FramePool::new(), format, width, height).unwrap();
        for plane in 0..format.planes() {
            let stride = frame.stride(plane);
            for (y, row) in frame.planes_mut()[plane].chunks_exact_mut(stride).enumerate() {
                row.iter_mut().enumerate().for_each(|(x, sample)| *sample = (x + 10 * y) as u8);
            }
        }
        (frame.pts, frame.duration, frame.time_base) = (pts, 1, TimeBase::hz(25));
        frame
    }

    fn run(chain: &str, frames: impl IntoIterator<Item = VideoFrame>) -> Result<Vec<VideoFrame>> {
        let mut filters = VideoFilters::parse(chain, &FramePool::new())?;
        let mut out = Vec::new();
        for frame in frames {
            filters.push(frame);
            while let Some(frame) = filters.poll()? {
                out.push(frame);
            }
        }
        filters.flush();
        while let Some(frame) = filters.poll()? {
            out.push(frame);
        }
        Ok(out)
    }

    fn one(chain: &str, format: PixelFormat) -> Result<VideoFrame> {
        Ok(run(chain, [numbered(format, 8, 6, 0)])?.remove(0))
    }

    #[test]
    fn sizes_are_worked_out_as_ffmpeg_does() {
        for (chain, size) in [
            ("scale=320:-1", (320, 180)),
            ("scale=-2:75", (134, 75)),
            ("scale=iw/2:ih/4", (320, 90)),
            ("scale=w=100:h=ow/2", (100, 50)),
            ("scale=oh*2:100", (200, 100)),
            ("scale=hd720", (1_280, 720)),
            ("scale=s=64x32", (64, 32)),
            ("scale='min(iw,500)':-4:flags=bilinear", (500, 280)),
            ("scale=200:200:force_original_aspect_ratio=decrease", (200, 113)),
            ("scale=0:0", (640, 360)),
            ("crop=100:50", (100, 50)),
            ("crop=ih", (360, 360)),
            ("crop=in_w/3:101", (212, 100)),
        ] {
            let frame = VideoFrame::new(&FramePool::new(), PixelFormat::Yuv420p, 640, 360).unwrap();
            let out = run(chain, [frame]).unwrap();
            assert_eq!((out[0].width(), out[0].height()), size, "{chain}");
        }
    }

    #[test]
    fn crops_take_the_part_that_was_asked_for() {
        let out = one("crop=4:2:2:3", PixelFormat::Gray8).unwrap();
        assert_eq!(out.rows(0).collect::<Vec<_>>(), [[32, 33, 34, 35], [42, 43, 44, 45]]);
        // Whole chroma samples, unless told otherwise.
        let out = one("crop=4:2:2:3", PixelFormat::Yuv420p).unwrap();
        assert_eq!((out.plane(0)[0], out.plane(1)[0]), (22, 11));
        let out = one("crop=4:2:2:3:exact=1", PixelFormat::Yuv420p).unwrap();
        assert_eq!((out.plane(0)[0], out.plane(1)[0]), (32, 11));
        assert!(one("crop=9:2", PixelFormat::Gray8).is_err());
    }

    #[test]
    fn flips_mirror_whole_pixels() {
        let out = one("hflip", PixelFormat::Nv12).unwrap();
        assert_eq!((&out.plane(0)[..3], &out.plane(1)[..4]), (&[7, 6, 5][..], &[6, 7, 4, 5][..]));
        let out = one("vflip", PixelFormat::Rgb24).unwrap();
        assert_eq!(out.plane(0)[..3], [50, 51, 52]);
        let out = one("hflip,hflip,vflip,vflip", PixelFormat::Yuv420p10).unwrap();
        let input = numbered(PixelFormat::Yuv420p10, 8, 6, 0);
        assert!((0..3).all(|plane| out.rows(plane).eq(input.rows(plane))));
    }

    #[test]
    fn colour_goes() {
        let out = one("hue=s=0", PixelFormat::Yuv420p).unwrap();
        assert!(out.rows(1).chain(out.rows(2)).flatten().all(|sample| *sample == 128));
        assert_eq!(out.plane(0)[..8], [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(one("format=gray", PixelFormat::Yuv420p).unwrap().format(), PixelFormat::Gray8);
        assert_eq!(one("format=rgb24|nv12", PixelFormat::Yuv420p).unwrap().format(), PixelFormat::Nv12);
        assert_eq!(one("format=rgb24|nv12", PixelFormat::Rgb24).unwrap().format(), PixelFormat::Rgb24);
    }

    #[test]
    fn rates_change_in_the_middle_of_a_chain() {
        let frames = (0..25).map(|pts| numbered(PixelFormat::Yuv420p, 16, 16, pts));
        let out = run("scale=8:8,fps=50,hflip", frames).unwrap();
        assert_eq!(out.len(), 50);
        assert!(out.iter().enumerate().all(|(at, frame)| frame.pts == at as i64 && frame.width() == 8));
    }

    #[test]
    fn times_can_be_rewritten() {
        let frames = (100..103).map(|pts| numbered(PixelFormat::Gray8, 1, 1, pts));
        let out = run("setpts=2*(PTS-STARTPTS)+N", frames).unwrap();
        assert_eq!(out.iter().map(|frame| frame.pts).collect::<Vec<_>>(), [0, 3, 6]);
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        for (chain, words) in [
            ("scael=1:2", "did you mean 'scale'?"),
            ("overlay", "filter 'overlay' is not supported; supported: scale"),
            ("scale=1:2:colour=red", "option 'colour' of the filter scale"),
            ("fps=round=zero", "fps rounding 'zero'"),
            ("fps=0", "not a frame rate"),
            ("format=yuv410p", "pixel format 'yuv410p'"),
            ("scale=foo:2", "'foo'"),
            ("hue=q=1", "option 'q'"),
        ] {
            let error = VideoFilters::parse(chain, &FramePool::new()).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_chain_makes_it_panic(chain in "(scale|crop|fps|hue|format|setsar|null|,|:|=|-|[0-9a-z/'\\\\]){0,12}") {
            let _ = run(&chain, [numbered(PixelFormat::Yuv420p, 9, 5, 0)]);
        }
    }
}
