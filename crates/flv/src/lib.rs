//! FLV and AMF0: packets to tags and back

pub mod amf0;
mod body;
mod tag;

pub use tag::{Tag, TagKind};
