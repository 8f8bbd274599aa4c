//! What a peer publishes, into the hub.

use std::future::pending;
use std::time::{Duration, Instant};

use brooklet_flv::TagWriter;
use brooklet_media::{DemuxEvent, Packet, StreamParams};
use brooklet_webrtc::{Error, Event};

use super::line::{Line, Turn};
use crate::hub::Publication;

/// How long a stream that the peer has promised may be missing when others have begun.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes that wait for it meanwhile: as much as 16 Mbit/s bring. Beyond that it is not waited for.
const WAITING: usize = 4 << 20;

/// Publishes what comes until the peer leaves, its connection breaks, or its owner wants it to end.
pub(super) async fn publish(mut line: Line, publication: Publication) -> Result<(), Error> {
    let mut arrival = Arrival::new(publication);
    loop {
        // Where it fails, dropping the publication says that the connection broke: the peer may come back.
        match line.turn(pending::<()>()).await? {
            Turn::Event(Event::Media(event)) => {
                arrival.take(event);
                if arrival.publication.take_wish() {
                    line.session.request_key_frame(Instant::now());
                }
            }
            Turn::Event(Event::Closed) => break,
            Turn::Stopped => {
                line.close().await;
                break;
            }
            Turn::Event(_) | Turn::Other(()) => {}
        }
    }
    arrival.begin();
    arrival.publication.end();
    Ok(())
}

struct Arrival {
    publication: Publication,
    writer: TagWriter,
    /// By number: those that the writer knows too come first.
    streams: Vec<StreamParams>,
    /// Packets that came before all streams were known, until that is so.
    waiting: Option<Vec<Packet>>,
    /// Bytes of those.
    held: usize,
    since: Option<Instant>,
}

impl Arrival {
    fn new(publication: Publication) -> Self {
        let (streams, waiting) = (Vec::new(), Some(Vec::new()));
        Self { publication, writer: TagWriter::new(), streams, waiting, held: 0, since: None }
    }

    fn take(&mut self, event: DemuxEvent) {
        match event {
            DemuxEvent::StreamAdded(params) if self.waiting.is_some() => self.streams.push(params),
            DemuxEvent::HeaderRead => self.begin(),
            DemuxEvent::Packet(packet) => {
                let since = *self.since.get_or_insert_with(Instant::now);
                match &mut self.waiting {
                    Some(waiting) => {
                        self.held += packet.data.len();
                        waiting.push(packet);
                        if since.elapsed() >= PATIENCE || self.held > WAITING {
                            self.begin();
                        }
                    }
                    None => self.push(&packet),
                }
            }
            DemuxEvent::Params { stream, params } => {
                if let Some(known) = self.streams.get_mut(stream) {
                    known.clone_from(&params);
                }
                if self.waiting.is_none() {
                    let tags = self.writer.change_params(stream, &params).unwrap_or_default();
                    tags.into_iter().for_each(|tag| self.publication.push(tag));
                }
            }
            _ => {}
        }
    }

    /// All streams are known, or those that are not will not be waited for.
    fn begin(&mut self) {
        let Some(waiting) = self.waiting.take() else { return };
        for params in &self.streams {
            // One of each kind at most, of codecs that tags can hold: that is what a session gives.
            let _ = self.writer.add_stream(params);
        }
        let tags = self.writer.header_tags(&Vec::new()).unwrap_or_default();
        tags.into_iter().for_each(|tag| self.publication.push(tag));
        waiting.iter().for_each(|packet| self.push(packet));
    }

    fn push(&mut self, packet: &Packet) {
        if packet.stream < self.streams.len()
            && let Ok(tag) = self.writer.write(packet)
        {
            self.publication.push(tag);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{Hub, HubOptions};
    use brooklet_media::{CodecId, TimeBase, VideoParams};

    #[test]
    fn what_comes_too_much_waits_for_no_other_stream() {
        let hub = Hub::new(HubOptions::default());
        let mut arrival = Arrival::new(hub.publish("live/flood").unwrap());
        let params = StreamParams::video(CodecId::H264, TimeBase::MPEG, VideoParams::new(64, 48));
        arrival.take(DemuxEvent::StreamAdded(params));
        let piece = || DemuxEvent::Packet(Packet::new(0, 0, vec![0; WAITING / 4].into()));
        (0..4).for_each(|_| arrival.take(piece()));
        assert_eq!(arrival.waiting.as_ref().map(Vec::len), Some(4));
        arrival.take(piece());
        assert!(arrival.waiting.is_none());
    }
}
