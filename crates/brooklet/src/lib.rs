//! Read, convert, and write live audio and video: what a user adds to `Cargo.toml`.

pub mod chunk;
pub mod error;
mod input;
pub mod job;
mod output;
pub mod protocol;
mod queue;
pub mod reader;
mod rtmp;
mod runtime;
mod stage;
mod stop;
mod url;
pub mod writer;

pub use chunk::Chunk;
pub use error::{Error, Result};
pub use input::{Probed, probe};
pub use job::{Job, Progress, Running};
pub use reader::Reader;
pub use stop::Stopper;
pub use url::Url;
pub use writer::{PictureShape, SoundShape, Writer};
