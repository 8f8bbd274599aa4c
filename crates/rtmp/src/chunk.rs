//! The chunk stream: messages cut into chunks, several at a time, with headers that say only what is new.
//! RTMP 1.0, section 5.3.

mod read;
mod write;

pub use read::ChunkReader;
pub use write::ChunkWriter;

/// How much a peer may make us hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkLimits {
    /// Longest message in bytes.
    pub message: u32,
    /// Bytes of unfinished messages, all chunk streams together.
    pub unfinished: usize,
    /// Chunk streams. Peers in the field use fewer than ten.
    pub chunk_streams: usize,
}

impl Default for ChunkLimits {
    /// 16 MiB for a message, which is as long as one can be, 32 MiB together, 64 chunk streams.
    fn default() -> Self {
        Self { message: 16 << 20, unfinished: 32 << 20, chunk_streams: 64 }
    }
}

/// What both sides begin with (5.4.1).
const DEFAULT_CHUNK_SIZE: u32 = 128;

/// The largest chunk size that makes sense: that of the largest message.
const MAX_CHUNK_SIZE: u32 = MAX_MESSAGE;

/// The largest message: its length has 24 bits.
const MAX_MESSAGE: u32 = 0xFF_FFFF;

/// A 24-bit timestamp that says: see the 32 bits behind the header (5.3.1.3).
const EXTENDED: u32 = 0xFF_FFFF;

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::error::{Error, Result};
    use crate::message::{Control, Message, MessageType, UserControl};

    fn message(chunk_stream: u32, kind: MessageType, timestamp: u32, length: usize) -> Message {
        let body = (0..length).map(|at| (at * 7 + timestamp as usize) as u8).collect::<Bytes>();
        Message { chunk_stream, kind, stream: 1, timestamp, body }
    }

    fn written(writer: &mut ChunkWriter, messages: &[Message]) -> Vec<u8> {
        let mut out = VecDeque::new();
        messages.iter().for_each(|message| writer.write(message, &mut out));
        out.into_iter().flatten().collect()
    }

    fn read_in_pieces(reader: &mut ChunkReader, bytes: &[u8], size: usize) -> Result<Vec<Message>> {
        let mut messages = Vec::new();
        for mut piece in bytes.chunks(size) {
            while let Some(message) = reader.read(&mut piece)? {
                messages.push(message);
            }
            assert!(piece.is_empty());
        }
        Ok(messages)
    }

    fn read(bytes: &[u8]) -> Result<Vec<Message>> {
        let all = read_in_pieces(&mut ChunkReader::new(ChunkLimits::default()), bytes, bytes.len().max(1));
        let single = read_in_pieces(&mut ChunkReader::new(ChunkLimits::default()), bytes, 1);
        assert_eq!(all, single, "byte by byte it is the same");
        all
    }

    #[test]
    fn headers_are_full_then_short_then_full_after_a_gap() {
        let mut writer = ChunkWriter::new();
        let first_bytes: Vec<u8> =
            [(0, 100), (20, 100), (40, 90), (60, 90), (2000, 90), (1990, 90), (u32::MAX, 90), (20, 90)]
                .into_iter()
                .map(|(time, length)| {
                    written(&mut writer, &[message(6, MessageType::VIDEO, time, length)])[0] >> 6
                })
                .collect();
        assert_eq!(first_bytes, [0, 2, 1, 2, 0, 0, 0, 0]);
    }

    #[test]
    fn large_bodies_are_shared_not_copied() {
        let mut out = VecDeque::new();
        let big = message(6, MessageType::VIDEO, 0, 1000);
        let mut writer = ChunkWriter::new();
        writer.set_chunk_size(600, &mut out);
        out.clear();
        writer.write(&big, &mut out);
        assert_eq!(out.iter().map(Bytes::len).collect::<Vec<_>>(), [12, 600, 1, 400]);
        assert_eq!(out[1].as_ptr(), big.body.as_ptr());
        assert_eq!(out[3].as_ptr(), big.body[600..].as_ptr());
    }

    #[test]
    fn basic_headers_have_one_two_or_three_bytes() {
        for (id, length) in [(2, 1), (63, 1), (64, 2), (319, 2), (320, 3), (65_599, 3)] {
            let message = message(id, MessageType::AUDIO, 5, 200);
            let bytes = written(&mut ChunkWriter::new(), std::slice::from_ref(&message));
            assert_eq!(bytes.len(), length + 11 + 128 + length + 72);
            assert_eq!(read(&bytes).unwrap(), [message]);
        }
    }

    #[test]
    fn extended_timestamps_are_repeated_and_read_with_and_without() {
        for time in [0xFF_FFFE, 0xFF_FFFF, 0x100_0000, 0x7FFF_FFFF, 0x8000_0000, u32::MAX] {
            let message = message(6, MessageType::VIDEO, time, 300);
            let bytes = written(&mut ChunkWriter::new(), std::slice::from_ref(&message));
            let extended = if time >= 0xFF_FFFF { 4 } else { 0 };
            assert_eq!(bytes.len(), 12 + 300 + 2 + 3 * extended);
            assert_eq!(read(&bytes).unwrap(), std::slice::from_ref(&message));
            if extended > 0 {
                // The same without the timestamps behind the type 3 headers.
                let (first, second) = (12 + 4 + 128, 12 + 4 + 128 + 5 + 128);
                let without = [&bytes[..=first], &bytes[first + 5..=second], &bytes[second + 5..]].concat();
                assert_eq!(read(&without).unwrap(), [message]);
            }
        }
    }

    #[test]
    fn a_body_that_begins_like_the_missing_timestamp_is_not_eaten() {
        // Extended timestamp 0x01000000, not repeated; the second chunk has two bytes: 01 00.
        let mut bytes = vec![6, 0xFF, 0xFF, 0xFF, 0, 0, 130, 9, 1, 0, 0, 0, 1, 0, 0, 0];
        bytes.extend([7; 128]);
        bytes.extend([0xC6, 1, 0]);
        bytes.extend([3, 0, 0, 0, 0, 0, 1, 20, 0, 0, 0, 0, 5]);
        let messages = read(&bytes).unwrap();
        assert_eq!(messages[0].body[126..], [7, 7, 1, 0]);
        assert_eq!((messages[1].kind, &messages[1].body[..]), (MessageType::COMMAND, &[5][..]));
    }

    #[test]
    fn type_3_between_messages_repeats_the_step() {
        let mut bytes = vec![4, 0, 0, 10, 0, 0, 1, 8, 1, 0, 0, 0, 0xAA];
        bytes.extend([0xC4, 0xBB]); // the step is the absolute time
        bytes.extend([0x84, 0, 0, 23, 0xCC]);
        bytes.extend([0xC4, 0xDD]);
        let times: Vec<u32> = read(&bytes).unwrap().iter().map(|message| message.timestamp).collect();
        assert_eq!(times, [10, 20, 43, 66]);
    }

    #[test]
    fn interleaved_messages_and_an_abort() {
        let (video, audio) = (message(6, MessageType::VIDEO, 0, 200), message(4, MessageType::AUDIO, 0, 150));
        let mut writer = ChunkWriter::new();
        let (v, a) = (
            written(&mut writer, std::slice::from_ref(&video)),
            written(&mut writer, std::slice::from_ref(&audio)),
        );
        let mixed = [&v[..140], &a[..140], &v[140..], &a[140..]].concat();
        assert_eq!(read(&mixed).unwrap(), [video, audio.clone()]);
        let abort = [2, 0, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 0, 0, 0, 6];
        let aborted = [&v[..140], &abort, &a].concat();
        assert_eq!(read(&aborted).unwrap(), [audio]);
    }

    #[test]
    fn what_is_past_the_limits_or_makes_no_sense_is_refused() {
        let limits = ChunkLimits { message: 1000, unfinished: 300, chunk_streams: 2 };
        let attempt = |bytes: &[u8]| {
            let mut reader = ChunkReader::new(limits);
            reader.set_position(100);
            read_in_pieces(&mut reader, bytes, 1).unwrap_err()
        };
        let error = attempt(&[6, 0, 0, 0, 0, 4, 0, 9, 1, 0, 0, 0]);
        assert!(matches!(error, Error::Limit { what: "message length", value: 1024, limit: 1000, .. }));
        let error = error.to_string();
        assert!(error.contains("at byte 112, chunk stream 6"), "{error}");
        assert!(attempt(&[0xC6]).to_string().contains("type 3"));
        assert!(
            attempt(&[2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0x80, 0, 0, 1]).to_string().contains("chunk size")
        );
        assert!(
            attempt(&[2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0]).to_string().contains("chunk size")
        );
        let one = [0, 0, 0, 0, 0, 3, 0, 9, 1, 0, 0, 0];
        let chunk = |id: u8| [&[id][..], &one[1..], &[0; 128]].concat();
        assert!(attempt(&[chunk(3), chunk(3)].concat()).to_string().contains("inside an unfinished"));
        let three = attempt(&[chunk(3), chunk(4), chunk(5)].concat());
        assert!(matches!(three, Error::Limit { what: "number of chunk streams", .. }));
        let full = attempt(&[chunk(3), chunk(4), [&[0xC3][..], &[0; 128]].concat()].concat());
        assert!(matches!(full, Error::Limit { what: "length of unfinished messages", .. }));
    }

    #[test]
    fn a_message_without_a_body_needs_no_more_bytes() {
        let empty = message(6, MessageType::AUDIO, 0, 0);
        let bytes = written(&mut ChunkWriter::new(), std::slice::from_ref(&empty));
        assert_eq!(read(&bytes).unwrap(), [empty]);
        let ping = Control::User(UserControl::PingRequest(1)).message();
        assert_eq!(read(&written(&mut ChunkWriter::new(), std::slice::from_ref(&ping))).unwrap(), [ping]);
    }

    fn any_message() -> impl Strategy<Value = Message> {
        let chunk_stream = prop_oneof![3u32..10, 60u32..70, 316u32..324, Just(65_599)];
        let kind =
            prop_oneof![Just(MessageType::AUDIO), Just(MessageType::VIDEO), Just(MessageType::COMMAND)];
        let time = prop_oneof![0u32..3000, 0xFF_FFF0..0x100_0010u32, Just(u32::MAX), any::<u32>()];
        let length = prop_oneof![0usize..300, Just(127), Just(128), Just(129), 0usize..100_000];
        (chunk_stream, kind, 0u32..2, time, length).prop_map(|(chunk_stream, kind, stream, time, length)| {
            Message { stream, ..message(chunk_stream, kind, time, length) }
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            messages in prop::collection::vec(any_message(), 1..12),
            chunk_size in prop_oneof![1u32..300, 1u32..70_000, Just(MAX_CHUNK_SIZE)],
            piece in prop_oneof![1usize..20, 1usize..5000],
        ) {
            let (mut writer, mut out) = (ChunkWriter::new(), VecDeque::new());
            writer.set_chunk_size(chunk_size, &mut out);
            messages.iter().for_each(|message| writer.write(message, &mut out));
            let bytes: Vec<u8> = out.into_iter().flatten().collect();
            let mut reader = ChunkReader::new(ChunkLimits::default());
            prop_assert_eq!(read_in_pieces(&mut reader, &bytes, piece), Ok(messages));
            prop_assert_eq!(reader.position(), bytes.len() as u64);
        }

        #[test]
        fn arbitrary_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
            let _ = read(&bytes);
        }

        #[test]
        fn damaged_chunks_are_read_or_refused(
            messages in prop::collection::vec(any_message(), 1..6), at in any::<prop::sample::Index>(), byte: u8,
        ) {
            let mut bytes = written(&mut ChunkWriter::new(), &messages);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = read_in_pieces(&mut ChunkReader::new(ChunkLimits::default()), &bytes, 1500);
        }
    }
}
