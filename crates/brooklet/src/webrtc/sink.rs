//! Packets of a job to sessions: checked, paced, and as tags of a stream of the hub.

use std::any::Any;
use std::time::{Duration, Instant};

use brooklet_flv::Tag;
use brooklet_media::{CodecId, MediaKind, Metadata, Packet, PacketSink, StreamParams};

use super::Gateway;
use crate::hub::{Publication, Tally};
use crate::protocol::{LivePacketSink, SinkOptions};
use crate::rtmp::sink::{TagSink, TagTarget};
use crate::stage::Pace;
use crate::{Error, Result, Stopper};

/// How long viewers may take to get the rest when a stream is over.
const TAIL: Duration = Duration::from_secs(2);

/// A sink of what WebRTC can carry.
pub(super) struct SessionSink<T> {
    url: String,
    inner: TagSink<T>,
    streams: Vec<(StreamParams, Option<i64>)>,
    /// Where packets come faster than time passes.
    pace: Option<(Pace, Stopper)>,
}

impl<T: TagTarget> SessionSink<T> {
    /// Packets of the output at `url`.
    pub(super) fn new(url: &str, listening: bool, options: &SinkOptions, target: T) -> Self {
        let pace = (!options.is_realtime).then(|| (Pace::default(), options.ending.clone()));
        Self { url: url.into(), inner: TagSink::new(url, listening, target), streams: Vec::new(), pace }
    }

    fn check(&self, params: &StreamParams) -> Result<()> {
        if matches!(params.codec, CodecId::H264 | CodecId::Opus) {
            return Ok(());
        }
        let what = format!("{} in WebRTC", params.codec);
        Err(Error::media(
            &self.url,
            brooklet_media::Error::unsupported(what, "h264 and opus: leave out -c copy"),
        ))
    }
}

impl<T: TagTarget> PacketSink<Error> for SessionSink<T> {
    fn start(&mut self, streams: &[StreamParams], metadata: &Metadata) -> Result<()> {
        streams.iter().try_for_each(|params| self.check(params))?;
        self.streams = streams.iter().map(|params| (params.clone(), None)).collect();
        self.inner.start(streams, metadata)
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        if let Some((params, last)) = self.streams.get_mut(packet.stream) {
            let is_video = params.media() == MediaKind::Video;
            if is_video && last.is_some_and(|last| packet.pts < last) {
                let what = "pictures that are not shown in the order of decoding (B-frames) in WebRTC";
                let remedy = "pictures in order: leave out -c:v copy, or have the source make none (-bf 0)";
                return Err(Error::media(&self.url, brooklet_media::Error::unsupported(what, remedy)));
            }
            *last = Some(packet.pts);
            if let Some((pace, stopper)) = &mut self.pace
                && !pace.wait(params.time_base.at(packet.dts), stopper)
            {
                return Ok(());
            }
        }
        self.inner.write(packet)
    }

    fn change_params(&mut self, stream: usize, params: &StreamParams) -> Result<()> {
        self.check(params)?;
        if let Some((known, last)) = self.streams.get_mut(stream) {
            (*known, *last) = (params.clone(), None);
        }
        self.inner.change_params(stream, params)
    }

    fn finish(&mut self) -> Result<()> {
        self.inner.finish()
    }
}

impl<T: TagTarget> LivePacketSink for SessionSink<T> {
    fn bytes(&self) -> u64 {
        self.inner.bytes()
    }

    fn skipped(&self) -> u64 {
        self.inner.skipped()
    }

    fn takes_key_frame_wish(&mut self) -> bool {
        self.inner.takes_key_frame_wish()
    }

    fn is_listening(&self) -> bool {
        self.inner.is_listening()
    }
}

/// All who watch a stream of a gateway.
pub(super) struct Audience {
    pub(super) gateway: Gateway,
    pub(super) publication: Option<Publication>,
    pub(super) tally: Tally,
    /// What answers viewers: there as long as this is.
    pub(super) _keeper: Box<dyn Any + Send>,
}

impl TagTarget for Audience {
    fn send(&mut self, tag: Tag) -> Result<()> {
        if let Some(publication) = &mut self.publication {
            publication.push(tag);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        if let Some(publication) = self.publication.take() {
            publication.end();
        }
        let until = Instant::now() + TAIL;
        while self.gateway.sessions() > 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.tally.sent()
    }

    fn skipped(&self) -> u64 {
        self.tally.skipped()
    }

    fn takes_key_frame_wish(&mut self) -> bool {
        self.publication.as_ref().is_some_and(Publication::take_wish)
    }
}
