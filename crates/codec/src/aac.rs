//! AAC with `syom`: access units without ADTS, configured by an AudioSpecificConfig (ISO/IEC 14496-3).

mod decode;
mod encode;

pub(crate) use decode::AacDecoder;
pub(crate) use encode::{AacEncoder, LAYOUTS, RATES};

use brooklet_media::Error;

const NAME: &str = "aac";

/// What the library says, in our words where they say more.
fn failed(error: syom::AacError) -> Error {
    match error {
        syom::AacError::Unsupported(feature) => {
            Error::unsupported(format!("AAC: {feature}"), "AAC-LC, Main, LTP, HE-AAC and HE-AAC v2")
        }
        other => Error::Codec { codec: NAME, what: other.to_string() },
    }
}
