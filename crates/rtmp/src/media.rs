//! Tags to messages and back: where RTMP's clock of 32 bits is wrapped and unwrapped.

use alloc::vec::Vec;

use brooklet_flv::amf0::{self, Value};
use brooklet_flv::{Tag, TagKind};
use bytes::Bytes;

use crate::command::{Status, amf0_part};
use crate::error::{Error, Place, Result};
use crate::message::{Message, MessageType};

/// What publishers put in front of metadata, so that the server keeps it for later viewers.
const SET_DATA_FRAME: &str = "@setDataFrame";

/// Configuration that claims to be further from the stream than this many milliseconds has no time of its own:
/// servers send what they have kept with time 0.
const LOOSE: i64 = 10_000;

/// The message for a tag. `publishing`: metadata is to be kept by the server.
pub(crate) fn message(tag: &Tag, stream: u32, publishing: bool) -> Message {
    // Modulo 2^32, as RTMP counts.
    let timestamp = tag.timestamp as u32;
    let (chunk_stream, kind) = match tag.kind {
        TagKind::Audio => (4, MessageType::AUDIO),
        TagKind::Video => (6, MessageType::VIDEO),
        TagKind::Script => (5, MessageType::DATA),
    };
    let body = if publishing && tag.kind == TagKind::Script {
        let mut body = Vec::with_capacity(tag.body.len() + 16);
        amf0::write(&SET_DATA_FRAME.into(), &mut body);
        body.extend_from_slice(&tag.body);
        Bytes::from(body)
    } else {
        tag.body.clone()
    };
    Message { chunk_stream, kind, stream, timestamp, body }
}

/// Makes tags of messages.
#[derive(Debug, Default)]
pub(crate) struct Receiver {
    /// The time of the last picture or sound.
    last: Option<i64>,
}

impl Receiver {
    /// Hands on the tags that are in a message. Data messages may hold a report instead, which comes back.
    pub(crate) fn receive(
        &mut self,
        message: &Message,
        place: Place,
        emit: &mut dyn FnMut(Tag),
    ) -> Result<Option<Status>> {
        match message.kind {
            MessageType::AUDIO => self.emit(TagKind::Audio, message.timestamp, message.body.clone(), emit),
            MessageType::VIDEO => self.emit(TagKind::Video, message.timestamp, message.body.clone(), emit),
            MessageType::DATA | MessageType::DATA_AMF3 => return Ok(self.receive_data(message, emit)),
            MessageType::AGGREGATE => self.split(message, place, emit)?,
            _ => {}
        }
        Ok(None)
    }

    /// An empty body holds nothing; some encoders send one at the end.
    fn emit(&mut self, kind: TagKind, timestamp: u32, body: Bytes, emit: &mut dyn FnMut(Tag)) {
        if body.is_empty() {
            return;
        }
        let mut tag = Tag { kind, timestamp: self.unwrap(timestamp), body };
        if kind != TagKind::Script && !tag.is_sequence_header() {
            self.last = Some(tag.timestamp);
        } else if let Some(last) = self.last
            && (tag.timestamp - last).abs() > LOOSE
        {
            tag.timestamp = last;
        }
        emit(tag);
    }

    /// The time nearest to the last one that is this, modulo 2^32.
    fn unwrap(&self, timestamp: u32) -> i64 {
        self.last
            .map_or(i64::from(timestamp), |last| last + i64::from(timestamp.wrapping_sub(last as u32) as i32))
    }

    fn receive_data(&mut self, message: &Message, emit: &mut dyn FnMut(Tag)) -> Option<Status> {
        let whole = amf0_part(message);
        let mut rest = whole;
        let Ok(Value::String(name)) = amf0::read(&mut rest) else { return None };
        let script = match name.as_str() {
            "|RtmpSampleAccess" | "@clearDataFrame" => return None,
            "onStatus" | "onPlayStatus" => {
                // A transaction number and a null may stand in front of the information object.
                let mut values = core::iter::from_fn(|| amf0::read(&mut rest).ok()).take(4);
                return values
                    .find(|value| !value.properties().is_empty())
                    .map(|info| Status::from_info(&info));
            }
            SET_DATA_FRAME => rest,
            _ => whole,
        };
        self.emit(TagKind::Script, message.timestamp, message.body.slice_ref(script), emit);
        None
    }

    /// Takes an aggregate message apart (7.1.6): tags as in a file. Their times are relative; the message's own is
    /// that of the first.
    fn split(&mut self, message: &Message, place: Place, emit: &mut dyn FnMut(Tag)) -> Result<()> {
        let mut rest = message.body.clone();
        let mut offset = None;
        while !rest.is_empty() {
            let Some(header) = rest.first_chunk::<{ Tag::HEADER }>().copied() else {
                return Err(Error::invalid("an aggregate message ends inside a header", place));
            };
            let [kind, a, b, c, low, mid, high, top, ..] = header;
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            let time = u32::from_be_bytes([top, low, mid, high]);
            if rest.len() < Tag::HEADER + length {
                return Err(Error::invalid("an aggregate message ends inside a tag", place));
            }
            let offset = *offset.get_or_insert(message.timestamp.wrapping_sub(time));
            let mut part = rest.split_off(Tag::HEADER);
            rest = part.split_off(length);
            // The length of the tag stands behind it, as in a file; the last one's may be missing.
            rest = rest.split_off(rest.len().min(4));
            let part = Message {
                kind: MessageType(kind),
                timestamp: time.wrapping_add(offset),
                body: part,
                ..*message
            };
            if part.kind != MessageType::AGGREGATE {
                self.receive(&part, place, emit)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const H264_KEY: &[u8] = &[0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65];
    const H264_CONFIG: &[u8] = &[0x17, 0, 0, 0, 0, 1];

    fn video(timestamp: u32, body: &'static [u8]) -> Message {
        let kind = MessageType::VIDEO;
        Message { chunk_stream: 6, kind, stream: 1, timestamp, body: Bytes::from_static(body) }
    }

    fn received(messages: &[Message]) -> Result<Vec<Tag>> {
        let (mut receiver, mut tags) = (Receiver::default(), Vec::new());
        for message in messages {
            assert_eq!(receiver.receive(message, Place::default(), &mut |tag| tags.push(tag))?, None);
        }
        Ok(tags)
    }

    fn times(messages: &[Message]) -> Vec<i64> {
        received(messages).unwrap().iter().map(|tag| tag.timestamp).collect()
    }

    #[test]
    fn time_goes_on_past_32_bits_and_a_little_back() {
        let wrapped = [0xFFFF_FFF0, 0x10, 0xFFFF_FFFF, 0x20].map(|time| video(time, H264_KEY));
        assert_eq!(times(&wrapped), [0xFFFF_FFF0, 0x1_0000_0010, 0xFFFF_FFFF, 0x1_0000_0020]);
    }

    #[test]
    fn kept_configuration_has_no_time() {
        let late = 3_000_000_000;
        let messages = [
            video(0, H264_CONFIG),
            video(late, H264_KEY),
            video(0, H264_CONFIG),
            video(late + 40, H264_CONFIG),
            video(late + 40, H264_KEY),
        ];
        let late = i64::from(late);
        assert_eq!(times(&messages), [0, late, late, late + 40, late + 40]);
    }

    #[test]
    fn metadata_is_kept_by_servers_and_plain_to_viewers() {
        let mut body = Vec::new();
        amf0::write(&"onMetaData".into(), &mut body);
        amf0::write(&Value::EcmaArray(vec![("width".into(), 640.0.into())]), &mut body);
        let tag = Tag { kind: TagKind::Script, timestamp: 5, body: body.into() };
        let (published, played) = (message(&tag, 1, true), message(&tag, 1, false));
        assert_eq!(played.body, tag.body);
        assert_eq!(amf0::read_all(&published.body).unwrap()[0], SET_DATA_FRAME.into());
        let as_amf3 = Message {
            kind: MessageType::DATA_AMF3,
            body: [&[0], &published.body[..]].concat().into(),
            ..published.clone()
        };
        for message in [published, played, as_amf3] {
            assert_eq!(received(&[message]).unwrap(), std::slice::from_ref(&tag));
        }
    }

    #[test]
    fn aggregates_come_apart() {
        let mut body = Vec::new();
        for (kind, time, data) in
            [(9u8, 1000u32, H264_KEY), (8, 1010, &[0xAF, 1, 7][..]), (22, 0, b"x"), (8, 1033, b"")]
        {
            body.extend([kind, 0, 0, data.len() as u8]);
            body.extend([(time >> 16) as u8, (time >> 8) as u8, time as u8, 0, 0, 0, 0]);
            body.extend(data);
            body.extend((data.len() as u32 + 11).to_be_bytes());
        }
        let aggregate = |body: &[u8]| Message {
            kind: MessageType::AGGREGATE,
            body: Bytes::copy_from_slice(body),
            ..video(0xFFFF_FFFF, &[])
        };
        let tags = received(&[aggregate(&body)]).unwrap();
        assert_eq!(tags.iter().map(|tag| tag.timestamp).collect::<Vec<_>>(), [0xFFFF_FFFF, 0x1_0000_0009]);
        assert_eq!(tags.iter().map(|tag| tag.body.len()).collect::<Vec<_>>(), [H264_KEY.len(), 3]);
        for cut in [5, 15] {
            assert!(received(&[aggregate(&body[..cut])]).is_err());
        }
    }
}
