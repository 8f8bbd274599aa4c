//! MP3 with `rusty_mp3`: frames of MPEG-1, MPEG-2 and MPEG-2.5 layer III (ISO/IEC 11172-3, 13818-3).

mod encode;

pub(crate) use encode::{LAYOUTS, Mp3Encoder, RATES};

const NAME: &str = "mp3";
