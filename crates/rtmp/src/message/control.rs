//! The messages that keep a connection going, all on chunk stream 2 and message stream 0.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Message, MessageType};

/// The chunk stream of protocol and user control messages (RTMP 1.0, 5.4).
const CONTROL_CHUNK_STREAM: u32 = 2;

/// Protocol control (5.4) and user control (7.1.7), except for set chunk size and abort, which the chunk stream
/// keeps to itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Control {
    /// The sender has received so many bytes, modulo 2^32.
    Acknowledgement(u32),
    /// The sender wants an acknowledgement after every so many bytes.
    WindowAckSize(u32),
    /// The sender wants no more than so many bytes unacknowledged.
    SetPeerBandwidth(u32, BandwidthLimit),
    /// One of the user control events.
    User(UserControl),
}

/// How to take a new bandwidth (5.4.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BandwidthLimit {
    /// Exactly so.
    Hard,
    /// The smaller of this and the one before.
    Soft,
    /// As hard, where the one before was hard; else not at all.
    Dynamic,
}

/// User control events (7.1.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UserControl {
    /// The stream with this id is usable.
    StreamBegin(u32),
    /// The stream with this id has played to its end.
    StreamEof(u32),
    /// The stream with this id has nothing for now.
    StreamDry(u32),
    /// The client buffers `.1` milliseconds of stream `.0`.
    SetBufferLength(u32, u32),
    /// The stream with this id is a recording.
    StreamIsRecorded(u32),
    /// Answer me, with this number.
    PingRequest(u32),
    /// The answer.
    PingResponse(u32),
    /// An event that the specification does not name, by its number.
    Other(u16),
}

impl Control {
    /// Reads the body of a message; `None` where the type is none of these. A body that is too short for its type
    /// is an error, with words for it.
    pub(crate) fn read(kind: MessageType, body: &[u8]) -> Option<Result<Self, &'static str>> {
        let number = u32_at(body, 0);
        let parsed = match kind {
            MessageType::ACKNOWLEDGEMENT => number.map(Self::Acknowledgement),
            MessageType::WINDOW_ACK_SIZE => number.map(Self::WindowAckSize),
            MessageType::SET_PEER_BANDWIDTH => {
                let limit = match body.get(4) {
                    Some(0) => BandwidthLimit::Hard,
                    Some(1) => BandwidthLimit::Soft,
                    _ => BandwidthLimit::Dynamic,
                };
                number.map(|size| Self::SetPeerBandwidth(size, limit))
            }
            MessageType::USER_CONTROL => UserControl::read(body).map(Self::User),
            _ => return None,
        };
        Some(parsed.ok_or("a control message is too short"))
    }

    /// The message that says so.
    pub fn message(self) -> Message {
        let mut body = BytesMut::with_capacity(10);
        let kind = match self {
            Self::Acknowledgement(bytes) => {
                body.put_u32(bytes);
                MessageType::ACKNOWLEDGEMENT
            }
            Self::WindowAckSize(bytes) => {
                body.put_u32(bytes);
                MessageType::WINDOW_ACK_SIZE
            }
            Self::SetPeerBandwidth(bytes, limit) => {
                body.put_u32(bytes);
                body.put_u8(limit as u8);
                MessageType::SET_PEER_BANDWIDTH
            }
            Self::User(event) => {
                event.write(&mut body);
                MessageType::USER_CONTROL
            }
        };
        control_message(kind, body.freeze())
    }
}

/// The message by which a writer announces its chunk size.
pub(crate) fn set_chunk_size(size: u32) -> Message {
    control_message(MessageType::SET_CHUNK_SIZE, Bytes::copy_from_slice(&size.to_be_bytes()))
}

fn control_message(kind: MessageType, body: Bytes) -> Message {
    Message { chunk_stream: CONTROL_CHUNK_STREAM, kind, stream: 0, timestamp: 0, body }
}

impl UserControl {
    fn read(body: &[u8]) -> Option<Self> {
        let event = u16::from_be_bytes([*body.first()?, *body.get(1)?]);
        Some(match event {
            0 => Self::StreamBegin(u32_at(body, 2)?),
            1 => Self::StreamEof(u32_at(body, 2)?),
            2 => Self::StreamDry(u32_at(body, 2)?),
            // A length that was left out is as good as none.
            3 => Self::SetBufferLength(u32_at(body, 2)?, u32_at(body, 6).unwrap_or(0)),
            4 => Self::StreamIsRecorded(u32_at(body, 2)?),
            6 => Self::PingRequest(u32_at(body, 2)?),
            7 => Self::PingResponse(u32_at(body, 2)?),
            other => Self::Other(other),
        })
    }

    fn write(self, body: &mut BytesMut) {
        let (event, number) = match self {
            Self::StreamBegin(stream) => (0, Some(stream)),
            Self::StreamEof(stream) => (1, Some(stream)),
            Self::StreamDry(stream) => (2, Some(stream)),
            Self::SetBufferLength(stream, _) => (3, Some(stream)),
            Self::StreamIsRecorded(stream) => (4, Some(stream)),
            Self::PingRequest(number) => (6, Some(number)),
            Self::PingResponse(number) => (7, Some(number)),
            Self::Other(event) => (event, None),
        };
        body.put_u16(event);
        if let Some(number) = number {
            body.put_u32(number);
        }
        if let Self::SetBufferLength(_, millis) = self {
            body.put_u32(millis);
        }
    }
}

fn u32_at(body: &[u8], at: usize) -> Option<u32> {
    body.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_control_message_reads_back_equal() {
        let all = [
            Control::Acknowledgement(u32::MAX),
            Control::WindowAckSize(2_500_000),
            Control::SetPeerBandwidth(1, BandwidthLimit::Hard),
            Control::SetPeerBandwidth(2, BandwidthLimit::Soft),
            Control::SetPeerBandwidth(3, BandwidthLimit::Dynamic),
            Control::User(UserControl::StreamBegin(1)),
            Control::User(UserControl::StreamEof(1)),
            Control::User(UserControl::StreamDry(1)),
            Control::User(UserControl::SetBufferLength(1, 3_000)),
            Control::User(UserControl::StreamIsRecorded(1)),
            Control::User(UserControl::PingRequest(77)),
            Control::User(UserControl::PingResponse(77)),
            Control::User(UserControl::Other(26)),
        ];
        for control in all {
            let message = control.message();
            assert_eq!(Control::read(message.kind, &message.body), Some(Ok(control)));
            if control != Control::User(UserControl::Other(26)) {
                assert!(matches!(Control::read(message.kind, &message.body[..3]), Some(Err(_))));
            }
        }
        assert_eq!(Control::read(MessageType::AUDIO, &[0; 8]), None);
    }
}
