//! The client: publishes a stream, or plays one.

use alloc::borrow::ToOwned;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use brooklet_flv::Tag;
use brooklet_flv::amf0::Value;
use brooklet_media::Timestamp;

use crate::command::{Command, RECONNECT_REQUEST};
use crate::error::{Error, Result, Stage};
use crate::handshake::{Handshake, RANDOM};
use crate::login::scheme_name;
use crate::media::{self, Receiver};
use crate::message::{Control, Message, MessageType, UserControl};
use crate::options::{ClientOptions, Live};
use crate::session::{Incoming, Link, Output};
use crate::url::RtmpUrl;

/// Bytes after which the server should acknowledge.
const WINDOW: u32 = 2_500_000;

/// A server that closes so soon after it agreed did not mean it.
const REGRET: Duration = Duration::from_secs(2);

/// Transaction numbers. Those of calls whose answer means nothing to us are never looked at.
const CONNECT: f64 = 1.0;
const RELEASE_STREAM: f64 = 2.0;
const FC_PUBLISH: f64 = 3.0;
const CREATE_STREAM: f64 = 4.0;
const START: f64 = 5.0;
const FC_UNPUBLISH: f64 = 6.0;
const DELETE_STREAM: f64 = 7.0;
const FC_SUBSCRIBE: f64 = 8.0;

/// What a client has to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientEvent {
    /// The server has agreed: tags may be sent, or will come.
    Ready,
    /// Media, to a player. Metadata comes as it stands in a file, without `@setDataFrame`.
    Tag(Tag),
    /// The server would rather serve us elsewhere, or again: connect anew at the next key frame, to
    /// [`RtmpUrl::redirected`], then close this connection. It goes on until then. Servers that keep to the
    /// specification ask only those who say [`crate::Capabilities::RECONNECT`].
    ReconnectRequested {
        /// The URL of the application there, which may be relative; `None`: as now.
        tc_url: Option<String>,
        /// For people; may be empty.
        description: String,
    },
    /// The stream is over, by word of the server. Nothing comes after this; close the connection.
    End,
}

/// A connection from the client's side.
///
/// The contract: after [`Client::publish`] or [`Client::play`], and after every other call, take
/// [`Client::poll_output`] until it says [`Output::Timeout`]. After an error do so too, send what comes, and close.
#[derive(Debug)]
pub struct Client {
    link: Link,
    purpose: Purpose,
    app: String,
    stream_name: String,
    tc_url: String,
    options: ClientOptions,
    stage: Stage,
    now: Timestamp,
    /// When the server agreed.
    started: Option<Timestamp>,
    /// The message stream that the server gave us.
    stream: u32,
    receiver: Receiver,
    events: VecDeque<ClientEvent>,
    ended: bool,
}

/// What is wanted of the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// That it takes our stream.
    Publish,
    /// That it sends its stream.
    Play,
}

impl Client {
    /// Begins to publish to the stream of a URL. `random` should be hard to guess, no more.
    pub fn publish(url: &RtmpUrl, options: ClientOptions, random: &[u8; RANDOM], now: Timestamp) -> Self {
        Self::new(Purpose::Publish, url, options, random, now)
    }

    /// Begins to play the stream of a URL. `random` should be hard to guess, no more.
    pub fn play(url: &RtmpUrl, options: ClientOptions, random: &[u8; RANDOM], now: Timestamp) -> Self {
        Self::new(Purpose::Play, url, options, random, now)
    }

    /// Begins to publish or to play. `random` should be hard to guess, no more.
    pub fn new(
        purpose: Purpose,
        url: &RtmpUrl,
        options: ClientOptions,
        random: &[u8; RANDOM],
        now: Timestamp,
    ) -> Self {
        let mut link = Link::new(Handshake::client(random), options.limits, now);
        link.set_deadline(now, options.setup_timeout);
        Self {
            link,
            purpose,
            app: url.app.clone(),
            stream_name: url.stream.clone(),
            tc_url: url.tc_url.clone(),
            options,
            stage: Stage::Handshake,
            now,
            started: None,
            stream: 0,
            receiver: Receiver::default(),
            events: VecDeque::new(),
            ended: false,
        }
    }

    /// Takes what the server sent.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the server's own words, [`Error::Authentication`], [`Error::NotRtmp`],
    /// [`Error::Invalid`], [`Error::Limit`].
    pub fn handle_input(&mut self, mut bytes: &[u8], now: Timestamp) -> Result<()> {
        self.now = now;
        self.link.arrived(bytes.len(), now);
        while let Some(incoming) = self.link.receive(&mut bytes)? {
            match incoming {
                Incoming::Shaken => self.connect(),
                Incoming::User(UserControl::StreamEof(_)) => self.ended(),
                Incoming::User(_) => {}
                Incoming::Message(message) => self.handle_message(&message)?,
            }
        }
        Ok(())
    }

    /// The time of the last [`Output::Timeout`] has come.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] where the server has not agreed in time.
    pub fn handle_timeout(&mut self, now: Timestamp) -> Result<()> {
        self.link.handle_timeout(now, self.stage)
    }

    /// The server has closed its side of the connection, or writing to it has failed.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] where the server had not said that the stream is over. With [`Stage::Stream`], a player may
    /// take that for the end: some servers have no other way to say it.
    pub fn handle_closed(&mut self, now: Timestamp) -> Result<()> {
        // Some servers agree, then look whether they should have.
        let regretted = self.purpose == Purpose::Publish
            && self.started.is_some_and(|started| now.since(started) < REGRET);
        let stage = if regretted { Stage::Publish } else { self.stage };
        if self.ended { Ok(()) } else { Err(Error::Closed { stage }) }
    }

    /// What to do next.
    pub fn poll_output(&mut self) -> Output<ClientEvent> {
        if let Some(bytes) = self.link.poll_transmit() {
            return Output::Transmit(bytes);
        }
        match self.events.pop_front() {
            Some(event) => Output::Event(event),
            None => Output::Timeout(self.link.timeout()),
        }
    }

    /// Queues a tag to publish. Tags may be left out before the next key frame if the connection is slow: how much
    /// waits to be sent is for the owner of the socket to know.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] before [`ClientEvent::Ready`], after the end, or where this client plays.
    pub fn send(&mut self, tag: &Tag) -> Result<()> {
        if self.purpose != Purpose::Publish || self.stage != Stage::Stream || self.ended {
            return Err(Error::Usage("a tag can be sent only while publishing"));
        }
        self.link.send(&media::message(tag, self.stream, true));
        Ok(())
    }

    /// Says goodbye. Send what comes of it, then close: first the sending side, and the other when the server has
    /// closed too, or after a moment.
    pub fn finish(&mut self) {
        if self.stream != 0 && !self.ended {
            if self.purpose == Purpose::Publish {
                self.call("FCUnpublish", FC_UNPUBLISH, vec![self.stream_name.as_str().into()], 0);
            }
            self.call("deleteStream", DELETE_STREAM, vec![f64::from(self.stream).into()], 0);
        }
        self.link.clear_deadline();
        self.ended = true;
    }

    /// What it holds while nothing happens.
    #[cfg(test)]
    pub(crate) fn footprint(&self) -> Vec<usize> {
        [self.link.footprint(), vec![self.events.len(), self.events.capacity()]].concat()
    }

    fn connect(&mut self) {
        self.stage = Stage::Connect;
        let mut properties = vec![("app".to_owned(), self.app.as_str().into())];
        let publish = self.purpose == Purpose::Publish;
        if publish {
            properties.push(("type".to_owned(), "nonprivate".into()));
        }
        let usual = if publish { "FMLE/3.0 (compatible; brooklet)" } else { "LNX 9,0,124,2" };
        let version = self.options.flash_version.as_deref().unwrap_or(usual);
        properties.push(("flashVer".to_owned(), version.into()));
        if let Some(swf_url) = &self.options.swf_url {
            properties.push(("swfUrl".to_owned(), swf_url.as_str().into()));
        }
        properties.push(("tcUrl".to_owned(), self.tc_url.as_str().into()));
        if !publish {
            properties.push(("fpad".to_owned(), false.into()));
            // All that Flash Player could do (7.2.1.1), and seeking.
            for (name, number) in [
                ("capabilities", 15.0),
                ("audioCodecs", 4071.0),
                ("videoCodecs", 252.0),
                ("videoFunction", 1.0),
            ] {
                properties.push((name.to_owned(), number.into()));
            }
            if let Some(page_url) = &self.options.page_url {
                properties.push(("pageUrl".to_owned(), page_url.as_str().into()));
            }
        }
        properties.extend(self.options.capabilities.properties());
        let values = self.options.connect_values.clone();
        let connect =
            Command { object: Value::Object(properties), ..Command::new("connect", CONNECT, values) };
        self.link.send_command(&connect, 0);
    }

    fn handle_message(&mut self, message: &Message) -> Result<()> {
        let place = self.link.place(message);
        if matches!(message.kind, MessageType::COMMAND | MessageType::COMMAND_AMF3) {
            let command = Command::read(message, place)?;
            return self.handle_command(&command);
        }
        if self.purpose != Purpose::Play || self.ended {
            return Ok(());
        }
        // Some servers send media and never say that they began.
        if self.stage == Stage::Play && message.kind.is_media() {
            self.started();
        }
        let events = &mut self.events;
        let report =
            self.receiver.receive(message, place, &mut |tag| events.push_back(ClientEvent::Tag(tag)))?;
        if report.is_some_and(|report| report.code == "NetStream.Play.Complete") {
            self.ended();
        }
        Ok(())
    }

    fn handle_command(&mut self, command: &Command) -> Result<()> {
        match command.name.as_str() {
            "_result" if self.stage == Stage::Connect && command.transaction == CONNECT => self.connected(),
            "_result" if self.stage == Stage::CreateStream && command.transaction == CREATE_STREAM => {
                let id = command.arguments.first().and_then(Value::as_number).unwrap_or(1.0);
                self.created(id as u32);
            }
            "_error" => return self.handle_error(command),
            "onStatus" => return self.handle_status(command),
            "close" => return Err(Error::Closed { stage: self.stage }),
            _ => {}
        }
        Ok(())
    }

    fn connected(&mut self) {
        self.link.set_chunk_size(self.options.chunk_size);
        if self.purpose == Purpose::Publish {
            let name: Value = self.stream_name.as_str().into();
            self.call("releaseStream", RELEASE_STREAM, vec![name.clone()], 0);
            self.call("FCPublish", FC_PUBLISH, vec![name], 0);
        } else {
            self.link.announce_window(WINDOW);
            let own = (self.options.live == Live::Live).then(|| self.stream_name.clone());
            if let Some(name) = self.options.subscribe.clone().or(own) {
                self.call("FCSubscribe", FC_SUBSCRIBE, vec![name.into()], 0);
            }
        }
        self.call("createStream", CREATE_STREAM, vec![], 0);
        self.stage = Stage::CreateStream;
    }

    fn created(&mut self, stream: u32) {
        self.stream = stream;
        let name: Value = self.stream_name.as_str().into();
        if self.purpose == Purpose::Publish {
            self.call("publish", START, vec![name, "live".into()], stream);
            self.stage = Stage::Publish;
        } else {
            self.call("play", START, vec![name, self.options.live.start().into()], stream);
            let millis = u32::try_from(self.options.buffer.as_millis()).unwrap_or(u32::MAX);
            self.link.send_control(Control::User(UserControl::SetBufferLength(stream, millis)));
            self.stage = Stage::Play;
        }
    }

    fn handle_status(&mut self, command: &Command) -> Result<()> {
        let status = command.status();
        if status.level == "error" {
            return Err(Error::Refused {
                stage: self.stage,
                code: status.code,
                description: status.description,
            });
        }
        match (self.stage, status.code.as_str()) {
            (_, RECONNECT_REQUEST) => {
                let tc_url = command.info().property("tcUrl").and_then(Value::as_str).map(str::to_owned);
                let description = status.description;
                self.events.push_back(ClientEvent::ReconnectRequested { tc_url, description });
            }
            (Stage::Publish, "NetStream.Publish.Start") | (Stage::Play, "NetStream.Play.Start") => {
                self.started()
            }
            (
                Stage::Play | Stage::Stream,
                "NetStream.Play.Stop"
                | "NetStream.Play.Complete"
                | "NetStream.Play.UnpublishNotify"
                | "NetStream.Unpublish.Success",
            ) => self.ended(),
            _ => {}
        }
        Ok(())
    }

    /// Only what we cannot do without is an error: servers answer `releaseStream` with `_error` and mean nothing.
    fn handle_error(&self, command: &Command) -> Result<()> {
        let awaited = match self.stage {
            Stage::Connect => CONNECT,
            Stage::CreateStream => CREATE_STREAM,
            _ => START,
        };
        if command.transaction != awaited {
            return Ok(());
        }
        let status = command.status();
        match scheme_name(&status.description) {
            Some(scheme) => {
                let scheme = scheme.to_owned();
                Err(Error::Authentication { scheme, description: status.description })
            }
            None => {
                Err(Error::Refused { stage: self.stage, code: status.code, description: status.description })
            }
        }
    }

    fn started(&mut self) {
        self.stage = Stage::Stream;
        self.started = Some(self.now);
        self.events.push_back(ClientEvent::Ready);
        self.link.clear_deadline();
    }

    fn ended(&mut self) {
        if !self.ended && matches!(self.stage, Stage::Play | Stage::Stream) {
            self.ended = true;
            self.events.push_back(ClientEvent::End);
        }
    }

    fn call(&mut self, name: &str, transaction: f64, arguments: Vec<Value>, stream: u32) {
        self.link.send_command(&Command::new(name, transaction, arguments), stream);
    }
}
