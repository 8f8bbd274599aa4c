//! Playing: sound and pictures in step, on the machine's own devices.
//!
//! | file | holds |
//! |---|---|
//! | `clock` | which moment of the media is now: sans-IO, with virtual time in its tests |
//! | `shared` | what the threads of a player share: seeks, pauses, how far the sound is |
//! | `read` | the thread that reads, and goes to other places |
//! | `sound` | the thread that decodes sound and writes it to the speaker |
//! | `follow` | sound of a live source, led along with the speaker's clock: sans-IO too |
//! | `pictures` | the thread that decodes pictures |
//! | `screen` | the window, and what its keys mean to a player |
//! | `show` | the caller's own thread: each picture at its time, and what a person does in the window |

pub(crate) mod clock;
mod follow;
mod pictures;
mod read;
mod screen;
mod shared;
mod show;
mod sound;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use brooklet_codec::{DecoderOptions, open_decoder};
use brooklet_device::{Speaker, SpeakerOptions};
use brooklet_media::{CodecId, Decoder, FramePool, MediaKind, SampleFormat, StreamParams, Timestamp};

use crate::input::Input;
use crate::job::{InputSpec, Journal};
use crate::queue::Queue;
use crate::stage::cut::Window;
use crate::{Error, Probed, Result, Stopper};
use pictures::PictureThread;
use read::ReadThread;
pub use shared::PlayStatus;
use shared::{Coded, Shared};
use show::{Media, Show};
use sound::SoundThread;

/// Packets that wait for their decoder; when full, the input is not read. Ten seconds of most streams, so that a file
/// whose sound and pictures lie far apart plays.
const PACKETS: usize = 512;
/// The same where each is a whole raw picture.
const RAW_PICTURES: usize = 4;
/// Decoded pictures that wait to be shown; when full, the decoder waits.
const PICTURES: usize = 4;
/// From a sample's being written to its being heard: what a file has time for, and what a live source has.
const LATENCY: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(100)];

/// What is to be played, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaySpec {
    /// What to play: its `-ss`, `-t`, `-an`, `-vn` and loops count too.
    pub input: InputSpec,
    /// `-nodisp`: no window.
    pub no_display: bool,
    /// `-autoexit`: ends with the media rather than with the window. Without a window it always does.
    pub auto_exit: bool,
    /// `-volume`: 0 is silence, 1 is as it is.
    pub volume: f32,
    /// `-vf`.
    pub video_filters: Option<String>,
    /// `-af`.
    pub audio_filters: Option<String>,
    /// `-window_title`; the URL where nothing is said.
    pub title: Option<String>,
    /// `-x`, `-y`: pixels; of one alone the other follows by the pictures' shape.
    pub size: (Option<u32>, Option<u32>),
    /// `-left`, `-top`: pixels.
    pub position: Option<(i32, i32)>,
    /// `-fs`.
    pub fullscreen: bool,
    /// `-noborder`.
    pub borderless: bool,
    /// The name of the speaker; the user's own choice where nothing is said.
    pub speaker: Option<String>,
    /// `-sync`: whether pictures follow the sound; where not, they follow the time that passes.
    pub follow_sound: bool,
}

impl Default for PlaySpec {
    /// A plain `brooklet play`, but for the URL.
    fn default() -> Self {
        Self {
            input: InputSpec::default(),
            no_display: false,
            auto_exit: false,
            volume: 1.0,
            video_filters: None,
            audio_filters: None,
            title: None,
            size: (None, None),
            position: None,
            fullscreen: false,
            borderless: false,
            speaker: None,
            follow_sound: true,
        }
    }
}

/// An input that is about to be played.
pub struct Player {
    spec: PlaySpec,
    input: Input,
    probed: Probed,
    stopper: Stopper,
    shared: Arc<Shared>,
}

/// Watches a player from another thread. Cloning shares it.
#[derive(Clone)]
pub struct Monitor {
    shared: Arc<Shared>,
}

impl Player {
    /// Opens the input; nothing is heard or seen yet. `stopper` frees it, and ends [`Player::run`] at once.
    ///
    /// # Errors
    ///
    /// What can't be opened; [`Error::Stopped`].
    pub fn open(spec: &PlaySpec, stopper: &Stopper) -> Result<Self> {
        let journal: Arc<Journal> = Arc::default();
        // One of its own: the end of a player frees whoever reads for it, and stops nothing else.
        let own = Stopper::new();
        let (outer, inner) = (stopper, own.clone());
        outer.on_stop(move || inner.stop());
        let input = Input::open(&spec.input, &own, &journal, false, &Default::default())?;
        let probed = input.describe();
        let shared = Arc::new(Shared::new(journal, spec.volume));
        Ok(Self { spec: spec.clone(), input, probed, stopper: own, shared })
    }

    /// What the input was found to be.
    pub const fn input(&self) -> &Probed {
        &self.probed
    }

    /// The way to see how it fares while it runs.
    pub fn monitor(&self) -> Monitor {
        Monitor { shared: self.shared.clone() }
    }

    /// Plays until the end, in the calling thread and others. Where there is no sound server or no display, the rest plays,
    /// and a warning says so.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] where a person closed the window; what the input says; [`Error::Device`] where there is nothing to
    /// play it on.
    pub fn run(mut self) -> Result<PlayStatus> {
        let pool = FramePool::new();
        let live = self.input.is_live();
        let seekable = !live && self.input.seek_to(Timestamp::ZERO);
        let picture = self.best(MediaKind::Video).filter(|_| !self.spec.no_display);
        let sound = self.best(MediaKind::Audio);
        if picture.is_none() && sound.is_none() {
            let what = "nothing to play: its options leave no pictures and no sound";
            return Err(Error::Usage(format!("{}: {what}", self.spec.input.url)));
        }
        let speaker = match sound.map(|stream| self.open_speaker(stream, live)) {
            Some(Err(error)) if picture.is_none() => return Err(error.into()),
            Some(Err(error)) => {
                self.shared.journal.warn(format!("{error}; it is played without sound"));
                None
            }
            Some(Ok(speaker)) => speaker,
            None => None,
        };
        let window = self.window();
        let frames = Queue::new(PICTURES);
        let mut routes: Vec<Option<Queue<Coded>>> = self.input.streams().iter().map(|_| None).collect();
        let mut threads = Vec::new();
        if let Some(stream) = picture {
            let (params, decoder) = self.open_decoder(stream, &pool)?;
            let raw = params.codec == CodecId::RawVideo;
            let input = Queue::new(if raw { RAW_PICTURES } else { PACKETS });
            routes[stream] = Some(input.clone());
            let filters = self.spec.video_filters.clone();
            let shared = self.shared.clone();
            let (frames, pool) = (frames.clone(), pool.clone());
            let stage = PictureThread::new(input, frames, decoder, filters, window, shared, pool)?;
            threads.push(spawn("pictures", move || stage.run())?);
        }
        let has_sound = speaker.is_some();
        if let (Some(stream), Some(speaker)) = (sound, speaker) {
            let (params, decoder) = self.open_decoder(stream, &pool)?;
            let input = Queue::new(PACKETS);
            routes[stream] = Some(input.clone());
            let filters = self.spec.audio_filters.clone();
            let shared = self.shared.clone();
            let stage = SoundThread::new(
                input,
                decoder,
                &params,
                filters,
                speaker,
                window,
                shared,
                live,
                pool.clone(),
            )?;
            threads.push(spawn("sound", move || stage.run())?);
        }
        let played = [picture, sound].into_iter().flatten();
        let queues: Vec<Queue<Coded>> = played.filter_map(|stream| routes[stream].clone()).collect();
        let (ended, stopped) = (self.shared.clone(), self.stopper.clone());
        self.stopper.on_stop(move || ended.end());
        let duration = self.input.duration();
        let start = self.spec.input.start.unwrap_or_default();
        let read = ReadThread { input: self.input, routes, shared: self.shared.clone(), end: window.to };
        threads.push(spawn("read", move || read.run())?);

        let media = Media { pictures: picture.is_some(), sound: has_sound, seekable, live, start, duration };
        let show = Show::new(&self.spec, media, self.shared.clone(), frames.clone(), queues.clone());
        let outcome = show.run(&stopped);
        self.stopper.stop();
        frames.close();
        queues.iter().for_each(Queue::close);
        let panicked = threads.into_iter().map(thread::JoinHandle::join).filter(Result::is_err).count() > 0;
        outcome?;
        if let Some(error) = self.shared.take_failure() {
            return Err(error);
        }
        if panicked {
            return Err(Error::Usage("a thread of the player panicked, which is a bug".into()));
        }
        Ok(self.shared.status())
    }

    /// `-ss` and `-t`, exact.
    fn window(&self) -> Window {
        let spec = &self.spec.input;
        let length = spec.duration.or(spec.end.map(|end| end.saturating_sub(spec.start.unwrap_or_default())));
        Window {
            from: spec.start.map(|_| Timestamp::ZERO),
            to: length.map(|length| Timestamp::ZERO + length),
        }
    }

    /// The stream to play: the one that is marked, else the largest, the first of equals.
    fn best(&self, kind: MediaKind) -> Option<usize> {
        let wanted = match kind {
            MediaKind::Video => !self.spec.input.no_video,
            _ => !self.spec.input.no_audio,
        };
        let size = |stream: &StreamParams| match (stream.as_video(), stream.as_audio()) {
            (Some(video), _) => u64::from(video.width) * u64::from(video.height),
            (_, Some(audio)) => audio.layout.channels() as u64,
            _ => 0,
        };
        let streams = self.input.streams().iter().enumerate().rev();
        let of_kind = streams.filter(|(_, stream)| wanted && stream.media() == kind);
        of_kind.max_by_key(|(_, stream)| (stream.default, size(stream))).map(|(number, _)| number)
    }

    /// The speaker for a stream, where that is one of sound.
    fn open_speaker(&self, stream: usize, live: bool) -> brooklet_device::Result<Option<Speaker>> {
        let Some(sound) = self.input.streams().get(stream).and_then(StreamParams::as_audio) else {
            return Ok(None);
        };
        let options = SpeakerOptions {
            device: self.spec.speaker.clone(),
            title: self.title(),
            latency: LATENCY[usize::from(live)],
            format: SampleFormat::F32,
            rate: sound.rate,
            layout: sound.layout,
        };
        Speaker::open(&options).map(Some)
    }

    fn title(&self) -> String {
        self.spec.title.clone().unwrap_or_else(|| self.spec.input.url.clone())
    }

    fn open_decoder(&self, stream: usize, pool: &FramePool) -> Result<(StreamParams, Box<dyn Decoder>)> {
        let spec = &self.spec.input;
        let params = self.input.streams()[stream].clone();
        let video = params.media() == MediaKind::Video;
        let name = if video { spec.video_codec.clone() } else { spec.audio_codec.clone() };
        let decoder = open_decoder(&params, &DecoderOptions { name, pool: pool.clone() });
        Ok((params, decoder.map_err(|source| Error::media(&spec.url, source))?))
    }
}

impl Monitor {
    /// How it fares.
    pub fn status(&self) -> PlayStatus {
        self.shared.status()
    }

    /// Lines of warning since the last call.
    pub fn warnings(&self) -> Vec<String> {
        self.shared.journal.take()
    }

    /// Lines that are no warnings, as how a live input went, since the last call.
    pub fn notes(&self) -> Vec<String> {
        self.shared.journal.take_notes()
    }

    /// How an input that is buffered (`-buffer`) fares now: its level, its delay, what was concealed. Empty without one.
    pub fn input_status(&self) -> String {
        self.shared.journal.status()
    }
}

/// Runs `work`, for which the calling thread lends itself to windows: see [`brooklet_device::window::host`]. A program that
/// plays calls this on its main thread.
pub fn host<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    #[cfg(feature = "window")]
    return brooklet_device::window::host(work);
    #[cfg(not(feature = "window"))]
    work()
}

/// The size at which a picture of square pixels would look as this one does.
#[cfg(feature = "window")]
pub(crate) fn shape(picture: &brooklet_media::VideoFrame) -> (u32, u32) {
    let aspect = picture.sample_aspect;
    if aspect.num() == 0 {
        return (picture.width(), picture.height());
    }
    let wide = u64::from(picture.width()) * u64::from(aspect.num()) / u64::from(aspect.den());
    (u32::try_from(wide).unwrap_or(u32::MAX).clamp(1, 16_384), picture.height())
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<thread::JoinHandle<()>> {
    let spawned = thread::Builder::new().name(name.into()).spawn(body);
    spawned.map_err(|source| Error::io("player", "cannot start a thread", source))
}
