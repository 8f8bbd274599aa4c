//! Frame to frame: whatever a decoder or a camera gives becomes what an encoder, a screen or your code wants.
//!
//! This crate decodes nothing, encodes nothing, and owns no thread and no clock: frames are handed in, frames are
//! taken out. It is not a filter graph: a chain has one input and one output.
//!
//! | type | does |
//! |---|---|
//! | [`VideoConverter`] | pixel format (all of [`brooklet_media::PixelFormat`] into one another), size (nearest, bilinear, bicubic, area, lanczos), BT.601, 709 and 2020, limited and full range |
//! | [`FrameRate`] | a constant rate, by repeating and dropping, as ffmpeg's `fps` |
//! | [`AudioConverter`] | sample format (u8, s16, s32, flt, dbl; packed and planar), rate, mono to 7.1 by swresample's matrices; gaps followed or filled |
//! | [`AudioChunks`] | frames of exactly so many samples |
//! | [`DriftResampler`], [`Steering`] | sound from another clock: a speed that changes slowly, and what it must be to hold a level |
//! | [`VideoFilters`] | `-vf`: scale, fps, format, crop, hflip, vflip, hue, setsar, setdar, setpts, null |
//! | [`AudioFilters`] | `-af`: aresample, aformat, volume, asetnsamples, anull |
//!
//! Read [`VideoConverter`] and [`AudioConverter`] first.
//!
//! ```
//! use brooklet_convert::{VideoConverter, VideoTarget};
//! use brooklet_media::{FramePool, PixelFormat, VideoFrame};
//!
//! # fn main() -> brooklet_media::Result<()> {
//! let pool = FramePool::new();
//! let mut to_rgb = VideoConverter::new(
//!     VideoTarget { format: Some(PixelFormat::Rgb24), size: Some((32, 18)), ..VideoTarget::default() },
//!     pool.clone(),
//! );
//! let mut white = VideoFrame::new(&pool, PixelFormat::Yuv420p, 64, 36)?;
//! let [y, u, v] = white.planes_mut();
//! y.fill(235);
//! u.fill(128);
//! v.fill(128);
//! let picture = to_rgb.convert(&white)?;
//! assert_eq!((picture.width(), picture.height(), picture.plane(0)[0]), (32, 18, 255));
//! # Ok(())
//! # }
//! ```

mod audio;
mod filters;
mod rate;
mod video;

pub use audio::{AudioChunks, AudioConverter, AudioTarget, DriftResampler, Gaps, LastChunk, Steering};
pub use filters::{AudioFilters, VideoFilters};
pub use rate::FrameRate;
pub use video::{Scaling, VideoConverter, VideoTarget};
