//! Waiting for viewers.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use brooklet_flv::Tag;
use brooklet_rtmp::{RtmpUrl, Server, ServerEvent, ServerOptions};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::connection::{Connection, Turn};
use super::server::{Access, RtmpServer, RtmpServerOptions};
use super::sink::{LAST_TAG, Remote, Sent, TagSink, TagTarget, send_tags};
use super::{handshake_random, now};
use crate::hub::Publication;
use crate::protocol::socket::wait_for;
use crate::protocol::tcp;
use crate::protocol::{LivePacketSink, SinkOptions};
use crate::queue::Queue;
use crate::{Error, Hub, Result, Url, runtime};

/// Connections that may be shaking hands at once; more wait in the system's own queue.
const VISITORS: usize = 16;

/// `-listen 1`: waits for a viewer, and serves it alone.
pub(super) fn open_for_one(
    url: &Url,
    peer: &RtmpUrl,
    options: &SinkOptions,
) -> Result<Box<dyn LivePacketSink>> {
    let (text, host, port) = (url.text.clone(), peer.host.clone(), peer.port);
    let arriving = async move {
        let listener =
            tcp::bind(&host, port).await.map_err(|source| Error::io(&text, "cannot listen", source))?;
        first_viewer(&text, &listener).await
    };
    let patience = options.timeout.map(|after| (after, "no viewer came"));
    let connection = wait_for(url, &options.stopper, patience, arriving)?;
    let remote = Remote::new(&url.text, &options.stopper);
    let (tags, outcome, sent, text) =
        (remote.tags.clone(), remote.outcome.clone(), remote.sent.clone(), url.text.clone());
    let runtime =
        runtime::handle().map_err(|source| Error::io(&url.text, "cannot start the network", source))?;
    runtime.spawn(async move {
        let ended = play(connection, &tags, &sent, &text).await;
        let _ = outcome.send(ended).await;
        tags.close();
    });
    Ok(Box::new(TagSink::new(&url.text, true, remote)))
}

/// Runs by itself; viewers come, join at a key frame, and go.
pub(super) fn open_for_many(
    url: &Url,
    peer: &RtmpUrl,
    options: &SinkOptions,
) -> Result<Box<dyn LivePacketSink>> {
    let hub = Hub::default();
    let name = format!("{}/{}", peer.app, peer.stream);
    let publication = hub
        .publish(name.trim_matches('/'))
        .map_err(|_| Error::Usage(format!("{}: somebody publishes it already", url.text)))?;
    let options_of_server =
        RtmpServerOptions { publish: Access::Nobody, wait: Duration::ZERO, ..Default::default() };
    let (host, port) = (peer.host.clone(), peer.port);
    let server = RtmpServer::bind_to(url, host, port, &hub, options_of_server, &options.stopper)?;
    Ok(Box::new(TagSink::new(&url.text, true, Audience { hub, publication: Some(publication), server })))
}

/// The first of all who connect to ask for the stream. Others, who only look whether the port is open, hold nobody
/// up.
async fn first_viewer(url: &str, listener: &TcpListener) -> Result<Connection<Server>> {
    let (found, mut viewers) = mpsc::channel(1);
    let visitors = Arc::new(tokio::sync::Semaphore::new(VISITORS));
    loop {
        tokio::select! {
            Some(viewer) = viewers.recv() => return Ok(viewer),
            accepted = listener.accept() => {
                let (stream, _) = accepted.map_err(|source| Error::io(url, "cannot accept", source))?;
                let (found, url) = (found.clone(), url.to_string());
                let Ok(place) = visitors.clone().acquire_owned().await else { continue };
                tokio::spawn(async move {
                    if let Ok(viewer) = welcome(&url, stream).await {
                        let _ = found.send(viewer).await;
                    }
                    drop(place);
                });
            }
        }
    }
}

/// Shakes hands and goes as far as the viewer's `play`.
async fn welcome(url: &str, stream: TcpStream) -> Result<Connection<Server>> {
    stream.set_nodelay(true).map_err(|source| Error::io(url, "cannot accept", source))?;
    let server = Server::new(ServerOptions::default(), &handshake_random(), now());
    let mut connection = Connection::new(url, stream, server, None);
    loop {
        match connection.turn(std::future::pending::<()>()).await? {
            Turn::Event(ServerEvent::ConnectRequested(_)) => accept(url, &mut connection)?,
            // There is one stream, and it goes to whoever asks for any, as with ffmpeg's listener.
            Turn::Event(ServerEvent::PlayRequested(_)) => {
                accept(url, &mut connection)?;
                return Ok(connection);
            }
            Turn::Event(ServerEvent::PublishRequested(_)) => {
                let why = "this address plays a stream; it does not take one";
                let refused = connection.endpoint.refuse("NetStream.Publish.Denied", why);
                refused.map_err(|source| Error::rtmp(url, source))?;
            }
            Turn::Event(_) => {}
            Turn::Closed | Turn::Other(()) => return Err(Error::Left { url: url.into() }),
        }
    }
}

fn accept(url: &str, connection: &mut Connection<Server>) -> Result<()> {
    connection.endpoint.accept().map_err(|source| Error::rtmp(url, source))
}

/// Sends a viewer its tags until there are no more, or it leaves: both are a normal end.
async fn play(
    mut connection: Connection<Server>,
    tags: &Queue<Tag>,
    sent: &AtomicU64,
    url: &str,
) -> Result<()> {
    let send = |server: &mut Server, tag: &Tag| server.send(tag).map_err(|source| Error::rtmp(url, source));
    let on_event = |_: &mut Server, event| Ok(event != ServerEvent::End);
    match send_tags(&mut connection, tags, sent, send, on_event).await {
        Ok(Sent::All) => {
            tokio::time::sleep(LAST_TAG).await;
            connection.endpoint.finish();
            connection.close().await.map(drop)
        }
        Ok(Sent::PeerLeft) => Err(Error::Left { url: url.into() }),
        // A player that is closed resets its connection as often as not.
        Err(Error::Io { .. }) => Err(Error::Left { url: url.into() }),
        Err(error) => Err(error),
    }
}

/// The output's end of [`open_for_many`].
struct Audience {
    hub: Hub,
    publication: Option<Publication>,
    server: RtmpServer,
}

impl TagTarget for Audience {
    fn start(&mut self, headers: Vec<Tag>) -> Result<()> {
        headers.into_iter().try_for_each(|tag| self.send(tag))
    }

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
        self.server.await_empty();
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.hub.streams().iter().map(|stream| stream.sent).sum()
    }
}
