//! What peers in the field do that ours never would, said to our sessions message by message.
#![allow(clippy::unwrap_used, clippy::panic)] // A test that can't go on has failed.

use std::collections::VecDeque;

use brooklet_flv::amf0::Value;
use brooklet_flv::{Tag, TagKind};
use brooklet_media::Timestamp;
use brooklet_rtmp::chunk::{ChunkReader, ChunkWriter};
use brooklet_rtmp::command::Command;
use brooklet_rtmp::handshake::Handshake;
use brooklet_rtmp::message::{Control, UserControl};
use brooklet_rtmp::{
    ChunkLimits, Client, ClientEvent, ClientOptions, Error, Message, MessageType, Output, Result, RtmpUrl,
    Server, ServerEvent, ServerOptions, Stage,
};
use bytes::Bytes;

const NOW: Timestamp = Timestamp::ZERO;

fn client(publish: bool) -> Client {
    let url = RtmpUrl::parse("rtmp://localhost/live/key").unwrap();
    if publish {
        Client::publish(&url, ClientOptions::default(), &[1; 1528], NOW)
    } else {
        Client::play(&url, ClientOptions::default(), &[1; 1528], NOW)
    }
}

/// A server that says what it is told to.
struct Script {
    client: Client,
    writer: ChunkWriter,
    events: Vec<ClientEvent>,
}

impl Script {
    /// Shakes hands with a client.
    fn with(mut client: Client) -> Self {
        let mut handshake = Handshake::server(&[2; 1528]);
        while let Output::Transmit(bytes) = client.poll_output() {
            handshake.handle_input(&mut &bytes[..]).unwrap();
        }
        client.handle_input(&handshake.poll_transmit().unwrap(), NOW).unwrap();
        Self { client, writer: ChunkWriter::new(), events: Vec::new() }
    }

    fn say(&mut self, message: &Message) -> Result<()> {
        let mut out = VecDeque::new();
        self.writer.write(message, &mut out);
        for bytes in out {
            self.client.handle_input(&bytes, NOW)?;
        }
        loop {
            match self.client.poll_output() {
                Output::Transmit(_) => {}
                Output::Event(event) => self.events.push(event),
                Output::Timeout(_) => return Ok(()),
            }
        }
    }

    fn answer(&mut self, name: &str, transaction: f64, arguments: Vec<Value>) -> Result<()> {
        self.say(&Command::new(name, transaction, arguments).message(0))
    }

    fn report(&mut self, level: &str, code: &str) -> Result<()> {
        self.say(&Command::new("onStatus", 0.0, vec![info(level, code, "because")]).message(1))
    }

    /// Up to the answer to `publish` or `play`.
    fn agreeable(client: Client) -> Self {
        let mut script = Self::with(client);
        script.answer("_result", 1.0, vec![info("status", "NetConnection.Connect.Success", "")]).unwrap();
        script
            .answer("_error", 2.0, vec![info("error", "NetConnection.Call.Failed", "releaseStream")])
            .unwrap();
        script.answer("_result", 4.0, vec![1.0.into()]).unwrap();
        script
    }
}

fn info(level: &str, code: &str, description: &str) -> Value {
    let text = |name: &str, value: &str| (name.to_owned(), Value::from(value));
    Value::Object(vec![text("level", level), text("code", code), text("description", description)])
}

fn media(kind: MessageType, timestamp: u32, body: &'static [u8]) -> Message {
    Message { chunk_stream: 6, kind, stream: 1, timestamp, body: Bytes::from_static(body) }
}

#[test]
fn a_challenge_is_told_from_a_plain_refusal() {
    for (description, expected) in [
        ("[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ", Some("adobe")),
        ("[ code=403 need auth; authmod=llnw ]", Some("llnw")),
        ("[ authmod=adobe ] : ?reason=authfailed&opaque=x", Some("adobe")),
        ("no such application", None),
    ] {
        let mut script = Script::with(client(true));
        let answer = info("error", "NetConnection.Connect.Rejected", description);
        match (script.answer("_error", 1.0, vec![answer]).unwrap_err(), expected) {
            (Error::Authentication { scheme, description: all }, Some(expected)) => {
                assert_eq!((scheme.as_str(), all.as_str()), (expected, description));
            }
            (Error::Refused { stage: Stage::Connect, .. }, None) => {}
            (other, _) => panic!("{other}"),
        }
    }
}

#[test]
fn a_stream_may_begin_without_a_word_and_end_in_many() {
    let frame: &[u8] = &[0x27, 1, 0, 0, 0, 1];
    let endings: [fn(&mut Script) -> Result<()>; 5] = [
        |script| script.report("status", "NetStream.Play.Stop"),
        |script| script.report("status", "NetStream.Play.UnpublishNotify"),
        |script| script.report("status", "NetStream.Play.Complete"),
        |script| script.say(&Control::User(UserControl::StreamEof(1)).message()),
        |script| {
            let complete = info("status", "NetStream.Play.Complete", "");
            let mut message = Command::new("onPlayStatus", 0.0, vec![complete]).message(1);
            message.kind = MessageType::DATA;
            script.say(&message)
        },
    ];
    for end in endings {
        let mut script = Script::agreeable(client(false));
        script.say(&media(MessageType::VIDEO, 40, frame)).unwrap();
        end(&mut script).unwrap();
        end(&mut script).unwrap();
        let tag = Tag { kind: TagKind::Video, timestamp: 40, body: Bytes::from_static(frame) };
        assert_eq!(script.events, [ClientEvent::Ready, ClientEvent::Tag(tag), ClientEvent::End]);
    }
}

#[test]
fn a_publisher_that_is_thrown_out_in_mid_stream_hears_why() {
    let mut script = Script::agreeable(client(true));
    script.report("status", "NetStream.Publish.Start").unwrap();
    assert_eq!(script.events, [ClientEvent::Ready]);
    let error = script.report("error", "NetStream.Publish.Denied").unwrap_err();
    assert!(error.to_string().contains("NetStream.Publish.Denied (because)"), "{error}");
}

/// What a client says, and what our server makes of it.
struct Caller {
    server: Server,
    writer: ChunkWriter,
    reader: ChunkReader,
    events: Vec<ServerEvent>,
    heard: Vec<Message>,
}

impl Caller {
    fn new() -> Self {
        let mut server = Server::new(ServerOptions::default(), &[2; 1528], NOW);
        let mut handshake = Handshake::client(&[1; 1528]);
        server.handle_input(&handshake.poll_transmit().unwrap(), NOW).unwrap();
        while let Output::Transmit(bytes) = server.poll_output() {
            handshake.handle_input(&mut &bytes[..]).unwrap();
        }
        server.handle_input(&handshake.poll_transmit().unwrap(), NOW).unwrap();
        let reader = ChunkReader::new(ChunkLimits::default());
        Self { server, writer: ChunkWriter::new(), reader, events: Vec::new(), heard: Vec::new() }
    }

    fn say(&mut self, messages: &[Message]) -> Result<()> {
        let mut out = VecDeque::new();
        messages.iter().for_each(|message| self.writer.write(message, &mut out));
        let said: Vec<u8> = out.into_iter().flatten().collect();
        self.server.handle_input(&said, NOW)?;
        self.listen();
        Ok(())
    }

    fn listen(&mut self) {
        loop {
            match self.server.poll_output() {
                Output::Transmit(bytes) => {
                    let mut bytes = &bytes[..];
                    while let Some(message) = self.reader.read(&mut bytes).unwrap() {
                        self.heard.push(message);
                    }
                }
                Output::Event(event) => self.events.push(event),
                Output::Timeout(_) => break,
            }
        }
    }

    fn heard(&self, words: &str) -> bool {
        let words = words.as_bytes();
        self.heard.iter().any(|message| message.body.windows(words.len()).any(|part| part == words))
    }
}

fn connect() -> Message {
    let object = Value::Object(vec![("app".to_owned(), "live/?u=1".into())]);
    Command { object, ..Command::new("connect", 1.0, vec![]) }.message(0)
}

fn call(name: &str, transaction: f64, argument: Value) -> Message {
    Command::new(name, transaction, vec![argument]).message(1)
}

#[test]
fn a_client_that_does_not_wait_for_answers_is_served_in_order() {
    let mut caller = Caller::new();
    let frame: &[u8] = &[0x27, 1, 0, 0, 0, 1];
    let all = [
        connect(),
        call("createStream", 2.0, Value::Null),
        call("publish", 3.0, "key?token=1".into()),
        media(MessageType::VIDEO, 0, frame),
        media(MessageType::VIDEO, 40, frame),
        media(MessageType::AUDIO, 41, &[]),
    ];
    caller.say(&all).unwrap();
    assert!(matches!(&caller.events[..], [ServerEvent::ConnectRequested(connect)]
        if connect.app == "live" && connect.query == "u=1"));
    assert!(!caller.heard("_result"));
    caller.server.accept().unwrap();
    caller.listen();
    assert!(caller.heard("NetConnection.Connect.Success"));
    assert!(matches!(&caller.events[1..], [ServerEvent::PublishRequested(_)]));
    caller.server.accept().unwrap();
    caller.listen();
    assert!(matches!(&caller.events[2..], [ServerEvent::Tag(_), ServerEvent::Tag(_)]));
    assert_eq!(caller.server.accept(), Err(Error::Usage("there is no request to accept")));
    caller.say(&[call("closeStream", 0.0, Value::Null), call("publish", 4.0, "again".into())]).unwrap();
    assert!(matches!(&caller.events[4..], [ServerEvent::End, ServerEvent::PublishRequested(_)]));
    assert!(caller.heard("NetStream.Unpublish.Success"));
}

#[test]
fn what_waits_for_a_decision_is_bounded() {
    let mut caller = Caller::new();
    caller.say(&[connect()]).unwrap();
    let flood = vec![0; 100_000];
    let error = (0..100).find_map(|_| caller.server.handle_input(&flood, NOW).err());
    assert!(matches!(error, Some(Error::Limit { .. })), "{error:?}");
}

#[test]
fn strangers_and_nonsense_are_refused_with_their_place() {
    let refusal = |messages: &[Message]| {
        let mut caller = Caller::new();
        let mut error = None;
        for message in messages {
            error = error.or(caller.say(std::slice::from_ref(message)).err());
            let _ = caller.server.accept();
            caller.listen();
        }
        error.unwrap().to_string()
    };
    let early = refusal(&[call("publish", 1.0, "key".into())]);
    assert!(early.contains("\"publish\" before connect"), "{early}");
    assert!(early.contains("at byte 31"), "behind the handshake: {early}");
    assert!(early.contains("chunk stream 3, in a message of type 20 (command)"), "{early}");
    let unnamed = refusal(&[connect(), call("play", 1.0, Value::Null)]);
    assert!(unnamed.contains("play without the name"), "{unnamed}");
    let second = refusal(&[connect(), call("play", 1.0, "a".into()), call("publish", 2.0, "b".into())]);
    assert!(second.contains("a second stream"), "{second}");
    let long = refusal(&[Message { body: vec![0; 70_000].into(), ..media(MessageType::VIDEO, 0, &[]) }]);
    assert!(long.contains("message length is 70000, more than the limit of 65536"), "{long}");
}

#[test]
fn viewers_get_polite_answers() {
    let mut caller = Caller::new();
    caller.say(&[connect()]).unwrap();
    caller.server.accept().unwrap();
    caller
        .say(&[call("FCSubscribe", 2.0, "key".into()), call("getStreamLength", 3.0, "key".into())])
        .unwrap();
    caller.say(&[call("play", 4.0, "key".into())]).unwrap();
    caller.server.accept().unwrap();
    caller.listen();
    for words in ["onFCSubscribe", "NetStream.Play.Reset", "NetStream.Play.Start", "|RtmpSampleAccess"] {
        assert!(caller.heard(words), "{words}");
    }
    caller.say(&[call("pause", 0.0, true.into()), call("noSuchCall", 9.0, Value::Null)]).unwrap();
    assert_eq!(caller.events.last(), Some(&ServerEvent::Paused(true)));
    assert!(caller.heard("NetStream.Pause.Notify") && caller.heard("noSuchCall is not known here"));
    caller.say(&[Control::User(UserControl::PingRequest(7)).message()]).unwrap();
    assert!(caller.heard.contains(&Control::User(UserControl::PingResponse(7)).message()));
    caller.server.finish();
    caller.listen();
    assert!(caller.heard("NetStream.Play.UnpublishNotify") && caller.heard("NetStream.Play.Stop"));
}
