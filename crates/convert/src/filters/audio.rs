//! Chains of filters for sound.

use brooklet_media::{AudioFrame, ChannelLayout, FramePool, Result, SampleFormat, TimeBase};

use super::args::{self, FilterArgs};
use crate::audio::sample;
use crate::{AudioChunks, AudioConverter, AudioTarget, Gaps, LastChunk};

/// What there is, in the order of tables.
const NAMES: [&str; 6] = ["aresample", "aformat", "volume", "asetnsamples", "anull", "acopy"];

/// A chain of filters as ffmpeg's `-af` describes it: `aresample=48000,volume=-6dB`.
///
/// | filter | does | options |
/// |---|---|---|
/// | `aresample` | another rate, see [`AudioConverter`] | `out_sample_rate`, `out_sample_fmt`, `out_chlayout`, `async` (fills gaps), `first_pts` |
/// | `aformat` | one of these formats, rates, layouts | `sample_fmts`, `sample_rates`, `channel_layouts` |
/// | `volume` | louder or softer | `volume`: a factor, or `-6dB` |
/// | `asetnsamples` | frames of one length, see [`AudioChunks`] | `n`, `p` (pads the last) |
/// | `anull`, `acopy` | nothing | |
///
/// After each [`AudioFilters::push`], take [`AudioFilters::poll`] until `None`.
#[derive(Debug)]
pub struct AudioFilters {
    stages: Vec<Stage>,
    ready: std::collections::VecDeque<AudioFrame>,
}

#[derive(Debug)]
enum Stage {
    Convert(Box<AudioConverter>),
    Format(Box<Format>),
    Chunks(AudioChunks),
    Volume(f64),
    Null,
}

impl AudioFilters {
    /// Reads a chain; new frames come from `pool`.
    ///
    /// # Errors
    ///
    /// [`brooklet_media::Error::Unsupported`] for a filter or an option that is not known, with those that are;
    /// [`brooklet_media::Error::Usage`] for a value that can't be read.
    pub fn parse(chain: &str, pool: &FramePool) -> Result<Self> {
        let filters = args::parse_chain(chain)?;
        let stages = filters.iter().map(|filter| stage(filter, pool)).collect::<Result<_>>()?;
        Ok(Self { stages, ready: std::collections::VecDeque::new() })
    }

    /// The names of all filters.
    pub const fn names() -> &'static [&'static str] {
        &NAMES
    }

    /// Takes the next frame.
    ///
    /// # Errors
    ///
    /// As [`AudioConverter::push`].
    pub fn push(&mut self, frame: &AudioFrame) -> Result<()> {
        let Self { stages, ready } = self;
        feed(stages, frame.clone(), &mut |frame| ready.push_back(frame))
    }

    /// The next frame out; `None` until more are pushed.
    pub fn poll(&mut self) -> Option<AudioFrame> {
        self.ready.pop_front()
    }

    /// No more frames will come for now: what was held back becomes ready.
    ///
    /// # Errors
    ///
    /// As [`AudioFilters::push`].
    pub fn flush(&mut self) -> Result<()> {
        let Self { stages, ready } = self;
        for at in 0..stages.len() {
            let Some((stage, after)) = stages[at..].split_first_mut() else { continue };
            stage.flush()?;
            while let Some(frame) = stage.poll() {
                feed(after, frame, &mut |frame| ready.push_back(frame))?;
            }
        }
        Ok(())
    }
}

/// Passes a frame through all of `stages`.
fn feed(stages: &mut [Stage], mut frame: AudioFrame, out: &mut dyn FnMut(AudioFrame)) -> Result<()> {
    let Some((stage, after)) = stages.split_first_mut() else {
        out(frame);
        return Ok(());
    };
    match stage {
        Stage::Null => return feed(after, frame, out),
        Stage::Volume(gain) => {
            sample::amplify(&mut frame, *gain);
            return feed(after, frame, out);
        }
        Stage::Format(format) => format.push(&frame)?,
        Stage::Convert(converter) => converter.push(&frame)?,
        Stage::Chunks(chunks) => chunks.push(&frame)?,
    }
    while let Some(frame) = stage.poll() {
        feed(after, frame, out)?;
    }
    Ok(())
}

impl Stage {
    fn poll(&mut self) -> Option<AudioFrame> {
        match self {
            Self::Convert(converter) => converter.poll(),
            Self::Format(format) => format.converter.poll(),
            Self::Chunks(chunks) => chunks.poll(),
            Self::Volume(_) | Self::Null => None,
        }
    }

    fn flush(&mut self) -> Result<()> {
        match self {
            Self::Convert(converter) => converter.flush(),
            Self::Format(format) => format.converter.flush(),
            Self::Chunks(chunks) => chunks.flush(),
            Self::Volume(_) | Self::Null => Ok(()),
        }
    }
}

fn stage(filter: &FilterArgs, pool: &FramePool) -> Result<Stage> {
    Ok(match filter.name.as_str() {
        "aresample" => Stage::Convert(Box::new(aresample(filter, pool)?)),
        "aformat" => Stage::Format(Box::new(Format::parse(filter, pool)?)),
        "volume" => Stage::Volume(volume(filter)?),
        "asetnsamples" => Stage::Chunks(asetnsamples(filter, pool)?),
        "anull" | "acopy" => {
            filter.bind(&[])?;
            Stage::Null
        }
        other => return Err(args::unknown(other, &NAMES)),
    })
}

fn aresample(filter: &FilterArgs, pool: &FramePool) -> Result<AudioConverter> {
    let bound = filter.bind(&[
        &["out_sample_rate", "osr", "sample_rate"],
        &["out_sample_fmt", "osf"],
        &["out_chlayout", "ocl", "out_channel_layout"],
        &["async"],
        &["first_pts"],
    ])?;
    let rate = bound.parsed(0, |text| sample_rate(text).ok_or_else(|| bound.bad(text, "a rate in Hz")))?;
    let target = AudioTarget {
        rate,
        format: bound.parsed(1, str::parse::<SampleFormat>)?,
        layout: bound.parsed(2, str::parse::<ChannelLayout>)?,
    };
    let fill = bound.value(3).is_some_and(|fill| fill != "0");
    let mut converter = AudioConverter::new(target, pool.clone());
    if fill {
        converter = converter.with_gaps(Gaps::Fill);
    }
    let first = bound.parsed(4, |text| text.parse().map_err(|_| bound.bad(text, "a number of samples")))?;
    if let Some(first) = first {
        // It counts samples of the output.
        converter = converter.with_start(TimeBase::hz(rate.unwrap_or(48_000)).at(first));
    }
    Ok(converter)
}

fn asetnsamples(filter: &FilterArgs, pool: &FramePool) -> Result<AudioChunks> {
    let bound = filter.bind(&[&["n", "nb_out_samples"], &["p", "pad"]])?;
    let samples = bound.parsed(0, |text| {
        let samples = text.parse().ok().filter(|samples| (1..=1 << 20).contains(samples));
        samples.ok_or_else(|| bound.bad(text, "a number of samples from 1 to 1048576"))
    })?;
    let short = bound.value(1).is_some_and(|pad| pad == "0");
    let last = if short { LastChunk::Short } else { LastChunk::Padded };
    Ok(AudioChunks::new(samples.unwrap_or(1_024), last, pool.clone()))
}

/// A factor.
fn volume(filter: &FilterArgs) -> Result<f64> {
    let bound = filter.bind(&[&["volume"], &["precision"]])?;
    let text = bound.value(0).unwrap_or("1.0");
    let gain = match text.strip_suffix("dB") {
        Some(decibels) => decibels.trim().parse::<f64>().map(|decibels| 10f64.powf(decibels / 20.0)),
        None => text.trim().parse::<f64>(),
    };
    gain.ok()
        .filter(|gain| gain.is_finite() && *gain >= 0.0)
        .ok_or_else(|| bound.bad(text, "a volume: 0.5 or -6dB"))
}

fn sample_rate(text: &str) -> Option<u32> {
    let rate = match text.strip_suffix('k') {
        Some(thousands) => (thousands.parse::<f64>().ok()? * 1e3) as u32,
        None => text.parse().ok()?,
    };
    (rate > 0).then_some(rate)
}

/// `aformat`: what comes in where it is allowed, else the first that is.
#[derive(Debug)]
struct Format {
    formats: Vec<SampleFormat>,
    rates: Vec<u32>,
    layouts: Vec<ChannelLayout>,
    converter: AudioConverter,
}

impl Format {
    fn parse(filter: &FilterArgs, pool: &FramePool) -> Result<Self> {
        let bound =
            filter.bind(&[&["sample_fmts", "f"], &["sample_rates", "r"], &["channel_layouts", "cl"]])?;
        let list = |option| bound.value(option).into_iter().flat_map(|names: &str| names.split('|'));
        let rate = |text| sample_rate(text).ok_or_else(|| bound.bad(text, "a rate in Hz"));
        Ok(Self {
            formats: list(0).map(str::parse).collect::<Result<_>>()?,
            rates: list(1).map(rate).collect::<Result<_>>()?,
            layouts: list(2).map(str::parse).collect::<Result<_>>()?,
            converter: AudioConverter::new(AudioTarget::default(), pool.clone()),
        })
    }

    fn push(&mut self, frame: &AudioFrame) -> Result<()> {
        let target = AudioTarget {
            format: choose(&self.formats, frame.format()),
            rate: choose(&self.rates, frame.rate()),
            layout: choose(&self.layouts, frame.layout()),
        };
        self.converter.set_target(target)?;
        self.converter.push(frame)
    }
}

fn choose<T: Copy + PartialEq>(allowed: &[T], own: T) -> Option<T> {
    if allowed.contains(&own) { None } else { allowed.first().copied() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(chain: &str, samples: &[i16]) -> Result<Vec<AudioFrame>> {
        let pool = FramePool::new();
        let mut filters = AudioFilters::parse(chain, &pool)?;
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_ne_bytes()).collect();
        filters.push(&AudioFrame::from_raw(&pool, SampleFormat::S16, 8_000, ChannelLayout::Mono, &bytes)?)?;
        filters.flush()?;
        Ok(std::iter::from_fn(|| filters.poll()).collect())
    }

    #[test]
    fn volume_clips_at_the_ends() {
        assert_eq!(run("volume=0.5", &[100, -100]).unwrap()[0].typed::<i16>(0), [50, -50]);
        assert_eq!(run("volume=20dB", &[100, -10_000]).unwrap()[0].typed::<i16>(0), [1_000, -32_768]);
        assert_eq!(run("volume=-6dB", &[1_000]).unwrap()[0].typed::<i16>(0), [501]);
    }

    #[test]
    fn chains_keep_the_length() {
        let chain =
            "aresample=16000,aformat=sample_fmts=fltp|dbl:channel_layouts=stereo,asetnsamples=n=300:p=0";
        let out = run(chain, &[1_000; 800]).unwrap();
        assert_eq!(out.iter().map(AudioFrame::samples).collect::<Vec<_>>(), [300, 300, 300, 300, 300, 100]);
        let last = &out[5];
        assert_eq!(
            (last.format(), last.rate(), last.layout(), last.pts),
            (SampleFormat::F32p, 16_000, ChannelLayout::Stereo, 1_500)
        );
    }

    #[test]
    fn an_allowed_format_is_left_alone() {
        let out = run("aformat=sample_fmts=fltp|s16:sample_rates=48000|8000,anull", &[5]).unwrap();
        assert_eq!((out[0].format(), out[0].rate()), (SampleFormat::S16, 8_000));
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        for (chain, words) in [
            ("volum=1", "did you mean 'volume'?"),
            ("volume=loud", "not a volume"),
            ("aresample=0", "not a rate in Hz"),
            ("aformat=sample_fmts=s24", "sample format 's24'"),
        ] {
            let error = AudioFilters::parse(chain, &FramePool::new()).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
