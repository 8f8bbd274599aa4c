//! Pieces that wait to be taken, and what all small muxers check alike.

use std::collections::VecDeque;

use brooklet_media::{CodecId, Error, Packet, Piece, Place, Result, StreamParams, TimeBase, Timestamp};
use bytes::Bytes;

/// A muxer's output queue. It holds what one call makes: the caller drains it after each.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pieces: VecDeque<Piece>,
    /// Bytes that were appended, in all.
    written: u64,
    at: Timestamp,
}

impl Output {
    /// Appends a header or trailer, due when the last packet was.
    pub(crate) fn append(&mut self, bytes: impl Into<Bytes>) {
        let key = self.written == 0;
        self.push(bytes.into(), key);
    }

    /// Appends what a packet became.
    pub(crate) fn append_packet(&mut self, packet: &Packet, time_base: TimeBase, bytes: Bytes) {
        self.at = time_base.at(packet.dts);
        self.push(bytes, packet.key);
    }

    /// Writes over what stands at `offset`.
    pub(crate) fn patch(&mut self, offset: u64, bytes: impl Into<Bytes>) {
        let place = Place::Patch(offset);
        self.pieces.push_back(Piece { bytes: bytes.into(), at: self.at, key: false, place });
    }

    pub(crate) const fn written(&self) -> u64 {
        self.written
    }

    pub(crate) fn poll(&mut self) -> Option<Piece> {
        self.pieces.pop_front()
    }

    fn push(&mut self, bytes: Bytes, key: bool) {
        self.written += bytes.len() as u64;
        self.pieces.push_back(Piece { bytes, at: self.at, key, place: Place::Append });
    }
}

/// Takes the one stream of a format that holds one.
pub(crate) fn take_only_stream(
    format: &str,
    slot: &mut Option<StreamParams>,
    params: &StreamParams,
    holds: impl Fn(CodecId) -> bool,
    supported: &str,
) -> Result<()> {
    if slot.is_some() {
        return Err(Error::unsupported(format!("a second stream in {format}"), "one stream"));
    }
    if !holds(params.codec) {
        return Err(Error::unsupported(format!("{} in {format}", params.codec), supported));
    }
    *slot = Some(params.clone());
    Ok(())
}

/// The stream of a format that holds one, or what is missing.
pub(crate) fn only_stream<'a>(format: &str, slot: &'a Option<StreamParams>) -> Result<&'a StreamParams> {
    slot.as_ref().ok_or_else(|| Error::Usage(format!("{format} has no stream to write")))
}
