//! Packets to tags, and the queue between the output's thread and its connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use brooklet_flv::{Tag, TagWriter};
use brooklet_media::{Metadata, Packet, PacketSink, StreamParams};

use super::connection::{Connection, Endpoint, Turn};
use crate::protocol::LivePacketSink;
use crate::queue::Queue;
use crate::{Error, Result, Stopper};

/// Tags that wait for the connection, a few seconds of a stream; when full, the encoder blocks.
pub(super) const WAITING: usize = 256;
/// Between the last tag and the word that it was the last: GStreamer, told of the end, drops what it has not taken yet.
pub(super) const LAST_TAG: Duration = Duration::from_millis(100);
/// Tags sent with one write where they wait.
const BATCH: usize = 32;

/// Where tags go.
pub(super) trait TagTarget: Send {
    /// The metadata and sequence headers: sent first, and kept for those who come late.
    fn start(&mut self, headers: Vec<Tag>) -> Result<()>;

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
}

/// A packet sink over a [`TagTarget`].
pub(super) struct TagSink<T> {
    url: String,
    listening: bool,
    writer: TagWriter,
    target: T,
}

impl<T: TagTarget> TagSink<T> {
    pub(super) fn new(url: &str, listening: bool, target: T) -> Self {
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

    fn is_listening(&self) -> bool {
        self.listening
    }
}

/// The output's end of one connection.
pub(super) struct Remote {
    pub(super) url: String,
    pub(super) stopper: Stopper,
    pub(super) tags: Queue<Tag>,
    pub(super) outcome: Queue<Result<()>>,
    pub(super) sent: Arc<AtomicU64>,
}

impl Remote {
    pub(super) fn new(url: &str, stopper: &Stopper) -> Self {
        let remote = Self {
            url: url.into(),
            stopper: stopper.clone(),
            tags: Queue::new(WAITING),
            outcome: Queue::new(1),
            sent: Arc::default(),
        };
        let tags = remote.tags.clone();
        stopper.on_stop(move || tags.close());
        remote
    }

    /// Why the connection took no more.
    fn verdict(&mut self) -> Result<()> {
        match self.outcome.pop() {
            Some(outcome) => outcome,
            None => Err(Error::Stopped),
        }
    }
}

impl TagTarget for Remote {
    fn start(&mut self, headers: Vec<Tag>) -> Result<()> {
        headers.into_iter().try_for_each(|tag| self.send(tag))
    }

    fn send(&mut self, tag: Tag) -> Result<()> {
        if self.tags.push(tag).is_ok() {
            return Ok(());
        }
        if self.stopper.is_stopped() {
            return Err(Error::Stopped);
        }
        self.verdict()?;
        Err(Error::Left { url: self.url.clone() })
    }

    fn finish(&mut self) -> Result<()> {
        self.tags.end();
        self.verdict()
    }

    fn bytes(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.tags.close();
    }
}

/// The connection's end: sends tags until there are no more, or the peer leaves. What the peer does meanwhile is
/// `on_event`'s to judge: true goes on.
pub(super) async fn send_tags<E: Endpoint>(
    connection: &mut Connection<E>,
    tags: &Queue<Tag>,
    sent: &AtomicU64,
    mut send: impl FnMut(&mut E, &Tag) -> Result<()>,
    mut on_event: impl FnMut(&mut E, E::Event) -> Result<bool>,
) -> Result<Sent> {
    loop {
        let turn = connection.turn(tags.receive()).await?;
        sent.fetch_add(connection.take_sent(), Ordering::Relaxed);
        match turn {
            Turn::Other(Some(tag)) => {
                send(&mut connection.endpoint, &tag)?;
                for tag in std::iter::from_fn(|| tags.try_pop()).take(BATCH) {
                    send(&mut connection.endpoint, &tag)?;
                }
            }
            Turn::Other(None) => return Ok(Sent::All),
            Turn::Event(event) => {
                if !on_event(&mut connection.endpoint, event)? {
                    return Ok(Sent::PeerLeft);
                }
            }
            Turn::Closed => return Ok(Sent::PeerLeft),
        }
    }
}

/// How sending ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    All,
    PeerLeft,
}
