//! Writing: frames to a URL.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use brooklet_media::{
    AudioFrame, AudioParams, ChannelLayout, Frame, FramePool, MediaKind, PixelFormat, Rational, SampleFormat,
    TimeBase, VideoFrame,
};

use crate::job::{
    Action, AudioSpec, Counters, FpsMode, Gap, Journal, OutputSpec, Playback, VideoSpec, action,
};
use crate::output::device::DeviceSink;
use crate::output::mixer::Mixer;
use crate::output::{Exit, Opened, Output, OutputFormat, mixer_for};
use crate::queue::Queue;
use crate::radio::NowPlaying;
use crate::stage::Chain;
use crate::stage::cut::Window;
use crate::stage::encode::{self, AudioWork, EncodeStage, VideoWork, Work};
use crate::stage::gap::GapFiller;
use crate::stage::present::PresentStage;
use crate::{Error, Result, Stopper};

/// Writes frames to a file or a live stream: converted, encoded on threads of their own, interleaved and muxed. In the format
/// `speaker` or `window` they are heard or seen instead.
///
/// Create it, add its streams, write to them in any order (they are interleaved by their times), and close it. A write
/// blocks while the encoder or the output is busy: that is the back-pressure.
pub struct Writer {
    spec: OutputSpec,
    format: OutputFormat,
    stopper: Stopper,
    pool: FramePool,
    streams: Vec<Stream>,
    threads: Vec<JoinHandle<Result<()>>>,
    counters: Arc<Counters>,
    journal: Arc<Journal>,
    playing: NowPlaying,
    /// Until the first write.
    works: Vec<Lane>,
}

/// What is done to the frames of a stream.
enum Lane {
    /// They are encoded.
    Encode(Work),
    /// They go to a device.
    Present(Chain),
}

/// Pictures that will be written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PictureShape {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// As they stand in memory.
    pub format: PixelFormat,
    /// Pictures in a second: each write goes on where the last one ended.
    pub rate: Rational,
}

/// Sound that will be written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoundShape {
    /// Samples of each channel in a second.
    pub rate: u32,
    /// The channels.
    pub layout: ChannelLayout,
    /// As it stands in memory; interleaved.
    pub format: SampleFormat,
}

struct Stream {
    shape: Shape,
    frames: Queue<Frame>,
    /// Frames written so far: pictures, or samples of each channel.
    written: i64,
}

enum Shape {
    Picture(PictureShape),
    Sound(SoundShape),
}

impl Writer {
    /// A writer to a URL, in the format that its name or protocol says.
    ///
    /// # Errors
    ///
    /// Where the URL names no format or protocol that we have.
    pub fn create(url: &str) -> Result<Self> {
        Self::create_with(&OutputSpec { url: url.into(), ..OutputSpec::default() }, &Stopper::new())
    }

    /// [`Writer::create`] with options. `stopper` frees a call that blocks, which then fails with [`Error::Stopped`].
    ///
    /// # Errors
    ///
    /// As [`Writer::create`].
    pub fn create_with(spec: &OutputSpec, stopper: &Stopper) -> Result<Self> {
        Ok(Self {
            spec: spec.clone(),
            format: OutputFormat::find(spec)?,
            stopper: stopper.clone(),
            pool: FramePool::new(),
            streams: Vec::new(),
            threads: Vec::new(),
            counters: Arc::default(),
            journal: Arc::default(),
            playing: NowPlaying::new(),
            works: Vec::new(),
        })
    }

    /// Adds a stream of pictures, encoded as `how` says. Returns its number.
    ///
    /// # Errors
    ///
    /// Where the format holds none, or the encoder does not take them; after the first write.
    pub fn add_video(&mut self, shape: PictureShape, how: &VideoSpec) -> Result<usize> {
        self.spec.video = how.clone();
        let Some(info) = self.encoder(MediaKind::Video)? else {
            return self.present(MediaKind::Video, Shape::Picture(shape));
        };
        let constant = how.fps_mode == FpsMode::Constant || how.frame_rate.is_some();
        let live = self.spec.live.unwrap_or_else(|| self.format.is_live());
        let work = VideoWork::new(how, info, Some(shape.rate), constant, live, &self.pool);
        self.add(
            Shape::Picture(shape),
            Lane::Encode(Work::Video(Box::new(work.map_err(|source| Error::Encode { source })?))),
        )
    }

    /// Adds a stream of sound, encoded as `how` says. Returns its number.
    ///
    /// # Errors
    ///
    /// As [`Writer::add_video`].
    pub fn add_audio(&mut self, shape: SoundShape, how: &AudioSpec) -> Result<usize> {
        self.spec.audio = how.clone();
        let Some(info) = self.encoder(MediaKind::Audio)? else {
            return self.present(MediaKind::Audio, Shape::Sound(shape));
        };
        let sound = AudioParams { format: Some(shape.format), ..AudioParams::new(shape.rate, shape.layout) };
        let work =
            AudioWork::new(how, info, &sound, &self.pool).map_err(|source| Error::Encode { source })?;
        self.add(Shape::Sound(shape), Lane::Encode(Work::Audio(Box::new(work))))
    }

    /// Writes to a stream: whole pictures, rows without padding, or whole samples of all channels, native-endian, right
    /// after what was written to it before. The first write opens the output, which is where a listener waits for its
    /// viewer.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] where the bytes are not whole frames; whatever went wrong in an encoder or the output since the
    /// last call; [`Error::Stopped`].
    pub fn write(&mut self, stream: usize, bytes: &[u8]) -> Result<()> {
        if self.threads.is_empty() {
            self.open()?;
        }
        let Some(into) = self.streams.get_mut(stream) else {
            return Err(Error::Usage(format!("{}: there is no stream {stream}", self.spec.url)));
        };
        let failed = |source| Error::media(&self.spec.url, source);
        let frames = into.frames_of(bytes, &self.pool).map_err(failed)?;
        for frame in frames {
            if into.frames.push(frame).is_err() {
                return self.failure();
            }
        }
        Ok(())
    }

    /// What is being played: changed at any time, and told to the listeners of a broadcast.
    pub const fn now_playing(&self) -> &NowPlaying {
        &self.playing
    }

    /// Lines of warning since the last call: a connection that broke and was made again, and the like.
    pub fn warnings(&self) -> Vec<String> {
        self.journal.take()
    }

    /// How the device fares, where the output is one and has been written to.
    pub fn playback(&self) -> Option<Playback> {
        self.counters.playback()
    }

    /// Encodes what is held back, finishes the output, and returns when all of it is stored or sent.
    ///
    /// # Errors
    ///
    /// The first thing that went wrong.
    pub fn close(mut self) -> Result<()> {
        self.streams.iter().for_each(|stream| stream.frames.end());
        self.join()
    }

    /// What encodes frames of this kind; none where they go to a device.
    fn encoder(&self, kind: MediaKind) -> Result<Option<&'static brooklet_codec::EncoderInfo>> {
        match action(&self.spec, self.format.holds, kind)?.0 {
            Action::Encode(info) => Ok(Some(info)),
            Action::Present => Ok(None),
            Action::Copy => Err(Error::Usage("frames are encoded, not copied".into())),
        }
    }

    fn present(&mut self, kind: MediaKind, shape: Shape) -> Result<usize> {
        if !self.streams.is_empty() {
            let what = format!("a {} takes one stream", self.format.name());
            return Err(Error::Usage(format!("{}: {what}", self.spec.url)));
        }
        let chain = Chain::to_device(kind, &self.spec.video, &self.spec.audio, &self.pool);
        self.add(shape, Lane::Present(chain.map_err(|source| Error::Convert { source })?))
    }

    fn add(&mut self, shape: Shape, work: Lane) -> Result<usize> {
        if !self.threads.is_empty() {
            return Err(Error::Usage("streams are added before the first write".into()));
        }
        self.streams.push(Stream { shape, frames: Queue::new(encode::FRAMES), written: 0 });
        self.works.push(work);
        Ok(self.streams.len() - 1)
    }

    fn open(&mut self) -> Result<()> {
        let opened = self.format.open(
            &self.spec,
            false,
            &self.stopper,
            &self.stopper,
            &self.journal,
            &self.playing,
        )?;
        let output = match opened {
            Opened::Packets(output) => *output,
            Opened::Frames(sink) => return self.start_presenting(sink),
        };
        // Each stream has a source of its own, so none waits for another behind the same thread.
        let from: Vec<usize> = (0..self.streams.len()).collect();
        let mixer = mixer_for(&self.spec, &from, |_| false);
        for (lane, (stream, work)) in self.streams.iter().zip(self.works.drain(..)).enumerate() {
            let Lane::Encode(work) = work else { continue };
            let stage = EncodeStage {
                input: stream.frames.clone(),
                work,
                window: Window::default(),
                exits: vec![Exit::new(&mixer, lane, None)],
                gap: stream.silence(self.format.gap(&self.spec)),
                counters: self.counters.clone(),
                pool: self.pool.clone(),
            };
            let stopped = stream.frames.clone();
            self.stopper.on_stop(move || stopped.close());
            self.threads.push(spawn(&self.spec.url, move || stage.run())?);
        }
        let (metadata, counters) = (self.spec.metadata.clone(), self.counters.clone());
        let journal = self.journal.clone();
        let write =
            move |output: Output, mixer: Arc<Mixer>| output.run(&mixer, &metadata, &counters, &journal);
        self.threads.push(spawn(&self.spec.url, move || write(output, mixer))?);
        Ok(())
    }

    fn start_presenting(&mut self, sink: Box<dyn DeviceSink>) -> Result<()> {
        let Some((stream, Lane::Present(chain))) = self.streams.first().zip(self.works.pop()) else {
            return Err(Error::Usage(format!("{}: a stream is added before the first write", self.spec.url)));
        };
        let stage = PresentStage {
            input: stream.frames.clone(),
            chain,
            window: Window::default(),
            frames_left: None,
            sink,
            counters: self.counters.clone(),
            pool: self.pool.clone(),
            stopper: self.stopper.clone(),
        };
        self.threads.push(spawn(&self.spec.url, move || stage.run())?);
        Ok(())
    }

    /// Why an encoder or a device takes no more.
    fn failure(&mut self) -> Result<()> {
        if self.stopper.is_stopped() {
            return Err(Error::Stopped);
        }
        self.streams.iter().for_each(|stream| stream.frames.end());
        self.join()?;
        Err(Error::Left { url: self.spec.url.clone() })
    }

    fn join(&mut self) -> Result<()> {
        let mut outcome = Ok(());
        for thread in self.threads.drain(..) {
            let ended = thread
                .join()
                .unwrap_or_else(|_| Err(Error::Usage("a thread panicked, which is a bug".into())));
            outcome = outcome.and(ended);
        }
        outcome
    }
}

impl Drop for Writer {
    /// Ends properly, as [`Writer::close`] does, but tells nobody how it went.
    fn drop(&mut self) {
        self.streams.iter().for_each(|stream| stream.frames.end());
        let _ = self.join();
    }
}

impl Stream {
    fn silence(&self, gap: Gap) -> Option<GapFiller> {
        match self.shape {
            Shape::Sound(SoundShape { rate, layout, format }) if gap == Gap::Silence => {
                Some(GapFiller::new(AudioParams { format: Some(format), ..AudioParams::new(rate, layout) }))
            }
            _ => None,
        }
    }

    fn frames_of(&mut self, bytes: &[u8], pool: &FramePool) -> brooklet_media::Result<Vec<Frame>> {
        match self.shape {
            Shape::Picture(shape) => self.pictures_of(shape, bytes, pool),
            Shape::Sound(shape) => self.sound_of(shape, bytes, pool),
        }
    }

    fn pictures_of(
        &mut self,
        shape: PictureShape,
        bytes: &[u8],
        pool: &FramePool,
    ) -> brooklet_media::Result<Vec<Frame>> {
        let PictureShape { width, height, format, rate } = shape;
        VideoFrame::check_size(width, height)?;
        let size = format.picture_bytes(width, height);
        check_whole(bytes.len(), size, "pictures")?;
        let time_base = rate.time_base().unwrap_or(TimeBase::hz(25));
        let frame = |raw: &[u8]| {
            let mut picture = VideoFrame::from_raw(pool, format, width, height, raw)?;
            (picture.pts, picture.duration, picture.time_base) = (self.written, 1, time_base);
            self.written += 1;
            Ok(Frame::Video(picture))
        };
        bytes.chunks_exact(size).map(frame).collect()
    }

    fn sound_of(
        &mut self,
        shape: SoundShape,
        bytes: &[u8],
        pool: &FramePool,
    ) -> brooklet_media::Result<Vec<Frame>> {
        let SoundShape { rate, layout, format } = shape;
        let step = format.bytes() * layout.channels();
        check_whole(bytes.len(), step, "samples")?;
        // Long writes are cut, so that the queue counts in pieces of a like size.
        let frame = |raw: &[u8]| {
            let mut sound = AudioFrame::from_raw(pool, format, rate, layout, raw)?;
            sound.pts = self.written;
            self.written += sound.samples() as i64;
            Ok(Frame::Audio(sound))
        };
        bytes.chunks(step * 4_096).map(frame).collect()
    }
}

fn check_whole(bytes: usize, size: usize, what: &str) -> brooklet_media::Result<()> {
    if bytes.is_multiple_of(size) {
        return Ok(());
    }
    Err(brooklet_media::Error::Usage(format!("{bytes} bytes are not whole {what} of {size} bytes")))
}

fn spawn(url: &str, body: impl FnOnce() -> Result<()> + Send + 'static) -> Result<JoinHandle<Result<()>>> {
    let spawned = thread::Builder::new().name("brooklet-writer".into()).spawn(body);
    spawned.map_err(|source| Error::io(url, "cannot start a thread", source))
}
