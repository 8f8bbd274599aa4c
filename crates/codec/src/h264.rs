//! H.264 (ITU-T H.264, ISO/IEC 14496-10): decoded by `rust_h264`, encoded by `rusty_h264`.

mod decode;
mod encode;
mod headers;
mod level;
mod reorder;
mod settings;
mod vui;

pub(crate) use decode::H264Decoder;
pub(crate) use encode::H264Encoder;

const NAME: &str = "h264";
