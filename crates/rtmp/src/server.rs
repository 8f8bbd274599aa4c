//! The server: accepts one connection, whose client publishes a stream or plays one.

mod commands;
mod request;

use alloc::borrow::ToOwned;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use core::time::Duration;

use brooklet_flv::Tag;
use brooklet_flv::amf0::{self, Value};
use brooklet_media::Timestamp;
use bytes::BytesMut;

use crate::capabilities::Capabilities;
use crate::chunk::ChunkLimits;
use crate::command::{Command, RECONNECT_REQUEST, Status};
use crate::error::{Error, Result, Stage};
use crate::handshake::{Handshake, RANDOM};
use crate::media::{self, Receiver};
use crate::message::{BandwidthLimit, Control, Message, MessageType, UserControl};
use crate::session::{Incoming, KeepAlive, Link, Output};
pub use request::{ConnectRequest, StreamRequest};

/// Bytes after which the client should acknowledge.
const WINDOW: u32 = 2_500_000;

/// The longest message before `connect` has been accepted.
const EARLY_MESSAGE: u32 = 64 * 1024;

/// What may wait for the owner's decision, in bytes.
const HELD: usize = 1 << 20;

/// Streams that one client may create.
const MAX_STREAMS: u32 = 64;

/// How a server behaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerOptions {
    /// Chunk size to send with, in bytes.
    pub chunk_size: u32,
    /// Codecs beyond RTMP 1.0: told to clients that ask.
    pub capabilities: Capabilities,
    /// How long a client may take to ask for the next thing, before it publishes or plays and after it did.
    pub setup_timeout: Duration,
    /// After how long a silence a client is asked whether it is still there.
    pub silence: Duration,
    /// How long it may take to answer.
    pub ping_timeout: Duration,
    /// How much a client may make us hold.
    pub limits: ChunkLimits,
}

impl Default for ServerOptions {
    /// 60000 bytes, all codecs that tags can hold are passed on, 10 s to set up, a ping after 60 s of silence and 30 s for its answer.
    fn default() -> Self {
        Self {
            chunk_size: 60_000,
            capabilities: Capabilities::carried(Capabilities::CAN_FORWARD),
            setup_timeout: Duration::from_secs(10),
            silence: Duration::from_secs(60),
            ping_timeout: Duration::from_secs(30),
            limits: ChunkLimits::default(),
        }
    }
}

/// What a server has to say. The first three are to be answered with [`Server::accept`] or [`Server::refuse`];
/// until then nothing further of the client is looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ServerEvent {
    /// A client wants to connect.
    ConnectRequested(ConnectRequest),
    /// It wants to publish a stream.
    PublishRequested(StreamRequest),
    /// It wants to play a stream.
    PlayRequested(StreamRequest),
    /// Media, from a publisher. Metadata comes as it stands in a file, without `@setDataFrame`.
    Tag(Tag),
    /// A viewer wants the stream held (`true`) or to go on.
    Paused(bool),
    /// The client has finished publishing or playing. Wait for it to close, which it may want to do first, or to ask
    /// for another stream; [`ServerOptions::setup_timeout`] bounds that.
    End,
}

/// A connection from the server's side.
///
/// The contract: after every call, take [`Server::poll_output`] until it says [`Output::Timeout`]. After an error do
/// so too, send what comes, and close.
#[derive(Debug)]
pub struct Server {
    link: Link,
    options: ServerOptions,
    stage: Stage,
    now: Timestamp,
    app: String,
    streams: u32,
    /// The client follows requests to reconnect.
    reconnects: bool,
    pending: Option<Pending>,
    /// What came after the request that is pending.
    held: BytesMut,
    activity: Option<Activity>,
    receiver: Receiver,
    events: VecDeque<ServerEvent>,
}

/// What the owner has to decide.
#[derive(Debug)]
enum Pending {
    Connect { transaction: f64, capabilities: Capabilities },
    Stream(Activity),
}

/// What the client does, on which message stream, with a stream of which name.
#[derive(Clone, Debug)]
struct Activity {
    role: Role,
    stream: u32,
    name: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    Publisher,
    Viewer,
}

impl Server {
    /// A connection that a client has just made. `random` should be hard to guess, no more.
    pub fn new(options: ServerOptions, random: &[u8; RANDOM], now: Timestamp) -> Self {
        let early = ChunkLimits { message: EARLY_MESSAGE.min(options.limits.message), ..options.limits };
        let mut link = Link::new(Handshake::server(random), early, now);
        link.set_deadline(now, options.setup_timeout);
        link.set_keep_alive(KeepAlive { silence: options.silence, patience: options.ping_timeout });
        Self {
            link,
            options,
            stage: Stage::Handshake,
            now,
            app: String::new(),
            streams: 0,
            reconnects: false,
            pending: None,
            held: BytesMut::new(),
            activity: None,
            receiver: Receiver::default(),
            events: VecDeque::new(),
        }
    }

    /// Takes what the client sent.
    ///
    /// # Errors
    ///
    /// [`Error::NotRtmp`], [`Error::Invalid`], [`Error::Limit`].
    pub fn handle_input(&mut self, mut bytes: &[u8], now: Timestamp) -> Result<()> {
        self.now = now;
        self.link.arrived(bytes.len(), now);
        if self.pending.is_none() {
            self.process(&mut bytes)?;
        }
        let held = self.held.len() + bytes.len();
        if held > HELD {
            return Err(self.link.limit("length of what waits for a decision", held as u64, HELD as u64));
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    /// The time of the last [`Output::Timeout`] has come.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] where the client asks for nothing, or is not there any more.
    pub fn handle_timeout(&mut self, now: Timestamp) -> Result<()> {
        self.now = now;
        self.link.handle_timeout(now, self.stage)
    }

    /// The client has closed its side of the connection, or writing to it has failed. [`ServerEvent::End`] comes of it
    /// where it was publishing or playing.
    pub fn handle_closed(&mut self) {
        self.end();
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> Output<ServerEvent> {
        if let Some(bytes) = self.link.poll_transmit() {
            return Output::Transmit(bytes);
        }
        match self.events.pop_front() {
            Some(event) => Output::Event(event),
            None => Output::Timeout(self.link.timeout()),
        }
    }

    /// Grants what was requested last. A viewer may be sent tags from here on: metadata and sequence headers first.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] where nothing was requested; else as [`Server::handle_input`], for what the client had sent
    /// in the meantime.
    pub fn accept(&mut self) -> Result<()> {
        match self.pending.take() {
            None => return Err(Error::Usage("there is no request to accept")),
            Some(Pending::Connect { transaction, capabilities }) => {
                self.accept_connect(transaction, &capabilities);
            }
            Some(Pending::Stream(activity)) => self.accept_stream(activity),
        }
        self.process_held()
    }

    /// Turns down what was requested last, with a code (`NetStream.Publish.BadName`, `NetStream.Play.StreamNotFound`,
    /// `NetConnection.Connect.Rejected`) and words for people. It is usual to close the connection then.
    ///
    /// # Errors
    ///
    /// As [`Server::accept`].
    pub fn refuse(&mut self, code: &str, description: &str) -> Result<()> {
        let status = Status::new("error", code, description);
        match self.pending.take() {
            None => return Err(Error::Usage("there is no request to refuse")),
            Some(Pending::Connect { transaction, .. }) => {
                self.link.send_command(&Command::new("_error", transaction, vec![status.info()]), 0);
            }
            Some(Pending::Stream(activity)) => self.link.send_command(&status.command(), activity.stream),
        }
        self.link.set_deadline(self.now, self.options.setup_timeout);
        self.process_held()
    }

    /// Queues a tag for a viewer. Tags may be left out before the next key frame if the connection is slow: how much
    /// waits to be sent is for the owner of the socket to know.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] where nobody is playing.
    pub fn send(&mut self, tag: &Tag) -> Result<()> {
        match &self.activity {
            Some(Activity { role: Role::Viewer, stream, .. }) => {
                self.link.send(&media::message(tag, *stream, false));
                Ok(())
            }
            _ => Err(Error::Usage("a tag can be sent only to a client that plays")),
        }
    }

    /// Tells a viewer that the stream is over, or a publisher that it is not wanted any more. Send what comes of it,
    /// then close: first the sending side, and the other when the client has closed too, or after a moment. (To close
    /// with bytes unread is to reset: the client may lose what it has not read yet.)
    pub fn finish(&mut self) {
        let Some(Activity { role, stream, name }) = self.activity.take() else { return };
        let statuses: &[(&str, &str)] = match role {
            Role::Viewer => {
                self.link.send_control(Control::User(UserControl::StreamEof(stream)));
                &[("NetStream.Play.UnpublishNotify", "is over"), ("NetStream.Play.Stop", "has stopped")]
            }
            Role::Publisher => &[("NetStream.Unpublish.Success", "is not published any more")],
        };
        for (code, what) in statuses {
            let status = Status::new("status", code, &format!("{name} {what}"));
            self.link.send_command(&status.command(), stream);
        }
        self.link.set_deadline(self.now, self.options.setup_timeout);
    }

    /// Asks a client that publishes or plays to connect anew, to the application at `tc_url` (`None`: where it is)
    /// with a word for people. It goes on here until it has. False where the client did not say that it follows such
    /// requests: then nothing is asked.
    pub fn request_reconnect(&mut self, tc_url: Option<&str>, description: &str) -> bool {
        if !self.reconnects || self.activity.is_none() {
            return false;
        }
        let mut info = Status::new("status", RECONNECT_REQUEST, description).properties();
        info.extend(tc_url.map(|url| ("tcUrl".to_owned(), url.into())));
        self.link.send_command(&Command::new("onStatus", 0.0, vec![Value::Object(info)]), 0);
        true
    }

    /// What it holds while nothing happens.
    #[cfg(test)]
    pub(crate) fn footprint(&self) -> Vec<usize> {
        let own = vec![self.events.len(), self.events.capacity(), self.held.capacity()];
        [self.link.footprint(), own].concat()
    }

    fn process_held(&mut self) -> Result<()> {
        let held = self.held.split();
        let mut rest = &held[..];
        self.process(&mut rest)?;
        // Nothing was added in between: what is left goes back to where it was.
        self.held.extend_from_slice(rest);
        Ok(())
    }

    /// Works on input until it is used up or the owner has to decide.
    fn process(&mut self, input: &mut &[u8]) -> Result<()> {
        while self.pending.is_none() {
            match self.link.receive(input)? {
                None => break,
                Some(Incoming::Shaken) => self.stage = Stage::Connect,
                Some(Incoming::User(_)) => {}
                Some(Incoming::Message(message)) => self.handle_message(&message)?,
            }
        }
        Ok(())
    }

    fn handle_message(&mut self, message: &Message) -> Result<()> {
        let place = self.link.place(message);
        if matches!(message.kind, MessageType::COMMAND | MessageType::COMMAND_AMF3) {
            let command = Command::read(message, place)?;
            return self.handle_command(&command, message.stream, place);
        }
        if matches!(self.activity, Some(Activity { role: Role::Publisher, .. })) {
            let events = &mut self.events;
            self.receiver.receive(message, place, &mut |tag| events.push_back(ServerEvent::Tag(tag)))?;
        }
        Ok(())
    }

    /// The client is done, by its own word or by going.
    fn end(&mut self) -> Option<Activity> {
        let activity = self.activity.take()?;
        self.events.push_back(ServerEvent::End);
        self.link.set_deadline(self.now, self.options.setup_timeout);
        Some(activity)
    }
}
