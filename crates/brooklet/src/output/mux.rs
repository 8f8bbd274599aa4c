//! A packet sink that is a muxer and a place for its bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use brooklet_media::{CodecId, Metadata, Muxer, Packet, PacketSink, Place, StreamParams};

use crate::protocol::ByteSink;
use crate::{Error, Result};

/// Packets → muxer → bytes.
pub(super) struct MuxSink {
    pub(super) url: String,
    pub(super) muxer: Box<dyn Muxer>,
    pub(super) bytes: Box<dyn ByteSink>,
    pub(super) written: Arc<AtomicU64>,
    /// Whether the format is the samples and nothing else.
    pub(super) bare: bool,
}

impl MuxSink {
    fn drain(&mut self) -> Result<()> {
        while let Some(piece) = self.muxer.poll_piece() {
            if !matches!(piece.place, Place::Patch(_)) {
                self.written.fetch_add(piece.bytes.len() as u64, Ordering::Relaxed);
            }
            self.bytes.write(&piece)?;
        }
        Ok(())
    }

    fn mux(&mut self, action: impl FnOnce(&mut dyn Muxer) -> brooklet_media::Result<()>) -> Result<()> {
        action(self.muxer.as_mut()).map_err(|source| Error::media(&self.url, source))?;
        self.drain()
    }

    /// The same for what may fail in the middle: what was written until then is ended as it should be.
    fn mux_or_end(
        &mut self,
        action: impl FnOnce(&mut dyn Muxer) -> brooklet_media::Result<()>,
    ) -> Result<()> {
        let Err(source) = action(self.muxer.as_mut()) else { return self.drain() };
        let failure = Error::media(&self.url, source);
        // What fails now is the lesser evil.
        let _ = self.finish();
        Err(failure)
    }
}

/// Of samples that are not coded.
fn bytes_per_second(streams: &[StreamParams]) -> Option<u64> {
    let [stream] = streams else { return None };
    let (CodecId::Pcm(pcm), Some(audio)) = (stream.codec, stream.as_audio()) else { return None };
    Some(u64::from(audio.rate) * (audio.layout.channels() * pcm.bytes()) as u64)
}

impl PacketSink<Error> for MuxSink {
    fn start(&mut self, streams: &[StreamParams], metadata: &Metadata) -> Result<()> {
        for stream in streams {
            self.mux(|muxer| muxer.add_stream(stream))?;
        }
        if let Some(rate) = self.bare.then(|| bytes_per_second(streams)).flatten() {
            self.bytes.steady(rate);
        }
        self.mux(|muxer| muxer.start(metadata))
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        self.mux_or_end(|muxer| muxer.write(packet))
    }

    fn change_params(&mut self, stream: usize, params: &StreamParams) -> Result<()> {
        self.mux_or_end(|muxer| muxer.change_params(stream, params))
    }

    fn finish(&mut self) -> Result<()> {
        self.mux(|muxer| muxer.finish())?;
        self.bytes.finish()
    }
}
