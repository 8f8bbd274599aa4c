//! Ogg (RFC 3533) with Opus (RFC 7845), FLAC (xiph.org, "Ogg mapping for FLAC") and Vorbis ("Vorbis I" Annex A).

mod codec;
mod demux;
mod mux;
mod page;
#[cfg(test)]
mod tests;
mod vorbis;

pub(crate) use codec::flac_params;
pub use demux::OggDemuxer;
pub use mux::OggMuxer;

const NAME: &str = "ogg";
