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

/// Publishes what comes until the peer leaves, its connection breaks, or its owner wants it to end.
pub(super) async fn publish(mut line: Line, publication: Publication) -> Result<(), Error> {
    let mut arrival = Arrival {
        publication,
        writer: TagWriter::new(),
        streams: Vec::new(),
        waiting: Some(Vec::new()),
        since: None,
    };
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
    since: Option<Instant>,
}

impl Arrival {
    fn take(&mut self, event: DemuxEvent) {
        match event {
            DemuxEvent::StreamAdded(params) if self.waiting.is_some() => self.streams.push(params),
            DemuxEvent::HeaderRead => self.begin(),
            DemuxEvent::Packet(packet) => {
                let since = *self.since.get_or_insert_with(Instant::now);
                match &mut self.waiting {
                    Some(waiting) => {
                        waiting.push(packet);
                        if since.elapsed() >= PATIENCE {
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
