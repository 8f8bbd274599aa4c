//! One connection from its beginning to its end: it asks, then publishes or plays, and may do so again.

mod publisher;
mod viewer;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use brooklet_rtmp::{Server, ServerEvent, StreamRequest};

use super::Shared;
use super::access::Access;
use super::peer::{Broken, Happening, Peer};
use super::report::{Report, Visit};
use crate::protocol::stream::Stream;
use crate::rtmp::sink::LAST_TAG;
use crate::rtmp::{handshake_random, now};

/// The longest name of a stream, bytes.
const LONGEST_NAME: usize = 512;

/// Serves a connection until it or the server ends.
pub(super) async fn run(stream: Stream, address: SocketAddr, shared: &Arc<Shared>) {
    let server = Server::new(shared.options.session(), &handshake_random(), now());
    let mut session = Session { peer: Peer::new(stream, server), address, shared, app_query: String::new() };
    match session.serve().await {
        Ended::Broken => {}
        Ended::Refused => session.peer.close().await,
        Ended::Over => {
            tokio::time::sleep(LAST_TAG).await;
            session.peer.server.finish();
            session.peer.close().await;
        }
    }
}

struct Session<'a> {
    peer: Peer<Stream>,
    address: SocketAddr,
    shared: &'a Shared,
    /// What stood behind the `?` of the application.
    app_query: String,
}

/// What is left to do for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// Nothing: it is gone, or there is no talking to it.
    Broken,
    /// It is to hear that it may not.
    Refused,
    /// It is to hear that the stream is over.
    Over,
}

/// What a client wants.
enum Wish {
    Publish(StreamRequest),
    Play(StreamRequest),
}

impl Session<'_> {
    async fn serve(&mut self) -> Ended {
        let (shared, mut is_first) = (self.shared, true);
        loop {
            let wish = tokio::select! {
                wish = tokio::time::timeout(shared.options.handshake, self.next_wish()) => wish,
                () = shared.stopper.stopped() => return Ended::Over,
            };
            let wish = match wish {
                Ok(Ok(Some(wish))) => wish,
                // It has been here, and there was a line for that.
                Ok(_) | Err(_) if !is_first => return Ended::Broken,
                Ok(Ok(None)) => return self.turn_away("it left before it said what it wants"),
                Ok(Err(broken)) => return self.turn_away(&broken.to_string()),
                Err(_) => return self.turn_away("it did not say in time what it wants"),
            };
            is_first = false;
            self.peer.set_allowance(u64::MAX);
            let ended = match wish {
                Wish::Publish(request) => self.publish(&request).await,
                Wish::Play(request) => self.play(&request).await,
            };
            if let Some(ended) = ended {
                return ended;
            }
        }
    }

    /// What the client asks for, once it does; `None` where it leaves.
    async fn next_wish(&mut self) -> Result<Option<Wish>, Broken> {
        self.peer.set_allowance(self.shared.options.unaccepted);
        loop {
            match self.peer.next().await? {
                Happening::Closed => return Ok(None),
                Happening::Event(ServerEvent::ConnectRequested(request)) => {
                    self.app_query = request.query;
                    self.peer.server.accept()?;
                }
                Happening::Event(ServerEvent::PublishRequested(request)) => {
                    return Ok(Some(Wish::Publish(request)));
                }
                Happening::Event(ServerEvent::PlayRequested(request)) => {
                    return Ok(Some(Wish::Play(request)));
                }
                Happening::Event(_) => {}
            }
        }
    }

    /// The name of a stream, for one who may have it; else why not.
    fn admit(&self, request: &StreamRequest, access: &Access) -> Result<String, &'static str> {
        // However a URL is divided into application and stream, the name is the same.
        let name = format!("{}/{}", request.app, request.stream);
        let name = name.trim_matches('/');
        if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err("this is no name of a stream");
        }
        access.check([&self.app_query, &request.query]).map(|()| name.to_string())
    }

    /// Says no.
    fn refuse(&mut self, code: &str, why: &str, request: &StreamRequest) -> Ended {
        let StreamRequest { app, stream, .. } = request;
        self.turn_away(&format!("{app}/{stream}: {why}"));
        // It may have said more than can be looked at; it is done in any case.
        let _ = self.peer.server.refuse(code, why);
        Ended::Refused
    }

    fn turn_away(&self, why: &str) -> Ended {
        let why = why.replace(char::is_control, " ");
        self.shared.journal.write(Report::Refused { peer: self.address, why });
        Ended::Broken
    }
}

fn visit(codecs: Vec<String>, started: Instant, bytes: u64, why: &str) -> Visit {
    Visit { codecs, lasted: started.elapsed(), bytes, why: why.replace(char::is_control, " ") }
}
