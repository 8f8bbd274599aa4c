//! Packets to the hub: framed once, gathered into units, for all who listen.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use brooklet_format::MuxOptions;
use brooklet_media::{CodecId, Metadata, Muxer, Packet, PacketSink, Place, StreamParams, Timestamp};
use bytes::BytesMut;

use super::station::{Shared, Station};
use super::{NowPlaying, RadioOptions, content_type};
use crate::hub::{Bounds, Publication, Sound, Tally};
use crate::stage::Pace;
use crate::{Error, Hub, Result, Stopper, runtime};

/// How much sound goes to listeners at once: few writes for many listeners, and less than any player holds in hand.
const UNIT: Duration = Duration::from_millis(250);
/// The same in bytes, where sound is not compressed.
const UNIT_BYTES: usize = 16 << 10;
/// What is kept at most of a broadcast, and how far a listener may be behind, in bytes.
const CACHE: usize = 32 << 20;
const BACKLOG: usize = 16 << 20;

/// A stream of sound on a [`Hub`], for any number of listeners: a sink for the packets of one stream.
///
/// What is written is framed once and shared by all. It never waits for a listener; with [`Broadcast::pace`] it waits for time
/// to pass, so that a file is broadcast as long as it lasts. Dropping it without [`PacketSink::finish`] ends it for its
/// listeners all the same.
///
/// ```
/// use brooklet::media::{AudioParams, ChannelLayout, CodecId, Packet, PacketSink, PcmFormat, StreamParams, TimeBase};
/// use brooklet::radio::{Broadcast, ListenOptions, RadioOptions};
/// use brooklet::Hub;
/// use std::task::{Context, Poll, Waker};
///
/// # fn main() -> brooklet::Result<()> {
/// let mut broadcast = Broadcast::open(&Hub::default(), "/tone.wav", "wav", RadioOptions::default())?;
/// let sound = AudioParams::new(8_000, ChannelLayout::Mono);
/// let codec = CodecId::Pcm(PcmFormat::S16Le);
/// broadcast.start(&[StreamParams::audio(codec, TimeBase::hz(8_000), sound)], &Vec::new())?;
/// broadcast.write(&Packet::new(0, 0, vec![0; 1_600].into()))?;
/// broadcast.station().now_playing().set("silence");
///
/// let mut listener = broadcast.station().listen(&ListenOptions::default());
/// broadcast.finish()?;
/// let context = Context::from_waker(Waker::noop());
/// let mut heard = Vec::new();
/// while let Poll::Ready(Some(bytes)) = listener.poll_next(&context) {
///     heard.extend_from_slice(&bytes);
/// }
/// assert!(heard.starts_with(b"RIFF") && heard.len() == 1_644);
/// # Ok(())
/// # }
/// ```
pub struct Broadcast {
    url: String,
    muxer: Box<dyn Muxer>,
    gather: Arc<Mutex<Gather>>,
    station: Station,
    tally: Tally<Sound>,
    pace: Option<(Pace, Stopper)>,
}

/// Frames on their way to the hub.
struct Gather {
    publication: Option<Publication<Sound>>,
    pending: BytesMut,
    /// When the first of them is due, on the media's clock; and when it came.
    at: Timestamp,
    came: Instant,
    codec: CodecId,
    title: Arc<str>,
}

impl Broadcast {
    /// Begins a broadcast under this name, in a format of ffmpeg's by name that holds one stream of sound.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] where the name is taken, or the format can't be broadcast.
    pub fn open(hub: &Hub, name: &str, format: &str, options: RadioOptions) -> Result<Self> {
        Self::open_as(hub, name, name, format, options, NowPlaying::new())
    }

    /// The same for an output: `url` is for messages, and `playing` is its job's.
    ///
    /// # Errors
    ///
    /// As [`Broadcast::open`].
    pub fn open_as(
        hub: &Hub,
        name: &str,
        url: &str,
        format: &str,
        options: RadioOptions,
        playing: NowPlaying,
    ) -> Result<Self> {
        let format = brooklet_format::muxer(format).map_err(|source| Error::media(url, source))?;
        let Some(content_type) = content_type(format.name) else {
            let what = "can't be broadcast; mp3, adts, ogg, flac and wav can: say one with -f";
            return Err(Error::Usage(format!("{url}: {} {what}", format.name)));
        };
        let delay = options.delay.max(options.burst.time);
        let bounds = Bounds {
            delay: i64::try_from(delay.as_millis()).unwrap_or(i64::MAX),
            backlog: BACKLOG,
            cache: CACHE.saturating_add(usize::try_from(options.burst.bytes).unwrap_or(CACHE)),
            burst: options.burst,
        };
        let publication = hub.broadcast(name, bounds);
        let publication = publication
            .map_err(|_| Error::Usage(format!("{url}: there is a broadcast of that name already")))?;
        let muxer = brooklet_format::open_muxer(format, &MuxOptions { live: true, ..MuxOptions::default() });
        let muxer = muxer.map_err(|source| Error::media(url, source))?;
        let tally = publication.tally();
        let station = Station::new(Shared {
            name: name.into(),
            format,
            content_type,
            about: options.about,
            playing,
            entrance: publication.entrance(),
            params: Mutex::default(),
            since: Instant::now(),
            length: AtomicU64::new(0),
            last: AtomicU64::new(0),
        });
        let gather = Arc::new(Mutex::new(Gather {
            publication: Some(publication),
            pending: BytesMut::new(),
            at: Timestamp::ZERO,
            came: Instant::now(),
            codec: CodecId::Unknown(0),
            title: "".into(),
        }));
        if let Ok(runtime) = runtime::handle() {
            runtime.spawn(flush_what_waits(Arc::downgrade(&gather)));
        }
        Ok(Self { url: url.into(), muxer, gather, station, tally, pace: None })
    }

    /// From now on, what is written waits until it is due: for sources that are faster than time. Once `stopper` is stopped,
    /// nothing waits any more: what is left goes at once.
    pub fn pace(&mut self, stopper: &Stopper) {
        self.pace = Some((Pace::default(), stopper.clone()));
    }

    /// What others see of it.
    pub fn station(&self) -> Station {
        self.station.clone()
    }

    /// Bytes that were sent to listeners.
    pub fn sent(&self) -> u64 {
        self.tally.sent()
    }

    /// Units of a quarter of a second that slow listeners skipped.
    pub fn skipped(&self) -> u64 {
        self.tally.skipped()
    }

    fn mux(&mut self, action: impl FnOnce(&mut dyn Muxer) -> brooklet_media::Result<()>) -> Result<()> {
        action(self.muxer.as_mut()).map_err(|source| Error::media(&self.url, source))
    }

    /// Hands what the muxer made to the hub.
    fn drain(&mut self, is_header: bool) {
        let mut gather = lock(&self.gather);
        if is_header {
            gather.flush();
        }
        while let Some(piece) = self.muxer.poll_piece() {
            if piece.place != Place::Append {
                continue;
            }
            if !is_header && gather.is_full(piece.at) {
                gather.flush();
            }
            if gather.pending.is_empty() {
                (gather.at, gather.came) = (piece.at, Instant::now());
                gather.title = self.station.now_playing().title();
            }
            gather.pending.extend_from_slice(&piece.bytes);
        }
        if is_header {
            gather.push(true);
        }
    }
}

impl PacketSink<Error> for Broadcast {
    fn start(&mut self, streams: &[StreamParams], metadata: &Metadata) -> Result<()> {
        self.station.now_playing().set_first(metadata);
        for stream in streams {
            self.mux(|muxer| muxer.add_stream(stream))?;
            lock(&self.gather).codec = stream.codec;
        }
        *self.station.shared().params.lock().unwrap_or_else(PoisonError::into_inner) =
            streams.first().cloned();
        self.mux(|muxer| muxer.start(metadata))?;
        self.drain(true);
        Ok(())
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        let params = self.station.params();
        if let Some(params) = &params {
            let at = params.time_base.at(packet.dts);
            if let Some((pace, stopper)) = &mut self.pace {
                pace.wait(at, stopper);
            }
            let end = at + params.time_base.at(packet.duration).since(Timestamp::ZERO);
            let length = u64::try_from(end.as_nanos()).unwrap_or(0);
            let shared = self.station.shared();
            shared.length.store(length, Ordering::Relaxed);
            let age = u64::try_from(shared.since.elapsed().as_millis()).unwrap_or(u64::MAX);
            shared.last.store(age, Ordering::Relaxed);
        }
        self.mux(|muxer| muxer.write(packet))?;
        self.drain(false);
        Ok(())
    }

    fn change_params(&mut self, stream: usize, params: &StreamParams) -> Result<()> {
        self.mux(|muxer| muxer.change_params(stream, params))?;
        self.drain(false);
        *self.station.shared().params.lock().unwrap_or_else(PoisonError::into_inner) = Some(params.clone());
        Ok(())
    }

    /// The broadcast is over: listeners get what they have not had yet, then the end. Waits for nobody.
    fn finish(&mut self) -> Result<()> {
        self.mux(|muxer| muxer.finish())?;
        self.drain(false);
        let mut gather = lock(&self.gather);
        gather.flush();
        if let Some(publication) = gather.publication.take() {
            publication.end();
        }
        Ok(())
    }
}

impl std::fmt::Debug for Broadcast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broadcast").field("station", &self.station).finish_non_exhaustive()
    }
}

impl Gather {
    /// Whether what waits is enough, now that there is something due at `at`.
    fn is_full(&self, at: Timestamp) -> bool {
        self.pending.len() >= UNIT_BYTES || at.since(self.at) >= UNIT
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            self.push(false);
        }
    }

    fn push(&mut self, is_header: bool) {
        let bytes = self.pending.split().freeze();
        let time = self.at.as_nanos() / 1_000_000;
        let unit = Sound { bytes, time, is_header, codec: self.codec, title: self.title.clone() };
        if let Some(publication) = self.publication.as_mut().filter(|_| !unit.bytes.is_empty()) {
            publication.push(unit);
        }
    }
}

/// The last frames before a pause wait for nothing more.
async fn flush_what_waits(gather: Weak<Mutex<Gather>>) {
    let mut clock = tokio::time::interval(UNIT);
    loop {
        clock.tick().await;
        let Some(gather) = gather.upgrade() else { return };
        let mut gather = lock(&gather);
        if gather.came.elapsed() > UNIT {
            gather.flush();
        }
    }
}

fn lock(gather: &Mutex<Gather>) -> MutexGuard<'_, Gather> {
    // A panic elsewhere leaves it whole: every change to it is one call.
    gather.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
