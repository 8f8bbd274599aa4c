//! Frame to frame.
#![allow(missing_docs)]
mod video;
pub use video::{Scaling, VideoConverter, VideoTarget};
