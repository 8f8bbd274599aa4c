//! FLV and AMF0: packets to tags and back.

pub mod amf0;

mod ac3;
mod body;
mod clock;
mod coding;
mod config;
mod demux;
mod depacketize;
mod describe;
mod head;
mod metadata;
mod mux;
mod packetize;
mod tag;

pub use clock::{Clock, wrap};
pub use demux::FlvDemuxer;
pub use depacketize::TagReader;
pub use mux::{FlvMuxer, FlvMuxerOptions};
pub use packetize::TagWriter;
pub use tag::{Tag, TagHeader, TagKind};

/// Bytes of the header of a file.
const FILE_HEADER: usize = 9;
