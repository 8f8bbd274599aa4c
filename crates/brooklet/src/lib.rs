//! Read, convert, and write live audio and video: what a user adds to `Cargo.toml`.
pub mod error;
pub mod job;
pub use error::{Error, Result};
