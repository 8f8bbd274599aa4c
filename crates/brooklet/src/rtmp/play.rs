//! Playing from a server: tags from a connection that is made again where it breaks, to packets.

use std::time::Duration;

use brooklet_flv::{Tag, TagReader};
use brooklet_media::{DemuxEvent, Metadata};
use brooklet_rtmp::{Client, ClientEvent, ClientOptions, Purpose, RtmpUrl};

use super::backoff::Backoff;
use super::connect::connect;
use super::connection::{Connection, Turn};
use crate::protocol::socket::wait_for;
use crate::protocol::{PacketSource, SourceOptions};
use crate::queue::Queue;
use crate::{Error, Result, Stopper, Url, runtime};

/// How long a connection may take where the caller sets no timeout.
const CONNECT: Duration = Duration::from_secs(20);

/// How long a connection that is to be made again may be silent where the caller sets no timeout.
const SILENCE: Duration = Duration::from_secs(30);

/// Tags that wait for their reader, a few seconds of a stream. When there are more, the socket is not read: the server
/// then drops what it has for us, or us.
const WAITING: usize = 256;

/// Connects and waits until the server has agreed, or refused.
pub(super) fn open(url: &Url, peer: &RtmpUrl, options: &SourceOptions) -> Result<Box<dyn PacketSource>> {
    let player = Player { url: url.text.clone(), peer: peer.clone(), options: options.clone() };
    let first = player.clone();
    let patience = (player.patience(), "the server did not answer");
    let connection = wait_for(url, &options.stopper, Some(patience), async move { first.connect().await })?;
    let arrivals = Queue::new(WAITING);
    let stopped = arrivals.clone();
    options.stopper.on_stop(move || stopped.close());
    let runtime =
        runtime::handle().map_err(|source| Error::io(&url.text, "cannot start the network", source))?;
    runtime.spawn(player.run(connection, arrivals.clone()));
    Ok(Box::new(PlaySource {
        url: url.text.clone(),
        options: options.clone(),
        arrivals,
        reader: TagReader::new(),
        damaged: 0,
        ended: false,
    }))
}

/// What the connection's task hands to the input's thread.
enum Arrival {
    Tag(Tag),
    /// The next tag is from another connection.
    Again,
    /// Nothing more comes, for this reason.
    Failed(Error),
}

/// The connection's end.
#[derive(Clone)]
struct Player {
    url: String,
    peer: RtmpUrl,
    options: SourceOptions,
}

/// How a connection ended that had been agreed on.
enum Ended {
    /// By word of the server.
    Stream,
    /// The reader wants no more.
    Reader,
    /// It broke.
    Broken(Error),
}

impl Player {
    /// Plays until the stream is over, nobody reads any more, or the connection breaks for good.
    async fn run(self, mut connection: Connection<Client>, arrivals: Queue<Arrival>) {
        let mut backoff = Backoff::new(self.options.reconnect);
        loop {
            let ended = self.play(&mut connection, &arrivals, &mut backoff).await;
            if !matches!(ended, Ended::Broken(_)) {
                connection.endpoint.finish();
                // What the peer says to a goodbye changes nothing.
                let _ = connection.close().await;
            }
            let made = match ended {
                Ended::Stream if self.options.reconnect.at_end => {
                    let over = Error::Left { url: self.url.clone() };
                    self.connect_again(over, &mut backoff, &arrivals).await
                }
                Ended::Broken(why) if self.options.reconnect.enabled => {
                    self.connect_again(why, &mut backoff, &arrivals).await
                }
                Ended::Broken(why) => Err(why),
                Ended::Stream | Ended::Reader => return arrivals.end(),
            };
            let last = match made {
                Ok(made) => {
                    connection = made;
                    arrivals.send(Arrival::Again).await
                }
                Err(why) => {
                    let _ = arrivals.send(Arrival::Failed(why)).await;
                    return arrivals.end();
                }
            };
            if last.is_err() {
                return;
            }
        }
    }

    /// Hands on tags until there are no more.
    async fn play(
        &self,
        connection: &mut Connection<Client>,
        arrivals: &Queue<Arrival>,
        backoff: &mut Backoff,
    ) -> Ended {
        loop {
            let turn = match self.silence() {
                None => connection.turn(arrivals.closed()).await,
                Some(limit) => tokio::time::timeout(limit, connection.turn(arrivals.closed()))
                    .await
                    .unwrap_or_else(|_| Err(self.late("nothing came", limit))),
            };
            match turn {
                Ok(Turn::Event(ClientEvent::Tag(tag))) => {
                    backoff.succeeded();
                    if arrivals.send(Arrival::Tag(tag)).await.is_err() {
                        return Ended::Reader;
                    }
                }
                Ok(Turn::Event(ClientEvent::End)) => return Ended::Stream,
                Ok(Turn::Event(_)) => {}
                Ok(Turn::Other(())) => return Ended::Reader,
                Ok(Turn::Closed) => return Ended::Broken(Error::Left { url: self.url.clone() }),
                Err(error) => return Ended::Broken(error),
            }
        }
    }

    /// Tries until the server agrees, or is not to be tried any more.
    async fn connect_again(
        &self,
        mut why: Error,
        backoff: &mut Backoff,
        arrivals: &Queue<Arrival>,
    ) -> Result<Connection<Client>> {
        loop {
            let Some(wait) = backoff.failed().filter(|_| why.may_pass()) else { return Err(why) };
            self.options.journal.warn(format!("{why}; connecting again in {} s", wait.as_secs_f64()));
            let limit = self.patience();
            let attempt = async {
                tokio::time::sleep(wait).await;
                tokio::time::timeout(limit, self.connect())
                    .await
                    .unwrap_or_else(|_| Err(self.late("the server did not answer", limit)))
            };
            let outcome = tokio::select! {
                outcome = attempt => outcome,
                () = arrivals.closed() => return Err(Error::Stopped),
            };
            match outcome {
                Ok(connection) => return Ok(connection),
                Err(error) => why = error,
            }
        }
    }

    async fn connect(&self) -> Result<Connection<Client>> {
        let how = ClientOptions::default();
        connect(&self.url, &self.peer, Purpose::Play, &how, self.options.timeout).await
    }

    fn patience(&self) -> Duration {
        self.options.timeout.unwrap_or(CONNECT)
    }

    /// How long nothing may come.
    fn silence(&self) -> Option<Duration> {
        self.options.timeout.or(self.options.reconnect.enabled.then_some(SILENCE))
    }

    fn late(&self, what: &'static str, after: Duration) -> Error {
        Error::Timeout { url: self.url.clone(), what, after }
    }
}

/// The input's end.
struct PlaySource {
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
                None if self.stopper().is_stopped() => return Err(Error::Stopped),
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
    /// A tag that can't be read is left out; what follows may be better.
    fn read(&mut self, tag: Tag) {
        if let Err(error) = self.reader.push(tag) {
            self.damaged += 1;
            self.options.journal.warn_some(self.damaged, || format!("{}: {error}", self.url));
        }
    }

    const fn stopper(&self) -> &Stopper {
        &self.options.stopper
    }
}

impl Drop for PlaySource {
    fn drop(&mut self) {
        self.arrivals.close();
    }
}
