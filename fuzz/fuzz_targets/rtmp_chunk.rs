//! Any bytes as chunks: the same messages in pieces of any size, which read back when they are written again.

#![no_main]

use std::collections::VecDeque;

use brooklet_rtmp::chunk::{ChunkLimits, ChunkReader, ChunkWriter};
use brooklet_rtmp::{Error, Message};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some(([size, chunk_size], bytes)) = input.split_first_chunk() else { return };
    let whole = read(bytes, usize::MAX);
    assert_eq!(read(bytes, usize::from(*size) + 1), whole);
    let (messages, _) = whole;
    let (mut writer, mut out) = (ChunkWriter::new(), VecDeque::new());
    writer.set_chunk_size(u32::from(*chunk_size) * 32 + 1, &mut out);
    messages.iter().for_each(|message| writer.write(message, &mut out));
    let written: Vec<u8> = out.into_iter().flatten().collect();
    assert_eq!(read(&written, usize::MAX), (messages, None));
});

fn read(bytes: &[u8], size: usize) -> (Vec<Message>, Option<Error>) {
    let mut reader = ChunkReader::new(ChunkLimits::default());
    let mut messages = Vec::new();
    for mut piece in bytes.chunks(size) {
        loop {
            match reader.read(&mut piece) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
        assert!(piece.is_empty(), "it wants more and leaves some");
    }
    (messages, None)
}
