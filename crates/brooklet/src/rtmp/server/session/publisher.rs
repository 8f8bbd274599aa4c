//! Somebody who publishes: tags from the peer into the hub.

use std::time::Instant;

use brooklet_media::Timestamp;
use brooklet_rtmp::{ServerEvent, StreamRequest};

use super::{Ended, Session, visit};
use crate::hub::Publication;
use crate::rtmp::now;
use crate::rtmp::server::access::Access;
use crate::rtmp::server::peer::{Broken, Happening};
use crate::rtmp::server::report::Report;

/// How publishing ended.
enum Received {
    /// By the client's word.
    End,
    Closed,
    /// Nothing came for too long.
    Nothing,
    Stopped,
}

impl Session<'_> {
    /// `None`: the client may want something else.
    pub(super) async fn publish(&mut self, request: &StreamRequest) -> Option<Ended> {
        let access = &self.shared.options.publish;
        let name = match self.admit(request, access) {
            Ok(name) => name,
            Err(_) if *access == Access::Nobody => {
                let why = "streams are played here, not published";
                return Some(self.refuse("NetStream.Publish.Denied", why, request));
            }
            Err(why) => return Some(self.refuse("NetStream.Publish.Denied", why, request)),
        };
        let Ok(mut publication) = self.shared.hub.publish(&name) else {
            return Some(self.refuse("NetStream.Publish.BadName", "somebody publishes it already", request));
        };
        let (started, before) = (Instant::now(), self.peer.received());
        self.shared.journal.write(Report::PublisherCame { peer: self.address, stream: name.clone() });
        let outcome = match self.peer.server.accept() {
            Ok(()) => self.receive(&mut publication).await,
            Err(error) => Err(error.into()),
        };
        let (codecs, bytes) = (publication.codecs(), self.peer.received() - before);
        let (why, ended) = match &outcome {
            Ok(Received::End) => ("it has finished", None),
            Ok(Received::Closed) => ("it is gone, and may come back", Some(Ended::Broken)),
            Ok(Received::Nothing) => ("it sent nothing for too long", Some(Ended::Over)),
            Ok(Received::Stopped) => ("the server ends", Some(Ended::Over)),
            Err(broken) => (&*broken.to_string(), Some(Ended::Broken)),
        };
        let visit = visit(codecs, started, bytes, why);
        self.shared.journal.write(Report::PublisherWent { peer: self.address, stream: name, visit });
        // Who goes without a word may come back.
        if matches!(outcome, Ok(Received::End | Received::Stopped)) {
            publication.end();
        }
        ended
    }

    async fn receive(&mut self, publication: &mut Publication) -> Result<Received, Broken> {
        let (stopper, idle) = (&self.shared.stopper, self.shared.options.idle);
        let peer = &mut self.peer;
        peer.set_deadline(now() + idle);
        let receiving = async {
            loop {
                match peer.next().await {
                    Ok(Happening::Event(ServerEvent::Tag(tag))) => {
                        publication.push(tag);
                        peer.set_deadline(now() + idle);
                    }
                    Ok(Happening::Event(ServerEvent::End)) => return Ok(Received::End),
                    Ok(Happening::Event(_)) => {}
                    Ok(Happening::Closed) => return Ok(Received::Closed),
                    Err(Broken::Late) => return Ok(Received::Nothing),
                    Err(broken) => return Err(broken),
                }
            }
        };
        let outcome = tokio::select! {
            outcome = receiving => outcome,
            () = stopper.stopped() => Ok(Received::Stopped),
        };
        self.peer.set_deadline(Timestamp::MAX);
        outcome
    }
}
