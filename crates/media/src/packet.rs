//! One access unit.

use core::fmt;

use bytes::Bytes;

/// One access unit of one stream: a coded picture, or a coded run of sound. Cloning shares the bytes.
///
/// H.264 and HEVC are length-prefixed (4 bytes) with parameter sets out of band, AAC is raw (no ADTS), in
/// whatever container they came and wherever they go.
#[derive(Clone, PartialEq, Eq)]
pub struct Packet {
    /// The stream's number at its demuxer, or at the muxer that it is for: from 0.
    pub stream: usize,
    /// When it is to be shown or heard, in ticks of its stream's time base.
    pub pts: i64,
    /// When it is to be decoded, in the same ticks; never decreases within a stream, never past `pts`.
    pub dts: i64,
    /// How long it lasts in the same ticks; 0 where that is not known.
    pub duration: i64,
    /// Whether decoding can start here. Always true of sound.
    pub key: bool,
    /// To be decoded but not shown: it stands before the start that an edit list chose.
    pub discard: bool,
    /// Samples that are to be dropped from the decoded sound.
    pub trim: Trim,
    /// The coded bytes.
    pub data: Bytes,
}

/// Samples of each channel to drop from the sound that a packet decodes to (encoder delay and padding).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Trim {
    /// From its start.
    pub start: u32,
    /// From its end.
    pub end: u32,
}

impl Packet {
    /// A key packet shown when it is decoded, of unknown duration.
    pub fn new(stream: usize, pts: i64, data: Bytes) -> Self {
        Self { stream, pts, dts: pts, duration: 0, key: true, discard: false, trim: Trim::default(), data }
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, pts, dts, duration, key, discard, data, .. } = self;
        let (key, discard) = (if *key { ", key" } else { "" }, if *discard { ", discard" } else { "" });
        write!(f, "Packet(#{stream} pts {pts} dts {dts} +{duration}, {} bytes{key}{discard})", data.len())
    }
}
