//! The threads between an input and an output: one reads and hands out packets, one for each stream decodes, one for
//! each stream that an output wants encodes, or hands its frames to a device. The thread that writes is [`crate::output`]'s.

mod behind;
mod chain;
pub(crate) mod cut;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod gap;
mod pace;
#[cfg_attr(not(feature = "pictures"), path = "stage/no_picture.rs")]
mod picture;
pub(crate) mod present;
pub(crate) mod read;
mod sound;

pub(crate) use behind::Behind;
pub(crate) use chain::Chain;
pub(crate) use pace::Pace;
pub(crate) use picture::PictureChain;
pub(crate) use sound::SoundChain;
