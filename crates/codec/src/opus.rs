//! Opus with `ropus`: packets of RFC 6716, configured by an OpusHead (RFC 7845 §5.1).

mod decode;
mod encode;

pub(crate) use decode::OpusDecoder;
pub(crate) use encode::{LAYOUTS, OpusEncoder, RATES};

use brooklet_media::Error;
use ropus::Channels;

const NAME: &str = "opus";

/// What the library is told of a channel count; its families of more channels are not used here.
fn channels(count: usize) -> Result<Channels, Error> {
    match count {
        1 => Ok(Channels::Mono),
        2 => Ok(Channels::Stereo),
        more => Err(Error::unsupported(format!("Opus with {more} channels"), "1 or 2")),
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Codec { codec: NAME, what: error.to_string() }
}
