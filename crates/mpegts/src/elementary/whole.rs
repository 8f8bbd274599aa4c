//! Streams that are not looked into: each PES packet is handed on as it came.

use alloc::vec::Vec;

use brooklet_media::{CodecId, StreamKind, Trim};
use bytes::{Bytes, BytesMut};

use super::{Elementary, Format, Found, MAX_PICTURE, Unit};
use crate::pes::Times;

/// A stream of a codec that has no room here: subtitles, data.
pub(super) struct Whole {
    codec: CodecId,
    announced: bool,
    bytes: BytesMut,
    times: Option<Times>,
}

impl Whole {
    pub(super) fn new(codec: CodecId) -> Self {
        Self { codec, announced: false, bytes: BytesMut::new(), times: None }
    }
}

impl Elementary for Whole {
    fn start(&mut self, times: Option<Times>) {
        self.bytes.clear();
        self.times = times;
    }

    fn append(&mut self, bytes: &[u8], _: &mut Vec<Found>) {
        self.bytes.extend_from_slice(bytes);
    }

    fn complete(&mut self, found: &mut Vec<Found>) {
        if !self.announced {
            self.announced = true;
            let format = Format { codec: self.codec, kind: StreamKind::Other, extradata: Bytes::new() };
            found.push(Found::Format(format));
        }
        let data = self.bytes.split().freeze();
        if let Some(Times { pts, dts }) = self.times.take().filter(|_| !data.is_empty()) {
            let pts = pts.max(dts);
            let trim = Trim::default();
            found.push(Found::Unit(Unit { pts, dts, duration: 0, key: true, trim, data }));
        }
    }

    fn damage(&mut self, _: &mut Vec<Found>) {
        self.bytes.clear();
        self.times = None;
    }

    fn flush(&mut self, found: &mut Vec<Found>) {
        if self.times.is_some() {
            self.complete(found);
        }
    }

    fn held(&self) -> usize {
        self.bytes.len()
    }

    fn limit(&self) -> usize {
        MAX_PICTURE
    }
}
