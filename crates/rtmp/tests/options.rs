//! What a client says to a server, as its options have it.
#![allow(clippy::unwrap_used)] // A test that can't go on has failed.

use std::time::Duration;

use brooklet_flv::amf0::{self, Value};
use brooklet_media::Timestamp;
use brooklet_rtmp::chunk::ChunkReader;
use brooklet_rtmp::{
    ChunkLimits, Client, ClientEvent, ClientOptions, Live, MessageType, Output, Purpose, RtmpUrl, Server,
    ServerEvent, ServerOptions, connect_values,
};

const NOW: Timestamp = Timestamp::ZERO;

/// The client's commands until the server has agreed: name, transaction, object, arguments. And how long it says that
/// it buffers, milliseconds.
fn commands(purpose: Purpose, options: ClientOptions) -> (Vec<Vec<Value>>, Option<u32>) {
    let url = RtmpUrl::parse("rtmp://localhost/live/key").unwrap();
    let mut client = Client::new(purpose, &url, options, &[1; 1528], NOW);
    let mut server = Server::new(ServerOptions::default(), &[2; 1528], NOW);
    let (mut tap, mut handshake) = (ChunkReader::new(ChunkLimits::default()), 1 + 2 * 1536);
    let (mut commands, mut buffer) = (Vec::new(), None);
    loop {
        match client.poll_output() {
            Output::Transmit(bytes) => {
                server.handle_input(&bytes, NOW).unwrap();
                let shaken = bytes.len().min(handshake);
                handshake -= shaken;
                let mut rest = &bytes[shaken..];
                while let Some(message) = tap.read(&mut rest).unwrap() {
                    match (message.kind, &message.body[..]) {
                        (MessageType::COMMAND, body) => commands.push(amf0::read_all(body).unwrap()),
                        (MessageType::USER_CONTROL, [0, 3, .., a, b, c, d]) => {
                            buffer = Some(u32::from_be_bytes([*a, *b, *c, *d]));
                        }
                        _ => {}
                    }
                }
            }
            Output::Event(ClientEvent::Ready) => return (commands, buffer),
            Output::Event(_) | Output::Timeout(_) => {}
        }
        match server.poll_output() {
            Output::Transmit(bytes) => client.handle_input(&bytes, NOW).unwrap(),
            Output::Event(
                ServerEvent::ConnectRequested(_)
                | ServerEvent::PublishRequested(_)
                | ServerEvent::PlayRequested(_),
            ) => server.accept().unwrap(),
            _ => {}
        }
    }
}

fn names(commands: &[Vec<Value>]) -> Vec<&str> {
    commands.iter().map(|command| command[0].as_str().unwrap()).collect()
}

#[test]
fn a_player_says_what_it_was_told_to() {
    let options = ClientOptions {
        flash_version: Some("WIN 1".into()),
        swf_url: Some("http://h/p.swf".into()),
        page_url: Some("http://h/".into()),
        connect_values: connect_values("S:token O:1 NN:n:1 O:0").unwrap(),
        live: Live::Live,
        buffer: Duration::from_millis(250),
        ..ClientOptions::default()
    };
    let (said, buffer) = commands(Purpose::Play, options.clone());
    assert_eq!(names(&said), ["connect", "FCSubscribe", "createStream", "play"]);
    for (name, value) in [("flashVer", "WIN 1"), ("swfUrl", "http://h/p.swf"), ("pageUrl", "http://h/")] {
        assert_eq!(said[0][2].property(name).and_then(Value::as_str), Some(value), "{name}");
    }
    assert_eq!(said[0][3..], ["token".into(), Value::Object(vec![("n".to_owned(), 1.0.into())])]);
    assert_eq!(
        (&said[1][3], &said[3][3..], buffer),
        (&"key".into(), &["key".into(), (-1000.0).into()][..], Some(250))
    );

    let (said, _) = commands(Purpose::Play, ClientOptions { subscribe: Some("other".into()), ..options });
    assert_eq!(said[1][3], "other".into());
}

#[test]
fn any_stream_is_played_and_nothing_is_subscribed_to_unless_asked_for() {
    for (live, start) in [(Live::Any, -2000.0), (Live::Recorded, 0.0)] {
        let (said, buffer) = commands(Purpose::Play, ClientOptions { live, ..ClientOptions::default() });
        assert_eq!(names(&said), ["connect", "createStream", "play"]);
        assert_eq!((&said[2][4], buffer), (&start.into(), Some(3000)));
        for name in ["swfUrl", "pageUrl"] {
            assert_eq!(said[0][2].property(name), None);
        }
        assert_eq!(said[0].len(), 3, "nothing behind the object");
    }
}

#[test]
fn a_publisher_is_on_no_page() {
    let options = ClientOptions {
        swf_url: Some("s".into()),
        page_url: Some("p".into()),
        subscribe: Some("x".into()),
        ..ClientOptions::default()
    };
    let (said, _) = commands(Purpose::Publish, options);
    assert_eq!(names(&said), ["connect", "releaseStream", "FCPublish", "createStream", "publish"]);
    assert_eq!(said[0][2].property("swfUrl"), Some(&"s".into()));
    assert_eq!(said[0][2].property("pageUrl"), None);
}
