//! Native FLAC (RFC 9639).

mod demux;
mod mux;

pub use demux::FlacDemuxer;
pub use mux::FlacMuxer;

const NAME: &str = "flac";

/// Types of metadata blocks (RFC 9639 §8.1).
const STREAMINFO: u8 = 0;
const VORBIS_COMMENT: u8 = 4;

#[cfg(test)]
mod tests;
