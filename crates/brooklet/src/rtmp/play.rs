//! Playing from a server: tags from a connection that is made again where it breaks, to packets.

use std::time::Instant;

use brooklet_flv::{Tag, TagReader};
use brooklet_media::{DemuxEvent, Metadata};
use brooklet_rtmp::{ClientEvent, ClientOptions, Purpose, RtmpUrl};

use super::connection::{Connection, Turn};
use super::dial::Dial;
use super::redirect::Redirect;
use crate::backoff::Backoff;
use crate::protocol::{PacketSource, SourceOptions};
use crate::queue::Queue;
use crate::{Error, Result, Url, runtime};

/// Tags that wait for their reader, a few seconds of a stream. When there are more, the socket is not read: the server
/// then drops what it has for us, or us.
const WAITING: usize = 256;

/// Connects and waits until the server has agreed, or refused.
pub(super) fn open(
    url: &Url,
    peer: RtmpUrl,
    client: ClientOptions,
    options: &SourceOptions,
) -> Result<Box<dyn PacketSource>> {
    let dial = Dial {
        url: url.text.clone(),
        peer,
        purpose: Purpose::Play,
        client,
        tls: options.tls.clone(),
        timeout: options.timeout,
        reconnect: options.reconnect,
        journal: options.journal.clone(),
    };
    let connection = dial.first(url, &options.stopper)?;
    let arrivals = Queue::new(WAITING);
    let stopped = arrivals.clone();
    options.stopper.on_stop(move || stopped.close());
    let runtime =
        runtime::handle().map_err(|source| Error::io(&url.text, "cannot start the network", source))?;
    runtime.spawn(play(dial, connection, arrivals.clone()));
    Ok(Box::new(PlaySource::new(url, options, arrivals)))
}

/// What the connection's task hands to the input's thread.
pub(crate) enum Arrival {
    Tag(Tag),
    /// The next tag is from another connection.
    Again,
    /// Nothing more comes, for this reason.
    Failed(Error),
}

/// How a connection ended that had been agreed on.
enum Ended {
    /// By word of the server.
    Stream,
    /// The reader wants no more.
    Reader,
    /// The server has asked us to go, and a key frame comes next.
    KeyFrame,
    /// It broke.
    Broken(Error),
}

/// Plays until the stream is over, nobody reads any more, or the connection breaks for good.
pub(super) async fn play(dial: Dial, mut connection: Connection, arrivals: Queue<Arrival>) {
    let (mut backoff, mut redirect) = (Backoff::new(dial.reconnect), Redirect::default());
    loop {
        let made = Instant::now();
        let ended = receive(&dial, &mut connection, &arrivals, &mut redirect).await;
        if !matches!(ended, Ended::Broken(_)) {
            // The next one need not wait for it.
            tokio::spawn(connection.leave());
        }
        let next = match (ended, redirect.take()) {
            (Ended::Reader, _) => return arrivals.end(),
            (_, Some(to)) => dial.elsewhere(&to, made, &mut backoff, arrivals.closed()).await,
            (Ended::Broken(why), None) if dial.reconnect.enabled => {
                dial.again(why, made, &mut backoff, arrivals.closed()).await
            }
            (Ended::Stream, None) if dial.reconnect.at_end => {
                dial.again(dial.left(), made, &mut backoff, arrivals.closed()).await
            }
            (Ended::Broken(why), None) => Err(why),
            (Ended::Stream | Ended::KeyFrame, None) => return arrivals.end(),
        };
        let told = match next {
            Ok(again) => {
                connection = again;
                arrivals.send(Arrival::Again).await
            }
            Err(why) => {
                let _ = arrivals.send(Arrival::Failed(why)).await;
                return arrivals.end();
            }
        };
        if told.is_err() {
            return;
        }
    }
}

/// Hands on tags until there are no more.
async fn receive(
    dial: &Dial,
    connection: &mut Connection,
    arrivals: &Queue<Arrival>,
    redirect: &mut Redirect,
) -> Ended {
    loop {
        let turn = match dial.stillness() {
            None => connection.turn(arrivals.closed()).await,
            Some(limit) => tokio::time::timeout(limit, connection.turn(arrivals.closed()))
                .await
                .unwrap_or_else(|_| Err(dial.late("nothing came", limit))),
        };
        match turn {
            Ok(Turn::Event(ClientEvent::Tag(tag))) => {
                if redirect.is_due_before(&tag) {
                    return Ended::KeyFrame;
                }
                if arrivals.send(Arrival::Tag(tag)).await.is_err() {
                    return Ended::Reader;
                }
            }
            Ok(Turn::Event(ClientEvent::End)) => return Ended::Stream,
            Ok(Turn::Event(event)) => redirect.note(&event, connection, dial),
            Ok(Turn::Other(())) => return Ended::Reader,
            Ok(Turn::Closed) => return Ended::Broken(dial.left()),
            Err(error) => return Ended::Broken(error),
        }
    }
}

/// The input's end.
pub(crate) struct PlaySource {
    url: String,
    options: SourceOptions,
    arrivals: Queue<Arrival>,
    reader: TagReader,
    /// Sequence headers that could not be read.
    damaged: u64,
    ended: bool,
}

impl PacketSource for PlaySource {
    fn is_live(&self) -> bool {
        true
    }

    fn next(&mut self) -> Result<Option<DemuxEvent>> {
        loop {
            if let Some(event) = self.reader.poll() {
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            match self.arrivals.pop() {
                Some(Arrival::Tag(tag)) => self.read(tag),
                Some(Arrival::Again) => {
                    // Its clock may begin anew; what was found of streams stays found.
                    self.reader.reset();
                    return Ok(Some(DemuxEvent::Discontinuity));
                }
                Some(Arrival::Failed(error)) => {
                    self.ended = true;
                    return Err(error);
                }
                None if self.options.stopper.is_stopped() => return Err(Error::Stopped),
                None => {
                    self.ended = true;
                    self.reader.finish();
                }
            }
        }
    }

    fn metadata(&self) -> Metadata {
        self.reader.metadata()
    }

    fn take_warnings(&mut self) -> Vec<String> {
        self.reader.take_warnings()
    }
}

impl PlaySource {
    /// Packets of the tags that arrive.
    pub(crate) fn new(url: &Url, options: &SourceOptions, arrivals: Queue<Arrival>) -> Self {
        Self {
            url: url.text.clone(),
            options: options.clone(),
            arrivals,
            reader: TagReader::new(),
            damaged: 0,
            ended: false,
        }
    }

    /// A tag that can't be read is left out; what follows may be better.
    fn read(&mut self, tag: Tag) {
        if let Err(error) = self.reader.push(tag) {
            self.damaged += 1;
            self.options.journal.warn_some(self.damaged, || format!("{}: {error}", self.url));
        }
    }
}

impl Drop for PlaySource {
    fn drop(&mut self) {
        self.arrivals.close();
    }
}
