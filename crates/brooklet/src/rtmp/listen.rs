//! Waiting for viewers.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use brooklet_flv::Tag;
use brooklet_media::Timestamp;
use brooklet_rtmp::{RtmpUrl, Server, ServerEvent, ServerOptions};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::server::peer::{Broken, Happening, Peer};
use super::server::{Access, RtmpServer, RtmpServerOptions};
use super::sink::{LAST_TAG, TagSink, TagTarget};
use super::uplink::{Downstream, uplink};
use super::{handshake_random, now};
use crate::hub::{Publication, Tally};
use crate::protocol::socket::wait_for;
use crate::protocol::stream::{Door, Stream};
use crate::protocol::tcp;
use crate::protocol::{LivePacketSink, SinkOptions};
use crate::{Error, Hub, Result, Url, runtime};

/// Connections that may be shaking hands at once; more wait in the system's own queue.
const VISITORS: usize = 16;
/// How long each may take to ask for the stream.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// `-listen 1`: waits for a viewer, and serves it alone.
pub(super) fn open_for_one(
    url: &Url,
    peer: &RtmpUrl,
    options: &SinkOptions,
) -> Result<Box<dyn LivePacketSink>> {
    let (text, host, port) = (url.text.clone(), peer.host.clone(), peer.port);
    let door = Door::new(&text, peer.tls.then_some(&options.tls))?;
    let timeout = options.timeout;
    let arriving = async move {
        let listener =
            tcp::bind(&host, port).await.map_err(|source| Error::io(&text, "cannot listen", source))?;
        first_viewer(&text, &listener, &door, timeout).await
    };
    let patience = options.timeout.map(|after| (after, "no viewer came"));
    let viewer = wait_for(url, &options.stopper, patience, arriving)?;
    let (up, down) = uplink(&url.text, &options.stopper, None);
    let runtime =
        runtime::handle().map_err(|source| Error::io(&url.text, "cannot start the network", source))?;
    runtime.spawn(down.shared.clone().run(play(url.text.clone(), viewer, down, options.timeout)));
    Ok(Box::new(TagSink::new(&url.text, true, up)))
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
    let options_of_server = RtmpServerOptions {
        publish: Access::Nobody,
        wait: Duration::ZERO,
        tls: peer.tls.then(|| options.tls.clone()),
        ..Default::default()
    };
    let (host, port) = (peer.host.clone(), peer.port);
    let server = RtmpServer::bind_to(url, host, port, &hub, options_of_server, &options.stopper)?;
    let tally = publication.tally();
    Ok(Box::new(TagSink::new(&url.text, true, Audience { tally, publication: Some(publication), server })))
}

/// The first of all who connect to ask for the stream. Others, who only look whether the port is open, hold nobody
/// up, and go when it is found.
async fn first_viewer(
    url: &str,
    listener: &TcpListener,
    door: &Door,
    patience: Option<Duration>,
) -> Result<Peer<Stream>> {
    let mut visitors = JoinSet::new();
    loop {
        tokio::select! {
            Some(came) = visitors.join_next() => {
                if let Ok(Ok(Ok(viewer))) = came {
                    return Ok(viewer);
                }
            }
            accepted = listener.accept(), if visitors.len() < VISITORS => match accepted {
                Ok((socket, _)) => {
                    let (url, door) = (url.to_string(), door.clone());
                    visitors.spawn(tokio::time::timeout(HANDSHAKE, async move {
                        welcome(&url, &door, socket, patience).await
                    }));
                }
                // It was gone again before it was accepted.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(source) => return Err(Error::io(url, "cannot accept", source)),
            }
        }
    }
}

/// Shakes hands and goes as far as the viewer's `play`.
async fn welcome(
    url: &str,
    door: &Door,
    socket: TcpStream,
    patience: Option<Duration>,
) -> Result<Peer<Stream>> {
    let failed = |broken| failure(url, broken, patience);
    let stream = door.admit(url, socket).await?;
    let mut peer = Peer::new(stream, Server::new(ServerOptions::default(), &handshake_random(), now()));
    loop {
        match peer.next().await.map_err(failed)? {
            Happening::Event(ServerEvent::ConnectRequested(_)) => accept(url, &mut peer)?,
            // There is one stream, and it goes to whoever asks for any, as with ffmpeg's listener.
            Happening::Event(ServerEvent::PlayRequested(_)) => {
                accept(url, &mut peer)?;
                return Ok(peer);
            }
            Happening::Event(ServerEvent::PublishRequested(_)) => {
                let why = "this address plays a stream; it does not take one";
                let refused = peer.server.refuse("NetStream.Publish.Denied", why);
                refused.map_err(|source| Error::rtmp(url, source))?;
            }
            Happening::Event(_) => {}
            Happening::Closed => return Err(Error::Left { url: url.into() }),
        }
    }
}

fn accept(url: &str, peer: &mut Peer<Stream>) -> Result<()> {
    peer.server.accept().map_err(|source| Error::rtmp(url, source))
}

/// Sends a viewer its tags until there are no more, or it leaves: both are a normal end.
async fn play(
    url: String,
    mut peer: Peer<Stream>,
    mut down: Downstream,
    patience: Option<Duration>,
) -> Result<()> {
    let (mut tags, mut more) = (Vec::new(), true);
    loop {
        let before = peer.sent();
        peer.set_deadline(patience.map_or(Timestamp::MAX, |patience| now() + patience));
        let happening = peer.send_all().await;
        peer.set_deadline(Timestamp::MAX);
        down.shared.sent.store(peer.sent(), Ordering::Relaxed);
        let happening = match happening {
            // It is slow, and still takes some.
            Err(Broken::Late) if peer.sent() > before => continue,
            Ok(None) if !more => break,
            Ok(None) => tokio::select! {
                happening = peer.next() => happening,
                still = down.take(&mut tags) => {
                    for tag in tags.drain(..) {
                        peer.server.send(&tag).map_err(|source| Error::rtmp(&url, source))?;
                    }
                    more = still;
                    continue;
                }
            },
            Ok(Some(happening)) => Ok(happening),
            Err(broken) => Err(broken),
        };
        match happening.map_err(|broken| failure(&url, broken, patience))? {
            Happening::Closed | Happening::Event(ServerEvent::End) => return Err(Error::Left { url }),
            Happening::Event(_) => {}
        }
    }
    tokio::time::sleep(LAST_TAG).await;
    peer.server.finish();
    peer.close().await;
    Ok(())
}

/// Why a viewer gets no more. A player that is closed resets its connection as often as not.
fn failure(url: &str, broken: Broken, patience: Option<Duration>) -> Error {
    match broken {
        Broken::Protocol(source) => Error::rtmp(url, source),
        Broken::Late => {
            let after = patience.unwrap_or_default();
            Error::Timeout { url: url.into(), what: "the viewer took nothing", after }
        }
        Broken::Socket(_) | Broken::Deaf | Broken::Talkative => Error::Left { url: url.into() },
    }
}

/// The output's end of [`open_for_many`].
struct Audience {
    tally: Tally,
    publication: Option<Publication>,
    server: RtmpServer,
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
        self.server.await_empty();
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.tally.sent()
    }

    fn skipped(&self) -> u64 {
        self.tally.skipped()
    }
}
