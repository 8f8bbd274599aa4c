//! What two RTMP sessions of ours say to each other, and the AMF0 and tags in it.

use brooklet_flv::amf0::{self, Value};
use brooklet_flv::{Tag, TagKind, TagWriter};
use brooklet_media::{Metadata, Packet, Timestamp};
use brooklet_rtmp::handshake::RANDOM;
use brooklet_rtmp::{
    Client, ClientEvent, ClientOptions, Output, RtmpUrl, Server, ServerEvent, ServerOptions,
};

use super::Seeds;
use crate::coded;

/// The version byte and the two packets of a side's handshake.
const HANDSHAKE: usize = 1 + 2 * 1_536;

/// Seeds of the targets of RTMP, and of what it is made of.
pub(super) fn all() -> Vec<Seeds> {
    let talks = [true, false].map(talk);
    let [mut server, mut client, mut chunks, mut handshake] = [const { Vec::<Vec<u8>>::new() }; 4];
    for (publishes, (said, answered)) in [true, false].into_iter().zip(talks) {
        let (said_chunks, answered_chunks) = (&said[HANDSHAKE..], &answered[HANDSHAKE..]);
        let yes = if publishes { 2 } else { 0 };
        server.extend([[&[2, 0], &said[..]].concat(), [&[3 | 8, 99], said_chunks].concat()]);
        client.extend([[&[yes, 0], &answered[..]].concat(), [&[yes | 1 | 8, 99], answered_chunks].concat()]);
        chunks.extend([said_chunks, answered_chunks].map(|chunks| [&[9, 4], chunks].concat()));
        handshake
            .extend([[&[1, 9], &said[..HANDSHAKE]].concat(), [&[0, 9], &answered[..HANDSHAKE]].concat()]);
    }
    vec![
        Seeds { target: "rtmp_server", inputs: server },
        Seeds { target: "rtmp_client", inputs: client },
        Seeds { target: "rtmp_chunk", inputs: chunks },
        Seeds { target: "rtmp_handshake", inputs: handshake },
        Seeds { target: "amf0", inputs: values() },
        Seeds { target: "flv_tag", inputs: vec![drawn_tags()] },
    ]
}

/// All that a client and a server say, in which a stream is published or played.
fn talk(publishes: bool) -> (Vec<u8>, Vec<u8>) {
    let Ok(url) = RtmpUrl::parse("rtmp://localhost/app/stream?key=secret") else { return Default::default() };
    let begin = if publishes { Client::publish } else { Client::play };
    let mut client = begin(&url, ClientOptions::default(), &[1; RANDOM], Timestamp::ZERO);
    let mut server = Server::new(ServerOptions::default(), &[2; RANDOM], Timestamp::ZERO);
    let (mut said, mut answered, mut is_over) = (Vec::new(), Vec::new(), false);
    for _ in 0..1_000 {
        match client.poll_output() {
            Output::Transmit(bytes) => {
                said.extend_from_slice(&bytes);
                let _ = server.handle_input(&bytes, Timestamp::ZERO);
            }
            Output::Event(ClientEvent::Ready) if publishes => {
                tags().iter().for_each(|tag| drop(client.send(tag)));
                client.finish();
            }
            _ => {}
        }
        match server.poll_output() {
            Output::Transmit(bytes) => {
                answered.extend_from_slice(&bytes);
                let _ = client.handle_input(&bytes, Timestamp::ZERO);
            }
            Output::Event(ServerEvent::PlayRequested(_)) => {
                let _ = server.accept();
                tags().iter().for_each(|tag| drop(server.send(tag)));
                server.finish();
            }
            Output::Event(ServerEvent::ConnectRequested(_) | ServerEvent::PublishRequested(_)) => {
                let _ = server.accept();
            }
            Output::Timeout(_) if is_over => break,
            Output::Timeout(_) => is_over = true,
            Output::Event(_) => is_over = false,
        }
    }
    (said, answered)
}

/// Tags of pictures and sound, with their headers.
fn tags() -> Vec<Tag> {
    let (h264, aac) = (coded::h264(), coded::aac());
    let mut writer = TagWriter::new();
    let _ = (writer.add_stream(&h264.0), writer.add_stream(&aac.0));
    let mut tags = writer.header_tags(&Metadata::new()).unwrap_or_default();
    tags.extend(h264.1.iter().take(2).filter_map(|packet| writer.write(packet).ok()));
    let sound = aac.1.iter().take(4).map(|packet| Packet { stream: 1, ..packet.clone() });
    tags.extend(sound.filter_map(|packet| writer.write(&packet).ok()));
    tags
}

/// The tags as the target `flv_tag` reads them: a kind, a time, a length, and so many bytes.
fn drawn_tags() -> Vec<u8> {
    let mut out = Vec::new();
    for (number, tag) in tags().iter().enumerate() {
        let kind = match tag.kind {
            TagKind::Video => 0,
            TagKind::Audio => 1,
            TagKind::Script => 2,
        };
        let body = &tag.body[..tag.body.len().min(255)];
        out.extend_from_slice(&[kind, number as u8, body.len() as u8]);
        out.extend_from_slice(body);
    }
    out
}

/// Values of all types.
fn values() -> Vec<Vec<u8>> {
    let object = || vec![("a".to_owned(), Value::Number(1.0)), ("b".to_owned(), "text".into())];
    let all = [
        Value::Number(f64::NAN),
        true.into(),
        "text".into(),
        Value::Object(object()),
        Value::Null,
        Value::Undefined,
        Value::Reference(1),
        Value::EcmaArray(vec![("inner".to_owned(), Value::Object(object()))]),
        Value::StrictArray(vec![Value::Null, Value::Number(2.0)]),
        Value::Date { millis: 1e12, timezone: 0 },
        Value::Xml("<a/>".into()),
        Value::TypedObject { class: "Class".into(), properties: object() },
        Value::Unsupported,
    ];
    let mut out = Vec::new();
    all.iter().for_each(|value| amf0::write(value, &mut out));
    let mut script = tags().into_iter().filter(|tag| tag.kind == TagKind::Script);
    [Some(out), script.next().map(|tag| tag.body.to_vec())].into_iter().flatten().collect()
}
