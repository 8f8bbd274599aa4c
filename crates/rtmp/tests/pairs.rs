//! Two sessions tied together in memory, in virtual time.
#![allow(clippy::unwrap_used, clippy::panic)] // A test that can't go on has failed.

use std::time::Duration;

use brooklet_flv::amf0::{self, Value};
use brooklet_flv::{Tag, TagKind};
use brooklet_media::Timestamp;
use brooklet_rtmp::{
    Capabilities, Client, ClientEvent, ClientOptions, Error, Output, Result, RtmpUrl, Server, ServerEvent,
    ServerOptions, Stage,
};
use proptest::prelude::*;

/// What the server's owner does with requests.
#[derive(Clone, Copy, PartialEq)]
enum Owner {
    Accepts,
    RefusesConnect,
    RefusesStream,
    /// Accepts what is requested only when the two sides have nothing more to say.
    Hesitates,
}

struct Pair {
    client: Client,
    server: Server,
    owner: Owner,
    now: Timestamp,
    /// The most bytes that are delivered at once.
    piece: usize,
    client_events: Vec<ClientEvent>,
    server_events: Vec<ServerEvent>,
}

impl Pair {
    fn new(publish: bool, chunk_size: u32) -> Self {
        let url = RtmpUrl::parse("rtmp://localhost/live/key?token=1").unwrap();
        let options = ClientOptions { chunk_size, ..ClientOptions::default() };
        let now = Timestamp::from_millis(5);
        let client = if publish {
            Client::publish(&url, options, &[1; 1528], now)
        } else {
            Client::play(&url, options, &[1; 1528], now)
        };
        let options = ServerOptions { chunk_size, ..ServerOptions::default() };
        Self {
            client,
            server: Server::new(options, &[2; 1528], now),
            owner: Owner::Accepts,
            now,
            piece: usize::MAX,
            client_events: Vec::new(),
            server_events: Vec::new(),
        }
    }

    fn publishing() -> Self {
        let mut pair = Self::new(true, 4096);
        pair.run().unwrap();
        pair
    }

    fn playing() -> Self {
        let mut pair = Self::new(false, 4096);
        pair.run().unwrap();
        pair
    }

    /// Carries bytes to and fro until both wait for time to pass; the earlier of their timeouts.
    fn run(&mut self) -> Result<Timestamp> {
        let mut hesitating = false;
        loop {
            let (mut progress, mut wake) = (false, Timestamp::MAX);
            loop {
                match self.client.poll_output() {
                    Output::Transmit(bytes) => {
                        progress = true;
                        for piece in bytes.chunks(self.piece) {
                            self.server.handle_input(piece, self.now)?;
                        }
                    }
                    Output::Event(event) => self.client_events.push(event),
                    Output::Timeout(at) => {
                        wake = wake.min(at);
                        break;
                    }
                }
            }
            loop {
                match self.server.poll_output() {
                    Output::Transmit(bytes) => {
                        progress = true;
                        for piece in bytes.chunks(self.piece) {
                            self.client.handle_input(piece, self.now)?;
                        }
                    }
                    Output::Event(event) => {
                        hesitating |= self.decide(&event)?;
                        self.server_events.push(event);
                    }
                    Output::Timeout(at) => {
                        wake = wake.min(at);
                        break;
                    }
                }
            }
            if !progress && std::mem::take(&mut hesitating) {
                self.server.accept()?;
            } else if !progress {
                return Ok(wake);
            }
        }
    }

    fn decide(&mut self, event: &ServerEvent) -> Result<bool> {
        match (event, self.owner) {
            (ServerEvent::ConnectRequested(_), Owner::RefusesConnect) => {
                self.server.refuse("NetConnection.Connect.Rejected", "no such application")?;
            }
            (ServerEvent::PublishRequested(_) | ServerEvent::PlayRequested(_), Owner::RefusesStream) => {
                self.server.refuse("NetStream.Publish.BadName", "the key is in use")?
            }
            (
                ServerEvent::ConnectRequested(_)
                | ServerEvent::PublishRequested(_)
                | ServerEvent::PlayRequested(_),
                owner,
            ) => {
                if owner == Owner::Hesitates {
                    return Ok(true);
                }
                self.server.accept()?;
            }
            _ => {}
        }
        Ok(false)
    }

    /// Lets time pass up to the timeouts of both, until one of them fails.
    fn wait(&mut self, until: Timestamp) -> Result<()> {
        loop {
            let wake = self.run()?;
            if wake > until {
                return Ok(());
            }
            self.now = wake;
            self.client.handle_timeout(wake)?;
            self.server.handle_timeout(wake)?;
        }
    }

    fn received_by_server(&self) -> Vec<Tag> {
        let tags = self.server_events.iter().filter_map(|event| match event {
            ServerEvent::Tag(tag) => Some(tag.clone()),
            _ => None,
        });
        tags.collect()
    }

    fn received_by_client(&self) -> Vec<Tag> {
        let tags = self.client_events.iter().filter_map(|event| match event {
            ClientEvent::Tag(tag) => Some(tag.clone()),
            _ => None,
        });
        tags.collect()
    }
}

fn video(timestamp: i64, length: usize) -> Tag {
    let mut body = vec![0x27, 1, 0, 0, 0];
    body.extend((0..length).map(|at| (at as i64 * 31 + timestamp) as u8));
    Tag { kind: TagKind::Video, timestamp, body: body.into() }
}

fn audio(timestamp: i64) -> Tag {
    Tag { kind: TagKind::Audio, timestamp, body: vec![0xAF, 1, timestamp as u8, 4, 5].into() }
}

fn metadata() -> Tag {
    let mut body = Vec::new();
    amf0::write(&"onMetaData".into(), &mut body);
    amf0::write(&Value::EcmaArray(vec![("width".into(), 640.0.into())]), &mut body);
    Tag { kind: TagKind::Script, timestamp: 0, body: body.into() }
}

fn a_stream(from: i64) -> Vec<Tag> {
    let mut tags = vec![metadata()];
    for at in 0..50 {
        tags.push(video(from + at * 40, [20, 4096, 5000, 70_000][at as usize % 4]));
        tags.push(audio(from + at * 40 + 7));
    }
    tags
}

#[test]
fn every_tag_is_published_whatever_the_chunk_size() {
    for chunk_size in [1, 2, 100, 127, 128, 129, 4096, 60_000, 65_536] {
        let mut pair = Pair::new(true, chunk_size);
        pair.run().unwrap();
        assert_eq!(pair.client_events, [ClientEvent::Ready]);
        for tag in a_stream(0) {
            pair.client.send(&tag).unwrap();
        }
        pair.run().unwrap();
        assert_eq!(pair.received_by_server(), a_stream(0), "chunks of {chunk_size}");
        pair.client.finish();
        pair.run().unwrap();
        assert_eq!(pair.server_events.last(), Some(&ServerEvent::End));
        assert_eq!(pair.client.handle_closed(pair.now), Ok(()));
    }
}

#[test]
fn every_tag_is_played_byte_by_byte_and_the_end_is_told() {
    for piece in [1, 7, usize::MAX] {
        let mut pair = Pair::new(false, 60_000);
        pair.piece = piece;
        pair.run().unwrap();
        assert_eq!(pair.client_events, [ClientEvent::Ready]);
        for tag in a_stream(1000) {
            pair.server.send(&tag).unwrap();
        }
        pair.server.finish();
        pair.run().unwrap();
        assert_eq!(pair.received_by_client(), a_stream(1000));
        assert_eq!(pair.client_events.iter().filter(|event| **event == ClientEvent::End).count(), 1);
        assert_eq!(pair.client_events.last(), Some(&ClientEvent::End));
        assert_eq!(pair.client.handle_closed(pair.now), Ok(()));
    }
}

#[test]
fn requests_carry_what_the_url_says() {
    let mut pair = Pair::publishing();
    let ServerEvent::ConnectRequested(connect) = &pair.server_events[0] else { panic!() };
    assert_eq!((connect.app.as_str(), connect.tc_url.as_str()), ("live", "rtmp://localhost:1935/live"));
    assert_eq!(connect.capabilities, ClientOptions::default().capabilities);
    let ServerEvent::PublishRequested(publish) = &pair.server_events[1] else { panic!() };
    assert_eq!(
        (publish.app.as_str(), publish.stream.as_str(), publish.query.as_str()),
        ("live", "key", "token=1")
    );
    assert!(matches!(Pair::playing().server_events[1], ServerEvent::PlayRequested(_)));
    assert!(pair.server.send(&audio(0)).is_err(), "there is no viewer");
}

#[test]
fn capabilities_are_told() {
    let four_ccs = vec!["av01".into(), "Opus".into()];
    let capabilities = Capabilities { four_ccs, caps_ex: 2, ..Capabilities::default() };
    let options = ClientOptions { capabilities: capabilities.clone(), ..ClientOptions::default() };
    let url = RtmpUrl::parse("rtmp://localhost/live/key").unwrap();
    let mut pair = Pair::new(true, 4096);
    pair.client = Client::publish(&url, options, &[1; 1528], pair.now);
    pair.run().unwrap();
    let ServerEvent::ConnectRequested(connect) = &pair.server_events[0] else { panic!() };
    assert_eq!(connect.capabilities, capabilities);
}

#[test]
fn a_server_may_ask_those_who_follow_to_reconnect() {
    for (caps_ex, follows) in [(Capabilities::RECONNECT, true), (0, false)] {
        let capabilities = Capabilities { caps_ex, ..Capabilities::default() };
        let options = ClientOptions { capabilities, ..ClientOptions::default() };
        let url = RtmpUrl::parse("rtmp://localhost/live/key").unwrap();
        let mut pair = Pair::new(true, 4096);
        pair.client = Client::publish(&url, options, &[1; 1528], pair.now);
        pair.run().unwrap();
        for (to, description) in [(None, "maintenance"), (Some("rtmp://other/live"), "")] {
            assert_eq!(pair.server.request_reconnect(to, description), follows);
            pair.run().unwrap();
            let tc_url = to.map(str::to_owned);
            let event = ClientEvent::ReconnectRequested { tc_url, description: description.into() };
            assert_eq!(pair.client_events.last() == Some(&event), follows);
            // The stream goes on meanwhile.
            pair.client.send(&audio(7)).unwrap();
            pair.run().unwrap();
        }
        assert_eq!(pair.received_by_server(), [audio(7), audio(7)]);
    }
}

#[test]
fn time_goes_on_past_24_31_and_32_bits() {
    for boundary in [1 << 24, 1 << 31, 1 << 32, 1 << 33] {
        let (mut publish, mut play) = (Pair::publishing(), Pair::playing());
        // From nought in strides of six hours: a stream that has run for so long.
        let approach: Vec<Tag> =
            (0..(boundary - 1000) / 21_600_000).map(|at| audio(at * 21_600_000)).collect();
        let tags = [approach, a_stream(boundary - 1000)].concat();
        for tag in &tags {
            publish.client.send(tag).unwrap();
            play.server.send(tag).unwrap();
        }
        publish.run().unwrap();
        play.run().unwrap();
        // Metadata in the middle of a stream takes the stream's time.
        let times = |tags: &[Tag]| {
            let media = tags.iter().filter(|tag| tag.kind != TagKind::Script);
            media.map(|tag| tag.timestamp).collect::<Vec<_>>()
        };
        assert_eq!(times(&publish.received_by_server()), times(&tags));
        assert_eq!(times(&play.received_by_client()), times(&tags));
    }
}

#[test]
fn a_refusal_fails_with_the_servers_words() {
    for publish in [true, false] {
        let mut pair = Pair::new(publish, 4096);
        pair.owner = Owner::RefusesStream;
        let stage = if publish { Stage::Publish } else { Stage::Play };
        let expected = Error::Refused {
            stage,
            code: "NetStream.Publish.BadName".into(),
            description: "the key is in use".into(),
        };
        assert_eq!(pair.run(), Err(expected.clone()));
        let says = format!("the server refused to {stage}: NetStream.Publish.BadName (the key is in use)");
        assert_eq!(expected.to_string(), says);
    }
    let mut pair = Pair::new(true, 4096);
    pair.owner = Owner::RefusesConnect;
    let error = pair.run().unwrap_err().to_string();
    assert_eq!(error, "the server refused to connect: NetConnection.Connect.Rejected (no such application)");
}

#[test]
fn an_owner_may_take_its_time() {
    for publish in [true, false] {
        let mut pair = Pair::new(publish, 4096);
        pair.owner = Owner::Hesitates;
        pair.run().unwrap();
        assert_eq!(pair.client_events, [ClientEvent::Ready]);
    }
}

#[test]
fn a_server_that_closes_early_is_told_by_what_it_was_asked() {
    let mut pair = Pair::new(true, 4096);
    let error = pair.client.handle_closed(pair.now).unwrap_err();
    assert!(error.to_string().contains("in the middle of the handshake"), "{error}");
    pair.run().unwrap();
    let soon = pair.client.handle_closed(pair.now + Duration::from_secs(1));
    assert_eq!(soon, Err(Error::Closed { stage: Stage::Publish }), "accepted, then thought better of");
    let later = pair.client.handle_closed(pair.now + Duration::from_secs(60));
    assert_eq!(later, Err(Error::Closed { stage: Stage::Stream }));
}

#[test]
fn a_client_that_goes_is_at_its_end_once() {
    let mut pair = Pair::publishing();
    pair.client.finish();
    pair.run().unwrap();
    pair.server.handle_closed();
    pair.run().unwrap();
    assert_eq!(pair.server_events.iter().filter(|event| **event == ServerEvent::End).count(), 1);
    let mut pair = Pair::playing();
    pair.server.handle_closed();
    pair.run().unwrap();
    assert_eq!(pair.server_events.last(), Some(&ServerEvent::End));
}

#[test]
fn silence_is_asked_about_and_answered() {
    let mut pair = Pair::playing();
    let day = pair.now + Duration::from_secs(86_400);
    pair.wait(day).unwrap();
    assert!(pair.now > day - Duration::from_secs(120), "pings went on all day");
}

#[test]
fn a_client_that_does_not_answer_is_given_up() {
    let mut pair = Pair::playing();
    let start = pair.now;
    let error = loop {
        // The client's host is gone: nothing reaches it.
        let at = loop {
            if let Output::Timeout(at) = pair.server.poll_output() {
                break at;
            }
        };
        if let Err(error) = pair.server.handle_timeout(at) {
            assert_eq!(at.since(start), Duration::from_secs(90));
            break error;
        }
    };
    assert_eq!(error, Error::TimedOut { stage: Stage::Stream, seconds: 90 });
}

#[test]
fn nobody_waits_for_ever_for_the_other_to_begin() {
    let mut pair = Pair::new(true, 4096);
    let silent = |output: Output<_>| matches!(output, Output::Timeout(_));
    while !silent(pair.client.poll_output()) {}
    let Output::Timeout(at) = pair.client.poll_output() else { panic!() };
    assert_eq!(at.since(pair.now), Duration::from_secs(15));
    let error = pair.client.handle_timeout(at).unwrap_err();
    assert_eq!(error.to_string(), "the other side took more than 15 s to shake hands");
    let Output::Timeout(at) = pair.server.poll_output() else { panic!() };
    assert_eq!(
        pair.server.handle_timeout(at).unwrap_err(),
        Error::TimedOut { stage: Stage::Handshake, seconds: 10 }
    );
}

#[test]
fn both_sides_acknowledge_what_they_receive() {
    let mut publish = Pair::publishing();
    let mut heard = 0;
    for at in 0..1000 {
        publish.client.send(&video(at * 40, 20_000)).unwrap();
        while let Output::Transmit(bytes) = publish.client.poll_output() {
            publish.server.handle_input(&bytes, publish.now).unwrap();
        }
        loop {
            match publish.server.poll_output() {
                Output::Transmit(bytes) => {
                    heard += bytes.len();
                    publish.client.handle_input(&bytes, publish.now).unwrap();
                }
                Output::Event(_) => {}
                Output::Timeout(_) => break,
            }
        }
    }
    // 20 MB in windows of 2.5 MB: eight acknowledgements, of 16 bytes or, after the first, a few less.
    assert!((8 * 8..=8 * 16).contains(&heard), "{heard}");
}

fn any_output(client: &mut Client, server: &mut Server) {
    while !matches!(client.poll_output(), Output::Timeout(_)) {}
    loop {
        match server.poll_output() {
            Output::Timeout(_) => break,
            Output::Event(
                ServerEvent::ConnectRequested(_)
                | ServerEvent::PublishRequested(_)
                | ServerEvent::PlayRequested(_),
            ) => {
                let _ = server.accept();
            }
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_taken_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..2000), publish: bool, shaken: bool,
    ) {
        let mut pair = Pair::new(publish, 4096);
        if shaken {
            pair.run().unwrap();
        }
        let _ = pair.client.handle_input(&bytes, pair.now);
        let _ = pair.server.handle_input(&bytes, pair.now);
        any_output(&mut pair.client, &mut pair.server);
    }

    /// A byte is changed somewhere in all that one side says to the other.
    #[test]
    fn damaged_conversations_end_or_go_on(at in 0usize..4000, byte: u8, publish: bool, to_server: bool) {
        let mut pair = Pair::new(publish, 4096);
        let (mut said, mut quiet) = (0, false);
        while !quiet {
            quiet = true;
            while let Output::Transmit(bytes) = pair.client.poll_output() {
                quiet = false;
                let mut bytes = bytes.to_vec();
                if to_server && (said..said + bytes.len()).contains(&at) {
                    bytes[at - said] = byte;
                }
                said += if to_server { bytes.len() } else { 0 };
                if pair.server.handle_input(&bytes, pair.now).is_err() {
                    return Ok(());
                }
            }
            loop {
                match pair.server.poll_output() {
                    Output::Transmit(bytes) => {
                        quiet = false;
                        let mut bytes = bytes.to_vec();
                        if !to_server && (said..said + bytes.len()).contains(&at) {
                            bytes[at - said] = byte;
                        }
                        said += if to_server { 0 } else { bytes.len() };
                        if pair.client.handle_input(&bytes, pair.now).is_err() {
                            return Ok(());
                        }
                    }
                    Output::Event(event) => {
                        if pair.decide(&event).is_err() {
                            return Ok(());
                        }
                    }
                    Output::Timeout(_) => break,
                }
            }
        }
    }
}
