//! The thread that converts and encodes one stream, for all outputs that want it the same.

use std::sync::Arc;
use std::time::{Duration, Instant};

use brooklet_codec::{AudioEncode, EncoderConfig, EncoderInfo, EncoderInput, VideoEncode, open_encoder};
use brooklet_convert::AudioTarget;
use brooklet_media::{
    AudioParams, ChannelLayout, Control, Encoder, Frame, FramePool, Rational, Timestamp, VideoFrame,
};

use super::Behind;
use super::cut::{Cut, Window};
use super::gap::GapFiller;
use super::picture::PictureChain;
use super::sound::SoundChain;
use crate::job::{AudioSpec, Counters, Journal, VideoSpec};
use crate::output::Exit;
use crate::queue::{Popped, Queue};
use crate::{Error, Result};

/// Frames that wait for an encoder; when full, the decoder blocks.
pub(crate) const FRAMES: usize = 6;
/// The same of a camera, which waits for nobody: the newest wins.
pub(crate) const CAPTURED: usize = 1;

/// The most pictures in a second that a stream is believed to have.
const MAX_RATE: f64 = 1_000.0;

/// What helps an encoder that is too slow.
const FASTER: &str = "; a smaller picture (-s), fewer of them (-r) or a faster -preset helps";

/// One stream's conversions and encoder, and those who want its packets.
pub(crate) struct EncodeStage {
    pub(crate) input: Queue<Frame>,
    pub(crate) work: Work,
    pub(crate) window: Window,
    pub(crate) exits: Vec<Exit>,
    /// Where gaps of the source are filled.
    pub(crate) gap: Option<GapFiller>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) pool: FramePool,
}

/// What is done to the frames.
pub(crate) enum Work {
    Video(Box<VideoWork>),
    Audio(Box<AudioWork>),
}

/// Pictures: chain, then encoder, which is made when the first picture shows its shape.
pub(crate) struct VideoWork {
    spec: VideoSpec,
    info: &'static EncoderInfo,
    chain: PictureChain,
    /// What the stream says of itself; what is kept, where it is constant.
    rate: Rational,
    constant: bool,
    live: bool,
    encoder: Option<Box<dyn Encoder>>,
    forced: Forced,
    /// Where the source does not wait.
    behind: Option<Behind>,
}

/// Sound: chain, then encoder.
pub(crate) struct AudioWork {
    chain: SoundChain,
    encoder: Box<dyn Encoder>,
}

/// Key frames that the user asked for.
struct Forced {
    times: Vec<Duration>,
    interval: Option<Duration>,
    next: usize,
}

impl EncodeStage {
    /// Runs until the frames end or nobody wants more.
    pub(crate) fn run(mut self) -> Result<()> {
        let outcome = self.encode_all();
        // Whoever waits on either side is told, however this ended. An output without this stream is not what was asked
        // for, so a failure ends it too.
        self.input.close();
        self.exits.iter().for_each(if outcome.is_ok() { Exit::end } else { Exit::close });
        outcome
    }

    fn encode_all(&mut self) -> Result<()> {
        while let Some(frame) = self.next_frame()? {
            let frame = match self.window.cut(frame, &self.pool)? {
                Cut::Keep(frame) => self.window.shifted(frame),
                Cut::Before => continue,
                Cut::After => break,
            };
            self.work.push(frame).map_err(codec)?;
            if !self.encode_ready()? {
                return Ok(());
            }
        }
        self.work.flush_chain().map_err(codec)?;
        if self.encode_ready()? {
            self.finish_encoder()?;
        }
        Ok(())
    }

    /// The next frame of the source, or the silence in its place.
    fn next_frame(&mut self) -> Result<Option<Frame>> {
        let Some(gap) = &mut self.gap else { return Ok(self.input.pop()) };
        match self.input.pop_until(Some(gap.deadline(Instant::now()))) {
            Popped::Item(mut frame) => {
                gap.pass(&mut frame, Instant::now());
                Ok(Some(frame))
            }
            Popped::Late => gap.fill(&self.pool, Instant::now()).map(Some).map_err(codec),
            Popped::End => Ok(None),
        }
    }

    /// Encodes what the chain has ready, handing out each packet as it comes. False when nobody wants more.
    fn encode_ready(&mut self) -> Result<bool> {
        // A codec that makes key frames when asked does; another one's come in time.
        if let Work::Video(work) = &mut self.work
            && let Some(encoder) = &mut work.encoder
            && self.exits.iter().filter(|exit| exit.takes_key_frame_wish()).count() > 0
        {
            encoder.control(Control::KeyFrame);
        }
        while self.work.encode_next().map_err(codec)? {
            if !self.hand_out() {
                return Ok(false);
            }
        }
        self.count();
        Ok(true)
    }

    /// What the encoder knows at its end only is told before its last packets: FLAC's sum and length.
    fn finish_encoder(&mut self) -> Result<()> {
        let before = self.work.encoder().map(|encoder| encoder.params().clone());
        self.work.flush_encoder().map_err(codec)?;
        let after = self.work.encoder().map(|encoder| encoder.params().clone());
        if let Some(after) = after.filter(|after| before.as_ref() != Some(after)) {
            self.exits.iter().for_each(|exit| exit.change(&after));
        }
        self.hand_out();
        Ok(())
    }

    /// False when nobody wants more.
    fn hand_out(&mut self) -> bool {
        let Some(encoder) = self.work.encoder() else { return !self.exits.is_empty() };
        while let Some(packet) = encoder.poll_packet() {
            for exit in &mut self.exits {
                exit.announce(encoder.params());
            }
            self.exits.retain_mut(|exit| exit.push(packet.clone()));
        }
        !self.exits.is_empty()
    }

    fn count(&self) {
        if let Work::Video(video) = &self.work {
            let (duplicated, dropped) = video.chain.counts();
            self.counters.set_frame_rate(duplicated, dropped + self.input.replaced());
        }
    }
}

impl Work {
    fn push(&mut self, frame: Frame) -> brooklet_media::Result<()> {
        match (self, frame) {
            (Self::Video(work), Frame::Video(picture)) => {
                work.chain.push(picture);
                Ok(())
            }
            (Self::Audio(work), Frame::Audio(sound)) => work.chain.push(&sound),
            _ => Err(brooklet_media::Error::Usage("a decoder gave frames of another kind".into())),
        }
    }

    /// Encodes the next frame that the chain has ready; false where it has none.
    fn encode_next(&mut self) -> brooklet_media::Result<bool> {
        match self {
            Self::Video(work) => work.encode_next(),
            Self::Audio(work) => work.encode_next(),
        }
    }

    fn flush_chain(&mut self) -> brooklet_media::Result<()> {
        match self {
            Self::Video(work) => work.chain.flush(),
            Self::Audio(work) => work.chain.flush(),
        }
    }

    fn flush_encoder(&mut self) -> brooklet_media::Result<()> {
        self.encoder().map_or(Ok(()), |encoder| encoder.flush())
    }

    fn encoder(&mut self) -> Option<&mut Box<dyn Encoder>> {
        match self {
            Self::Video(work) => work.encoder.as_mut(),
            Self::Audio(work) => Some(&mut work.encoder),
        }
    }
}

impl VideoWork {
    /// `source_rate` is the rate of the pictures that will come; `constant` whether the output's is to be kept.
    pub(crate) fn new(
        spec: &VideoSpec,
        info: &'static EncoderInfo,
        source_rate: Option<Rational>,
        constant: bool,
        live: bool,
        pool: &FramePool,
    ) -> brooklet_media::Result<Self> {
        let formats = video_formats(info);
        if let Some(wanted) = spec.pixel_format
            && !formats.contains(&wanted)
        {
            let taken = formats.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ");
            return Err(brooklet_media::Error::unsupported(
                format!("pixel format {wanted} in {}", info.name),
                taken,
            ));
        }
        // What a stream says of its rate may be damaged, and must not set how many pictures fill a gap.
        let sane = |rate: &Rational| rate.num() > 0 && rate.as_f64() <= MAX_RATE;
        let rate = source_rate.filter(sane).unwrap_or(Rational::whole(25));
        let chain = PictureChain::new(spec, formats, constant.then_some(rate), pool)?;
        let rate = chain.frame_rate().unwrap_or(rate);
        let forced =
            Forced { times: spec.force_key_frames.clone(), interval: spec.key_frame_interval, next: 0 };
        let spec = spec.clone();
        Ok(Self { spec, info, chain, rate, constant, live, encoder: None, forced, behind: None })
    }

    /// Says in `journal` when encoding takes longer than the pictures last: their source does not wait.
    pub(crate) fn watch_pace(&mut self, journal: &Arc<Journal>) {
        self.behind = Some(Behind::new(format!("encoding {}", self.info.name), FASTER, journal.clone()));
    }

    fn encode_next(&mut self) -> brooklet_media::Result<bool> {
        let Some(mut picture) = self.chain.poll()? else { return Ok(false) };
        let at = picture.time_base.at(picture.pts);
        picture.key = self.forced.is_due(at);
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            empty => empty.insert(encoder_for(
                &self.spec,
                self.info,
                self.rate,
                self.constant,
                self.live,
                &picture,
            )?),
        };
        let picture = Frame::Video(picture);
        match &mut self.behind {
            Some(behind) => behind.watch(at, || encoder.encode(&picture))?,
            None => encoder.encode(&picture)?,
        }
        Ok(true)
    }
}

impl AudioWork {
    /// `source` is the sound that will come.
    pub(crate) fn new(
        spec: &AudioSpec,
        info: &'static EncoderInfo,
        source: &AudioParams,
        pool: &FramePool,
    ) -> brooklet_media::Result<Self> {
        let EncoderInput::Audio { formats, rates, layouts, .. } = info.input else {
            return Err(brooklet_media::Error::Usage(format!("{} does not encode sound", info.name)));
        };
        if let Some(wanted) = spec.sample_format.filter(|wanted| !formats.contains(wanted)) {
            let taken = formats.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ");
            return Err(brooklet_media::Error::unsupported(
                format!("sample format {wanted} in {}", info.name),
                taken,
            ));
        }
        let format = spec.sample_format.or(formats.first().copied()).or(source.format);
        let format = format.unwrap_or(brooklet_media::SampleFormat::F32p);
        let rate = nearest_rate(spec.sample_rate.unwrap_or(source.rate), rates);
        let layout = nearest_layout(spec.layout.unwrap_or(source.layout), layouts);
        let target = AudioTarget { format: Some(format), rate: Some(rate), layout: Some(layout) };
        let usual = AudioEncode::new(rate, layout, format);
        let config =
            AudioEncode { bit_rate: spec.bit_rate, complexity: spec.complexity, opus: spec.opus, ..usual };
        Ok(Self {
            chain: SoundChain::new(spec, target, pool)?,
            encoder: open_encoder(&EncoderConfig::audio(info.name, config))?,
        })
    }

    fn encode_next(&mut self) -> brooklet_media::Result<bool> {
        let Some(sound) = self.chain.poll()? else { return Ok(false) };
        self.encoder.encode(&Frame::Audio(sound))?;
        Ok(true)
    }
}

impl Forced {
    fn is_due(&mut self, at: Timestamp) -> bool {
        let next = match self.interval {
            Some(interval) => u32::try_from(self.next).ok().and_then(|next| interval.checked_mul(next)),
            None => self.times.get(self.next).copied(),
        };
        let due = next.is_some_and(|next| at >= Timestamp::ZERO + next);
        self.next += usize::from(due);
        due
    }
}

/// An encoder for pictures like this one.
fn encoder_for(
    spec: &VideoSpec,
    info: &'static EncoderInfo,
    rate: Rational,
    constant: bool,
    live: bool,
    picture: &VideoFrame,
) -> brooklet_media::Result<Box<dyn Encoder>> {
    let mut video = VideoEncode::new(picture.width(), picture.height(), picture.format(), rate)?;
    // Pictures at a constant rate count themselves; others keep the clock that they came with.
    video.time_base = if constant { video.time_base } else { picture.time_base };
    video.color = picture.color;
    video.sample_aspect = picture.sample_aspect;
    video.bit_rate = spec.bit_rate;
    video.quality = spec.quality;
    video.gop = spec.gop;
    video.preset = spec.preset.clone();
    video.profile = spec.profile.clone();
    video.level = spec.level;
    video.live = live;
    open_encoder(&EncoderConfig::video(info.name, video))
}

fn video_formats(info: &EncoderInfo) -> &'static [brooklet_media::PixelFormat] {
    match info.input {
        EncoderInput::Video { formats, .. } => formats,
        EncoderInput::Audio { .. } => &[],
    }
}

/// The rate that the encoder takes nearest above the wanted one, else the highest.
fn nearest_rate(wanted: u32, taken: &[u32]) -> u32 {
    let above = taken.iter().copied().filter(|rate| *rate >= wanted).min();
    above.or(taken.iter().copied().max()).unwrap_or(wanted)
}

/// The wanted layout, else the one with the most channels that is no larger, else the smallest.
fn nearest_layout(wanted: ChannelLayout, taken: &[ChannelLayout]) -> ChannelLayout {
    if taken.is_empty() || taken.contains(&wanted) {
        return wanted;
    }
    let fits = taken.iter().filter(|layout| layout.channels() <= wanted.channels());
    let best = fits.max_by_key(|layout| layout.channels());
    best.or(taken.iter().min_by_key(|layout| layout.channels())).copied().unwrap_or(wanted)
}

fn codec(source: brooklet_media::Error) -> Error {
    Error::Encode { source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_frames_are_forced_once_for_each_time() {
        let mut forced =
            Forced { times: vec![Duration::ZERO, Duration::from_secs(1)], interval: None, next: 0 };
        let due: Vec<_> = (0..40).filter(|n| forced.is_due(Timestamp::from_millis(n * 40))).collect();
        assert_eq!(due, [0, 25]);
        let mut forced = Forced { times: Vec::new(), interval: Some(Duration::from_millis(500)), next: 0 };
        let due: Vec<_> = (0..40).filter(|n| forced.is_due(Timestamp::from_millis(n * 40))).collect();
        assert_eq!(due, [0, 13, 25, 38]);
    }

    #[test]
    fn encoders_get_what_they_take() {
        assert_eq!(
            (nearest_rate(44_100, &[24_000, 48_000]), nearest_rate(96_000, &[24_000, 48_000])),
            (48_000, 48_000)
        );
        let taken = [ChannelLayout::Mono, ChannelLayout::Stereo];
        assert_eq!(nearest_layout(ChannelLayout::FiveOne, &taken), ChannelLayout::Stereo);
    }
}
