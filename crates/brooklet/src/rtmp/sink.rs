//! Packets to tags.

use std::time::Duration;

use brooklet_flv::{Tag, TagWriter};
use brooklet_media::{Metadata, Packet, PacketSink, StreamParams};

use crate::protocol::LivePacketSink;
use crate::{Error, Result};

/// Between the last tag and the word that it was the last: GStreamer, told of the end, drops what it has not taken yet.
pub(super) const LAST_TAG: Duration = Duration::from_millis(100);

/// Where tags go.
pub(crate) trait TagTarget: Send {
    /// The metadata and sequence headers: sent first, and kept for those who come late.
    fn start(&mut self, headers: Vec<Tag>) -> Result<()> {
        headers.into_iter().try_for_each(|tag| self.send(tag))
    }

    /// The next tag; blocks while there is no room.
    fn send(&mut self, tag: Tag) -> Result<()>;

    /// No more tags: returns when all have been sent.
    fn finish(&mut self) -> Result<()>;

    /// Bytes sent so far.
    fn bytes(&self) -> u64;

    /// Pictures and sounds that were not sent, because the peer was too slow.
    fn skipped(&self) -> u64 {
        0
    }

    /// Whether who gets them has asked for a key frame since the last call.
    fn takes_key_frame_wish(&mut self) -> bool {
        false
    }
}

/// A packet sink over a [`TagTarget`].
pub(crate) struct TagSink<T> {
    url: String,
    listening: bool,
    writer: TagWriter,
    target: T,
}

impl<T: TagTarget> TagSink<T> {
    pub(crate) fn new(url: &str, listening: bool, target: T) -> Self {
        Self { url: url.into(), listening, writer: TagWriter::new(), target }
    }

    fn failed(&self, source: brooklet_media::Error) -> Error {
        Error::media(&self.url, source)
    }
}

impl<T: TagTarget> PacketSink<Error> for TagSink<T> {
    fn start(&mut self, streams: &[StreamParams], metadata: &Metadata) -> Result<()> {
        for stream in streams {
            self.writer.add_stream(stream).map_err(|source| Error::media(&self.url, source))?;
        }
        let headers = self.writer.header_tags(metadata).map_err(|source| self.failed(source))?;
        self.target.start(headers)
    }

    fn write(&mut self, packet: &Packet) -> Result<()> {
        let tag = self.writer.write(packet).map_err(|source| self.failed(source))?;
        self.target.send(tag)
    }

    fn change_params(&mut self, stream: usize, params: &StreamParams) -> Result<()> {
        let tags = self.writer.change_params(stream, params).map_err(|source| self.failed(source))?;
        tags.into_iter().try_for_each(|tag| self.target.send(tag))
    }

    fn finish(&mut self) -> Result<()> {
        if let Some(tag) = self.writer.end_of_sequence() {
            self.target.send(tag)?;
        }
        self.target.finish()
    }
}

impl<T: TagTarget> LivePacketSink for TagSink<T> {
    fn bytes(&self) -> u64 {
        self.target.bytes()
    }

    fn skipped(&self) -> u64 {
        self.target.skipped()
    }

    fn takes_key_frame_wish(&mut self) -> bool {
        self.target.takes_key_frame_wish()
    }

    fn is_listening(&self) -> bool {
        self.listening
    }
}
