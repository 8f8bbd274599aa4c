//! AV1 (AV1 Bitstream & Decoding Process Specification): decoded by `rusty_av1d`, a port of dav1d, and encoded by
//! `rav1e`. Neither uses assembler or threads here, so this is for files, and for small pictures in real time.

mod decode;
mod encode;
mod settings;

pub(crate) use decode::Av1Decoder;
pub(crate) use encode::Av1Encoder;

const NAME: &str = "av1";
