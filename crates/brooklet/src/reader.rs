//! Reading: a URL to chunks of frames.

use std::collections::VecDeque;
use std::sync::Arc;

use brooklet_codec::{DecoderOptions, open_decoder};
use brooklet_convert::AudioTarget;
use brooklet_media::{Decoder, Frame, FramePool, MediaKind, SampleFormat, StreamParams, Timestamp};

use crate::chunk::{Chunk, Gather};
use crate::input::{CaptureStart, Input, InputEvent};
use crate::job::{AudioSpec, InputSpec, Journal, VideoSpec};
use crate::stage::cut::{Cut, Window};
use crate::stage::{Chain, PictureChain, SoundChain};
use crate::{Error, Result, Stopper};

/// Reads a file or a stream in chunks of frames, converted to what you ask for.
///
/// Open it, say which streams you want and how, then call [`Reader::next_chunk`] until `None`. It has no threads:
/// reading, decoding and converting happen in the call, and a chunk is handed out as soon as it is full, so nothing
/// piles up and nothing is lost, however unequal the streams are.
pub struct Reader {
    input: Input,
    journal: Arc<Journal>,
    url: String,
    spec: InputSpec,
    pool: FramePool,
    outputs: Vec<Wanted>,
    ready: VecDeque<(usize, Chunk)>,
    ended: bool,
}

/// One stream that was asked for.
struct Wanted {
    stream: usize,
    decoder: Box<dyn Decoder>,
    chain: Chain,
    gather: Gather,
    window: Window,
    ended: bool,
}

impl Reader {
    /// Opens a URL and reads until its streams are known. Blocks until there is something to know.
    ///
    /// # Errors
    ///
    /// Where it can't be opened, or is not media.
    pub fn open(url: &str) -> Result<Self> {
        Self::open_with(&InputSpec { url: url.into(), ..InputSpec::default() }, &Stopper::new())
    }

    /// [`Reader::open`] with options; `stopper` frees a call that blocks, which then fails with [`Error::Stopped`].
    ///
    /// # Errors
    ///
    /// As [`Reader::open`].
    pub fn open_with(spec: &InputSpec, stopper: &Stopper) -> Result<Self> {
        let journal = Arc::default();
        Ok(Self {
            input: Input::open(spec, stopper, &journal, false, &CaptureStart::default())?,
            journal,
            url: spec.url.clone(),
            spec: spec.clone(),
            pool: FramePool::new(),
            outputs: Vec::new(),
            ready: VecDeque::new(),
            ended: false,
        })
    }

    /// The streams, by number.
    pub fn streams(&self) -> &[StreamParams] {
        self.input.streams()
    }

    /// Lines of warning since the last call: a connection that broke and was made again, and the like.
    pub fn warnings(&self) -> Vec<String> {
        self.journal.take()
    }

    /// The number of the first stream of a kind.
    pub fn first(&self, kind: MediaKind) -> Option<usize> {
        self.streams().iter().position(|stream| stream.media() == kind)
    }

    /// Asks for pictures of `stream`, `frames_per_chunk` at a time. Of `how`, size, pixel format (rgb24 where none is
    /// given), frame rate and filters count. Returns the number that its chunks carry: 0 for the first call.
    ///
    /// # Errors
    ///
    /// Where the stream can't be decoded, or the filters make no sense.
    pub fn add_video(&mut self, stream: usize, frames_per_chunk: usize, how: &VideoSpec) -> Result<usize> {
        let format = how.pixel_format.unwrap_or(brooklet_media::PixelFormat::Rgb24);
        let how = VideoSpec { pixel_format: Some(format), ..how.clone() };
        let chain = PictureChain::new(&how, &[format], how.frame_rate, &self.pool);
        let chain = Chain::Video(Box::new(chain.map_err(|source| Error::media(&self.url, source))?));
        self.add(stream, MediaKind::Video, chain, frames_per_chunk)
    }

    /// Asks for sound of `stream`, `frames_per_chunk` samples of each channel at a time. Of `how`, rate, layout, sample
    /// format (flt where none is given; interleaved) and filters count. Returns the number that its chunks carry.
    ///
    /// # Errors
    ///
    /// Where the stream can't be decoded, or the filters make no sense.
    pub fn add_audio(&mut self, stream: usize, frames_per_chunk: usize, how: &AudioSpec) -> Result<usize> {
        let format = how.sample_format.unwrap_or(SampleFormat::F32).packed();
        let target = AudioTarget { format: Some(format), rate: how.sample_rate, layout: how.layout };
        let chain = SoundChain::new(how, target, &self.pool);
        let chain = Chain::Audio(Box::new(chain.map_err(|source| Error::media(&self.url, source))?));
        self.add(stream, MediaKind::Audio, chain, frames_per_chunk)
    }

    /// The next chunk of any stream that was asked for, with its number; the last of a stream may be shorter. Blocks
    /// until there is one. `None` at the end.
    ///
    /// # Errors
    ///
    /// What the system says; damage that nothing can be read beyond; [`Error::Stopped`].
    pub fn next_chunk(&mut self) -> Result<Option<(usize, Chunk)>> {
        while self.ready.is_empty() && !self.ended {
            match self.input.next()? {
                Some(event) => self.handle(event)?,
                None => self.finish()?,
            }
            if self.outputs.iter().all(|output| output.ended) {
                self.finish()?;
            }
        }
        Ok(self.ready.pop_front())
    }

    fn add(
        &mut self,
        stream: usize,
        kind: MediaKind,
        chain: Chain,
        frames_per_chunk: usize,
    ) -> Result<usize> {
        let params = self.streams().get(stream).filter(|params| params.media() == kind).ok_or_else(|| {
            Error::Usage(format!("{}: stream {stream} is not one of {}", self.url, kind.name()))
        })?;
        let options = DecoderOptions { name: None, pool: self.pool.clone() };
        let decoder = open_decoder(params, &options).map_err(|source| Error::media(&self.url, source))?;
        let length = self.spec.duration.or(self.spec.end);
        let window = Window {
            from: self.spec.start.map(|_| Timestamp::ZERO),
            to: length.map(|length| Timestamp::ZERO + length),
        };
        let gather = Gather::new(frames_per_chunk);
        self.outputs.push(Wanted { stream, decoder, chain, gather, window, ended: false });
        Ok(self.outputs.len() - 1)
    }

    fn handle(&mut self, event: InputEvent) -> Result<()> {
        let stream = match &event {
            InputEvent::Packet(packet) => packet.stream,
            InputEvent::Params(stream, _) => *stream,
        };
        for (number, output) in self.outputs.iter_mut().enumerate() {
            if output.stream != stream || output.ended {
                continue;
            }
            // A damaged packet costs the frames in it; the rest is read on.
            let _ = match &event {
                InputEvent::Packet(packet) => output.decoder.decode(packet),
                InputEvent::Params(_, params) => output.decoder.change_params(params),
            };
            output.drain(&self.pool, |chunk| self.ready.push_back((number, chunk)))?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.ended = true;
        for (number, output) in self.outputs.iter_mut().enumerate() {
            let _ = output.decoder.flush();
            output.drain(&self.pool, |chunk| self.ready.push_back((number, chunk)))?;
            output.finish(|chunk| self.ready.push_back((number, chunk)))?;
        }
        Ok(())
    }
}

impl Wanted {
    fn drain(&mut self, pool: &FramePool, mut full: impl FnMut(Chunk)) -> Result<()> {
        while let Some(frame) = self.decoder.poll_frame() {
            match self.window.cut(frame, pool)? {
                Cut::Keep(frame) => self.convert(frame, &mut full)?,
                Cut::Before => {}
                Cut::After => self.ended = true,
            }
        }
        Ok(())
    }

    fn convert(&mut self, frame: Frame, full: &mut impl FnMut(Chunk)) -> Result<()> {
        self.chain.push(frame).map_err(convert)?;
        self.gather(full).map_err(convert)
    }

    fn finish(&mut self, mut full: impl FnMut(Chunk)) -> Result<()> {
        self.chain.flush().map_err(convert)?;
        self.gather(&mut full).map_err(convert)?;
        self.gather.finish().into_iter().for_each(full);
        Ok(())
    }

    /// Everything that the chain has ready, into chunks.
    fn gather(&mut self, full: &mut impl FnMut(Chunk)) -> brooklet_media::Result<()> {
        while let Some(frame) = self.chain.poll()? {
            match frame {
                Frame::Video(picture) => self.gather.add_picture(&picture)?.into_iter().for_each(&mut *full),
                Frame::Audio(sound) => self.gather.add_sound(&sound, &mut *full)?,
            }
        }
        Ok(())
    }
}

fn convert(source: brooklet_media::Error) -> Error {
    Error::Convert { source }
}
