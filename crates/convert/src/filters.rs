//! Chains of filters in ffmpeg's words: what `-vf` and `-af` say.

mod args;
mod aspect;
mod audio;
mod crop;
mod expression;
mod flip;
mod format;
mod hue;
mod scale;
mod time;
mod video;

pub use audio::AudioFilters;
pub use video::VideoFilters;
